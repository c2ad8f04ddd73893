"""Replay: the inbox read again, and cases looked at again. Safe at any time, because a hint is only a hint: what is
sent is decided from what a look then finds, and an effect that stands is not written twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from backhaul.kit.crypto import CryptoError
from backhaul.ports.connector import News
from backhaul.store import turns
from backhaul.store.db import Pool
from backhaul.store.jobs import Rank
from backhaul.work.intake import Intake, Item

log = structlog.get_logger()
PAGE = 200

ROWS = """
select i.id, i.connection_id, i.topic, i.raw, n.role from inbox i join connection n on n.id = i.connection_id
where i.received_at >= $1 and n.state <> 'disabled' and ($2::uuid is null or i.id > $2) order by i.id limit $3
"""


class Replayed(msgspec.Struct, frozen=True):
    """How many stored webhooks were read again, and how many could not be."""

    read: int
    unreadable: int


async def count(pool: Pool, since: datetime) -> int:
    """How many webhooks the inbox holds since then."""
    found: int = await pool.fetchval("select count(*) from inbox where received_at >= $1", since)
    return found


async def inbox(intake: Intake, since: datetime, progress: Callable[[int], None] = lambda done: None) -> Replayed:
    """Read every webhook stored since then again, as if it had just come."""
    pool, after, read, bad = intake.vendors.pool, None, 0, 0
    while True:
        rows = await pool.fetch(ROWS, since, after, PAGE)
        if not rows:
            return Replayed(read, bad)
        items = []
        for row in rows:
            item = await _item(intake, row)
            if item is None:
                bad += 1
            else:
                items.append(item)
        async with pool.acquire() as connection, connection.transaction():
            await intake.route(connection, items)
        read, after = read + len(items), rows[-1]["id"]
        progress(read + bad)


async def _item(intake: Intake, row: object) -> Item | None:
    connection_id, topic = row["connection_id"], row["topic"]  # type: ignore[index]
    try:
        raw = intake.vendors.vault.decrypt(row["raw"], f"inbox/{connection_id}".encode())  # type: ignore[index]
    except CryptoError as error:
        log.warning("replay.sealed", connection=str(connection_id), error=str(error))
        return None
    connector = await intake.vendors.connector(connection_id)
    # A vendor that says in a header what its body is about reads it again by the topic that was stored.
    again = getattr(connector, "reread", None)
    news: News = again(raw, topic) if again else connector.news(raw, {})
    return Item(connection_id, row["role"], news, raw)  # type: ignore[index]


async def case(pool: Pool, case_id: UUID) -> None:
    """Have the channel's and the commerce system's word on a case read again."""
    async with pool.acquire() as connection, connection.transaction():
        await turns.hear(connection, {case_id: (1, 1)}, Rank.PERSON)
