"""Cancellations, and money that went out in place of goods: booked like a return's, with its stock told once."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.effects import BookRefund, Decide
from backhaul.domain.facts import Facts, Link, LinkState
from backhaul.domain.records import UNWRITTEN
from backhaul.domain.said import Said, Vote
from backhaul.domain.steps import Look, Source
from backhaul.domain.words import Action, Decision, Kind, Stage
from tests.domain.build import (
    HOUR,
    NOW,
    OPENED,
    alone,
    booking,
    case,
    change,
    commerce,
    due,
    facts,
    paid,
    planned,
    terms,
    troubles,
    usd,
    writes,
    written,
)

UNSHIPPED = tuple(change(line, unfulfilled=1) for line in commerce().lines)
PLACE = "gid://shop/Location/1"


def cancelled(replenish: bool | None = True, books: Any = None, **changes: Any) -> Facts:
    found = case(Stage.COMPLETED, Kind.CANCELLATION, refunds=(paid(),), replenish=replenish)
    return facts(found, books or commerce(lines=UNSHIPPED, shipped=()), **changes)


# -- stock


def test_units_that_never_left_the_shelf_are_released_with_the_booking() -> None:
    wanted = written(planned(cancelled()), BookRefund)
    assert (wanted.amount, wanted.release, wanted.location) == (usd(2000), (("L1", 1), ("L2", 1)), PLACE)
    assert wanted.unfulfilled


@pytest.mark.parametrize("replenish", [None, False])
def test_the_channel_has_to_say_that_goods_go_back(replenish: bool | None) -> None:
    assert written(planned(cancelled(replenish)), BookRefund).release == ()


def test_what_was_shipped_is_not_released() -> None:
    half = (UNSHIPPED[0], change(UNSHIPPED[1], unfulfilled=0))
    assert written(planned(cancelled(books=commerce(lines=half))), BookRefund).release == (("L1", 1),)


def test_without_a_place_the_booking_waits_for_one() -> None:
    made = planned(cancelled(shop=terms(location="")))
    assert (writes(made), troubles(made)) == ([], {"location"})
    assert written(planned(cancelled(False, shop=terms(location=""))), BookRefund)


def test_a_return_never_releases_anything() -> None:
    found = case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),), replenish=True)
    assert written(planned(facts(found, commerce(lines=UNSHIPPED))), BookRefund).release == ()


# -- money


def test_an_older_refund_of_the_same_units_is_the_cancellation_in_commerce() -> None:
    sold = tuple(change(line, refundable=0) for line in UNSHIPPED)
    before = booking(trace="", created_at=OPENED - 60)
    made = planned(cancelled(books=commerce(lines=sold, refunds=(before,), refundable=usd(0))))
    assert (writes(made), made.lanes["money"].state, made.ended) == ([], "settled", True)
    returned = facts(
        case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),)),
        commerce(lines=sold, refunds=(before,), refundable=usd(0)),
    )
    assert planned(returned).lanes["money"].state != "settled", "of a return an older refund is another matter"


def test_a_cancellation_that_paid_nothing_needs_no_commerce_order() -> None:
    unpaid = facts(case(Stage.COMPLETED, Kind.CANCELLATION, refund_total=None), None, link=Link())
    made = planned(unpaid)
    assert (made.steps, made.ended) == ((), True)


def test_an_order_cancelled_before_it_was_written_is_looked_for_and_then_let_go() -> None:
    gone = Link(LinkState.MISSING, tried_at=NOW - 60, tries=1)
    early = planned(cancelled(books=None, link=gone, commerce=None))
    assert (troubles(early), early.ended) == (set(), False)
    assert [step.source for step in early.steps if isinstance(step, Look)] == [Source.MATCH]
    late = OPENED + UNWRITTEN
    waited = cancelled(books=None, link=gone, commerce=None, channel_at=late)
    made = planned(waited, now=late)
    assert (made.steps, made.ended, made.lanes["money"].state) == ((), True, "not_booked")
    returned = facts(case(Stage.COMPLETED, Kind.REFUND, refunds=(paid(),)), None, link=gone, channel_at=late)
    assert troubles(planned(returned, now=late)) == {"order"}, "of goods that were sold a person is told"


@pytest.mark.parametrize("kind", [Kind.REPLACEMENT, Kind.EXCHANGE])
def test_money_in_place_of_goods_is_booked_and_goods_alone_are_not(kind: Kind) -> None:
    money = facts(case(Stage.COMPLETED, kind, refunds=(paid(),), paid_instead=True))
    assert written(planned(money), BookRefund).release == ()
    goods = planned(facts(case(Stage.COMPLETED, kind)))
    assert (goods.steps, goods.ended) == ((), True)
    unproven = planned(facts(case(Stage.COMPLETED, kind, paid_instead=True, refund_total=None)))
    assert (troubles(unproven), unproven.ended) == ({"unproven"}, False)


# -- where shipping refuses


def asked(market: str, *votes: Vote) -> Facts:
    found = case(Stage.REQUESTED, Kind.CANCELLATION, due=(due(Action.ANSWER_CANCELLATION, NOW + 20 * HOUR),))
    return alone(found, said=Said(votes=votes), shop=terms(market=market))


def test_in_the_united_states_shipping_is_the_refusal() -> None:
    (question,) = planned(asked("US")).questions
    assert question.options == (Decision.APPROVE_CANCELLATION,)
    assert "ship the order" in question.text
    (elsewhere,) = planned(asked("GB")).questions
    assert Decision.REJECT_CANCELLATION in elsewhere.options
    reject = Vote(Action.ANSWER_CANCELLATION, 1, Decision.REJECT_CANCELLATION, "ann", NOW - 60, "r1")
    named = change(asked("US", reject).seen, answerable_for="answer_cancellation:1", answerable_at=NOW)
    made = planned(change(asked("US", reject), seen=named))
    assert ("invalid" in troubles(made), writes(made)) == (True, [])
    assert made.questions, "and another answer can be given"


def test_an_approval_of_a_cancellation_is_sent() -> None:
    approve = Vote(Action.ANSWER_CANCELLATION, 1, Decision.APPROVE_CANCELLATION, "ann", NOW - 60)
    assert written(planned(asked("US", approve)), Decide).decision is Decision.APPROVE_CANCELLATION
