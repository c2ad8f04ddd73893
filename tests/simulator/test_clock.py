"""The virtual clock: order, exact times in step mode, speed, and that it never runs backwards."""

from __future__ import annotations

import asyncio

import pytest

from backhaul.simulator.clock import SimulatedClock
from tests.patience import patient


def test_steps_run_what_is_due_in_order_and_at_its_own_time() -> None:
    clock = SimulatedClock(start=1000, rate=0)
    seen: list[tuple[str, float]] = []

    def chained() -> None:
        seen.append(("a", clock.now()))
        clock.after(5, lambda: seen.append(("c", clock.now())))

    clock.schedule(1020, lambda: seen.append(("d", clock.now())))
    clock.schedule(1010, chained)
    clock.schedule(1012, lambda: seen.append(("b", clock.now())))
    clock.after(15, lambda: seen.append(("never", 0))).cancel()
    clock.step(19)
    assert seen == [("a", 1010), ("b", 1012), ("c", 1015)]
    clock.step(1)
    after = clock.now()
    assert after == 1020
    assert seen[3:] == [("d", 1020)]
    with pytest.raises(ValueError, match="backwards"):
        clock.advance_to(1000)
    with pytest.raises(ValueError, match="rate"):
        clock.set_rate(-1)


def test_the_past_can_be_pinned() -> None:
    clock = SimulatedClock(start=1000, rate=0)
    with clock.pinned(10):
        pinned = clock.now()
    assert (pinned, clock.now()) == (10, 1000)


async def test_a_fast_clock_runs_timers_in_real_time() -> None:
    clock = SimulatedClock(start=0, rate=36_000)
    done = asyncio.Event()
    clock.schedule(3600, done.set)
    task = asyncio.create_task(clock.run())
    async with asyncio.timeout(patient(5)):
        await done.wait()
    assert clock.now() >= 3600
    described = clock.describe()
    assert described["epoch_virtual"] == 0
    clock.set_rate(0)
    before = clock.now()
    await asyncio.sleep(0.01)
    assert clock.now() == before >= 3600
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
