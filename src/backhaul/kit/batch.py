"""Group commit: many callers, one write at a time, each caller told of its own item."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class GathererClosed(Exception):
    """The gatherer takes no more items."""


class Gatherer(Generic[Item, Result]):
    """Collects items while a flush runs and gives them to the next flush together.

    ``flush`` gets a list and returns one result per item, in order; a result that is an exception is raised to that
    item's caller alone. When a flush of several raises, it is repeated item by item, so that one bad item never fails
    the others: ``flush`` must therefore bear repetition (a transaction that rolled back, or rows on unique keys).
    ``alone`` may say that an error is no item's fault (say, the database is away); then all callers get it at once.

    A caller that is cancelled leaves its item where it is: it will be written. Belongs to one event loop.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_batch: int = 200,
        alone: Callable[[Exception], bool] = lambda error: True,
        name: str = "gatherer",
    ) -> None:
        if max_batch < 1:
            raise ValueError("a batch holds at least one item")
        self._flush = flush
        self._max_batch = max_batch
        self._alone = alone
        self._name = name
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._closed = False
        self.flushes = 0
        """How often ``flush`` was called, repetitions included."""

    def __len__(self) -> int:
        """Items that wait for their flush to begin."""
        return len(self._waiting)

    async def put(self, item: Item) -> Result:
        """Hand in an item and wait until its batch was flushed; returns its result or raises its error."""
        if self._closed:
            raise GathererClosed(self._name)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name=self._name)
        return await future

    async def close(self) -> None:
        """Refuse new items and wait until everything handed in was flushed."""
        self._closed = True
        if self._runner is not None:
            await asyncio.shield(self._runner)

    async def _run(self) -> None:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]
                await self._settle(batch)
        except BaseException:
            # Only cancellation and the like come here: nobody may be left waiting for a flush that never comes.
            for _, future in (*batch, *self._waiting):
                future.cancel()
            self._waiting.clear()
            raise
        finally:
            self._runner = None

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._flushed([item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and self._alone(error):
                for pair in batch:
                    await self._settle([pair])
                return
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _flushed(self, items: list[Item]) -> Sequence[Result | Exception]:
        self.flushes += 1
        results = await self._flush(items)
        if len(results) != len(items):
            raise RuntimeError(f"{self._name}: flush returned {len(results)} results for {len(items)} items")
        return results
