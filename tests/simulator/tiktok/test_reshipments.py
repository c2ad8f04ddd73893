"""Exchanges, and replacements and exchanges whose goods are out of stock."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Return
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import Wire

REASON = "seller_reject_apply_item_is_correct"
ELIGIBILITY = "/return_refund/202601/decision_eligibility"
WORDS = ("APPROVE_EXCHANGE", "ISSUE_EXCHANGE_REFUND", "REJECT_EXCHANGE")


async def _eligible(wire: Wire, case: Return) -> set[str]:
    reply = await wire.call("GET", ELIGIBILITY, query={"return_or_cancel_id": case.id})
    return {row["decision"] for row in reply.data["decisions"] if row["eligible"]}


async def _order(wire: Wire, case: Return) -> dict[str, Any]:
    reply = await wire.call("GET", "/order/202507/orders", query={"ids": case.replacement_order_id})
    return dict(reply.data["orders"][0])


async def test_an_exchange_sends_another_variant(wire: Wire) -> None:
    case = wire.ask("EXCHANGE", "JKT-BLU-M", "JKT-BLU-M")
    row = (await wire.search({"return_ids": [case.id]})).data["return_orders"][0]
    assert (row["return_type"], row["return_status"]) == ("EXCHANGE", m.EXCHANGE_PENDING)
    assert row["seller_next_action_response"][0]["action"] == "SELLER_RESPOND_EXCHANGE"
    assert await _eligible(wire, case) == set(WORDS)
    assert (await wire.approve(case, "APPROVE_RETURN")).code == 25020004
    assert (await wire.approve(case, "APPROVE_EXCHANGE")).code == 0
    assert case.status == m.EXCHANGE_COMPLETE
    made = await _order(wire, case)
    assert (made["is_exchange_order"], made["exchange_source_order_id"]) == (True, case.order.id)
    assert (made["is_replacement_order"], made["payment"]["total_amount"]) == (False, "0")
    assert [line["seller_sku"] for line in made["line_items"]] == ["JKT-BLU-L"] * 2
    assert wire.sim.books.of(wire.shop.id).refunds == []


async def test_the_goods_of_an_exchange_come_back_without_a_status(wire: Wire) -> None:
    case = wire.ask("EXCHANGE", exchange_for=[wire.sim.channel.sales.product(wire.shop, "MUG-GRN")])
    await wire.approve(case, "APPROVE_EXCHANGE")
    wire.sim.channel.aftersales.ship(case)
    wire.sim.channel.aftersales.deliver(case)
    assert (case.status, case.due_action) == (m.EXCHANGE_COMPLETE, None)
    assert 0 < case.shipped_at <= case.delivered_at
    assert [line["seller_sku"] for line in (await _order(wire, case))["line_items"]] == ["MUG-GRN"]


async def test_an_exchange_refunded_or_refused(wire: Wire) -> None:
    refunded, refused, withdrawn = (wire.ask("EXCHANGE") for _ in range(3))
    assert (await wire.approve(refunded, "ISSUE_EXCHANGE_REFUND")).code == 0
    assert (await wire.reject(refused, "REJECT_EXCHANGE", REASON)).code == 0
    wire.sim.channel.aftersales.withdraw(withdrawn)
    assert [case.status for case in (refunded, refused, withdrawn)] == [
        m.EXCHANGE_REFUNDED,
        m.EXCHANGE_CANCELLED,
        m.EXCHANGE_CANCELLED,
    ]
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert [entry["return_id"] for entry in wire.sim.books.of(wire.shop.id).refunds] == [refunded.id]
    again = wire.sim.channel.aftersales.request(refused.order, "REFUND", refused.order.lines)
    assert again.status == m.PENDING  # a refused exchange leaves the units free


async def test_a_shop_whose_api_has_other_words_for_it_or_none(wire: Wire) -> None:
    wire.shop.switches.exchange_words = ("ACCEPT_SWAP", "REFUND_SWAP", "REFUSE_SWAP")
    case = wire.ask("EXCHANGE")
    assert await _eligible(wire, case) == {"ACCEPT_SWAP", "REFUND_SWAP", "REFUSE_SWAP"}
    assert (await wire.approve(case, "APPROVE_EXCHANGE")).code == 25001001
    assert (await wire.approve(case, "ACCEPT_SWAP")).code == 0
    wire.shop.switches.exchange_words = ()
    case = wire.ask("EXCHANGE")
    assert await _eligible(wire, case) == set()
    for word in (*WORDS[:2], "ACCEPT_SWAP"):
        assert (await wire.approve(case, word)).code == 25001001
    asked = await wire.call("GET", ELIGIBILITY, query={"return_or_cancel_id": case.id, "check_decisions": WORDS[0]})
    assert asked.code == 25001001
    wire.sim.clock.advance_to(case.due_at)
    assert case.status == m.EXCHANGE_COMPLETE  # the clock answers all the same


@pytest.mark.parametrize(("kind", "word"), [("REPLACEMENT", "APPROVE_REPLACEMENT"), ("EXCHANGE", "APPROVE_EXCHANGE")])
async def test_out_of_stock_an_approval_is_refused(wire: Wire, kind: str, word: str) -> None:
    product = wire.sim.channel.sales.product(wire.shop, "MUG-GRN")
    product.stock = 1
    options: dict[str, Any] = {"exchange_for": [product, product]} if kind == "EXCHANGE" else {}
    case = wire.ask(kind, "MUG-GRN", "MUG-GRN", **options)
    assert word not in await _eligible(wire, case)
    assert (await wire.approve(case, word)).code == 25020003
    assert case.status in m.REQUESTED
    product.stock = 2
    assert (await wire.approve(case, word)).code == 0
    assert product.stock == 0
    assert case.status in m.RESHIPPED


async def test_out_of_stock_an_approval_ends_as_a_refund(wire: Wire) -> None:
    product = wire.sim.channel.sales.product(wire.shop, "MUG-GRN")
    product.stock = 0
    late, disputed = wire.ask("REPLACEMENT", "MUG-GRN"), wire.ask("REPLACEMENT", "MUG-GRN")
    aftersales = wire.sim.channel.aftersales
    aftersales.move(disputed, "reject", "SELLER")
    aftersales.arbitrate(disputed, "IN_PROGRESS")
    aftersales.arbitrate(disputed, "SUPPORT_BUYER")
    wire.sim.clock.advance_to(late.due_at)  # the platform cannot approve either
    wire.shop.switches.without_stock = "refund"
    case = wire.ask("EXCHANGE", "MUG-GRN", exchange_for=[product])
    assert "APPROVE_EXCHANGE" in await _eligible(wire, case)
    assert (await wire.approve(case, "APPROVE_EXCHANGE")).code == 0
    assert [one.status for one in (late, disputed, case)] == [
        m.REPLACEMENT_REFUNDED,
        m.REPLACEMENT_REFUNDED,
        m.EXCHANGE_REFUNDED,
    ]
    assert [one.replacement_order_id for one in (late, disputed, case)] == ["", "", ""]
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    paid = {entry["return_id"] for entry in wire.sim.books.of(wire.shop.id).refunds}
    assert paid == {late.id, disputed.id, case.id}


async def test_markets_without_them(wire: Wire) -> None:
    wire.shop.market = wire.sim.channel.world.add_shop(ShopSpec(region="TH")).market
    for kind in ("REPLACEMENT", "EXCHANGE"):
        with pytest.raises(ApiError):
            wire.ask(kind)
