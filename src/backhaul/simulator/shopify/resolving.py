"""What resolvers of many types share: scopes, pages of lists, amounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from .act import Act
from .errors import top_level
from .model import Order
from .paging import Connection, connect, number_of

Resolver = Callable[..., Any]


def has(act: Act, scope: str) -> bool:
    """Whether the token has a scope; the write scope includes the read scope."""
    return scope in act.scopes or scope.replace("read_", "write_", 1) in act.scopes


def need(info: GraphQLResolveInfo, *any_of: str) -> None:
    """Refuses the field unless the token has one of the scopes."""
    act: Act = info.context
    if not any(has(act, scope) for scope in any_of):
        act.shop.counts["access_denied"] += 1
        names = " or ".join(f"`{scope}`" for scope in any_of)
        raise top_level(
            f"Access denied for {info.field_name} field. Required access: {names} access scope.",
            "ACCESS_DENIED",
            requiredAccess=f"{names} access scope.",
        )


def page(items: Any, info: GraphQLResolveInfo, args: dict[str, Any], number: Any = None) -> Connection:
    """A connection over a short list; in a bulk query every item at once."""
    if info.context.bulk and args.get("first") is None:
        return Connection(list(items), False, False, lambda node: "")
    return connect(
        items,
        first=args.get("first"),
        last=args.get("last"),
        after=args.get("after"),
        before=args.get("before"),
        reverse=bool(args.get("reverse")),
        number=number or number_of,
    )


def pages(attribute: str) -> Resolver:
    """A resolver of a connection over a list attribute."""

    def resolve(thing: Any, info: GraphQLResolveInfo, **args: Any) -> Connection:
        return page(getattr(thing, attribute), info, args)

    return resolve


def some(attribute: str) -> Resolver:
    """A resolver of a plain list with an optional ``first``."""

    def resolve(thing: Any, info: GraphQLResolveInfo, first: int | None = None) -> Any:
        items = getattr(thing, attribute)
        return items if first is None else items[: max(0, first)]

    return resolve


def amount(attribute: str) -> Resolver:
    """A resolver of a MoneyBag over a minor-unit attribute of an order."""

    def resolve(order: Order, info: GraphQLResolveInfo) -> Any:
        return order.money(getattr(order, attribute))

    return resolve


def shipping_line(order: Order, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The one line of shipping that an order has."""
    price = order.money(order.shipping_minor)
    return {
        "id": f"gid://shopify/ShippingLine/{order.number_id}",
        "title": order.shipping_title,
        "code": order.shipping_title,
        "originalPriceSet": price,
        "discountedPriceSet": price,
    }
