"""What people said, as rows that are only ever added."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backhaul.kit.ids import uuid7
from backhaul.store.db import Connection, Pool


async def add(
    connection: Connection,
    case_id: UUID,
    shop_id: UUID,
    kind: str,
    body: bytes,
    by: str,
    at: int,
    once: UUID | None = None,
) -> None:
    """Store a command; one that has an id already, ``once``."""
    await connection.execute(
        "insert into command (id, case_id, shop_id, kind, body, by, at) values ($1, $2, $3, $4, $5, $6, $7) "
        "on conflict (id) do nothing",
        once or uuid7(),
        case_id,
        shop_id,
        kind,
        body,
        by,
        at,
    )


async def tell(
    connection: Connection | Pool,
    shop_id: UUID | None,
    case_id: UUID | None,
    at: int,
    who: str,
    what: str,
    text: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a line to the time-line of a case or a shop, and tell open pages."""
    await connection.execute(
        """
        insert into history (id, shop_id, case_id, at, who, what, text, detail) values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        uuid7(),
        shop_id,
        case_id,
        at,
        who,
        what,
        text,
        detail,
    )
    await connection.execute("select pg_notify('backhaul_changed', $1)", str(shop_id))


async def shop_clock(connection: Connection | Pool, shop_id: UUID) -> dict[str, Any] | None:
    """The clock of a shop's channel connection: None is the machine's own."""
    clock: dict[str, Any] | None = await connection.fetchval(
        """
        select n.clock from link l join connection n on n.id = l.connection_id
        where l.shop_id = $1 and l.role = 'channel'
        """,
        shop_id,
    )
    return clock
