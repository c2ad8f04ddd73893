"""Shops, orders, the clock and the weather."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web

from backhaul.simulator.console.paging import page
from backhaul.simulator.control_cases import found
from backhaul.simulator.moods import KINDS, VENDORS
from backhaul.simulator.order_connector import STYLES
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons, states
from backhaul.simulator.tiktok.asking import return_button
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Order, Shop
from backhaul.simulator.tiktok.shapes import order_shape

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_SEARCHED = 5_000  # newest orders that a search looks through
_STEPS = (("15 min", 900), ("1 h", 3600), ("6 h", 21600), ("1 day", 86400), ("1 week", 604800))
_NEXT = {
    "UNPAID": ("AWAITING_SHIPMENT", "CANCELLED"),
    "ON_HOLD": ("AWAITING_SHIPMENT", "CANCELLED"),
    "AWAITING_SHIPMENT": ("AWAITING_COLLECTION", "IN_TRANSIT", "CANCELLED"),
    "PARTIALLY_SHIPPING": ("IN_TRANSIT",),
    "AWAITING_COLLECTION": ("IN_TRANSIT",),
    "IN_TRANSIT": ("DELIVERED",),
    "DELIVERED": ("COMPLETED",),
}
_KINDS = (
    (states.RETURN, "Return and refund"),
    (states.REFUND, "Refund only"),
    (states.REPLACEMENT, "Replacement"),
    (states.EXCHANGE, "Exchange"),
)


class WorldPages:
    """Pages of everything but cases and traffic."""

    def __init__(self, simulator: Simulator, render: Callable[..., web.Response]) -> None:
        self._sim = simulator
        self._world = simulator.channel.world
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/", self.overview),
            web.get("/shops/{shop_id}", self.shop),
            web.get("/orders", self.orders),
            web.get("/orders/{order_id}", self.order),
            web.get("/clock", self.clock),
            web.get("/moods", self.moods),
        ]

    async def overview(self, request: web.Request) -> web.Response:
        """Where everything is, and how much of it."""
        rows = [self._counted(shop) for shop in self._world.shops.values()]
        return self._render(
            request,
            "overview.html",
            addresses=self._sim.addresses,
            app=self._sim.describe_app(),
            rows=rows,
            webhooks={**self._sim.delivery.counts, "pending": self._sim.delivery.pending()},
            requests=len(self._sim.books.requests),
        )

    def _counted(self, shop: Shop) -> dict[str, Any]:
        indexes, statuses = self._world.indexes[shop.id], self._world.indexes[shop.id].returns.statuses()
        return {
            "shop": shop,
            "orders": len(indexes.orders),
            "returns": len(indexes.returns),
            "open": sum(count for status, count in statuses.items() if status not in m.ENDED),
            "refused": sum(self._sim.books.of(shop.id).refused.values()),
            "calls": self._sim.books.of(shop.id).calls,
        }

    async def shop(self, request: web.Request) -> web.Response:
        """One shop: credentials, peculiarities, a form for an order."""
        shop = found(self._world.shops, request.match_info["shop_id"])
        described = self._sim.describe_shop(shop)
        return self._render(
            request,
            "shop.html",
            shop=shop,
            row=self._counted(shop),
            described=described,
            switches=asdict(shop.switches),
            clocks=asdict(shop.clocks),
            grants=self._world.auth.live_grants(shop.id),
            styles=STYLES,
            base=self._sim.addresses.get("tiktok", ""),
        )

    async def orders(self, request: web.Request) -> web.Response:
        """Orders, newest first."""

        def fits(row: Order, filters: dict[str, str]) -> bool:
            wanted = filters["q"].lower()
            return (
                not wanted or wanted in row.id or any(wanted in line.product.seller_sku.lower() for line in row.lines)
            )

        listed = page(request, self._newest(request.query), ("shop", "status", "q"), fits)
        return self._render(
            request,
            "orders.html",
            page=listed,
            shops=self._world.shops.values(),
            statuses=[*_NEXT, "COMPLETED", "CANCELLED"],
            copy_of=self._sim.connector.copy_of,
        )

    def _newest(self, query: Mapping[str, str]) -> Iterable[Order]:
        """Orders by their indexes: those of a large past are made when they come into sight."""
        exact = query.get("q", "").strip()
        if exact in self._world.orders:
            return [self._world.orders[exact]]
        chosen = [index.orders for shop, index in self._world.indexes.items() if query.get("shop") in ("", None, shop)]
        rows = heapq.merge(*(index.newest(query.get("status", "")) for index in chosen), reverse=True)
        orders = (self._world.orders[order_id] for _, order_id in rows)
        return islice(orders, _SEARCHED) if exact else orders

    async def order(self, request: web.Request) -> web.Response:
        """One order, and what its buyer may ask for."""
        order = found(self._world.orders, request.match_info["order_id"])
        market = order.shop.market.reasons
        domain, gid = order.shop.commerce_domain, self._sim.connector.copy_of(order.id)
        return self._render(
            request,
            "order.html",
            order=order,
            following=_NEXT.get(order.status, ()),
            returns=[self._world.returns[each] for each in self._world.returns_of_order.get(order.id, ())],
            cancellations=[
                self._world.cancellations[each] for each in self._world.cancellations_of_order.get(order.id, ())
            ],
            stored=None if domain is None or gid is None else self._sim.commerce.order(domain, gid),
            styles=STYLES,
            kinds=_KINDS,
            shipments=("PLATFORM", "SELLER", "BUYER_ARRANGE"),
            reasons=[
                (kind, [(key, reasons.text(key)) for key in reasons.keys(market, kind, "BUYER", order.status)])
                for kind, _ in _KINDS
            ],
            cancellable=order.status in ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION"),
            button=self._return_button(order),
            wire=order_shape(order, self._sim.clock.now(), detail=True),
        )

    def _return_button(self, order: Order) -> dict[str, Any]:
        """Whether the app shows one, and where it leads; no address for the channel's own form."""
        try:
            return {"shown": True, "address": return_button(self._world, order)}
        except ApiError as error:
            return {"shown": False, "why": error.message}

    async def clock(self, request: web.Request) -> web.Response:
        """The clock, and the crowd that lives by it."""
        return self._render(
            request,
            "clock.html",
            steps=_STEPS,
            temper=self._sim.buyers.temper,
            counts=self._sim.buyers.counts,
        )

    async def moods(self, request: web.Request) -> web.Response:
        """What goes wrong, how often it did, and forms for more of it."""
        return self._render(
            request,
            "moods.html",
            rules=self._sim.moods.rules(),
            kinds=KINDS,
            vendors=VENDORS,
            counts=sorted(self._sim.moods.counts.items()),
        )
