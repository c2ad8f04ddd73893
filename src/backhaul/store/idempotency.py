"""Answers of commands that carried an idempotency key, so that a repeat gets the same answer and no second effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from backhaul.store.db import Pool


class KeyReused(Exception):
    """The key was used before, for another request."""


async def once(pool: Pool, key: str, request: str, run: Callable[[], Awaitable[bytes]]) -> bytes:
    """The answer of ``run``, or the one it gave under this key before. ``request`` says what is asked for.

    Of two at once the second waits for the first. An answer is kept when ``run`` returns; when it raises, the key
    stays free.
    """
    async with pool.acquire() as db:
        # The lock lives with the connection, not with a transaction: none is held open while the command runs.
        await db.execute("select pg_advisory_lock(hashtextextended($1, 0))", key)
        try:
            row = await db.fetchrow("select request, answer from idempotency where key = $1", key)
            if row is not None:
                if row["request"] != request:
                    raise KeyReused(key)
                return bytes(row["answer"])
            answer = await run()
            await db.execute("insert into idempotency (key, request, answer) values ($1, $2, $3)", key, request, answer)
            return answer
        finally:
            if not db.is_closed():
                await db.execute("select pg_advisory_unlock(hashtextextended($1, 0))", key)
