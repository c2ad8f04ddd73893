"""returnProcess: the moment a return counts; dispositions and a refund may ride on it. And the preview of its money."""

from __future__ import annotations

from typing import Any

from . import choosing, exchanges, refunds, returns, reverse
from .act import Act
from .errors import Refusal, UserError, refuse
from .model import Order, Refund, Transaction
from .money import to_minor
from .refunds import LinePlan, RefundPlan
from .returning import Return, ReturnLine
from .reverse import Row

LINE = "Return line item"


def process(act: Act, data: dict[str, Any]) -> Return:
    """Everything is checked before anything is written. The return stays open; closing it is another call."""
    each = returns.find(act, data["returnId"], ["input", "returnId"])
    if each.status != "OPEN":
        raise refuse(["input", "returnId"], "Return status is invalid.", "INVALID_STATE")
    chosen, rows = _lines(act, each, data.get("returnLineItems") or [])
    given = exchanges.chosen(each, data.get("exchangeLineItems") or [], ["input", "exchangeLineItems"], "id")
    transfer = (data.get("financialTransfer") or {}).get("issueRefund")
    if not chosen and not given and transfer is None:
        raise refuse(["input", "returnLineItems"], "Return line items can't be blank", "BLANK")
    planned = _refund(act, each, chosen, transfer, data) if transfer is not None else None
    for part in planned.lines if planned is not None else ():
        part.processed_now = True
    for line, quantity in chosen:
        line.processed_quantity += quantity
    if rows:
        reverse.apply_dispositions(act, rows)
    if planned is not None:
        values = {"note": data.get("note"), "notify": False}
        refunds.execute(act, planned, values, return_=each)
        for line, quantity in chosen:
            line.refunded_quantity += quantity
    else:
        for line, quantity in chosen:
            line.fulfillment_line_item.line_item.processed_unrefunded += quantity
    exchanges.process(act, given)
    if data.get("notifyCustomer"):
        act.shop.mail("return_processed", each.order)
    act.tell("RETURNS_PROCESS", each)
    act.touch(each.order)
    return each


def _lines(act: Act, each: Return, inputs: list[dict[str, Any]]) -> tuple[list[tuple[ReturnLine, int]], list[Row]]:
    root = ["input", "returnLineItems"]
    chosen = choosing.chosen(each.lines, inputs, root, "id", lambda line: line.processable_quantity, LINE)
    rows: list[Row] = []
    for place, (line, _) in enumerate(chosen):
        if given := inputs[place].get("dispositions"):
            at = (*root, str(place), "dispositions")
            some = reverse.check_dispositions(act, given, at)
            if any(row[0].return_line is not line for row in some):
                raise refuse(list(at), "Disposition belongs to another return line.", "INVALID")
            rows += some
    return chosen, rows


def _refund(
    act: Act,
    each: Return,
    chosen: list[tuple[ReturnLine, int]],
    transfer: dict[str, Any],
    data: dict[str, Any],
) -> RefundPlan:
    order = each.order
    planned = RefundPlan(order)
    for line, quantity in chosen:
        item = line.fulfillment_line_item.line_item
        if quantity > item.refundable_quantity:
            raise refuse(["input", "returnLineItems"], "Return line item has an invalid quantity.", "INVALID")
        subtotal, tax = item.price_of(item.refunded, quantity)
        # Stock moves by the disposition alone, so the refund line itself never restocks.
        planned.lines.append(LinePlan(item, quantity, "NO_RESTOCK", None, subtotal, tax))
    planned.shipping_minor = _shipping(order, data.get("refundShipping"))
    root = ["input", "financialTransfer", "issueRefund", "orderTransactions"]
    try:
        for place, entry in enumerate(transfer["orderTransactions"]):
            parent = refunds.find_parent(act, order, entry["parentId"], [*root, str(place), "parentId"])
            planned.payments.append((parent, amount_of(order, entry["transactionAmount"], [*root, str(place)])))
        refunds.check_sum(planned)
    except Refusal as refusal:
        raise Refusal(*(UserError(e.field or root, e.message, e.code or "INVALID") for e in refusal.errors)) from None
    return planned


def refund(act: Act, data: dict[str, Any]) -> Refund:
    """returnRefund, the older way: refunds lines of a return and processes nothing."""
    each = returns.find(act, data["returnId"], ["returnRefundInput", "returnId"])
    if each.status != "OPEN":
        raise refuse(["returnRefundInput", "returnId"], "Return status is invalid.", "INVALID_STATE")
    root = ["returnRefundInput", "returnRefundLineItems"]
    inputs = data["returnRefundLineItems"]
    chosen = choosing.chosen(each.lines, inputs, root, "returnLineItemId", lambda line: line.refundable_quantity, LINE)
    if not chosen:
        raise refuse(root, "Return line items can't be blank", "BLANK")
    planned = _refund(act, each, chosen, {"orderTransactions": data.get("orderTransactions") or []}, data)
    made = refunds.execute(act, planned, {"notify": bool(data.get("notifyCustomer"))}, return_=each)
    for line, quantity in chosen:
        line.refunded_quantity += quantity
    return made


