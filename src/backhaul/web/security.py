"""Headers that tell browsers what a page may do: its own files only, no code or style in the page itself."""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from backhaul.web.services import Services

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


# A buyer's pages: their address tells nobody where it leads from, and no search engine keeps it.
FOR_BUYERS = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
PORTAL = "/portal/"
OVER_TLS = {"strict-transport-security": "max-age=31536000"}  # browsers are to come over TLS for a year


class SecureHeaders:
    """The middleware around everything that the application answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services: Services = scope["litestar_app"].state["services"]
        mine = {
            **HEADERS,
            **(OVER_TLS if services.secure else {}),
            **(FOR_BUYERS if scope["path"].startswith(PORTAL) else {}),
        }

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableScopeHeaders.from_message(message)
                for name, value in mine.items():
                    found[name] = value
                if "cache-control" not in found:
                    found["cache-control"] = "no-store"
            await send(message)

        await self.app(scope, receive, sending)
