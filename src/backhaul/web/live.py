"""News for open pages: one LISTEN per process, one notice a second per shop, one stream per browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog

from backhaul.store.db import AWAY, CHANGED, Pool

log = structlog.get_logger(__name__)
GAP = 1.0  # seconds between two notices about one shop
HEARTBEAT = 15.0
EVERYTHING = "*"  # sent after the database was away: anything may have changed meanwhile


class Listener:
    """One open stream: the shops it has not been told of yet. Bounded by the number of shops."""

    def __init__(self) -> None:
        self.pending: set[str] = set()
        self.woken = asyncio.Event()


class Live:
    """Hears of changes in the database and tells every open stream."""

    def __init__(self, pool: Pool, gap: float = GAP, heartbeat: float = HEARTBEAT) -> None:
        self._pool = pool
        self._gap = gap
        self._heartbeat = heartbeat
        self._listeners: set[Listener] = set()
        self._last: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._task: asyncio.Task[None] | None = None
        self.closed = False
        self.listening = asyncio.Event()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="live")

    async def stop(self) -> None:
        """End every stream, so that the server can end, and stop listening."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def close(self) -> None:
        """End every stream at once; callable from a signal handler."""
        self.closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for listener in self._listeners:
            listener.woken.set()

    async def _listen(self) -> None:
        missed = False
        while True:
            try:
                await self._listen_once(missed)
            except AWAY as error:
                log.warning("live updates wait for the database", error=str(error))
            missed = True
            await asyncio.sleep(1.0)

    async def _listen_once(self, missed: bool) -> None:
        """Hear until the connection ends."""
        ended = asyncio.Event()

        def heard(_db: Any, _pid: int, _channel: str, payload: object) -> None:
            self.tell(str(payload))

        def stopped(_db: Any) -> None:
            ended.set()

        async with self._pool.acquire() as db:
            db.add_termination_listener(stopped)
            await db.add_listener(CHANGED, heard)
            self.listening.set()
            if missed:
                self.tell(EVERYTHING)
            try:
                await ended.wait()
            finally:
                self.listening.clear()
                if not db.is_closed():
                    db.remove_termination_listener(stopped)
                    await db.remove_listener(CHANGED, heard)

    def tell(self, shop: str) -> None:
        """A shop's pages have something new: at once, or with what else comes within the second."""
        if self.closed or shop in self._timers:
            return
        loop = asyncio.get_running_loop()
        wait = self._last.get(shop, float("-inf")) + self._gap - loop.time()
        if wait <= 0:
            self._send(shop)
        else:
            self._timers[shop] = loop.call_later(wait, self._send, shop)

    def _send(self, shop: str) -> None:
        self._timers.pop(shop, None)
        self._last[shop] = asyncio.get_running_loop().time()
        for listener in self._listeners:
            listener.pending.add(shop)
            listener.woken.set()

    async def stream(self, still_welcome: Any) -> AsyncIterator[bytes]:
        """Server-sent events: ``changed`` with a shop id. ``still_welcome`` (async, answers bool) is asked now and
        then; the stream ends when it says no."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield b"retry: 2000\n\n"
            while not self.closed:
                try:
                    await asyncio.wait_for(listener.woken.wait(), self._heartbeat)
                except TimeoutError:
                    if not await still_welcome():
                        return
                    yield b": still here\n\n"
                    continue
                listener.woken.clear()
                shops, listener.pending = listener.pending, set()
                for shop in sorted(shops):
                    yield f"event: changed\ndata: {shop}\n\n".encode()
        finally:
            self._listeners.discard(listener)
