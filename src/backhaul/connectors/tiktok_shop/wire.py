"""The channel's shapes as they come over the wire, every field optional but the ids.

Texts of enumerations stay texts: a word we do not know must not lose the row it stands in. Fields that the channel
documents and we do not use are declared ``Any``, so that :func:`reading.unknown_fields` shows only what is really new.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Envelope(msgspec.Struct):
    """What every answer is wrapped in. ``code`` 0 is success, whatever the HTTP status."""

    code: int
    message: str = ""
    request_id: str = ""
    data: Any = None


class Amount(msgspec.Struct):
    """A decimal string and its currency."""

    currency: str = ""
    amount: str = ""


class RefundAmount(msgspec.Struct):
    """Money back to the buyer. The parts need not add up to the total."""

    currency: str = ""
    refund_total: str | None = None
    refund_subtotal: str | None = None
    refund_shipping_fee: str | None = None
    refund_tax: str | None = None
    retail_delivery_fee: str | None = None
    buyer_service_fee: str | None = None


class DiscountAmount(msgspec.Struct):
    """Discounts that fall away with the refund, by who had paid them."""

    currency: str = ""
    product_seller_discount: str | None = None
    product_platform_discount: str | None = None
    shipping_fee_seller_discount: str | None = None
    shipping_fee_platform_discount: str | None = None


class ReturnFreight(msgspec.Struct):
    """Who pays how much of the way back."""

    currency: str = ""
    seller_paid_return_shipping_fee: str | None = None
    platform_paid_return_shipping_fee: str | None = None
    buyer_paid_return_shipping_fee: str | None = None


class NextAction(msgspec.Struct):
    """An open task of the seller."""

    action: str = ""
    deadline: int | None = None


class ReturnLine(msgspec.Struct):
    """One unit of a return; also used for a cancellation's unit, whose id has another name."""

    return_line_item_id: str = ""
    cancel_line_item_id: str = ""
    order_line_item_id: str = ""
    sku_id: str = ""
    sku_name: str = ""
    product_name: str = ""
    seller_sku: str = ""
    refund_amount: RefundAmount | None = None
    product_image: Any = None
    return_sub_line_items: Any = None
    cancel_sub_line_items: Any = None


class Return(msgspec.Struct):
    """One row of the return search, version 202602."""

    return_id: str
    order_id: str = ""
    return_type: str = ""
    return_status: str = ""
    arbitration_status: str | None = None
    role: str = ""
    return_reason: str | None = None
    return_reason_text: str | None = None
    shipment_type: str | None = None
    handover_method: str | None = None
    return_method: str | None = None
    return_shipping_document_type: str | None = None
    return_tracking_number: str | None = None
    return_provider_id: str | None = None
    return_provider_name: str | None = None
    pre_return_id: str | None = None
    next_return_id: str | None = None
    can_buyer_keep_item: bool | None = None
    is_combined_return: bool | None = None
    combined_return_id: str | None = None
    is_quick_refund: bool | None = None
    create_time: int = 0
    update_time: int = 0
    seller_next_action_response: list[NextAction] | None = None
    return_line_items: list[ReturnLine] | None = None
    refund_amount: RefundAmount | None = None
    discount_amount: list[DiscountAmount] | None = None
    shipping_fee_amount: list[ReturnFreight] | None = None
    seller_proposed_return_type: str | None = None
    partial_refund: Amount | None = None
    buyer_rejected_partial_refund: bool | None = None
    return_warehouse_address: Any = None
    should_replenish_stock: Any = None


class Cancellation(msgspec.Struct):
    """One row of the cancellation search, version 202602."""

    cancel_id: str
    order_id: str = ""
    cancel_type: str = ""
    cancel_status: str = ""
    role: str = ""
    cancel_reason: str | None = None
    cancel_reason_text: str | None = None
    create_time: int = 0
    update_time: int = 0
    seller_next_action_response: list[NextAction] | None = None
    refund_amount: RefundAmount | None = None
    cancel_line_items: list[ReturnLine] | None = None
    should_replenish_stock: bool | None = None


class Record(msgspec.Struct):
    """One step of a return's history. Pictures and videos stay with the channel."""

    event: str = ""
    role: str = ""
    description: str | None = None
    reason_text: str | None = None
    note: str | None = None
    create_time: int = 0


class Reason(msgspec.Struct):
    """A reject reason: stable key and text in the asked language."""

    name: str
    text: str = ""


class DecisionEligibility(msgspec.Struct):
    """Whether a decision is possible now. ``eligible`` alone says so: code and reason may be filled beside it."""

    decision: str
    eligible: bool = False
    ineligible_code: int | str | None = None
    ineligible_reason: str | None = None
    available_reject_reasons: list[Reason] | None = None


class AmountRange(msgspec.Struct):
    """What may be refunded of one unit in part."""

    min_amount: str
    max_amount: str
    currency: str


