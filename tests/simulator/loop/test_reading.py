"""List, details and notices: windows, default states, pages, and how the two shapes of a return differ."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator
from tests.simulator.wire import START

from .desk import DeskClient

DAY = 86400.0
LIST = "/warehouse/return/list"


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


async def ids(client: DeskClient, **query: str) -> list[int]:
    reply = await client.call("GET", LIST, **query)
    assert reply.status == 200, reply.body
    rows = reply.body["returns"] if isinstance(reply.body, dict) else reply.body
    return [int(row["id"]) for row in rows]


async def test_windows(sim: Simulator, client: DeskClient) -> None:
    first = (await client.create(client.order())).id
    sim.clock.step(2 * DAY)
    second = (await client.create(client.order())).id
    assert await ids(client) == [second]
    start = at(START)
    assert await ids(client, **{"from": start}) == [first]
    assert await ids(client, **{"from": start, "to": at(START + 3 * DAY)}) == [first, second]
    assert await ids(client, to=at(START + DAY)) == [second]
    assert await ids(client, **{"from": start[:10], "to": at(START + 3 * DAY)}) == [first, second]
    assert await ids(client, **{"from": at(START), "to": at(START)}) == [first]
    for wrong in (
        {"from": "yesterday"},
        {"from": start, "to": "soon"},
        {"from": start, "to": at(START + 121 * DAY)},
        {"from": start, "to": at(START - DAY)},
        {"state": "done"},
        {"filter": "closed_at"},
        {"paginate": "true", "pageSize": "751"},
        {"paginate": "true", "cursor": "nonsense"},
    ):
        reply = await client.call("GET", LIST, **wrong)
        assert (reply.status, set(reply.body)) == (422, {"message", "errors"}), wrong


async def test_review_and_cancelled_are_left_out_unless_asked_for(sim: Simulator, client: DeskClient) -> None:
    made = [await client.create(client.order()) for _ in range(4)]
    await client.call("POST", f"/warehouse/return/{made[1].id}/close")
    await client.call("POST", f"/warehouse/return/{made[2].id}/cancel")
    await client.call("POST", f"/warehouse/return/{made[3].id}/flag")
    assert await ids(client) == [made[0].id, made[1].id]
    assert await ids(client, state="cancelled") == [made[2].id]
    assert await ids(client, state="review") == [made[3].id]
    sim.clock.step(DAY / 2)
    await client.call("POST", f"/warehouse/return/{made[0].id}/close")
    later = {"from": at(START + 100), "filter": "updated_at"}
    assert await ids(client, **later) == [made[0].id]
    assert await ids(client, **{"from": at(START + 100)}) == []


async def test_pages_are_followed_by_their_links(sim: Simulator, client: DeskClient) -> None:
    made = [(await client.create(client.order())).id for _ in range(7)]
    assert await ids(client) == made
    reply = await client.call("GET", LIST, paginate="true", pageSize="3", filter="updated_at")
    assert reply.body["previousPageUrl"] is None
    seen = [int(row["id"]) for row in reply.body["returns"]]
    pages = 1
    while reply.body["nextPageUrl"]:
        assert reply.body["nextPageUrl"].startswith(client.api + LIST)
        reply = await client.call("GET", reply.body["nextPageUrl"])
        seen += [int(row["id"]) for row in reply.body["returns"]]
        pages += 1
    assert (seen, pages) == (made, 3)
    back = await client.call("GET", reply.body["previousPageUrl"])
    assert [int(row["id"]) for row in back.body["returns"]] == made[3:6]
    # What leaves the window or comes in between pages neither repeats nor hides anything.
    reply = await client.call("GET", LIST, paginate="true", pageSize="3")
    await client.call("POST", f"/warehouse/return/{made[0]}/cancel")
    rest = await client.call("GET", reply.body["nextPageUrl"])
    assert [int(row["id"]) for row in rest.body["returns"]] == made[3:6]


async def test_the_two_shapes_differ(sim: Simulator, client: DeskClient) -> None:
    order = client.order("MUG-GRN", "LIP-MNT")
    each = await client.create(order, "LIP-MNT")
    await client.call("POST", f"/warehouse/return/{each.id}/process")
    sim.clock.step(10)
    (listed,) = (await client.call("GET", LIST)).body
    detail = (await client.call("GET", "/warehouse/return/details", order_name=order.name)).body
    for name in ("id", "order_id", "provider_order_id"):
        assert (type(listed[name]), type(detail[name])) == (str, int), name
        assert int(listed[name]) == detail[name]
    line, full = listed["line_items"][0], detail["line_items"][0]
    assert (line["return_reason"], line["parent_return_reason"]) == (full["reason"], full["parent_reason"])
    assert "reason" not in line
    assert "return_reason" not in full
    assert full["provider_line_item_id"] == order.lines[1].number_id
    assert (type(line["provider_line_item_id"]), type(full["provider_line_item_id"])) == (str, int)
    assert "customer_email" not in listed
    assert detail["customer_email"] == order.email
    assert listed["shopify_refund_object"][0]["provider_refund_id"] == order.refund_list[0].number_id
    assert "shopify_refund_object" not in detail
    assert listed["refund"] == f"{each.refund / 100:.2f}"
    by_order = (await client.call("GET", "/warehouse/return/details", order_id=str(detail["order_id"]))).body
    assert by_order["id"] == each.id


async def test_notes_and_fraud_reports(client: DeskClient) -> None:
    each = await client.create(client.order())
    path = f"/warehouse/return/{each.id}"
    assert (await client.call("GET", f"{path}/notes")).status == 422
    for wrong in ("", "x" * 255, None):
        assert (await client.call("POST", f"{path}/note", {"content": wrong})).status == 422
    assert (await client.call("POST", f"{path}/note", {"content": "x" * 254})).body == "true"
    (note,) = (await client.call("GET", f"{path}/notes")).body["notes"]
    assert note["content"] == "x" * 254
    report = f"/returns/{each.id}/fraud-report"
    assert (await client.call("POST", report, {"category": "theft"})).status == 422
    assert (await client.call("POST", report, {"category": "other"})).status == 422
    assert (await client.call("POST", report, {"category": "item-is-worn"})).status == 201
    assert (await client.call("POST", report, {"category": "item-is-worn"})).status == 409
    assert (await client.call("POST", "/returns/1/fraud-report", {"category": "item-is-worn"})).status == 404


async def test_links_into_the_portal(client: DeskClient, desk: Desk) -> None:
    order = client.order()
    assert order.shipping_address is not None
    body = {"name": order.name, "zip": order.shipping_address.zip}
    reply = await client.call("POST", "/order/link", body)
    assert "/#/link/" in reply.body["url"]
    picture = (await client.call("POST", "/order/qr", {**body, "type": "svg"})).body
    async with client.session.get(picture["qr"]) as answer:
        assert (answer.status, picture["deeplink_url"] in await answer.text()) == (200, True)
    assert len(desk.links) == 2
    for wrong in ({**body, "zip": "00000"}, {"name": order.name}, {**body, "name": "no such"}):
        refused = await client.call("POST", "/order/link", wrong)
        assert (refused.status, len(refused.body["errors"])) == (400, 1)


async def test_lines_taken_out_free_their_pieces_and_close_the_return(sim: Simulator, client: DeskClient) -> None:
    order = client.order("MUG-GRN", "MUG-GRN")
    document = (await client.fill_item((await client.begin(order)).body, "MUG-GRN")).body
    done = await client.finish((await client.fill_item(document, "MUG-GRN")).body)
    each = client.desk.returns[done.body["draft_return"]["return_id"]]
    path = f"/warehouse/return/{each.id}/remove"
    for query in ("", "?line_item_id=", "?line_item_id=1"):
        assert (await client.call("POST", path + query)).status == 422
    gone, stays = (line.unit.id for line in each.lines)
    assert (await client.call("POST", path, line_item_id=str(gone))).body is True
    assert (each.state, each.was_processed, [line.unit.id for line in each.staying]) == ("closed", True, [stays])
    assert order.refund_list[0].amount_minor == each.lines[1].unit.worth
    assert sum(line.quantity for line in order.return_list[0].lines) == 1
    assert (await client.call("POST", path, line_item_id=str(stays))).status == 422
    again = (await client.begin(order)).body["context"]["items_eligible_to_return"]
    assert again == [{"order_line_item_id": gone}]


@pytest.mark.parametrize("flagged", [False, True])
async def test_taking_out_every_line_pays_nothing(client: DeskClient, flagged: bool) -> None:
    order = client.order()
    each = await client.create(order)
    if flagged:
        await client.call("POST", f"/warehouse/return/{each.id}/flag")
    reply = await client.call("POST", f"/warehouse/return/{each.id}/remove", line_item_id=str(each.lines[0].unit.id))
    if flagged:
        assert (reply.status, list(reply.body["errors"][0])) == (403, ["message"])
    assert (each.state, order.refund_list) == ("review" if flagged else "closed", [])
