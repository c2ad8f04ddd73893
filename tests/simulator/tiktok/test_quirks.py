"""Small things that a client stumbles over, which belong to no larger subject."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.delivery import Message
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import states
from tests.simulator.wire import Wire


async def test_roles_of_records_in_mixed_case(wire: Wire) -> None:
    case = wire.ask()
    wire.sim.channel.aftersales.move(case, "approve", "SELLER")
    wire.sim.channel.aftersales.ship(case)
    rows = (await wire.call("GET", f"/return_refund/202309/returns/{case.id}/records")).data["records"]
    assert [row["role"] for row in rows] == ["BUYER", "Seller", "SYSTEM"]


async def test_a_number_typed_in_by_the_buyer(wire: Wire) -> None:
    by_buyer, by_seller = wire.ask(shipment="BUYER_ARRANGE"), wire.ask(shipment="SELLER")
    aftersales = wire.sim.channel.aftersales
    for case in (by_buyer, by_seller):
        aftersales.move(case, "approve", "SELLER")
    aftersales.ship(by_buyer, "RB123")
    row = (await wire.search({"return_ids": [by_buyer.id]})).data["return_orders"][0]
    assert (row["return_status"], row["return_tracking_number"]) == (m.SHIPPED, "RB123")
    assert (row["shipment_type"], row["return_method"]) == ("BUYER_ARRANGE", "BUYER_SHIPPED")
    assert row["seller_next_action_response"] == []
    aftersales.deliver(by_buyer)
    again = (await wire.search({"return_ids": [by_buyer.id]})).data["return_orders"][0]
    assert again["return_status"] == m.SHIPPED  # there is no status for arrival
    assert again["seller_next_action_response"][0]["action"] == "SELLER_RESPOND_RECEIVE_PACKAGE"
    with pytest.raises(states.IllegalMove):
        aftersales.ship(by_seller)  # there is no label yet


async def test_a_cancellation_by_the_seller_has_no_key(wire: Wire) -> None:
    order = wire.order("MUG-GRN", status="AWAITING_SHIPMENT")
    body = {"order_id": order.id, "cancel_reason": "seller_cancel_reason_out_of_stock"}
    path, key = "/return_refund/202602/cancellations", {"idempotency_key": "k"}
    first = await wire.call("POST", path, body, key)
    assert (first.code, first.data["cancel_status"]) == (0, m.CANCEL_SUCCESS)
    assert (await wire.call("POST", path, body, key)).code == 25001051
    sku = order.lines[0].product.sku_id
    stock = await wire.call("POST", "/product/202309/inventory/search", {"sku_ids": [sku]})
    # The channel takes the seller's word that there is nothing left.
    assert stock.data["inventory"][0]["skus"][0]["total_available_quantity"] == 0


async def test_a_webhook_of_an_unknown_type(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []
    monkeypatch.setattr(wire.sim.delivery, "send", sent.append)
    wire.sim.app.webhook_address = "http://127.0.0.1:9/hook"
    envelope: dict[str, Any] = {"type": 4711, "shop_id": wire.shop.id, "timestamp": 1, "data": {"what": "ever"}}
    assert wire.sim.channel.world.events.emit_raw(wire.shop, envelope) == 1
    assert b'"type":4711' in sent[0].body
    assert sent[0].headers["Authorization"]


async def test_products_and_stock_by_code(wire: Wire) -> None:
    path = "/product/202502/products/search"
    found = await wire.call("POST", path, {"seller_skus": ["JKT-BLU-M", "SNK-WHT-42"]}, {"page_size": "1"})
    assert (found.data["total_count"], len(found.data["products"])) == (2, 1)
    query = {"page_size": "1", "page_token": found.data["next_page_token"]}
    last = await wire.call("POST", path, {"seller_skus": ["JKT-BLU-M", "SNK-WHT-42"]}, query)
    assert last.data["next_page_token"] == ""
    titles = {page.data["products"][0]["title"] for page in (found, last)}
    assert titles == {"Rain jacket", "Canvas sneaker"}
    many = {"sku_ids": [str(number) for number in range(11)]}
    assert (await wire.call("POST", path, many, {"page_size": "1"})).code == 98001004
    assert (await wire.call("POST", path, {}, {})).code == 25001001
    assert (await wire.call("POST", "/product/202309/inventory/search", {})).code == 98001004
