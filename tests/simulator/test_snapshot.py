"""A saved world goes on where it was left, and nothing else is taken for one."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import aiohttp
import pytest

from backhaul.simulator import snapshot
from backhaul.simulator.buyers import Temper
from backhaul.simulator.process import SimulatorProcess
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START, Wire

DOMAIN = "sim-one.myshopify.com"


def _made() -> Simulator:
    return Simulator(seed=7, shops=[ShopSpec(name="One", commerce_domain=DOMAIN)], rate=0, start=START)


async def test_everything_goes_on(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    path = tmp_path / "state"
    async with _made() as before:
        shop = next(iter(before.channel.world.shops.values()))
        shop.switches.access_token_seconds = 10**7
        before.history.seed(shop, 60, 50, open_share=0.3)
        before.buyers.start(Temper(per_minute=60, limit=40))
        before.clock.step(3 * 86400)
        wire = Wire(before, shop, session)
        waiting = wire.order(status="AWAITING_SHIPMENT")
        request = before.channel.cancellations.request(wire.order(status="AWAITING_SHIPMENT"))
        token, grant = wire.token, wire.grant
        asked = wire.ask("REFUND")
        answered = await wire.approve(asked, "APPROVE_REFUND", "before-the-end")
        assert answered.code == 0
        snapshot.save(before, path)
        expected = {
            case.id: (case.status, case.due_action, case.due_at) for case in before.channel.world.returns.values()
        }
        orders = before.commerce.books(DOMAIN, all_orders=True)["orders"]
    assert path.stat().st_mode & 0o777 == 0o600
    after = Simulator(seed=99, rate=0)
    snapshot.load(after, path)
    async with after:
        world = after.channel.world
        assert {case.id: (case.status, case.due_action, case.due_at) for case in world.returns.values()} == expected
        assert after.clock.now() == pytest.approx(START + 3 * 86400, abs=1)
        assert after.commerce.books(DOMAIN, all_orders=True)["orders"] == orders
        assert after.app.app_key == before.app.app_key
        snapshot.save(after, path)  # and it can be saved once more
        again = Wire(after, world.shops[shop.id], session)
        again.token, again.grant = token, grant
        world.auth.grants.pop()  # the one that Wire has just made
        world.auth.grants[-1].revoked = False
        assert (await again.search(page_size="50")).data["total_count"] == len(expected)
        repeated = await again.approve(world.returns[asked.id], "APPROVE_REFUND", "before-the-end")
        assert (repeated.code, repeated.data) == (0, answered.data), "a key is known after a restart"
        assert after.connector.copy_of(waiting.id) is None
        after.clock.step(60 * 86400)
        assert after.connector.copy_of(waiting.id) is not None
        assert world.cancellations[request.id].status == m.CANCEL_COMPLETE
        assert {case.status for case in world.returns.values()} <= m.ENDED | {m.AWAITING_SHIP, m.REPLACEMENT_REJECTED}
        known = set(world.orders)
        assert again.order().id not in known  # numbering went on
        assert after.books.problems == []


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.system, ("true",))

    path = tmp_path / "state"
    path.write_bytes(pickle.dumps(Evil()))
    path.chmod(0o600)
    with pytest.raises(snapshot.StateUnusable, match="never writes"):
        snapshot.load(_made(), path)
    path.write_bytes(b"nonsense")
    with pytest.raises(snapshot.StateUnusable, match="start afresh"):
        snapshot.load(_made(), path)
    path.chmod(0o644)
    with pytest.raises(snapshot.StateUnusable, match="mode 600"):
        snapshot.load(_made(), path)


async def test_the_process_keeps_its_state(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with SimulatorProcess(rate=0, shops=[{"commerce_domain": DOMAIN}], state=path) as first:
        shop_id = first.ready["shops"][0]["id"]
        order = await first.control.place_order(shop_id)
        case = await first.control.ask_return(order["id"], shipment="PLATFORM")
    async with SimulatorProcess(rate=0, seed=3, state=path) as second:
        assert second.ready["shops"][0]["id"] == shop_id
        found = await second.control.get_return(case["id"])
        assert (found["status"], found["deadline"]) == (m.PENDING, case["deadline"])
        await second.control.step(48 * 3600)
        assert (await second.control.get_return(case["id"]))["status"] == m.AWAITING_SHIP
