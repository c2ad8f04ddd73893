"""Cases that begin with us: what the plan does before the channel has given them an id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from backhaul.domain.channel import ChannelCase
from backhaul.domain.effects import (
    BookRefund,
    CreateReturn,
    Effect,
    EffectState,
    Repeat,
    Safety,
    StartCancellation,
    StartReturn,
)
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.folding import name_units
from backhaul.domain.ledger import shown
from backhaul.domain.policy import FromPortal, Policy
from backhaul.domain.said import Asked, Said, Verdict
from backhaul.domain.starting import FRESH
from backhaul.domain.starts import Blind, Confirmed, Quote, Start, Startable
from backhaul.domain.steps import Look, Send, Settle, Source, Write
from backhaul.domain.terms import Mode, ShopTerms
from backhaul.domain.words import Actor, Condition, Disposition, Kind, Party, Stage
from tests.domain.build import (
    NOW,
    ORDER,
    case,
    change,
    channel_order,
    commerce,
    effect,
    facts,
    paid,
    planned,
    record,
    terms,
    troubles,
    usd,
    writes,
    written,
)

START = Start(Kind.REFUND, ORDER, "ann", NOW - 10, reason_key="mine")
MAY = (
    Startable(Kind.REFUND, ("l1",), True, reasons=(("mine", ""), ("other", ""))),
    Startable(Kind.REFUND, ("l2",), True, reasons=(("mine", ""),)),
)
YES = Confirmed(usd(2000), "bob", NOW - 5)
KEYED = Safety(Repeat.KEYED, memory_s=600, settle_s=60)
FINDABLE = Safety(Repeat.FINDABLE, settle_s=60)
WANTED = StartReturn(ORDER, Kind.REFUND, (), "mine")
CANCEL = StartCancellation(ORDER, (), "mine")


def ours(
    start: Start | None = START,
    confirmed: Confirmed | None = None,
    ledger: Iterable[Effect] = (),
    shop: ShopTerms | None = None,
    said: dict[str, Any] | None = None,
    rivals: frozenset[str] = frozenset(),
    **seen: Any,
) -> Facts:
    read = {"startable": MAY, "quote": Quote(usd(2000)), "quoted": start, "start_at": NOW - 5, **seen}
    known = facts(None, None, Said(start=start, confirmed=confirmed, **(said or {})), ledger, shop, **read)
    return msgspec.structs.replace(known, nameless=True, rivals=rivals)


def beside(ident: str = "c1", **changes: Any) -> ChannelCase:
    values = {"id": ident, "started_by": Actor.SELLER, "created_at": NOW - 100, **changes}
    found: ChannelCase = change(case(Stage.ACCEPTED, Kind.REFUND), **values)
    return found


def looks(known: Facts, now: int = NOW) -> list[Source]:
    return [step.source for step in planned(known, now=now).steps if isinstance(step, Look)]


def sends(known: Facts, now: int = NOW) -> list[str]:
    return [step.effect_id for step in planned(known, now=now).steps if isinstance(step, Send)]


def settled(known: Facts, now: int = NOW) -> list[tuple[EffectState, str]]:
    return [(step.state, step.result) for step in planned(known, now=now).steps if isinstance(step, Settle)]


def asked(known: Facts) -> list[str]:
    return [question.text for question in planned(known).questions]


def test_the_channel_is_asked_first_and_anew_when_something_else_is_wanted() -> None:
    assert looks(ours(quoted=None)) == [Source.START]
    assert looks(ours(msgspec.structs.replace(START, lines=("l1",)), quoted=START)) == [Source.START]
    assert looks(ours()) == []


def test_the_sum_is_shown_and_waits_for_a_person() -> None:
    made = planned(ours())
    assert made.status == "to_confirm"
    assert made.money.expected == usd(2000)
    assert made.questions[0].reasons == (("mine", ""),)  # what fits both lines
    assert made.steps == ()


def test_without_a_reason_it_is_asked_for() -> None:
    start = msgspec.structs.replace(START, reason_key="")
    assert planned(ours(start, quote=None)).status == "to_confirm"


@pytest.mark.parametrize("confirmed", [YES, None], ids=["confirmed", "expected"])
def test_what_was_confirmed_is_started_once(confirmed: Confirmed | None) -> None:
    start = START if confirmed else msgspec.structs.replace(START, expect=usd(2000))
    known = ours(start, confirmed)
    assert written(planned(known), StartReturn) == WANTED
    done = effect(WANTED, EffectState.CONFIRMED, KEYED)
    assert not [step for step in planned(ours(start, confirmed, [done])).steps if isinstance(step, Write)]


def test_another_sum_than_the_confirmed_one_asks_again() -> None:
    known = ours(confirmed=Confirmed(usd(1999), "bob", NOW - 5))
    assert planned(known).steps == ()
    assert "not the sum" in asked(known)[0]


def test_the_channels_word_is_read_again_before_the_start_when_it_is_old() -> None:
    assert looks(ours(confirmed=YES, start_at=NOW - FRESH - 1)) == [Source.START]
    assert looks(ours(start_at=NOW - FRESH - 1)) == []  # nobody waits for it before that


def test_a_part_of_a_line_is_a_part_of_the_channels_sum() -> None:
    start = msgspec.structs.replace(START, lines=("l1",), amount=usd(500), expect=usd(500))
    assert written(planned(ours(start)), StartReturn).amount == usd(500)
    much = msgspec.structs.replace(start, amount=usd(2001), expect=usd(2001))
    assert planned(ours(much)).status == "not_started"
    assert "not_startable" in troubles(planned(ours(much)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"startable": (MAY[0], change(MAY[1], eligible=False, text="too late", code="25001003"))}, "too late"),
        ({"startable": ()}, "does not say"),
        ({"quote": Quote(None, "more units than can be refunded")}, "more units"),
    ],
)
def test_what_the_channel_does_not_allow_is_told_with_its_cause(changes: dict[str, Any], text: str) -> None:
    made = planned(ours(confirmed=YES, **changes))
    assert made.status == "not_started"
    assert [text in trouble.text for trouble in made.troubles] == [True]
    assert made.steps == ()


def test_lines_that_are_allowed_do_not_wait_for_those_that_are_not() -> None:
    start = msgspec.structs.replace(START, lines=("l1",), expect=usd(2000))
    known = ours(start, startable=(MAY[0], change(MAY[1], eligible=False)))
    assert written(planned(known), StartReturn).lines == ("l1",)


def test_a_strange_line_or_reason_is_never_sent() -> None:
    for start in (msgspec.structs.replace(START, lines=("zz",)), msgspec.structs.replace(START, reason_key="zz")):
        made = planned(ours(start, YES))
        assert made.status == "not_started"
        assert made.steps == ()


def test_a_cancellation_is_its_own_effect() -> None:
    start = Start(Kind.CANCELLATION, ORDER, "ann", NOW, ("l1",), "mine", expect=usd(2000))
    known = ours(start, startable=(Startable(Kind.CANCELLATION, ("l1",), True, reasons=(("mine", ""),)),))
    assert written(planned(known), StartCancellation) == StartCancellation(ORDER, ("l1",), "mine")


def test_a_channel_that_cannot_be_read_is_no_exception_of_a_case_that_was_given_up() -> None:
    strange = {Party.CHANNEL: Backoff(NOW - 9, NOW + 60, 1, "not the shape", at=NOW - 1, parked=True)}
    assert troubles(planned(ours(start_at=0, backoff=strange))) == {"backoff"}
    given_up = planned(ours(start_at=0, backoff=strange, said={"withdrawn": NOW}))
    assert (given_up.ended, given_up.troubles, given_up.steps) == (True, (), ())


def test_withdrawn_before_it_left_it_never_leaves() -> None:
    gone = {"withdrawn": NOW}
    intent = effect(WANTED, EffectState.INTENT, KEYED)
    assert settled(ours(confirmed=YES, ledger=[intent], said=gone)) == [(EffectState.DROPPED, "")]
    dropped = effect(WANTED, EffectState.DROPPED, KEYED, code="unwanted")
    made = planned(ours(confirmed=YES, ledger=[dropped], said=gone))
    assert (made.ended, made.status) == (True, "withdrawn")


@pytest.mark.parametrize("change_", [{"amount": usd(500)}, {"at": NOW}], ids=["another sum", "said once more"])
def test_what_was_asked_for_anew_does_not_leave_as_it_was(change_: dict[str, Any]) -> None:
    """The channel could not be reached when it was confirmed, and the person changed it meanwhile."""
    waiting = effect(WANTED, EffectState.INTENT, KEYED)
    known = ours(msgspec.structs.replace(START, **change_), None, [waiting], quoted=START)
    assert settled(known) == [(EffectState.DROPPED, "")]
    assert sends(known) == []
    assert sends(ours(START, YES, [waiting])) == [waiting.id]


def test_nothing_leaves_while_the_shop_observes() -> None:
    watching = terms(mode=Mode.OBSERVE)
    intent = effect(WANTED, EffectState.INTENT, KEYED)
    assert settled(ours(confirmed=YES, ledger=[intent], shop=watching)) == [(EffectState.DROPPED, "")]
    lost = effect(WANTED, EffectState.SENT, KEYED)
    assert sends(ours(confirmed=YES, ledger=[lost], shop=watching)) == []


def test_a_lost_start_is_repeated_under_its_key_once_it_cannot_arrive_any_more() -> None:
    lost = effect(WANTED, EffectState.SENT, KEYED, dead_at=NOW + 5)
    assert sends(ours(confirmed=YES, ledger=[lost])) == []
    assert planned(ours(confirmed=YES, ledger=[lost])).wake_at == NOW + 5
    assert sends(ours(confirmed=YES, ledger=[lost]), NOW + 5) == [lost.id]


@pytest.mark.parametrize(
    ("wanted", "safety", "sent_at"),
    [(WANTED, KEYED, NOW - 3600), (CANCEL, FINDABLE, NOW - 110)],
    ids=["the key is forgotten", "there is no key"],
)
def test_without_a_key_the_order_is_read_first(wanted: Any, safety: Safety, sent_at: int) -> None:
    lost = effect(wanted, EffectState.SENT, safety, sent_at=sent_at, dead_at=sent_at + 15)
    known = ours(confirmed=YES, ledger=[lost])
    assert looks(known) == [Source.BESIDE]
    found = beside(kind=wanted.kind)
    assert settled(ours(confirmed=YES, ledger=[lost], beside=(found,), beside_at=NOW)) == [
        (EffectState.CONFIRMED, "c1")
    ]


def test_what_a_read_does_not_show_is_repeated_only_where_reading_is_sure() -> None:
    cancel = effect(CANCEL, EffectState.SENT, FINDABLE)
    assert sends(ours(confirmed=YES, ledger=[cancel], beside_at=NOW)) == [cancel.id]
    for unsure in (
        effect(WANTED, EffectState.SENT, KEYED, sent_at=NOW - 3600),
        effect(CANCEL, EffectState.SENT, FINDABLE, taken_over=True),
    ):
        known = ours(confirmed=YES, ledger=[unsure], beside_at=NOW)
        assert sends(known) == []
        assert "unknown" in troubles(planned(known))
        asked_for = ours(
            confirmed=YES, ledger=[unsure], beside_at=NOW, said={"retries": {unsure.target: Asked(1, NOW)}}
        )
        assert sends(asked_for) == [unsure.id]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"started_by": Actor.BUYER}, "the buyer's"),
        ({"kind": Kind.RETURN}, "another kind"),
        ({"created_at": NOW - 3600}, "older than the first try"),
        ({"id": "taken"}, "another case of ours"),
    ],
)
def test_a_case_that_is_not_ours_is_not_taken_for_it(other: dict[str, Any], why: str) -> None:
    lost = effect(CANCEL, EffectState.SENT, FINDABLE)
    found = beside(**{"kind": Kind.CANCELLATION, **other})
    known = ours(confirmed=YES, ledger=[lost], beside=(found,), beside_at=NOW, rivals=frozenset({"taken"}))
    assert settled(known) == [], why


def test_two_cases_that_may_be_it_are_a_persons_question() -> None:
    lost = effect(CANCEL, EffectState.SENT, FINDABLE)
    both = (beside("c1", kind=Kind.CANCELLATION), beside("c2", kind=Kind.CANCELLATION))
    known = ours(confirmed=YES, ledger=[lost], beside=both, beside_at=NOW)
    assert (settled(known), sends(known)) == ([], [])
    assert "unknown" in troubles(planned(known))


def test_a_repeat_that_was_refused_is_refused_only_when_a_read_shows_nothing() -> None:
    refused = effect(WANTED, EffectState.ACCEPTED, KEYED, code="25001011", text="another is open")
    assert looks(ours(confirmed=YES, ledger=[refused]), NOW) == [Source.BESIDE]
    assert settled(ours(confirmed=YES, ledger=[refused], beside_at=NOW)) == [(EffectState.REFUSED, "")]
    assert settled(ours(confirmed=YES, ledger=[refused], beside=(beside(),), beside_at=NOW)) == [
        (EffectState.CONFIRMED, "c1")
    ]


def test_a_refusal_stands_until_something_else_is_asked_for() -> None:
    refused = effect(WANTED, EffectState.REFUSED, KEYED, code="25005005", text="too much")
    known = ours(confirmed=YES, ledger=[refused])
    assert planned(known).steps == ()
    assert "refused" in troubles(planned(known))
    less = msgspec.structs.replace(START, amount=usd(100), expect=usd(100))
    assert written(planned(ours(less, ledger=[refused])), StartReturn).amount == usd(100)


def test_once_it_has_its_name_the_case_itself_confirms_it() -> None:
    started = effect(WANTED, EffectState.ACCEPTED, KEYED, result="c1")
    assert shown(started, facts(change(case(), id="c1"))) is True
    assert shown(started, facts(change(case(), id="c2"))) is False
    assert shown(started, facts(None, None)) is False


# -- goods without a return


def test_goods_without_a_return_ask_for_their_order_then_for_a_verdict() -> None:
    blind = Blind("1Z", "wendy", NOW)
    assert "Which order" in asked(ours(None, said={"blind": blind}, order=None))[0]
    known = msgspec.structs.replace(blind, order_id=ORDER)
    assert looks(ours(None, said={"blind": known}, order=None)) == [Source.START]
    made = planned(ours(None, said={"blind": known}, order=channel_order()))
    assert (made.status, made.lanes["decision"].state) == ("blind", "to_inspect")
    assert looks(ours(None, said={"blind": known}, order=change(channel_order(), id="another"))) == [Source.START]


def test_what_was_said_of_an_orders_lines_is_said_of_the_units_they_became() -> None:
    verdict = {"l1": _verdict(), "u2": _verdict()}
    said = Said(start=START, verdicts=verdict, received={"l1": 5})
    named = name_units(said, case())
    assert set(named.verdicts) == {"u1", "u2"}
    assert named.received == {"u1": 5}
    assert name_units(named, case()) == named
    plain = Said(verdicts=verdict)
    assert name_units(plain, case()) is plain  # a buyer's case knew its units from the beginning


def test_goods_that_nobody_asked_for_are_on_a_return_before_their_refund_is_booked() -> None:
    found = case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),))
    said = Said(blind=Blind("1Z", "wendy", NOW), received={"u1": NOW, "u2": NOW})
    # Even where the reasons of commerce are not known yet, so that the return itself has to wait.
    unread = planned(facts(found, said=said, reason_ids={}))
    assert [step.source for step in unread.steps if isinstance(step, Look)] == [Source.COMMERCE]
    assert not [step for step in unread.steps if isinstance(step, Write)]
    first = planned(facts(found, said=said))
    assert [type(step.wanted) for step in first.steps if isinstance(step, Write)] == [CreateReturn]
    then = planned(facts(found, commerce(returns=(record(),)), said=said))
    assert BookRefund in [type(step.wanted) for step in then.steps if isinstance(step, Write)]
    gone = commerce(shipped=())  # nothing can be returned any more: the money is booked all the same
    assert BookRefund in [
        type(step.wanted) for step in planned(facts(found, gone, said=said)).steps if isinstance(step, Write)
    ]


def _verdict() -> Verdict:
    return Verdict(Condition.SELLABLE, Disposition.RESTOCK, "wendy", NOW)


def test_a_case_that_may_be_the_one_being_started_waits_for_that_to_be_known() -> None:
    waiting = msgspec.structs.replace(facts(beside(stage=Stage.ACCEPTED)), beginning=True)
    made = planned(waiting)
    assert made.steps == ()
    assert made.wake_at == NOW + 3
    buyers = msgspec.structs.replace(facts(beside(started_by=Actor.BUYER, stage=Stage.COMPLETED)), beginning=True)
    assert planned(buyers).lanes["decision"].state == "accepted"


# -- asked for by a buyer, in the portal

BUYERS = Start(Kind.RETURN, ORDER, "buyer", NOW - 10, ("l1",), reason_key="mine", buyer=True)
RETURNS: dict[str, Any] = {"startable": (Startable(Kind.RETURN, ("l1",), True, reasons=(("mine", ""),)),)}
STARTS = Policy(portal=FromPortal.START)


def test_what_a_buyer_asked_for_waits_for_a_person_who_is_told_so() -> None:
    known = ours(BUYERS, **RETURNS)
    made = planned(known)
    assert (made.status, made.steps) == ("to_confirm", ())
    assert made.questions[0].text.startswith("A buyer asked for this in the portal. The channel would refund")
    assert writes(planned(ours(BUYERS, YES, **RETURNS)))


def test_the_policy_starts_a_buyers_return_once_the_channel_says_a_sum() -> None:
    assert looks(ours(BUYERS, quoted=None)) == [Source.START]
    step = next(step for step in planned(ours(BUYERS, **RETURNS), STARTS).steps if isinstance(step, Write))
    assert step.wanted == StartReturn(ORDER, Kind.RETURN, ("l1",), "mine")
    assert step.by == "policy"
    old = ours(BUYERS, start_at=NOW - FRESH - 1, **RETURNS)
    assert [type(step) for step in planned(old, STARTS).steps] == [Look]  # a sum of long ago is asked for again


@pytest.mark.parametrize(
    "start",
    [
        change(BUYERS, kind=Kind.REFUND),
        change(BUYERS, changed=True),
        change(BUYERS, buyer=False),
    ],
    ids=["a refund pays at once", "a person changed it", "a person's own"],
)
def test_the_policy_starts_nothing_else(start: Start) -> None:
    may = (Startable(start.kind, ("l1",), True, reasons=(("mine", ""),)),)
    made = planned(ours(start, startable=may), STARTS)
    assert (made.status, made.steps) == ("to_confirm", ())


def test_what_the_channel_does_not_allow_is_not_started_by_policy_either() -> None:
    no = (Startable(Kind.RETURN, ("l1",), False, "25001011", "too late"),)
    made = planned(ours(BUYERS, startable=no, quote=None), STARTS)
    assert (made.status, made.steps) == ("not_started", ())
    assert "A buyer asked for this in the portal. The channel does not allow it: too late" in made.questions[0].text


def test_a_declined_request_ends_with_the_words_for_the_buyer() -> None:
    made = planned(ours(BUYERS, said={"withdrawn": NOW, "declined": "Final sale."}, **RETURNS), STARTS)
    assert (made.status, made.ended, made.steps, made.questions) == ("withdrawn", True, (), ())
    assert made.lanes["decision"].text == "Final sale."


def test_in_a_shop_that_observes_a_buyers_request_is_proposed_and_waits_for_a_person() -> None:
    watching = terms(mode=Mode.OBSERVE)
    proposed = effect(StartReturn(ORDER, Kind.RETURN, ("l1",), "mine"), EffectState.PROPOSED, KEYED)
    made = planned(ours(BUYERS, ledger=[proposed], shop=watching, **RETURNS), STARTS)
    assert (made.status, made.steps, made.money.expected) == ("to_confirm", (), usd(2000))
    assert "In a live shop it would be started now." in made.questions[0].text
    seen = planned(ours(BUYERS, YES, [proposed], watching, **RETURNS), STARTS)
    assert (seen.status, seen.steps, len(seen.questions)) == ("proposed", (), 1)
    gone = ours(BUYERS, ledger=[proposed], shop=watching, said={"withdrawn": NOW, "declined": "No."}, **RETURNS)
    assert planned(gone, STARTS).ended


def test_what_was_only_proposed_gives_way_to_what_is_asked_for_since() -> None:
    proposed = effect(WANTED, EffectState.PROPOSED, KEYED)
    other = msgspec.structs.replace(START, lines=("l1",))
    known = ours(other, ledger=[proposed], shop=terms(mode=Mode.OBSERVE), quoted=START)
    assert settled(known) == [(EffectState.DROPPED, "")]
    dropped = msgspec.structs.replace(proposed, state=EffectState.DROPPED, code="unwanted")
    assert looks(ours(other, ledger=[dropped], shop=terms(mode=Mode.OBSERVE), quoted=START)) == [Source.START]
