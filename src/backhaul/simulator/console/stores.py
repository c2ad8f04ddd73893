"""Shopify: the orders of the stores, and one order with its returns and refunds, and who wrote them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from backhaul.simulator.console.paging import page
from backhaul.simulator.shopify.model import Order
from backhaul.simulator.shopify.returning import Disposition, Return

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

STATUSES = ("PENDING", "PAID", "PARTIALLY_REFUNDED", "REFUNDED")
RETURNS = ("NO_RETURN", "RETURN_REQUESTED", "IN_PROGRESS", "RETURNED")
# Who writes, as the books have it, in a person's words.
WRITERS = {
    "app": "the client with the API key",
    "loop": "Loop",
    "other": "somebody else",
}


class StorePages:
    """Pages of the stores."""

    def __init__(self, simulator: Simulator, render: Callable[..., web.Response]) -> None:
        self._commerce = simulator.commerce
        self._connector = simulator.connector
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [web.get("/stores", self.stores), web.get("/stores/{domain}/orders/{number}", self.order)]

    async def stores(self, request: web.Request) -> web.Response:
        """The orders of all stores, newest first."""

        def fits(row: Order, filters: dict[str, str]) -> bool:
            return (
                filters["store"] in ("", row.shop.domain)
                and filters["status"] in ("", row.display_financial_status)
                and filters["returns"] in ("", row.return_status)
                and (not filters["q"] or filters["q"] in (row.name, str(row.number_id), row.source_identifier))
            )

        listed = page(request, self._newest(), ("store", "status", "returns", "q"), fits)
        domains = list(self._commerce.shops)
        return self._render(
            request, "stores.html", page=listed, domains=domains, statuses=STATUSES, return_statuses=RETURNS
        )

    def _newest(self) -> Iterator[Order]:
        """Each store has its orders in the order in which they were made: only what is shown is walked."""
        newest = (reversed(store.orders.values()) for store in self._commerce.shops.values())
        return heapq.merge(*newest, key=lambda order: -order.created_at)

    async def order(self, request: web.Request) -> web.Response:
        """One order: what it consists of, and everything that was written onto it, by whom."""
        domain, text = request.match_info["domain"], request.match_info["number"]
        store = self._commerce.shops.get(domain)
        order = store.orders.get(int(text)) if store is not None and text.isdigit() else None
        if order is None:
            raise LookupError(text)
        back = f"/stores/{domain}/orders/{order.number_id}"
        return self._render(
            request,
            "store_order.html",
            order=order,
            domain=domain,
            back=back,
            currency=order.presentment_currency_code,
            channel_id=next((key for key, copy in self._connector.copies.items() if copy is order), ""),
            writers=WRITERS,
            fates=_fates,
        )


def _fates(each: Return) -> list[Disposition]:
    """What became of the goods of a return."""
    return [one for reverse in each.reverse_orders for line in reverse.lines for one in line.dispositions]
