"""Replacements and exchanges: what is sent instead, whether it is in stock, and the new order that carries it."""

from __future__ import annotations

from collections import Counter

from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.model import Line, Order, Product, Return
from backhaul.simulator.tiktok.sales import Sales, Unit
from backhaul.simulator.tiktok.world import World


def other_variant(order: Order, line: Line) -> Product:
    """What a buyer exchanges a unit for when nothing is said: another variant of it, or the same once more."""
    same = line.product
    variants = [item for item in order.shop.catalogue if item.product_id == same.product_id and item is not same]
    return variants[0] if variants else same


def goods(case: Return) -> list[Product]:
    """What would be sent instead of the units of a case, unit by unit."""
    return list(case.exchange_for) or [item.line.product for item in case.lines]


def in_stock(case: Return) -> bool:
    """Whether all of it is there; cases that send nothing are never short of anything."""
    if case.type not in (states.REPLACEMENT, states.EXCHANGE):
        return True
    by_sku = {product.sku_id: product for product in goods(case)}
    wanted = Counter(product.sku_id for product in goods(case))
    return all(by_sku[sku_id].stock >= count for sku_id, count in wanted.items())


def send(world: World, sales: Sales, case: Return) -> Order:
    """Places the order that sends the goods; nothing is paid for it, and the stock shrinks."""
    for product in goods(case):
        world.stock_changed(case.shop, product, product.stock - 1)
    exchanged = case.type == states.EXCHANGE
    return sales.place(
        case.shop,
        [Unit(product, 0, tax=0) for product in goods(case)],
        status="AWAITING_SHIPMENT",
        shipping_fee=0,
        replaces=None if exchanged else case.order,
        exchange_of=case.order if exchanged else None,
        buyer=case.order.buyer,
    )
