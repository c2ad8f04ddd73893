"""What the grid of cases shows: its rows, its tabs with their counts, and what a search finds. Reads only.

Pages go by key, never by offset: a page's cursor names its last row's sort value and id, so that rows that arrive
meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from backhaul.store.db import Pool

ANSWER = ("requested", "delivered", "to_confirm", "blind")  # as in the index return_case_answer
ENDED = ("closed", "cancelled", "withdrawn")
ARRIVED = ("delivered", "accepted", "refunded")
RESHIPPED = ("exchange", "replacement")  # of these only what somebody took in is known to have come back
TABS = ("answer", "open", "inspect", "exceptions", "ended", "all")
SORTS = ("updated", "due")
COUNT_LIMIT = 100  # what no running total covers is counted only this far


class CaseRow(msgspec.Struct, frozen=True):
    """One line of the grid. Times are Unix seconds by the shop's clock; ``total`` is in minor units. ``channel_id`` is
    empty while the channel does not know the case."""

    id: UUID
    shop_id: UUID
    channel_kind: str
    channel_id: str
    order_id: str
    kind: str
    status: str
    raw_status: str
    raw_kind: str
    reason_key: str
    reason_text: str
    requested_at: int
    updated_at: int
    next_action: str | None
    deadline: int | None
    total: int | None
    currency: str | None
    ended: bool
    attention: bool
    mode: str
    commerce_order_id: str
    commerce_order_name: str


COLUMNS = ", ".join(
    "coalesce(c.channel_id, '') as channel_id" if name == "channel_id" else f"c.{name}"
    for name in CaseRow.__struct_fields__
)


class Cursor(msgspec.Struct, frozen=True):
    """Where a page ends: the sort value and id of its outermost row, and in which stretch of the view it is."""

    value: int
    id: UUID
    stretch: int = 0

    def text(self) -> str:
        """As it stands in an address."""
        return f"{self.value}.{self.id.hex}" + (f".{self.stretch}" if self.stretch else "")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises ValueError for what is none."""
        value, _, rest = text.partition(".")
        key, _, stretch = rest.partition(".")
        number, place = int(value), int(stretch or 0)
        if not -(1 << 62) < number < 1 << 62 or not 0 <= place < max(map(len, _STRETCHES.values())):
            raise ValueError("a cursor's value is out of range")
        return cls(number, UUID(key), place)


class Filter(msgspec.Struct, frozen=True):
    """What a view of the grid shows. ``shops`` empty means all; ``due`` are (shop, deadline at most) pairs."""

    shops: tuple[UUID, ...] = ()
    tab: str = "all"
    status: str = ""
    kind: str = ""
    due: tuple[tuple[UUID, int], ...] = ()
    search: str = ""
    sort: str = "updated"
    after: Cursor | None = None
    before: Cursor | None = None


class GridPage(msgspec.Struct, frozen=True):
    """Rows, and the cursors of the pages around them, None at an end."""

    rows: tuple[CaseRow, ...]
    older: Cursor | None
    newer: Cursor | None


