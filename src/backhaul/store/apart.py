"""Units that were answered apart from their case and have become a case of their own."""

from __future__ import annotations

from uuid import UUID

import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.domain.said import Vote
from backhaul.domain.words import Decision
from backhaul.store import cases, commands, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank

INHERITED = ["receive", "inspect", "take_over", "link_order", "link_line", "waive", "vote"]
_vote = msgspec.json.Decoder(Vote)


def named(case: ChannelCase) -> list[str]:
    """Units by a name of their own: one that goes by its order line would be taken for that of any earlier request."""
    return [unit.id for unit in case.units if unit.id != unit.order_line_id]


async def origin(pool: Pool, shop_id: UUID, case_id: UUID, case: ChannelCase) -> tuple[UUID, str] | None:
    """The case of the same order that the units of this one were a part of, and the channel's id of it: one that was
    read with them, and not with a later change than this."""
    row = await pool.fetchrow(
        """
        select o.id, o.channel_id from return_case o join return_line r on r.case_id = o.id
        where o.shop_id = $1 and o.order_id = $3 and o.id <> $2 and o.channel_kind = 'return'
            and o.channel_id is not null and r.unit_id = any($4) and (r.gone or o.updated_at <= $5)
        order by o.id limit 1
        """,
        shop_id,
        case_id,
        case.order_id,
        named(case),
        case.updated_at,
    )
    return (row["id"], row["channel_id"]) if row else None


async def leave(pool: Pool, shop_id: UUID, case_id: UUID, case: ChannelCase, source: UUID) -> None:
    """Write down that these units have left ``source`` for a case of their own, and have that one read again: until it
    is, it must not count them among its own. What people said of them there goes with them."""
    await cases.name_order(pool, case_id, case)
    units = set(named(case))
    async with pool.acquire() as connection, connection.transaction():
        await turns.hear(connection, {source: (1, 0)}, Rank.HINT)
        await connection.execute("update return_case set updated_at = $2 where id = $1", case_id, case.updated_at)
        await connection.executemany(
            "insert into return_line (case_id, unit_id, shop_id, order_line_id, sku, name) "
            "values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            [
                (case_id, unit.id, shop_id, unit.order_line_id, unit.seller_sku, unit.name)
                for unit in case.units
                if unit.id in units
            ],
        )
        await inherit(connection, case_id, source)


async def inherit(connection: Connection, case_id: UUID, source: UUID) -> None:
    """What people said of goods and records of the case that this one was a part of holds for it too, and so does the
    answer they gave for each of its units: not all of them may have been sent. Once."""
    rows = await connection.fetch(
        """
        select shop_id, kind, body, by, at from command where case_id = $2 and kind = any($3)
            and not exists (select from command where case_id = $1 and kind = any($3)) order by seq
        """,
        case_id,
        source,
        INHERITED,
    )
    for shop_id, kind, body, by, at in rows:
        if kind == "vote":
            vote = _vote.decode(body)
            if vote.decision is not Decision.BY_UNIT:
                continue
            body = msgspec.json.encode(msgspec.structs.replace(vote, round=0))  # no review of this case
        await commands.add(connection, case_id, shop_id, kind, body, by, at)
