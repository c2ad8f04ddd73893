"""A webhook that can not be delivered is repeated for hours, and in the end its subscription is deleted."""

from __future__ import annotations

from backhaul.simulator.server import Simulator
from backhaul.simulator.shopify import LineSeed, OrderSeed
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START

from .calls import SUBSCRIBE
from .conftest import DOMAIN, Hand

NOBODY = "http://127.0.0.1:9/hook"


async def test_a_subscription_that_fails_for_hours_is_deleted() -> None:
    async with Simulator(shops=[ShopSpec(commerce_domain=DOMAIN)], rate=0, start=START) as sim:
        shop = sim.commerce.shops[DOMAIN]
        hand = Hand(sim.commerce, shop)
        for topic in ("ORDERS_CREATE", "RETURNS_CLOSE"):
            hand.one(SUBSCRIBE, topic=topic, **{"in": {"uri": NOBODY, "format": "JSON"}})
        sim.commerce.create_order(DOMAIN, OrderSeed([LineSeed("MUG", "Mug", 1, 1050)]))
        (delivery,) = sim.delivery.log
        for minutes in (0, 1, 1, 5, 15, 30, 45, 60):
            sim.clock.step(minutes * 60)
            await sim.delivery.idle.wait()
            assert len(shop.subscriptions) == 2, delivery.attempts
        sim.clock.step(2 * 3600)
        await sim.delivery.idle.wait()
        assert (delivery.state, len(delivery.attempts)) == ("lost", 9)
        assert [each.topic for each in shop.subscriptions.values()] == ["RETURNS_CLOSE"]
        assert sim.commerce.books(DOMAIN)["counts"]["subscriptions_deleted"] == 1
        again = hand.one(SUBSCRIBE, topic="ORDERS_CREATE", **{"in": {"uri": NOBODY, "format": "JSON"}})
        assert again["userErrors"] == []
