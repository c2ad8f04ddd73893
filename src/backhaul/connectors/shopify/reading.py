"""Reads of several calls: an order or return whose lists go on is read to its end before anybody maps it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from backhaul.connectors.shopify import mapping, wire
from backhaul.connectors.shopify.client import Client
from backhaul.ports.connector import ShopInfo
from backhaul.ports.errors import NeedsReauth, Refused, WireDrift

_TRANSACTIONS, _REFUNDS = 4, 3  # as many as the hot read asks for; lists without a cursor
_MOST_TRANSACTIONS, _MOST_REFUNDS = 100, 250
_MOST_PAGES = 100
NEEDED_SCOPES = ("read_orders", "write_orders", "read_returns", "write_returns")
_TOLERATED = ("variant",)  # null without read_products

T = TypeVar("T")


async def order(client: Client, order_id: str) -> tuple[wire.Order, list[wire.Returnable]] | None:
    """An order and what of it can still be returned, complete; None when it is not there."""
    try:
        read, _ = await client.read("order", {"id": order_id}, wire.OrderRead, tolerate=_TOLERATED)
    except Refused as error:
        if error.code == "RESOURCE_NOT_FOUND":
            return None
        raise
    found = read.order
    if found is None:
        return None
    transactions, refunds = await _money(client, found)
    returns = await _rest(
        client, "order_returns", order_id, found.returns, wire.Page[wire.Return], ("order", "returns")
    )
    whole = msgspec.structs.replace(
        found,
        line_items=await _rest(
            client, "order_lines", order_id, found.line_items, wire.Page[wire.LineItem], ("order", "lineItems")
        ),
        transactions=transactions,
        refunds=refunds,
        returns=wire.Page([await _whole_return(client, each) for each in returns.nodes]),
    )
    return whole, await _returnable(client, order_id, read.returnable_fulfillments or wire.Page([]))


async def _money(client: Client, found: wire.Order) -> tuple[list[wire.Transaction], list[wire.Refund]]:
    transactions, refunds = found.transactions, found.refunds
    if len(transactions) >= _TRANSACTIONS or len(refunds) >= _REFUNDS:
        read, _ = await client.read("order_money", {"id": found.id}, dict[str, Money | None])
        money = read.get("order")
        if money is None:
            raise WireDrift("an order that was there is gone while it is read")
        if len(money.transactions) >= _MOST_TRANSACTIONS or len(money.refunds) >= _MOST_REFUNDS:
            raise WireDrift(f"{found.name} has more transactions or refunds than can be read")
        transactions = money.transactions
        known = {each.id: each for each in refunds}
        refunds = [known.get(each.id) or await _refund(client, each.id) for each in money.refunds]
    return transactions, [await _whole_refund(client, each) for each in refunds]


class Money(wire.Wire, frozen=True):
    """The order's payments, and the ids of its refunds."""

    transactions: list[wire.Transaction]
    refunds: list[wire.Named]


async def _refund(client: Client, refund_id: str) -> wire.Refund:
    read, _ = await client.read("refund", {"id": refund_id}, dict[str, wire.Refund | None])
    found = read.get("refund")
    if found is None:
        raise WireDrift(f"the order names a refund {refund_id} that is not there")
    return found


async def _whole_refund(client: Client, refund: wire.Refund) -> wire.Refund:
    lines = await _rest(
        client,
        "refund_lines",
        refund.id,
        refund.refund_line_items,
        wire.Page[wire.RefundLine],
        ("refund", "refundLineItems"),
    )
    return msgspec.structs.replace(refund, refund_line_items=lines)


async def _whole_return(client: Client, read: wire.Return) -> wire.Return:
    lines = await _rest(
        client,
        "return_lines",
        read.id,
        read.return_line_items,
        wire.Page[wire.ReturnLine],
        ("return", "returnLineItems"),
    )
    reverse = await _rest(
        client,
        "return_reverse_orders",
        read.id,
        read.reverse_fulfillment_orders,
        wire.Page[wire.ReverseOrder],
        ("return", "reverseFulfillmentOrders"),
    )
    whole = [await _whole_reverse_order(client, each) for each in reverse.nodes]
    return msgspec.structs.replace(read, return_line_items=lines, reverse_fulfillment_orders=wire.Page(whole))


async def _whole_reverse_order(client: Client, read: wire.ReverseOrder) -> wire.ReverseOrder:
    name = "reverseFulfillmentOrder"
    lines = await _rest(
        client, "reverse_lines", read.id, read.line_items, wire.Page[wire.ReverseLine], (name, "lineItems")
    )
    deliveries = await _rest(
        client,
        "reverse_deliveries",
        read.id,
        read.reverse_deliveries,
        wire.Page[wire.Delivery],
        (name, "reverseDeliveries"),
    )
    return msgspec.structs.replace(read, line_items=lines, reverse_deliveries=deliveries)


async def _returnable(client: Client, order_id: str, first: wire.Page[wire.Returnable]) -> list[wire.Returnable]:
    pages = await _rest(client, "returnable", order_id, first, wire.Page[wire.Returnable], ("returnableFulfillments",))
    whole = []
    for each in pages.nodes:
        lines = await _rest(
            client,
            "returnable_lines",
            each.id,
            each.returnable_fulfillment_line_items,
            wire.Page[wire.ReturnableLine],
            ("returnableFulfillment", "returnableFulfillmentLineItems"),
        )
        whole.append(msgspec.structs.replace(each, returnable_fulfillment_line_items=lines))
    return whole


