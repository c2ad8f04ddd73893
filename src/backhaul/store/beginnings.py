"""Cases that begin with us, as rows: they have no id on the channel until it gives them one."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from backhaul.kit.ids import uuid7
from backhaul.store import turns
from backhaul.store.db import Connection, Pool


class State(NamedTuple):
    """How far such a case is. ``sent``: bytes that start it may have left."""

    channel_id: str
    ended: bool
    sent: bool


async def lock(connection: Connection, shop_id: UUID, what: str) -> None:
    """Let one transaction at a time ask and write about this."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{shop_id}/{what}")


async def insert(
    connection: Connection, case_id: UUID, shop_id: UUID, channel_kind: str, order_id: str, kind: str, now: int
) -> None:
    """A new case with its turn."""
    await connection.execute(
        """
        insert into return_case (id, shop_id, channel_kind, order_id, kind, status, requested_at, updated_at)
        values ($1, $2, $3, $4, $5, 'starting', $6, $6)
        """,
        case_id,
        shop_id,
        channel_kind,
        order_id,
        kind,
        now,
    )
    await turns.open_turns(connection, [(case_id, "case", shop_id)])


async def describe(connection: Connection, case_id: UUID, channel_kind: str, order_id: str, kind: str) -> None:
    """What is to be started now."""
    await connection.execute(
        "update return_case set channel_kind = $2, order_id = $3, kind = $4 where id = $1 and channel_id is null",
        case_id,
        channel_kind,
        order_id,
        kind,
    )


async def parcel(connection: Connection, case_id: UUID, shop_id: UUID, code: str) -> None:
    """Goods came in a parcel of this number."""
    await connection.execute(
        """
        with p as (
            insert into parcel (id, shop_id, tracking_number) values ($1, $2, $3)
            on conflict (shop_id, tracking_number) do update set carrier = parcel.carrier returning id
        )
        insert into parcel_case (parcel_id, case_id) select id, $4 from p on conflict do nothing
        """,
        uuid7(),
        shop_id,
        code,
        case_id,
    )


async def blind_case(connection: Connection, shop_id: UUID, code: str) -> UUID | None:
    """The open case that was opened for goods with this code."""
    found: UUID | None = await connection.fetchval(
        """
        select c.id from return_case c join parcel_case m on m.case_id = c.id join parcel p on p.id = m.parcel_id
        where c.shop_id = $1 and p.shop_id = $1 and p.tracking_number = $2 and c.channel_id is null and not c.ended
        limit 1
        """,
        shop_id,
        code,
    )
    return found


async def unfinished(connection: Connection, shop_id: UUID, order_id: str) -> list[tuple[UUID, bytes]]:
    """Cases of an order that are about to be started, and the last that was asked for."""
    rows = await connection.fetch(
        """
        select distinct on (c.id) c.id, k.body from return_case c join command k on k.case_id = c.id
        where c.shop_id = $1 and c.order_id = $2 and c.channel_id is null and not c.ended and k.kind = 'start'
            and not exists (select from command w where w.case_id = c.id and w.kind in ('withdraw', 'decline'))
        order by c.id, k.seq desc
        """,
        shop_id,
        order_id,
    )
    return [(row["id"], row["body"]) for row in rows]


async def state(connection: Connection, case_id: UUID) -> State:
    """How far a case is."""
    row = await connection.fetchrow(
        """
        select coalesce(channel_id, '') as channel_id, ended, exists (
            select from effect e where e.case_id = c.id and e.kind in ('start_return', 'start_cancellation')
            and e.state in ('sent', 'accepted', 'confirmed')) as sent
        from return_case c where c.id = $1
        """,
        case_id,
    )
    return State(**row)


async def standing(pool: Pool | Connection, case_id: UUID) -> UUID:
    """The case by which a case goes now: another, where it has become one with it."""
    found: UUID | None = await pool.fetchval("select merged_into from return_case where id = $1", case_id)
    return found or case_id
