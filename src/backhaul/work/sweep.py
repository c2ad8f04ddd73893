"""The safety net: everything that changed since the last look, with overlap, by the same door as a webhook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from backhaul.domain.channel import ChannelCase
from backhaul.domain.desk import number
from backhaul.domain.terms import Capability
from backhaul.domain.words import Party
from backhaul.ports.connector import Changed, Detects
from backhaul.ports.errors import NeedsReauth, Refused, VendorError
from backhaul.store import exceptions, inbox, shops, turns
from backhaul.store.db import Pool
from backhaul.store.jobs import Rank
from backhaul.store.moves import Lost
from backhaul.store.turns import Turn
from backhaul.work.tokens import login_ended
from backhaul.work.vendors import Vendors, affine, shop_time

log = structlog.get_logger()

OVERLAP_S = 600  # the channel's search index may lag
EVERY_S = 120
EVERY_REAL_S = 60
KINDS = ("return", "cancellation")
NAMES = {kind: f"sweep:{kind}" for kind in KINDS}
SCANS = {
    Party.CHANNEL: tuple(NAMES.values()),
    Party.COMMERCE: ("sweep:orders",),
    Party.DESK: ("sweep:desk",),
}
UNREAD_S = 3600  # a person is told when a scan has not got through for so long
MOST_RESTARTS = 50
DETECT_S = 24 * 3600


class Cursor(msgspec.Struct, frozen=True):
    """Up to where a scan has stored everything. ``until`` is where it will end, 0 when it has ended."""

    since: int
    until: int = 0


async def read_cursor(pool: Pool, shop_id: UUID, name: str) -> Cursor | None:
    """A scan's cursor."""
    raw = await pool.fetchval("select value from cursor where shop_id = $1 and name = $2", shop_id, name)
    return msgspec.json.decode(raw, type=Cursor) if raw else None


async def write_cursor(connection: Any, shop_id: UUID, name: str, cursor: Cursor) -> None:
    """Store a scan's cursor."""
    await connection.execute(
        """
        insert into cursor (shop_id, name, value) values ($1, $2, $3)
        on conflict (shop_id, name) do update set value = excluded.value, at = now()
        """,
        shop_id,
        name,
        msgspec.json.encode(cursor),
    )


async def _start(pool: Pool, shop_id: UUID, name: str, now: int) -> Cursor:
    """Where a scan goes on. The very first one's beginning is stored before it is tried: were it interrupted, the next
    would begin at its own time, and what changed in between would never be found."""
    known = await read_cursor(pool, shop_id, name)
    if known is None:
        known = Cursor(now - OVERLAP_S)
        await write_cursor(pool, shop_id, name, known)
    return known


async def sweep_shop(vendors: Vendors, turn: Turn) -> tuple[int, int]:
    """Sweep all that the shop's vendors changed. When to sweep again, and the rank of that."""
    assert turn.shop_id is not None
    rows = await vendors.pool.fetch(
        """
        select l.role, l.connection_id, n.clock, n.state, n.title
        from link l join connection n on n.id = l.connection_id where l.shop_id = $1
        """,
        turn.shop_id,
    )
    links = {row["role"]: row for row in rows}
    clock = links[Party.CHANNEL]["clock"] if Party.CHANNEL in links else None
    now = shop_time(clock)
    for role, row in links.items():
        told = (row["connection_id"], (_unread(turn.shop_id),))
        if row["state"] != "connected":  # nobody goes on trying, and a login that has ended is told as that
            await exceptions.close(vendors.pool, *told, "not connected any more")
            continue
        try:
            await _sweep_role(vendors, turn, role, row["connection_id"], now)
        except NeedsReauth as error:
            await login_ended(vendors, row["connection_id"], error)
        except VendorError as error:
            # The cursor stands where the scan got to: the next sweep goes on from there.
            log.info("sweep.interrupted", shop=str(turn.shop_id), role=role, error=str(error))
            await _tell(vendors, turn.shop_id, role, row, now, error)
        else:
            await exceptions.close(vendors.pool, *told, "reading works again")
    return shop_time(clock) + max(EVERY_S, int(EVERY_REAL_S * affine(clock).rate)), Rank.SWEEP


def _unread(shop_id: UUID) -> str:
    return f"unread:{shop_id}"  # a login may serve several shops


async def _tell(vendors: Vendors, shop_id: UUID, role: str, row: Any, now: int, error: VendorError) -> None:
    """Tell a person what could not be read for long. Before its first scan has begun nothing has been missed."""
    known = [await read_cursor(vendors.pool, shop_id, name) for name in SCANS[Party(role)]]
    since = min((each.since for each in known if each is not None), default=now)
    if now - since <= UNREAD_S:
        return
    await exceptions.tell(
        vendors.pool,
        row["connection_id"],
        _unread(shop_id),
        f"{row['title']}: what changed since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M} UTC cannot be read: "
        f"{error}",
        "The hub goes on trying and misses nothing once reading works again; until then it knows only what webhooks "
        "tell. See whether the vendor has an outage.",
        at=now,
        shop_id=shop_id,
    )


