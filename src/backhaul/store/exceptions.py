"""What is wrong with a connection, for a person. What is wrong with a case is written with the move that finds it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from backhaul.kit.ids import uuid7
from backhaul.store.db import Connection, Pool

TELL = """
insert into exception (id, shop_id, connection_id, key, lane, text, todo, waits_kind, waits_id, at)
values ($1, coalesce($2, (select shop_id from link where connection_id = $3 limit 1)), $3, $4, 'connection', $5, $6,
    $7, $8, $9)
on conflict (coalesce(case_id, connection_id), key) where closed_at is null do update set text = excluded.text
"""


async def tell(
    connection: Connection | Pool,
    connection_id: UUID,
    key: str,
    text: str,
    todo: str,
    *,
    at: int | None = None,
    shop_id: UUID | None = None,
    waits: bool = False,
) -> None:
    """Open an exception of a connection, or renew the text of the one that is open. ``at`` is the shop's time;
    ``waits`` says that everything of the connection stands still until it is closed."""
    held = ("connection", str(connection_id)) if waits else (None, None)
    await connection.execute(TELL, uuid7(), shop_id, connection_id, key, text.replace("\0", "?"), todo, *held, at)


async def close(connection: Connection | Pool, connection_id: UUID, keys: Sequence[str], why: str) -> None:
    """Close those of a connection that are open."""
    await connection.execute(
        """
        update exception set closed_at = now(), closed_by = $3
        where connection_id = $1 and key = any($2) and closed_at is null
        """,
        connection_id,
        list(keys),
        why,
    )
