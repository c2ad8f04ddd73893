"""The desk on the control API: its credentials and settings, its staff, its carriers, its books; and a saved world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from backhaul.simulator import snapshot
from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START

from .conftest import DOMAIN
from .desk import DeskClient

DAY = 86400.0


async def test_a_desk_is_described_and_changed(sim: Simulator, control: ControlClient, client: DeskClient) -> None:
    (shop,) = (await control.describe())["shops"]
    desk = shop["desk"]
    assert desk["base"] == sim.addresses["loop"] + "/api/2026-10"
    assert desk["key"].startswith("sim_loop_")
    client.key = desk["key"]
    assert (await client.call("GET", "/webhooks")).status == 200
    changed = await control.change_desk(shop["id"], window_days=14, reasons={"Fit": ["Too small"]})
    assert (changed["settings"]["window_days"], changed["settings"]["reasons"]) == (14, {"Fit": ["Too small"]})
    key = await control.call("POST", f"/loop/{DOMAIN}/keys", {"name": "reader", "scopes": ["returns"]})
    client.key = key["key"]
    assert (await client.call("GET", "/warehouse/return/list")).status == 200
    assert (await client.call("GET", "/webhooks")).status == 401
    left = await control.call("DELETE", f"/loop/{DOMAIN}/keys?name=reader")
    assert left == {"keys": ["all rights"]}
    assert (await client.call("GET", "/warehouse/return/list")).status == 401
    assert [each["shop"] for each in (await control.call("GET", "/loop"))["desks"]] == [DOMAIN]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/shops", {"desk": "loop"}, 400),
        ("POST", "/shops", {"desk": "loope", "commerce_domain": "new.myshopify.com"}, 400),
        ("POST", "/shops", {"desk": "loop", "commerce_domain": "a.myshopify.com", "desk_settings": {"x": 1}}, 400),
        ("PATCH", f"/loop/{DOMAIN}", {"no_such": 1}, 400),
        ("PATCH", "/loop/none.myshopify.com", {}, 404),
        ("POST", f"/loop/{DOMAIN}/keys", {"scopes": ["all"]}, 400),
        ("GET", f"/loop/{DOMAIN}/returns/1", None, 404),
        ("POST", f"/loop/{DOMAIN}/returns/1/process", {}, 404),
        ("POST", f"/loop/{DOMAIN}/returns", {"order": "no such"}, 404),
    ],
)
async def test_senseless_commands_are_refused(
    control: ControlClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    with pytest.raises(ControlError) as refused:
        await control.call(method, path, body)
    assert refused.value.status == status


async def test_staff_work_a_return_through(sim: Simulator, control: ControlClient, client: DeskClient) -> None:
    order = client.order("MUG-GRN", "LIP-MNT")
    made = await control.open_desk_return(DOMAIN, order.name, skus=["LIP-MNT"], parent_reason="Fit", reason="Too small")
    assert (made["state"], made["by"], [line["sku"] for line in made["lines"]]) == ("open", "Loop staff", ["LIP-MNT"])
    number = made["id"]
    with pytest.raises(ControlError) as refused:
        await control.open_desk_return(DOMAIN, order.name, skus=["LIP-MNT"])
    assert refused.value.status == 409
    await control.desk_act(DOMAIN, number, "flag")
    with pytest.raises(ControlError) as refused:
        await control.desk_act(DOMAIN, number, "process")
    assert (refused.value.status, "review" in str(refused.value)) == (409, True)
    await control.desk_act(DOMAIN, number, "unflag")
    with pytest.raises(ControlError):
        await control.desk_act(DOMAIN, number, "scan")
    await control.desk_act(DOMAIN, number, "label")
    await control.step(5)
    scanned = await control.desk_act(DOMAIN, number, "scan")
    assert scanned["labels"][0]["status"] == "in_transit"
    assert (await control.desk_act(DOMAIN, number, "deliver"))["labels"][0]["status"] == "delivered"
    graded = await control.desk_act(DOMAIN, number, "grade", condition="sellable", disposition="restock")
    assert (graded["lines"][0]["condition"], graded["lines"][0]["disposition"]) == ("sellable", "restock")
    detail = (await client.call("GET", "/warehouse/return/details", return_id=str(number))).body
    assert (detail["line_items"][0]["condition"], detail["line_items"][0]["disposition"]) == ("sellable", "restock")
    assert detail["line_items"][0]["returned_at"]
    await control.desk_act(DOMAIN, number, "note", content="looks fine")
    assert (await client.call("GET", f"/warehouse/return/{number}/notes")).body["notes"][0]["content"] == "looks fine"
    await control.desk_act(DOMAIN, number, "process")
    await control.step(10)
    books = (await control.books())["loop"][DOMAIN]
    assert books["returns"][str(number)]["was_processed"] is True
    acts = [(act["act"], act["by"]) for act in books["acts"]]
    assert ("process", "Loop staff") in acts
    assert ("label asked", "Loop staff") in acts
    assert books["refunds"][0]["amount"] == made["refund"]
    assert [(row["by"], row["cost"]) for row in books["labels"]] == [("loop", 725)]
    assert [row["id"] for row in await control.desk_returns(DOMAIN)] == [number]
    for action, body in (("grade", {"condition": "eaten"}), ("track", {"status": "lost"}), ("tell", {"trigger": "x"})):
        with pytest.raises(ControlError) as refused:
            await control.desk_act(DOMAIN, number, action, **body)
        assert refused.value.status == 400


async def test_two_shops_share_the_desk_of_their_store(sim: Simulator, control: ControlClient) -> None:
    second = await control.add_shop(name="Two", commerce_domain=DOMAIN, desk="loop")
    third = await control.add_shop(name="Three", commerce_domain=DOMAIN)
    assert second["desk"]["shop_id"] == sim.loop.world.desk(DOMAIN).shop_id
    assert third["desk"] is None


async def test_a_saved_world_goes_on(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    path = tmp_path / "state"
    spec = ShopSpec(name="One", commerce_domain=DOMAIN, desk="loop", desk_settings={"label_days": 10})
    async with Simulator(seed=7, shops=[spec], rate=0, start=START) as before:
        client = DeskClient(before, before.loop.world.desk(DOMAIN), session)
        expires, processed, cancelled = [(await client.create(client.order())).id for _ in range(3)]
        await client.call("POST", f"/returns/{expires}/labels")
        before.clock.step(5)
        await client.call("POST", f"/warehouse/return/{processed}/process")
        draft = (await client.begin(client.order())).body["draft_return"]["id"]
        snapshot.save(before, path)
    after = Simulator(seed=99, rate=0)
    snapshot.load(after, path)
    async with after:
        desk = after.loop.world.desk(DOMAIN)
        again = DeskClient(after, desk, session)
        assert (await again.call("GET", f"/draft-returns/{draft}")).body["draft_return"]["state"] == "created"
        await again.call("POST", f"/warehouse/return/{cancelled}/cancel")
        after.clock.step(60)
        assert (desk.returns[processed].was_processed, desk.returns[expires].state) == (True, "open")
        after.clock.step(10 * DAY)
        assert desk.returns[expires].state == "expired"
        made = await again.create(again.order())
        assert made.id not in (expires, processed, cancelled)
        books = after.commerce.books(DOMAIN)["orders"].values()
        assert sorted(each["status"] for order in books for each in order["returns"])[0] == "CANCELED"
        assert after.describe()["shops"][0]["desk"]["key"] == client.key
        assert after.books.problems == []