def amount_of(order: Order, money: dict[str, Any], at: list[str]) -> int:
    """A MoneyInput in the order's presentment currency, as minor units."""
    if money["currencyCode"] != order.presentment_currency_code:
        raise refuse([*at, "transactionAmount"], "Currency must be the presentment currency of the order", "INVALID")
    try:
        amount = to_minor(money["amount"], order.presentment_currency_code)
    except ValueError as error:
        raise refuse([*at, "transactionAmount"], "Amount is invalid", "INVALID") from error
    if amount <= 0:
        raise refuse([*at, "transactionAmount"], "Amount must be greater than 0", "GREATER_THAN")
    return amount


def _shipping(order: Order, data: dict[str, Any] | None) -> int:
    if data is None:
        return 0
    left = order.shipping_minor - order.shipping_refunded_minor
    if data.get("fullRefund"):
        return left
    if data.get("shippingRefundAmount") is None:
        return 0
    amount = amount_of(order, data["shippingRefundAmount"], ["input", "refundShipping"])
    if amount > left:
        raise refuse(["input", "refundShipping"], "Shipping refund is greater than the shipping amount left", "TOO_BIG")
    return amount


def suggest_payments(order: Order, amount: int) -> list[tuple[Transaction, int]]:
    """Spreads an amount over the sales and captures that still hold money, oldest first."""
    found: list[tuple[Transaction, int]] = []
    for each in order.transactions:
        if each.kind in ("SALE", "CAPTURE") and each.status == "SUCCESS" and amount > 0 and each.left_minor > 0:
            part = min(amount, each.left_minor)
            found.append((each, part))
            amount -= part
    return found


def suggestions(order: Order, amount: int) -> list[dict[str, Any]]:
    """The same as SuggestedOrderTransaction."""
    return [
        {
            "kind": "SUGGESTED_REFUND",
            "gateway": parent.gateway,
            "formattedGateway": parent.formatted_gateway,
            "parentTransaction": parent,
            "amountSet": order.money(part),
            "maximumRefundableSet": order.money(parent.left_minor),
        }
        for parent, part in suggest_payments(order, amount)
    ]


def shipping_refund(order: Order, amount: int) -> dict[str, Any]:
    """A ShippingRefund; shipping has no tax of its own here."""
    left = order.shipping_minor - order.shipping_refunded_minor
    return {
        "amountSet": order.money(amount),
        "maximumRefundableSet": order.money(left),
        "taxSet": order.money(0),
    }


def outcome(
    each: Return, lines: list[dict[str, Any]], exchange_lines: list[dict[str, Any]], shipping: dict[str, Any] | None
) -> dict[str, Any]:
    """suggestedFinancialOutcome: price and tax less fees and exchange lines, never more than was received."""
    order = each.order
    known = {line.id: line for line in each.lines}
    subtotal = tax = fees = 0
    for data in lines:
        line = known.get(data["id"])
        if line is None:
            raise refuse(["returnLineItems"], "Return line item was not found.", "NOT_FOUND")
        item = line.fulfillment_line_item.line_item
        price, part = item.price_of(item.refunded, min(data["quantity"], line.refundable_quantity))
        subtotal, tax = subtotal + price, tax + part
        fees += round(price * (line.restocking_percent or 0) / 100)
    if not each.refund_list:
        fees += each.shipping_fee_minor
    back = _shipping(order, shipping)
    given = exchanges.chosen(each, exchange_lines, ["exchangeLineItems"], "id")
    amount = subtotal + tax + back - fees - exchanges.worth(given)
    transfer: dict[str, Any] | None = None
    if amount > 0:
        paid = min(amount, order.net_minor)
        transfer = {
            "__typename": "RefundReturnOutcome",
            "amount": order.money(paid),
            "suggestedTransactions": suggestions(order, paid),
        }
    elif amount < 0:
        transfer = {"__typename": "InvoiceReturnOutcome", "amount": order.money(-amount)}
    return {
        "discountedSubtotal": order.money(subtotal),
        "totalTax": order.money(tax),
        "maximumRefundable": order.money(order.net_minor),
        "shipping": shipping_refund(order, back),
        "financialTransfer": transfer,
    }
