"""Back-fill: every case of a shop that changed since a day, by the sweep's own scan; restartable, behind all others.

The scan hints at what it finds, at the lowest rank, and the workers read it. How far it got is stored with each page;
the asked-for span is stored before it begins, so that a second start of the same goes on where the first one stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import msgspec
import structlog

from backhaul.domain.words import Party
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Unavailable
from backhaul.store import shops
from backhaul.store.db import Pool
from backhaul.store.jobs import Rank
from backhaul.work.sweep import KINDS as KINDS
from backhaul.work.sweep import Cursor, read_cursor, scan, write_cursor
from backhaul.work.tokens import login_ended
from backhaul.work.vendors import Vendors

log = structlog.get_logger()

ASKED = "backfill"  # the cursor that holds the span asked for; one more for each kind says how far it got
MOST_TRIES = 8

Progress = Callable[[str, int, int | None], None]
"""Called with a kind ("return", "cancellation"), how many were found by now, and how many there will be, if known."""


class Summary(msgspec.Struct, frozen=True):
    """What a back-fill found, and what is known of it now. ``unread`` cases have an exception that says why."""

    since: int
    until: int
    continued: bool
    found: int
    cases: int
    ended: int
    unread: int
    proposed: int


class Span(msgspec.Struct, frozen=True):
    """What is to be scanned; ``continued`` when an earlier start did not get to its end."""

    since: int
    until: int
    continued: bool


async def begin(pool: Pool, shop_id: UUID, since: int, until: int | None, now: int) -> Span:
    """The span of this run: that of an unfinished run with the same beginning (and end, if one is given), or a new
    one. Without an end it goes to the end of the second that runs: what happened in it is found, too."""
    asked = await read_cursor(pool, shop_id, ASKED)
    if asked is not None and asked.until and asked.since == since and until in (None, asked.until):
        return Span(since, asked.until, True)
    span = Span(since, now + 1 if until is None else until, False)
    async with pool.acquire() as connection, connection.transaction():
        await write_cursor(connection, shop_id, ASKED, Cursor(span.since, span.until))
        for kind in KINDS:
            await write_cursor(connection, shop_id, _name(kind), Cursor(span.since, span.until))
    return span


async def find(vendors: Vendors, shop_id: UUID, span: Span, progress: Progress) -> int:
    """Hint at every case of the span that is not known as it now is. How many this run came by. Raises NeedsReauth, and
    Unavailable when the vendor stays away."""
    link = next(row for row in await shops.links(vendors.pool) if (row.shop_id, row.role) == (shop_id, Party.CHANNEL))
    found = 0
    for kind in KINDS:
        cursor = await read_cursor(vendors.pool, shop_id, _name(kind))
        if cursor is None or not cursor.until:
            continue  # an earlier start has finished this kind
        found += await _scan(vendors, link.connection_id, shop_id, kind, span, progress)
        await write_cursor(vendors.pool, shop_id, _name(kind), Cursor(span.until))
    await write_cursor(vendors.pool, shop_id, ASKED, Cursor(span.since))
    return found


async def _scan(vendors: Vendors, connection_id: UUID, shop_id: UUID, kind: str, span: Span, progress: Progress) -> int:
    """One kind to its end. A vendor that is away for a moment is asked again, from where the scan got to."""
    tries, last = 0, 0
    before = 0  # found by attempts that were cut short
    while True:
        cursor = await read_cursor(vendors.pool, shop_id, _name(kind)) or Cursor(span.since, span.until)
        if cursor.since > last:
            tries = 0  # it got on since the last failure
        last, seen = cursor.since, 0

        def tell(done: int, total: int | None, base: int = before) -> None:
            nonlocal seen
            seen = done
            progress(kind, base + done, None if total is None else base + total)

        try:
            connector = await vendors.connector(connection_id, shop_id, Party.CHANNEL)
            done = await scan(
                vendors, connector, shop_id, kind, _name(kind), cursor.since, span.until, Rank.BACKFILL, tell
            )
            return before + done
        except NeedsReauth as error:
            if not await login_ended(vendors, connection_id, error):
                raise
            tries += 1
        except (Unavailable, OutcomeUnknown) as error:
            tries += 1
            log.info("backfill.interrupted", shop=str(shop_id), kind=kind, error=str(error))
            if tries >= MOST_TRIES:
                raise
            await asyncio.sleep(min(30.0, getattr(error, "retry_after", None) or 2.0**tries * 0.25))
        before += seen


async def outstanding(pool: Pool, shop_id: UUID) -> int:
    """How many cases of a shop are queued to be read, or being read."""
    count: int = await pool.fetchval(
        "select count(*) from turn where shop_id = $1 and kind = 'case' and (dirty or owner is not null)", shop_id
    )
    return count


async def summary(pool: Pool, shop_id: UUID, span: Span, found: int) -> Summary:
    """What there is after all has been read."""
    row = await pool.fetchrow(
        """
        select count(*) as cases, count(*) filter (where ended) as ended,
            count(*) filter (where body is null) as unread,
            (select count(distinct case_id) from effect where shop_id = $1 and state = 'proposed') as proposed
        from return_case where shop_id = $1 and (updated_at >= $2 or body is null)
        """,
        shop_id,
        span.since,
    )
    return Summary(span.since, span.until, span.continued, found, *row)


async def worker_beats(pool: Pool, within_s: float = 20.0) -> bool:
    """Whether some worker process is alive."""
    return bool(
        await pool.fetchval(
            "select exists (select from worker where beat_at > now() - make_interval(secs => $1))", within_s
        )
    )


def _name(kind: str) -> str:
    return f"{ASKED}:{kind}"
