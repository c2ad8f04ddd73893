"""What happened, over all cases."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get

from backhaul.store import pages
from backhaul.web.access import Asked, services_of
from backhaul.web.dashboard.grid import chosen_shops
from backhaul.web.problems import BadInput
from backhaul.web.rendering import page

PAGE = 60


@get("/history", include_in_schema=False)
async def index(request: Asked) -> Response[str]:
    """The list, newest first."""
    services = services_of(request)
    shops = await pages.shops(services.pool)
    shop, before = request.query_params.get("shop", ""), request.query_params.get("before", "")
    try:
        edge = UUID(before) if before else None
    except ValueError:
        raise BadInput("This page address is broken. Start again from the first page.") from None
    rows = await pages.history(services.pool, chosen_shops(shop, shops), edge, PAGE)
    return await page(
        request,
        "history.html",
        shops=shops,
        rows=rows[:PAGE],
        chosen=shop,
        earlier=rows[PAGE - 1].id.hex if len(rows) > PAGE else "",
    )


ROUTES = [index]
