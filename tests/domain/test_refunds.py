from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.booking import FRESH, NEVER
from backhaul.domain.commerce import CommerceOrder, Payment
from backhaul.domain.effects import BookRefund, CreateReturn, EffectState, ReturnLine
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.said import Said
from backhaul.domain.steps import Look, Source
from backhaul.domain.terms import Booker, Mode, Payer
from backhaul.domain.words import Kind, Party, Stage
from tests.domain.build import (
    BOTH_SOLD,
    CASE,
    DAY,
    GID,
    LIVE,
    NOW,
    OPENED,
    SAFE,
    book,
    booking,
    case,
    change,
    commerce,
    effect,
    facts,
    paid,
    planned,
    terms,
    troubles,
    usd,
    writes,
    written,
)

DONE = case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),))


def bookings(known: Facts) -> list[BookRefund]:
    return [wanted for wanted in writes(planned(known)) if isinstance(wanted, BookRefund)]


def test_a_proven_payment_is_booked_once_with_the_channels_amount_and_date() -> None:
    assert bookings(facts(DONE)) == [book()]
    assert not book().differs


@pytest.mark.parametrize("state", [*EffectState])
def test_while_a_return_may_yet_be_created_its_units_are_not_refunded(state: EffectState) -> None:
    """Its answer was lost, say: refunded units cannot be returned any more, and their stock would never move."""
    back = case(Stage.COMPLETED, refunds=(paid(),))
    ours = effect(CreateReturn(CASE, GID, (ReturnLine("F1", 1, "R2", "no_need"),), OPENED), state)
    waits = state in (EffectState.INTENT, EffectState.SENT)
    known = facts(back, ledger=[change(ours, dead_at=NOW + 5) if waits else ours])
    assert (bookings(known) == []) is waits


@pytest.mark.parametrize("state", [*EffectState])
def test_whatever_became_of_a_booking_there_is_no_second_one(state: EffectState) -> None:
    assert bookings(facts(DONE, ledger=[effect(book(), state)])) == ([book()] if state is EffectState.PROPOSED else [])
    observing = facts(DONE, ledger=[effect(book(), state)], shop=terms(mode=Mode.OBSERVE), said=Said(taken=True))
    assert not bookings(observing)


@pytest.mark.parametrize("state", [EffectState.CONFIRMED, EffectState.SUPERSEDED, EffectState.DROPPED])
def test_a_booking_that_is_over_but_not_on_the_books_is_an_exception(state: EffectState) -> None:
    assert troubles(planned(facts(DONE, ledger=[effect(book(), state)]))) == {"undone"}


def test_without_proof_there_is_no_booking() -> None:
    for stage in Stage:
        made = planned(facts(case(stage, Kind.REFUND)))
        assert not writes(made), stage
    unproven = planned(facts(case(Stage.COMPLETED, Kind.REFUND)))
    assert (unproven.lanes["money"].state, troubles(unproven), unproven.ended) == ("unproven", {"unproven"}, False)
    free = planned(facts(case(Stage.COMPLETED, Kind.REFUND, refund_total=usd(0))))
    assert (free.lanes["money"].state, free.ended) == ("none", True)


def test_an_events_proof_is_enough_and_two_messages_of_one_payment_are_one_proof() -> None:
    told = Said(proofs=(change(paid(), proof="event"),))
    assert bookings(facts(case(Stage.ACCEPTED, Kind.REFUND), said=told)) == [book()]
    assert bookings(facts(DONE, said=told)) == [book()]


def test_the_booking_is_settled_when_it_shows() -> None:
    made = planned(facts(DONE, commerce(refunds=(booking(),), lines=BOTH_SOLD)))
    assert (made.lanes["money"].state, made.ended, writes(made)) == ("settled", True, [])
    assert made.money.difference == usd(0)
    assert {entry.key for entry in made.entries} == {f"paid:{CASE}", f"booked:{CASE}"}


