from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.batch import Gatherer, GathererClosed


class Bad(Exception):
    pass


class Table:
    """Stands for a transaction: writes all of a batch or nothing."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def flush(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        await self.gate.wait()
        if any(item < 0 for item in items):
            raise Bad(str(items))
        self.rows += items
        return [item * 10 for item in items]


async def test_items_that_come_during_a_flush_go_together() -> None:
    table = Table()
    table.gate.clear()
    gatherer = Gatherer(table.flush)
    first = asyncio.create_task(gatherer.put(1))
    while not table.batches:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(gatherer.put(i)) for i in range(2, 50)]
    await asyncio.sleep(0)
    assert len(gatherer) == 48
    assert not first.done()
    table.gate.set()
    assert await asyncio.gather(first, *rest) == [i * 10 for i in range(1, 50)]
    assert table.batches == [[1], list(range(2, 50))]


@given(st.lists(st.integers(min_value=-3, max_value=30), max_size=60), st.integers(min_value=1, max_value=10))
def test_each_caller_learns_of_its_own_item(items: list[int], max_batch: int) -> None:
    async def run() -> None:
        table = Table()
        gatherer = Gatherer(table.flush, max_batch=max_batch)
        results = await asyncio.gather(*(gatherer.put(i) for i in items), return_exceptions=True)
        for item, result in zip(items, results, strict=True):
            assert isinstance(result, Bad) if item < 0 else result == item * 10
        assert sorted(table.rows) == sorted(i for i in items if i >= 0)
        assert all(len(batch) <= max_batch for batch in table.batches)
        await gatherer.close()

    asyncio.run(run())


async def test_an_error_that_is_nobodys_fault_is_not_repeated() -> None:
    table = Table()
    gatherer = Gatherer(table.flush, alone=lambda error: not isinstance(error, Bad))
    results = await asyncio.gather(*(gatherer.put(i) for i in (1, -1, 2)), return_exceptions=True)
    assert [type(r) for r in results] == [Bad, Bad, Bad]
    assert gatherer.flushes == 1
    assert await gatherer.put(5) == 50


async def test_a_result_may_be_an_error_of_one_item() -> None:
    async def flush(items: list[int]) -> Sequence[int | Exception]:
        return [Bad("odd") if item % 2 else item for item in items]

    gatherer = Gatherer(flush)
    results = await asyncio.gather(*(gatherer.put(i) for i in range(3)), return_exceptions=True)
    assert results[0] == 0
    assert isinstance(results[1], Bad)
    assert results[2] == 2
    assert gatherer.flushes == 1


async def test_a_wrong_number_of_results_is_an_error() -> None:
    async def flush(items: list[int]) -> Sequence[int | Exception]:
        return []

    with pytest.raises(RuntimeError, match="0 results for 1 items"):
        await Gatherer(flush).put(1)


async def test_a_cancelled_caller_leaves_its_item_and_the_others_alone() -> None:
    table = Table()
    table.gate.clear()
    gatherer = Gatherer(table.flush)
    leaver = asyncio.create_task(gatherer.put(1))
    stayer = asyncio.create_task(gatherer.put(2))
    while not table.batches:
        await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.sleep(0)
    table.gate.set()
    assert await stayer == 20
    assert table.rows == [1, 2]
    with pytest.raises(asyncio.CancelledError):
        await leaver


async def test_close_flushes_what_waits_and_refuses_the_rest() -> None:
    table = Table()
    table.gate.clear()
    gatherer = Gatherer(table.flush, max_batch=1)
    tasks = [asyncio.create_task(gatherer.put(i)) for i in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(gatherer.close())
    await asyncio.sleep(0)
    with pytest.raises(GathererClosed):
        await gatherer.put(9)
    table.gate.set()
    await closing
    assert [await t for t in tasks] == [0, 10, 20, 30, 40]
    await gatherer.close()
