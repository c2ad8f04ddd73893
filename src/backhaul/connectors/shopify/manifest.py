"""What this connector declares of itself."""

from __future__ import annotations

from backhaul.connectors.shopify.settings import API_VERSION
from backhaul.domain.effects import Repeat, Safety
from backhaul.domain.words import Party
from backhaul.ports.manifest import Field, Manifest, Proof

_FINDABLE = Safety(Repeat.FINDABLE, then=Repeat.FINDABLE, settle_s=15)
_NATURAL = Safety(Repeat.REFUSED_IF_DONE, settle_s=15)

MANIFEST = Manifest(
    vendor="shopify",
    title="Shopify",
    role=Party.COMMERCE,
    api_version=API_VERSION,
    docs="https://shopify.dev/docs/api/admin-graphql/2026-10",
    proof=Proof.SIMULATED,
    abilities=frozenset({"Authorises", "CommerceOrders", "Connector", "Performs", "Subscribes"}),
    effects={
        "stamp_order": _NATURAL,  # the same value once more changes nothing; on another order it is refused
        "create_return": _FINDABLE,  # by the mark in the reason note
        "stage_label": _NATURAL,  # a second file is one that nothing names
        "attach_tracking": _FINDABLE,  # by the number
        "update_delivery": _NATURAL,  # the same values once more change nothing
        "dispose": _FINDABLE,  # by the count before
        "book_refund": Safety(Repeat.KEYED, memory_s=86_400, then=Repeat.FINDABLE, settle_s=15),  # then by the mark
        "close_return": _NATURAL,  # a repeat is a success
        "cancel_return": _NATURAL,
    },
    fields=(
        Field("shop_domain", "Shop address", "The shop's own address, such as my-shop.myshopify.com."),
        Field(
            "client_id",
            "Client id",
            "Of the app you made for Backhaul in the Dev Dashboard, under Settings.",
            required=False,
        ),
        Field(
            "client_secret",
            "Client secret",
            "Beside the client id. It also signs the webhooks.",
            secret=True,
            required=False,
        ),
        Field(
            "old_client_secrets",
            "Client secrets before",
            "While a new secret is being rolled out: the old ones, so that webhooks signed with them still count.",
            secret=True,
            required=False,
        ),
        Field(
            "access_token",
            "Access token",
            "Only for an older custom app made in the shop's admin (shpat_…); leave it empty otherwise.",
            secret=True,
            required=False,
        ),
    ),
    scopes={
        "read_orders": "read orders, payments and refunds, and find the order of a return",
        "read_all_orders": "read orders older than 60 days: returns often come later",
        "write_orders": "book refunds that the channel has paid, and stamp the channel's order id on the order",
        "read_returns": "see returns that anybody made, so that none is made twice",
        "write_returns": "create, track, dispose, close and cancel returns",
        "read_products": "read barcodes",
        "read_locations": "offer the locations that stock can go back to",
    },
    webhooks=(
        "ORDERS_CREATE",
        "ORDERS_UPDATED",
        "ORDERS_EDITED",
        "ORDERS_CANCELLED",
        "REFUNDS_CREATE",
        "ORDER_TRANSACTIONS_CREATE",
        "RETURNS_REQUEST",
        "RETURNS_APPROVE",
        "RETURNS_DECLINE",
        "RETURNS_CANCEL",
        "RETURNS_CLOSE",
        "RETURNS_REOPEN",
        "RETURNS_UPDATE",
        "RETURNS_PROCESS",
        "REVERSE_DELIVERIES_ATTACH_DELIVERABLE",
        "REVERSE_FULFILLMENT_ORDERS_DISPOSE",
        "APP_UNINSTALLED",
        "APP_SCOPES_UPDATE",
    ),
    budget_per_s=100.0,  # points; the Standard plan's rate, better plans are learnt from answers
    budget_burst=2000.0,
    money_units="decimal string",
    settings_page="https://dev.shopify.com/dashboard",
)
