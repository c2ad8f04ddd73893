"""Exchange lines: what the buyer gets in return. They become lines of the order when the return is processed."""

from __future__ import annotations

from typing import Any

from . import choosing
from .act import Act
from .errors import refuse
from .ids import gid
from .model import LineItem, Order
from .money import to_minor
from .returning import ExchangeLine, Return
from .things import Variant


def check(act: Act, order: Order, lines: list[dict[str, Any]], root: list[str]) -> list[tuple[Variant, int, int]]:
    """ExchangeLineItemInput: each line's variant, quantity, and discount of all its pieces. May be refused."""
    found: list[tuple[Variant, int, int]] = []
    for place, line in enumerate(lines):
        at = [*root, str(place)]
        # [inferred]: the texts of these refusals were not recorded.
        variant: Variant | None = act.shop.find("ProductVariant", line.get("variantId") or "")
        if variant is None:
            raise refuse([*at, "variantId"], "Product variant was not found.", "NOT_FOUND")
        if line["quantity"] < 1:
            raise refuse([*at, "quantity"], "Quantity must be greater than 0", "GREATER_THAN")
        worth = to_minor(variant.price, order.presentment_currency_code) * line["quantity"]
        found.append((variant, line["quantity"], _discount(order, line, worth, at)))
    return found


def _discount(order: Order, line: dict[str, Any], worth: int, at: list[str]) -> int:
    given = (line.get("appliedDiscount") or {}).get("value")
    if given is None:
        return 0
    percentage, money = given.get("percentage"), given.get("amount")
    if (percentage is None) == (money is None):
        raise refuse([*at, "appliedDiscount", "value"], "Exactly one of amount and percentage is required", "INVALID")
    if percentage is not None:
        if not 0 <= percentage <= 100:
            raise refuse([*at, "appliedDiscount"], "Percentage must lie between 0 and 100", "INVALID")
        return round(worth * float(percentage) / 100)
    try:
        amount: int = to_minor(given["amount"]["amount"], order.presentment_currency_code) * line["quantity"]
    except ValueError as error:
        raise refuse([*at, "appliedDiscount"], "Amount is invalid", "INVALID") from error
    if not 0 <= amount <= worth:
        raise refuse([*at, "appliedDiscount"], "Discount is greater than the price", "INVALID")
    return amount


def add(act: Act, made: Return, checked: list[tuple[Variant, int, int]]) -> None:
    """Puts checked lines into a return."""
    for variant, quantity, discount in checked:
        each = ExchangeLine(act.shop.ids.next(), made, variant, quantity, discount)
        made.exchange_lines.append(act.shop.keep(each))


def chosen(each: Return, inputs: list[dict[str, Any]], root: list[str], name: str) -> list[tuple[ExchangeLine, int]]:
    """Exchange lines of a return by id with quantities that are not processed yet. May be refused."""
    lines = each.exchange_lines
    return choosing.chosen(lines, inputs, root, name, lambda line: line.unprocessed_quantity, "Exchange line item")


def process(act: Act, picked: list[tuple[ExchangeLine, int]]) -> None:
    """The lines become lines of the order, waiting to be sent out."""
    for line, quantity in picked:
        order = line.return_.order
        made = LineItem(
            act.shop.ids.next(),
            order,
            line.variant.sku,
            line.variant.title,
            quantity,
            line.unit_price_minor,
            0,
            line.discount_of(line.processed_quantity, quantity),
            line.variant,
            [],
            exchange_line=line,
        )
        line.processed_quantity += quantity
        line.made.append(made)
        order.lines.append(act.shop.keep(made))
        order.edited = True


def worth(picked: list[tuple[ExchangeLine, int]]) -> int:
    """What the buyer owes for exchange lines after their discounts."""
    return sum(
        line.unit_price_minor * quantity - line.discount_of(line.processed_quantity, quantity)
        for line, quantity in picked
    )


def fulfilment_orders(order: Order) -> list[dict[str, Any]]:
    """What waits to be sent out or was: one for the order as it was placed, one for each processed exchange line."""
    groups: dict[int, list[LineItem]] = {}
    for item in order.lines:
        groups.setdefault(order.number_id if item.exchange_line is None else item.number_id, []).append(item)
    owes = order.total_minor > order.received_minor and order.received_minor > 0
    return [_fulfilment_order(order, number, items, owes) for number, items in groups.items()]


def _fulfilment_order(order: Order, number: int, items: list[LineItem], owes: bool) -> dict[str, Any]:
    waiting = sum(item.unfulfilled_quantity for item in items)
    if waiting == 0:
        status = "CLOSED" if any(item.fulfilled for item in items) else "CANCELLED"
    elif items[0].exchange_line is not None and owes:
        status = "ON_HOLD"
    else:
        status = "IN_PROGRESS" if any(item.fulfilled for item in items) else "OPEN"
    holds: list[dict[str, Any]] = []
    if status == "ON_HOLD":
        reason = {"reason": "AWAITING_PAYMENT", "displayReason": "Awaiting payment", "reasonNotes": None}
        holds.append({"id": gid("FulfillmentHold", number), **reason})
    return {
        "id": gid("FulfillmentOrder", number),
        "number": number,
        "status": status,
        "requestStatus": "UNSUBMITTED",
        "order": order,
        "orderId": order.id,
        "orderName": order.name,
        "orderProcessedAt": order.processed_at,
        "createdAt": order.created_at,
        "updatedAt": order.updated_at,
        "fulfillmentHolds": holds,
        "rows": [
            {
                "id": gid("FulfillmentOrderLineItem", item.number_id),
                "number": item.number_id,
                "lineItem": item,
                "sku": item.sku,
                "productTitle": item.title,
                "totalQuantity": item.quantity - item.cancelled,
                "remainingQuantity": item.unfulfilled_quantity,
                "requiresShipping": item.requires_shipping,
            }
            for item in items
        ],
    }
