"""The life of a return in the desk, with its twin in the store and its refund there."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.loop.model import Desk, Return
from backhaul.simulator.server import Simulator
from backhaul.simulator.shopify import returns as store

from .conftest import DOMAIN
from .desk import DeskClient


def books(sim: Simulator, each: Return) -> Any:
    store = sim.commerce.books(DOMAIN)["orders"]
    return next(order for order in store.values() if order["name"] == each.order.name)


async def test_a_return_opens_its_twin_and_is_paid_back_in_the_store(sim: Simulator, client: DeskClient) -> None:
    order = client.order("MUG-GRN", "MUG-GRN", "LIP-MNT")
    each = await client.create(order, "MUG-GRN")
    (twin,) = books(sim, each)["returns"]
    assert (twin["status"], twin["by"], len(twin["lines"]), twin["lines"][0]["quantity"]) == ("OPEN", "loop", 1, 1)
    assert str(each.id) in twin["lines"][0]["note"]
    assert (await client.call("POST", f"/warehouse/return/{each.id}/process")).body is True
    assert (each.state, each.queued) == ("open", True)
    assert (await client.call("POST", f"/warehouse/return/{each.id}/process")).body is True
    sim.clock.step(10)
    detail = (await client.call("GET", "/warehouse/return/details", return_id=str(each.id))).body
    assert (detail["state"], detail["was_processed"], detail["id"]) == ("closed", True, each.id)
    assert detail["outcomes_processed_at"]["refund_processed"]
    (refund,) = books(sim, each)["refunds"]
    assert (refund["by"], refund["amount_minor"], refund["gateways"]) == ("loop", each.refund, ["TikTok Shop"])
    assert refund["return"] == twin["id"]
    assert [line["quantity"] for line in refund["lines"]] == [1]
    assert books(sim, each)["returns"][0]["status"] == "CLOSED"
    assert sim.loop.books(sim.loop.world.desk(DOMAIN))["refunds"][0]["amount"] == each.refund


async def test_processing_fails_when_the_store_refuses(sim: Simulator, client: DeskClient) -> None:
    order = client.order("MUG-GRN")
    each = await client.create(order)
    sim.commerce.refund_by_other(DOMAIN, order.id)
    assert (await client.call("POST", f"/warehouse/return/{each.id}/process")).body is True
    sim.clock.step(10)
    assert (each.state, each.was_processed) == ("open", False)
    assert each.failure
    assert len(books(sim, each)["refunds"]) == 1


@pytest.mark.parametrize(("act", "state", "twin"), [("cancel", "cancelled", "CANCELED"), ("close", "closed", "CLOSED")])
async def test_ends_are_mirrored_both_ways(sim: Simulator, client: DeskClient, act: str, state: str, twin: str) -> None:
    each = await client.create(client.order())
    assert (await client.call("POST", f"/warehouse/return/{each.id}/{act}")).body is True
    assert (each.state, each.was_processed, books(sim, each)["returns"][0]["status"]) == (state, False, twin)
    assert books(sim, each)["refunds"] == []
    other = await client.create(client.order())
    hands = sim.commerce.act(DOMAIN, "other")
    found = hands.shop.tables["Return"][other.store_number or 0]
    (store.cancel if act == "cancel" else store.close)(hands, found.id)
    assert (other.state, other.was_processed) == (state, False)


async def test_cancelled_pieces_come_back_and_closed_ones_do_not(client: DeskClient) -> None:
    order = client.order()
    first = await client.create(order)
    again = (await client.begin(order)).body
    assert again["context"]["items_not_eligible_to_return"][0]["ineligibility_code"] == "already-returned"
    assert "add-returning-item" not in again["_links"]
    await client.call("POST", f"/warehouse/return/{first.id}/cancel")
    second = await client.create(order)
    await client.call("POST", f"/warehouse/return/{second.id}/close")
    assert (await client.begin(order)).body["context"]["items_eligible_to_return"] == []


async def test_refusals_ride_on_http_200_in_several_forms(client: DeskClient, desk: Desk) -> None:
    each = await client.create(client.order())

    async def refused(action: str) -> Any:
        reply = await client.call("POST", f"/warehouse/return/{each.id}/{action}")
        assert reply.status == 200
        assert reply.body is not True
        return reply.body

    assert (await client.call("POST", f"/warehouse/return/{each.id}/flag")).body is True
    assert each.state == "review"
    assert "message" in await refused("process")
    assert "content" in await refused("cancel")
    assert "message" in await refused("flag")
    assert (await client.call("POST", f"/warehouse/return/{each.id}/close")).body is True
    assert (await refused("process"))["errors"]["code"] == "UNPROCESSABLE_RETURN"
    assert (await refused("cancel"))["errors"]["code"] == "UNPROCESSABLE_RETURN"
    each = await client.create(client.order())
    await client.call("POST", f"/warehouse/return/{each.id}/cancel")
    assert "message" in await refused("process")
    reply = await client.call("POST", "/warehouse/return/1/process")
    assert (reply.status, reply.body["errors"]["code"]) == (200, "NOT_FOUND")
    for query in ("return_id=1", "", "return_id=1&order_name=x", "order_name=no+such"):
        reply = await client.call("GET", f"/warehouse/return/details?{query}")
        assert (reply.status, set(reply.body)) == (200, {"errors"})
    assert len(desk.refused) == 11
