"""What went over the wire: requests with what was expected and why they were refused, and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from backhaul.simulator import seen
from backhaul.simulator.console.paging import page
from backhaul.simulator.delivery import Delivery
from backhaul.simulator.moods import VENDORS

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_STATES = ("queued", "waiting", "delivered", "refused", "lost")


class TrafficPages:
    """Pages of requests and webhooks."""

    def __init__(self, simulator: Simulator, render: Callable[..., web.Response]) -> None:
        self._sim = simulator
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/requests", self.requests),
            web.get("/requests/{number}", self.request),
            web.get("/webhooks", self.webhooks),
            web.get("/webhooks/{number}", self.webhook),
        ]

    async def requests(self, request: web.Request) -> web.Response:
        """All requests the vendors saw, newest first."""
        listed = page(request, reversed(self._sim.books.requests), ("vendor", "only", "q"), _fits)
        return self._render(
            request,
            "requests.html",
            page=listed,
            vendors=VENDORS,
            refused=seen.refused,
        )

    async def request(self, request: web.Request) -> web.Response:
        """One request, with everything that helps to understand the answer."""
        number = request.match_info["number"]
        entry = next((each for each in reversed(self._sim.books.requests) if str(each["number"]) == number), None)
        if entry is None:
            raise LookupError(number)
        return self._render(request, "request.html", entry=seen.describe(entry), refused=seen.refused(entry))

    async def webhooks(self, request: web.Request) -> web.Response:
        """All webhooks, newest first."""

        def fits(row: Delivery, filters: dict[str, str]) -> bool:
            wanted = filters["q"].lower()
            return (
                filters["vendor"] in ("", row.message.vendor)
                and filters["state"] in ("", row.state)
                and (not wanted or wanted in row.message.topic.lower() or wanted in row.message.subject.lower())
            )

        listed = page(request, reversed(self._sim.delivery.log), ("vendor", "state", "q"), fits)
        counts = {**self._sim.delivery.counts, "pending": self._sim.delivery.pending()}
        return self._render(request, "webhooks.html", page=listed, vendors=VENDORS, states=_STATES, counts=counts)

    async def webhook(self, request: web.Request) -> web.Response:
        """One webhook with its body and all attempts."""
        number = request.match_info["number"]
        found = next((each for each in reversed(self._sim.delivery.log) if str(each.number) == number), None)
        if found is None:
            raise LookupError(number)
        headers = {name: seen.masked(name, value) for name, value in found.message.headers.items()}
        return self._render(
            request,
            "webhook.html",
            hook=found,
            headers=headers,
            body=found.message.body.decode("utf-8", "replace"),
        )


def _fits(row: dict[str, Any], filters: dict[str, str]) -> bool:
    wanted = filters["q"].lower()
    return (
        filters["vendor"] in ("", row["vendor"])
        and (filters["only"] != "refused" or seen.refused(row))
        and (filters["only"] != "moods" or bool(row["moods"]))
        and (
            not wanted
            or any(wanted in str(row.get(name, "")).lower() for name in ("path", "endpoint", "code", "shop_id"))
        )
    )
