"""Labels: bought after a while, real files, used, replaced, expired; and the parcel of the channel moves them."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator

from .desk import DeskClient

DAY = 86400.0


async def label_of(client: DeskClient, return_id: int) -> Any:
    detail = (await client.call("GET", "/warehouse/return/details", return_id=str(return_id))).body
    return detail["labels"][0] if detail["labels"] else None


async def test_a_label_is_there_after_a_while_and_is_a_pdf(sim: Simulator, client: DeskClient) -> None:
    each = await client.create(client.order())
    queued = await client.call("POST", f"/returns/{each.id}/labels")
    assert (queued.status, queued.body["returnId"]) == (202, each.id)
    assert await label_of(client, each.id) is None
    again = await client.call("POST", f"/returns/{each.id}/labels")
    assert (again.status, again.body["code"]) == (409, "label_already_exists")
    sim.clock.step(5)
    label = await label_of(client, each.id)
    assert (label["status"], label["rate"], label["line_items"]) == ("new", "7.25", [each.lines[0].unit.id])
    async with client.session.get(label["url"]) as answer:
        content = await answer.read()
        assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert content.startswith(b"%PDF-1.4")
    assert label["tracking_number"].encode() in content
    place = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    assert content[place:].startswith(b"xref\n")
    assert (await client.session.get(label["url"].replace(".pdf", "x.pdf"))).status == 404
    assert (await client.call("POST", f"/returns/{each.id}/labels")).status == 409
    assert (await client.call("POST", "/returns/1/labels")).body["code"] == "return_not_found"


async def test_a_policy_without_labels_and_a_return_that_ended(client: DeskClient, desk: Desk) -> None:
    each = await client.create(client.order())
    desk.settings.change({"labels": False})
    refused = await client.call("POST", f"/returns/{each.id}/labels")
    assert (refused.status, refused.body["code"]) == (422, "return_cannot_receive_label")
    desk.settings.change({"labels": True})
    await client.call("POST", f"/warehouse/return/{each.id}/close")
    assert (await client.call("POST", f"/returns/{each.id}/labels")).status == 422


async def test_an_unused_label_is_replaced(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"label_on_submit": True})
    each = await client.create(client.order())
    path = f"/returns/{each.id}/labels/regenerate"
    assert (await client.call("POST", path)).status == 409
    sim.clock.step(5)
    first = await label_of(client, each.id)
    assert (await client.call("POST", path)).status == 202
    sim.clock.step(5)
    second = await label_of(client, each.id)
    assert first["tracking_number"] != second["tracking_number"]
    assert [label.voided for label in each.labels] == [True, False]
    sim.loop.labels.parcel_moved(first["tracking_number"], "in_transit")
    assert (await label_of(client, each.id))["status"] == "new"
    sim.loop.labels.parcel_moved(second["tracking_number"], "in_transit")
    assert (await client.call("POST", path)).status == 422


async def test_returns_expire_with_their_labels_when_nobody_ships(sim: Simulator, client: DeskClient) -> None:
    unused, used, without = [await client.create(client.order()) for _ in range(3)]
    for each in (unused, used):
        await client.call("POST", f"/returns/{each.id}/labels")
    sim.clock.step(5)
    sim.loop.labels.parcel_moved(used.labels[0].tracking_number, "in_transit")
    sim.clock.step(28 * DAY)
    assert [each.state for each in (unused, used, without)] == ["expired", "open", "open"]
    assert "content" in (await client.call("POST", f"/warehouse/return/{unused.id}/cancel")).body
    assert (await client.call("POST", f"/warehouse/return/{unused.id}/process")).body["errors"]["code"]


@pytest.mark.parametrize(("process_on", "after_scan", "after_delivery"), [
    ("manual", "open", "open"),
    ("in_transit", "closed", "closed"),
    ("delivered", "open", "closed"),
])  # fmt: skip
async def test_the_parcel_of_the_channel_moves_the_label(
    sim: Simulator, client: DeskClient, desk: Desk, process_on: str, after_scan: str, after_delivery: str
) -> None:
    desk.settings.change({"process_on": process_on})
    aftersales = sim.channel.aftersales
    copy = client.order()
    order = sim.channel.world.orders[str(copy.source_identifier)]
    each = await client.create(copy)
    await client.call("POST", f"/returns/{each.id}/labels")
    sim.clock.step(5)
    case = aftersales.request(order, "RETURN_AND_REFUND", order.lines, shipment="BUYER_ARRANGE", auto_approve=True)
    aftersales.ship(case, each.labels[0].tracking_number)
    assert (await label_of(client, each.id))["status"] == "in_transit"
    sim.clock.step(10)
    assert each.state == after_scan
    aftersales.deliver(case)
    assert (await label_of(client, each.id))["status"] == "delivered"
    sim.clock.step(10)
    assert each.state == after_delivery
    assert each.was_processed is (after_delivery == "closed")


async def test_labels_of_another_firm(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"third_party_labels": True})
    each = await client.create(client.order())
    assert (await client.call("POST", f"/returns/{each.id}/labels")).status == 202
    sim.clock.step(60)
    assert each.labels == []
    (request,) = (await client.call("GET", "/label-requests", status="issued")).body["data"]
    assert (request["return_id"], type(request["id"])) == (each.id, str)
    path = f"/label-requests/{request['id']}"
    assert (await client.call("POST", f"{path}/errors", {"reason": "rain"})).status == 400
    reported = await client.call("POST", f"{path}/errors", {"reason": "INVALID_ADDRESS", "message": "no such street"})
    assert reported.body["reason"] == "INVALID_ADDRESS"
    assert (await client.call("GET", path)).body["status"] == "issued"
    label = {
        "label_request_id": int(request["id"]),
        "tracking_number": "1Z999",
        "carrier": "UPS",
        "label_url": "http://127.0.0.1/label.pdf",
        "rate": {"amount": 655, "currency_code": "USD"},
    }
    for name in label:
        wrong = {key: value for key, value in label.items() if key != name}
        assert (await client.call("POST", "/labels", wrong)).status == 400, name
    made = await client.call("POST", "/labels", label)
    assert made.status == 201
    assert made.headers["Location"].endswith(f"/labels/{made.body['id']}")
    assert (await client.call("POST", "/labels", label)).status == 400
    assert (await client.call("GET", "/label-requests", status="issued")).body["data"] == []
    assert (await client.call("PUT", f"/labels/{made.body['id']}", {"status": "delivered"})).status == 200
    assert (await label_of(client, each.id))["status"] == "delivered"
    assert (await client.call("PUT", f"/labels/{made.body['id']}", {"status": "lost"})).status == 400
    assert (await client.call("PUT", "/labels/1", {"status": "delivered"})).status == 400
    assert (await client.call("GET", "/label-requests/1")).status == 404
    assert (await client.call("POST", f"/returns/{each.id}/labels/regenerate")).status == 422
