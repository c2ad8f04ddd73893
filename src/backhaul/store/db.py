"""The pool of connections to PostgreSQL."""

from __future__ import annotations

from typing import Any, TypeAlias

import asyncpg
import msgspec

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

CHANGED = "backhaul_changed"  # NOTIFY channel: the payload is the id of the shop whose pages have something new

UNSTORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
"""What the database says of a text with a character that it cannot hold: NUL."""

AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an operation, met again while cleaning up
    TimeoutError,
)
"""Errors that mean "the database is away", as against "the statement is wrong"."""


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda raw: msgspec.json.decode(raw[1:]),
        format="binary",
    )


async def _leave(connection: Any) -> None:
    """Nothing to undo: no session state is ever set on a pooled connection (advisory locks are a transaction's own, and
    LISTEN has connections to itself), so that a round trip a use is saved."""


async def open_pool(dsn: str, size: int = 10) -> Pool:
    """A pool whose connections speak JSON. Raises one of :data:`AWAY` when the server cannot be reached."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=min(2, size),
        max_size=size,
        init=_prepare,
        reset=_leave,
        command_timeout=30,
        max_inactive_connection_lifetime=300,
    )
    assert pool is not None
    return pool
