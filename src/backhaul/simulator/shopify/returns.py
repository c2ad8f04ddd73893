"""The life of a return: requested, open, closed, declined, cancelled; its lines and their processing."""

from __future__ import annotations

from typing import Any

from . import exchanges
from .act import Act
from .errors import Refusal, UserError, refuse
from .ids import parse_gid
from .model import FulfillmentLineItem, Order
from .money import to_minor
from .reasons import BY_WORD, DEFINITIONS, ReasonDefinition
from .returning import Return, ReturnLine, ReverseLine, ReverseOrder

NOTE_LIMIT = 255
CUSTOMER_NOTE_LIMIT = 300
DECLINE_NOTE_LIMIT = 500
_BAD_STATE = "Return status is invalid."


def create(act: Act, data: dict[str, Any], *, requested: bool, root: str) -> Return:
    """returnCreate and returnRequest. One bad line refuses the whole batch."""
    order = act.order(data["orderId"])
    if order is None:
        raise refuse([root, "orderId"], "Order not found.", "NOT_FOUND")
    lines = data["returnLineItems"]
    if not lines:
        raise refuse([root, "returnLineItems"], "Return line items can't be blank", "BLANK")
    errors: list[UserError] = []
    taken: dict[int, int] = {}
    wanted: list[tuple[FulfillmentLineItem, dict[str, Any], ReasonDefinition | None]] = []
    for place, line in enumerate(lines):
        at = [root, "returnLineItems", str(place)]
        item = _line_of(act, order, line["fulfillmentLineItemId"])
        if item is None:
            errors.append(
                UserError([*at, "fulfillmentLineItemId"], "Fulfillment Line Item was not found.", "NOT_FOUND")
            )
            continue
        used = taken.get(item.number_id, 0)
        if line["quantity"] < 1 or used + line["quantity"] > order.returnable(item):
            errors.append(UserError([*at, "quantity"], "Return line item has an invalid quantity.", "INVALID"))
            continue
        taken[item.number_id] = used + line["quantity"]
        definition, problem = _reason(line, at, requested)
        if problem is not None:
            errors.append(problem)
            continue
        errors.extend(_too_long(line, at))
        wanted.append((item, line, definition))
    if errors:
        raise Refusal(*errors)
    exchanged = exchanges.check(act, order, data.get("exchangeLineItems") or [], [root, "exchangeLineItems"])
    made = _build(act, order, data, wanted, requested)
    exchanges.add(act, made, exchanged)
    if not requested:
        open_reverse_order(act, made)
        order.closed_at = None
    act.tell("RETURNS_REQUEST" if requested else "RETURNS_APPROVE", made)
    act.touch(order)
    return made


def _line_of(act: Act, order: Order, text: str) -> FulfillmentLineItem | None:
    found: FulfillmentLineItem | None = act.shop.find("FulfillmentLineItem", text)
    if found is None or found.fulfillment.order is not order or found.fulfillment.status != "SUCCESS":
        return None
    return found


def _reason(line: dict[str, Any], at: list[str], requested: bool) -> tuple[ReasonDefinition | None, UserError | None]:
    text, word = line.get("returnReasonDefinitionId"), line.get("returnReason")
    if text is not None:
        parsed = parse_gid(text)
        found = DEFINITIONS.get(parsed[1]) if parsed is not None and parsed[0] == "ReturnReasonDefinition" else None
        if found is None:
            where = [*at, "returnReasonDefinitionId"]
            return None, UserError(where, "Return reason definition was not found.", "NOT_FOUND")
        return found, None
    if word is None and requested:
        return None, UserError([*at, "returnReason"], "Return reason can't be blank", "BLANK")
    if word is None:
        message = "Return line items Either return reason or return reason definition must be provided"
        return None, UserError(at[:-1], message, "NOT_FOUND")
    if word == "OTHER" and not requested and not (line.get("returnReasonNote") or "").strip():
        message = 'The note is required when the return reason is "Other"'
        return None, UserError([*at, "returnReasonNote"], message, "BLANK")
    return DEFINITIONS[BY_WORD[word]], None


def _too_long(line: dict[str, Any], at: list[str]) -> list[UserError]:
    found = []
    for name, limit in (("returnReasonNote", NOTE_LIMIT), ("customerNote", CUSTOMER_NOTE_LIMIT)):
        if len(line.get(name) or "") > limit:
            found.append(UserError([*at, name], f"is too long (maximum is {limit} characters)", "TOO_LONG"))
    return found


def _build(
    act: Act,
    order: Order,
    data: dict[str, Any],
    wanted: list[tuple[FulfillmentLineItem, dict[str, Any], ReasonDefinition | None]],
    requested: bool,
) -> Return:
    ids, now = act.shop.ids, act.now
    made = Return(
        ids.next(),
        order,
        f"{order.name}-R{len(order.return_list) + 1}",
        "REQUESTED" if requested else "OPEN",
        created_at=data.get("requestedAt") or now,
        request_approved_at=None if requested else now,
        by=act.by,
    )
    fee = data.get("returnShippingFee")
    if fee is not None:
        made.shipping_fee_minor = to_minor(fee["amount"]["amount"], order.presentment_currency_code)
    for item, line, definition in wanted:
        charge = line.get("restockingFee")
        each = ReturnLine(
            ids.next(),
            made,
            item,
            line["quantity"],
            definition,
            line.get("returnReasonNote") or "",
            line.get("customerNote"),
            charge["percentage"] if charge is not None else None,
        )
        made.lines.append(act.shop.keep(each))
    order.return_list.append(act.shop.keep(made))
    return made


