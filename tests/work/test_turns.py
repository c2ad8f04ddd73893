"""The claim on a subject, the queue, and the four traps of a job engine with de-duplication keys."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from backhaul.domain.words import Kind
from backhaul.store import turns
from backhaul.store.jobs import Rank, enqueue, read_payload
from backhaul.work.attend import Attendant
from backhaul.work.worker import Worker
from tests.patience import patient
from tests.work.conftest import Bench


async def test_a_hint_during_a_run_is_looked_at_by_that_run(bench: Bench) -> None:
    """Trap 1: the engine's key is taken while a job runs, so a later hint must not depend on a job of its own."""
    bench.channel.ask("1")
    case = await bench.hear("1")
    heard: list[object] = []

    async def again() -> None:
        if not heard:
            heard.append(await bench.hear("1"))

    bench.channel.on_read = again
    await bench.attend(case)
    assert bench.channel.reads == 2
    turn = await bench.turn(case)
    assert turn["owner"] is None
    assert not turn["dirty"]


async def test_each_hint_has_a_key_of_its_own_and_none_is_swallowed(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.hear("1")
    keys = [row["dedupe_key"] for row in await bench.queued()]
    assert len(set(keys)) == 2
    assert all(read_payload(row["payload"])[0] == case for row in await bench.queued())


async def test_the_same_generation_is_queued_once(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    generation = (await bench.turn(case))["generation"]
    async with bench.pool.acquire() as connection, connection.transaction():
        await enqueue(connection, [(case, generation, bench.shop_id)] * 2, Rank.HINT)  # neither raises nor doubles
    assert len(await bench.queued()) == 1


async def test_a_timer_never_holds_back_a_hint(bench: Bench) -> None:
    """Trap 2: what is planned for later is a column, not a delayed job that would own the key."""
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.attend(case)
    turn = await bench.turn(case)
    assert turn["attend_at"] > time.time()
    await bench.pool.execute("delete from pgqueuer")
    await bench.hear("1")
    assert len(await bench.queued()) == 1


async def test_the_due_scan_brings_what_is_due_by_the_shops_clock(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.attend(case)
    await bench.pool.execute("delete from pgqueuer")
    due = (await bench.turn(case))["attend_at"]
    assert await turns.wake_due(bench.pool, {bench.shop_id: due - 1}, 10) == 0
    assert await turns.wake_due(bench.pool, {bench.shop_id: due}, 10) == 1
    assert len(await bench.queued()) == 1
    assert await turns.wake_due(bench.pool, {bench.shop_id: due}, 10) == 0


async def test_people_before_hints_before_sweeps_before_history(bench: Bench) -> None:
    """Trap 3: the engine serves by priority and id."""
    for name, rank in (("a", Rank.BACKFILL), ("b", Rank.SWEEP), ("c", Rank.HINT), ("d", Rank.PERSON)):
        bench.channel.ask(name)
        await bench.hear(name, rank)
    assert [row["priority"] for row in await bench.queued()] == [30, 20, 10, 0]


async def test_a_run_that_fails_opens_an_exception_and_is_tried_again(bench: Bench) -> None:
    """Trap 4: the engine would drop the job; the case must not be dropped with it."""
    bench.channel.ask("1")
    case = await bench.hear("1")

    async def broken() -> None:
        raise ZeroDivisionError("a fault of ours")

    bench.channel.on_read = broken
    await bench.attend(case)
    assert await bench.exceptions(case) == ["fault"]
    turn = await bench.turn(case)
    assert turn["owner"] is None
    assert turn["attend_at"] <= time.time() + 61
    bench.channel.on_read = None
    await bench.attend(case)
    assert await bench.exceptions(case) == []


async def test_one_run_at_a_time(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    gate = asyncio.Event()
    bench.channel.on_read = gate.wait
    first = asyncio.create_task(bench.attend(case))
    while bench.channel.reads == 0:
        await asyncio.sleep(0.01)
    await bench.attend(case, Attendant(bench.vendors))
    assert bench.channel.reads == 1
    gate.set()
    await first


async def test_a_dead_runs_turn_is_taken_over_and_the_dead_writes_nothing(bench: Bench) -> None:
    bench.channel.ask("1", Kind.REFUND)
    case = await bench.hear("1")
    gate = asyncio.Event()
    bench.channel.on_read = gate.wait
    frozen = asyncio.create_task(bench.attend(case))
    while bench.channel.reads == 0:
        await asyncio.sleep(0.01)
    await bench.pool.execute("update turn set until = clock_timestamp() - interval '1 second'")
    bench.channel.on_read = None
    assert await turns.wake_due(bench.pool, {}, 10) == 1
    await bench.attend(case, Attendant(bench.vendors))
    before = await bench.pool.fetchrow("select * from return_case where id = $1", case)
    gate.set()
    await frozen
    assert await bench.pool.fetchrow("select * from return_case where id = $1", case) == before
    lines = await bench.pool.fetchval(
        "select count(*) from history where case_id = $1 and what = 'channel.requested'", case
    )
    assert lines == 1


async def test_a_job_that_comes_again_after_its_process_died_takes_its_own_turn(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    async with bench.pool.acquire() as connection:
        assert await turns.take(connection, [(case, 77)])
    await bench.attendant.attend(case, 78)
    assert bench.channel.reads == 0
    await bench.attendant.attend(case, 77)
    assert bench.channel.reads == 1


async def test_commerce_hints_gather_and_survive_the_release(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    soon = int(time.time()) + 1

    async def echo() -> None:
        async with bench.pool.acquire() as connection:
            await turns.note(connection, {case: ((0, 1), soon)})

    bench.channel.on_read = echo
    await bench.attend(case)
    turn = await bench.turn(case)
    assert turn["attend_at"] == soon
    assert turn["heard_commerce"] == 1


async def test_a_connection_torn_in_the_engines_clean_up_does_not_end_the_worker(
    bench: Bench, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, starts = asyncio.Event(), []

    async def engine(self: Worker, stop: asyncio.Event) -> None:
        starts.append(1)
        if len(starts) == 1:
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
        stop.set()

    monkeypatch.setattr(Worker, "_jobs", engine)
    await asyncio.wait_for(Worker(bench.vendors, database).run(stop), patient(20))
    assert len(starts) == 2
