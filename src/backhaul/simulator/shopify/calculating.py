"""returnCalculate: what a return would come to. What goes back to the buyer is negative here."""

from __future__ import annotations

from typing import Any

from . import exchanges
from .act import Act
from .errors import refuse
from .ids import gid
from .model import FulfillmentLineItem, Order
from .money import to_minor


def calculate(act: Act, data: dict[str, Any]) -> dict[str, Any]:
    """A CalculatedReturn. Raises Refusal for what could not be returned so."""
    order = act.order(data["orderId"])
    if order is None:
        raise refuse(["input", "orderId"], "Order not found.", "NOT_FOUND")
    fee = data.get("returnShippingFee")
    number = order.number_id
    shipping = None
    if fee is not None:
        minor = to_minor(fee["amount"]["amount"], order.presentment_currency_code)
        shipping = {"id": gid("CalculatedReturnShippingFee", number), "amountSet": order.money(minor)}
    return {
        "id": gid("CalculatedReturn", number),
        "returnLineItems": _return_lines(act, order, data.get("returnLineItems") or []),
        "exchangeLineItems": _exchange_lines(act, order, data.get("exchangeLineItems") or []),
        "returnShippingFee": shipping,
    }


def _return_lines(act: Act, order: Order, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, line in enumerate(lines):
        at = ["input", "returnLineItems", str(place)]
        item: FulfillmentLineItem | None = act.shop.find("FulfillmentLineItem", line["fulfillmentLineItemId"])
        if item is None or item.fulfillment.order is not order:
            raise refuse([*at, "fulfillmentLineItemId"], "Fulfillment Line Item was not found.", "NOT_FOUND")
        if line["quantity"] < 1 or line["quantity"] > order.returnable(item):
            raise refuse([*at, "quantity"], "Return line item has an invalid quantity.", "INVALID")
        price, tax = item.line_item.price_of(item.line_item.refunded, line["quantity"])
        charge = line.get("restockingFee")
        found.append(
            {
                "id": None,
                "fulfillmentLineItem": item,
                "quantity": line["quantity"],
                "restockingFee": None
                if charge is None
                else {
                    "id": gid("CalculatedRestockingFee", item.number_id),
                    "percentage": charge["percentage"],
                    "amountSet": order.money(round(price * charge["percentage"] / 100)),
                },
                "subtotalBeforeOrderDiscountsSet": order.money(-price),
                "subtotalSet": order.money(-price),
                "totalTaxSet": order.money(-tax),
            }
        )
    return found


def _exchange_lines(act: Act, order: Order, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    checked = exchanges.check(act, order, lines, ["input", "exchangeLineItems"])
    shown = order.presentment_currency_code
    found: list[dict[str, Any]] = []
    for variant, quantity, discount in checked:
        unit = to_minor(variant.price, shown)
        worth = unit * quantity - discount
        found.append(
            {
                "id": None,
                "variant": variant,
                "quantity": quantity,
                "originalUnitPriceSet": order.money(unit),
                "discountedUnitPriceSet": order.money(round(worth / quantity)),
                "subtotalSet": order.money(worth),
                "totalTaxSet": order.money(0),
            }
        )
    return found
