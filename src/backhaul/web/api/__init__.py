"""The REST API: what the dashboard does, a program can do."""

from __future__ import annotations

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from backhaul.web.access import TokenAuthentication
from backhaul.web.api import beginnings, cases, connections, lists, portal, shops

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
        security=[{"token": []}],
    )


def openapi(version: str) -> OpenAPIConfig:
    """The description of the API, as files; no viewer that would load code from elsewhere."""
    return OpenAPIConfig(
        title="Backhaul",
        version=version or "0",
        description=(
            "Times are Unix seconds by the shop's clock, amounts are in minor units of their currency. "
            "Commands take an Idempotency-Key: a repeat with the same key gets the first answer. "
            "Errors are problem documents (RFC 9457)."
        ),
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        use_handler_docstrings=True,
    )