async def _rest(
    client: Client, file: str, owner: str, first: wire.Page[T], shape: type[wire.Page[T]], path: tuple[str, ...]
) -> wire.Page[T]:
    """The first page with all further ones behind it, read by the owner's id."""

    async def more(after: str) -> wire.Page[T]:
        read, _ = await client.read(file, {"id": owner, "after": after}, dict[str, msgspec.Raw], tolerate=_TOLERATED)
        raw = read[path[0]]
        for part in path[1:]:
            raw = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])[part]
        return msgspec.json.decode(raw, type=shape)

    if not first.page_info.has_next_page:
        return first
    try:
        return await _all(first, more)
    except (KeyError, msgspec.ValidationError) as error:
        raise WireDrift(f"{file}: {error}") from error


async def _all(first: wire.Page[T], more: Callable[[str], Awaitable[wire.Page[T]]]) -> wire.Page[T]:
    nodes, page = list(first.nodes), first
    for _ in range(_MOST_PAGES):
        if not page.page_info.has_next_page:
            return wire.Page(nodes)
        if not page.page_info.end_cursor:
            raise WireDrift("a list that goes on names no cursor")
        page = await more(page.page_info.end_cursor)
        nodes += page.nodes
    raise WireDrift("a list that does not end")


# -- the shop


class Reason(wire.Wire, frozen=True):
    """A return reason definition."""

    id: str
    handle: str
    deleted: bool = False


class Place(wire.Wire, frozen=True):
    """A location."""

    id: str
    name: str


class Hook(wire.Wire, frozen=True):
    """A webhook subscription."""

    id: str
    uri: str
    topic: str


class Changed(wire.Wire, frozen=True):
    """An order of a scan."""

    id: str
    updated_at: str


class Shop(wire.Wire, frozen=True):
    """The shop itself."""

    id: str
    name: str
    myshopify_domain: str
    currency_code: str
    iana_timezone: str


class Scope(wire.Wire, frozen=True):
    """A right that the app was given."""

    handle: str


class Installation(wire.Wire, frozen=True):
    """Our app in the shop."""

    access_scopes: list[Scope]


class ShopRead(wire.Wire, frozen=True):
    """Answer of the shop query."""

    shop: Shop
    current_app_installation: Installation


async def reasons(client: Client) -> tuple[tuple[str, str], ...]:
    """All definitions in use (id, handle)."""

    async def page(after: str | None) -> wire.Page[Reason]:
        read, _ = await client.read("reasons", {"after": after}, dict[str, wire.Page[Reason]])
        return _only(read)

    found = await _all(await page(None), page)
    return tuple((each.id, each.handle) for each in found.nodes if not each.deleted)


async def locations(client: Client) -> tuple[tuple[str, str], ...]:
    """All locations (id, name)."""

    async def page(after: str | None) -> wire.Page[Place]:
        read, _ = await client.read("locations", {"after": after}, dict[str, wire.Page[Place]])
        return _only(read)

    found = await _all(await page(None), page)
    return tuple((each.id, each.name) for each in found.nodes)


async def subscriptions(client: Client) -> tuple[Hook, ...]:
    """Our app's webhook subscriptions."""

    async def page(after: str | None) -> wire.Page[Hook]:
        read, _ = await client.read("subscriptions", {"after": after}, dict[str, wire.Page[Hook]])
        return _only(read)

    found = await _all(await page(None), page)
    return tuple(found.nodes)


def _only(read: dict[str, wire.Page[T]]) -> wire.Page[T]:
    if len(read) != 1:
        raise WireDrift("one list was asked for")
    return next(iter(read.values()))


async def changed_orders(client: Client, since: int, cursor: str) -> tuple[tuple[str, ...], str]:
    """A page of ids, oldest change first. A search that ignores the date is no answer to the question."""
    read, warnings = await client.read(
        "changed_orders",
        {"query": f"updated_at:>='{mapping.iso(since)}'", "after": cursor or None},
        dict[str, wire.Page[Changed]],
    )
    if warnings:
        raise WireDrift(f"the search left out {warnings[0].field}: {warnings[0].message}")
    page = _only(read)
    ids = tuple(each.id for each in page.nodes if mapping.unix(each.updated_at) >= since)
    return ids, (page.page_info.end_cursor or "") if page.page_info.has_next_page else ""


async def shop(client: Client) -> ShopInfo:
    """The shop that the login opens; Shopify sells to any market, so none is named. Raises NeedsReauth when a right
    is missing without which nothing works."""
    read, _ = await client.read("shop", {}, ShopRead)
    granted = {each.handle for each in read.current_app_installation.access_scopes}
    granted |= {each.replace("write_", "read_", 1) for each in granted if each.startswith("write_")}
    missing = tuple(each for each in NEEDED_SCOPES if each not in granted)
    if missing:
        raise NeedsReauth(f"the app lacks the rights {', '.join(missing)}", missing)
    return ShopInfo(
        id=read.shop.id,
        key=read.shop.myshopify_domain,
        name=read.shop.name,
        market="",
        currency=read.shop.currency_code,
        time_zone=read.shop.iana_timezone,
    )
