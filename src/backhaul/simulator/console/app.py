"""The console's application: its routes, what every page shows, and the one address that its forms post to."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from backhaul.simulator.console import forms, rendering
from backhaul.simulator.console.cases import CasePages
from backhaul.simulator.console.desks import DeskPages
from backhaul.simulator.console.stores import StorePages
from backhaul.simulator.console.stories import StoryPages
from backhaul.simulator.console.traffic import TrafficPages
from backhaul.simulator.console.world import WorldPages
from backhaul.simulator.gate import only_from_here
from backhaul.simulator.process import ControlClient, ControlError

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_METHODS = ("POST", "PATCH", "DELETE")
_NOTICES = 50
_KINDS = (WorldPages, CasePages, StorePages, DeskPages, TrafficPages)


class Console:
    """The pages of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._notices: dict[str, tuple[str, str]] = {}
        self._numbers = itertools.count(1)
        self._pages = [kind(simulator, self.page) for kind in _KINDS]

    def app(self) -> web.Application:
        """The HTTP application."""
        application = web.Application(middlewares=[only_from_here, self._mistakes], client_max_size=4 * 1024 * 1024)
        application.add_routes([web.get("/static/{name}", self._static), web.post("/do", self.do)])
        for pages in (*self._pages, StoryPages(self._sim, self.page, self._said)):
            application.add_routes(pages.routes())
        return application

    def page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        """A page with what every page shows: the clock, the notice of what was just done, what is wrong."""
        sim = self._sim
        theme = request.cookies.get("theme", "")
        return rendering.page(
            template,
            here=request.path_qs,
            path=request.path,
            theme=theme if theme in ("light", "dark") else "",
            notice=self._notices.pop(request.query.get("said", ""), None),
            clock=sim.clock.describe(),
            raining=len(sim.moods.rules()),
            problems=sim.books.problems[-3:],
            **values,
        )

    async def do(self, request: web.Request) -> web.Response:
        """Carries out what a form asks for by calling the control API, and goes back to the form's page."""
        data = await request.post()
        fields = [(name, value) for name, value in data.items() if isinstance(value, str)]
        files = [(name, value) for name, value in data.items() if isinstance(value, web.FileField) and value.filename]
        for name, file in files:
            fields += [(name, file.file.read().decode("utf-8", "replace")), (f"{name}_name", file.filename)]
        plain = {name: text for name, text in fields if name in ("call", "back", "done")}
        method, _, path = plain.get("call", "").partition(" ")
        if method not in _METHODS or not path.startswith("/"):
            raise web.HTTPBadRequest(text="call must be a method and a path of the control API")
        back = plain.get("back", "/")
        try:
            made = await self._call(method, path, (each for each in fields if each[0] not in plain))
            text, tone = plain.get("done", "Done."), "good"
            back = back.replace("{id}", str(made.get("id", ""))) if isinstance(made, dict) else back
        except (ControlError, ValueError, aiohttp.ClientError, TimeoutError) as error:
            text, tone = f"Not done: {error}", "bad"
            back = plain.get("back_failed", str(data.get("from", back)))
        raise web.HTTPSeeOther(self._said(back, text, tone))

    async def _call(self, method: str, path: str, fields: Iterable[tuple[str, str]]) -> Any:
        body = forms.body((name, text) for name, text in fields if name != "from")
        async with ControlClient(self._sim.addresses["control"]) as control:
            return await control.call(method, path, body)

    def _said(self, back: str, text: str, tone: str) -> str:
        parts = urlsplit(back)
        if parts.scheme or parts.netloc or not parts.path.startswith("/"):
            parts = urlsplit("/")  # a form leads back to one of our pages and nowhere else
        number = str(next(self._numbers))
        self._notices[number] = (tone, text)
        if len(self._notices) > _NOTICES:
            self._notices.pop(next(iter(self._notices)))
        query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("said="))
        return f"{parts.path}?{query + '&' if query else ''}said={number}"

    async def _static(self, request: web.Request) -> web.Response:
        return rendering.static(request)

    @web.middleware
    async def _mistakes(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            found: web.StreamResponse = await handler(request)
        except (web.HTTPNotFound, LookupError):
            lost = self.page(request, "lost.html")
            lost.set_status(404)
            return lost
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return found
