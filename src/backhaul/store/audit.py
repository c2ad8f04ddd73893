"""What the audit of a shop asks the database. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from backhaul.domain.reasons import DeskReason
from backhaul.store.db import Pool

REASONS = "desk:reasons"  # the cursor that keeps the desk's own list
_reasons = msgspec.json.Decoder(tuple[DeskReason, ...])


class Evidence(msgspec.Struct, frozen=True):
    """What happened in a shop in the last 30 days, as far as the audit judges by it."""

    desk_return_cases: int
    early: int  # returns that the desk refunded before the channel's acceptance
    strangers: int  # orders on which another program wrote
    switches: dict[str, int]  # replacements and exchanges by kind
    hidden_postal_codes: int


async def evidence(pool: Pool, shop_id: UUID) -> Evidence:
    """One look at everything."""
    row = await pool.fetchrow(
        """
        select (select count(*) from return_case where shop_id = $1 and desk_return_id <> '') as desks,
            (select count(*) from exception where shop_id = $1 and key like 'desk\\_early:%'
                and opened_at > now() - interval '30 days') as early,
            coalesce((select orders from strangers_of_shop where shop_id = $1), 0) as strangers,
            (select count(*) from exception where shop_id = $1 and key = 'desk_secondary'
                and opened_at > now() - interval '30 days') as hidden
        """,
        shop_id,
    )
    kinds = await pool.fetch(
        """
        select kind, count(*) as n from return_case
        where shop_id = $1 and kind in ('replacement', 'exchange') group by 1
        """,
        shop_id,
    )
    switches = {each["kind"]: each["n"] for each in kinds}
    return Evidence(row["desks"], row["early"], row["strangers"], switches, row["hidden"])


class Refusal(msgspec.Struct, frozen=True):
    """Refusals of one kind of effect for one cause in the last 30 days; ``text`` is the latest."""

    kind: str
    code: str
    text: str
    count: int


async def desk_refusals(pool: Pool, shop_id: UUID) -> tuple[Refusal, ...]:
    """What the desk refused, most frequent first."""
    rows = await pool.fetch(
        """
        select kind, code, (array_agg(text order by seq desc))[1] as text, count(*) as n from effect
        where shop_id = $1 and state = 'refused' and kind like '%\\_desk\\_%'
            and written_at > now() - interval '30 days'
        group by kind, code order by n desc, kind, code limit 20
        """,
        shop_id,
    )
    return tuple(Refusal(*row) for row in rows)


async def reason_counts(pool: Pool, shop_id: UUID) -> tuple[tuple[str, str, int], ...]:
    """The channel's reasons for returns: (key, text, how often)."""
    rows = await pool.fetch(
        """
        select reason_key, max(reason_text) as text, count(*) as n from return_case
        where shop_id = $1 and kind = 'return' and reason_key <> '' group by 1 order by n desc, 1 limit 500
        """,
        shop_id,
    )
    return tuple(tuple(row) for row in rows)


async def desk_reasons(pool: Pool, shop_id: UUID) -> tuple[DeskReason, ...]:
    """The desk's own list of reasons as it was last seen; none before."""
    raw = await pool.fetchval("select value from cursor where shop_id = $1 and name = $2", shop_id, REASONS)
    return _reasons.decode(raw) if raw else ()


async def keep_desk_reasons(pool: Pool, shop_id: UUID, known: Sequence[DeskReason]) -> None:
    """Keep the desk's own list for the pages that show it."""
    await pool.execute(
        """
        insert into cursor (shop_id, name, value) values ($1, $2, $3)
        on conflict (shop_id, name) do update set value = excluded.value, at = now()
        """,
        shop_id,
        REASONS,
        msgspec.json.encode(tuple(known)),
    )
