"""Shopify, Admin GraphQL API 2026-10 (https://shopify.dev/docs/api/admin-graphql/2026-10).

Three quirks to know:

1. A search never fails on a filter it does not know: it leaves the filter out, says so only in
   ``extensions.search``, and may answer with every order of the shop. Hits are compared here, one by one.
2. "No" comes with HTTP 200, in two layers: top-level ``errors`` (throttling among them) and ``userErrors`` of a
   mutation, some of which have no code.
3. A refund on a foreign gateway only keeps books, on ``shopify_payments`` and its like it pays the buyer; the gateway
   of the parent transaction decides, whatever gateway the request names.
"""

from backhaul.connectors.shopify.connector import Shopify, ShopifyVendor

vendor = ShopifyVendor()

__all__ = ["Shopify", "ShopifyVendor", "vendor"]
