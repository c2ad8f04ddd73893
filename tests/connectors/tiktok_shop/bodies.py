"""Bodies of the channel, made up for these tests in the shapes the vendor documents."""

from __future__ import annotations

from typing import Any


def amount(total: str = "43.20", currency: str = "USD") -> dict[str, str]:
    return {
        "currency": currency,
        "refund_total": total,
        "refund_subtotal": "40",
        "refund_shipping_fee": "0.00",
        "refund_tax": "3.2",
    }


def a_return(**changes: Any) -> dict[str, Any]:
    """A pending return of one unit that the seller has to label."""
    row: dict[str, Any] = {
        "return_id": "4035300000000000201",
        "order_id": "576600000000000101",
        "return_type": "RETURN_AND_REFUND",
        "return_status": "RETURN_OR_REFUND_REQUEST_PENDING",
        "role": "BUYER",
        "return_reason": "reason_wrong_item",
        "return_reason_text": "Wrong item",
        "shipment_type": "BUYER_ARRANGE",
        "handover_method": "DROP_OFF",
        "return_method": "SELLER_SHIPPED",
        "return_shipping_document_type": "SHIPPING_LABEL",
        "can_buyer_keep_item": False,
        "create_time": 1785500000,
        "update_time": 1785500003,
        "seller_next_action_response": [{"action": "SELLER_RESPOND_RETURN", "deadline": 1785672800}],
        "return_line_items": [
            {
                "return_line_item_id": "4035300000000000301",
                "order_line_item_id": "576600000000000111",
                "sku_id": "1729000000000000401",
                "sku_name": "Blue, M",
                "product_name": "Rain jacket",
                "seller_sku": "JKT-BLU-M",
                "product_image": {"url": "https://pictures.invalid/1.jpg", "width": 10, "height": 10},
                "refund_amount": amount(),
            }
        ],
        "refund_amount": amount(),
        "discount_amount": [
            {"currency": "USD", "product_seller_discount": "1", "product_platform_discount": "2.50"},
            {"currency": "USD", "product_seller_discount": "0.5"},
        ],
        "shipping_fee_amount": [{"currency": "USD", "seller_paid_return_shipping_fee": "6.1"}],
        "return_warehouse_address": {"full_address": "7 Simulated Way"},
        "is_combined_return": False,
        "is_quick_refund": False,
    }
    row.update(changes)
    return {name: value for name, value in row.items() if value is not ...}


def a_cancellation(**changes: Any) -> dict[str, Any]:
    """A buyer's cancellation that waits for an answer."""
    row: dict[str, Any] = {
        "cancel_id": "4035300000000000701",
        "order_id": "576600000000000101",
        "cancel_type": "BUYER_CANCEL",
        "cancel_status": "CANCELLATION_REQUEST_PENDING",
        "role": "BUYER",
        "cancel_reason": "no_longer_wanted",
        "cancel_reason_text": "No longer wanted",
        "create_time": 1785500000,
        "update_time": 1785500001,
        "seller_next_action_response": [{"action": "SELLER_RESPOND_CANCEL", "deadline": 1785586400}],
        "refund_amount": {"currency": "USD", "refund_total": "12"},
        "cancel_line_items": [
            {"cancel_line_item_id": "71", "order_line_item_id": "576600000000000111", "seller_sku": "JKT-BLU-M"}
        ],
        "should_replenish_stock": True,
    }
    row.update(changes)
    return row


def an_order(**changes: Any) -> dict[str, Any]:
    """A delivered order of two units."""
    row: dict[str, Any] = {
        "id": "576600000000000101",
        "status": "DELIVERED",
        "create_time": 1785000000,
        "update_time": 1785400000,
        "payment": {"currency": "USD", "total_amount": "91.39", "sub_total": "80.00"},
        "recipient_address": {"postal_code": "43085", "region_code": "US", "name": "A*** B***"},
        "fulfillment_type": "FULFILLMENT_BY_SELLER",
        "delivery_option_id": "7100000000000000001",
        "warehouse_id": "7200000000000000001",
        "line_items": [
            {
                "id": "111",
                "sku_id": "401",
                "seller_sku": "JKT-BLU-M",
                "product_name": "Rain jacket",
                "sale_price": "40",
            },
            {"id": "112", "sku_id": "402", "seller_sku": "MUG-GRN", "sku_name": "Green", "sale_price": "40.00"},
        ],
    }
    row.update(changes)
    return row