def test_the_channels_total_is_kept_as_given() -> None:
    odd = case(Stage.COMPLETED, Kind.REFUND, refund_total=usd(2846), refunds=(paid(2846),))
    made = planned(facts(odd, commerce(refundable=usd(9000))))
    assert (made.money.expected, written(made, BookRefund).amount, written(made, BookRefund).differs) == (
        usd(2846),
        usd(2846),
        True,
    )


# -- adoption


def test_a_refund_somebody_else_made_on_these_lines_is_adopted() -> None:
    made = planned(facts(DONE, commerce(refunds=(booking(trace=""),))))
    assert (made.lanes["money"].state, writes(made), made.ended) == ("settled", [], True)
    assert f"adopted:{CASE}" in {entry.key for entry in made.entries}


@pytest.mark.parametrize(
    "other",
    [
        booking(trace="another case"),
        booking(trace="", created_at=OPENED - 1),
        change(booking(trace=""), lines=(("L1", 1),)),
        change(booking(trace=""), lines=()),
    ],
    ids=["another's mark", "before the case", "fewer lines", "no lines"],
)
def test_other_refunds_are_not_ours(other: Any) -> None:
    assert bookings(facts(DONE, commerce(refunds=(other,)))) == [book()]


@pytest.mark.parametrize("amount", [1500, 2500])
def test_another_amount_by_another_hand_is_for_a_person(amount: int) -> None:
    made = planned(facts(DONE, commerce(refunds=(booking(trace="", amount=amount),))))
    assert (troubles(made), writes(made), made.ended) == ({"differs"}, [], False)
    assert made.money.difference == usd(2000 - amount)
    waived = planned(
        facts(DONE, commerce(refunds=(booking(trace="", amount=amount),)), said=Said(waived=frozenset({"money"})))
    )
    assert (waived.ended, waived.troubles) == (True, ())


def test_one_refund_is_adopted_for_one_payment_only() -> None:
    twice = change(DONE, refunds=(paid(2000, f"{CASE}:1"), paid(2000, f"{CASE}:2")))
    made = planned(facts(twice, commerce(refunds=(booking(trace=""),), lines=BOTH_SOLD)))
    assert not made.ended
    assert sum(entry.kind == "adopted" for entry in made.entries) == 1
    assert "nothing_refundable" in troubles(made)


# -- the cap


@pytest.mark.parametrize(("refundable", "amount"), [(2000, 2000), (1999, 1999), (1, 1), (0, None)])
def test_a_booking_is_capped_by_what_can_be_refunded(refundable: int, amount: int | None) -> None:
    known = facts(DONE, commerce(refundable=usd(refundable)))
    if amount is None:
        assert (bookings(known), troubles(planned(known))) == ([], {"nothing_refundable"})
    else:
        assert [each.amount for each in bookings(known)] == [usd(amount)]


def test_the_rest_of_a_capped_booking_is_explained() -> None:
    made = planned(facts(DONE, commerce(refunds=(booking(amount=1500),), refundable=usd(0), lines=BOTH_SOLD)))
    assert (made.lanes["money"].state, made.money.residuals) == ("settled", (("capped", usd(500)),))
    assert [(entry.kind, entry.amount) for entry in made.entries if entry.kind == "residual"] == [
        ("residual", usd(500))
    ]


def test_more_than_was_paid_is_never_explained_away() -> None:
    made = planned(facts(DONE, commerce(refunds=(booking(amount=2500),))))
    assert (troubles(made), made.ended) == ({"differs"}, False)


def test_only_units_that_are_left_are_booked() -> None:
    half = commerce(lines=(commerce().lines[0], BOTH_SOLD[1]))
    assert [each.lines for each in bookings(facts(DONE, half))] == [(("L1", 1),)]
    assert not bookings(facts(DONE, commerce(lines=BOTH_SOLD)))


# -- gateways


