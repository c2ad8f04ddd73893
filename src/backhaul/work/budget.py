"""Vendors' budgets, shared by all processes: one row per (connection, shop, API), tokens leased in small chunks.

A vendor that counts calls in a window of a second must never see more than its limit in any window, whatever the
processes hold in hand; so the row refills at less than the limit and leases are small and short-lived.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from uuid import UUID

from backhaul.ports.errors import Unavailable
from backhaul.ports.manifest import Manifest
from backhaul.store.db import Pool

URGENT: contextvars.ContextVar[bool] = contextvars.ContextVar("urgent", default=False)
"""Whether the present run serves a person or a deadline: it may spend the fifth that is kept back."""

OUTSIDE: contextvars.ContextVar[bool] = contextvars.ContextVar("outside", default=False)
"""Whether somebody who is not of the shop causes the present call: of them there may be any number."""

PACE, BURST, CHUNK = 0.7, 0.15, 0.04  # shares of a limit per second
KEPT, KEPT_FROM_OUTSIDE = 0.2, 0.5  # shares of what may be saved up
LEASE_S = 0.25
POINTS_LEASE_S = 2.0  # a bucket of points has no window that a late call could overfill
PATIENCE_S = 10.0

LEASE = """
insert into budget as b (connection_id, shop_key, api, tokens, capacity, per_s, granted)
values ($1, $2, $3, $4::float8 - $6::float8, $4, $5, $6)
on conflict (connection_id, shop_key, api) do update set
    tokens = least(b.capacity, b.tokens + extract(epoch from clock_timestamp() - b.at) * b.per_s) - case
        when least(b.capacity, b.tokens + extract(epoch from clock_timestamp() - b.at) * b.per_s) - $7::float8 >= $6
        then $6 else 0 end,
    granted = case
        when least(b.capacity, b.tokens + extract(epoch from clock_timestamp() - b.at) * b.per_s) - $7::float8 >= $6
        then $6 else 0 end,
    at = clock_timestamp()
returning granted, tokens, per_s
"""


class Purse:
    """What one process may spend for one shop at one connection. Plays :class:`backhaul.ports.factory.Spend`."""

    def __init__(self, pool: Pool, connection_id: UUID, shop_key: str, manifest: Manifest) -> None:
        self._pool = pool
        self._key = (connection_id, shop_key)
        self._costed = manifest.budget_burst > 0
        limit = manifest.budget_per_s
        self._per_s = limit if self._costed else PACE * limit
        self._capacity = manifest.budget_burst if self._costed else max(2.0, BURST * limit)
        self._chunk = max(1.0, CHUNK * limit)
        self._learnt_per_s = 0.0
        self._leases: dict[str, tuple[float, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._learnt: dict[str, float] = {}

    @property
    def urgent(self) -> bool:
        """See :class:`backhaul.ports.factory.Spend`."""
        return URGENT.get()

    async def take(self, api: str, cost: float = 1.0) -> None:
        """Wait until the budget allows the call. Raises Unavailable when that would take too long."""
        api = "points" if self._costed else api
        lock = self._locks.setdefault(api, asyncio.Lock())
        deadline = time.monotonic() + PATIENCE_S
        while True:
            async with lock:
                tokens, until = self._leases.get(api, (0.0, 0.0))
                if tokens >= cost and time.monotonic() < until:
                    self._leases[api] = (tokens - cost, until)
                    return
                wait = await self._lease(api, cost)
            if wait is None:
                continue
            if time.monotonic() + wait > deadline:
                raise Unavailable("the shop's call budget is used up", retry_after=max(1.0, wait))
            await asyncio.sleep(wait)

    async def _lease(self, api: str, cost: float) -> float | None:
        """Take a chunk from the shared row; None when it was granted, else the seconds to wait."""
        want = max(cost, self._chunk, self._learnt_per_s * CHUNK)
        share = 0.0 if URGENT.get() else KEPT_FROM_OUTSIDE if OUTSIDE.get() else KEPT
        kept = min(share * self._capacity, max(0.0, self._capacity - want))
        row = await self._pool.fetchrow(LEASE, *self._key, api, self._capacity, self._per_s, want, kept)
        assert row is not None
        if row["granted"] > 0:
            # What an expired lease still held is lost, which errs on the vendor's side.
            now = time.monotonic()
            left, until = self._leases.get(api, (0.0, 0.0))
            left = left if self._costed and now < until else 0.0
            self._leases[api] = (left + row["granted"], now + (POINTS_LEASE_S if self._costed else LEASE_S))
            self._learnt_per_s = row["per_s"] if self._costed else 0.0
            return None
        return float(max(0.02, (want + kept - row["tokens"]) / row["per_s"]))

    def learn(
        self,
        api: str,
        *,
        available: float | None = None,
        restore_per_s: float | None = None,
        refused: bool = False,
        back: float = 0.0,
    ) -> None:
        """Correct the shared row by what an answer said, at most once a second unless the vendor refused. What the
        vendor gave ``back`` goes into the lease in hand."""
        api = "points" if self._costed else api
        now = time.monotonic()
        if back > 0 and not refused:
            tokens, until = self._leases.get(api, (0.0, 0.0))
            self._leases[api] = (back + (tokens if now < until else 0.0), now + POINTS_LEASE_S)
        if not refused and (not self._costed or now - self._learnt.get(api, 0.0) < 1.0):
            return
        self._learnt[api] = now
        if refused:
            self._leases.pop(api, None)
        left = 0.0 if refused else available
        task = asyncio.get_running_loop().create_task(self._correct(api, left, restore_per_s))
        task.add_done_callback(_forget)
        _running.add(task)

    async def _correct(self, api: str, left: float | None, restore_per_s: float | None) -> None:
        await self._pool.execute(
            """
            update budget set tokens = least(tokens, coalesce($4, tokens)), per_s = coalesce($5, per_s),
                capacity = case when $5 is null then capacity else greatest(capacity, $5 * 10) end
            where connection_id = $1 and shop_key = $2 and api = $3
            """,
            *self._key,
            api,
            left,
            restore_per_s,
        )


_running: set[asyncio.Task[None]] = set()


def _forget(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # a lost correction is made up for by the next answer
