"""HTTP: the GraphQL endpoint, the token endpoint, the consent page and the files, by path prefix or Host header.

Moods that mean something here: ``rate_limit`` (THROTTLED with 200), ``unavailable`` (503), ``error_before`` (500, not
done), ``timeout_before`` (no answer, nothing done), ``slow``, ``error_after`` (500, but done), ``timeout_after`` and
``cut_after`` (done, and the connection breaks). Other names are ignored.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from . import oauth
from .act import Act
from .engine import throttled
from .queries import SUPPORTED_VERSIONS
from .shop import ShopState
from .subscriptions import loopback

if TYPE_CHECKING:
    from .world import ShopifyWorld

_VERSION = re.compile(r"20[0-9]{2}-(01|04|07|10)|unstable")
_SLOW_SECONDS = 1.0
_HANG_SECONDS = 30.0
_MAX_BODY = 20 * 1024 * 1024
_encode = msgspec.json.Encoder(order=None).encode
_decode = msgspec.json.Decoder().decode


def application(world: ShopifyWorld) -> web.Application:
    """The whole HTTP face of the world."""
    app = web.Application(client_max_size=_MAX_BODY)
    handlers = Handlers(world)
    for prefix in ("", "/{domain:[^/]+\\.myshopify\\.com}"):
        app.router.add_post(prefix + "/admin/api/{version}/graphql.json", handlers.graphql)
        app.router.add_post(prefix + "/admin/oauth/access_token", handlers.token)
        app.router.add_get(prefix + "/admin/oauth/authorize", handlers.authorize)
    for method in ("PUT", "POST"):
        app.router.add_route(method, "/staged/{domain}/{key}/{name}", handlers.upload)
    app.router.add_get("/staged/{domain}/{key}/{name}", handlers.download)
    return app


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=_encode(body), content_type="application/json", headers=headers)


def answered_version(asked: str) -> str:
    """The version that answers: an expired one falls forward to the oldest supported, an unknown one to the newest."""
    if asked in SUPPORTED_VERSIONS:
        return asked
    return SUPPORTED_VERSIONS[0] if asked < SUPPORTED_VERSIONS[0] else SUPPORTED_VERSIONS[-1]


class Handlers:
    """One method for each route."""

    def __init__(self, world: ShopifyWorld) -> None:
        self._world = world

    def _shop(self, request: web.Request) -> ShopState | None:
        domain = request.match_info.get("domain") or (request.host or "").partition(":")[0]
        return self._world.shops.get(domain)

    async def graphql(self, request: web.Request) -> web.StreamResponse:
        shop = self._shop(request)
        asked = request.match_info["version"]
        if shop is None or not _VERSION.fullmatch(asked):
            return _json(404, {"errors": "Not Found"})
        shop.counts["graphql_calls"] += 1
        headers = {"X-Shopify-API-Version": answered_version(asked)}
        access = request.headers.get("X-Shopify-Access-Token", "")
        token = oauth.check(shop, access)
        if token is None:
            shop.counts["unauthorized"] += 1
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            if oauth.looks_real(access):
                text = "[API] This is a simulator: it takes no access token that looks real."
            return _json(401, {"errors": text}, headers)
        try:
            body = _decode(await request.read())
            text, variables, name = body["query"], body.get("variables") or {}, body.get("operationName")
            if not isinstance(text, str) or not isinstance(variables, dict):
                raise TypeError
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return _json(400, {"errors": {"query": "Required parameter missing or invalid"}}, headers)
        self._world.settle()
        act = Act(shop, self._world.emitter, token.scopes, base_url=f"{request.scheme}://{request.host}")
        if self._world.moods is None:
            return _json(200, self._world.engine.run(act, text, variables, name), headers)
        return await self._moody(request, act, text, variables, name, headers)

    async def _moody(
        self,
        request: web.Request,
        act: Act,
        text: str,
        variables: dict[str, Any],
        name: str | None,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        """One call with whatever goes wrong today; the endpoint a mood is drawn for is the first root field."""
        assert self._world.moods is not None
        moods = set(self._world.moods.draw("shopify", self._endpoint(text, name)) or ())
        for mood in moods:
            act.shop.counts[f"mood_{mood}"] += 1
        if "slow" in moods:
            await asyncio.sleep(_SLOW_SECONDS)
        if "rate_limit" in moods:
            return _json(200, throttled(act, 10), headers)
        if "unavailable" in moods:
            return web.Response(status=503, text="Service Unavailable", headers={"Retry-After": "1"})
        if "timeout_before" in moods:
            return await self._hang(request)
        if "error_before" in moods:
            return _json(500, {"errors": "Internal Server Error"}, headers)
        answer = self._world.engine.run(act, text, variables, name)
        if "error_after" in moods:
            return _json(500, {"errors": "Internal Server Error"}, headers)
        if "timeout_after" in moods:
            return await self._hang(request)
        if "cut_after" in moods:
            return self._cut(request)
        return _json(200, answer, headers)

    def _endpoint(self, text: str, name: str | None) -> str:
        operations = self._world.engine.prepare(text).operations
        chosen = operations.get(name or "") or next(iter(operations.values()), None)
        if chosen is None or not chosen[1].children:
            return "POST graphql"
        first = chosen[0].selection_set.selections[0]
        return str(getattr(getattr(first, "name", None), "value", "graphql"))

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(_HANG_SECONDS)
        return self._cut(request)

    @staticmethod
    def _cut(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def token(self, request: web.Request) -> web.Response:
        shop = self._shop(request)
        if shop is None:
            return _json(404, {"errors": "Not Found"})
        shop.counts["token_calls"] += 1
        try:
            if request.content_type == "application/json":
                data = _decode(await request.read())
            else:
                data = {**request.query, **await request.post()}
            if not isinstance(data, dict):
                raise TypeError
            return _json(200, oauth.grant(shop, data), {"Cache-Control": "no-store"})
        except (msgspec.DecodeError, TypeError):
            return _json(400, {"error": "invalid_request", "error_description": "The body can not be read."})
        except oauth.TokenRefused as refused:
            shop.counts["token_refused"] += 1
            return _json(refused.status, {"error": refused.error, "error_description": refused.description})

    async def authorize(self, request: web.Request) -> web.Response:
        """The merchant's consent, given at once; only addresses of this machine are gone back to."""
        shop = self._shop(request)
        if shop is None:
            return _json(404, {"errors": "Not Found"})
        if not loopback(request.query.get("redirect_uri", "")):
            return _json(400, {"error": "invalid_request", "error_description": "The redirect_uri is not whitelisted"})
        try:
            back = oauth.authorize(shop, request.query)
        except oauth.TokenRefused as refused:
            return _json(refused.status, {"error": refused.error, "error_description": refused.description})
        return web.Response(status=302, headers={"Location": back})

    def _file(self, request: web.Request) -> dict[str, Any] | None:
        shop = self._world.shops.get(request.match_info["domain"])
        return None if shop is None else shop.files.get(request.match_info["key"])

    async def upload(self, request: web.Request) -> web.Response:
        known = self._file(request)
        if known is None:
            return web.Response(status=404)
        if request.method != known.get("method"):
            return web.Response(status=405)
        if request.content_type == "multipart/form-data":
            form = await request.post()
            part = form.get("file")
            known["content"] = part.file.read() if isinstance(part, web.FileField) else b""
        else:
            known["content"] = await request.read()
        return web.Response(status=201 if request.method == "POST" else 200)

    async def download(self, request: web.Request) -> web.Response:
        known = self._file(request)
        if known is None or known["content"] is None:
            return web.Response(status=404)
        return web.Response(body=known["content"], content_type=known["mime_type"])
