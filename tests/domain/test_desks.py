"""The desk lane: a mirror that is opened once, followed, and lets its desk pay only after the channel's acceptance."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.channel import ChannelCase
from backhaul.domain.desk import DeskReason, DeskState
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    DeskEffect,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import BookRefund, CreateReturn, Effect, EffectState, Repeat, Safety
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Asked, Said
from backhaul.domain.starts import Blind
from backhaul.domain.steps import Look, Plan, Send, Settle, Source
from backhaul.domain.terms import Booker, DeskOpens
from backhaul.domain.words import Action, Decision, Kind, Party, Stage
from tests.domain.build import (
    CASE,
    GID,
    HOUR,
    NOW,
    OPENED,
    booking,
    case,
    change,
    channel_order,
    commerce,
    decide,
    desk_return,
    desk_terms,
    due,
    effect,
    paid,
    planned,
    record,
    shipped,
    terms,
    troubles,
    usd,
    with_desk,
    writes,
    written,
)
from tests.domain.invariants import check

COMING = case(Stage.AWAITING_SHIPMENT)
ACCEPTED = case(Stage.ACCEPTED, way_back=shipped())
PAID = case(Stage.COMPLETED, way_back=shipped(), refunds=(paid(),))
FINDABLE = Safety(Repeat.FINDABLE, settle_s=30)
KEPT = case(Stage.ACCEPTED, can_keep_item=True)
OPEN = OpenDeskReturn(CASE, GID, "#1001", ())


def made(facts: Facts, now: int = NOW) -> Plan:
    return check(facts, Policy(), now)


def kinds(plan: Plan) -> set[type[Any]]:
    return {type(wanted) for wanted in writes(plan)}


def lane(plan: Plan) -> str:
    return plan.lanes["desk"].state


def looks(plan: Plan) -> set[Source]:
    return {step.source for step in plan.steps if isinstance(step, Look)}


# -- opening


def test_a_shop_without_a_desk_has_no_such_lane() -> None:
    assert "desk" not in planned(with_desk(COMING, shop=terms())).lanes


def test_it_is_opened_after_the_channels_approval_and_commerce_is_left_to_the_desk() -> None:
    plan = made(with_desk(COMING))
    wanted = written(plan, OpenDeskReturn)
    assert wanted.order_name == "#1001"
    assert [(line.line_id, line.sku, line.quantity) for line in wanted.lines] == [
        ("L1", "SHIRT-1", 1),
        ("L2", "SHIRT-2", 1),
    ]
    assert CreateReturn not in kinds(plan)
    assert plan.lanes["records"].state == "awaiting_desk"


def test_a_desk_that_writes_no_records_leaves_them_to_the_hub() -> None:
    plan = made(with_desk(COMING, desk=desk_terms(writes_records=False)))
    assert kinds(plan) == {OpenDeskReturn, CreateReturn}


def test_the_merchants_map_and_the_desks_spelling_name_the_reason() -> None:
    own = {"no_need": DeskReason("changed mind", "no longer needed")}
    known = (DeskReason("Changed mind", "No longer needed"), DeskReason("Other"))
    plan = planned(with_desk(COMING, desk_reasons=known), Policy(desk_reasons=own))
    line = written(plan, OpenDeskReturn).lines[0]
    assert (line.parent_reason, line.reason) == ("Changed mind", "No longer needed")


@pytest.mark.parametrize(("opens", "opened"), [(DeskOpens.REQUESTED, True), (DeskOpens.APPROVED, False)])
def test_on_request_only_where_the_shop_says_so(opens: DeskOpens, opened: bool) -> None:
    found = with_desk(case(due=(due(),)), desk=desk_terms(opens=opens))
    assert (OpenDeskReturn in kinds(made(found))) is opened


@pytest.mark.parametrize("stage", [Stage.REQUEST_REJECTED, Stage.CANCELLED, Stage.OFFERED])
def test_what_was_never_approved_is_not_opened(stage: Stage) -> None:
    assert OpenDeskReturn not in kinds(made(with_desk(case(stage), desk=desk_terms(opens=DeskOpens.REQUESTED))))


@pytest.mark.parametrize(
    "found",
    [
        with_desk(case(Stage.ACCEPTED, Kind.REFUND)),
        with_desk(KEPT),
        with_desk(case(Stage.ACCEPTED), ledger=[effect(decide(Decision.KEEP_ITEM), EffectState.CONFIRMED)]),
        with_desk(COMING, order=channel_order(by_channel=True)),
        with_desk(COMING, said=Said(waived=frozenset({"desk"}))),
        with_desk(COMING, shop=terms(desk=desk_terms(), commerce_connected=False)),
    ],
    ids=["refund only", "kept by the channel's word", "kept by ours", "by channel", "waived", "no commerce"],
)
def test_no_return_stands_in_the_desk_for_goods_that_do_not_come_back_to_the_merchant(found: Facts) -> None:
    plan = made(found)
    assert OpenDeskReturn not in kinds(plan)
    assert plan.lanes["desk"].terminal


def test_a_hidden_postal_code_is_told_with_what_to_do() -> None:
    plan = made(with_desk(COMING, postal_code=b""))
    assert "desk_secondary" in troubles(plan)
    assert OpenDeskReturn not in kinds(plan)


def test_a_hidden_postal_code_is_read_again_when_a_person_tries_again() -> None:
    known = with_desk(COMING, postal_code=b"", order_at=NOW - 60, looked={"order": 1})
    again = change(known, said=change(known.said, retries={"look:desk": Asked(2, NOW - 60)}))
    assert Source.ORDER in {step.source for step in made(again).steps if isinstance(step, Look)}
    read = change(again, seen=change(again.seen, looked={"order": 2}))
    assert Source.ORDER not in {step.source for step in made(read).steps if isinstance(step, Look)}


def test_a_postal_code_that_nobody_has_asked_for_is_read_before_the_desk() -> None:
    plan = made(with_desk(COMING, postal_code=None, desk_at=0))
    assert [step.source for step in plan.steps if isinstance(step, Look)] == [Source.ORDER, Source.DESK]
    assert lane(plan) == "looking"
    for found in (with_desk(COMING, desk_return(), postal_code=None), with_desk(KEPT, postal_code=None)):
        assert not looks(made(found))


def test_a_silent_channel_holds_no_return_that_stands_in_the_desk_and_opens_none() -> None:
    silent = {Party.CHANNEL: Backoff(NOW - 60, NOW + 600, 3, "down")}
    plan = made(with_desk(COMING, postal_code=None, desk_at=0, backoff=silent))
    assert looks(plan) == {Source.DESK}
    plan = made(with_desk(COMING, postal_code=None, backoff=silent))
    assert (looks(plan), lane(plan), OpenDeskReturn in kinds(plan)) == (set(), "looking", False)
    assert lane(made(with_desk(COMING, desk_return(), postal_code=None, backoff=silent))) == "open"


def test_the_desks_reasons_are_read_once_the_postal_code_is_known() -> None:
    plan = made(with_desk(COMING, order_at=NOW, desk_at=NOW - 60))
    assert (looks(plan), OpenDeskReturn in kinds(plan)) == ({Source.DESK}, False)
    assert OpenDeskReturn in kinds(made(with_desk(COMING, order_at=NOW, desk_at=NOW)))


def test_an_old_read_of_the_desk_is_read_again_first() -> None:
    plan = made(with_desk(COMING, heard_desk=1))
    assert Source.DESK in looks(plan)
    assert OpenDeskReturn not in kinds(plan)


def test_a_refusal_is_in_the_operators_words_and_can_be_tried_again_or_waived() -> None:
    text = "A workflow asks for a photo: Settings, Workflows"
    refused = effect(OPEN, EffectState.REFUSED, text=text, code="photo", answered_at=NOW, words=1)
    plan = made(with_desk(COMING, ledger=[refused]))
    assert plan.lanes["desk"].state == "blocked"
    (trouble,) = [each for each in plan.troubles if each.lane == "desk"]
    assert "A workflow asks for a photo" in trouble.text
    assert trouble.retry == OPEN.target
    assert OpenDeskReturn not in kinds(plan)
    again = made(with_desk(COMING, ledger=[refused], said=Said(retries={OPEN.target: Asked(2, NOW)})))
    assert OpenDeskReturn in kinds(again)
    waived = made(with_desk(COMING, ledger=[refused], said=Said(waived=frozenset({"desk"}))))
    assert kinds(waived) == {CreateReturn}, "without the desk the hub writes the return itself"


def test_a_lost_answer_is_looked_for_before_it_is_sent_again() -> None:
    lost = effect(OPEN, EffectState.SENT, FINDABLE)
    old = with_desk(COMING, ledger=[lost], desk_at=NOW - 200)
    assert Source.DESK in looks(made(old))
    assert not [step for step in made(old).steps if isinstance(step, Send)]
    there = made(with_desk(COMING, desk_return(), ledger=[lost]))
    assert [step.state for step in there.steps if isinstance(step, Settle)] == [EffectState.CONFIRMED]
    away = made(with_desk(COMING, ledger=[lost]))
    assert [step.effect_id for step in away.steps if isinstance(step, Send)] == [lost.id]


def test_an_intent_is_dropped_when_somebody_opened_it_meanwhile() -> None:
    waiting = effect(OPEN, EffectState.INTENT)
    plan = made(with_desk(COMING, desk_return(), ledger=[waiting]))
    assert [step.state for step in plan.steps if isinstance(step, Settle)] == [EffectState.DROPPED]


# -- who pays and who books


@pytest.mark.parametrize("found", [COMING, case(Stage.SHIPPED, way_back=shipped(), due=(due(Action.JUDGE_PARCEL),))])
def test_nothing_is_processed_before_the_acceptance_is_read(found: ChannelCase) -> None:
    assert not kinds(made(with_desk(found, desk_return(), Booker.DESK))) & {ProcessDeskReturn, CloseDeskReturn}


def test_the_desk_pays_once_the_channel_has_accepted() -> None:
    plan = made(with_desk(ACCEPTED, desk_return(), Booker.DESK))
    assert written(plan, ProcessDeskReturn).return_id == "D1"
    note = written(plan, NoteDeskReturn)
    assert CASE in note.text


def test_a_process_that_was_only_intended_needs_the_acceptance_too() -> None:
    waiting = effect(ProcessDeskReturn("D1"), EffectState.INTENT)
    plan = made(with_desk(COMING, desk_return(), Booker.DESK, ledger=[waiting]))
    assert [step.state for step in plan.steps if isinstance(step, Settle)] == [EffectState.DROPPED]
    assert not [step for step in plan.steps if isinstance(step, Send)]


def test_it_is_read_again_before_it_pays() -> None:
    plan = made(with_desk(ACCEPTED, desk_return(), Booker.DESK, desk_at=NOW - HOUR))
    assert Source.DESK in looks(plan)
    assert ProcessDeskReturn not in kinds(plan)


def test_no_desk_pays_on_a_gateway_that_moves_money() -> None:
    books = commerce(payments=(change(commerce().payments[0], moves_money=True),))
    plan = made(with_desk(ACCEPTED, desk_return(), Booker.DESK, books=books))
    assert ProcessDeskReturn not in kinds(plan)
    assert "moves_money" in troubles(plan)


def test_the_desk_does_not_refund_what_somebody_else_has_refunded() -> None:
    books = commerce(returns=(record("open", trace=""),), refunds=(booking(trace=""),))
    for found in (ACCEPTED, PAID):
        plan = made(with_desk(found, desk_return(), Booker.DESK, books=books))
        assert ProcessDeskReturn not in kinds(plan)
    judged = Said(waived=frozenset({"stock"}))
    plan = made(with_desk(PAID, desk_return(), Booker.DESK, books=books, said=judged))
    assert written(plan, CloseDeskReturn).return_id == "D1"


def test_the_desk_does_not_refund_what_a_person_has_booked_by_hand() -> None:
    waived = Said(waived=frozenset({"money", "stock"}))
    plan = made(with_desk(PAID, desk_return(), Booker.DESK, said=waived))
    assert kinds(plan) & {ProcessDeskReturn, CloseDeskReturn} == {CloseDeskReturn}
    over = made(with_desk(PAID, desk_return(DeskState.CANCELLED), Booker.DESK, said=waived))
    assert over.lanes["desk"].terminal
    assert "desk_unpaid" not in troubles(over)


def test_the_desk_refunds_on_a_fresh_read_of_the_order() -> None:
    plan = made(with_desk(ACCEPTED, desk_return(), Booker.DESK, commerce_at=NOW - HOUR))
    assert Source.COMMERCE in looks(plan)
    assert ProcessDeskReturn not in kinds(plan)


def test_beside_a_second_writer_the_desk_does_not_refund_either() -> None:
    shop = terms(desk=desk_terms(), booker=Booker.DESK, second_writer=True)
    plan = made(with_desk(ACCEPTED, desk_return(), shop=shop))
    assert ProcessDeskReturn not in kinds(plan)
    assert lane(plan) == "second_writer"


@pytest.mark.parametrize("state", [*EffectState])
def test_the_desk_does_not_refund_while_a_return_in_commerce_may_yet_be_created(state: EffectState) -> None:
    waits = state in (EffectState.INTENT, EffectState.SENT)
    ours = effect(CreateReturn(CASE, GID, (), NOW), state, dead_at=NOW + 5)
    shop = terms(desk=desk_terms(writes_records=False), booker=Booker.DESK)
    plan = made(with_desk(ACCEPTED, desk_return(), shop=shop, ledger=[ours]))
    assert (ProcessDeskReturn not in kinds(plan)) is waits


def test_a_held_back_return_is_told_of_and_not_processed() -> None:
    plan = made(with_desk(ACCEPTED, desk_return(DeskState.REVIEW), Booker.DESK))
    assert ProcessDeskReturn not in kinds(plan)
    assert "desk_review" in troubles(plan)


def test_what_the_desk_queued_and_could_not_do_is_told_in_its_words() -> None:
    queued = effect(ProcessDeskReturn("D1"), EffectState.ACCEPTED, answered_at=NOW - 60)
    failed = Said(desk_failure=("D1", "Not enough balance", NOW - 50))
    plan = made(with_desk(ACCEPTED, desk_return(), Booker.DESK, ledger=[queued], said=failed))
    (settle,) = [step for step in plan.steps if isinstance(step, Settle)]
    assert (settle.state, settle.text) == (EffectState.REFUSED, "Not enough balance")
    refused = effect(ProcessDeskReturn("D1"), EffectState.REFUSED, text="Not enough balance")
    told = made(with_desk(ACCEPTED, desk_return(), Booker.DESK, ledger=[refused], said=failed))
    assert any("Not enough balance" in trouble.text and trouble.retry for trouble in told.troubles)


def test_a_failure_of_before_says_nothing_of_the_next_try() -> None:
    queued = effect(ProcessDeskReturn("D1"), EffectState.ACCEPTED, sent_at=NOW - 60, answered_at=NOW - 60)
    plan = made(
        with_desk(ACCEPTED, desk_return(), Booker.DESK, ledger=[queued], said=Said(desk_failure=("D1", "no", NOW - 70)))
    )
    assert not [step for step in plan.steps if isinstance(step, Settle)]


def test_the_hub_does_not_book_what_the_desk_books() -> None:
    plan = made(with_desk(PAID, desk_return(DeskState.CLOSED, processed=True), Booker.DESK))
    assert BookRefund not in kinds(plan)
    assert not plan.ended


def test_the_desks_refund_is_adopted_and_compared_to_the_cent() -> None:
    done = desk_return(DeskState.CLOSED, processed=True)
    books = commerce(returns=(record("closed", trace=""),), refunds=(booking(trace=""),))
    plan = made(with_desk(PAID, done, Booker.DESK, books=books))
    assert plan.lanes["money"].state == "settled"
    assert [entry.kind for entry in plan.entries] == ["paid", "adopted"]
    other = made(with_desk(PAID, done, Booker.DESK, books=commerce(refunds=(booking(trace="", amount=1999),))))
    assert "differs" in troubles(other)
    assert not other.lanes["money"].terminal


def test_shipping_that_the_desk_does_not_refund_is_explained_and_anything_else_is_not() -> None:
    done = desk_return(DeskState.CLOSED, processed=True)
    found = case(Stage.COMPLETED, way_back=shipped(), refunds=(paid(2499),), refund_parts={"shipping": usd(499)})
    books = commerce(refunds=(booking(trace="", amount=2000),))
    plan = made(with_desk(found, done, Booker.DESK, books=books))
    assert plan.lanes["money"].state == "settled"
    assert [amount for _, amount in plan.money.residuals] == [usd(499)]
    short = made(with_desk(found, done, Booker.DESK, books=commerce(refunds=(booking(trace="", amount=1999),))))
    assert "differs" in troubles(short)


def test_a_desk_that_processed_and_booked_nothing_is_told_of() -> None:
    done = desk_return(DeskState.CLOSED, processed=True, processed_at=NOW - HOUR)
    assert "desk_refund" in troubles(made(with_desk(PAID, done, Booker.DESK)))
    fresh = change(done, processed_at=NOW - 60)
    plan = made(with_desk(PAID, fresh, Booker.DESK))
    assert "desk_refund" not in troubles(plan)
    assert plan.wake_at is not None
    assert plan.wake_at <= NOW + 60


def test_where_the_desk_refunded_by_itself_the_hub_books_no_second_refund() -> None:
    done = desk_return(DeskState.CLOSED, processed=True, processed_at=NOW - HOUR)
    plan = made(with_desk(PAID, done, Booker.HUB))
    assert BookRefund not in kinds(plan)
    assert "desk_refund" in troubles(plan)
    adopted = made(with_desk(PAID, done, Booker.HUB, books=commerce(refunds=(booking(trace=""),))))
    assert adopted.lanes["money"].state == "settled"


@pytest.mark.parametrize(
    ("changes", "dropped"),
    [
        ({}, False),
        ({"said": Said(waived=frozenset({"money"}))}, True),
        ({"shop": terms(desk=desk_terms(), booker=Booker.HUB)}, True),
        ({"shop": terms(desk=desk_terms(), booker=Booker.DESK, second_writer=True)}, True),
        ({"shop": terms(desk=desk_terms(), booker=Booker.DESK, safe_gateways=frozenset())}, True),
        ({"books": commerce(refunds=(booking(trace=""),))}, True),
        ({"shop": change(terms(desk=desk_terms(), booker=Booker.DESK), commerce_connected=False)}, True),
    ],
    ids=[
        "as it was",
        "booked by hand",
        "the hub books",
        "a second writer",
        "would pay twice",
        "refunded by another",
        "no commerce",
    ],
)
def test_a_refund_of_the_desk_that_waited_is_judged_once_more(changes: dict[str, Any], dropped: bool) -> None:
    """The desk was silent when it was to process."""
    waiting = effect(ProcessDeskReturn("D1"), EffectState.INTENT)
    plan = made(with_desk(PAID, desk_return(), **{"booker": Booker.DESK, **changes}, ledger=[waiting]))
    assert [(step.state, step.code) for step in plan.steps if isinstance(step, Settle)] == (
        [(EffectState.DROPPED, "unwanted")] if dropped else []
    )
    assert any(isinstance(step, Send) for step in plan.steps) is not dropped
    old = made(with_desk(PAID, desk_return(), booker=Booker.DESK, commerce_at=NOW - HOUR, ledger=[waiting]))
    assert Source.COMMERCE in looks(old)
    assert not any(isinstance(step, Send) for step in old.steps)


WRONG = effect(OpenDeskReturn(CASE, "999", "#9", ()), EffectState.CONFIRMED, result="D1")


def judged(known: Facts, ours: Effect) -> tuple[list[EffectState], bool]:
    """How this effect is settled, and whether it is sent."""
    steps = [step for step in planned(known).steps if isinstance(step, (Settle, Send)) and step.effect_id == ours.id]
    return [step.state for step in steps if isinstance(step, Settle)], any(isinstance(step, Send) for step in steps)


@pytest.mark.parametrize("wanted", [ProcessDeskReturn("D1"), RequestDeskLabel("D1")], ids=str)
def test_what_waited_does_not_go_to_the_desks_return_of_another_order(wanted: DeskEffect) -> None:
    """To which the case was linked by mistake."""
    waiting = effect(wanted, EffectState.INTENT)
    wrong = with_desk(PAID, desk_return(order_id="999"), booker=Booker.DESK, ledger=[WRONG, waiting])
    assert judged(wrong, waiting) == ([EffectState.DROPPED], False)
    for wanted in (CloseDeskReturn("D1"), CancelDeskReturn("D1")):
        waiting = effect(wanted, EffectState.INTENT)
        assert judged(change(wrong, ledger=(WRONG, waiting)), waiting) == ([], True), "it is called off"


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({}, True),
        ({"at_desk": desk_return(order_id="999")}, False),
        ({"books": commerce(refunds=(booking(trace=""),))}, False),
        ({"said": Said(waived=frozenset({"money"}))}, False),
        ({"said": Said(waived=frozenset({"desk"}))}, True),
    ],
    ids=["nobody has", "of another order", "refunded by another", "booked by hand", "only the desk is waived"],
)
def test_a_refund_of_the_desk_whose_answer_was_lost_is_not_asked_for_again_beside_another(
    changes: dict[str, Any], again: bool
) -> None:
    lost = effect(ProcessDeskReturn("D1"), EffectState.SENT)
    known = {"at_desk": desk_return(), "booker": Booker.DESK, "ledger": [WRONG, lost], **changes}
    assert judged(with_desk(PAID, **known), lost) == ([] if again else [EffectState.DROPPED], again)
    if again:
        old = with_desk(PAID, **known, commerce_at=NOW - HOUR)
        assert Source.COMMERCE in looks(planned(old)), "somebody may have refunded meanwhile"
        assert judged(old, lost) == ([], False)
        alone = change(old, said=Said(waived=frozenset({"records"})))
        assert judged(alone, lost) == ([], True), "nobody looks for the order any more, so nothing waits for it"


def test_a_waived_desk_leaves_the_booking_to_the_hub() -> None:
    waived = Said(waived=frozenset({"desk"}))
    books = commerce(returns=(record("open", trace=""),))
    assert BookRefund in kinds(made(with_desk(PAID, desk_return(), Booker.DESK, said=waived, books=books)))


@pytest.mark.parametrize("state", [EffectState.SENT, EffectState.ACCEPTED])
def test_a_desk_that_was_waived_while_it_refunds_is_waited_for(state: EffectState) -> None:
    """What it was told to process it may still refund: the hub books once that is known to have come to nothing."""
    waived = Said(waived=frozenset({"desk"}))
    books = commerce(returns=(record("open", trace=""),))
    queued = effect(ProcessDeskReturn("D1"), state)
    plan = made(with_desk(PAID, desk_return(), Booker.DESK, said=waived, books=books, ledger=[queued]))
    assert BookRefund not in kinds(plan)
    assert not plan.ended
    failed = effect(ProcessDeskReturn("D1"), EffectState.REFUSED)
    plan = made(with_desk(PAID, desk_return(), Booker.DESK, said=waived, books=books, ledger=[failed]))
    assert BookRefund in kinds(plan)


def test_a_refund_of_the_desk_that_is_on_its_way_is_waited_for_though_it_was_waived() -> None:
    said = Said(waived=frozenset({"desk"}))
    books = commerce(returns=(record("open", trace=""),))
    just = desk_return(DeskState.CLOSED, processed=True, processed_at=NOW - 60)
    plan = made(with_desk(PAID, just, Booker.DESK, said=said, books=books))
    assert BookRefund not in kinds(plan)
    assert plan.wake_at is not None
    assert plan.wake_at <= NOW + 60
    long_ago = change(just, processed_at=NOW - HOUR)
    assert BookRefund in kinds(made(with_desk(PAID, long_ago, Booker.DESK, said=said, books=books)))


def test_goods_that_came_without_a_return_have_none_in_the_desk_and_the_hub_books() -> None:
    refund = case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),))
    said = Said(blind=Blind("1Z", "ann", OPENED, CASE), received={"u1": OPENED, "u2": OPENED})
    assert CreateReturn in kinds(made(with_desk(refund, booker=Booker.DESK, said=said)))
    books = commerce(returns=(record("open"),))
    assert BookRefund in kinds(made(with_desk(refund, booker=Booker.DESK, said=said, books=books)))


def test_what_the_desk_has_no_return_of_the_hub_books() -> None:
    refund = case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),))
    assert BookRefund in kinds(made(with_desk(refund, booker=Booker.DESK)))


def test_where_the_hub_books_the_desks_return_is_closed_at_the_end() -> None:
    books = commerce(returns=(record("open", trace=""),), refunds=(booking(),))
    waived = Said(waived=frozenset({"stock"}))
    plan = made(with_desk(PAID, desk_return(), books=books, said=waived))
    assert kinds(plan) == {CloseDeskReturn, NoteDeskReturn}
    open_money = made(with_desk(ACCEPTED, desk_return(), books=books, said=waived))
    assert CloseDeskReturn not in kinds(open_money)


def test_a_desk_that_ended_without_booking_is_told_of() -> None:
    for state in (DeskState.CLOSED, DeskState.CANCELLED, DeskState.EXPIRED):
        plan = made(with_desk(PAID, desk_return(state), Booker.DESK))
        assert "desk_unpaid" in troubles(plan)
        assert not plan.lanes["desk"].terminal


# -- ends


def test_the_channels_cancellation_calls_the_desks_return_off() -> None:
    plan = made(with_desk(case(Stage.CANCELLED), desk_return()))
    assert CancelDeskReturn in kinds(plan)
    touched = desk_return(lines=tuple(change(line, returned=True) for line in desk_return().lines))
    assert CloseDeskReturn in kinds(made(with_desk(case(Stage.CANCELLED), touched)))


def test_a_cancellation_in_the_desk_is_an_alarm_and_not_spread() -> None:
    plan = made(with_desk(COMING, desk_return(DeskState.CANCELLED)))
    assert "desk_cancelled" in troubles(plan)
    assert not [wanted for wanted in writes(plan) if wanted.party is Party.CHANNEL]
    assert OpenDeskReturn not in kinds(plan)


def test_a_flag_in_the_desk_stays_there_and_the_clock_goes_on() -> None:
    parcel = case(Stage.SHIPPED, way_back=shipped(), due=(due(Action.JUDGE_PARCEL),))
    plan = made(with_desk(parcel, desk_return(DeskState.REVIEW)))
    assert lane(plan) == "in_review"
    assert plan.questions
    assert not troubles(plan)


def test_a_desk_that_paid_by_itself_is_told_with_the_setting() -> None:
    parcel = case(Stage.SHIPPED, way_back=shipped(), due=(due(Action.JUDGE_PARCEL),))
    plan = made(with_desk(parcel, desk_return(DeskState.CLOSED, processed=True)))
    (trouble,) = [each for each in plan.troubles if each.key.startswith("desk_early")]
    assert "workflow" in trouble.todo
    assert "desk_early" in troubles(
        made(with_desk(case(Stage.CANCELLED), desk_return(DeskState.CLOSED, processed=True)))
    )
    assert "desk_early" not in troubles(made(with_desk(ACCEPTED, desk_return(DeskState.CLOSED, processed=True))))


def test_a_note_is_written_once_and_its_refusal_holds_nothing() -> None:
    note = NoteDeskReturn("D1", "accepted", "text")
    plan = made(with_desk(ACCEPTED, desk_return(), ledger=[effect(note, EffectState.REFUSED)]))
    assert NoteDeskReturn not in kinds(plan)
    assert not troubles(plan)


@pytest.mark.parametrize("paused", [True, False])
def test_a_silent_desk_never_holds_the_channel_or_commerce(paused: bool) -> None:
    shop = terms(desk=desk_terms(writes_records=False), paused={Party.DESK: "the key was withdrawn"} if paused else {})
    plan = made(with_desk(COMING, shop=shop, heard_desk=0 if paused else 1))
    assert CreateReturn in kinds(plan)
    assert OpenDeskReturn not in kinds(plan)
    assert ("paused" in troubles(plan)) is paused


# -- a second writer


def test_beside_a_second_writer_the_hub_writes_neither_return_nor_refund() -> None:
    shop = terms(second_writer=True)
    assert CreateReturn not in kinds(made(with_desk(COMING, shop=shop)))
    assert BookRefund not in kinds(
        made(with_desk(PAID, shop=shop, books=commerce(returns=(record("open", trace=""),))))
    )
    theirs = commerce(returns=(record("open", trace=""),), refunds=(booking(trace=""),))
    adopted = made(with_desk(PAID, shop=shop, books=theirs))
    assert adopted.lanes["money"].state == "settled"
