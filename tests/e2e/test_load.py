"""Many returns at once: the vendor's limit, shops that hold nobody up, days of silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from backhaul.domain.words import Action, Decision
from tests.e2e.books import check_books, decisions
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage
from tests.patience import patient


async def _approve_all(stage: Stage, cases: Sequence[Return], seconds: float) -> None:
    """Approve each refund as soon as the hub knows it."""
    left = {case.rid: case for case in cases}
    end = time.monotonic() + patient(seconds)
    while left:
        assert time.monotonic() < end, f"{len(left)} of {len(cases)} were never asked about"
        rows = await stage.hub.pool.fetch(
            "select id, channel_id from return_case where channel_id = any($1) and next_action = 'answer_refund'",
            [*left],
        )
        for row in rows:
            await stage.hub.commands.decide(
                row["id"], action=Action.ANSWER_REFUND, round=1, decision=Decision.APPROVE_REFUND, by="clerk"
            )
            del left[row["channel_id"]]
        await asyncio.sleep(0.1)


async def _all_ended(stage: Stage, cases: Sequence[Return], seconds: float) -> None:
    ids = [case.rid for case in cases]

    async def done() -> bool:
        query = "select count(*) from return_case where channel_id = any($1) and ended"
        return bool(await stage.hub.pool.fetchval(query, ids) == len(ids))

    await stage.until(done, seconds, f"the end of {len(ids)} cases", every=0.25)


async def full_load(stage: Stage, count: int, seconds: float) -> None:
    """So many refunds on one shop, worked on by two processes with all the concurrency they have."""
    for _ in range(2):
        await stage.spawn_worker(concurrency=300, production=True)
    cases = await asyncio.gather(*(stage.ask("REFUND") for _ in range(count)))
    await _approve_all(stage, cases, seconds)
    await _all_ended(stage, cases, seconds)
    books = await check_books(stage)  # which says that nobody answered 429
    shop = books["shops"][stage.shop.channel_id]
    assert len(shop["refunds"]) == count
    assert books["commerce"][stage.shop.domain]["counts"].get("throttled", 0) == 0
    assert len([row for row in shop["decisions"] if row["actor"] == "SELLER"]) == count


async def test_two_worker_processes_on_one_shop_keep_the_limit(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        await full_load(stage, 120, 60.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_two_worker_processes_on_one_shop_keep_the_limit_for_long(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        await full_load(stage, 1000, 600.0)


async def test_a_slow_or_unauthorised_shop_holds_nobody_up(opener: Opener) -> None:
    specs = [{"switches": {"rate_per_second": 1}}, {}, {}]
    async with opener(shops=3, specs=specs, workers=0) as stage:
        slow, gone, quick = stage.shops
        for shop in (slow, gone):
            for _ in range(25):
                await stage.ask("REFUND", shop=shop)
        await stage.control.revoke(gone.channel_id)
        stage.start_worker(concurrency=20)
        await asyncio.sleep(1.0)
        case = await stage.ask("REFUND", shop=quick)
        await case.approve()
        await case.until_ended(10.0)
        unread = "select count(*) from return_case where shop_id = $1 and body is null"
        assert await stage.hub.pool.fetchval(unread, slow.id) > 0, "the quick one waited for the slow one"
        assert decisions(await case.books()) == ["APPROVE_REFUND"]
        state = await stage.hub.pool.fetchval("select state from connection where id = $1", gone.channel_login)
        assert state == "expired"
        waits = await stage.hub.pool.fetch(
            "select key from exception where closed_at is null and connection_id = $1", gone.channel_login
        )
        assert [row["key"] for row in waits] == ["login"]


@pytest.mark.parametrize("count", [3000])
async def test_three_days_of_silence(opener: Opener, count: int) -> None:
    """No webhook, no worker for 72 hours; pages move while they are read and a page token expires. All are found."""
    async with opener(live=False, spec={"clocks": {"answer_request": 100 * 3600}}) as stage:
        await stage.sync()

        async def swept() -> bool:
            query = "select count(*) from cursor where name = 'sweep:return'"
            return bool(await stage.hub.pool.fetchval(query))

        await stage.until(swept, 10.0, "the first sweep")
        await stage.stop_workers()
        await stage.step(72 * 3600)
        made = await stage.control.seed_history(stage.shop.channel_id, count, 60, open_share=1.0, open_hours=70.0)
        await stage.control.add_mood("page_token_expired", probability=0.2)
        stage.start_worker(concurrency=20)
        await stage.sync()
        moved: list[str] = []
        for _ in range(6):
            moved += await stage.control.churn(stage.shop.channel_id, 50, tell=False)
            await asyncio.sleep(0.3)

        async def missing() -> set[str]:
            rows = await stage.hub.pool.fetch("select channel_id from return_case where channel_kind = 'return'")
            return set(made) - {row["channel_id"] for row in rows}

        async def all_found() -> bool:
            return not await missing()

        await stage.until(all_found, 45.0, "all cases", every=0.5)
        assert len(made) == count
        assert len(moved) >= 250
        # What moved while the pages were read is heard of again after its last change, by the next sweep at the latest.
        await stage.sync()
        rows = await stage.hub.pool.fetch(
            "select channel_id from return_case join turn on subject_id = id where heard_channel > 0"
        )
        assert set(made) <= {row["channel_id"] for row in rows}
