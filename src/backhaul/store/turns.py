"""The claim on a subject. One run at a time holds it; it lasts a minute by the database's clock unless it is extended.

A subject is a case, the sweep of a shop, or the login of a connection. The generation rises with every hint and every
claim, so that the job engine's key, which is taken while a job is queued or running, never swallows a later hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank, enqueue

HOLD = timedelta(seconds=60)


class Turn(msgspec.Struct, frozen=True):
    """A claim that was taken."""

    subject_id: UUID
    kind: str
    shop_id: UUID | None
    claim: int
    heard_channel: int
    heard_commerce: int
    heard_desk: int


TAKE = """
with want as (
    select distinct on (subject_id) * from unnest($1::uuid[], $2::bigint[]) as w(subject_id, owner) order by subject_id
), locked as (
    select t.subject_id from turn t join want using (subject_id) order by t.subject_id for update of t
)
update turn t
set owner = w.owner, claim = t.claim + 1, generation = t.generation + 1, dirty = false,
    until = clock_timestamp() + $3, attend_at = null
from want w join locked l using (subject_id)
where t.subject_id = w.subject_id and (t.owner is null or t.until < clock_timestamp() or t.owner = w.owner)
returning t.subject_id, t.kind, t.shop_id, t.claim, t.heard_channel, t.heard_commerce,
    t.heard_desk
"""


async def take(connection: Connection, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, Turn]:
    """Claim subjects for the jobs that attend to them; those that another run holds are missing from the answer."""
    rows = await connection.fetch(TAKE, [subject for subject, _ in wanted], [job for _, job in wanted], HOLD)
    return {row["subject_id"]: Turn(*row) for row in rows}


async def lock(connection: Connection, subjects: Iterable[UUID]) -> None:
    """Take several subjects' rows at once, in the one order, before more than one statement changes them."""
    await connection.execute(
        "select from turn where subject_id = any($1) order by subject_id for update", sorted(subjects)
    )


Hints = tuple[int, ...]
"""How many hints: about the channel, about commerce, about the desk; the last may be left out."""


async def hear(connection: Connection, hints: Mapping[UUID, Hints], rank: Rank) -> None:
    """Count hints for subjects and see to it that each is attended to.

    Belongs into the transaction that stores the hints: the rows are taken first, in one order, then the generation is
    read and the job enqueued.
    """
    if not hints:
        return
    subjects = sorted(hints)
    rows = await connection.fetch(
        """
        with locked as (select subject_id from turn where subject_id = any($1) order by subject_id for update)
        update turn t
        set generation = generation + 1, dirty = true, rank = greatest(rank, $4),
            heard_channel = heard_channel + h.channel, heard_commerce = heard_commerce + h.commerce,
            heard_desk = heard_desk + h.desk
        from unnest($1::uuid[], $2::int[], $3::int[], $5::int[]) as h(subject_id, channel, commerce, desk)
            join locked using (subject_id)
        where t.subject_id = h.subject_id
        returning t.subject_id, t.generation, t.shop_id
        """,
        subjects,
        [hints[subject][0] for subject in subjects],
        [hints[subject][1] for subject in subjects],
        int(rank),
        [hints[subject][2] if len(hints[subject]) > 2 else 0 for subject in subjects],
    )
    await enqueue(connection, [(row["subject_id"], row["generation"], row["shop_id"]) for row in rows], rank)


async def note(connection: Connection, hints: Mapping[UUID, tuple[Hints, int]]) -> None:
    """Count hints about commerce and desk (subject -> counts, when to look) that may gather for a moment: what we write
    there comes back as a handful of webhooks, and one look answers them all. The due-scan brings it."""
    subjects = sorted(hints)
    await connection.execute(
        """
        with locked as (select subject_id from turn where subject_id = any($1) order by subject_id for update)
        update turn t set heard_commerce = heard_commerce + h.commerce, heard_desk = heard_desk + h.desk,
            attend_at = least(t.attend_at, h.at)
        from unnest($1::uuid[], $2::int[], $3::int[], $4::bigint[]) as h(subject_id, commerce, desk, at)
            join locked using (subject_id)
        where t.subject_id = h.subject_id
        """,
        subjects,
        [hints[subject][0][1] for subject in subjects],
        [hints[subject][0][2] if len(hints[subject][0]) > 2 else 0 for subject in subjects],
        [hints[subject][1] for subject in subjects],
    )


async def nudge(connection: Connection, subjects: Iterable[UUID], rank: Rank) -> None:
    """Have subjects attended to without a hint about anybody."""
    await hear(connection, dict.fromkeys(subjects, (0, 0)), rank)


async def open_turns(
    connection: Connection, rows: Sequence[tuple[UUID, str, UUID | None]], attend_at: int | None = None
) -> None:
    """Give new subjects (id, kind, shop) their turn; those that have one keep it."""
    await connection.executemany(
        "insert into turn (subject_id, kind, shop_id, attend_at) values ($1, $2, $3, $4) on conflict do nothing",
        [(*row, attend_at) for row in sorted(rows)],
    )


