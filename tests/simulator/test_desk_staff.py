"""The desk's people beside a crowd of buyers."""

from __future__ import annotations

import pytest

from backhaul.simulator.process import ControlClient
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START

HOUR = 3600.0
STORE = "sim-staffed.myshopify.com"


@pytest.mark.parametrize(
    ("damaged_share", "found", "goes"), [(0.0, "sellable", "restock"), (1.0, "damaged", "discard")]
)
async def test_what_a_buyer_sends_back_is_judged_in_the_desk_once(damaged_share: float, found: str, goes: str) -> None:
    specs = [ShopSpec(name="Staffed", commerce_domain=STORE, desk="loop")]
    async with Simulator(seed=7, shops=specs, rate=0, start=START) as sim:
        async with ControlClient(sim.addresses["control"]) as control:
            shop = next(iter(sim.channel.world.shops))
            order = await control.place_order(shop, [{"sku": "MUG-GRN", "quantity": 2}], copy={"style": "tag"})
            follow = {"withdraw_share": 0.0, "inspect_after": 8 * HOUR, "damaged_share": damaged_share}
            asked = await control.ask_return(order["id"], shipment="PLATFORM", auto_approve=True, follow=follow)
            name = (await control.call("GET", f"/orders/{order['id']}"))["commerce_name"]
            await control.open_desk_return(shop, name)
            while not (await control.get_return(asked["id"]))["delivered_at"]:
                await control.step(HOUR)
            (each,) = await control.desk_returns(shop)
            assert {line["condition"] for line in each["lines"]} == {None}
            await control.step(12 * HOUR)
            (each,) = await control.desk_returns(shop)
            assert {(line["condition"], line["disposition"]) for line in each["lines"]} == {(found, goes)}
            await control.step(48 * HOUR)
            acts = [row["act"] for row in sim.loop.books(sim.loop.world.desk(STORE))["acts"]]
            assert acts.count("grade") == len(each["lines"])
        assert sim.books.problems == []


async def test_a_shop_without_a_desk_has_no_such_people() -> None:
    async with Simulator(seed=7, shops=[ShopSpec(name="Plain")], rate=0, start=START) as sim:
        async with ControlClient(sim.addresses["control"]) as control:
            await control.start_buyers(per_minute=60, limit=30)
            await control.step(10 * 24 * HOUR)
        assert any(case.delivered_at for case in sim.channel.world.returns.values())
        assert sim.loop.world.desks == {}
        assert sim.books.problems == []
