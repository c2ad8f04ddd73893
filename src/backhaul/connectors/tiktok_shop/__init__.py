"""TikTok Shop, Open API 202602 (each endpoint in its newest version).

Docs: https://partner.tiktokshop.com/docv2/page/650b2001bace3e02b76db38a

Three quirks to know:

1. The HTTP status says nothing. Errors come with 200, and ``code`` 0 may still carry failures in ``data.errors``.
2. There is no status for the arrival of a parcel: it shows only as the action SELLER_RESPOND_RECEIVE_PACKAGE with a
   deadline, and such deadlines differ by market and page, so only the field counts.
3. A return label can be uploaded once and never corrected, and a rejection is not an end: the buyer may dispute it.
"""

from backhaul.connectors.tiktok_shop.connector import TikTokShop
from backhaul.connectors.tiktok_shop.manifest import MANIFEST, missing_scopes

vendor = TikTokShop()

__all__ = ["MANIFEST", "missing_scopes", "vendor"]
