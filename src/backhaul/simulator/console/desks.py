"""Loop: its desks with their settings and workflows, and one return with the buttons of its staff and carriers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from backhaul.simulator.console.paging import page
from backhaul.simulator.loop import model
from backhaul.simulator.loop.model import Desk, Return

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_STATES = (model.OPEN, model.REVIEW, model.CLOSED, model.CANCELLED, model.EXPIRED)


def of_order(desk: Desk, number_id: int) -> list[Return]:
    """The desk's returns of one order of the store, newest first."""
    return [each for each in reversed(desk.returns.values()) if each.order.number_id == number_id]


class DeskPages:
    """Pages of Loop."""

    def __init__(self, simulator: Simulator, render: Callable[..., web.Response]) -> None:
        self._loop = simulator.loop
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/desks", self.desks),
            web.get("/desks/{domain}", self.desk),
            web.get("/desks/{domain}/returns/{return_id}", self.one),
        ]

    async def desks(self, request: web.Request) -> web.Response:
        """The desks, and the returns of all of them, newest first."""

        def fits(row: tuple[Desk, Return], filters: dict[str, str]) -> bool:
            desk, each = row
            return (
                filters["desk"] in ("", desk.domain)
                and filters["state"] in ("", each.state)
                and (not filters["q"] or filters["q"] in (str(each.id), each.order.name))
            )

        listed = page(request, self._newest(), ("desk", "state", "q"), fits)
        desks = list(self._loop.world.desks.values())
        return self._render(request, "desks.html", page=listed, desks=desks, states=_STATES)

    def _newest(self) -> Iterator[tuple[Desk, Return]]:
        rows = [(desk, each) for desk in self._loop.world.desks.values() for each in desk.returns.values()]
        return iter(sorted(rows, key=lambda row: row[1].created_at, reverse=True))

    async def desk(self, request: web.Request) -> web.Response:
        """One desk: keys, settings, who listens, what was refused."""
        desk = self._loop.world.desk(request.match_info["domain"])
        settings = desk.settings.describe()
        return self._render(
            request,
            "desk.html",
            desk=desk,
            base=self._loop.describe(desk)["base"],
            settings={name: value for name, value in settings.items() if name != "reasons"},
            reasons=settings["reasons"],
            orders=[each.name for each in self._loop.world.commerce.shops[desk.domain].orders.values()][-30:][::-1],
            refused=desk.refused[-20:][::-1],
        )

    async def one(self, request: web.Request) -> web.Response:
        """One return of a desk."""
        desk, text = self._loop.world.desk(request.match_info["domain"]), request.match_info["return_id"]
        each = desk.returns.get(int(text)) if text.isdigit() else None
        if each is None:
            raise LookupError(text)
        return self._render(
            request,
            "desk_return.html",
            desk=desk,
            each=each,
            live=each.state in (model.OPEN, model.REVIEW),
            acts=[row for row in desk.acts if row.get("return_id") == each.id],
        )
