"""Statements: daily, after the fact, with refunds as negative lines and a part of the fee retained."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.model import Return
from tests.simulator.wire import Wire

DAY = 86400
STATEMENTS = "/finance/202309/statements"


async def _lines(wire: Wire) -> list[dict[str, Any]]:
    found = await wire.call("GET", STATEMENTS, query={"sort_field": "statement_time"})
    lines = []
    for row in found.data["statements"]:
        path = f"/finance/202501/statements/{row['id']}/statement_transactions"
        page = (await wire.call("GET", path, query={"sort_field": "order_create_time"})).data
        assert page["total_settlement_amount"] == row["settlement_amount"]
        lines += [{**line, "statement_time": row["statement_time"]} for line in page["transactions"]]
    return lines


def _refunded(wire: Wire, **options: Any) -> Return:
    case = wire.ask("REFUND", "JKT-BLU-M", **options)
    wire.sim.channel.aftersales.move(case, "approve", "SELLER")
    return case


async def test_a_refund_is_complete_before_any_statement_tells_of_it(wire: Wire) -> None:
    case = _refunded(wire)
    assert case.status == m.SUCCESS
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert case.status == m.COMPLETE
    assert [line for line in await _lines(wire) if line["id"] == case.id] == []
    waiting = await wire.call("GET", "/finance/202507/orders/unsettled", query={"sort_field": "order_create_time"})
    assert case.id in {row["id"] for row in waiting.data["transactions"]}
    wire.sim.clock.step(3 * DAY)
    line = next(line for line in await _lines(wire) if line["id"] == case.id)
    assert line["statement_time"] % DAY == 0
    assert line["statement_time"] > case.refunded_at
    assert line["revenue_breakdown"]["refund_subtotal_before_discount_amount"] == "-59"
    fee = line["fee_tax_breakdown"]["fee"]
    assert fee == {"referral_fee_amount": "3.54", "refund_administration_fee_amount": "-0.7"}
    parts = ("revenue_amount", "shipping_cost_amount", "fee_tax_amount")
    assert round(sum(float(line[part]) for part in parts), 2) == float(line["settlement_amount"])


async def test_the_money_of_one_order_by_sku(wire: Wire) -> None:
    case = _refunded(wire)
    wire.sim.clock.step(4 * DAY)
    path = f"/finance/202501/orders/{case.order.id}/statement_transactions"
    data = (await wire.call("GET", path)).data
    revenues = [row["revenue_amount"] for row in data["sku_transactions"]]
    assert revenues == ["59", "-59"]
    assert data["revenue_amount"] == "0"
    assert data["total_count"] == 2
    listed = sum(float(line["settlement_amount"]) for line in await _lines(wire))
    assert float(data["settlement_amount"]) == pytest.approx(listed)


async def test_an_offer_that_was_taken_is_refunded_in_part(wire: Wire) -> None:
    case = wire.ask("REFUND", "JKT-BLU-M")
    case.partial = 1000
    wire.sim.channel.aftersales.move(case, "offer", "SELLER")
    wire.sim.channel.aftersales.answer_offer(case, accept=True)
    wire.sim.clock.step(4 * DAY)
    line = next(line for line in await _lines(wire) if line["id"] == case.id)
    assert line["revenue_amount"] == "-10"


async def test_payouts_follow_statements(wire: Wire) -> None:
    wire.order("JKT-BLU-M")
    query = {"sort_field": "create_time"}
    wire.sim.clock.step(2 * DAY)
    row = (await wire.call("GET", "/finance/202605/payments", query=query)).data["payments"][0]
    assert (row["status"], "paid_time" in row) == ("PROCESSING", False)
    withdrawn = {"types": "WITHDRAW"}
    assert (await wire.call("GET", "/finance/202309/withdrawals", query=withdrawn)).data["withdrawals"] == []
    wire.sim.clock.step(DAY)
    paid = (await wire.call("GET", "/finance/202309/payments", query=query)).data["payments"][0]
    assert (paid["status"], paid["id"]) == ("PAID", row["id"])
    out = (await wire.call("GET", "/finance/202309/withdrawals", query=withdrawn)).data["withdrawals"]
    assert [entry["amount"] for entry in out] == [paid["amount"]["value"]]


async def test_what_finance_calls_insist_on(wire: Wire) -> None:
    for path, query in (
        (STATEMENTS, {}),
        (STATEMENTS, {"sort_field": "create_time"}),
        (STATEMENTS, {"sort_field": "statement_time", "statement_time_ge": "soon"}),
        ("/finance/202507/orders/unsettled", {}),
        ("/finance/202309/withdrawals", {}),
        ("/finance/202309/withdrawals", {"types": "SOMETHING"}),
    ):
        assert (await wire.call("GET", path, query=query)).code == 98001004, (path, query)
    assert (
        await wire.call("GET", STATEMENTS, query={"sort_field": "statement_time", "page_size": "101"})
    ).code == 25001001


async def test_pages_of_statements(wire: Wire) -> None:
    for age in range(8, 3, -1):
        wire.order("MUG-GRN", created_at=int(wire.sim.clock.now()) - age * DAY)
    wire.sim.clock.step(3 * DAY)
    query = {"sort_field": "statement_time", "page_size": "2", "sort_order": "DESC"}
    times: list[int] = []
    while True:
        data = (await wire.call("GET", STATEMENTS, query=query)).data
        times += [row["statement_time"] for row in data["statements"]]
        if not data["next_page_token"]:
            break
        query["page_token"] = data["next_page_token"]
    assert times == sorted(times, reverse=True)
    assert len(times) == 5
    since = {"sort_field": "statement_time", "statement_time_ge": str(times[1])}
    assert len((await wire.call("GET", STATEMENTS, query=since)).data["statements"]) == 2
