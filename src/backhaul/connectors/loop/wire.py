"""The vendor's shapes, as far as we read them. Two answers show one return: in the list ids are texts and the reasons
have other names than in the details. Words stay texts, a field that is new is kept by :func:`unknown_fields`."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Id = int | str | None
Amount = str | int | float | None


class Label(msgspec.Struct):
    """A label of a return."""

    tracking_number: str | None = None
    carrier: str | None = None
    status: str | None = None
    url: str | None = None


class Line(msgspec.Struct):
    """One unit of a return, in either spelling."""

    line_item_id: Id = None
    provider_line_item_id: Id = None
    title: str | None = None
    sku: str | None = None
    outcome: str | None = None
    refund: Amount = None
    returned_at: Any = None
    condition: Any = None
    disposition: Any = None
    reason: str | None = None  # details
    parent_reason: str | None = None
    return_reason: str | None = None  # list
    parent_return_reason: str | None = None


class Return(msgspec.Struct):
    """A return, in either spelling. ``order_id`` is the desk's own, ``provider_order_id`` the commerce system's."""

    id: Id
    state: str = ""
    created_at: Any = None
    updated_at: Any = None
    edited_at: Any = None
    order_id: Id = None
    order_name: str | None = None
    provider_order_id: Id = None
    currency: str | None = None
    total: Amount = None
    refund: Amount = None
    carrier: str | None = None
    tracking_number: str | None = None
    label_status: str | None = None
    label_url: str | None = None
    labels: list[Label] | None = None
    line_items: list[Line] | None = None
    status_page_url: str | None = None
    was_processed: bool | None = None
    outcomes_processed_at: dict[str, Any] | None = None


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


class Note(msgspec.Struct):
    """A note of staff or of an integration."""

    content: str | None = None


class Webhook(msgspec.Struct):
    """A subscription, of ours or of anybody."""

    id: int
    topic: str = ""
    trigger: str = ""
    url: str = ""
    status: str = ""
    shop_id: Id = None


class Event(msgspec.Struct):
    """The body of a webhook: of a return, of its processing, or of a label (then ``return_id`` names the return)."""

    topic: str = ""
    trigger: str = ""
    id: Id = None
    return_id: Id = None
    shop_id: Id = None
    provider_order_id: Id = None
    updated_at: Any = None
    edited_at: Any = None
    created_at: Any = None


Shape = TypeVar("Shape", bound=msgspec.Struct)
_LONGEST_SHOWN = 200


def shaped(row: Any, shape: type[Shape]) -> Shape:
    """The row in its shape; numbers may come as text and the reverse. Raises msgspec.ValidationError."""
    try:
        return msgspec.convert(row, shape, strict=False)
    except msgspec.ValidationError:
        return msgspec.convert(_plain(row, shape), shape, strict=False)


def _plain(row: Any, shape: type[msgspec.Struct]) -> Any:
    """The row without nulls and with numbers written as texts where a text is expected."""
    if not isinstance(row, dict):
        return row
    texts = {
        field.encode_name
        for field in msgspec.structs.fields(shape)
        if field.type in (str, str | None) and isinstance(row.get(field.encode_name), int | float)
    }
    return {name: str(value) if name in texts else value for name, value in row.items() if value is not None}


def unknown_fields(row: dict[str, Any]) -> dict[str, str]:
    """The fields of a return that nobody told us of, as short JSON texts."""
    known = Return.__struct_fields__
    return {
        name: msgspec.json.encode(value).decode()[:_LONGEST_SHOWN]
        for name, value in row.items()
        if name not in known and name not in UNUSED
    }
