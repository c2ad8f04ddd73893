"""The whole simulated channel, put together: one object with its HTTP application and its actors."""

from __future__ import annotations

import random

from aiohttp import web

from backhaul.simulator.books import Books
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.delivery import WebhookDelivery
from backhaul.simulator.moods import Moods
from backhaul.simulator.tiktok.aftersales import Aftersales
from backhaul.simulator.tiktok.api_batch import BatchApi
from backhaul.simulator.tiktok.api_finance import FinanceApi
from backhaul.simulator.tiktok.api_goods import GoodsApi
from backhaul.simulator.tiktok.api_orders import OrderApi
from backhaul.simulator.tiktok.api_parcels import ParcelApi
from backhaul.simulator.tiktok.api_returns import ReturnApi
from backhaul.simulator.tiktok.api_review import ReviewApi
from backhaul.simulator.tiktok.api_shop import ShopApi
from backhaul.simulator.tiktok.cancellations import Cancellations
from backhaul.simulator.tiktok.decisions import Decisions
from backhaul.simulator.tiktok.gateway import Gateway
from backhaul.simulator.tiktok.labels import Labels
from backhaul.simulator.tiktok.model import Order
from backhaul.simulator.tiktok.portal import Portal
from backhaul.simulator.tiktok.sales import Sales
from backhaul.simulator.tiktok.world import World

_BODY_LIMIT = 32 * 1024 * 1024


class Channel:
    """TikTok Shop as the simulator plays it."""

    def __init__(
        self, clock: SimulatedClock, delivery: WebhookDelivery, moods: Moods, rng: random.Random, books: Books
    ) -> None:
        self.world = World(clock, delivery, moods, rng, books)
        self.sales = Sales(self.world)
        self.aftersales = Aftersales(self.world, self.sales)
        self.decisions = Decisions(self.world, self.aftersales)
        self.cancellations = Cancellations(self.world, self.sales)
        self.labels = Labels(self.world)
        self.orders = OrderApi(self.world, self.cancellations, self.decisions)
        self.gateway = Gateway(self.world)
        self.portal = Portal(self.world)
        self.world.order_moved.append(self._handed_over)
        returns = ReturnApi(self.world, self.aftersales, self.decisions, self.cancellations, self.labels)
        batch = BatchApi(self.world)
        review = ReviewApi(self.world, self.aftersales, self.decisions)
        shops, parcels = ShopApi(self.world, self.labels), ParcelApi(self.world)
        apis = (returns, self.orders, shops, batch, review, parcels, GoodsApi(), FinanceApi(self.world))
        for api in apis:
            self.gateway.add(api.endpoints())

    def _handed_over(self, order: Order) -> None:
        if order.status in ("AWAITING_COLLECTION", "IN_TRANSIT"):
            self.cancellations.shipped(order)

    def app(self) -> web.Application:
        """The HTTP application: token host, consent page and, for every other path, the gateway."""
        application = web.Application(client_max_size=_BODY_LIMIT)
        application.add_routes(self.portal.routes())
        application.router.add_route("*", "/{path:.*}", self.gateway.handle)
        return application