@pytest.mark.parametrize(
    ("payments", "expected", "trouble"),
    [
        ((Payment("P", "sale", SAFE, usd(2000), True),), "P", set()),
        ((Payment("P", "capture", SAFE, usd(2000), True),), "P", set()),
        ((), None, {"no_payment"}),
        ((Payment("P", "sale", SAFE, usd(2000), False),), None, {"no_payment"}),
        ((Payment("P", "refund", SAFE, usd(2000), True),), None, {"no_payment"}),
        ((Payment("P", "authorization", SAFE, usd(2000), True),), None, {"no_payment"}),
        ((Payment("P", "sale", SAFE, usd(2000), True, moves_money=True),), None, {"moves_money"}),
        ((Payment("P", "sale", "unknown", usd(2000), True),), None, {"gateway"}),
        (
            (Payment("A", "sale", "card", usd(5), True, "", True), Payment("P", "sale", SAFE, usd(2000), True)),
            "P",
            set(),
        ),
        ((Payment("A", "sale", "unknown", usd(5), True), Payment("P", "sale", SAFE, usd(2000), True)), "P", set()),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_payment_a_booking_hangs_on(payments: tuple[Payment, ...], expected: str | None, trouble: set[str]) -> None:
    known = facts(DONE, commerce(payments=payments))
    assert [each.parent_payment for each in bookings(known)] == ([expected] if expected else [])
    assert troubles(planned(known)) == trouble


@pytest.mark.parametrize("gateway", sorted(NEVER))
def test_some_gateways_are_never_booked_on_whatever_a_person_confirmed(gateway: str) -> None:
    order = commerce(payments=(Payment("P", "sale", gateway, usd(2000), True),))
    known = facts(DONE, order, shop=terms(safe_gateways=frozenset({gateway, SAFE})))
    assert (bookings(known), troubles(planned(known))) == ([], {"moves_money"})


# -- currency


def test_another_currency_is_for_a_person() -> None:
    pounds = change(DONE, refunds=(paid(2000, currency="GBP"),))
    assert (bookings(facts(pounds)), troubles(planned(facts(pounds)))) == ([], {"currency"})
    adopted = facts(pounds, commerce(refunds=(booking(trace=""),)))
    assert (troubles(planned(adopted)), planned(adopted).ended) == ({"currency"}, False)


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.CANCELLATION])
def test_payments_in_two_currencies_are_not_added_up(kind: Kind) -> None:
    both = change(DONE, kind=kind, refunds=(paid(ident="a"), paid(ident="b", currency="GBP")))
    made = planned(facts(both))
    assert (writes(made), troubles(made), made.ended) == ([], {"currencies"}, False)
    assert planned(facts(both, said=Said(waived=frozenset({"money"})))).ended


# -- payer, booker, waived, not connected, history


