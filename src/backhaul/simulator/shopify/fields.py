"""Resolvers of object fields that are not plain attributes of the state."""

from __future__ import annotations

import json
from typing import Any

from graphql import GraphQLResolveInfo

from . import exchanges, processing, refunds
from .act import Act
from .errors import Refusal, top_level
from .model import Fulfillment, FulfillmentLineItem, LineItem, Order, RefundLine, Transaction
from .money import Money, short
from .paging import Connection
from .reasons import DEFINITIONS
from .resolving import Resolver, amount, need, page, pages, shipping_line, some
from .return_fields import RETURN_FIELDS
from .things import Metafield

ATTRIBUTIONS = {"tiktok": "TikTok"}


def _metafield(thing: Any, info: GraphQLResolveInfo, key: str, namespace: str | None = None) -> Any:
    return thing.metafields.get((own_namespace(info.context, namespace), key))


def own_namespace(act: Act, namespace: str | None) -> str:
    """A namespace with ``$app`` written out; none means the app's own."""
    reserved = f"app--{act.shop.app.number_id}"
    if namespace is None or namespace == "$app":
        return reserved
    return namespace.replace("$app:", reserved + "--", 1) if namespace.startswith("$app:") else namespace


def _metafields(thing: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
    items = list(thing.metafields.values())
    if args.get("namespace") is not None:
        wanted = own_namespace(info.context, args["namespace"])
        items = [each for each in items if each.namespace == wanted]
    if args.get("keys") is not None:
        items = [each for each in items if f"{each.namespace}.{each.key}" in args["keys"]]
    return page(items, info, args)


def _suggested_refund(order: Order, info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    act: Act = info.context
    lines = args.get("refundLineItems") or []
    if args.get("suggestFullRefund"):
        lines = [
            {"lineItemId": line.id, "quantity": line.refundable_quantity}
            for line in order.lines
            if line.refundable_quantity
        ]
    try:
        planned = refunds.plan_lines(act, order, lines, ("refundLineItems",))
    except Refusal as refusal:
        raise top_level(refusal.errors[0].message, "BAD_REQUEST") from None
    left = order.shipping_minor - order.shipping_refunded_minor
    shipping = left if args.get("refundShipping") or args.get("suggestFullRefund") else 0
    if args.get("shippingAmount") is not None:
        shipping = min(left, refunds._minor(args["shippingAmount"], order, ["shippingAmount"]))
    subtotal = sum(line.subtotal_minor for line in planned)
    tax = sum(line.tax_minor for line in planned)
    total = min(subtotal + tax + shipping, order.net_minor)
    return {
        "amountSet": order.money(total),
        "discountedSubtotalSet": order.money(subtotal),
        "subtotalSet": order.money(subtotal),
        "totalTaxSet": order.money(tax),
        "maximumRefundableSet": order.money(order.net_minor),
        "shipping": processing.shipping_refund(order, shipping),
        "suggestedTransactions": processing.suggestions(order, total),
        "refundLineItems": [
            RefundLine(0, p.item, p.quantity, p.restock_type, p.location, p.subtotal_minor, p.tax_minor, False)
            for p in planned
        ],
    }


def _attribution(order: Order, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    shown = ATTRIBUTIONS.get((order.source_name or "").lower())
    return None if shown is None else {"handle": (order.source_name or "").lower(), "displayName": shown, "icon": None}


def _order_app(order: Order, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if not order.source_name:
        return None
    number = int.from_bytes(order.source_name.encode()[:5], "big")
    return {"id": f"gid://shopify/App/{number}", "name": ATTRIBUTIONS.get(order.source_name, order.source_name)}


def _returns(order: Order, info: GraphQLResolveInfo, **args: Any) -> Connection:
    need(info, "read_returns", "read_marketplace_returns")
    return page(order.return_list, info, args)


def _fulfilment_orders(order: Order, info: GraphQLResolveInfo, **args: Any) -> Connection:
    need(info, *(f"read_{kind}_fulfillment_orders" for kind in ("merchant_managed", "assigned", "third_party")))
    return page(exchanges.fulfilment_orders(order), info, args, number=lambda row: row["number"])


def _variant(line: LineItem, info: GraphQLResolveInfo) -> Any:
    if line.variant is None:
        return None
    need(info, "read_products")
    return line.variant


def _line_amount(attribute: str) -> Resolver:
    def resolve(line: LineItem, info: GraphQLResolveInfo) -> Any:
        return line.order.money(getattr(line, attribute))

    return resolve


def _tax_lines(line: LineItem, info: GraphQLResolveInfo, first: int | None = None) -> list[dict[str, Any]]:
    if not line.tax_minor:
        return []
    rate = round(line.tax_minor / line.total_minor, 4) if line.total_minor else None
    percent = None if rate is None else round(rate * 100, 2)
    return [{"title": "Tax", "rate": rate, "ratePercentage": percent, "priceSet": line.order.money(line.tax_minor)}]


def _span(attribute: str) -> Resolver:
    def resolve(each: FulfillmentLineItem, info: GraphQLResolveInfo) -> Any:
        item = each.line_item
        whole = item.total_minor if attribute == "discounted" else item.unit_price_minor * item.quantity
        return item.order.money(round(whole * each.quantity / item.quantity))

    return resolve


def _tracking(each: Fulfillment, info: GraphQLResolveInfo, first: int | None = None) -> list[dict[str, Any]]:
    if each.tracking_number is None:
        return []
    return [{"number": each.tracking_number, "company": each.tracking_company, "url": None}]


def _left(each: Transaction, info: GraphQLResolveInfo) -> Money | None:
    if each.kind not in ("SALE", "CAPTURE"):
        return None
    currency = each.order.presentment_currency_code
    return Money(short(each.left_minor, currency), currency)


def _json_value(each: Metafield, info: GraphQLResolveInfo) -> Any:
    if each.type in ("json", "number_integer", "boolean") or each.type.startswith("list."):
        return json.loads(each.value)
    return each.value


def _reasons(line: LineItem, info: GraphQLResolveInfo, **args: Any) -> Connection:
    return page(list(DEFINITIONS.values()), info, args, number=lambda each: each.number)


_META: dict[str, Resolver] = {"metafield": _metafield, "metafields": _metafields}

OBJECT_FIELDS: dict[str, dict[str, Resolver]] = {
    "Order": {
        **_META,
        "app": _order_app,
        "attribution": _attribution,
        "currentTotalPriceSet": amount("current_total_minor"),
        "fulfillmentOrders": _fulfilment_orders,
        "fulfillments": some("fulfillment_list"),
        "lineItems": pages("lines"),
        "netPaymentSet": amount("net_minor"),
        "originalTotalPriceSet": amount("total_minor"),
        "refunds": some("refund_list"),
        "returns": _returns,
        "shippingLine": shipping_line,
        "subtotalPriceSet": amount("subtotal_minor"),
        "suggestedRefund": _suggested_refund,
        "totalOutstandingSet": lambda o, i: o.money(max(0, o.total_minor - o.received_minor)),
        "totalPriceSet": amount("total_minor"),
        "totalReceivedSet": amount("received_minor"),
        "totalRefundedSet": amount("refunded_minor"),
        "totalRefundedShippingSet": amount("shipping_refunded_minor"),
        "totalShippingPriceSet": amount("shipping_minor"),
        "totalTaxSet": amount("tax_minor"),
        "transactions": some("transactions"),
        "transactionsCount": lambda o, i: {"count": len(o.transactions), "precision": "EXACT"},
    },
    "LineItem": {
        "discountedTotalSet": _line_amount("total_minor"),
        "discountedUnitPriceAfterAllDiscountsSet": lambda x, i: x.order.money(round(x.total_minor / x.quantity)),
        "discountedUnitPriceSet": lambda x, i: x.order.money(round(x.total_minor / x.quantity)),
        "originalTotalSet": lambda x, i: x.order.money(x.unit_price_minor * x.quantity),
        "originalUnitPriceSet": _line_amount("unit_price_minor"),
        "suggestedReturnReasonDefinitions": _reasons,
        "taxLines": _tax_lines,
        "totalDiscountSet": _line_amount("discount_minor"),
        "variant": _variant,
    },
    "Fulfillment": {"fulfillmentLineItems": pages("lines"), "trackingInfo": _tracking},
    "FulfillmentLineItem": {"discountedTotalSet": _span("discounted"), "originalTotalSet": _span("original")},
    "ReturnableFulfillment": {
        "returnableFulfillmentLineItems": lambda x, i, **a: page(
            x["rows"], i, a, number=lambda row: row["fulfillmentLineItem"].number_id
        )
    },
    **RETURN_FIELDS,
    "FulfillmentOrder": {"lineItems": lambda x, i, **a: page(x["rows"], i, a, number=lambda row: row["number"])},
    "OrderTransaction": {
        "amountSet": lambda x, i: x.order.money(x.amount_minor),
        "maximumRefundableV2": _left,
    },
    "Metafield": {
        "jsonValue": _json_value,
        "definition": lambda x, i: i.context.shop.definitions.get((x.owner_type, x.namespace, x.key)),
    },
    "MetafieldDefinition": {
        "type": lambda x, i: {"name": x.type_name, "category": x.type_name.split("_")[0].upper()},
        "capabilities": lambda x, i: {"uniqueValues": {"eligible": True, "enabled": x.unique}},
    },
    "Shop": _META,
    "Location": _META,
    "LocationAddress": {"countryCode": lambda x, i: x.country_code_v2},
    "ProductVariant": {**_META, "price": lambda x, i: x.price},
    "WebhookSubscription": {
        "callbackUrl": lambda x, i: x.uri,
        "apiVersion": lambda x, i: version(i.context.shop.app.webhook_version),
    },
}


def version(handle: str) -> dict[str, Any]:
    """An ApiVersion."""
    return {"handle": handle, "displayName": handle, "supported": True}
