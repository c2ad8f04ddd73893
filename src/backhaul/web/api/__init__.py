"""The REST API: what the dashboard does, a program can do."""

from __future__ import annotations

from litestar import Router

from backhaul.web.access import TokenAuthentication
from backhaul.web.api import beginnings, cases, connections, lists, portal, shops
from backhaul.web.api.body import ApiRequest

PREFIX = "/api/v1"


def api_router() -> Router:
    """All calls, under one prefix, for whoever shows a token."""
    return Router(
        PREFIX,
        route_handlers=[
            *lists.ROUTES,
            *cases.ROUTES,
            *beginnings.ROUTES,
            *shops.ROUTES,
            *portal.ROUTES,
            *connections.ROUTES,
        ],
        middleware=[TokenAuthentication],
        request_class=ApiRequest,
        security=[{"token": []}],
    )