class Arguments:
    """Collects the values of a statement and hands out their places."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def _where(wanted: Filter, arg: Arguments) -> list[str]:
    terms: list[str] = ["c.merged_into is null"]
    if wanted.shops:
        terms.append(
            f"c.shop_id = {arg(wanted.shops[0])}" if len(wanted.shops) == 1 else f"c.shop_id = any({arg(wanted.shops)})"
        )
    if wanted.tab == "answer":
        # In words and not as an argument: whoever plans the statement sees that the index of these holds all rows.
        terms.append("c.status in (" + ", ".join(f"'{status}'" for status in ANSWER) + ")")
    elif wanted.tab == "open":
        terms.append(f"c.status <> all({arg(ENDED)})")
    elif wanted.tab == "ended":
        terms.append(f"c.status = any({arg(ENDED)})")
    elif wanted.tab == "exceptions":
        terms.append("c.id in (select case_id from exception where closed_at is null and case_id is not null)")
    elif wanted.tab == "inspect":
        terms.append(_inspect(arg))
    if wanted.status:
        terms.append(f"c.status = {arg(wanted.status)}")
    if wanted.kind:
        terms.append(f"c.kind = {arg(wanted.kind)}")
    if wanted.due:
        shops, until = arg([shop for shop, _ in wanted.due]), arg([limit for _, limit in wanted.due])
        terms.append(
            "not c.ended and c.deadline <= (select until from "
            f"unnest({shops}::uuid[], {until}::bigint[]) as d(shop_id, until) where d.shop_id = c.shop_id)"
        )
    return terms


def _inspect(arg: Arguments) -> str:
    return (
        f"c.status = any({arg(ARRIVED)}) and (c.kind = 'return' or c.kind = any({arg(RESHIPPED)})) and exists "
        "(select 1 from return_line u where u.case_id = c.id and u.disposition is null and not u.gone "
        "and (c.kind = 'return' or u.received_at is not null))"
    )


# A view is one stretch of rows after another, each in the order of an index: column, whether it falls, which rows.
_STRETCHES: dict[str, tuple[tuple[str, bool, str], ...]] = {
    "updated": (("c.updated_at", True, "true"),),
    "due": (
        ("c.deadline", False, "c.deadline is not null and not c.ended"),
        ("c.updated_at", True, "c.deadline is null and not c.ended"),
        ("c.updated_at", True, "c.ended"),
    ),
}
_NONE_ENDED = frozenset({"answer", "open"})  # tabs without the last of these stretches


async def page(pool: Pool, wanted: Filter, limit: int = 50) -> GridPage:
    """One page of cases. Sorted by deadline, those that have none follow, and then those that have ended, the latest
    change first."""
    ids = await find(pool, wanted.search, wanted.shops) if wanted.search else None
    backwards = wanted.before is not None
    edge = wanted.before or wanted.after
    count = len(_STRETCHES[wanted.sort]) - (wanted.sort == "due" and wanted.tab in _NONE_ENDED)
    stretches = list(range(count))[:: -1 if backwards else 1]
    if edge is not None and edge.stretch in stretches:
        stretches = stretches[stretches.index(edge.stretch) :]
    rows: list[tuple[Cursor, CaseRow]] = []
    for stretch in stretches:
        if len(rows) <= limit:
            found = await _stretch(pool, wanted, ids, stretch, edge, limit + 1 - len(rows))
            rows += [(_cursor(row, wanted.sort, stretch), row) for row in found]
    more, rows = len(rows) > limit, rows[:limit]
    if backwards:
        rows = rows[::-1]
    if not rows:
        return GridPage((), None, None)
    return GridPage(
        tuple(row for _, row in rows),
        older=rows[-1][0] if more or backwards else None,
        newer=rows[0][0] if (more if backwards else wanted.after is not None) else None,
    )


async def _stretch(
    pool: Pool, wanted: Filter, ids: list[UUID] | None, stretch: int, edge: Cursor | None, limit: int
) -> list[CaseRow]:
    """The next rows of one stretch, from the edge on where it stands in this one."""
    arg = Arguments()
    column, falls, which = _STRETCHES[wanted.sort][stretch]
    terms = [*_where(wanted, arg), which]
    if ids is not None:
        terms.append(f"c.id = any({arg(ids)})")
    down = falls != (wanted.before is not None)
    if edge is not None and edge.stretch == stretch:
        terms.append(f"({column}, c.id) {'<' if down else '>'} ({arg(edge.value)}, {arg(edge.id)})")
    way = "desc" if down else "asc"
    rows = await pool.fetch(
        f"select {COLUMNS} from return_case c where {' and '.join(terms)} "
        f"order by {column} {way}, c.id {way} limit {arg(limit)}",
        *arg.values,
    )
    return [CaseRow(**dict(row)) for row in rows]


def _cursor(row: CaseRow, sort: str, stretch: int) -> Cursor:
    column = _STRETCHES[sort][stretch][0]
    return Cursor((row.deadline or 0) if column == "c.deadline" else row.updated_at, row.id, stretch)


async def find(pool: Pool, text: str, wanted: Sequence[UUID]) -> list[UUID]:
    """Cases whose return id, order id (either side's), tracking number or combined return's id is ``text``."""
    rows = await pool.fetch(
        """
        with s as (select id from shop where cardinality($2::uuid[]) = 0 or id = any($2))
        select c.id from s join return_case c on c.shop_id = s.id
            and c.channel_kind in ('return', 'cancellation') and c.channel_id = $1
        union select c.id from s join return_case c on c.shop_id = s.id and c.order_id = $1
        union select c.id from s join return_case c on c.shop_id = s.id and c.commerce_order_id = $1
            and c.commerce_order_id <> ''
        union select c.id from s join return_case c on c.shop_id = s.id and c.group_key = $1 and c.group_key <> ''
        union select p.case_id from s join parcel on parcel.shop_id = s.id and parcel.tracking_number = $1
            join parcel_case p on p.parcel_id = parcel.id
        limit 500
        """,
        text,
        list(wanted),
    )
    return [row["id"] for row in rows]


class Counts(msgspec.Struct, frozen=True):
    """How many cases each tab holds. ``inspect`` is counted up to :data:`COUNT_LIMIT` only."""

    tabs: dict[str, int]
    statuses: dict[str, int]


async def counts(pool: Pool, wanted: Sequence[UUID]) -> Counts:
    """Running totals for the tabs, from the appended deltas."""
    rows = await pool.fetch(
        "select status, attention, sum(delta)::bigint as n from case_count "
        "where cardinality($1::uuid[]) = 0 or shop_id = any($1) group by 1, 2",
        list(wanted),
    )
    statuses: dict[str, int] = {}
    for row in rows:
        statuses[row["status"]] = statuses.get(row["status"], 0) + row["n"]
    arg = Arguments()
    terms = _where(Filter(shops=tuple(wanted), tab="inspect"), arg)
    inspect = await pool.fetchval(
        f"select count(*) from (select 1 from return_case c where {' and '.join(terms)} limit {COUNT_LIMIT}) q",
        *arg.values,
    )
    total = sum(statuses.values())
    ended = sum(statuses.get(name, 0) for name in ENDED)
    return Counts(
        {
            "answer": sum(statuses.get(name, 0) for name in ANSWER),
            "open": total - ended,
            "inspect": inspect,
            "exceptions": sum(row["n"] for row in rows if row["attention"]),
            "ended": ended,
            "all": total,
        },
        statuses,
    )
