"""What an open effect needs next, for every kind of effect, state, way of repeating, take-over, back-off and time."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import msgspec
import pytest

from backhaul.domain.channel import ChannelCase, WayBack
from backhaul.domain.commerce import CommerceDelivery, CommerceOrder, CommerceReturn
from backhaul.domain.desk import DeskLabel, DeskReturn, DeskState
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    DecideUnits,
    Dispose,
    Effect,
    EffectState,
    Repeat,
    Safety,
    StampOrder,
    UpdateDelivery,
    UploadLabel,
)
from backhaul.domain.facts import Adopted, Backoff, Facts, Link, LinkState
from backhaul.domain.ledger import MARGIN, PATIENCE, READ_BACK, REREAD, follow, shown
from backhaul.domain.records import UNWRITTEN
from backhaul.domain.said import Asked, Said, Vote
from backhaul.domain.steps import Draft, Look, Plan, Send, Settle, Source
from backhaul.domain.terms import Booker, Mode, Payer, ShopTerms
from backhaul.domain.words import INSTEAD, LEADS_TO, Action, Decision, Disposition, Kind, Party, ShippedBy, Stage
from tests.domain.build import (
    CASE,
    GID,
    NOW,
    ORDER,
    RETURN,
    book,
    booking,
    case,
    change,
    commerce,
    decide,
    due,
    effect,
    facts,
    paid,
    planned,
    record,
    terms,
    troubles,
    writes,
)

ASKED = case(due=(due(),))
APPROVED = case(Stage.AWAITING_SHIPMENT)
PARTLY = record(disposed={"L1": ((Disposition.RESTOCK, 1),)})


def parcel(number: str = "", labelled: bool = False) -> CommerceReturn:
    """Our return with one parcel."""
    there = (CommerceDelivery("RD1", number, labelled),)
    return msgspec.structs.replace(record(tracking=(number,) if number else ()), deliveries=there)


# What the vendor shows -> how a read of it is taken: ours, not (yet), or somebody else's.
Scene = tuple[ChannelCase, CommerceOrder]
SCENES: dict[str, tuple[AnyEffect, dict[bool | None, Scene]]] = {
    "decide": (
        decide(),
        {
            False: (ASKED, commerce()),
            True: (APPROVED, commerce()),
            None: (case(Stage.REQUEST_REJECTED), commerce()),
        },
    ),
    "decide_units": (
        DecideUnits(CASE, Action.JUDGE_PARCEL, 1, Decision.ACCEPT_PARCEL, ("u1",), "rma"),
        {
            False: (case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),)), commerce()),
            True: (case(Stage.ACCEPTED), commerce()),
            None: (case(Stage.PARCEL_REJECTED), commerce()),
        },
    ),
    "upload_label": (
        UploadLabel(CASE, "a", "f", "1Z", "c"),
        {
            False: (APPROVED, commerce()),
            True: (case(Stage.AWAITING_SHIPMENT, way_back=WayBack(ShippedBy.SELLER, tracking_number="1Z")), commerce()),
            None: (case(Stage.AWAITING_SHIPMENT, way_back=WayBack(ShippedBy.SELLER, tracking_number="9X")), commerce()),
        },
    ),
    "stamp_order": (
        StampOrder(GID, ORDER),
        {
            False: (APPROVED, commerce(stamped="")),
            True: (APPROVED, commerce()),
            None: (APPROVED, commerce(stamped="999")),
        },
    ),
    "create_return": (
        CreateReturn(CASE, GID, (), NOW),
        {
            False: (APPROVED, commerce(returns=(record(trace="another"),))),
            True: (APPROVED, commerce(returns=(record(),))),
        },
    ),
    "attach_tracking": (
        AttachTracking(GID, RETURN, "RO1", "1Z"),
        {
            False: (APPROVED, commerce(returns=(record(tracking=("0Z",)),))),
            True: (APPROVED, commerce(returns=(record(tracking=("0Z", "1Z")),))),
        },
    ),
    "update_delivery": (
        UpdateDelivery(GID, RETURN, "RD1", "1Z", "file", "https://files/1"),
        {
            False: (APPROVED, commerce(returns=(parcel("1Z", labelled=False),))),
            True: (APPROVED, commerce(returns=(parcel("1Z", labelled=True),))),
        },
    ),
    "dispose": (
        Dispose(GID, RETURN, "RR1", 1, Disposition.RESTOCK, ("u1",), 1),
        {
            False: (APPROVED, commerce(returns=(PARTLY,))),
            True: (APPROVED, commerce(returns=(record(disposed={"L1": ((Disposition.RESTOCK, 2),)}),))),
        },
    ),
    "book_refund": (
        book(),
        {
            False: (APPROVED, commerce(refunds=(booking(trace="another"),))),
            True: (APPROVED, commerce(refunds=(booking(),))),
            None: (APPROVED, commerce(refunds=(booking(trace=""),))),
        },
    ),
    "close_return": (
        CloseReturn(GID, RETURN),
        {
            False: (APPROVED, commerce(returns=(record(),))),
            True: (APPROVED, commerce(returns=(record("closed"),))),
            None: (APPROVED, commerce(returns=(record("cancelled"),))),
        },
    ),
    "cancel_return": (
        CancelReturn(GID, RETURN),
        {
            False: (APPROVED, commerce(returns=(record(),))),
            True: (APPROVED, commerce(returns=(record("cancelled"),))),
            None: (APPROVED, commerce(returns=(record("closed"),))),
        },
    ),
}


def desk(state: DeskState = DeskState.OPEN, **more: Any) -> DeskReturn:
    return DeskReturn("D1", state, NOW, NOW, **more)


DESK_SCENES: dict[str, tuple[AnyEffect, dict[bool | None, DeskReturn | None]]] = {
    "open_desk_return": (OpenDeskReturn(CASE, GID, "#1", ()), {False: None, True: desk()}),
    "request_desk_label": (
        RequestDeskLabel("D1"),
        {False: desk(), True: desk(labels=(DeskLabel("1Z"),))},
    ),
    "process_desk_return": (
        ProcessDeskReturn("D1"),
        {False: desk(), True: desk(DeskState.CLOSED, processed=True), None: desk(DeskState.CLOSED)},
    ),
    "close_desk_return": (
        CloseDeskReturn("D1"),
        {False: desk(DeskState.REVIEW), True: desk(DeskState.CLOSED), None: desk(DeskState.CLOSED, processed=True)},
    ),
    "cancel_desk_return": (
        CancelDeskReturn("D1"),
        {False: desk(), True: desk(DeskState.CANCELLED), None: desk(DeskState.CLOSED)},
    ),
    "note_desk_return": (
        NoteDeskReturn("D1", "refused", "The channel refused"),
        {False: desk(notes=("another",)), True: desk(notes=("[hub] The channel refused it",))},
    ),
}


@pytest.mark.parametrize(
    ("kind", "view"), [(kind, view) for kind, (_, views) in DESK_SCENES.items() for view in views], ids=str
)
def test_what_a_read_of_the_desk_shows(kind: str, view: bool | None) -> None:
    wanted, views = DESK_SCENES[kind]
    known = facts(APPROVED, commerce())
    known = msgspec.structs.replace(known, seen=msgspec.structs.replace(known.seen, desk=views[view]))
    assert shown(effect(wanted), known) is view


CASES = [(kind, view) for kind, (_, views) in SCENES.items() for view in views]


def scene(kind: str, view: bool | None, ours: Effect, **changes: Any) -> Facts:
    found, order = SCENES[kind][1][view]
    changes = {"round": {Action.ANSWER_RETURN: 1}, "ledger": [ours], **changes}
    return facts(found, order, **changes)


def followed(ours: Effect, known: Facts, now: int = NOW, urgent: bool = False) -> Draft:
    draft = Draft()
    follow(ours, known, now, urgent, draft)
    return draft


def unread(party: Party, at: int) -> dict[str, int]:
    return {"channel_at" if party is Party.CHANNEL else "commerce_at": at}


@pytest.mark.parametrize(("kind", "view"), CASES, ids=str)
def test_what_a_read_shows(kind: str, view: bool | None) -> None:
    ours = effect(SCENES[kind][0])
    assert shown(ours, scene(kind, view, ours)) is view


def test_every_kind_is_here() -> None:
    started = {"start_return", "start_cancellation"}  # followed before there is a case: see test_starting
    unseen = {"upload_evidence", "stage_label"}  # nothing shows them but their own answer: see test_evidence
    assert {*SCENES, *DESK_SCENES, *started, *unseen} == {each.__struct_config__.tag for each in AnyEffect.__args__}


@pytest.mark.parametrize("kind", SCENES)
def test_nothing_is_shown_before_a_read(kind: str) -> None:
    ours = effect(SCENES[kind][0])
    assert shown(ours, facts(None, None)) is False


@pytest.mark.parametrize("decision", LEADS_TO)
def test_a_decision_shows_in_the_stages_it_leads_to_and_is_superseded_in_others(decision: Decision) -> None:
    ours = effect(decide(decision))
    instead = decision in INSTEAD.values()
    for stage in Stage:
        known = facts(case(stage, paid_instead=instead), round={Action.ANSWER_RETURN: 1})
        expected = True if stage in LEADS_TO[decision] else False if stage is Stage.UNKNOWN else None
        assert shown(ours, known) is expected, stage
        assert shown(ours, facts(case(stage, due=(due(),)), round={Action.ANSWER_RETURN: 1})) is False
        assert shown(ours, facts(case(stage, due=(due(),)), round={Action.ANSWER_RETURN: 2})) is True


def test_money_in_place_of_goods_is_not_what_an_approval_asked_for_nor_the_other_way_round() -> None:
    for goods, money in INSTEAD.items():
        replaced, refunded = facts(case(Stage.COMPLETED)), facts(case(Stage.COMPLETED, paid_instead=True))
        assert (shown(effect(decide(goods)), replaced), shown(effect(decide(goods)), refunded)) == (True, None)
        assert (shown(effect(decide(money)), replaced), shown(effect(decide(money)), refunded)) == (None, True)


# -- the whole table

SETTLE = 15
LONG = 3600
CLASSES = {
    "keyed": Safety(Repeat.KEYED, LONG, Repeat.UNSAFE, SETTLE),
    "keyed, forgotten, then findable": Safety(Repeat.KEYED, 100, Repeat.FINDABLE, SETTLE),
    "keyed, forgotten, then unsafe": Safety(Repeat.KEYED, 100, Repeat.UNSAFE, SETTLE),
    "refused if done": Safety(Repeat.REFUSED_IF_DONE, settle_s=SETTLE),
    "findable": Safety(Repeat.FINDABLE, settle_s=SETTLE),
    "unsafe": Safety(Repeat.UNSAFE, settle_s=SETTLE),
}
# Repeated, left to a person, or (a money effect that was taken over) left to a person only then.
LOST = {
    "keyed": "repeat",
    "keyed, forgotten, then findable": "careful",
    "keyed, forgotten, then unsafe": "person",
    "refused if done": "repeat",
    "findable": "careful",
    "unsafe": "person",
}


def names(draft: Draft | Plan) -> list[str]:
    return [f"settle {step.state}" if isinstance(step, Settle) else type(step).__name__.lower() for step in draft.steps]


@pytest.mark.parametrize(("kind", "view"), CASES, ids=str)
@pytest.mark.parametrize("safety", CLASSES)
@pytest.mark.parametrize("taken_over", [False, True])
def test_a_lost_answer(kind: str, view: bool | None, safety: str, taken_over: bool) -> None:
    wanted = SCENES[kind][0]
    ours = effect(wanted, EffectState.SENT, CLASSES[safety], taken_over=taken_over)
    assert ours.dead_at is not None
    quiet = ours.dead_at + SETTLE

    too_early = followed(ours, scene(kind, view, ours), now=quiet - 1)
    assert (names(too_early), too_early.wake_at) == ([], quiet), "nobody looks up or repeats before it is quiet"

    old = followed(ours, scene(kind, view, ours, **unread(wanted.party, quiet - 1)))
    assert names(old) == ["look"], "a read from before the silence proves nothing"
    assert old.steps[0] == Look(
        Source.CASE if wanted.party is Party.CHANNEL else Source.COMMERCE, "to see what became of: a test wants it", 15
    )

    known = followed(ours, scene(kind, view, ours))
    if view is True:
        assert names(known) == ["settle confirmed"]
    elif view is None:
        assert names(known) == ["settle superseded"]
    elif LOST[safety] == "repeat" or (LOST[safety] == "careful" and not (taken_over and wanted.money)):
        assert names(known) == ["send"]
        assert known.steps[0].effect_id == ours.id, "the same effect, never a second one"  # type: ignore[union-attr]
        assert not known.troubles
    else:
        assert (names(known), troubles(known)) == ([], {"unknown"})
        assert known.troubles[0].retry == ours.target


@pytest.mark.parametrize(("kind", "view"), CASES, ids=str)
@pytest.mark.parametrize("safety", CLASSES)
@pytest.mark.parametrize("age", [0, 3, 70, PATIENCE, 5 * REREAD])
def test_an_accepted_effect_is_read_back_and_never_sent_again(
    kind: str, view: bool | None, safety: str, age: int
) -> None:
    wanted = SCENES[kind][0]
    ours = effect(wanted, EffectState.ACCEPTED, CLASSES[safety], answered_at=NOW - age)
    before = followed(ours, scene(kind, view, ours, **unread(wanted.party, NOW - age - 1)))
    assert names(before) == ["look"]
    known = followed(ours, scene(kind, view, ours))
    if view is True:
        assert names(known) == ["settle confirmed"]
    elif view is None:
        assert names(known) == ["settle superseded"]
    else:
        assert names(known) == []
        assert known.wake_at is not None
        assert NOW < known.wake_at <= NOW + REREAD
        assert troubles(known) == ({"unread"} if age >= PATIENCE else set())


def test_the_read_back_comes_at_growing_distances() -> None:
    ours = effect(decide(), EffectState.ACCEPTED, answered_at=NOW)
    for gap, following in pairwise(READ_BACK):
        waiting = followed(ours, scene("decide", False, ours, channel_at=NOW + gap), now=NOW + gap)
        assert (names(waiting), waiting.wake_at) == ([], NOW + following)
        assert names(followed(ours, scene("decide", False, ours, channel_at=NOW + gap), now=NOW + following)) == [
            "look"
        ]
    late = NOW + READ_BACK[-1]
    assert followed(ours, scene("decide", False, ours, channel_at=late), now=late).wake_at == late + REREAD


@pytest.mark.parametrize("state", [EffectState.SENT, EffectState.ACCEPTED])
@pytest.mark.parametrize("kind", SCENES)
def test_a_hint_since_the_read_asks_for_another(kind: str, state: EffectState) -> None:
    ours = effect(SCENES[kind][0], state)
    heard = {"heard_channel": 1} if ours.wanted.party is Party.CHANNEL else {"heard_commerce": 1}
    assert names(followed(ours, scene(kind, True, ours, **heard))) == ["look"]


def test_one_read_back_for_several_effects_comes_after_them() -> None:
    ours = effect(StampOrder(GID, ORDER), EffectState.ACCEPTED)
    draft = followed(ours, scene("stamp_order", True, ours, commerce_behind=True))
    assert draft.steps == [Look(Source.COMMERCE, "to see what became of: a test wants it", 60)]


# -- intents


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("safety", CLASSES)
@pytest.mark.parametrize("tries", [0, 1, 4])
def test_an_intent_is_sent_whatever_its_class(kind: str, safety: str, tries: int) -> None:
    """An intent says that nothing of it has happened."""
    ours = effect(SCENES[kind][0], EffectState.INTENT, CLASSES[safety], attempts=tries)
    assert names(followed(ours, scene(kind, False, ours))) == ["send"]


def test_a_decision_nobody_asks_for_any_more_is_dropped_before_it_is_sent() -> None:
    ours = effect(decide(), EffectState.INTENT)
    for view in (True, None):
        settled = followed(ours, scene("decide", view, ours)).steps
        assert settled == [Settle(ours.id, EffectState.DROPPED, "no longer asked for", code="unwanted")]
    next_review = scene("decide", False, ours, round={Action.ANSWER_RETURN: 2})
    assert names(followed(ours, next_review)) == ["settle dropped"]
    assert names(followed(ours, scene("decide", True, ours, heard_channel=1))) == ["send"], "an old read drops nothing"


def test_a_booking_that_waited_is_looked_at_before_it_goes_and_dropped_when_somebody_else_made_it() -> None:
    ours = effect(book(), EffectState.INTENT)
    old = followed(ours, scene("book_refund", False, ours, commerce_at=NOW - 61))
    assert old.steps == [Look(Source.COMMERCE, "before what waited is sent: a test wants it", 19)]
    assert names(followed(ours, scene("book_refund", None, ours))) == ["settle dropped"]
    lost = effect(book(), EffectState.SENT, CLASSES["keyed"])
    assert names(followed(lost, scene("book_refund", False, lost, commerce_at=NOW - 61))) == ["look"]


def test_a_refund_that_stands_for_another_payment_of_the_case_is_no_booking_of_this_one() -> None:
    ours = effect(book(500, "late"), EffectState.INTENT)
    known = scene("book_refund", None, ours, said=Said(proofs=(paid(1500, CASE),)))
    assert known.seen.commerce is not None
    held = Adopted(CASE, known.seen.commerce.refunds[0].id)
    assert names(followed(ours, msgspec.structs.replace(known, adopted=(held,)))) == ["send"]
    gone = Adopted("gone", held.source)
    for adopted in ((), (gone,)):
        assert names(followed(ours, msgspec.structs.replace(known, adopted=adopted))) == ["settle dropped"]


# -- paused, backing off, observing, urgent


def test_only_the_channels_own_effect_becomes_urgent() -> None:
    ours = effect(decide(), EffectState.INTENT)
    assert [step.rank for step in followed(ours, scene("decide", False, ours), urgent=True).steps] == [0]
    other = effect(StampOrder(GID, ORDER), EffectState.INTENT)
    assert [step.rank for step in followed(other, scene("stamp_order", False, other), urgent=True).steps] == [20]


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("state", [EffectState.INTENT, EffectState.SENT])
def test_a_shop_that_observes_sends_nothing_not_even_again(kind: str, state: EffectState) -> None:
    ours = effect(SCENES[kind][0], state)
    known = scene(kind, False, ours, shop=terms(mode=Mode.OBSERVE, live_since=None))
    draft = followed(ours, known)
    if state is EffectState.INTENT:
        assert names(draft) == ["settle dropped"]
        assert isinstance(draft.steps[0], Settle)
        assert draft.steps[0].code == "unwanted", "it may be proposed, and sent when the shop is live again"
    else:
        assert (names(draft), troubles(draft)) == ([], {"held"})


def test_a_backing_off_party_is_left_alone_by_the_plan_and_the_case_wakes_when_it_is_over() -> None:
    for kind, (party, state) in product(SCENES, product(Party, (EffectState.INTENT, EffectState.SENT))):
        if party not in (Party.CHANNEL, Party.COMMERCE):
            continue
        ours = effect(SCENES[kind][0], state)
        down = {party: Backoff(NOW - 5, NOW + 7, 1, "down", at=NOW - 1)}
        made = planned(scene(kind, False, ours, backoff=down))
        sends = [step for step in made.steps if isinstance(step, Send)]
        assert bool(sends) is (party is not ours.wanted.party), (kind, party, state)
        if not sends:
            assert made.wake_at == NOW + 7


def test_a_paused_party_is_an_exception_and_no_silence() -> None:
    for kind, (wanted, _) in SCENES.items():
        ours = effect(wanted, EffectState.INTENT)
        made = planned(scene(kind, False, ours, shop=terms(paused={wanted.party: "log in"})))
        assert not any(isinstance(step, Send) for step in made.steps)
        assert f"paused:{wanted.party}" in {each.key for each in made.troubles}


# -- people and keys


def test_a_persons_other_try_counts_once() -> None:
    ours = effect(decide(), EffectState.SENT, CLASSES["unsafe"], words=1)
    assert ours.dead_at is not None
    target = ours.target
    for word, at, expected in ((2, ours.dead_at - 1, []), (2, ours.dead_at, ["send"]), (1, ours.dead_at, [])):
        known = scene("decide", False, ours, said=Said(retries={target: Asked(word, at)}))
        assert names(followed(ours, known)) == expected, (word, at)
    # It was sent again and lost again: the same press of the button does not send it a third time.
    again = change(ours, attempts=2, dead_at=NOW - 40, words=2)
    known = scene("decide", False, again, said=Said(retries={target: Asked(2, NOW - 40)}))
    assert (names(followed(again, known)), troubles(followed(again, known))) == ([], {"unknown"})


def test_a_key_is_not_used_in_the_last_minute_of_its_memory() -> None:
    ours = effect(book(), EffectState.SENT, CLASSES["keyed"], dead_at=NOW - 95)
    for age, expected in ((LONG - MARGIN - 1, ["send"]), (LONG - MARGIN, []), (LONG, [])):
        lost = change(ours, sent_at=NOW - age)
        assert names(followed(lost, scene("book_refund", False, lost))) == expected, age


# -- an intent is judged once more when its party is there again


@pytest.mark.parametrize("kind", SCENES)
def test_what_a_person_does_without_is_dropped_if_it_has_not_happened_and_not_repeated(kind: str) -> None:
    wanted = SCENES[kind][0]
    if wanted.party is not Party.COMMERCE:
        return
    for lane in {wanted.lane, "records"}:
        said = Said(waived=frozenset({lane}))
        for state in (EffectState.INTENT, EffectState.SENT):
            ours = effect(wanted, state, CLASSES["unsafe"])
            draft = followed(ours, scene(kind, False, ours, said=said))
            assert (names(draft), troubles(draft)) == (["settle dropped"], set()), (lane, state)
    other = Said(waived=frozenset({"desk"}))
    ours = effect(wanted, EffectState.INTENT)
    assert names(followed(ours, scene(kind, False, ours, said=other))) == ["send"]


def test_a_case_whose_booking_may_have_been_lost_ends_when_a_person_waives_it() -> None:
    """As the exception advises whoever has looked and found it done."""
    lost = effect(book(), EffectState.SENT, CLASSES["unsafe"])
    done = case(Stage.COMPLETED, refunds=(paid(),), can_keep_item=True)
    told = planned(facts(done, ledger=[lost]))
    assert (troubles(told), told.ended) == ({"unknown"}, False)
    said = Said(waived=frozenset({"money"}))
    waived = planned(facts(done, ledger=[lost], said=said))
    (settled,) = waived.steps
    assert isinstance(settled, Settle)
    after = change(lost, state=settled.state, code=settled.code)
    ended = planned(facts(done, ledger=[after], said=said))
    assert (troubles(ended), ended.steps, ended.ended) == (set(), (), True)


RIGHT = Link(LinkState.MATCHED, "gid://shop/Order/2", "linked by ann", tried_at=NOW)


@pytest.mark.parametrize("kind", [kind for kind in SCENES if SCENES[kind][0].party is Party.COMMERCE])
def test_nothing_goes_to_an_order_that_turned_out_to_be_the_wrong_one(kind: str) -> None:
    there = commerce(id=RIGHT.order_id)
    for said, link in ((Said(), RIGHT), (Said(linked="2", linked_by="ann"), Link(LinkState.MATCHED, GID))):
        ours = effect(SCENES[kind][0], EffectState.INTENT)
        known = facts(APPROVED, there, ledger=[ours], said=said, link=link)
        assert names(followed(ours, known)) == ["settle dropped"]
        for state in (EffectState.SENT, EffectState.ACCEPTED):
            gone = effect(SCENES[kind][0], state)
            assert names(followed(gone, change(known, ledger=(gone,)))) == ["settle superseded"]
    named = Said(linked="1", linked_by="ann")
    ours = effect(SCENES[kind][0], EffectState.INTENT)
    assert names(followed(ours, scene(kind, False, ours, said=named))) == ["send"], "the same, by its number"


@pytest.mark.parametrize("kind", [kind for kind in SCENES if SCENES[kind][0].party is Party.COMMERCE])
def test_nothing_goes_to_an_order_that_is_marked_as_anothers(kind: str) -> None:
    for state, expected in ((EffectState.INTENT, "settle dropped"), (EffectState.SENT, "")):
        ours = effect(SCENES[kind][0], state)
        known = scene(kind, False, ours)
        marked = change(known, seen=change(known.seen, commerce=change(known.seen.commerce, stamped="999")))
        if shown(ours, marked) is False:
            assert names(followed(ours, marked)) == [expected] * bool(expected)
            assert "stamped" in troubles(planned(marked)), "a person is asked"
        linked = change(marked, said=Said(linked="1", linked_by="ann"))
        if shown(ours, linked) is False:
            assert names(followed(ours, linked)) == ["send"]


def test_a_booking_on_the_wrong_order_is_a_persons_and_not_made_again() -> None:
    done = case(Stage.COMPLETED, refunds=(paid(),), can_keep_item=True)
    gone = effect(book(), EffectState.SUPERSEDED)
    made = planned(facts(done, commerce(id=RIGHT.order_id), ledger=[gone], link=RIGHT))
    assert (writes(made), troubles(made), made.ended) == ([], {"undone"}, False)


def test_what_waits_for_an_order_that_commerce_does_not_show_is_not_read_over_and_over() -> None:
    ours = effect(book(), EffectState.INTENT)
    done = case(Stage.COMPLETED, refunds=(paid(),))
    missing = Link(LinkState.MISSING, GID, tried_at=NOW, tries=1)
    made = planned(facts(done, None, ledger=[ours], link=missing, commerce_heard=0))
    assert (made.steps, made.wake_at, troubles(made)) == ((), NOW + 5, {"order"})


@pytest.mark.parametrize("state", [EffectState.INTENT, EffectState.SENT, EffectState.ACCEPTED])
def test_a_cancelled_order_that_is_gone_from_commerce_keeps_no_case_open_in_silence(state: EffectState) -> None:
    """It was there, so it is looked for and told of, until a person does without the booking."""
    missing = Link(LinkState.MISSING, GID, tried_at=NOW, tries=9)
    done = case(Stage.COMPLETED, kind=Kind.CANCELLATION, refunds=(paid(),))
    ours, now = effect(book(), state), NOW + UNWRITTEN
    gone = facts(done, None, ledger=[ours], link=missing, channel_at=now)
    told = planned(gone, now=now)
    assert (names(told), troubles(told)) == (["look"], {"order"})
    waived = change(gone, said=Said(waived=frozenset({"money"})))
    (settled,) = (step for step in planned(waived, now=now).steps if isinstance(step, Settle))
    ended = planned(change(waived, ledger=(change(ours, state=settled.state),)), now=now)
    assert (ended.steps, ended.ended) == ((), True)


def test_an_answer_that_waited_gives_way_to_another_that_was_given_since() -> None:
    ours = effect(decide(), EffectState.INTENT, words=1)
    for word, expected in ((1, ["send"]), (2, ["settle dropped"])):
        vote = Vote(Action.ANSWER_RETURN, 1, Decision.REJECT_RETURN, "ann", NOW, "r1", word=word)
        assert names(followed(ours, scene("decide", False, ours, said=Said(words=2, votes=(vote,))))) == expected
        behind = scene("decide", False, ours, said=Said(words=2, votes=(vote,)), heard_channel=1)
        assert names(followed(ours, behind, urgent=True)) == expected, "whatever can be read"
        earlier = change(vote, round=2)
        assert names(followed(ours, scene("decide", False, ours, said=Said(words=2, votes=(earlier,))))) == ["send"]


@pytest.mark.parametrize(
    "shop",
    [
        terms(booker=Booker.CONNECTOR),
        terms(payer=Payer.COMMERCE),
        terms(second_writer=True),
        terms(safe_gateways=frozenset()),
    ],
    ids=["another books", "commerce pays", "a second writer", "the gateway is not confirmed any more"],
)
def test_a_booking_that_waited_is_dropped_when_it_is_not_the_hubs_any_more(shop: ShopTerms) -> None:
    ours = effect(book(), EffectState.INTENT)
    assert names(followed(ours, scene("book_refund", False, ours, shop=shop))) == ["settle dropped"]


@pytest.mark.parametrize("shop", [terms(booker=Booker.CONNECTOR), terms(payer=Payer.COMMERCE)])
def test_a_lost_booking_is_not_repeated_when_others_book(shop: ShopTerms) -> None:
    ours = effect(book(), EffectState.SENT, CLASSES["keyed"])
    assert names(followed(ours, scene("book_refund", False, ours))) == ["send"]
    assert names(followed(ours, scene("book_refund", False, ours, shop=shop))) == ["settle dropped"]
    assert names(followed(ours, scene("book_refund", True, ours, shop=shop))) == ["settle confirmed"]


def test_a_booking_that_waited_is_dropped_when_its_payment_would_move_money_or_its_units_are_others() -> None:
    ours = effect(book(), EffectState.INTENT)
    known = scene("book_refund", False, ours)
    assert known.seen.commerce is not None
    assert known.channel is not None
    (payment,) = known.seen.commerce.payments
    moves = change(known.seen.commerce, payments=(change(payment, moves_money=True),))
    assert names(followed(ours, change(known, seen=change(known.seen, commerce=moves)))) == ["settle dropped"]
    fewer = change(known.channel, units=known.channel.units[:1])
    assert names(followed(ours, change(known, seen=change(known.seen, channel=fewer)))) == ["settle dropped"]


def test_a_return_that_waited_is_dropped_when_it_would_be_one_too_many() -> None:
    units = tuple(unit.id for unit in APPROVED.units)
    ours = effect(CreateReturn(CASE, GID, (), NOW, units), EffectState.INTENT)
    known = facts(APPROVED, ledger=[ours])
    assert names(followed(ours, known)) == ["send"]
    others = change(known, seen=change(known.seen, commerce=commerce(returns=(record("open", trace=""),))))
    assert names(followed(ours, others)) == ["settle dropped"], "somebody has opened one on the same lines"
    writer = change(known, shop=terms(second_writer=True))
    assert names(followed(ours, writer)) == ["settle dropped"]
    for found in (case(Stage.CANCELLED), change(APPROVED, units=APPROVED.units[:1])):
        assert names(followed(ours, change(known, seen=change(known.seen, channel=found)))) == ["settle dropped"]


def test_a_booking_that_waited_comes_after_a_return_that_may_yet_be_made() -> None:
    ours, made = effect(book(), EffectState.INTENT), effect(CreateReturn(CASE, GID, (), NOW), EffectState.SENT)
    assert names(followed(ours, scene("book_refund", False, ours))) == ["send"]
    assert names(followed(ours, change(scene("book_refund", False, ours), ledger=(ours, made)))) == []
