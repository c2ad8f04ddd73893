"""The token host and the page where a seller consents."""

from __future__ import annotations

import html
import itertools
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from backhaul.simulator import faults, seen
from backhaul.simulator.tiktok import why
from backhaul.simulator.tiktok.auth import App, Seller
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.world import World

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated TikTok Shop: authorise</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui;max-width:36rem;margin:3rem auto;padding:0 1rem}}
form{{display:inline}}button{{font:inherit;padding:.4rem 1rem;margin:.2rem}}</style>
<h1>Simulated TikTok Shop</h1><p>The app with service id {service} asks for access. This is a simulator: no real shop is
touched.</p>{sellers}</html>"""
_ROW = """<h2>{name}</h2><p>{shops}</p>{buttons}"""
_BUTTON = """<form action="/open/authorize/answer"><input type="hidden" name="service_id" value="{service}">
<input type="hidden" name="state" value="{state}"><input type="hidden" name="seller" value="{seller}">
<button name="answer" value="{answer}">{text}</button></form>"""
_ANSWERS = (("approve", "Authorise"), ("refuse", "Refuse"), ("store", "Install from the app store (no state)"))


class Portal:
    """Unsigned pages and calls: consent, token get, token refresh."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        """Routes of the listener that are not behind the gateway."""
        return [
            web.get("/open/authorize", self.consent),
            web.get("/oauth/authorize", self.consent),
            web.get("/open/authorize/answer", self.answer),
            web.get("/api/v2/token/get", self.token_get),
            web.get("/api/v2/token/refresh", self.token_refresh),
        ]

    async def consent(self, request: web.Request) -> web.Response:
        """The consent page. With `answer` in the query the redirect comes at once, for machines."""
        app = self._app(request)
        if "answer" in request.query:
            return await self.answer(request)
        state, rows = request.query.get("state", ""), []
        for seller in self._world.auth.sellers.values():
            shops = ", ".join(self._world.shops[shop_id].name for shop_id in seller.shop_ids)
            buttons = "".join(
                _BUTTON.format(
                    service=html.escape(app.service_id),
                    state=html.escape(state, quote=True),
                    seller=seller.id,
                    answer=answer,
                    text=text,
                )
                for answer, text in _ANSWERS
            )
            rows.append(_ROW.format(name=html.escape(seller.name), shops=html.escape(shops), buttons=buttons))
        page = _PAGE.format(service=html.escape(app.service_id), sellers="".join(rows) or "<p>No seller yet.</p>")
        return web.Response(text=page, content_type="text/html")

    async def answer(self, request: web.Request) -> web.Response:
        """Redirects to the app: with a code, with a refusal, or without state as from the app store."""
        app = self._app(request)
        if not app.redirect_url:
            raise web.HTTPBadRequest(text="the app has no redirect URL: set one with the control API, PATCH /app")
        answer, state = request.query.get("answer", ""), request.query.get("state", "")
        query: dict[str, str] = {"app_key": app.app_key}
        if answer == "refuse":
            query |= {"code": "null", "error": "auth_denied"}
        elif answer in ("approve", "store"):
            query |= {"code": self._world.auth.issue_code(app, self._seller(request)), "locale": "en-US"}
        else:
            raise web.HTTPBadRequest(text="answer must be approve, refuse or store")
        if state and answer != "store":
            query["state"] = state
        joint = "&" if "?" in app.redirect_url else "?"
        raise web.HTTPFound(f"{app.redirect_url}{joint}{urlencode(query)}")

    async def token_get(self, request: web.Request) -> web.Response:
        """Exchanges a code. Failures come with status 200."""
        return await self._token(request, "authorized_code")

    async def token_refresh(self, request: web.Request) -> web.Response:
        """Renews the tokens. Failures come with status 200."""
        return await self._token(request, "refresh_token")

    async def _token(self, request: web.Request, grant_type: str) -> web.Response:
        world, query = self._world, request.query
        request_id = f"SIMTOKEN{next(self._numbers):024d}"
        name = f"GET {request.path.lstrip('/')}"
        body: dict[str, Any] = {"code": 0, "message": "success", "request_id": request_id}
        seen.note(endpoint=name, request_id=request_id)
        trouble = await faults.before(world.moods, VENDOR, name, request)
        if trouble is not None:
            refusal = {**body, "code": 36009003, "message": trouble.text}
            seen.note(code=36009003, message=trouble.text)
            return web.json_response(refusal, status=trouble.status, headers=trouble.headers)
        try:
            if query.get("grant_type") != grant_type:
                raise ApiError(36004002, f"grant_type must be {grant_type}")
            key, secret = query.get("app_key", ""), query.get("app_secret", "")
            if grant_type == "authorized_code":
                grant, token = world.auth.redeem(key, secret, query.get("auth_code", ""))
                world.events.watch_expiry(grant)
            else:
                grant, token = world.auth.refresh(key, secret, query.get("refresh_token", ""))
            body["data"] = world.auth.token_data(grant, token)
            world.books.without_shop.by_endpoint[name] += 1
        except ApiError as error:
            body |= {"code": error.code, "message": error.message, "data": None}
            seen.note(code=error.code, message=error.message)
            why.code(error.code)
            world.books.without_shop.refused[str(error.code)] += 1
        else:
            await faults.after(world.moods, VENDOR, name, request)
        return web.json_response(body)

    def _app(self, request: web.Request) -> App:
        app = self._world.auth.app_of_service(request.query.get("service_id"), request.query.get("app_key"))
        if app is None:
            raise web.HTTPNotFound(text="no simulated app has this service id; real apps are unknown here")
        return app

    def _seller(self, request: web.Request) -> Seller:
        sellers = self._world.auth.sellers
        wanted = request.query.get("seller", "")
        found = sellers.get(wanted) or next((s for s in sellers.values() if wanted in s.shop_ids), None)
        if found is None and not wanted and sellers:
            found = next(iter(sellers.values()))
        if found is None:
            raise web.HTTPNotFound(text="no such seller")
        return found