def open_reverse_order(act: Act, made: Return) -> ReverseOrder:
    """The reverse fulfilment order of an approved return: what is expected back."""
    reverse = ReverseOrder(act.shop.ids.next(), made)
    for line in made.lines:
        reverse.lines.append(act.shop.keep(ReverseLine(act.shop.ids.next(), reverse, line)))
    made.reverse_orders.append(act.shop.keep(reverse))
    return reverse


def find(act: Act, text: str, field: list[str]) -> Return:
    """The return behind an id, or the refusal for an unknown one."""
    act.check_kind("Return", text)
    found: Return | None = act.shop.find("Return", text)
    if found is None:
        raise refuse(field, "Return not found.", "NOT_FOUND")
    return found


def approve(act: Act, data: dict[str, Any]) -> Return:
    each = find(act, data["id"], ["input", "id"])
    if each.status != "REQUESTED":
        message = "Return is not approvable. Only returns with status REQUESTED can be approved."
        raise refuse(["input", "id"], message, "INVALID_STATE")
    each.status, each.request_approved_at = "OPEN", act.now
    open_reverse_order(act, each)
    if data.get("notifyCustomer"):
        act.shop.mail("return_approved", each.order)
    act.tell("RETURNS_APPROVE", each)
    act.touch(each.order)
    return each


def decline(act: Act, data: dict[str, Any]) -> Return:
    each = find(act, data["id"], ["input", "id"])
    if each.status == "DECLINED":
        raise refuse(["input", "id"], "The return is already declined.", "INVALID_STATE")
    if each.status != "REQUESTED":
        message = "Return is not declinable. Only returns with status REQUESTED can be declined."
        raise refuse(["input", "id"], message, "INVALID_STATE")
    if len(data.get("declineNote") or "") > DECLINE_NOTE_LIMIT:
        message = f"Decline note is too long (maximum is {DECLINE_NOTE_LIMIT} characters)"
        raise refuse(["input", "declineNote"], message, "TOO_LONG")
    each.status = "DECLINED"
    each.decline_reason, each.decline_note = data["declineReason"], data.get("declineNote")
    if data.get("notifyCustomer"):
        act.shop.mail("return_declined", each.order)
    act.tell("RETURNS_DECLINE", each)
    act.touch(each.order)
    return each


def cancel(act: Act, text: str) -> Return:
    each = find(act, text, ["id"])
    if each.status == "CANCELED":
        return each
    if each.status != "OPEN" or _worked_on(each):
        raise refuse(["id"], "Return is not cancelable.", "INVALID_STATE")
    each.status = "CANCELED"
    for reverse in each.reverse_orders:
        reverse.status = "CANCELED"
    act.tell("RETURNS_CANCEL", each)
    act.touch(each.order)
    return each


def _worked_on(each: Return) -> bool:
    """Processed, refunded (also outside the return) or disposed of."""
    for line in each.lines:
        item = line.fulfillment_line_item.line_item
        if line.processed_quantity or line.refunded_quantity:
            return True
        if line.quantity + max(0, item.refunded - item.cancelled) > item.fulfilled:
            return True
    return any(line.dispositions for reverse in each.reverse_orders for line in reverse.lines)


def close(act: Act, text: str) -> Return:
    each = find(act, text, ["id"])
    if each.status == "CLOSED":
        return each
    if each.status != "OPEN":
        raise refuse(["id"], _BAD_STATE, "INVALID_STATE")
    _close(act, each)
    return each


def _close(act: Act, each: Return) -> None:
    each.status, each.closed_at = "CLOSED", act.now
    act.tell("RETURNS_CLOSE", each)
    act.touch(each.order)


def reopen(act: Act, text: str) -> Return:
    each = find(act, text, ["id"])
    if each.status == "OPEN":
        return each
    if each.status != "CLOSED":
        raise refuse(["id"], _BAD_STATE, "INVALID_STATE")
    each.status, each.closed_at = "OPEN", None
    act.tell("RETURNS_REOPEN", each)
    act.touch(each.order)
    return each


def remove(
    act: Act, text: str, lines: list[dict[str, Any]], exchange_lines: list[dict[str, Any]] | None = None
) -> Return:
    """removeFromReturn. Taking out the last piece closes the return, and the order then shows as returned."""
    each = find(act, text, ["returnId"])
    if each.status not in ("OPEN", "REQUESTED"):
        raise refuse(["returnId"], _BAD_STATE, "INVALID_STATE")
    if not lines and not exchange_lines:
        raise refuse(["returnLineItems"], "Return line items can't be blank", "BLANK")
    unwanted = exchanges.chosen(each, exchange_lines or [], ["exchangeLineItems"], "exchangeLineItemId")
    known = {line.id: line for line in each.lines}
    for place, line in enumerate(lines):
        at = ["returnLineItems", str(place)]
        found = known.get(line["returnLineItemId"])
        if found is None:
            raise refuse([*at, "returnLineItemId"], "Return line item was not found.", "NOT_FOUND")
        if line["quantity"] <= 0:
            raise refuse([*at, "quantity"], "Quantity must be greater than 0", "GREATER_THAN")
        if line["quantity"] > found.processable_quantity:
            raise refuse([*at, "quantity"], "Return line item has an invalid quantity.", "INVALID")
    for line in lines:
        known[line["returnLineItemId"]].quantity -= line["quantity"]
    for exchange_line, quantity in unwanted:
        exchange_line.quantity -= quantity
    each.exchange_lines = [line for line in each.exchange_lines if line.quantity > 0]
    act.tell("RETURNS_UPDATE", each)
    if each.total_quantity == 0:
        _close(act, each)
    act.touch(each.order)
    return each
