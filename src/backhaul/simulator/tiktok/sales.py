"""Orders: placing, shipping, delivering, completing, cancelling them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from backhaul.simulator import money
from backhaul.simulator.tiktok.model import Buyer, Line, Order, Product, Shop
from backhaul.simulator.tiktok.past import Past
from backhaul.simulator.tiktok.people import person
from backhaul.simulator.tiktok.world import World

_FLOW = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED")


@dataclass(slots=True)
class Unit:
    """One unit to be ordered. Amounts in minor units; prices left out are the catalogue's."""

    product: Product
    price: int | None = None
    seller_discount: int = 0
    platform_discount: int = 0
    tax: int | None = None


class Sales:
    """What buyers and the fulfilling warehouse do to orders."""

    def __init__(self, world: World) -> None:
        self._world = world

    def product(self, shop: Shop, seller_sku: str) -> Product:
        """The catalogue's product with this SKU, entered on the spot when it is new."""
        for product in shop.catalogue:
            if product.seller_sku == seller_sku:
                return product
        ids = self._world.ids
        price = shop.catalogue[0].price
        product = Product(ids.decimal("1729", 19), ids.decimal("1729", 19), seller_sku, seller_sku, "Default", price)
        shop.catalogue.append(product)
        return product

    def place(
        self,
        shop: Shop,
        units: Sequence[Unit],
        *,
        status: str = "DELIVERED",
        shipping_fee: int | None = None,
        created_at: int | None = None,
        shipping_type: str = "TIKTOK",
        fulfillment_type: str = "FULFILLMENT_BY_SELLER",
        replaces: Order | None = None,
        exchange_of: Order | None = None,
        buyer: Buyer | None = None,
        is_sample: bool = False,
    ) -> Order:
        """Places an order that already stands in `status`; earlier times are spread between its creation and now."""
        if status not in (*_FLOW, "CANCELLED"):
            raise ValueError(f"unknown order status {status!r}")
        if not units:
            raise ValueError("an order needs at least one unit")
        world, now = self._world, self._world.clock.seconds()
        age = {"IN_TRANSIT": 2, "DELIVERED": 5, "COMPLETED": 45}.get(status, 0) * 86400
        created = now - age if created_at is None else created_at
        fee = (499 if money.places(shop.currency) else 15000) if shipping_fee is None else shipping_fee
        source = replaces or exchange_of
        order = Order(
            id=world.ids.decimal("5766", 18),
            shop=shop,
            buyer=buyer or (source.buyer if source else person(shop, world.ids.decimal("7496", 19), world.rng)),
            lines=[self._line(shop, unit) for unit in units],
            shipping_fee=fee,
            shipping_tax=0,
            created_at=created,
            updated_at=created,
            status=status,
            shipping_type=shipping_type,
            fulfillment_type=fulfillment_type,
            delivery_option_id=self._option_id(shop),
            replaced_order_id=replaces.id if replaces else "",
            exchange_source_id=exchange_of.id if exchange_of else "",
            is_sample=is_sample,
        )
        self._date(order, now)
        for line in order.lines:
            line.status = status if status != "ON_HOLD" else "AWAITING_SHIPMENT"
        world.orders[order.id] = order
        world.by_buyer.setdefault(order.buyer.user_id, []).append(order.id)
        world.order_changed(order)
        self.schedule_completion(order)
        for listener in world.order_created:
            listener(order)
        return order

    def advance(self, order: Order, status: str) -> None:
        """Moves an order forward along its usual way. Raises ValueError when it cannot go there."""
        if order.status not in _FLOW or status not in _FLOW or _FLOW.index(status) <= _FLOW.index(order.status):
            raise ValueError(f"an order in {order.status} does not go to {status}")
        order.status = status
        for line in order.lines:
            if line.status != "CANCELLED":
                line.status = status
        self._date(order, self._world.clock.seconds(), moved=True)
        self._world.order_changed(order)
        self.schedule_completion(order)
        for listener in self._world.order_moved:
            listener(order)

    def cancel(self, order: Order, lines: Sequence[Line], user: str, reason: str) -> None:
        """Cancels lines; when none is left, the order."""
        for line in lines:
            line.status, line.cancel_user, line.cancel_reason = "CANCELLED", user, reason
        if all(line.status == "CANCELLED" for line in order.lines):
            order.status, order.cancelled_at = "CANCELLED", self._world.clock.seconds()
            order.cancel_user, order.cancel_reason = user, reason
        self._world.order_changed(order)

    def change_address(self, order: Order, **parts: str) -> None:
        """The buyer corrects where the order goes: `street`, `city`, `state`, `postal_code`, `phone`."""
        known = {"street", "city", "state", "postal_code", "phone"}
        if not parts or set(parts) - known:
            raise ValueError(f"give {', '.join(sorted(known))}")
        if order.status not in ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT"):
            raise ValueError(f"the address of an order in {order.status} stays as it is")
        order.buyer = replace(order.buyer, **parts)
        self._world.order_changed(order, tell=False)
        if not self._world.quiet:
            self._world.events.address_changed(order)

    def _date(self, order: Order, now: int, *, moved: bool = False) -> None:
        """Fills in when what has happened did: now for what an order moves on to, after the usual time for all that
        came before. Nothing lies in the future."""
        stage = _FLOW.index(order.status) if order.status in _FLOW else 2

        def at(step: int, usual: int) -> int:
            return now if moved and step == stage else min(now, usual)

        if stage >= 2 and not order.paid_at:
            order.paid_at = at(2, order.created_at + 60)
        if stage >= 3 and not order.package_id:
            shop = order.shop
            order.package_id = self._world.ids.decimal("1152", 19)
            self._world.order_of_package[order.package_id] = order.id
            order.provider_id = next(iter(shop.carriers))
            order.tracking_number = self._world.ids.decimal("9400", 22)
            for line in order.lines:
                line.package_id = order.package_id
        if stage >= 4 and not order.shipped_at:
            order.shipped_at = at(4, order.created_at + 86400)
            order.tracking_events.append((order.shipped_at, 30001, "The carrier has the parcel"))
        if stage >= 5 and not order.delivered_at:
            order.delivered_at = at(5, order.shipped_at + 3 * 86400)
            order.tracking_events.append((order.delivered_at, 30003, "Delivered"))
            self._world.journal(order.shop).delivered(order)
        if stage >= 6 and not order.completed_at:
            order.completed_at = at(6, order.delivered_at + order.shop.clocks.completed_after_delivery)

    def schedule_completion(self, order: Order) -> None:
        """Sets the clock after which a delivered order takes no more after-sales."""
        if order.timer is not None:
            order.timer.cancel()
            order.timer = None
        if order.status != "DELIVERED":
            return
        ends = order.delivered_at + order.shop.clocks.completed_after_delivery

        def complete() -> None:
            if order.status == "DELIVERED":
                self.advance(order, "COMPLETED")

        order.timer = self._world.clock.schedule(max(ends, self._world.clock.now() + 86400), complete)

    def open_past(self, past: Past) -> None:
        """Puts a past in force: its orders can be found, settled and completed when their time comes."""
        world, shop = self._world, past.shop
        world.orders.pasts.append(past)
        rows = past.rows()
        world.indexes[shop.id].orders.fill(rows)
        world.journal(shop).pasts.append(past)
        past.completed = sum(1 for row in rows if row[3] == "COMPLETED")
        self.watch_past(past)

    def watch_past(self, past: Past) -> None:
        """Sets the clock of the next past order to be completed; one clock serves them all."""
        if past.completed < past.count:
            at = float(past.completed_at(past.completed))
            self._world.clock.schedule(at, lambda: self._complete_past(past))

    def _complete_past(self, past: Past) -> None:
        while past.completed < past.count and past.completed_at(past.completed) <= self._world.clock.now():
            order = self._world.orders[past.orders.text(past.completed)]
            past.completed += 1
            if order.status == "DELIVERED":
                self.advance(order, "COMPLETED")
        self.watch_past(past)

    def _line(self, shop: Shop, unit: Unit) -> Line:
        price = unit.product.price if unit.price is None else unit.price
        net = price - unit.seller_discount - unit.platform_discount
        if net < 0:
            raise ValueError("discounts exceed the price")
        tax = round(net * shop.market.tax_percent / 100) if unit.tax is None else unit.tax
        ids = self._world.ids
        return Line(
            ids.decimal("5767", 18),
            unit.product,
            price,
            unit.seller_discount,
            unit.platform_discount,
            tax,
            component_ids=tuple(ids.decimal("5768", 18) for _ in unit.product.components),
        )

    @staticmethod
    def _option_id(shop: Shop) -> str:
        return shop.warehouse_id[:-1] + "1"


def units_from(sales: Sales, shop: Shop, lines: Sequence[dict[str, Any]]) -> list[Unit]:
    """Units of a control-API order: lines with `sku` and optionally `quantity`, `price`, discounts and `tax`."""
    units: list[Unit] = []
    for line in lines:
        product = sales.product(shop, str(line["sku"]))
        for _ in range(int(line.get("quantity", 1))):
            units.append(
                Unit(
                    product,
                    line.get("price"),
                    int(line.get("seller_discount", 0)),
                    int(line.get("platform_discount", 0)),
                    line.get("tax"),
                )
            )
    return units
