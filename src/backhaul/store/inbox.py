"""The inbox of webhooks, and the subjects that hints name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.kit.ids import uuid7
from backhaul.store import turns
from backhaul.store.db import Connection, Pool


class Letter(msgspec.Struct, frozen=True):
    """A verified webhook. ``raw`` is sealed."""

    connection_id: UUID
    delivery: str
    topic: str
    raw: bytes
    drift: str = ""


async def store(connection: Connection, letters: Sequence[Letter]) -> set[tuple[UUID, str]]:
    """Store what is new and count copies of what is known; the (connection, delivery) pairs that are new."""
    copies = Counter((letter.connection_id, letter.delivery) for letter in letters)
    once = {(letter.connection_id, letter.delivery): letter for letter in letters}
    rows = sorted(once.items(), key=lambda pair: (pair[0][0], pair[0][1]))
    stored = await connection.fetch(
        """
        insert into inbox (id, connection_id, delivery, topic, raw, drift, copies)
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::int[])
        on conflict (connection_id, delivery) do update set copies = inbox.copies + excluded.copies
        returning connection_id, delivery, (xmax = 0) as fresh
        """,
        [uuid7() for _ in rows],
        [letter.connection_id for _, letter in rows],
        [letter.delivery for _, letter in rows],
        [letter.topic for _, letter in rows],
        [letter.raw for _, letter in rows],
        [letter.drift for _, letter in rows],
        [copies[key] for key, _ in rows],
    )
    return {(row["connection_id"], row["delivery"]) for row in stored if row["fresh"]}


async def count_refused(pool: Pool, connection_id: UUID, cause: str) -> None:
    """Count a webhook that was turned away; nothing else of it is kept."""
    await pool.execute(
        """
        insert into refused_webhook (connection_id, cause, count) values ($1, $2, 1)
        on conflict (connection_id, day, cause) do update set count = refused_webhook.count + 1
        """,
        connection_id,
        cause,
    )


async def open_cases(
    connection: Connection, wanted: Iterable[tuple[UUID, str, str, str]], besides: Iterable[UUID] = ()
) -> dict[tuple[UUID, str, str], UUID]:
    """Cases for (shop, "return" or "cancellation", channel id, channel order id), made where there is none yet, each
    with its turn.

    The turns of those that are there, and of ``besides`` that this transaction will want, are taken before any case is
    made: whoever gives a case of ours its name holds its turn, and would wait here for the name, and we there."""
    rows = sorted({(shop, kind, channel_id): order for shop, kind, channel_id, order in wanted}.items())
    if not rows:
        return {}
    columns = (
        [key[0] for key, _ in rows],
        [key[1] for key, _ in rows],
        [key[2] for key, _ in rows],
        [order for _, order in rows],
    )
    known = await connection.fetch(KNOWN_CASES, *columns[:3])
    await turns.lock(connection, {*besides, *(row["id"] for row in known)})
    found = await connection.fetch(OPEN_CASES, [uuid7() for _ in rows], *columns)
    if len(found) < len(rows):
        # Another transaction made some of them while ours was waiting for it: now they can be seen.
        found = await connection.fetch(OPEN_CASES, [uuid7() for _ in rows], *columns)
    return {(row["shop_id"], row["channel_kind"], row["channel_id"]): row["id"] for row in found}


KNOWN_CASES = """
select c.id from return_case c join unnest($1::uuid[], $2::text[], $3::text[]) as w(shop_id, channel_kind, channel_id)
    using (shop_id, channel_kind, channel_id)
"""
OPEN_CASES = """
with wanted as (
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
        as w(id, shop_id, channel_kind, channel_id, order_id)
), made as (
    insert into return_case (id, shop_id, channel_kind, channel_id, order_id) select * from wanted
    on conflict (shop_id, channel_kind, channel_id) do nothing
    returning id, shop_id, channel_kind, channel_id
), turned as (
    insert into turn (subject_id, kind, shop_id) select id, 'case', shop_id from made order by id
)
select id, shop_id, channel_kind, channel_id from made
union all
select c.id, c.shop_id, c.channel_kind, c.channel_id
from return_case c join wanted w using (shop_id, channel_kind, channel_id)
"""


class _Read(msgspec.Struct):
    channel: ChannelCase | None = None


_read = msgspec.json.Decoder(_Read)


async def last_read(
    connection: Connection | Pool, shop_id: UUID, kind: str, ids: Sequence[str]
) -> Mapping[str, ChannelCase]:
    """These cases of the channel as we have read them last; those that we have not are missing."""
    rows = await connection.fetch(
        """
        select channel_id, body from return_case
        where shop_id = $1 and channel_kind = $2 and channel_id = any($3) and body is not null
        """,
        shop_id,
        kind,
        list(ids),
    )
    known = {row["channel_id"]: _read.decode(row["body"]).channel for row in rows}
    return {channel_id: case for channel_id, case in known.items() if case is not None}


async def cases_of_channel_orders(connection: Connection, shop_id: UUID, orders: Sequence[str]) -> list[UUID]:
    """Open cases of these channel orders."""
    rows = await connection.fetch(
        "select id from return_case where shop_id = $1 and order_id = any($2) and not ended", shop_id, list(orders)
    )
    return [row["id"] for row in rows]


async def cases_of_commerce_orders(connection: Connection, shop_id: UUID, orders: Sequence[str]) -> list[UUID]:
    """Open cases of these commerce orders."""
    rows = await connection.fetch(
        "select id from return_case where shop_id = $1 and commerce_order_id = any($2) and not ended",
        shop_id,
        list(orders),
    )
    return [row["id"] for row in rows]


async def cases_of_desk(
    connection: Connection, shop_id: UUID, returns: Sequence[str], orders: Sequence[str]
) -> list[tuple[UUID, str]]:
    """Cases of these returns in the desk, ended or not, and open cases of these commerce orders by their number; each
    with its return in the desk, as far as it has one."""
    rows = await connection.fetch(
        """
        select id, desk_return_id from return_case
        where shop_id = $1 and desk_return_id <> '' and desk_return_id = any($2)
        union
        select id, desk_return_id from return_case
        where shop_id = $1 and commerce_order_id <> '' and not ended
            and regexp_replace(commerce_order_id, '^.*/', '') = any($3)
        """,
        shop_id,
        list(returns),
        list(orders),
    )
    return [(row["id"], row["desk_return_id"]) for row in rows]


async def waiting(connection: Connection | Pool, shop_id: UUID, kind: str) -> list[tuple[UUID, str]]:
    """Cases of a shop whose exception waits for something of this kind, and for which one."""
    rows = await connection.fetch(
        """
        select case_id, waits_id from exception
        where shop_id = $1 and waits_kind = $2 and closed_at is null and case_id is not null
        """,
        shop_id,
        kind,
    )
    return [(row["case_id"], row["waits_id"]) for row in rows]
