"""The oracle: what really happened in a shop, told by the simulator and not by its client."""

from __future__ import annotations

from typing import Any

from .model import Order, Refund
from .returning import Return
from .scalars import iso
from .shop import ShopState


def of(shop: ShopState, *, all_orders: bool = False) -> dict[str, Any]:
    """Everything a test or a person may want to compare; orders nobody touched are left out unless asked for."""
    orders = shop.orders.values() if all_orders else shop.touched.values()
    return {
        "shop": shop.domain,
        "currency": shop.currency,
        "order_count": len(shop.orders),
        "orders": {order.id: _order(order) for order in orders},
        "inventory": list(shop.movements),
        "money_moved": list(shop.moved),
        "money_moved_minor": sum(each["amount_minor"] for each in shop.moved),
        "emails": list(shop.emails),
        "refusals": list(shop.refusals),
        "counts": dict(shop.counts),
        "calls": dict(shop.calls),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "name": order.name,
        "source_identifier": order.source_identifier,
        "currency": order.presentment_currency_code,
        "financial_status": order.display_financial_status,
        "return_status": order.return_status,
        "total_minor": order.total_minor,
        "received_minor": order.received_minor,
        "refunded_minor": order.refunded_minor,
        "tags": list(order.tags),
        "metafields": {f"{ns}.{key}": each.value for (ns, key), each in order.metafields.items()},
        "refunds": [_refund(each) for each in order.refund_list],
        "returns": [_return(each) for each in order.return_list],
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "by": refund.by,
        "amount_minor": refund.amount_minor,
        "gateways": [each.gateway for each in refund.transaction_list],
        "note": refund.note,
        "created_at": refund.created_at,
        "processed_at": iso(refund.processed_at),
        "idempotency_key": refund.idempotency_key,
        "return": refund.return_.id if refund.return_ is not None else None,
        "shipping_minor": refund.shipping_minor,
        "discrepancy_reason": refund.discrepancy_reason,
        "lines": [
            {
                "line_item": line.line_item.id,
                "sku": line.line_item.sku,
                "quantity": line.quantity,
                "restock_type": line.restock_type,
                "restocked": line.restocked,
            }
            for line in refund.lines
        ],
    }


def _return(each: Return) -> dict[str, Any]:
    return {
        "id": each.id,
        "by": each.by,
        "name": each.name,
        "status": each.status,
        "created_at": each.created_at,
        "closed_at": each.closed_at,
        "decline_reason": each.decline_reason,
        "lines": [
            {
                "sku": line.fulfillment_line_item.line_item.sku,
                "line_item": line.fulfillment_line_item.line_item.id,
                "quantity": line.quantity,
                "processed": line.processed_quantity,
                "reason": line.definition.handle if line.definition is not None else None,
                "note": line.return_reason_note,
                "customer_note": line.customer_note,
            }
            for line in each.lines
        ],
        "exchange": [
            {"sku": line.variant.sku, "quantity": line.quantity, "processed": line.processed_quantity}
            for line in each.exchange_lines
        ],
        "tracking": [
            {
                "number": delivery.tracking_number,
                "url": delivery.tracking_url,
                "carrier": delivery.carrier_name,
                "label": delivery.label_url,
            }
            for reverse in each.reverse_orders
            for delivery in reverse.deliveries
        ],
        "dispositions": [
            {
                "sku": line.fulfillment_line_item.line_item.sku,
                "type": one.type,
                "quantity": one.quantity,
                "location": one.location.id if one.location is not None else None,
            }
            for reverse in each.reverse_orders
            for line in reverse.lines
            for one in line.dispositions
        ],
    }
