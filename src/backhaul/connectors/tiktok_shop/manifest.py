"""What this connector declares of itself."""

from __future__ import annotations

from collections.abc import Iterable

from backhaul.connectors.tiktok_shop.settings import LIVE_CONSENT
from backhaul.domain.effects import Repeat, Safety
from backhaul.domain.words import Party
from backhaul.ports.manifest import Field, Manifest, Proof

# A repeat is refused by the state the first one left, whatever the memory of idempotency keys is (nobody publishes it).
_REFUSED_IF_DONE = Safety(Repeat.REFUSED_IF_DONE, settle_s=10)

MANIFEST = Manifest(
    vendor="tiktok_shop",
    title="TikTok Shop",
    role=Party.CHANNEL,
    api_version="202602",
    docs="https://partner.tiktokshop.com/docv2/page/650b2001bace3e02b76db38a",
    proof=Proof.SIMULATED,
    abilities=frozenset({"Returns", "Starts", "Detects", "ChannelOrders", "Performs", "Authorises", "Subscribes"}),
    effects={
        "decide": _REFUSED_IF_DONE,
        # A key belongs to each decision; how long it is remembered is not published. Then the state that the first one
        # left refuses a second.
        "decide_units": Safety(Repeat.KEYED, memory_s=600, then=Repeat.REFUSED_IF_DONE, settle_s=10),
        "upload_label": _REFUSED_IF_DONE,
        "upload_evidence": _REFUSED_IF_DONE,  # a second upload is a second picture that nobody names
        # The memory of keys is not published, so it is taken for short. Then, and for a cancellation, which takes no
        # key, only a search of the order's cases can tell; its index lags.
        "start_return": Safety(Repeat.KEYED, memory_s=600, then=Repeat.UNSAFE, settle_s=60),
        "start_cancellation": Safety(Repeat.FINDABLE, settle_s=60),
    },
    fields=(
        Field("app_key", "App key", "From the app's page in Partner Center."),
        Field("app_secret", "App secret", "From the same page. It signs every call and every webhook.", secret=True),
        Field("service_id", "Service id", "The number in the authorisation link that Partner Center shows."),
        Field(
            "consent_base",
            "Authorisation host",
            "The beginning of that link. In the United States it is another host: copy it from Partner Center.",
            required=False,
            default=LIVE_CONSENT,
        ),
        Field(
            "previous_secret",
            "Previous app secret",
            "Only while the app secret is being changed: webhooks signed with the old one are still taken.",
            secret=True,
            required=False,
        ),
        Field("locale", "Language of texts", "BCP-47, say en-US or de-DE.", required=False, default="en-US"),
        Field(
            "platforms",
            "Platforms of order references",
            "Where order connectors may have written the commerce order's id, comma-separated.",
            required=False,
            default="SHOPIFY",
        ),
    ),
    scopes={
        "seller.authorization.info": "to learn which shops the login opens, and to subscribe to webhooks",
        "seller.return_refund.basic": "to read returns, refunds and cancellations and to answer them",
        "seller.order.info": "to read the order of a return",
        "seller.order.ext_ref.read": "to read which commerce order belongs to it",
        "seller.fulfillment.basic": "to list the carriers that a return label may name",
        "seller.product.basic": "only to send pictures with a rejection",
        "seller.logistics": "to know the warehouse's region, which the list of carriers needs in the EU",
    },
    webhooks=(
        "RETURN_STATUS_CHANGE",
        "CANCELLATION_STATUS_CHANGE",
        "ORDER_STATUS_CHANGE",
        "SELLER_DEAUTHORIZATION",
        "UPCOMING_AUTHORIZATION_EXPIRATION",
        "AFTERSALES_REQUEST_STATUS_UPDATE",
        "RMA_STATUS_UPDATE",
        "REFUND_SUCCESS",
    ),
    budget_per_s=50.0,
    money_units="decimal string",
    consent=True,
    settings_page="https://partner.tiktokshop.com/",
    # Seller Center's addresses are general knowledge, not taken from the vendor's API reference.
    consoles={
        "": "https://seller.tiktokglobalshop.com/",
        "US": "https://seller-us.tiktok.com/",
        "GB": "https://seller-uk.tiktok.com/",
        **{market: f"https://seller-{market.lower()}.tiktok.com/" for market in ("ID", "MY", "PH", "SG", "TH", "VN")},
    },
)


def missing_scopes(granted: Iterable[str]) -> tuple[str, ...]:
    """The rights of the manifest that an owner did not grant; none when the answer named no rights at all."""
    given = frozenset(granted)
    return tuple(scope for scope in MANIFEST.scopes if scope not in given) if given else ()
