"""Reading: cases, counts, exceptions, history."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, QueryParameter

from backhaul.store import beginnings, case_page, grid, pages
from backhaul.web.access import Asked, may, services_of
from backhaul.web.api.shapes import CaseDetail, CasePage, ExceptionPage, HistoryPage, full
from backhaul.web.dashboard.exceptions import after_of, place
from backhaul.web.dashboard.grid import wanted
from backhaul.work import notes

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows on a page")]


@get("/cases", tags=["cases"])
async def cases(
    request: Asked,
    shop: FromQuery[str] = "",
    tab: FromQuery[str] = "",
    status: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    due: FromQuery[str] = "",
    q: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
    limit: Limit = 50,
) -> CasePage:
    """Cases, newest change first. ``tab``: answer, open, inspect, exceptions, ended, all. ``due``: overdue, 4h, 24h,
    72h. ``q``: a return id, order id or tracking number. ``sort``: updated, or due (without a deadline: last)."""
    services = services_of(request)
    given = {
        "shop": shop, "tab": tab, "status": status, "kind": kind, "due": due, "q": q, "sort": sort, "after": cursor
    }  # fmt: skip
    asked = wanted(given, await pages.shops(services.pool), services.clock())
    found = await grid.page(services.pool, asked, limit)
    return CasePage(found.rows, found.older.text() if found.older else None)


@get("/cases/{case_id:uuid}", tags=["cases"])
async def case(request: Asked, case_id: FromPath[UUID]) -> Response[CaseDetail]:
    """One case with everything known of it. A case that has become one with another is shown as the other."""
    services = services_of(request)
    pool = services.pool
    found = await case_page.case(pool, await beginnings.standing(pool, case_id))
    if found is None:
        raise NotFoundException
    raw: dict[str, Any] | None = None
    channel = found.seen.channel
    if channel is not None and may(request.user, "raw"):
        raw = {
            "kind": channel.raw_kind,
            "status": channel.raw_status,
            "reason_key": channel.reason_key,
            "due": [{"action": each.raw or each.action, "deadline": each.deadline} for each in channel.due],
            "unread": channel.unread,
        }
    detail = CaseDetail(
        case=found.row,
        view=found.view,
        units=found.units,
        effects=found.effects,
        history=found.history,
        exceptions=found.exceptions,
        entries=found.entries,
        parcels=found.parcels,
        files=found.files,
        related=tuple(row for row, _ in found.related),
        candidates=list(found.seen.link.candidates),
        instead=found.seen.instead,
        note=notes.read(services.commands.vault, found.row.shop_id, found.said.start),
        raw=raw,
    )
    return Response(full(detail))


@get("/counts", tags=["cases"])
async def counts(request: Asked, shop: FromQuery[UUID | None] = None) -> grid.Counts:
    """How many cases each tab and status holds."""
    return await grid.counts(services_of(request).pool, (shop,) if shop else ())


@get("/exceptions", tags=["exceptions"])
async def exceptions(
    request: Asked, shop: FromQuery[UUID | None] = None, cursor: FromQuery[str] = "", limit: Limit = 50
) -> ExceptionPage:
    """Open exceptions, newest first."""
    rows = await pages.exceptions(services_of(request).pool, (shop,) if shop else (), after_of(cursor), limit)
    return ExceptionPage(rows[:limit], place(rows[limit - 1]) if len(rows) > limit else None)


@get("/history", tags=["history"])
async def history(
    request: Asked, shop: FromQuery[UUID | None] = None, cursor: FromQuery[UUID | None] = None, limit: Limit = 50
) -> HistoryPage:
    """What happened, newest first."""
    rows = await pages.history(services_of(request).pool, (shop,) if shop else (), cursor, limit)
    return HistoryPage(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


ROUTES = [cases, case, counts, exceptions, history]
