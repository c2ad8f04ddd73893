"""The after-sales state machine: every move the tables allow, every one they do not, and the clocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.decisions import APPROVALS, REJECTIONS
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Return
from tests.simulator.wire import Wire

HOUR = 3600
REASON = "seller_reject_apply_item_is_correct"
PARCEL_REASON = "reverse_reject_return_parcel_reason_5"

# (type, status) -> how to get a case there
ROADS: dict[tuple[str, str], tuple[str, ...]] = {
    ("REFUND", m.PENDING): (),
    ("REFUND", m.AWAITING_RESPONSE): ("offer",),
    ("REFUND", m.REJECTED): ("reject",),
    ("REFUND", m.SUCCESS): ("approve",),
    ("REFUND", m.COMPLETE): ("approve", "pay"),
    ("REFUND", m.CANCELLED): ("withdraw",),
    ("RETURN_AND_REFUND", m.PENDING): (),
    ("RETURN_AND_REFUND", m.AWAITING_RESPONSE): ("offer",),
    ("RETURN_AND_REFUND", m.REJECTED): ("reject",),
    ("RETURN_AND_REFUND", m.AWAITING_SHIP): ("approve",),
    ("RETURN_AND_REFUND", m.SHIPPED): ("approve", "ship"),
    ("RETURN_AND_REFUND", m.PARCEL_REJECTED): ("approve", "ship", "deliver", "goods_rejected"),
    ("RETURN_AND_REFUND", m.SUCCESS): ("approve", "ship", "deliver", "goods_accepted"),
    ("RETURN_AND_REFUND", m.COMPLETE): ("approve", "ship", "deliver", "goods_accepted", "pay"),
    ("RETURN_AND_REFUND", m.CANCELLED): ("withdraw",),
    ("REPLACEMENT", m.REPLACEMENT_PENDING): (),
    ("REPLACEMENT", m.REPLACEMENT_REJECTED): ("reject",),
    ("REPLACEMENT", m.REPLACEMENT_REFUNDED): ("refund_instead",),
    ("REPLACEMENT", m.REPLACEMENT_CANCELLED): ("withdraw",),
    ("REPLACEMENT", m.REPLACEMENT_COMPLETE): ("approve",),
    ("EXCHANGE", m.EXCHANGE_PENDING): (),
    ("EXCHANGE", m.EXCHANGE_REFUNDED): ("refund_instead",),
    ("EXCHANGE", m.EXCHANGE_CANCELLED): ("reject",),
    ("EXCHANGE", m.EXCHANGE_COMPLETE): ("approve",),
}


def bring(wire: Wire, kind: str, status: str) -> Return:
    aftersales = wire.sim.channel.aftersales
    case = wire.ask(kind)
    special: dict[str, Callable[[Return], None]] = {
        "pay": aftersales.pay,
        "ship": aftersales.ship,
        "deliver": aftersales.deliver,
    }
    for step in ROADS[(kind, status)]:
        if step == "offer":
            case.partial = 100
        if step in special:
            special[step](case)
        else:
            aftersales.move(case, step, "SELLER")
    assert case.status == status
    return case


def test_the_table_covers_every_published_state() -> None:
    reached = {(kind, to) for moves in states.MOVES.values() for (kind, _), to in moves.items()}
    assert reached <= set(ROADS)
    assert {status for _, status in ROADS} == {
        m.PENDING,
        m.REJECTED,
        m.AWAITING_SHIP,
        m.SHIPPED,
        m.PARCEL_REJECTED,
        m.SUCCESS,
        m.CANCELLED,
        m.COMPLETE,
        m.AWAITING_RESPONSE,
        m.REPLACEMENT_PENDING,
        m.REPLACEMENT_REJECTED,
        m.REPLACEMENT_REFUNDED,
        m.REPLACEMENT_CANCELLED,
        m.REPLACEMENT_COMPLETE,
        m.EXCHANGE_PENDING,
        m.EXCHANGE_REFUNDED,
        m.EXCHANGE_CANCELLED,
        m.EXCHANGE_COMPLETE,
    }


# decision -> the states it is allowed in, as (type, status, arrived)
ALLOWED = {
    "APPROVE_REFUND": {("REFUND", m.PENDING)},
    "APPROVE_RETURN": {("RETURN_AND_REFUND", m.PENDING)},
    "DIRECT_REFUND": {("RETURN_AND_REFUND", m.PENDING)},
    "OFFER_PARTIAL_REFUND": {("REFUND", m.PENDING), ("RETURN_AND_REFUND", m.PENDING)},
    "APPROVE_REPLACEMENT": {("REPLACEMENT", m.REPLACEMENT_PENDING)},
    "ISSUE_REPLACEMENT_REFUND": {("REPLACEMENT", m.REPLACEMENT_PENDING)},
    "APPROVE_EXCHANGE": {("EXCHANGE", m.EXCHANGE_PENDING)},
    "ISSUE_EXCHANGE_REFUND": {("EXCHANGE", m.EXCHANGE_PENDING)},
    "REJECT_EXCHANGE": {("EXCHANGE", m.EXCHANGE_PENDING)},
    "REJECT_REFUND": {("REFUND", m.PENDING)},
    "REJECT_RETURN": {("RETURN_AND_REFUND", m.PENDING)},
    "REJECT_REPLACEMENT": {("REPLACEMENT", m.REPLACEMENT_PENDING)},
    "APPROVE_RECEIVED_PACKAGE": set(),  # the parcel has not arrived in any of ROADS' BUYER_SHIPPED_ITEM
    "REJECT_RECEIVED_PACKAGE": set(),
}


async def test_every_decision_in_every_state(wire: Wire) -> None:
    decisions = wire.sim.channel.decisions
    for (kind, status), decision in itertools.product(ROADS, (*APPROVALS, *REJECTIONS)):
        case = bring(wire, kind, status)
        refusal = decisions.refusal(case, decision)
        assert (refusal is None) is ((kind, status) in ALLOWED[decision]), (kind, status, decision)
        if refusal is not None:
            assert refusal.code > 25000000


CODES = [
    ("REFUND", m.PENDING, "APPROVE_RETURN", 25020004),
    ("REFUND", m.CANCELLED, "APPROVE_REFUND", 25020009),
    ("REFUND", m.SUCCESS, "APPROVE_REFUND", 25011012),
    ("REFUND", m.SUCCESS, "REJECT_REFUND", 25020010),
    ("REFUND", m.REJECTED, "REJECT_REFUND", 25011011),
    ("REFUND", m.AWAITING_RESPONSE, "APPROVE_REFUND", 25007007),
    ("REFUND", m.AWAITING_RESPONSE, "OFFER_PARTIAL_REFUND", 25007007),
    ("RETURN_AND_REFUND", m.AWAITING_SHIP, "OFFER_PARTIAL_REFUND", 25011032),
    ("RETURN_AND_REFUND", m.AWAITING_SHIP, "REJECT_RETURN", 25020010),
    ("RETURN_AND_REFUND", m.AWAITING_SHIP, "REJECT_RECEIVED_PACKAGE", 25011014),
    ("RETURN_AND_REFUND", m.SHIPPED, "APPROVE_RECEIVED_PACKAGE", 25011013),
    ("RETURN_AND_REFUND", m.SUCCESS, "REJECT_RECEIVED_PACKAGE", 25020011),
]


@pytest.mark.parametrize(("kind", "status", "decision", "code"), CODES)
async def test_codes_of_refusals_over_the_wire(wire: Wire, kind: str, status: str, decision: str, code: int) -> None:
    case = bring(wire, kind, status)
    if decision in APPROVALS:
        offer: dict[str, Any] = {"partial_refund": {"currency": "USD", "amount": "1"}} if "PARTIAL" in decision else {}
        reply = await wire.approve(case, decision, **offer)
    else:
        reply = await wire.reject(case, decision, REASON)
    assert reply.code == code
    assert case.status == status


async def test_a_return_from_request_to_money(wire: Wire) -> None:
    case = wire.ask()
    aftersales, books = wire.sim.channel.aftersales, wire.sim.books.of(wire.shop.id)
    assert (await wire.approve(case, "APPROVE_RETURN", "a")).code == 0
    assert case.status == m.AWAITING_SHIP
    assert case.due_action is None
    aftersales.ship(case)
    aftersales.deliver(case)
    row = (await wire.search({"return_ids": [case.id]})).data["return_orders"][0]
    assert row["return_status"] == m.SHIPPED
    assert row["seller_next_action_response"][0]["action"] == "SELLER_RESPOND_RECEIVE_PACKAGE"
    assert (await wire.approve(case, "APPROVE_RECEIVED_PACKAGE", "b")).code == 0
    assert case.status == m.SUCCESS
    assert books.refunds == []
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert case.status == m.COMPLETE
    assert [(entry["return_id"], entry["amount"]) for entry in books.refunds] == [(case.id, case.amounts.total)]
    assert [entry["decision"] for entry in books.decisions] == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
    assert [entry["idempotency_key"] for entry in books.decisions] == ["a", "b"]
    assert case.order.lines[0].refunded


@pytest.mark.parametrize(
    ("kind", "clock", "to"),
    [
        ("REFUND", "answer_request", m.SUCCESS),
        ("RETURN_AND_REFUND", "answer_request", m.AWAITING_SHIP),
        ("REPLACEMENT", "answer_replacement", m.REPLACEMENT_COMPLETE),
        ("EXCHANGE", "answer_exchange", m.EXCHANGE_COMPLETE),
    ],
)
async def test_when_the_sellers_clock_runs_out_the_platform_approves(
    wire: Wire, kind: str, clock: str, to: str
) -> None:
    case = wire.ask(kind)
    deadline = case.due_at
    assert deadline == int(wire.sim.clock.now()) + getattr(wire.shop.clocks, clock)
    wire.sim.clock.advance_to(deadline - 1)
    assert case.status in m.REQUESTED
    wire.sim.clock.advance_to(deadline)
    assert case.status == to
    assert case.role == "BUYER"
    entry = wire.sim.books.of(wire.shop.id).decisions[-1]
    assert (entry["decision"], entry["actor"], entry["at"]) == ("DEADLINE_EXPIRED", "SYSTEM", deadline)


async def test_the_other_clocks(wire: Wire) -> None:
    clock, clocks, aftersales = wire.sim.clock, wire.shop.clocks, wire.sim.channel.aftersales
    unshipped, delivered = wire.ask(), wire.ask()
    for case in (unshipped, delivered):
        aftersales.move(case, "approve", "SELLER")
    aftersales.ship(delivered)
    clock.step(30 * HOUR)
    assert delivered.status == m.SHIPPED  # no clock runs while the parcel is on its way
    aftersales.deliver(delivered)
    clock.step(clocks.judge_parcel)
    assert delivered.status == m.SUCCESS
    clock.step(clocks.buyer_ships)
    assert unshipped.status == m.CANCELLED
    refused, silent = wire.ask("REFUND"), wire.ask("REFUND")
    aftersales.move(refused, "reject", "SELLER")
    silent.partial = 100
    aftersales.move(silent, "offer", "SELLER")
    clock.step(clocks.buyer_disputes)
    assert refused.status == m.CANCELLED
    assert silent.status == m.PENDING
    assert silent.offer_refused


async def test_arbitration(wire: Wire) -> None:
    aftersales = wire.sim.channel.aftersales
    ends = {
        ("REFUND", m.REJECTED): (m.SUCCESS, m.CANCELLED),
        ("RETURN_AND_REFUND", m.REJECTED): (m.AWAITING_SHIP, m.CANCELLED),
        ("RETURN_AND_REFUND", m.PARCEL_REJECTED): (m.SUCCESS, m.CANCELLED),
        ("REPLACEMENT", m.REPLACEMENT_REJECTED): (m.REPLACEMENT_COMPLETE, m.REPLACEMENT_CANCELLED),
    }
    for (kind, status), outcomes in ends.items():
        for outcome, end in zip(("SUPPORT_BUYER", "SUPPORT_SELLER"), outcomes, strict=True):
            case = bring(wire, kind, status)
            aftersales.arbitrate(case, "IN_PROGRESS")
            name = {"REFUND": "APPROVE_REFUND", "REPLACEMENT": "APPROVE_REPLACEMENT"}.get(kind, "APPROVE_RETURN")
            assert (await wire.approve(case, name)).code == 25011010
            wire.sim.clock.step(wire.shop.clocks.buyer_disputes + 1)
            wire.renew()
            assert case.status == status  # the dispute has stopped the clock
            aftersales.arbitrate(case, outcome)
            assert (case.status, case.arbitration) == (end, outcome)
    with pytest.raises(states.IllegalMove):
        aftersales.arbitrate(wire.ask(), "IN_PROGRESS")


async def test_partial_refund_offers(wire: Wire) -> None:
    aftersales = wire.sim.channel.aftersales
    case = wire.ask("REFUND")
    for offer, code in (
        (None, 25001001),
        ({"currency": "EUR", "amount": "1"}, 25001001),
        ({"currency": "USD", "amount": "1.234"}, 25001001),
        ({"currency": "USD", "amount": "0"}, 25005020),
        ({"currency": "USD", "amount": "9999"}, 25005005),
    ):
        assert (await wire.approve(case, "OFFER_PARTIAL_REFUND", partial_refund=offer)).code == code
    good = {"currency": "USD", "amount": "12.5"}
    assert (await wire.approve(case, "OFFER_PARTIAL_REFUND", partial_refund=good)).code == 0
    assert (await wire.approve(case, "OFFER_PARTIAL_REFUND", partial_refund=good)).code == 25007007
    aftersales.answer_offer(case, accept=False)
    row = (await wire.search({"return_ids": [case.id]})).data["return_orders"][0]
    assert row["return_status"] == m.PENDING
    assert row["buyer_rejected_partial_refund"] is True
    assert row["partial_refund"] == {"currency": "USD", "amount": "12.5"}
    assert (await wire.approve(case, "OFFER_PARTIAL_REFUND", partial_refund=good)).code == 0
    aftersales.answer_offer(case, accept=True)
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert wire.sim.books.of(wire.shop.id).refunds[-1]["amount"] == 1250
    two_skus = wire.ask("REFUND", "MUG-GRN", "LIP-MNT")
    assert (await wire.approve(two_skus, "OFFER_PARTIAL_REFUND", partial_refund=good)).code == 25005021


async def test_keeping_the_item_and_quick_refund(wire: Wire) -> None:
    aftersales = wire.sim.channel.aftersales
    kept = wire.ask()
    assert (await wire.approve(kept, "APPROVE_RETURN", buyer_keep_item=True)).code == 0
    assert (kept.status, kept.keep_item) == (m.SUCCESS, True)
    direct = wire.ask()
    assert (await wire.approve(direct, "DIRECT_REFUND")).code == 0
    assert direct.status == m.SUCCESS
    quick = wire.ask(quick_refund=True)
    aftersales.move(quick, "approve", "SELLER")
    assert wire.sim.channel.decisions.refusal(quick, "REJECT_RECEIVED_PACKAGE").code == 25011025  # type: ignore[union-attr]
    aftersales.ship(quick)
    assert quick.status == m.SUCCESS
    assert (await wire.reject(quick, "REJECT_RECEIVED_PACKAGE", PARCEL_REASON)).code == 25011025


async def test_fulfilled_by_the_channel_means_the_channel_receives(wire: Wire) -> None:
    order = wire.order(fulfillment_type="FULFILLMENT_BY_TIKTOK")
    aftersales = wire.sim.channel.aftersales
    case = aftersales.request(order, "RETURN_AND_REFUND", order.lines, auto_approve=True, shipment="PLATFORM")
    aftersales.ship(case)
    aftersales.deliver(case)
    assert case.due_action is None
    assert (await wire.approve(case, "APPROVE_RECEIVED_PACKAGE")).code == 25011026
    wire.sim.clock.step(86400)
    assert case.status == m.SUCCESS


async def test_edited_and_combined_returns(wire: Wire) -> None:
    aftersales = wire.sim.channel.aftersales
    order = wire.order("JKT-BLU-M", "MUG-GRN", "LIP-MNT")
    first = aftersales.request(order, "RETURN_AND_REFUND", order.lines[:1], shipment="PLATFORM")
    second = aftersales.edit(first, order.lines[:2])
    rows = {row["return_id"]: row for row in (await wire.search()).data["return_orders"]}
    assert rows[first.id]["next_return_id"] == second.id
    assert rows[first.id]["return_status"] == m.CANCELLED
    assert rows[second.id]["pre_return_id"] == first.id
    assert len(rows[second.id]["return_line_items"]) == 2
    third = aftersales.request(order, "RETURN_AND_REFUND", order.lines[2:], shipment="PLATFORM", combine_with=second)
    for case in (second, third):
        aftersales.move(case, "approve", "SELLER")
    aftersales.ship(second)
    assert third.status == m.SHIPPED
    aftersales.deliver(third)
    assert second.delivered_at
    rows = {row["return_id"]: row for row in (await wire.search()).data["return_orders"]}
    assert rows[second.id]["combined_return_id"] == rows[third.id]["combined_return_id"]


async def test_replacement_makes_a_new_order(wire: Wire) -> None:
    case = wire.ask("REPLACEMENT")
    assert (await wire.approve(case, "APPROVE_REPLACEMENT")).code == 0
    reply = await wire.call("GET", "/order/202507/orders", query={"ids": case.replacement_order_id})
    made = reply.data["orders"][0]
    assert (made["is_replacement_order"], made["replaced_order_id"]) == (True, case.order.id)
    instead = wire.ask("REPLACEMENT")
    assert (await wire.approve(instead, "ISSUE_REPLACEMENT_REFUND")).code == 0
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert instead.status == m.REPLACEMENT_REFUNDED
    assert wire.sim.books.of(wire.shop.id).refunds[-1]["return_id"] == instead.id


async def test_the_platform_decides_by_itself(wire: Wire) -> None:
    switches = wire.shop.switches
    switches.auto_approve_reasons = ("buyer_return_and_refund_item_doesn't_fit",)
    assert wire.ask(reason="buyer_return_and_refund_item_doesn't_fit").status == m.AWAITING_SHIP
    switches.returnless_below = 1000
    cheap = wire.ask("RETURN_AND_REFUND", "LIP-MNT", reason="ecom_order_delivered_refund_and_return_reason_damaged")
    assert cheap.amounts.total > 1000  # the shipping fee counts too
    switches.returnless_below = 2000
    cheap = wire.ask("RETURN_AND_REFUND", "LIP-MNT", reason="ecom_order_delivered_refund_and_return_reason_damaged")
    assert (cheap.status, cheap.keep_item) == (m.SUCCESS, True)


async def test_finished_orders_refuse_new_cases(wire: Wire) -> None:
    done = wire.order(status="COMPLETED")
    aftersales = wire.sim.channel.aftersales
    with pytest.raises(ApiError, match="25001051"):
        aftersales.request(done, "REFUND", done.lines)
    case = wire.ask()
    with pytest.raises(ApiError, match="25001011"):
        aftersales.request(case.order, "REFUND", case.order.lines)
    fresh = wire.order(status="AWAITING_SHIPMENT")
    with pytest.raises(ApiError, match="25001003"):
        aftersales.request(fresh, "REFUND", fresh.lines)
