"""What the pages show of shops, exceptions and what happened. Reads only, and pages go by key as in the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.terms import Capability, DeskTerms
from backhaul.kit.clock import Affine
from backhaul.store.db import Pool
from backhaul.store.grid import COUNT_LIMIT, Arguments
from backhaul.store.shops import desk_terms


class Shop(msgspec.Struct, frozen=True):
    """A shop, and the state of the login it is read through. ``clock`` is None when it lives in real time."""

    id: UUID
    channel_id: str
    name: str
    market: str
    currency: str
    time_zone: str
    mode: str
    live_since: int | None
    payer: str
    booker: str
    safe_gateways: list[str]
    location: str  # of commerce; ``location_name`` is what it was called when it was chosen
    location_name: str = ""
    connection_id: UUID | None = None
    connection_state: str | None = None
    vendor: str | None = None
    clock: Affine | None = None
    desk: DeskTerms | None = None  # how it works with its returns desk; None without one
    capabilities: dict[str, Capability] = {}

    def now(self, real: float) -> float:
        """The shop's own time at a real moment, in Unix seconds."""
        return self.clock.virtual(real) if self.clock else real

    @property
    def place(self) -> str:
        """Where restocked units go, for people: by name, or by the number of a place whose name was never read."""
        return self.location_name or self.location.rpartition("/")[2]


def clock_of(value: Mapping[str, Any] | None) -> Affine | None:
    """A connection's clock as it is stored; None for real time."""
    if not value:
        return None
    return Affine(float(value["epoch_real"]), float(value["epoch_virtual"]), float(value.get("rate", 1.0)))


async def shops(pool: Pool) -> tuple[Shop, ...]:
    """All shops, by name."""
    rows = await pool.fetch(
        """
        select s.id, s.channel_id, s.name, s.market, s.currency, s.time_zone, s.mode, s.live_since, s.payer, s.booker,
               s.safe_gateways, s.location, s.location_name, s.desk, s.capabilities, d.vendor as desk_vendor,
               c.id as connection_id, c.state as connection_state, c.vendor, c.clock
        from shop s left join link l on l.shop_id = s.id and l.role = 'channel'
        left join link k on k.shop_id = s.id and k.role = 'desk' left join connection d on d.id = k.connection_id
        left join connection c on c.id = l.connection_id order by s.name, s.id
        """
    )
    found = []
    for row in rows:
        values = {**dict(row), "clock": clock_of(row["clock"])}
        vendor = values.pop("desk_vendor")
        values["desk"] = desk_terms(vendor, row["desk"]) if vendor else None
        values["capabilities"] = msgspec.convert(row["capabilities"], dict[str, Capability])
        found.append(Shop(**values))
    return tuple(found)


class ExceptionRow(msgspec.Struct, frozen=True):
    """Something that needs a person."""

    id: UUID
    shop_id: UUID | None
    case_id: UUID | None
    connection_id: UUID | None
    key: str
    lane: str
    text: str
    todo: str
    waits_kind: str | None
    waits_id: str | None
    deadline: int | None
    retry: str
    console: bool
    opened_at: datetime
    channel_id: str | None = None
    order_id: str | None = None
    connection_title: str | None = None
    at: int | None = None  # since when, by the shop's clock as it was then


EXCEPTIONS = """
select e.id, e.shop_id, e.case_id, e.connection_id, e.key, e.lane, e.text, e.todo, e.waits_kind, e.waits_id, e.deadline,
       e.retry, e.console, e.opened_at, e.at, c.channel_id, c.order_id, n.title as connection_title
from exception e left join return_case c on c.id = e.case_id left join connection n on n.id = e.connection_id
where e.closed_at is null
"""


async def exceptions(
    pool: Pool, wanted: Sequence[UUID], after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> tuple[ExceptionRow, ...]:
    """Open exceptions, newest first, one more than ``limit`` when there are more. Those of a connection belong to
    every shop."""
    arg = Arguments()
    terms = ""
    if wanted:
        terms += f" and (e.shop_id = any({arg(list(wanted))}) or e.shop_id is null)"
    if after is not None:
        terms += f" and (e.opened_at, e.id) < ({arg(after[0])}, {arg(after[1])})"
    rows = await pool.fetch(
        f"{EXCEPTIONS} {terms} order by e.opened_at desc, e.id desc limit {arg(limit + 1)}", *arg.values
    )
    return tuple(ExceptionRow(**dict(row)) for row in rows)


async def exception(pool: Pool, exception_id: UUID) -> ExceptionRow | None:
    """One open exception."""
    row = await pool.fetchrow(f"{EXCEPTIONS} and e.id = $1", exception_id)
    return ExceptionRow(**dict(row)) if row else None


class HistoryRow(msgspec.Struct, frozen=True):
    """One line of what happened. ``at`` is by the shop's clock."""

    id: UUID
    shop_id: UUID | None
    case_id: UUID | None
    at: int
    who: str
    what: str
    text: str
    detail: Any
    written_at: datetime
    channel_id: str | None = None


async def history(
    pool: Pool, wanted: Sequence[UUID], before: UUID | None = None, limit: int = 50
) -> tuple[HistoryRow, ...]:
    """What happened, newest first, one more than ``limit`` when there is more."""
    rows = await pool.fetch(
        """
        select h.id, h.shop_id, h.case_id, h.at, h.who, h.what, h.text, h.detail, h.written_at, c.channel_id
        from history h left join return_case c on c.id = h.case_id
        where (cardinality($1::uuid[]) = 0 or h.shop_id = any($1)) and ($2::uuid is null or h.id < $2)
        order by h.id desc limit $3
        """,
        list(wanted),
        before,
        limit + 1,
    )
    return tuple(HistoryRow(**dict(row)) for row in rows)


async def open_exceptions(pool: Pool) -> int:
    """How many exceptions are open, counted up to :data:`COUNT_LIMIT`."""
    count: int = await pool.fetchval(
        f"select count(*) from (select 1 from exception where closed_at is null limit {COUNT_LIMIT}) q"
    )
    return count


async def broken_connections(pool: Pool) -> tuple[tuple[UUID, str, str], ...]:
    """Channel logins that read nothing now: (id, title, state)."""
    rows = await pool.fetch(
        "select id, title, state from connection where role = 'channel' and state <> 'connected' order by created_at"
    )
    return tuple((row["id"], row["title"], row["state"]) for row in rows)
