"""Everything one case's page shows. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.effects import AnyEffect
from backhaul.domain.facts import Seen
from backhaul.domain.said import Said
from backhaul.domain.steps import View
from backhaul.store import cases
from backhaul.store.db import Pool
from backhaul.store.grid import COLUMNS, CaseRow
from backhaul.store.pages import ExceptionRow, HistoryRow

_SEEN = msgspec.json.Decoder(Seen)
_VIEW = msgspec.json.Decoder(View)
_WANTED: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEffect)


class UnitRow(msgspec.Struct, frozen=True):
    """One unit and what became of it."""

    unit_id: str
    order_line_id: str
    sku: str
    name: str
    refund: int | None
    commerce_line_id: str
    received_at: int | None
    condition: str | None
    disposition: str | None


class EffectRow(msgspec.Struct, frozen=True):
    """One effect of the ledger."""

    id: UUID
    kind: str
    target: str
    state: str
    because: str
    by: str
    attempts: int
    created_at: int
    sent_at: int | None
    answered_at: int | None
    code: str
    text: str
    result: str
    wanted: Any = None


class EntryRow(msgspec.Struct, frozen=True):
    """One line of the refund ledger."""

    key: str
    kind: str
    amount: int
    currency: str
    at: int
    source: str
    text: str


class ParcelRow(msgspec.Struct, frozen=True):
    """A parcel and the cases in it."""

    tracking_number: str
    carrier: str
    cases: int


class FileRow(msgspec.Struct, frozen=True):
    """A stored file."""

    id: UUID
    name: str
    mime: str
    by: str
    at: datetime


class Case(msgspec.Struct, frozen=True):
    """One case with all that is known of it."""

    row: CaseRow
    seen: Seen
    said: Said
    view: View
    units: tuple[UnitRow, ...]
    effects: tuple[EffectRow, ...]
    history: tuple[HistoryRow, ...]
    exceptions: tuple[ExceptionRow, ...]
    entries: tuple[EntryRow, ...]
    parcels: tuple[ParcelRow, ...]
    files: tuple[FileRow, ...]
    related: tuple[tuple[CaseRow, str], ...]  # (case, why it is related)


async def case(pool: Pool, case_id: UUID, *, lines: int = 500) -> Case | None:
    """One case; of a history longer than ``lines`` its newest part. One that has become one with another is shown as
    that one."""
    async with pool.acquire() as db, db.transaction(isolation="repeatable_read", readonly=True):
        found = await db.fetchrow(
            f"select {COLUMNS}, c.group_key, c.view, c.body from return_case c "
            "where c.id = (select coalesce(merged_into, id) from return_case where id = $1)",
            case_id,
        )
        if found is None:
            return None
        row = CaseRow(**{name: found[name] for name in CaseRow.__struct_fields__})
        case_id = row.id
        seen = _SEEN.decode(found["body"]) if found["body"] else Seen()
        units = await db.fetch(
            "select unit_id, order_line_id, sku, name, refund, commerce_line_id, received_at, condition, disposition "
            "from return_line where case_id = $1 and not gone order by unit_id",
            case_id,
        )
        effects = await db.fetch(
            "select id, kind, target, state, because, by, attempts, created_at, sent_at, answered_at, code, text, "
            "result, wanted from effect where case_id = $1 order by created_at, id",
            case_id,
        )
        history = await db.fetch(
            "select id, shop_id, case_id, at, who, what, text, detail, written_at from history "
            "where case_id = $1 or case_id in (select id from return_case where merged_into = $1) "
            "order by id desc limit $2",
            case_id,
            lines,
        )
        troubles = await db.fetch(
            "select id, shop_id, case_id, connection_id, key, lane, text, todo, waits_kind, waits_id, deadline, retry, "
            "console, opened_at, at from exception where case_id = $1 and closed_at is null order by opened_at, id",
            case_id,
        )
        entries = await db.fetch(
            "select key, kind, amount, currency, at, source, text from refund_entry where case_id = $1 order by id",
            case_id,
        )
        parcels = await db.fetch(
            """
            select p.tracking_number, p.carrier, (select count(*) from parcel_case o where o.parcel_id = p.id) as cases
            from parcel_case m join parcel p on p.id = m.parcel_id where m.case_id = $1 order by p.id
            """,
            case_id,
        )
        files = await db.fetch("select id, name, mime, by, at from attachment where case_id = $1 order by id", case_id)
        said = await cases.said(db, case_id)
        channel = seen.channel
        near = [channel.previous_id, channel.next_id, channel.combined_id] if channel else ["", "", ""]
        related = await db.fetch(RELATED, row.shop_id, case_id, row.order_id, found["group_key"], *near)
    return Case(
        row,
        seen,
        said,
        _VIEW.decode(found["view"]) if found["view"] else View(),
        tuple(UnitRow(**dict(each)) for each in units),
        tuple(EffectRow(**{**dict(each), "wanted": _WANTED.decode(each["wanted"])}) for each in effects),
        tuple(HistoryRow(**dict(each)) for each in reversed(history)),
        tuple(ExceptionRow(**dict(each)) for each in troubles),
        tuple(EntryRow(**dict(each)) for each in entries),
        tuple(ParcelRow(**dict(each)) for each in parcels),
        tuple(FileRow(**dict(each)) for each in files),
        tuple((CaseRow(**{name: each[name] for name in CaseRow.__struct_fields__}), each["why"]) for each in related),
    )


RELATED = f"""
select {COLUMNS}, case
    when c.channel_id = $5 then 'earlier version' when c.channel_id = $6 then 'later version'
    when c.channel_id = $7 then 'combined' when c.group_key = $4 and $4 <> '' then 'same request'
    else 'same order' end as why
from return_case c where c.shop_id = $1 and c.id <> $2 and c.merged_into is null and (
    (c.order_id = $3 and $3 <> '') or (c.group_key = $4 and c.group_key <> '')
    or (c.channel_kind in ('return', 'cancellation') and c.channel_id = any(array[$5, $6, $7])))
order by c.requested_at, c.id limit 20
"""


async def seen_of(pool: Pool, cases: Sequence[UUID]) -> dict[UUID, Seen]:
    """What reads have shown of several cases."""
    rows = await pool.fetch("select id, body from return_case where id = any($1) and body is not null", list(cases))
    return {row["id"]: _SEEN.decode(row["body"]) for row in rows}