@pytest.mark.parametrize(
    ("shop", "state"),
    [
        (terms(payer=Payer.COMMERCE), "not_booked"),
        (terms(payer=Payer.DESK), "not_booked"),
        (terms(booker=Booker.DESK), "not_booked"),
        (terms(booker=Booker.CONNECTOR), "not_booked"),
        (terms(booker=Booker.NOBODY), "not_booked"),
        (terms(commerce_connected=False), "not_connected"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.payer} {value.booker} {value.commerce_connected}",
)
def test_where_we_are_not_the_booker_the_case_settles_without_us(shop: Any, state: str) -> None:
    for found in (DONE, change(DONE, refunds=())):
        made = planned(facts(found, shop=shop))
        assert (made.lanes["money"].state, writes(made), made.ended) == (state, [], True)


@pytest.mark.parametrize("lane", ["money", "records"])
def test_a_person_may_waive_it(lane: str) -> None:
    made = planned(facts(DONE, commerce(payments=()), said=Said(waived=frozenset({lane}))))
    assert (made.lanes["money"].state, writes(made), made.ended) == ("waived", [], True)


def test_history_is_never_booked() -> None:
    old = change(DONE, created_at=LIVE - DAY, updated_at=LIVE - 1)
    made = planned(facts(old))
    assert (made.lanes["money"].state, made.steps, made.ended) == ("history", (), True)
    assert not planned(facts(change(old, refunds=()))).steps
    never_live = planned(facts(DONE, shop=terms(mode=Mode.OBSERVE, live_since=None)))
    assert (never_live.steps, never_live.ended) == ((), True)
    taken = facts(old, said=Said(taken=True))
    assert bookings(taken)


def test_a_case_that_was_open_when_the_shop_went_live_and_was_not_taken_over_is_shown_at_its_end() -> None:
    open_then = change(DONE, created_at=LIVE - DAY)
    known = facts(open_then)
    assert known.observing
    assert not known.history
    assert bookings(known), "as a proposal"
    proposed = planned(facts(open_then, ledger=[effect(book(), EffectState.PROPOSED)]))
    assert (proposed.steps, troubles(proposed), proposed.ended) == ((), {"untaken"}, False)


# -- the read before


def test_the_order_is_read_just_before_it_is_booked() -> None:
    old = facts(DONE, commerce_at=NOW - FRESH - 1)
    assert not bookings(old)
    assert [step.source for step in planned(old).steps if isinstance(step, Look)] == [Source.COMMERCE]
    down = facts(DONE, commerce_at=NOW - FRESH - 1, backoff={Party.COMMERCE: Backoff(NOW - 9, NOW + 9, 1, "x", at=NOW)})
    assert (planned(down).steps, planned(down).wake_at) == ((), NOW + 9)


def test_lines_that_are_not_found_hold_the_booking() -> None:
    strange: CommerceOrder = commerce(lines=(commerce().lines[0],))
    assert (bookings(facts(DONE, strange)), troubles(planned(facts(DONE, strange)))) == ([], {"lines"})


def test_several_payments_are_booked_one_after_the_other() -> None:
    twice = change(DONE, refunds=(paid(1500, f"{CASE}:1"), paid(500, f"{CASE}:2")))
    assert [each.amount for each in bookings(facts(twice))] == [usd(1500), usd(500)]
    sent = effect(book(1500, f"{CASE}:1"), EffectState.ACCEPTED)
    assert not bookings(facts(twice, ledger=[sent])), "what is left is known when the first is read back"


def test_one_refund_by_another_hand_is_not_adopted_by_two_cases_of_one_order() -> None:
    """Two cases, one unit each of one line of two; somebody has refunded one unit by hand."""
    line = change(commerce().lines[0], quantity=2, refundable=1, channel_line_ids=("l1", "l2"))
    by_hand = change(booking(trace="", amount=1000), lines=(("L1", 1),))
    order = commerce(lines=(line,), refunds=(by_hand,), refundable=usd(1000))
    first = change(DONE, units=DONE.units[:1], refunds=(paid(1000),), refund_total=usd(1000))
    second = change(first, id="another", units=DONE.units[1:], refunds=(paid(1000, "another"),))
    here = [entry.source for entry in planned(facts(first, order)).entries if entry.kind == "adopted"]
    assert here == [by_hand.id]
    told = change(facts(second, order), adopted_elsewhere=frozenset(here))
    assert not [entry for entry in planned(told).entries if entry.kind == "adopted"]
    assert [each.amount for each in bookings(told)] == [usd(1000)], "the other unit is booked by us"


def test_a_second_refund_beside_ours_is_told() -> None:
    """Ours came late, and somebody had booked it by hand meanwhile."""
    ours = booking(amount=2000)
    theirs = change(booking(trace="", amount=2000), id="by-hand")
    found = planned(facts(DONE, commerce(refunds=(ours, theirs))))
    assert f"second:{theirs.id}" in {trouble.key for trouble in found.troubles}
    assert not found.lanes["money"].terminal
