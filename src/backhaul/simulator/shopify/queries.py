"""Resolvers of the root queries."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from . import calculating, search
from .act import Act
from .errors import Refusal, top_level
from .fields import own_namespace, version
from .ids import gid
from .model import Order
from .paging import Connection, make_cursor, read_cursor, window
from .reasons import DEFINITIONS
from .resolving import Resolver, need, page

SUPPORTED_VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
PAGING_DEPTH = 25_000
BULK_PAGE = 1 << 40


def _orders(root: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
    need(info, "read_orders", "read_marketplace_orders")
    act: Act = info.context
    if act.bulk and args.get("first") is None:
        size, from_end = BULK_PAGE, False
    else:
        size, from_end = window(args.get("first"), args.get("last"), args.get("after"), args.get("before"))
    if args.get("before") is not None:
        raise top_level("Backward paging by cursor is not simulated for orders; use after.", "BAD_REQUEST")
    query = _query(act, info, args.get("query"))
    reverse = bool(args.get("reverse"))
    after = None
    if args.get("after") is not None:
        last_id, value = read_cursor(args["after"])
        after = (float(value), last_id)
    hits = act.shop.index.find(
        query,
        sort=args.get("sortKey") or "PROCESSED_AT",
        reverse=reverse != from_end,
        size=size,
        after=after,
        floor=act.shop.floor(act.scopes),
    )
    values = {number: value for value, number in hits.rows}
    nodes = [act.shop.orders[number] for _, number in (reversed(hits.rows) if from_end else hits.rows)]

    def cursor(order: Order) -> str:
        return make_cursor(order.number_id, values[order.number_id])

    if from_end:
        return Connection(nodes, False, hits.more, cursor)
    return Connection(nodes, hits.more, after is not None, cursor)


def _query(act: Act, info: GraphQLResolveInfo, text: str | None) -> search.Query:
    query = search.parse(text or "")
    if query.warnings:
        act.shop.counts["search_warnings"] += len(query.warnings)
        act.search.append({"path": info.path.as_list(), "query": text, "warnings": query.warnings})
    return query


def _orders_count(root: Any, info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
    need(info, "read_orders", "read_marketplace_orders")
    act: Act = info.context
    limit = args.get("limit") or 1 << 62
    found = act.shop.index.count(_query(act, info, args.get("query")), act.shop.floor(act.scopes), limit)
    return {"count": min(found, limit), "precision": "AT_LEAST" if found > limit else "EXACT"}


def _order(root: Any, info: GraphQLResolveInfo, id: str) -> Order | None:
    need(info, "read_orders", "read_marketplace_orders")
    act: Act = info.context
    return act.order(id)


def _by_identifier(root: Any, info: GraphQLResolveInfo, identifier: dict[str, Any]) -> Order | None:
    need(info, "read_orders", "read_marketplace_orders")
    act: Act = info.context
    given = {key: value for key, value in identifier.items() if value is not None}
    if len(given) != 1:
        raise top_level("OrderIdentifierInput requires exactly one argument", "INVALID_VARIABLE")
    if "id" in given:
        return act.order(given["id"])
    custom = given["customId"]
    namespace = own_namespace(act, custom.get("namespace"))
    definition = act.shop.definitions.get(("ORDER", namespace, custom["key"]))
    if definition is None or not definition.unique:
        raise top_level("A metafield definition with unique values is required to look up by custom id.", "NOT_FOUND")
    found = act.shop.unique_values.get((namespace, custom["key"], custom["value"]))
    return act.shop.visible(found, act.scopes)


def _one(kind: str, *scopes: str) -> Resolver:
    def resolve(root: Any, info: GraphQLResolveInfo, id: str | None = None) -> Any:
        if scopes:
            need(info, *scopes)
        act: Act = info.context
        if id is None:
            return act.shop.location()
        act.check_kind(kind, id)
        found = act.shop.find(kind, id)
        owner = getattr(found, "order", None)
        return None if owner is not None and act.shop.visible(owner, act.scopes) is None else found

    return resolve


def _node(root: Any, info: GraphQLResolveInfo, id: str) -> Any:
    act: Act = info.context
    found = act.shop.node(id)
    if isinstance(found, Order):
        need(info, "read_orders")
        return act.shop.visible(found, act.scopes)
    return found


def _nodes(root: Any, info: GraphQLResolveInfo, ids: list[str]) -> list[Any]:
    return [_node(root, info, each) for each in ids]


def _returnables(act: Act, order: Order) -> list[dict[str, Any]]:
    found = []
    for each in order.fulfillment_list:
        rows = [
            {"fulfillmentLineItem": line, "quantity": left}
            for line in each.lines
            if each.status == "SUCCESS" and (left := order.returnable(line)) > 0
        ]
        if rows:
            made = {"id": gid("ReturnableFulfillment", each.number_id), "fulfillment": each, "rows": rows}
            found.append({"__typename": "ReturnableFulfillment", **made})
    return found


def _returnable_fulfillments(root: Any, info: GraphQLResolveInfo, orderId: str, **args: Any) -> Connection:
    need(info, "read_orders", "read_marketplace_orders")
    need(info, "read_returns", "read_marketplace_returns")
    act: Act = info.context
    order = act.order(orderId)
    rows = [] if order is None else _returnables(act, order)
    return page(rows, info, args, number=lambda row: row["fulfillment"].number_id)


def _returnable_fulfillment(root: Any, info: GraphQLResolveInfo, id: str) -> Any:
    need(info, "read_returns", "read_marketplace_returns")
    act: Act = info.context
    act.check_kind("ReturnableFulfillment", id)
    each = act.shop.find("Fulfillment", id.replace("ReturnableFulfillment", "Fulfillment"))
    if each is None:
        return None
    return next((row for row in _returnables(act, each.order) if row["fulfillment"] is each), None)


def _calculate(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    need(info, "read_returns", "read_marketplace_returns")
    try:
        return calculating.calculate(info.context, input)
    except Refusal as refusal:
        raise top_level(refusal.errors[0].message, "BAD_REQUEST") from None


def _reasons(root: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
    need(info, "read_returns", "read_marketplace_returns")
    rows = list(DEFINITIONS.values())
    if args.get("handles") is not None:
        rows = [each for each in rows if each.handle in args["handles"]]
    if args.get("ids") is not None:
        rows = [each for each in rows if each.id in args["ids"]]
    return page(rows, info, args, number=lambda each: each.number)


def _locations(root: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
    need(info, "read_locations", "read_inventory")
    act: Act = info.context
    act.shop.location()
    return page(act.shop.locations, info, args)


def _installation(root: Any, info: GraphQLResolveInfo) -> dict[str, Any]:
    act: Act = info.context
    return {
        "id": gid("AppInstallation", act.shop.number_id),
        "app": act.shop.app,
        "accessScopes": [{"handle": each, "description": each.replace("_", " ")} for each in act.scopes],
    }


def _subscriptions(root: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
    rows = list(info.context.shop.subscriptions.values())
    if args.get("topics"):
        rows = [each for each in rows if each.topic in args["topics"]]
    if args.get("uri") is not None:
        rows = [each for each in rows if each.uri == args["uri"]]
    if args.get("format") is not None:
        rows = [each for each in rows if each.format == args["format"]]
    return page(rows, info, args)


def _subscription(root: Any, info: GraphQLResolveInfo, id: str) -> Any:
    info.context.check_kind("WebhookSubscription", id)
    return info.context.shop.find("WebhookSubscription", id)


def _definitions(root: Any, info: GraphQLResolveInfo, ownerType: str, **args: Any) -> Connection:
    act: Act = info.context
    rows = [each for (owner, _, _), each in act.shop.definitions.items() if owner == ownerType]
    if args.get("namespace") is not None:
        rows = [each for each in rows if each.namespace == own_namespace(act, args["namespace"])]
    if args.get("key") is not None:
        rows = [each for each in rows if each.key == args["key"]]
    return page(rows, info, args)


def _current_bulk(root: Any, info: GraphQLResolveInfo, type: str = "QUERY") -> Any:
    rows = list(info.context.shop.bulk.values())
    return rows[-1] if rows and type == "QUERY" else None


QUERIES: dict[str, Resolver] = {
    "bulkOperation": _one("BulkOperation"),
    "bulkOperations": lambda r, i, **a: page(list(i.context.shop.bulk.values()), i, a),
    "currentAppInstallation": _installation,
    "currentBulkOperation": _current_bulk,
    "location": _one("Location", "read_locations", "read_inventory"),
    "locations": _locations,
    "metafieldDefinitions": _definitions,
    "node": _node,
    "nodes": _nodes,
    "order": _order,
    "orderByIdentifier": _by_identifier,
    "orders": _orders,
    "ordersCount": _orders_count,
    "productVariant": _one("ProductVariant", "read_products"),
    "publicApiVersions": lambda r, i: [version(each) for each in SUPPORTED_VERSIONS],
    "refund": _one("Refund", "read_orders", "read_marketplace_orders"),
    "returnCalculate": _calculate,
    "return": _one("Return", "read_returns", "read_marketplace_returns"),
    "returnReasonDefinitions": _reasons,
    "returnableFulfillment": _returnable_fulfillment,
    "returnableFulfillments": _returnable_fulfillments,
    "reverseDelivery": _one("ReverseDelivery", "read_returns", "read_marketplace_returns"),
    "reverseFulfillmentOrder": _one("ReverseFulfillmentOrder", "read_returns", "read_marketplace_returns"),
    "shop": lambda r, i: i.context.shop,
    "webhookSubscription": _subscription,
    "webhookSubscriptions": _subscriptions,
    "webhookSubscriptionsCount": lambda r, i, limit=None: {
        "count": len(i.context.shop.subscriptions),
        "precision": "EXACT",
    },
}
