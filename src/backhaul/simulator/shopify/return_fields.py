"""Resolvers of returns, their reverse fulfilment and refunds."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from . import processing
from .errors import Refusal, top_level
from .model import Refund, RefundLine
from .paging import Connection
from .resolving import Resolver, page, pages, shipping_line
from .returning import Return, ReturnLine, ReverseDelivery


def _return_lines(each: Return, info: GraphQLResolveInfo, **args: Any) -> Connection:
    return _by_progress(each.lines, info, args)


def _exchange_lines(each: Return, info: GraphQLResolveInfo, **args: Any) -> Connection:
    return _by_progress(each.exchange_lines, info, args)


def _by_progress(rows: list[Any], info: GraphQLResolveInfo, args: dict[str, Any]) -> Connection:
    if args.get("processingStatus") == "PROCESSABLE":
        rows = [line for line in rows if line.processable_quantity > 0]
    elif args.get("processingStatus") == "PROCESSED":
        rows = [line for line in rows if line.processed_quantity > 0]
    return page(rows, info, args)


def _decline(each: Return, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if each.decline_reason is None:
        return None
    return {"reason": each.decline_reason, "note": each.decline_note}


def _return_payments(each: Return, info: GraphQLResolveInfo, **args: Any) -> Connection:
    return page([t for refund in each.refund_list for t in refund.transaction_list], info, args)


def _fees(each: Return, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    if not each.shipping_fee_minor:
        return []
    amount_set = each.order.money(each.shipping_fee_minor)
    return [{"id": f"gid://shopify/ReturnShippingFee/{each.number_id}", "amountSet": amount_set}]


def _restocking_fee(line: ReturnLine, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if line.restocking_percent is None:
        return None
    item = line.fulfillment_line_item.line_item
    fee = round(item.total_minor * line.quantity / item.quantity * line.restocking_percent / 100)
    number = f"gid://shopify/RestockingFee/{line.number_id}"
    return {"id": number, "percentage": line.restocking_percent, "amountSet": item.order.money(fee)}


def _line_price(line: ReturnLine, info: GraphQLResolveInfo) -> Any:
    item = line.fulfillment_line_item.line_item
    return item.order.money(round(item.total_minor * line.quantity / item.quantity))


def _outcome(each: Return, info: GraphQLResolveInfo, **args: Any) -> Any:
    try:
        exchanged = args["exchangeLineItems"]
        return processing.outcome(each, args["returnLineItems"], exchanged, args.get("refundShipping"))
    except Refusal as refusal:
        raise top_level(refusal.errors[0].message, "BAD_REQUEST") from None


def _deliverable(each: ReverseDelivery, info: GraphQLResolveInfo) -> dict[str, Any]:
    label = None
    if each.label_url is not None:
        label = {
            "publicFileUrl": each.label_url,
            "createdAt": each.label_created_at,
            "updatedAt": each.label_updated_at,
        }
    tracking = None
    if each.tracking_number is not None or each.tracking_url is not None:
        tracking = {"number": each.tracking_number, "url": each.tracking_url, "carrierName": each.carrier_name}
    return {"__typename": "ReverseDeliveryShippingDeliverable", "label": label, "tracking": tracking}


def _adjustments(refund: Refund, info: GraphQLResolveInfo, **args: Any) -> Connection:
    difference = refund.expected_minor - refund.amount_minor
    rows = []
    if difference and refund.transaction_list:
        reason = refund.discrepancy_reason
        rows.append(
            {
                "id": f"gid://shopify/OrderAdjustment/{refund.number_id}",
                "amountSet": refund.order.money(difference),
                "taxAmountSet": refund.order.money(0),
                "reason": "REFUND_DISCREPANCY" if reason in (None, "OTHER") else reason,
            }
        )
    return page(rows, info, args, number=lambda row: refund.number_id)


def _refund_shipping(refund: Refund, info: GraphQLResolveInfo, **args: Any) -> Connection:
    rows = []
    if refund.shipping_minor:
        rows.append(
            {
                "id": f"gid://shopify/RefundShippingLine/{refund.number_id}",
                "shippingLine": shipping_line(refund.order, info),
                "subtotalAmountSet": refund.order.money(refund.shipping_minor),
                "taxAmountSet": refund.order.money(0),
            }
        )
    return page(rows, info, args, number=lambda row: refund.number_id)


def _refund_line(attribute: str) -> Resolver:
    def resolve(line: RefundLine, info: GraphQLResolveInfo) -> Any:
        return line.line_item.order.money(getattr(line, attribute))

    return resolve


RETURN_FIELDS: dict[str, dict[str, Resolver]] = {
    "Return": {
        "decline": _decline,
        "exchangeLineItems": _exchange_lines,
        "refunds": pages("refund_list"),
        "returnLineItems": _return_lines,
        "returnShippingFees": _fees,
        "reverseFulfillmentOrders": pages("reverse_orders"),
        "suggestedFinancialOutcome": _outcome,
        "transactions": _return_payments,
    },
    "ReturnLineItem": {"restockingFee": _restocking_fee, "withCodeDiscountedTotalPriceSet": _line_price},
    "ReverseFulfillmentOrder": {"lineItems": pages("lines"), "reverseDeliveries": pages("deliveries")},
    "ReverseDelivery": {"deliverable": _deliverable, "reverseDeliveryLineItems": pages("lines")},
    "Refund": {
        "orderAdjustments": _adjustments,
        "refundLineItems": pages("lines"),
        "refundShippingLines": _refund_shipping,
        "return": lambda x, i: x.return_,
        "totalRefundedSet": lambda x, i: x.order.money(x.amount_minor),
        "transactions": pages("transaction_list"),
    },
    "RefundLineItem": {
        "id": lambda x, i: x.id if x.number_id else None,
        "priceSet": lambda x, i: x.line_item.order.money(x.line_item.unit_price_minor),
        "subtotalSet": _refund_line("subtotal_minor"),
        "totalTaxSet": _refund_line("tax_minor"),
    },
}
