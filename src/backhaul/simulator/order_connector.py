"""The merchant's order connector, simulated: copies orders of the channel into the commerce system after a while.

Connectors differ in where they write the channel's order id; `STYLES` has every place they are known to use. Like the
real ones it is not perfect: by its options it changes SKUs, forgets orders or brings them late.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.kinds import checked
from backhaul.simulator.shopify import LineSeed, OrderSeed, ShopifyWorld
from backhaul.simulator.tiktok.channel import Channel
from backhaul.simulator.tiktok.model import Line, Order

_SHIPPED = frozenset({"IN_TRANSIT", "DELIVERED", "COMPLETED"})

STYLES: dict[str, Callable[[str], dict[str, Any]]] = {
    "source_identifier": lambda order_id: {"source_identifier": order_id},
    "name": lambda order_id: {"name": order_id},
    "name_prefix": lambda order_id: {"name": f"TTOK{order_id}"},
    "name_suffix": lambda order_id: {"name": f"#{order_id}-TTS"},
    "tag": lambda order_id: {"tags": ("TikTok Shop", order_id)},
    "tag_text": lambda order_id: {"tags": ("TikTok Shop", f"TikTokOrderID:{order_id}")},
    "note": lambda order_id: {"note": f"Imported from TikTok Shop, order {order_id}."},
    "note_text": lambda order_id: {"note": f"TikTokOrderID:{order_id}"},
    "note_attribute": lambda order_id: {"custom_attributes": {"TikTok Order Number": order_id}},
}


@dataclass(slots=True)
class Habits:
    """How one shop's connector works. `style` is a key of STYLES or `mixed`; delays in virtual seconds."""

    style: str = "mixed"
    delay_seconds: float = 20.0
    wrong_sku_share: float = 0.0
    missing_share: float = 0.0
    late_share: float = 0.0
    late_seconds: float = 6 * 3600.0
    gateway: str | None = "TikTok Shop"
    external_references: bool = False

    def __post_init__(self) -> None:
        if self.style != "mixed" and self.style not in STYLES:
            raise ValueError(f"unknown style {self.style!r}; known: mixed, {', '.join(STYLES)}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Habits:
        """From the control API or a file. Raises ValueError for a name or a value that makes no sense."""
        return cls(**checked(cls, values))


class OrderConnector:
    """Listens to new orders of the channel and brings them over."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, channel: Channel, commerce: ShopifyWorld) -> None:
        self._clock = clock
        self._rng = rng
        self._channel = channel
        self._commerce = commerce
        self.copies: dict[str, Any] = {}
        self.planned: dict[str, tuple[float, str, bool, Habits]] = {}
        self._mixed = 0
        self.habits: dict[str, Habits] = {}
        self.suspended = False
        channel.world.order_created.append(self.order_created)
        channel.world.order_moved.append(self.order_moved)

    def order_created(self, order: Order) -> None:
        """A new order: it is copied after the connector's delay, when the shop has a commerce system at all."""
        if self.suspended or order.shop.commerce_domain is None or order.status in ("UNPAID", "ON_HOLD"):
            return
        self.plan(order, self.habits.get(order.shop.id, Habits()))

    def order_moved(self, order: Order) -> None:
        """Paid orders are copied, shipped ones fulfilled."""
        if order.id not in self.copies:
            if order.status == "AWAITING_SHIPMENT":
                self.order_created(order)
            return
        copy = self.copies[order.id]
        if order.status in _SHIPPED and any(line.unfulfilled_quantity > 0 for line in copy.lines):
            self._commerce.fulfil(copy)

    def plan(self, order: Order, habits: Habits) -> None:
        """Decides what becomes of one order: forgotten, late, or copied in time."""
        if self._struck(habits.missing_share):
            return
        late = habits.late_seconds if self._struck(habits.late_share) else 0.0
        wrong_sku = self._struck(habits.wrong_sku_share)
        style = self._style(habits)
        self.copy_later(order, style, habits.delay_seconds + late, wrong_sku=wrong_sku, habits=habits)

    def copy_later(self, order: Order, style: str, delay: float, *, wrong_sku: bool, habits: Habits) -> None:
        """Copies an order after so many virtual seconds; at once when there are none."""
        if delay <= 0:
            self.copy(order, style, wrong_sku=wrong_sku, habits=habits)
            return
        self.planned[order.id] = (self._clock.now() + delay, style, wrong_sku, habits)
        self._clock.after(delay, lambda: self.copy(order, style, wrong_sku=wrong_sku, habits=habits))

    def copy(self, order: Order, style: str, *, wrong_sku: bool = False, habits: Habits | None = None) -> str | None:
        """Copies an order now. Returns the id in the commerce system, None when the order is cancelled or there."""
        habits = habits or self.habits.get(order.shop.id, Habits())
        domain = order.shop.commerce_domain
        self.planned.pop(order.id, None)
        if domain is None:
            raise ValueError(f"shop {order.shop.id} has no commerce system")
        if order.id in self.copies or order.status == "CANCELLED":
            return None
        groups = _group(order.lines)
        seed = OrderSeed(
            lines=[self._line(units, wrong_sku and number == 0, order) for number, units in enumerate(groups)],
            source_name="tiktok",
            currency=order.shop.currency,
            created_at=float(order.created_at),
            gateway=habits.gateway,
            shipping_minor=order.shipping_fee,
            zip=order.buyer.postal_code,
            country=order.shop.market.region,
            buyer=f"{order.buyer.first_name} {order.buyer.last_name}",
            email=order.buyer.email,
            address1=order.buyer.street,
            city=order.buyer.city,
            province=order.buyer.state,
            phone=order.buyer.phone,
            **STYLES[style](order.id),
        )
        made = self._commerce.create_order(domain, seed)
        self.copies[order.id] = made
        if habits.external_references or order.shop.switches.external_references:
            pairs = [
                {"id": str(line.number_id), "origin_id": unit.id}
                for line, units in zip(made.lines, groups, strict=True)
                for unit in units
            ]
            self._channel.orders.link(order, str(made.number_id), "SHOPIFY", pairs)
        return str(made.id)

    def copy_of(self, order_id: str) -> str | None:
        """The commerce id of a copied order."""
        made = self.copies.get(order_id)
        return None if made is None else str(made.id)

    def name_of(self, order_id: str) -> str | None:
        """The name of a copied order, as people and the returns desk know it."""
        made = self.copies.get(order_id)
        return None if made is None else str(made.name)

    def _line(self, units: list[Line], wrong_sku: bool, order: Order) -> LineSeed:
        product = units[0].product
        sku = f"OLD-{product.seller_sku}" if wrong_sku else product.seller_sku
        return LineSeed(
            sku,
            product.title,
            len(units),
            units[0].sale_price,
            sum(unit.tax for unit in units),
            fulfilled=order.status in _SHIPPED,
        )

    def _style(self, habits: Habits) -> str:
        if habits.style != "mixed":
            return habits.style
        self._mixed += 1
        return list(STYLES)[self._mixed % len(STYLES)]

    def _struck(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share


def _group(lines: list[Line]) -> list[list[Line]]:
    """Units of the same SKU and price are one line with a quantity there."""
    groups: dict[tuple[str, int], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.product.sku_id, line.sale_price), []).append(line)
    return list(groups.values())
