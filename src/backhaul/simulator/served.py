"""`python -m backhaul.simulator.served`: the table of the docs, made from what is really served.

What is left out on purpose stands in LEFT_OUT with its reason, so that nobody has to find it missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backhaul.simulator.server import Simulator

LEFT_OUT: dict[str, list[tuple[str, str]]] = {
    "TikTok Shop": [
        ("Products beyond search, stock and pictures", "returns need SKUs and stock, not the editing of a catalogue"),
        ("Making packages, shipping labels of orders, warehouses beyond the list", "the simulated carrier ships"),
        ("Promotions, affiliates, customer messages, live events", "no part of a return"),
        ("Chargebacks, logistics claims, order invoices", "the API tells of them in statements only"),
        (
            "Other webhooks: invoices of Brazil, completed appeals (payload unpublished)",
            "they can be subscribed to; the control API sends any envelope by hand",
        ),
        ("The allow-list of IP addresses (36009033)", "every call comes from this machine"),
        ("The return proxy app in which a merchant types the address", "the console and the control API take it"),
        ("Global sellers' separate regions", "one host answers for all markets"),
        ("TLS, and a token host of its own", "one plain listener on this machine plays both"),
        ("The shop's performance score", "figures to look at, no part of a return"),
        (
            "Later versions of two calls: 202606 of a rejection, 202609 of the review of lines",
            "known from one client's package only; 202309 and 202606 answer",
        ),
        (
            "A status of the parcel of an exchange",
            "none is published; that its goods come back after the new ones were sent is inferred, as are its words",
        ),
    ],
    "Shopify": [
        ("Every other object of the Admin API: products, customers, drafts, discounts, themes ...", "not asked for"),
        ("REST Admin API", "the vendor has retired it for new apps"),
        ("Differences between the versions", "all that are supported answer with the schema and rules of 2026-10"),
        ("Flow, Functions, the Storefront and Customer Account APIs", "no part of keeping books in step"),
        ("Real payment gateways", "a refund is booked and, on a gateway that pays, noted as money moved"),
        ("Protected customer data approval", "all fields of buyers are shown, as to an approved app"),
    ],
    "Loop": [
        (
            "Shop Now carts (`/cart`)",
            "exchanges in the merchant's own shop, which orders of the channel never get",
        ),
        (
            "The buyer's portal in a browser",
            "links are made and lead to a picture; a script plays the buyer",
        ),
        ("Rates and carriers of labels", "a label is a small PDF of a made-up carrier; its cost is a round sum"),
        ("Automation rules as the merchant edits them", "the workflows that block a return are switches of the desk"),
        ("Exchange orders and gift cards", "the outcome is noted on the return; orders of the channel never get one"),
        ("OAuth of apps, the sample webhook, block and allow lists", "a key of the shop does all that a hub needs"),
        ("Customers, products, collections, inventories, locations, bulk operations, Happy Returns", "not asked for"),
    ],
}
_HEAD = """# What is simulated, and what is not

Made by `python -m backhaul.simulator.served`; a test compares it with what is served. [How to use the
simulator](../how-to/use-the-simulator.md) says how to point a client at it.
"""


def page() -> str:
    """The page, as Markdown."""
    simulator = Simulator()
    schema = simulator.commerce.engine.schema
    parts = [_HEAD, f"## TikTok Shop\n\n{_TIKTOK_NOTES}\n"]
    calls = [
        (f"`{each.method} /{each.domain}/{{version}}/{each.rest}`", ", ".join(each.versions), _first(each.handler))
        for each in simulator.channel.gateway.endpoints()
    ]
    parts.append(_table(("Call", "Versions", "What it does"), calls))
    parts += [_left_out("TikTok Shop"), f"## Shopify\n\n{_SHOPIFY_NOTES}\n"]
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    rows = [("Queries", sorted(schema.query_type.fields)), ("Mutations", sorted(schema.mutation_type.fields))]
    parts.append(
        _table(("", "Root fields"), [(kind, ", ".join(f"`{name}`" for name in names)) for kind, names in rows])
    )
    parts += [_left_out("Shopify"), f"## Loop\n\n{_LOOP_NOTES}\n"]
    operations = sorted(simulator.loop.gateway.operations, key=lambda each: (each.path, each.method))
    steps = [(f"`{each.method} {each.path}`", _first(each.handler)) for each in operations]
    parts.append(_table(("Call", "What it does"), steps))
    parts.append(_left_out("Loop").rstrip("\n") + "\n")
    return "\n".join(parts)


_SHOPIFY_NOTES = """GraphQL of the Admin API is executed against a subset of the real schema, written anew and checked
against the full one; a field outside it is refused as an unknown field is. Cost and throttling, search with its
lag, `@idempotent`, metafields, bulk queries, staged uploads, webhooks with signature and retries, client
credentials, authorisation code with refresh, lasting tokens."""
_LOOP_NOTES = """Versions 2026-10, 2026-07, unstable and v1 in the path, keys with scopes, 300 calls a minute, drafts
made by the forms that the answers carry, refusals in HTTP 200, processing that ends later, labels as files,
webhooks with signature. The desk is connected to a store of the simulated Shopify and opens, closes and refunds
there as Loop does."""
_TIKTOK_NOTES = """Signatures, the order of the gateway's checks, codes, both return models (one return for each case,
and line by line for shops with `batch_model`), state tables and clocks of all markets, page tokens, idempotency
keys, rate limits for each shop and endpoint, tokens and their rotation, masking. Beside the calls below:
`/api/v2/token/get`, `/api/v2/token/refresh` and the consent page. Webhooks 1, 2, 3, 4, 6, 7, 11, 12, 64, 65, 67 and
68, signed, tried again after 2 minutes, 30 minutes, 3 hours and 12 hours of the simulated clock.

The return button of the buyer's app leads to the channel's own form, or, for a shop that is allow-listed, to an
address of the merchant's with the order's number and postal code in it (`{order}` and `{zip}`, percent-encoded). A
single source tells of this redirect (a guide of Pipe17 with Loop); the vendor publishes nothing of it, so placeholders
and coding are ours."""


def _first(handler: object) -> str:
    """The first sentence of what the code says of an operation."""
    text = " ".join((getattr(handler, "__doc__", None) or "").split())
    return text.partition(". ")[0].rstrip(".").replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _left_out(vendor: str) -> str:
    return "Not simulated:\n\n" + _table(("What", "Why"), LEFT_OUT[vendor])


if __name__ == "__main__":
    sys.stdout.write(page())
