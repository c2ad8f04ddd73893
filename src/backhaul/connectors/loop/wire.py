"""The vendor's shapes, as far as we read them. Two answers show one return: in the list ids are texts and the reasons
have other names than in the details. Words stay texts, a field that is new is kept by :func:`unknown_fields`."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Text = str | int | float | None  # an id, a word or a text: which of them is printed as a number changes
Amount = Text


class Label(msgspec.Struct):
    """A label of a return."""

    tracking_number: Text = None
    carrier: Text = None
    status: Text = None
    url: Text = None


class Line(msgspec.Struct):
    """One unit of a return, in either spelling."""

    line_item_id: Text = None
    provider_line_item_id: Text = None
    title: Text = None
    sku: Text = None
    outcome: Text = None
    refund: Amount = None
    returned_at: Any = None
    condition: Any = None
    disposition: Any = None
    reason: Text = None  # details
    parent_reason: Text = None
    return_reason: Text = None  # list
    parent_return_reason: Text = None


class Return(msgspec.Struct):
    """A return, in either spelling. ``order_id`` is the desk's own, ``provider_order_id`` the commerce system's."""

    id: Text
    state: Text = None
    created_at: Any = None
    updated_at: Any = None
    edited_at: Any = None
    order_id: Text = None
    order_name: Text = None
    provider_order_id: Text = None
    currency: Text = None
    total: Amount = None
    refund: Amount = None
    carrier: Text = None
    tracking_number: Text = None
    label_status: Text = None
    label_url: Text = None
    labels: list[Label] | None = None
    line_items: list[Line] | None = None
    status_page_url: Text = None
    was_processed: bool | None = None
    outcomes_processed_at: Any = None


# Documented fields of a return and of its lines that we have no use for: they are no news.
UNUSED = frozenset(
    {
        *("customer", "customer_email", "customer_first_name", "customer_last_name", "multi_currency", "type"),
        *("outcome", "gift_card", "gift_card_order_id", "gift_card_order_name", "handling_fee", "upsell", "exchange"),
        *("return_product_total", "return_discount_total", "return_tax_total", "return_total", "return_credit_total"),
        *("exchange_product_total", "exchange_discount_total", "exchange_tax_total", "exchange_total"),
        *("exchange_credit_total", "exchanges", "label_rate", "label_updated_at", "destination_id", "return_method"),
        *("origin_country", "origin_country_code", "package_reference", "refund_before_inspection", "order_number"),
        *("provider_order_number", "shopify_refund_object"),
    }
)


class Webhook(msgspec.Struct):
    """A subscription, of ours or of anybody."""

    id: int
    topic: Text = None
    trigger: Text = None
    url: Text = None
    status: Text = None
    shop_id: Text = None


class Event(msgspec.Struct):
    """The body of a webhook: of a return, of its processing, or of a label (then ``return_id`` names the return)."""

    topic: Text = None
    trigger: Text = None
    id: Text = None
    return_id: Text = None
    shop_id: Text = None
    provider_order_id: Text = None
    updated_at: Any = None
    edited_at: Any = None
    created_at: Any = None


Shape = TypeVar("Shape", bound=msgspec.Struct)
_LONGEST_SHOWN = 200


def shaped(row: Any, shape: type[Shape]) -> Shape:
    """The row in its shape. Raises msgspec.ValidationError."""
    return msgspec.convert(row, shape, strict=False)


def unknown_fields(row: dict[str, Any]) -> dict[str, str]:
    """The fields of a return that nobody told us of, as short JSON texts."""
    known = Return.__struct_fields__
    return {
        name: msgspec.json.encode(value).decode()[:_LONGEST_SHOWN]
        for name, value in row.items()
        if name not in known and name not in UNUSED
    }