DUE = """
with clock as (select * from unnest($1::uuid[], $2::bigint[]) as c(shop_id, now)),
due as (
    select t.subject_id from clock c cross join lateral (
        select subject_id from turn t where t.shop_id = c.shop_id and t.attend_at <= c.now
        order by t.attend_at limit $3
    ) t
    union
    select subject_id from turn
    where kind = 'login' and shop_id is null and attend_at <= extract(epoch from clock_timestamp())
    union
    select subject_id from turn where owner is not null and until < clock_timestamp()
),
locked as (select subject_id from turn where subject_id in (select subject_id from due) order by subject_id for update)
update turn t set generation = generation + 1, attend_at = null, owner = null, dirty = true
from locked l where t.subject_id = l.subject_id and (t.owner is null or t.until < clock_timestamp())
returning t.subject_id, t.generation, t.rank, t.shop_id
"""


async def wake_due(pool: Pool, clocks: Mapping[UUID, int], per_shop: int) -> int:
    """Enqueue what is due by each shop's clock, and what a dead run has left behind. How many."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(DUE, list(clocks), list(clocks.values()), per_shop)
        for rank in {row["rank"] for row in rows}:
            mine = [(row["subject_id"], row["generation"], row["shop_id"]) for row in rows if row["rank"] == rank]
            await enqueue(connection, mine, rank)
    return len(rows)


LEFT = """
select t.subject_id, t.generation, t.rank, t.shop_id from turn t
where t.dirty and t.owner is null and (t.attend_at is null or t.attend_at > 0) and not exists (
    select from pgqueuer q
    where q.dedupe_key = t.subject_id || ':' || t.generation and q.status in ('queued', 'picked')
)
order by t.subject_id limit 1000 for update of t skip locked
"""


async def bring_back(pool: Pool) -> int:
    """Enqueue what waits for a job that is not there any more: one that ended, or was cancelled, before it could take
    its turn (the database was away for a moment). How many. Reads all turns: not for every second."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(LEFT)
        for rank in {row["rank"] for row in rows}:
            mine = [(row["subject_id"], row["generation"], row["shop_id"]) for row in rows if row["rank"] == rank]
            await enqueue(connection, mine, rank)
    return len(rows)


async def keep(pool: Pool, turn: Turn) -> bool:
    """Hold a turn for another minute. False: it is not ours any more."""
    kept = await pool.fetchval(
        "update turn set until = clock_timestamp() + $3 where subject_id = $1 and claim = $2 returning true",
        turn.subject_id,
        turn.claim,
        HOLD,
    )
    return bool(kept)


RELEASE = """
with mine as (
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::int[]) as m(subject_id, claim, attend_at, rank)
),
locked as (select t.subject_id from turn t join mine using (subject_id) order by t.subject_id for update of t)
update turn t set owner = null, until = null, attend_at = least(m.attend_at, t.attend_at), rank = m.rank
from mine m join locked l using (subject_id)
where t.subject_id = m.subject_id and t.claim = m.claim and not t.dirty
returning t.subject_id
"""


async def release(connection: Connection, rows: Sequence[tuple[UUID, int, int | None, int]]) -> set[UUID]:
    """Give turns back: (subject, claim, when to look again, rank of that look). Those that heard something meanwhile
    are missing from the answer and stay held: their holder looks again."""
    done = await connection.fetch(
        RELEASE, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]
    )
    return {row["subject_id"] for row in done}


async def again(connection: Connection, subject: UUID, claim: int) -> tuple[int, int, int] | None:
    """Keep a turn that heard something, and learn what: hints about channel, commerce, desk. None: not ours."""
    row = await connection.fetchrow(
        """
        update turn set dirty = false, until = clock_timestamp() + $3 where subject_id = $1 and claim = $2
        returning heard_channel, heard_commerce, heard_desk
        """,
        subject,
        claim,
        HOLD,
    )
    return (row["heard_channel"], row["heard_commerce"], row["heard_desk"]) if row else None


async def abandon(pool: Pool | Connection, subject: UUID, claim: int, attend_at: int | None) -> None:
    """Give a turn back after a failure, to be tried again at ``attend_at``."""
    await pool.execute(
        """
        update turn set owner = null, until = null, attend_at = $3, dirty = false
        where subject_id = $1 and claim = $2
        """,
        subject,
        claim,
        attend_at,
    )


async def defer(pool: Pool, subject: UUID, attend_at: int, rank: int) -> None:
    """Leave a subject that nobody holds for the due-scan."""
    await pool.execute(
        """
        update turn set attend_at = least(coalesce(attend_at, $2), $2), rank = greatest(rank, $3)
        where subject_id = $1 and owner is null
        """,
        subject,
        attend_at,
        rank,
    )
