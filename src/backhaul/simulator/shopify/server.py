"""HTTP: the GraphQL endpoint, the token endpoint, the consent page and the files, by path prefix or Host header.

Moods are drawn for the first root field of a query. ``rate_limit`` is THROTTLED with 200, or, with ``retry_after``, a
429 of the servers before it; ``nested_error`` is the vendor's internal error inside an answer with 200.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from backhaul.simulator import faults, seen

from . import oauth, why
from .act import Act
from .engine import throttled
from .queries import SUPPORTED_VERSIONS
from .shop import ShopState
from .subscriptions import loopback

if TYPE_CHECKING:
    from .world import ShopifyWorld

_VERSION = re.compile(r"20[0-9]{2}-(01|04|07|10)|unstable")
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


def _internal() -> dict[str, Any]:
    """The vendor's internal error inside a good answer: nothing was done."""
    text = "Internal error. Looks like something went wrong on our end."
    return {"errors": [{"message": text, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}], "data": None}


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
            why.address(self._world.shops, asked)
            return _json(404, {"errors": "Not Found"})
        shop.counts["graphql_calls"] += 1
        headers = {"X-Shopify-API-Version": answered_version(asked)}
        access = request.headers.get("X-Shopify-Access-Token", "")
        try:
            body = _decode(await request.read())
            text, variables, name = body["query"], body.get("variables") or {}, body.get("operationName")
            if not isinstance(text, str) or not isinstance(variables, dict):
                raise TypeError
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            text, variables, name = None, {}, None
        endpoint = "POST graphql" if text is None else self._endpoint(text, name)
        seen.note(endpoint=endpoint, shop_id=shop.domain)
        if self._world.moods is not None and faults.revoked(self._world.moods, "shopify", endpoint):
            oauth.withdraw(shop, access)
        token = oauth.check(shop, access)
        if token is None:
            shop.counts["unauthorized"] += 1
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            if oauth.looks_real(access):
                message = "[API] This is a simulator: it takes no access token that looks real."
            why.token(shop, access)
            return _json(401, {"errors": message}, headers)
        if text is None:
            seen.expected("body", '{"query": "...", "variables": {...}} as application/json')
            return _json(400, {"errors": {"query": "Required parameter missing or invalid"}}, headers)
        self._world.settle()
        act = Act(shop, self._world.emitter, token.scopes, base_url=f"{request.scheme}://{request.host}")
        if self._world.moods is None:
            answer = self._world.engine.run(act, text, variables, name)
        else:
            trouble = await faults.before(self._world.moods, "shopify", endpoint, request)
            if trouble is not None:
                return self._in_trouble(act, trouble, headers)
            if self._world.moods.strike("shopify", endpoint, ("nested_error",)) is not None:
                answer = _internal()
            else:
                answer = self._world.engine.run(act, text, variables, name)
            await faults.after(self._world.moods, "shopify", endpoint, request)
            answer = self._changed(endpoint, answer)
        why.answer(self._world.engine.schema, answer)
        return _json(200, answer, headers)

    @staticmethod
    def _in_trouble(act: Act, trouble: faults.Trouble, headers: dict[str, str]) -> web.Response:
        """The vendor's own ways to say that it cannot now."""
        if trouble.kind == "rate_limit" and trouble.retry_after is None:
            seen.note(code="THROTTLED", message="by mood")
            return _json(200, throttled(act, 10), headers)
        if trouble.kind == "unavailable":
            return web.Response(status=503, text="Service Unavailable", headers={"Retry-After": "1"} | trouble.headers)
        text = "Exceeded the number of calls" if trouble.status == 429 else "Internal Server Error"
        return _json(trouble.status, {"errors": text}, headers | trouble.headers)

    def _changed(self, endpoint: str, answer: dict[str, Any]) -> dict[str, Any]:
        """New words come in the data; new fields only in the extensions, for of the data one gets what one asks for."""
        assert self._world.moods is not None
        if not self._world.moods.rules():
            return answer
        extensions = faults.changed(self._world.moods, "shopify", endpoint, answer.get("extensions", {}))
        if "data" in answer:
            data = faults.changed(self._world.moods, "shopify", endpoint, answer["data"])
            if isinstance(data, dict) and faults.NEW_FIELD in data:
                extensions = {**extensions, faults.NEW_FIELD: data.pop(faults.NEW_FIELD)}
            answer = {**answer, "data": data}
        return {**answer, "extensions": extensions} if extensions else answer

    def _endpoint(self, text: str, name: str | None) -> str:
        operations = self._world.engine.prepare(text).operations
        chosen = operations.get(name or "") or next(iter(operations.values()), None)
        if chosen is None or not chosen[1].children:
            return "POST graphql"
        first = chosen[0].selection_set.selections[0]
        return str(getattr(getattr(first, "name", None), "value", "graphql"))

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
        except (ValueError, RecursionError, TypeError):
            return _json(400, {"error": "invalid_request", "error_description": "The body can not be read."})
        except oauth.TokenRefused as refused:
            shop.counts["token_refused"] += 1
            seen.note(code=refused.error, message=refused.description)
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
