"""News for open pages: one notice a second per shop, bounded streams, an end that does not hang."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from backhaul.store.db import CHANGED, Pool
from backhaul.web.live import Live
from tests.patience import patient

GAP = 0.3


async def always() -> bool:
    return True


@pytest.fixture
async def live(pool: Pool) -> AsyncIterator[Live]:
    found = Live(pool, gap=GAP, heartbeat=0.2)
    await found.start()
    await asyncio.wait_for(found.listening.wait(), patient(5))
    yield found
    await found.stop()


async def collect(stream: AsyncIterator[bytes], seconds: float) -> list[str]:
    """The shops a stream names within a time."""
    found: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for part in stream:
                if part.startswith(b"event: changed"):
                    found.append(part.decode().split("data: ")[1].strip())
    return found


async def test_many_changes_become_one_notice_a_gap_for_each_shop(live: Live, pool: Pool) -> None:
    task = asyncio.create_task(collect(live.stream(always), GAP * 2.5))
    await asyncio.sleep(0.02)
    for _ in range(50):
        await pool.execute("select pg_notify($1, 'a'), pg_notify($1, 'b')", CHANGED)
    found = await task
    assert found.count("a") == 2, "one at once, one for all the rest"
    assert found.count("b") == 2


async def test_every_stream_hears_and_closed_ones_are_forgotten(live: Live, pool: Pool) -> None:
    one, two = (asyncio.create_task(collect(live.stream(always), 0.3)) for _ in range(2))
    await asyncio.sleep(0.05)
    assert live.streams == 2
    await pool.execute("select pg_notify($1, 'a')", CHANGED)
    assert await one == ["a"]
    assert await two == ["a"]
    await asyncio.sleep(0)
    assert live.streams == 0


async def test_a_stream_ends_when_its_person_may_not_stay(live: Live) -> None:
    async def never() -> bool:
        return False

    async with asyncio.timeout(patient(2)):
        parts = [part async for part in live.stream(never)]
    assert parts == [b"retry: 2000\n\n"]


async def test_closing_ends_every_stream_at_once(live: Live) -> None:
    task = asyncio.create_task(collect(live.stream(always), 5))
    await asyncio.sleep(0.05)
    live.close()
    assert await asyncio.wait_for(task, patient(1)) == []


async def test_after_a_lost_connection_everything_may_have_changed(live: Live, pool: Pool) -> None:
    task = asyncio.create_task(collect(live.stream(always), 3))
    await asyncio.sleep(0.05)
    await pool.execute("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'")
    assert "*" in await task
