"""The grid of returns. Everything it shows is named in its address."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from litestar import Response, get
from litestar.response import Stream

from backhaul.domain.money import Money
from backhaul.store import grid as grid_store
from backhaul.store import pages
from backhaul.store.db import Pool
from backhaul.store.grid import CaseRow, Cursor, Filter
from backhaul.store.pages import Shop
from backhaul.web import words
from backhaul.web.access import Asked, services_of
from backhaul.web.problems import BadInput
from backhaul.web.rendering import page

PARAMETERS = ("shop", "tab", "status", "kind", "due", "q", "sort", "after", "before")
EXPORT_LIMIT = 100_000  # rows


def chosen_shops(text: str, shops: Sequence[Shop]) -> tuple[UUID, ...]:
    """The account view: one shop, or none for all."""
    if not text:
        return ()
    found = tuple(shop.id for shop in shops if str(shop.id) == text)
    if not found:
        raise BadInput("There is no account with this id.")
    return found


def _cursor(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text) if text else None
    except ValueError:
        raise BadInput("This page address is broken. Start again from the first page.") from None


def wanted(parameters: Mapping[str, str], shops: Sequence[Shop], real: float) -> Filter:
    """The filter that an address asks for; raises :class:`BadInput` for one that makes no sense."""
    chosen = chosen_shops(parameters.get("shop", ""), shops)
    tab = parameters.get("tab", "") or "all"
    sort = parameters.get("sort", "") or ("due" if tab == "answer" else "updated")
    due = parameters.get("due", "")
    for name, value, known in (
        ("tab", tab, grid_store.TABS),
        ("sort", sort, grid_store.SORTS),
        ("due", due, ("", *words.DUE_SECONDS)),
        ("kind", parameters.get("kind", ""), ("", *words.KIND)),
    ):
        if value not in known:
            raise BadInput(f"There is no {name} “{value[:40]}”.")
    limits = tuple(
        (shop.id, int(shop.now(real)) + words.DUE_SECONDS[due])
        for shop in shops
        if due and (not chosen or shop.id in chosen)
    )
    return Filter(
        shops=chosen,
        tab=tab,
        status=parameters.get("status", "")[:40],
        kind=parameters.get("kind", ""),
        due=limits,
        search=parameters.get("q", "").strip().lstrip("#")[:100],
        sort=sort,
        after=_cursor(parameters.get("after", "")),
        before=_cursor(parameters.get("before", "")),
    )


@get("/", include_in_schema=False)
async def grid(request: Asked) -> Response[str]:
    """The front page."""
    services = services_of(request)
    given = {name: request.query_params[name] for name in PARAMETERS if request.query_params.get(name)}
    shops = await pages.shops(services.pool)
    asked = wanted(given, shops, services.clock())
    counts = await grid_store.counts(services.pool, asked.shops)
    shown = await grid_store.page(services.pool, asked)
    causes = await pages.broken_connections(services.pool) if not shown.rows else ()
    return await page(
        request,
        "grid.html",
        shops=shops,
        asked=asked,
        given={name: given.get(name, "") for name in PARAMETERS[:-2]},
        counts=counts,
        found=shown,
        causes=causes,
    )


HEAD = (
    "return_id", "order_id", "commerce_order", "account", "type", "status", "channel_status", "reason_key", "reason",
    "requested_at", "updated_at", "next_action", "deadline", "total", "currency", "mode", "id",
)  # fmt: skip


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _line(row: CaseRow, shop: Shop | None) -> tuple[str, ...]:
    def at(unix: int | None) -> str:
        return datetime.fromtimestamp(unix, UTC).isoformat() if unix else ""

    total = Money(row.total, row.currency).text() if row.total is not None and row.currency else ""
    texts = (
        row.channel_id, row.order_id, row.commerce_order_name, shop.name if shop else "", row.kind, row.status,
        row.raw_status, row.reason_key, row.reason_text, at(row.requested_at), at(row.updated_at),
        row.next_action or "", at(row.deadline), total, row.currency or "", row.mode, str(row.id),
    )  # fmt: skip
    return (*(_cell(text) for text in texts[:13]), *texts[13:])


async def _csv(pool: Pool, asked: Filter, shops: Mapping[UUID, Shop]) -> AsyncIterator[str]:
    text = io.StringIO()
    text.write("\ufeff")  # by which Excel knows that it is UTF-8
    writer = csv.writer(text)
    writer.writerow(HEAD)
    left, after = EXPORT_LIMIT, None
    while left > 0:
        found = await grid_store.page(
            pool,
            Filter(asked.shops, asked.tab, asked.status, asked.kind, asked.due, asked.search, asked.sort, after),
            limit=min(1000, left),
        )
        writer.writerows(_line(row, shops.get(row.shop_id)) for row in found.rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        left -= len(found.rows)
        after = found.older
        if after is None:
            return


@get("/returns.csv", include_in_schema=False)
async def export(request: Asked) -> Stream:
    """The filtered grid for a spreadsheet: all its pages, up to :data:`EXPORT_LIMIT` rows."""
    services = services_of(request)
    shops = await pages.shops(services.pool)
    given = {name: value for name, value in request.query_params.items() if name in PARAMETERS[:-2]}
    asked = wanted(given, shops, services.clock())
    return Stream(
        _csv(services.pool, asked, {shop.id: shop for shop in shops}),
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="returns.csv"'},
    )