class LineDecision(msgspec.Struct):
    """Whether a decision is possible for one line."""

    decision: str
    eligible: bool = False
    ineligible_code: int | str | None = None
    ineligible_reason: str | None = None
    available_reject_reasons: list[Reason] | None = None
    partial_refund_amount_range: AmountRange | None = None


class ReviewLine(msgspec.Struct):
    """One line of a case in the line-level model."""

    return_line_item_id: str = ""
    decisions: list[LineDecision] | None = None


class GroupLine(msgspec.Struct):
    """One line of a request or a parcel: the return it belongs to."""

    return_line_item_id: str = ""
    sku_return_request_id: str = ""


class ExchangeLine(msgspec.Struct):
    """One unit that a buyer wants instead."""

    sku_id: str = ""
    sku_name: str = ""
    product_name: str = ""
    seller_sku_name: str = ""


class SkuRequest(msgspec.Struct):
    """A return as a request of the line-level model shows it; read for what the return search does not show."""

    return_id: str
    exchange_order_lines: list[ExchangeLine] | None = None
    reshipment_order_id: str | None = None


class Group(msgspec.Struct):
    """All that a buyer asked for in one go, or a parcel on its way back (the channel's RMA)."""

    id: str
    line_items: list[GroupLine] | None = None
    sku_return_requests: list[SkuRequest] | None = None


class OrderLine(msgspec.Struct):
    """One unit of an order."""

    id: str
    sku_id: str = ""
    seller_sku: str = ""
    product_name: str = ""
    sku_name: str = ""
    sale_price: str | None = None
    currency: str = ""


class Payment(msgspec.Struct):
    """Of an order's money only the total is read."""

    currency: str = ""
    total_amount: str | None = None


class Address(msgspec.Struct):
    """Of the recipient's address only what says where, never who."""

    postal_code: str = ""
    region_code: str = ""


class LineReference(msgspec.Struct):
    """A unit of an order, named."""

    order_line_item_id: str = ""


class LineEligibility(msgspec.Struct):
    """Whether a case of one type may be opened on units of one SKU. The first list has the vendor's spelling."""

    request_type: str
    eligible: bool = False
    order_line_items_ids: list[str] | None = None
    order_line_list: list[LineReference] | None = None
    ineligible_code: int | str | None = None
    ineligible_reason: str | None = None
    available_reason_names: list[str] | None = None


class SkuEligibility(msgspec.Struct):
    """What may be opened on units of one SKU."""

    sku_id: str = ""
    line_item_eligibility: list[LineEligibility] | None = None


class Order(msgspec.Struct):
    """One order, version 202507."""

    id: str
    status: str = ""
    create_time: int = 0
    update_time: int = 0
    payment: Payment | None = None
    recipient_address: Address | None = None
    line_items: list[OrderLine] | None = None
    fulfillment_type: str | None = None
    delivery_option_id: str | None = None
    warehouse_id: str | None = None
    delivery_time: int | None = None
    is_sample_order: bool | None = None
    is_replacement_order: bool | None = None
    replaced_order_id: str | None = None
    is_exchange_order: bool | None = None
    exchange_source_order_id: str | None = None


class ExternalLine(msgspec.Struct):
    """``id`` is the line outside, ``origin_id`` the channel's."""

    id: str = ""
    origin_id: str = ""


class ExternalOrder(msgspec.Struct):
    """A link that an order connector wrote."""

    id: str = ""
    platform: str = ""
    line_items: list[ExternalLine] | None = None


class Carrier(msgspec.Struct):
    """A shipping provider."""

    id: str
    name: str = ""


class Warehouse(msgspec.Struct):
    """Of a warehouse only where it stands."""

    id: str
    address: Address | None = None


class TokenData(msgspec.Struct):
    """A token answer. The expiries are absolute Unix seconds in spite of their names."""

    access_token: str
    refresh_token: str
    access_token_expire_in: int
    refresh_token_expire_in: int
    open_id: str = ""
    seller_name: str = ""
    seller_base_region: str = ""
    granted_scopes: list[str] | None = None


class Shop(msgspec.Struct):
    """A shop the login opens; ``cipher`` names it in calls, ``id`` in webhooks."""

    id: str
    cipher: str
    name: str = ""
    region: str = ""
    seller_type: str = ""
    code: str = ""


class Page(msgspec.Struct):
    """A page of either search; rows are read one by one, so that a bad one does not hide the others."""

    next_page_token: str | None = None
    total_count: int | None = None
    return_orders: list[dict[str, Any]] | None = None
    cancellations: list[dict[str, Any]] | None = None


class Subscription(msgspec.Struct):
    """Where a topic is sent."""

    event_type: str
    address: str = ""


class Notification(msgspec.Struct):
    """The envelope of a webhook."""

    type: int
    timestamp: int = 0
    tts_notification_id: str = ""
    shop_id: str = ""
    seller_open_id: str = ""
    data: dict[str, Any] = {}
