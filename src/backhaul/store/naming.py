"""Cases that begin with us get their id on the channel here, and become one with a case that a webhook or a sweep has
made of the same id meanwhile. What was said and done goes with them; history stays where it was written and is read
from both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from backhaul.store import turns
from backhaul.store.db import Connection
from backhaul.store.jobs import Rank
from backhaul.store.moves import Move


async def twins(connection: Connection, moves: Sequence[Move]) -> dict[UUID, UUID]:
    """Of cases that are being named: the case that has that name already."""
    named = [(move.turn.subject_id, move.named) for move in moves if move.named]
    if not named:
        return {}
    rows = await connection.fetch(
        """
        select n.id, o.id as twin from unnest($1::uuid[], $2::text[]) as n(id, name) join return_case c on c.id = n.id
        join return_case o on o.shop_id = c.shop_id and o.channel_kind = c.channel_kind and o.channel_id = n.name
        where o.id <> c.id
        """,
        [case_id for case_id, _ in named],
        [name for _, name in named],
    )
    return {row["id"]: row["twin"] for row in rows}


async def name(connection: Connection, moves: Sequence[Move], taken: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    """Write the names of cases whose name is free; the others (case -> twin) are to be merged. A name that was taken
    meanwhile violates the unique index."""
    merged: dict[UUID, UUID] = {}
    for move in moves:
        if not move.named:
            continue
        if move.turn.subject_id in taken:
            merged[move.turn.subject_id] = taken[move.turn.subject_id]
            continue
        await connection.execute(
            "update return_case set channel_id = $2 where id = $1 and channel_id is null",
            move.turn.subject_id,
            move.named,
        )
        # Its units are the channel's from now on; until then they were lines of the order.
        await connection.execute("delete from return_line where case_id = $1", move.turn.subject_id)
    return merged


async def merge(connection: Connection, merged: Mapping[UUID, UUID]) -> None:
    """Hand all that was said and done on cases to their twins, and have those looked at."""
    for ours, twin in sorted(merged.items()):
        for table in ("effect", "command", "attachment"):
            await connection.execute(f"update {table} set case_id = $2 where case_id = $1", ours, twin)
        await connection.execute("delete from return_line where case_id = $1", ours)
        await connection.execute(
            """
            with gone as (delete from parcel_case where case_id = $1 returning parcel_id)
            insert into parcel_case (parcel_id, case_id) select parcel_id, $2 from gone on conflict do nothing
            """,
            ours,
            twin,
        )
        await connection.execute(
            "update exception set closed_at = now(), closed_by = 'the cause has gone' "
            "where case_id = $1 and closed_at is null",
            ours,
        )
        await connection.execute(
            """
            with was as (select shop_id, status, attention, policy_version from return_case where id = $1),
            counted as (
                insert into case_count (shop_id, status, attention, delta)
                select shop_id, status, attention, -1 from was where policy_version is not null
            )
            update return_case set merged_into = $2, ended = true, status = 'merged', attention = false,
                next_action = null, deadline = null
            where id = $1
            """,
            ours,
            twin,
        )
        await connection.execute(
            "update turn set owner = null, until = null, attend_at = null, dirty = false where subject_id = $1", ours
        )
    await turns.hear(connection, dict.fromkeys(merged.values(), (1, 0)), Rank.PERSON)
