"""Back-fill: all is found once, a second start goes on where the first stopped, in observe nothing goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from backhaul.cli.connect import connect_simulated
from backhaul.settings import Settings
from backhaul.simulator.process import SimulatorProcess
from backhaul.store import pages
from backhaul.wiring import Hub, open_hub
from backhaul.work import backfill
from backhaul.work.worker import Worker
from tests.patience import patient

COUNT = 160
DAYS = 90 * 86400


class World:
    def __init__(self, hub: Hub, simulator: SimulatorProcess, shop: UUID, known: list[str]) -> None:
        self.hub, self.simulator, self.shop, self.known = hub, simulator, shop, known

    async def now(self) -> int:
        return int((await self.simulator.control.clock())["now"])

    async def cases(self) -> list[str]:
        rows = await self.hub.pool.fetch("select channel_id from return_case where shop_id = $1", self.shop)
        return sorted(row["channel_id"] for row in rows)


@asynccontextmanager
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(data_dir=tmp_path, port=9, database_url=None, public_url=None, master_key_file=None)
    shops = [{"name": "Past", "commerce_domain": "past.myshopify.com", "commerce_points_per_s": 2000}]
    async with SimulatorProcess(shops=shops) as simulator, open_hub(settings, database) as hub:
        for vendor in ("tiktok_shop", "shopify"):
            await connect_simulated(hub, simulator.control.base, vendor, "", {}, None, show=False)
        known = await simulator.control.seed_history(simulator.ready["shops"][0]["id"], COUNT, 60)
        (shop,) = await pages.shops(hub.pool)
        yield World(hub, simulator, shop.id, known)


def quiet(kind: str, done: int, total: int | None) -> None: ...


async def test_a_second_start_goes_on_and_all_are_read_without_an_effect(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as it:
        now = await it.now()
        since = now - DAYS
        span = await backfill.begin(it.hub.pool, it.shop, since, None, now)
        assert (span.since, span.until, span.continued) == (since, now + 1, False)

        class Enough(Exception): ...

        def stop_early(kind: str, done: int, total: int | None) -> None:
            assert total is None or total >= done
            if done >= 50:
                raise Enough

        with pytest.raises(Enough):
            await backfill.find(it.hub.vendors, it.shop, span, stop_early)
        first = await it.cases()
        assert 50 <= len(first) < COUNT

        again = await backfill.begin(it.hub.pool, it.shop, since, None, now + 5)
        assert again == backfill.Span(since, now + 1, True), "the same span, not a new one"
        found = await backfill.find(it.hub.vendors, it.shop, again, quiet)
        assert found < COUNT, "what the first start had found is not found again"
        assert await it.cases() == sorted(it.known)

        stop = asyncio.Event()
        working = asyncio.create_task(Worker(it.hub.vendors, database, 50).run(stop))
        async with asyncio.timeout(patient(90)):
            while await backfill.outstanding(it.hub.pool, it.shop):
                await asyncio.sleep(0.1)
        result = await backfill.summary(it.hub.pool, it.shop, again, found)
        stop.set()
        await working
        assert (result.cases, result.unread) == (COUNT, 0)
        assert 0 < result.ended < COUNT
        books = await it.simulator.control.books()
        for shop in books["shops"].values():
            assert [each for each in shop["decisions"] if each["actor"] == "SELLER"] == []
            assert shop["labels"] == []
        store = books["commerce"]["past.myshopify.com"]
        assert [order for order in store["orders"].values() if order["refunds"] or order["returns"]] == []
        assert store["inventory"] == []

        done = await backfill.begin(it.hub.pool, it.shop, since, None, now + 10)
        assert not done.continued, "a span that was finished is scanned anew"
        assert done.until == now + 11


async def test_an_absent_vendor_is_asked_again(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(database, tmp_path) as it:
        await it.simulator.control.add_mood("unavailable", vendor="tiktok", times=2)
        now = await it.now()
        span = await backfill.begin(it.hub.pool, it.shop, now - DAYS, None, now)
        assert await backfill.find(it.hub.vendors, it.shop, span, quiet) >= COUNT
        assert await it.cases() == sorted(it.known)
