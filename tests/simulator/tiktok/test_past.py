"""A shop with a large past: orders that are made when somebody looks, and everything about them as for any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from backhaul.simulator import snapshot
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START, Wire

DAY = 86400
ORDERS, OPEN = 2000, 120


def _made(seed: int = 5) -> Simulator:
    return Simulator(
        seed=seed, shops=[ShopSpec(name="Large", past_orders=ORDERS, open_returns=OPEN)], rate=0, start=START
    )


@pytest.fixture
async def large(session: aiohttp.ClientSession) -> AsyncIterator[Wire]:
    async with _made() as sim:
        yield Wire(sim, next(iter(sim.channel.world.shops.values())), session)
        assert sim.books.problems == []


async def test_only_what_is_looked_at_is_made(large: Wire) -> None:
    world = large.sim.channel.world
    assert (len(world.orders), world.orders.count()) == (OPEN, ORDERS)
    path, query = "/order/202309/orders/search", {"page_size": "100", "sort_order": "ASC"}
    reply = await large.call("POST", path, {}, query)
    assert reply.data["total_count"] == ORDERS
    assert len(world.orders) == OPEN + 100
    times = [row["create_time"] for row in reply.data["orders"]]
    assert times == sorted(times)
    assert len({row["id"] for row in reply.data["orders"]}) == 100
    again = await large.call("POST", path, {}, query)
    assert again.data["orders"] == reply.data["orders"]
    for status in ("DELIVERED", "COMPLETED"):
        page = await large.call("POST", path, {"order_status": status}, query)
        assert {row["status"] for row in page.data["orders"]} == {status}
    first = reply.data["orders"][0]
    by_buyer = await large.call("POST", path, {"buyer_user_id": first["user_id"]}, query)
    assert [row["id"] for row in by_buyer.data["orders"]] == [first["id"]]
    parcel = await large.call("GET", f"/fulfillment/202309/packages/{first['packages'][0]['id']}")
    assert parcel.data["orders"][0]["id"] == first["id"]
    found = await large.call("POST", "/fulfillment/202309/packages/search", {}, {"page_size": "50"})
    assert found.data["total_count"] == ORDERS


async def test_the_same_seed_makes_the_same_past(large: Wire) -> None:
    other = _made().channel.world
    ids = [row[0] for row in other.orders.pasts[0].rows()]
    assert ids == [row[0] for row in large.sim.channel.world.orders.pasts[0].rows()]
    mine = large.sim.channel.world.orders
    for order_id in (ids[-1], ids[0], ids[700]):  # in whatever order they are asked for
        assert [line.product.seller_sku for line in mine[order_id].lines] == [
            line.product.seller_sku for line in other.orders[order_id].lines
        ]
    assert len({line.id for order_id in ids[:300] for line in mine[order_id].lines}) >= 300
    assert "5766" + "1" * 14 not in mine
    assert mine.get("5766" + "1" * 14) is None


async def test_open_returns_in_every_stage_with_their_clocks(large: Wire) -> None:
    world = large.sim.channel.world
    found = await large.search(page_size="50", sort_field="create_time")
    assert found.data["total_count"] == OPEN
    stages = large.sim.channel.world.indexes[large.shop.id].returns.statuses()
    assert stages[m.PENDING] == OPEN // 2
    assert stages[m.AWAITING_SHIP] == stages[m.SHIPPED] == OPEN // 4
    waiting = [case for case in world.returns.values() if case.status == m.PENDING]
    assert all(case.due_at > START for case in waiting)
    large.sim.clock.step(2 * DAY)
    assert all(case.status in (m.SUCCESS, m.COMPLETE, m.AWAITING_SHIP) for case in waiting)


async def test_past_orders_are_settled_and_completed_when_their_time_comes(large: Wire) -> None:
    world = large.sim.channel.world
    past = world.orders.pasts[0]
    made = len(world.orders)
    statements = await large.call("GET", "/finance/202309/statements", query={"sort_field": "statement_time"})
    assert len(statements.data["statements"]) == 20
    assert float(statements.data["statements"][3]["revenue_amount"]) > 0
    index = world.indexes[large.shop.id].orders
    before = index.statuses()["COMPLETED"]
    large.sim.clock.step(3 * DAY)
    fresh = index.statuses()["COMPLETED"] - before
    assert fresh == sum(1 for number in range(ORDERS) if START < past.completed_at(number) <= START + 3 * DAY) > 0
    assert len(world.orders) > made
    number = before
    assert world.orders[past.orders.text(number)].status == "COMPLETED"
    path = f"/finance/202501/orders/{past.orders.text(number)}/statement_transactions"
    assert float((await large.call("GET", path)).data["settlement_amount"]) > 0


async def test_a_past_is_kept_by_the_snapshot(large: Wire, tmp_path: Path) -> None:
    snapshot.save(large.sim, tmp_path / "state")
    after = Simulator(seed=9, rate=0)
    snapshot.load(after, tmp_path / "state")
    world = after.channel.world
    assert world.orders.count() == ORDERS
    past = world.orders.pasts[0]
    assert world.orders[past.orders.text(3)].shop is next(iter(world.shops.values()))
    after.clock.step(2 * DAY)
    assert world.orders[past.orders.text(past.completed - 1)].status == "COMPLETED"


def test_more_open_returns_than_orders() -> None:
    with pytest.raises(ValueError, match="open_returns is larger"):
        Simulator(shops=[ShopSpec(past_orders=1, open_returns=2)])
