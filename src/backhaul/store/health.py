"""Signs of life and figures, by queries that stay cheap however much is stored."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from backhaul.store.db import Pool


class Workers(msgspec.Struct, frozen=True):
    """The youngest beat of any worker and the longest time one of those alive has held a job, in seconds."""

    beat_age_s: float | None
    oldest_job_s: float


async def workers(pool: Pool) -> Workers:
    """How the workers are. A worker that stopped beating says nothing of its jobs any more: others take them over."""
    row = await pool.fetchrow(
        "select extract(epoch from now() - max(beat_at))::float8 as age, "
        "coalesce(max(oldest_job_s) filter (where beat_at > now() - interval '1 minute'), 0)::float8 as held "
        "from worker"
    )
    return Workers(row["age"], row["held"])


Figures: TypeAlias = dict[str, tuple[str, str, list[tuple[str, float]]]]


async def figures(pool: Pool) -> Figures:
    """Metric -> (help, label name or empty, (label value, figure) pairs)."""
    async with pool.acquire() as db:
        cases = await db.fetch("select status, sum(delta)::float8 as n from case_count group by 1 order by 1")
        troubles = await db.fetch(
            "select lane, count(*)::float8 as n from exception where closed_at is null group by 1 order by 1"
        )
        logins = await db.fetch("select state, count(*)::float8 as n from connection group by 1 order by 1")
        held = await db.fetchval("select count(*)::float8 from turn where owner is not null and until > now()")
        refused = await db.fetch("select cause, sum(count)::float8 as n from refused_webhook group by 1 order by 1")
        alive = await workers(pool)
    beat = alive.beat_age_s if alive.beat_age_s is not None else float("inf")
    return {
        "backhaul_cases": ("Cases by status", "status", [(row["status"], row["n"]) for row in cases]),
        "backhaul_exceptions_open": ("Open exceptions by lane", "lane", [(row["lane"], row["n"]) for row in troubles]),
        "backhaul_connections": ("Connections by state", "state", [(row["state"], row["n"]) for row in logins]),
        "backhaul_turns_held": ("Cases being worked on", "", [("", held)]),
        "backhaul_webhooks_refused": (
            "Refused webhooks by cause",
            "cause",
            [(row["cause"], row["n"]) for row in refused],
        ),
        "backhaul_worker_beat_age_seconds": ("Age of the youngest worker beat", "", [("", beat)]),
        "backhaul_oldest_job_seconds": ("Longest time a job has been held", "", [("", alive.oldest_job_s)]),
    }
