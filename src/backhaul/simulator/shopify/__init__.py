"""A stateful simulator of the Shopify Admin GraphQL API 2026-10, over real HTTP.

It plays a subset of the vendor's schema (``schema.graphql``): orders and their payments, fulfilments, returns, reverse
deliveries, dispositions, refunds, metafields, tags, webhooks, bulk queries. What is not in the subset does not exist.
Its books are the oracle of the tests: they say what happened, whatever the client believes.
"""

from .hooks import Delivery
from .seeds import LineSeed, OrderSeed
from .shop import DEFAULT_SCOPES
from .world import Clock, ShopifyWorld

__all__ = ["DEFAULT_SCOPES", "Clock", "Delivery", "LineSeed", "MoodSource", "OrderSeed", "ShopifyWorld"]
