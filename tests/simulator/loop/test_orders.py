"""Orders that were pushed to the desk, beside those of the store."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator

from .desk import DeskClient

ORDER: dict[str, Any] = {
    "external_id": "5770001",
    "name": "TT-5770001",
    "channel": "TikTok Shop",
    "created_at": "2026-11-01T10:00:00Z",
    "total_price": {"amount": 2400, "currency_code": "USD"},
    "shipping_address": {
        "name": "A B",
        "address1": "1 Street",
        "city": "Albany",
        "country_code": "US",
        "postal_code": "12207",
    },
    "line_items": [
        {"sku": "MUG-GRN", "title": "Mug", "quantity": 2, "price": {"amount": 1200, "currency_code": "USD"}}
    ],
}


async def test_an_order_is_pushed_once_and_changed_after(client: DeskClient) -> None:
    first = (await client.call("PUT", "/orders", ORDER)).body["order"]
    again = (await client.call("PUT", "/orders", {**ORDER, "channel": "TTS"})).body["order"]
    assert (first["id"], type(first["id"]), again["channel"]) == (again["id"], int, "TTS")
    assert (await client.call("POST", "/orders", ORDER)).status == 400
    path = f"/orders/{first['id']}"
    headers = {"X-Loop-Global-Identifier-Type": "string"}
    read = (await client.call("GET", path, headers=headers)).body["order"]
    assert (read["id"], read["external_id"]) == (str(first["id"]), "5770001")
    assert (await client.call("PUT", path, {"status": "archived"})).body["order"]["status"] == "archived"
    assert (await client.call("DELETE", path)).status == 204
    assert (await client.call("GET", path)).body["errors"]["code"] == "ORDER_NOT_FOUND"


async def test_pages(client: DeskClient) -> None:
    for number in range(5):
        await client.call("PUT", "/orders", {**ORDER, "external_id": str(number), "name": f"TT-{number}"})
    reply = await client.call("GET", "/orders", limit="2")
    found = list(reply.body["orders"])
    while reply.body["next_page_url"]:
        reply = await client.call("GET", reply.body["next_page_url"])
        found += reply.body["orders"]
    assert [order["external_id"] for order in found] == ["0", "1", "2", "3", "4"]
    assert [o["name"] for o in (await client.call("GET", "/orders", external_id="3")).body["orders"]] == ["TT-3"]
    for wrong in ({"limit": "251"}, {"limit": "x"}, {"cursor": "x"}):
        assert (await client.call("GET", "/orders", **wrong)).status == 400


async def test_the_date_is_wanted_from_2026_10_on(sim: Simulator, client: DeskClient) -> None:
    without = {name: value for name, value in ORDER.items() if name != "created_at"}
    assert (await client.call("PUT", "/orders", without)).status == 400
    client.api = f"{sim.addresses['loop']}/api/2026-07"
    assert (await client.call("PUT", "/orders", without)).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"total_price": 5},
        {"total_price": {"amount": "5"}},
        {"external_id": ""},
        {"line_items": "x"},
        {"line_items": [{"quantity": "2"}]},
        {"line_items": [{"price": 5}]},
        {"shipping_address": "x"},
    ],
)
async def test_half_an_order_is_refused(client: DeskClient, desk: Desk, wrong: dict[str, Any]) -> None:
    assert (await client.call("PUT", "/orders", {**ORDER, **wrong})).status == 400
    assert desk.pushed == {}


async def test_a_shop_may_take_none(client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"accepts_orders": False})
    assert (await client.call("PUT", "/orders", ORDER)).status == 400


async def test_a_pushed_order_can_come_back_and_nothing_is_paid_in_the_store(
    sim: Simulator, client: DeskClient, desk: Desk
) -> None:
    await client.call("PUT", "/orders", ORDER)
    begun = await client.call("POST", "/draft-returns", {"order_name": "TT-5770001", "secondary_input": "12207"})
    done = await client.finish((await client.fill_item(begun.body, "MUG-GRN")).body)
    each = desk.returns[done.body["draft_return"]["return_id"]]
    await client.call("POST", f"/warehouse/return/{each.id}/process")
    sim.clock.step(10)
    assert (each.state, each.refunds[0]["provider_refund_id"], each.refunds[0]["amount"]) == ("closed", None, 1200)
    (row,) = (await client.call("GET", "/warehouse/return/list")).body
    assert (row["provider_order_id"], row["shopify_refund_object"]) == (None, [])
    assert sim.commerce.books(desk.domain)["orders"] == {}
