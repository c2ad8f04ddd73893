"""Units that were answered apart from their case and have become a case of their own."""

from __future__ import annotations

from uuid import UUID

from backhaul.domain.channel import ChannelCase
from backhaul.domain.folding import Command, for_units_apart
from backhaul.kit.ids import stable_id
from backhaul.store import cases, commands, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank


def named(case: ChannelCase) -> list[str]:
    """Units by a name of their own: one that goes by its order line would be taken for that of any earlier request."""
    return [unit.id for unit in case.units if unit.id != unit.order_line_id]


async def origin(pool: Pool, shop_id: UUID, case_id: UUID, case: ChannelCase) -> tuple[UUID, str] | None:
    """The case of the same order that the units of this one were a part of, and the channel's id of it: one that was
    read with them, and not with a later change than this; of several the last, whose own they became before."""
    row = await pool.fetchrow(
        """
        select o.id, o.channel_id from return_case o join return_line r on r.case_id = o.id
        where o.shop_id = $1 and o.order_id = $3 and o.id <> $2 and o.channel_kind = 'return'
            and o.channel_id is not null and r.unit_id = any($4) and (r.gone or o.updated_at <= $5)
        order by o.id desc limit 1
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
    """What people said of the case that this one was a part of holds for it too, as far as it is of its units. Once."""
    rows = await connection.fetch(
        "select id, shop_id, kind, body, by, at, seq from command where case_id = $1 order by seq", source
    )
    for ident, shop_id, *row in rows:
        said = for_units_apart(Command(*row))
        if said is not None:
            once = stable_id("inherited", str(case_id), str(ident))
            await commands.add(connection, case_id, shop_id, said.kind, said.body, said.by, said.at, once)
