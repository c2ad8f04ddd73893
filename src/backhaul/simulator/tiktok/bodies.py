"""What the bodies of calls may hold: names and types. Whether values make sense is the business of each operation.

Unknown fields are left alone, as the channel does; a null is a field that is not there.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from backhaul.simulator.tiktok.errors import ApiError


class Times(TypedDict, total=False):
    create_time_ge: int
    create_time_lt: int
    update_time_ge: int
    update_time_lt: int


class LineRef(TypedDict, total=False):
    order_line_item_id: str


class SkuCount(TypedDict, total=False):
    sku_id: str
    quantity: int


class Units(TypedDict, total=False):
    skus: list[SkuCount]
    order_line_item_ids: list[str]
    order_line_list: list[LineRef]


class StartReturn(Units, total=False):
    order_id: str
    return_reason: str
    return_type: str
    refund_total: str
    currency: str
    shipment_type: str
    handover_method: str


class Calculate(Units, total=False):
    order_id: str
    request_type: str
    reason_name: str


class CancelOrder(Units, total=False):
    order_id: str
    cancel_reason: str


class Image(TypedDict, total=False):
    image_id: str
    mime_type: str


class Partial(TypedDict, total=False):
    currency: str
    amount: str


class Decide(TypedDict, total=False):
    decision: str
    buyer_keep_item: bool
    partial_refund: Partial
    reject_reason: str
    comment: str
    images: list[Image]


class SearchReturns(Times, total=False):
    return_ids: list[str]
    order_ids: list[str]
    buyer_user_ids: list[str]
    return_types: list[str]
    return_status: list[str]
    seller_proposed_return_type: list[str]
    arbitration_status: list[str]


class SearchCancellations(Times, total=False):
    cancel_ids: list[str]
    order_ids: list[str]
    buyer_user_ids: list[str]
    cancel_types: list[str]
    cancel_status: list[str]


class Filters(TypedDict, total=False):
    aftersales_request_ids: list[str]
    aftersales_request_statuses: list[str]
    return_types: list[str]
    buyer_ids: list[str]
    main_order_ids: list[str]
    rma_ids: list[str]
    statuses: list[str]
    package_ids: list[str]
    time: dict[str, int]


class Sort(TypedDict, total=False):
    sort_field: str
    sort_order: str


class Pagination(TypedDict, total=False):
    page_size: int
    page_token: str


class SearchGroups(TypedDict, total=False):
    whitelisted_data_fields: list[str]
    filters: Filters
    sort: Sort
    pagination: Pagination


class ReturnLineRef(TypedDict, total=False):
    return_line_item_id: str
    sub_return_line_item_id: str


class PartialTotal(TypedDict, total=False):
    partial_refund_total: str
    currency: str


class LineDecision(TypedDict, total=False):
    line_items: list[ReturnLineRef]
    action: str
    reject_reason: str
    comment: str
    images: list[Image]
    buyer_keep_item: bool
    partial_refund_amount: PartialTotal


class RequestDecision(TypedDict, total=False):
    request_id: str
    request_id_type: str
    line_item_decisions: list[LineDecision]
    idempotency_key: str


class Review(TypedDict, total=False):
    aftersales_request_decisions: list[RequestDecision]


class SearchOrders(Times, total=False):
    order_status: str
    shipping_type: str
    buyer_user_id: str
    is_buyer_request_cancel: bool
    warehouse_ids: list[str]


class ExternalLine(TypedDict, total=False):
    id: str
    origin_id: str


class ExternalOrder(TypedDict, total=False):
    id: str
    platform: str
    line_items: list[ExternalLine]


class LinkedOrder(TypedDict, total=False):
    id: str
    external_order: ExternalOrder


class AddExternal(TypedDict, total=False):
    orders: list[LinkedOrder]


class SearchPackages(Times, total=False):
    package_status: str


class Subscribe(TypedDict, total=False):
    event_type: str
    address: str


class SearchProducts(TypedDict, total=False):
    status: str
    seller_skus: list[str]
    sku_ids: list[str]


class SearchInventory(TypedDict, total=False):
    product_ids: list[str]
    sku_ids: list[str]


def without_nulls(value: Any) -> Any:
    """The value without the fields that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def check(body: dict[str, Any], kind: Any, code: int) -> None:
    """Raises ApiError with the code and the place of the first value that has the wrong type."""
    try:
        msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise ApiError(code, f"invalid parameter: {error}") from None
