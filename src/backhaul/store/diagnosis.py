"""What `doctor` asks the database. Reads only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from backhaul.store.db import Pool


class Health(msgspec.Struct, frozen=True):
    """How the database and the work in it are. Ages in seconds."""

    now: datetime
    version: str
    workers: int
    oldest_job_s: float
    queued: int
    oldest_queued_s: float
    exceptions: int
    refused_today: int


async def health(pool: Pool) -> Health:
    """One look at everything."""
    row = await pool.fetchrow(
        """
        select clock_timestamp() as now, current_setting('server_version') as version,
            (select count(*) from worker where beat_at > now() - interval '20 seconds') as workers,
            (select coalesce(max(oldest_job_s), 0) from worker where beat_at > now() - interval '1 minute') as oldest,
            (select count(*) from pgqueuer where status = 'queued' and execute_after <= now()) as queued,
            (select coalesce(extract(epoch from now() - min(created)), 0)::float8
             from pgqueuer where status = 'queued' and execute_after <= now()) as waited,
            (select count(*) from exception where closed_at is null) as exceptions,
            (select coalesce(sum(count), 0)::bigint from refused_webhook where day = current_date) as refused
        """
    )
    return Health(*row)


async def strangers(pool: Pool) -> list[tuple[str, str, str, int]]:
    """Effects in the last week that somebody else made in our place: (shop, case, what, when by the shop's clock)."""
    rows = await pool.fetch(
        """
        select s.name, coalesce(c.channel_id, c.id::text) as channel_id, e.kind, e.created_at from effect e
        join return_case c on c.id = e.case_id join shop s on s.id = e.shop_id
        where e.state = 'superseded' and e.written_at > now() - interval '7 days'
        order by e.written_at desc limit 20
        """
    )
    return [tuple(row) for row in rows]


async def other_bookings(pool: Pool) -> list[tuple[str, int]]:
    """Shops where somebody else has booked refunds in the last week that the hub then adopted: (name, how many)."""
    rows = await pool.fetch(
        """
        select s.name, count(*) from refund_entry r join shop s on s.id = r.shop_id
        where r.kind = 'adopted' and r.written_at > now() - interval '7 days' group by 1 order by 1
        """
    )
    return [tuple(row) for row in rows]
