"""What needs a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from backhaul.domain.facts import Seen
from backhaul.store import case_page, pages
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.dashboard.grid import chosen_shops
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, local, page

PAGE = 50


def after_of(text: str) -> tuple[datetime, UUID] | None:
    """Where a page of the list begins; raises :class:`BadInput` for what is no such place."""
    if not text:
        return None
    moment, _, key = text.partition("_")
    try:
        found = datetime.fromisoformat(moment), UUID(key)
    except ValueError:
        raise BadInput("This page address is broken. Start again from the first page.") from None
    if found[0].tzinfo is None:
        raise BadInput("This page address is broken. Start again from the first page.")
    return found


def place(row: pages.ExceptionRow) -> str:
    """The place after this row, for the address of the next page."""
    return f"{row.opened_at.isoformat().replace('+00:00', 'Z')}_{row.id.hex}"


@get("/exceptions", include_in_schema=False)
async def index(request: Asked) -> Response[str]:
    """The list."""
    services = services_of(request)
    shops = await pages.shops(services.pool)
    shop = request.query_params.get("shop", "")
    rows = await pages.exceptions(
        services.pool, chosen_shops(shop, shops), after_of(request.query_params.get("after", "")), PAGE
    )
    shown = rows[:PAGE]
    seen: dict[UUID, Seen] = await case_page.seen_of(
        services.pool, [row.case_id for row in shown if row.case_id and row.key == "order"]
    )
    return await page(
        request,
        "exceptions.html",
        shops=shops,
        rows=shown,
        seen=seen,
        chosen=shop,
        later=place(shown[-1]) if len(rows) > PAGE else "",
    )


@post("/exceptions/{exception_id:uuid}/retry", guards=[needs("repair")], include_in_schema=False)
async def retry(request: Asked, exception_id: FromPath[UUID]) -> Response[Any]:
    """Try again now."""
    form = await request.form()
    await services_of(request).commands.retry(exception_id, request.user.name)
    return go(request, local(forms.text(form, "back") or "/exceptions"), "The hub tries again now.", "info")


ROUTES = [index, retry]
