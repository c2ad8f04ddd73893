"""Answers of commands that carried an idempotency key, so that a repeat gets the same answer and no second effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from backhaul.store.db import Pool

LOST = timedelta(seconds=60)  # a command that has not answered by then died with its process: the key is free again
POLL_S = 0.05


class KeyReused(Exception):
    """The key was used before, for another request."""


async def once(pool: Pool, key: str, request: str, run: Callable[[], Awaitable[bytes]]) -> bytes:
    """The answer of ``run``, or the one it gave under this key before. ``request`` says what is asked for.

    Of two at once the second waits for the first, without a connection in its hand. An answer is kept when ``run``
    returns; when it raises, the key is free again.
    """
    while not await _claim(pool, key, request):
        row = await pool.fetchrow("select request, answer from idempotency where key = $1", key)
        if row is not None and row["request"] != request:
            raise KeyReused(key)
        if row is not None and row["answer"] is not None:
            return bytes(row["answer"])
        await asyncio.sleep(POLL_S)
    alive = asyncio.create_task(_keep(pool, key))
    try:
        answer = await run()
    except BaseException:
        await asyncio.shield(pool.execute("delete from idempotency where key = $1 and answer is null", key))
        raise
    finally:
        alive.cancel()
    await pool.execute("update idempotency set answer = $2 where key = $1", key, answer)
    return answer


async def _keep(pool: Pool, key: str) -> None:
    """Show that a long command still runs."""
    while True:
        await asyncio.sleep(LOST.total_seconds() / 3)
        await pool.execute("update idempotency set at = now() where key = $1 and answer is null", key)


async def _claim(pool: Pool, key: str, request: str) -> bool:
    """Whether the command is ours to run: nobody has, or whoever began has died."""
    claimed: str | None = await pool.fetchval(
        """
        insert into idempotency as i (key, request) values ($1, $2)
        on conflict (key) do update set at = now()
        where i.answer is null and i.request = excluded.request and i.at < now() - $3::interval
        returning key
        """,
        key,
        request,
        LOST,
    )
    return claimed is not None
