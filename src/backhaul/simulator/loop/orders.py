"""Orders as the desk sees them: looked up by name and a second input, piece by piece, with what may come back."""

from __future__ import annotations

from itertools import islice
from typing import Any

from backhaul.simulator.loop.model import CANCELLED, Desk, DeskOrder, Unit
from backhaul.simulator.shopify import ShopifyWorld
from backhaul.simulator.shopify.model import LineItem, Order

_DAY = 86400


class Orders:
    """Reads the store that a desk is connected to, and the orders that were pushed to the desk."""

    def __init__(self, commerce: ShopifyWorld) -> None:
        self._commerce = commerce

    def named(self, desk: Desk, name: str) -> DeskOrder | None:
        """The order of this name, with or without its number sign."""
        for each in (name, f"#{name}"):
            number = self._number_of(desk, each)
            if number is not None:
                return self.of_store(desk, number)
        pushed = next((id_ for id_, body in desk.pushed.items() if body.get("name") in (name, f"#{name}")), None)
        return None if pushed is None else self.of_push(desk, pushed)

    def looked_up(self, desk: Desk, name: str, second: str) -> DeskOrder | None:
        """The order of this name when the second input fits too, as the shop wants it."""
        order = self.named(desk, name)
        return order if order is not None and _fits(desk.settings.lookup, order, second) else None

    def of_store(self, desk: Desk, number: int) -> DeskOrder:
        """An order of the store. Raises LookupError."""
        found: Order | None = self._commerce.shops[desk.domain].orders.get(number)
        if found is None:
            raise LookupError(f"no order {number} in {desk.domain}")
        address = found.shipping_address
        return DeskOrder(
            desk.order_id(number),
            found.name,
            found.presentment_currency_code,
            found.created_at,
            [unit for line in found.lines for unit in _units(desk, line)],
            number_id=number,
            number=found.number,
            email=found.email,
            phone=address.phone if address is not None else None,
            zip=address.zip if address is not None else None,
            country=(address.country_code_v2 if address is not None else None) or "",
            buyer=address.name if address is not None else None,
            tags=tuple(found.tags),
            taxes_included=found.taxes_included,
        )

    def of_push(self, desk: Desk, order_id: int) -> DeskOrder:
        """An order that was pushed. Only its pieces count here; nothing is paid back anywhere for it."""
        body = desk.pushed[order_id]
        address = body.get("shipping_address") or {}
        units: list[Unit] = []
        for place, line in enumerate(body.get("line_items") or []):
            for piece in range(int(line.get("quantity", 1))):
                unit_id = desk.unit_id(
                    -order_id * 1000 - place, piece
                )  # negative: no line of a store has such a number
                price, sku = int((line.get("price") or {}).get("amount", 0)), str(line.get("sku") or "")
                title = str(line.get("title") or sku)
                units.append(Unit(unit_id, sku, title, price, 0, 0, None, desk.shop_id, desk.shop_id))
        return DeskOrder(
            order_id,
            str(body.get("name") or ""),
            str((body.get("total_price") or {}).get("currency_code") or desk.currency),
            float(body["received_at"]),
            units,
            external_id=body.get("external_id"),
            zip=address.get("postal_code"),
            country=str(address.get("country_code") or ""),
            buyer=address.get("name"),
            taxes_included=bool(body.get("taxes_included", False)),
        )

    def again(self, desk: Desk, order: DeskOrder) -> DeskOrder:
        """The order as it is now."""
        return self.of_push(desk, order.id) if order.number_id is None else self.of_store(desk, order.number_id)

    def ineligible(self, desk: Desk, order: DeskOrder, now: float) -> dict[int, str]:
        """Why single pieces can not come back, by the piece's id; a piece that is not named can."""
        found: dict[int, str] = {}
        used = {
            line.unit.id
            for return_id in desk.returns_of_order.get(order.id, ())
            if desk.returns[return_id].state != CANCELLED
            for line in desk.returns[return_id].staying
        }
        room = self._room(desk, order)
        for unit in order.units:
            if unit.id in used:
                found[unit.id] = "already-returned"
            elif not unit.shipped:
                found[unit.id] = "not-fulfilled"
            elif unit.provider_line_id is not None:
                if room[unit.provider_line_id] <= 0:
                    found[unit.id] = "already-returned"
                room[unit.provider_line_id] -= 1
        if applies(desk, order):
            for unit in order.units:
                code = _rule(desk, order, unit, now)
                if code:
                    found.setdefault(unit.id, code)
        return found

    def _room(self, desk: Desk, order: DeskOrder) -> dict[int, int]:
        if order.number_id is None:
            return {}
        store = self._commerce.shops[desk.domain].orders[order.number_id]
        room = {line.number_id: 0 for line in store.lines}
        for fulfilment in store.fulfillment_list:
            for item in fulfilment.lines:
                room[item.line_item.number_id] += store.returnable(item)
        return room

    def _number_of(self, desk: Desk, name: str) -> int | None:
        orders = self._commerce.shops[desk.domain].orders
        known = desk.names
        if len(known) < len(orders):
            # Orders are only added, and keep their order; two of one name would count once, so all are read again then.
            for order in islice(orders.values(), len(known), None):
                known[order.name] = order.number_id
        return known.get(name)


def applies(desk: Desk, order: DeskOrder) -> bool:
    """Whether the merchant's workflows touch this order."""
    tag = desk.settings.rules_for_tag.lower()
    return not tag or tag in (each.lower() for each in order.tags)


def _rule(desk: Desk, order: DeskOrder, unit: Unit, now: float) -> str:
    settings = desk.settings
    if unit.sku in settings.final_sale_skus:
        return "final-sale"
    # [inferred]: of these words the vendor's pages show only "final-sale".
    if now - order.created_at > settings.window_days * _DAY:
        return "outside-return-window"
    if order.total < settings.minimum_value_minor:
        return "below-minimum-order-value"
    return ""


def _units(desk: Desk, line: LineItem) -> list[Unit]:
    variant = line.variant
    made: list[Unit] = []
    for piece in range(line.quantity):
        paid, tax = line.price_of(piece, 1)
        made.append(
            Unit(
                desk.unit_id(line.number_id, piece),
                line.sku or "",
                line.title,
                line.unit_price_minor,
                line.unit_price_minor - paid,
                tax,
                line.number_id,
                # The simulated store has variants only; the desk wants the product as well.
                (variant.number_id if variant is not None else line.number_id) - 1,
                variant.number_id if variant is not None else line.number_id,
                variant.barcode if variant is not None else None,
                shipped=piece < line.fulfilled,
            )
        )
    return made


def _fits(lookup: str, order: DeskOrder, second: str) -> bool:
    known: dict[str, Any] = {
        "zip": _plain(order.zip),
        "email": (order.email or "").strip().lower(),
        "phone": _digits(order.phone),
    }
    given = {"zip": _plain(second), "email": second.strip().lower(), "phone": _digits(second)}
    wanted = tuple(known) if lookup == "any" else (lookup,)
    return any(known[name] and known[name] == given[name] for name in wanted)


def _plain(text: str | None) -> str:
    return (text or "").replace(" ", "").replace("-", "").upper()


def _digits(text: str | None) -> str:
    return "".join(filter(str.isdigit, text or ""))
