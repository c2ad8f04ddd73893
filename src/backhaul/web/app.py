"""The web application: ingress, dashboard, API, health, in one ASGI app made from what the wiring hands in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.response import Stream
from litestar.static_files import create_static_files_router

from backhaul.store import sessions
from backhaul.web import health
from backhaul.web.access import Asked, SessionAuthentication, check_form, services_of
from backhaul.web.api import api_router
from backhaul.web.api.description import openapi
from backhaul.web.dashboard import (
    beginnings,
    cases,
    connections,
    exceptions,
    grid,
    history,
    policy,
    portal,
    shops,
    signin,
)
from backhaul.web.ingress.webhooks import webhook
from backhaul.web.live import Live
from backhaul.web.portal import errors as portal_errors
from backhaul.web.portal import pages as buyers
from backhaul.web.rendering import STATIC
from backhaul.web.security import SecureHeaders
from backhaul.web.services import Services

FORM_LIMIT = 1_000_000  # bytes; a label upload has its own


@get("/live", include_in_schema=False)
async def live(request: Asked) -> Stream:
    """News for open pages, as server-sent events."""
    services, token = services_of(request), request.auth

    async def still_welcome() -> bool:
        return await sessions.session(services.pool, token) is not None

    news: Live = request.app.state["live"]
    return Stream(
        news.stream(still_welcome),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def create_app(services: Services, **options: Any) -> Litestar:
    """The application. ``options`` go to Litestar (tests switch its debug pages)."""
    dashboard = Router(
        "/",
        route_handlers=[
            live,
            grid.grid,
            grid.export,
            signin.sign_out,
            *cases.ROUTES,
            *beginnings.ROUTES,
            *exceptions.ROUTES,
            *connections.ROUTES,
            *shops.ROUTES,
            *policy.ROUTES,
            *portal.ROUTES,
            *history.ROUTES,
        ],
        middleware=[SessionAuthentication],
        before_request=check_form,
        request_max_body_size=FORM_LIMIT,
        include_in_schema=False,
    )
    static = create_static_files_router(
        "/static",
        [STATIC],
        cache_control=CacheControlHeader(max_age=31536000, public=True, immutable=True),
    )
    app = Litestar(
        [
            webhook,
            signin.signed_out,
            signin.show_link,
            signin.use_link,
            health.healthz,
            health.readyz,
            health.metrics,
            dashboard,
            *buyers.ROUTES,
            api_router(),
            static,
        ],
        exception_handlers=portal_errors.HANDLERS,
        openapi_config=openapi(services.version),
        lifespan=[_listening],
        request_max_body_size=FORM_LIMIT,
        **options,
    )
    # Around everything, as a middleware of the application does not see what no route takes.
    app.asgi_handler = SecureHeaders(app.asgi_handler)
    hand_over(app, services)
    return app


def hand_over(app: Litestar, services: Services) -> None:
    """Give an application that is not running all that it works with. To build one anew takes a good part of a second;
    of the services, only the version is built in."""
    app.state.update({"services": services, "live": Live(services.pool)})


@asynccontextmanager
async def _listening(app: Litestar) -> AsyncIterator[None]:
    news: Live = app.state["live"]
    await news.start()
    try:
        yield
    finally:
        await news.stop()