async def _sweep_role(vendors: Vendors, turn: Turn, role: str, connection_id: UUID, now: int) -> None:
    shop_id = turn.shop_id
    assert shop_id is not None
    connector = await vendors.connector(connection_id, shop_id, role)
    if role == Party.CHANNEL:
        # All begin at the same time: what changes while the first cannot be read is found by the others' first scan.
        starts = [(kind, name, await _start(vendors.pool, shop_id, name, now)) for kind, name in NAMES.items()]
        failed: VendorError | None = None
        for kind, name, start in starts:
            try:
                since = start.since - OVERLAP_S
                await scan(vendors, connector, shop_id, kind, name, since, now + 60, Rank.SWEEP, turn=turn)
            except NeedsReauth:
                raise
            except VendorError as error:  # one kind that cannot be read does not hide the other
                failed = error
            else:
                await write_cursor(vendors.pool, shop_id, name, Cursor(now))
        if failed is not None:
            raise failed
    elif role == Party.COMMERCE:
        await _sweep_commerce(vendors, connector, turn, shop_id, now)
    elif role == Party.DESK:
        await _sweep_desk(vendors, connector, turn, shop_id, now)
    await vendors.pool.execute("update connection set last_read_at = now() where id = $1", connection_id)
    if isinstance(connector, Detects):
        await _detect(vendors, connector, shop_id, now)


async def _detect(vendors: Vendors, connector: Detects, shop_id: UUID, now: int) -> None:
    """Find out once a day what the shop can do: vendors switch it on, and off, shop by shop."""
    known = await shops.capabilities(vendors.pool, shop_id)
    if known and all(now - found.at < DETECT_S for found in known.values()):
        return
    for name, found in (await connector.capabilities()).items():
        before = known.get(name)
        evidence = before.evidence if before is not None and before.has and found.has else found.evidence
        await shops.keep_capability(vendors.pool, shop_id, name, Capability(found.has, evidence, now))
        if before is None or before.has is not found.has:
            log.info("shop.capability", shop=str(shop_id), name=name, has=found.has, evidence=found.evidence)


async def scan(
    vendors: Vendors,
    connector: Any,
    shop_id: UUID,
    kind: str,
    name: str,
    since: int,
    until: int,
    rank: Rank,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    turn: Turn | None = None,
) -> int:
    """Hint at every case that changed in [since, until); how many there were. The cursor is stored with each page, and
    the sweep's ``turn`` held on to: raises Lost when another has it by now.

    Page tokens count positions, and rows that change move to the end while the scan runs, so following tokens would
    skip rows. The scan therefore asks anew from the newest time it has stored, and follows a token only through rows
    of one and the same second.
    """
    token, restarts = "", 0
    seen: set[tuple[str, int]] = set()
    while True:
        try:
            page: Changed = await connector.changed(kind, since, until, token)
        except Refused as error:
            if error.code != "cursor_expired" or restarts >= MOST_RESTARTS:
                raise
            token, restarts = "", restarts + 1
            continue
        fresh = [case for case in page.cases if (case.id, case.updated_at) not in seen]
        seen |= {(case.id, case.updated_at) for case in page.cases}
        newest = max((case.updated_at for case in page.cases), default=since)
        await _hold(vendors, turn)
        await _hint(vendors, shop_id, kind, fresh, rank, name, Cursor(newest, until))
        progress(len(seen), page.total)
        if not page.cursor:
            return len(seen)
        if newest > since:
            since, token = newest, ""
        else:
            token = page.cursor


async def _hint(
    vendors: Vendors, shop_id: UUID, kind: str, found: list[Any], rank: Rank, name: str, cursor: Cursor
) -> None:
    async with vendors.pool.acquire() as connection, connection.transaction():
        known = await inbox.last_read(connection, shop_id, kind, [case.id for case in found])
        changed = [case for case in found if case.id not in known or _newer(case, known[case.id])]
        cases = await inbox.open_cases(connection, [(shop_id, kind, case.id, case.order_id) for case in changed])
        await turns.hear(connection, dict.fromkeys(cases.values(), (1, 0)), rank)
        await write_cursor(connection, shop_id, name, cursor)


def _newer(case: ChannelCase, known: ChannelCase) -> bool:
    """Whether a case has changed since it was read. The channel counts in seconds: another change within the one of the
    last shows only in what it says, which is the same in a list as in a read of one."""
    return case.updated_at > known.updated_at or (case.updated_at == known.updated_at and case != known)


async def _hold(vendors: Vendors, turn: Turn | None) -> None:
    """Many pages take longer than a turn lasts; two sweeps of one shop would only spend its budget twice."""
    if turn is not None and not await turns.keep(vendors.pool, turn):
        raise Lost(str(turn.subject_id))


async def _sweep_commerce(vendors: Vendors, connector: Any, turn: Turn, shop_id: UUID, now: int) -> None:
    start = await _start(vendors.pool, shop_id, "sweep:orders", now)
    token = ""
    while True:
        orders, token = await connector.changed_orders(start.since - OVERLAP_S, token)
        await _hold(vendors, turn)
        if orders:
            async with vendors.pool.acquire() as connection, connection.transaction():
                cases = await inbox.cases_of_commerce_orders(connection, shop_id, orders)
                waiting = [case_id for case_id, _ in await inbox.waiting(connection, shop_id, "order")]
                await turns.hear(connection, dict.fromkeys([*cases, *waiting], (0, 1)), Rank.SWEEP)
        if not token:
            break
    await write_cursor(vendors.pool, shop_id, "sweep:orders", Cursor(now))


async def _sweep_desk(vendors: Vendors, connector: Any, turn: Turn, shop_id: UUID, now: int) -> None:
    start = await _start(vendors.pool, shop_id, "sweep:desk", now)
    token = ""
    while True:
        found, token = await connector.changed_desk_returns(start.since - OVERLAP_S, now + 60, token)
        await _hold(vendors, turn)
        async with vendors.pool.acquire() as connection, connection.transaction():
            orders = sorted({number(order) for _, order in found if order})
            cases = await inbox.cases_of_desk(connection, shop_id, [ident for ident, _ in found], orders)
            await turns.hear(connection, {case_id: (0, 0, 1) for case_id, _ in cases}, Rank.SWEEP)
        if not token:
            break
    await write_cursor(vendors.pool, shop_id, "sweep:desk", Cursor(now))
