"""Orders as a connector would have made them in the shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .model import Fulfillment, FulfillmentLineItem, LineItem, Order, Transaction
from .money import plain
from .shop import ShopState
from .things import Address, Attribute

TIKTOK_GATEWAY = "TikTok Shop"


@dataclass(slots=True)
class LineSeed:
    """One order line. ``tax_minor`` and ``discount_minor`` are for the whole line; ``sku`` None makes a custom line."""

    sku: str | None
    title: str
    quantity: int = 1
    unit_price_minor: int = 0
    tax_minor: int = 0
    fulfilled: bool = True
    barcode: str | None = None
    discount_minor: int = 0


@dataclass(slots=True)
class OrderSeed:
    """One order. ``created_at`` is unix seconds, None is now. ``gateway`` None means there is no transaction.

    ``exchange_rate`` is shop currency for one unit of ``currency``; it only matters when the two differ.
    """

    lines: Sequence[LineSeed]
    name: str | None = None
    tags: Sequence[str] = ()
    note: str | None = None
    custom_attributes: dict[str, str] = field(default_factory=dict)
    source_name: str | None = None
    source_identifier: str | None = None
    currency: str | None = None
    exchange_rate: str = "1"
    created_at: float | None = None
    gateway: str | None = TIKTOK_GATEWAY
    shipping_minor: int = 0
    zip: str | None = None
    country: str = "US"
    buyer: str | None = None
    email: str | None = None
    address1: str | None = None
    city: str | None = None
    province: str | None = None
    phone: str | None = None
    paid_minor: int | None = None
    """What was received, when it is not the order's total."""


def build(shop: ShopState, seed: OrderSeed) -> Order:
    """Makes the order, its payment and its fulfilment, and enters all of it into the shop."""
    if not seed.lines:
        raise ValueError("an order needs at least one line")
    now = shop.now() if seed.created_at is None else seed.created_at
    number, ids = shop.next_order_number, shop.ids
    shop.next_order_number += 1
    order = Order(
        ids.next(),
        shop,
        seed.name if seed.name is not None else f"#{number}",
        number,
        created_at=now,
        processed_at=now,
        updated_at=now,
        tags=sorted(seed.tags, key=str.lower),
        note=seed.note,
        custom_attributes=[Attribute(key, value) for key, value in seed.custom_attributes.items()],
        source_name=seed.source_name,
        source_identifier=seed.source_identifier,
        email=seed.email,
        presentment_currency_code=seed.currency or shop.currency,
        rate=Decimal(seed.exchange_rate),
        shipping_address=Address(
            ids.next(),
            name=seed.buyer,
            address1=seed.address1,
            city=seed.city,
            province=seed.province,
            zip=seed.zip,
            country_code_v2=seed.country,
            phone=seed.phone,
        ),
        shipping_minor=seed.shipping_minor,
    )
    shop.keep(order)
    for each in seed.lines:
        order.lines.append(shop.keep(_line(shop, order, each)))
    if seed.gateway is not None:
        paid = order.total_minor if seed.paid_minor is None else seed.paid_minor
        sale = Transaction(ids.next(), order, "SALE", seed.gateway, paid, now, now)
        order.transactions.append(shop.keep(sale))
    shipped = [(line, line.quantity) for line, each in zip(order.lines, seed.lines, strict=True) if each.fulfilled]
    if shipped:
        fulfil(shop, order, shipped, now)
    return order


def _line(shop: ShopState, order: Order, seed: LineSeed) -> LineItem:
    if seed.quantity < 1:
        raise ValueError("a line needs a quantity of at least 1")
    price = plain(seed.unit_price_minor, order.presentment_currency_code)
    variant = shop.variant(seed.sku, seed.title, seed.barcode, price) if seed.sku else None
    return LineItem(
        shop.ids.next(),
        order,
        seed.sku,
        seed.title,
        seed.quantity,
        seed.unit_price_minor,
        seed.tax_minor,
        seed.discount_minor,
        variant,
        [],
    )


def fulfil(shop: ShopState, order: Order, lines: Sequence[tuple[LineItem, int]], at: float) -> Fulfillment:
    """Ships units of an order's lines as one fulfilment."""
    name = f"{order.name}-F{len(order.fulfillment_list) + 1}"
    made = Fulfillment(shop.ids.next(), order, name, shop.location(), created_at=at, updated_at=at)
    for line, quantity in lines:
        if quantity < 1 or quantity > line.unfulfilled_quantity:
            raise ValueError(f"{quantity} of {line.sku} can not be shipped, {line.unfulfilled_quantity} are waiting")
        line.fulfilled += quantity
        made.lines.append(shop.keep(FulfillmentLineItem(shop.ids.next(), made, line, quantity)))
    order.fulfillment_list.append(shop.keep(made))
    return made
