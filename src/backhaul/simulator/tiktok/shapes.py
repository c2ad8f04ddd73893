"""Wire shapes of the simulated channel: plain dictionaries, as the API writes them."""

from __future__ import annotations

from typing import Any

from backhaul.simulator import money
from backhaul.simulator.tiktok import reasons
from backhaul.simulator.tiktok.model import (
    Amounts,
    Cancellation,
    Case,
    CaseLine,
    Line,
    Order,
    Product,
    Return,
    Shop,
)

_METHODS = {"PLATFORM": "PLATFORM_SHIPPED", "SELLER": "SELLER_SHIPPED", "BUYER_ARRANGE": "BUYER_SHIPPED"}
# Order status -> status of its outbound parcel, for the statuses in which an order has one.
PARCEL_STATUS = {
    "PARTIALLY_SHIPPING": "PROCESSING",
    "AWAITING_COLLECTION": "PROCESSING",
    "IN_TRANSIT": "FULFILLING",
    "DELIVERED": "COMPLETED",
    "COMPLETED": "COMPLETED",
    "CANCELLED": "CANCELLED",
}
_MASKED_STATUSES = frozenset({"UNPAID", "ON_HOLD", "CANCELLED"})
_MONTH = 30 * 86400
MASK = "****"


def amount(shop: Shop, minor: int) -> str:
    """Money as text in the shop's currency."""
    return money.text(minor, shop.currency, uneven=shop.switches.uneven_money)


def image_of(product: Product) -> dict[str, Any]:
    """A product picture."""
    return {"url": f"https://simulated.invalid/{product.sku_id}.jpg", "width": 800, "height": 800}


def refund_amount(shop: Shop, amounts: Amounts) -> dict[str, str]:
    """`refund_amount` of a case or unit."""
    return {
        "currency": shop.currency,
        "refund_total": amount(shop, amounts.total),
        "refund_subtotal": amount(shop, amounts.subtotal),
        "refund_shipping_fee": amount(shop, amounts.shipping),
        "refund_tax": amount(shop, amounts.tax),
        "retail_delivery_fee": "0",
        "buyer_service_fee": "0",
    }


def _due(case: Case) -> list[dict[str, Any]]:
    return [] if case.due_action is None else [{"action": case.due_action, "deadline": case.due_at}]


def _case_line(shop: Shop, item: CaseLine, prefix: str) -> dict[str, Any]:
    product = item.line.product
    shape: dict[str, Any] = {
        f"{prefix}_line_item_id": item.id,
        "order_line_item_id": item.line.id,
        "sku_id": product.sku_id,
        "sku_name": product.variant,
        "product_name": product.title,
        "seller_sku": product.seller_sku,
        "product_image": image_of(product),
        "refund_amount": refund_amount(shop, item.amounts),
    }
    if product.components:
        shares = money.split(item.amounts.total, [part.price for part in product.components])
        shape[f"{prefix}_sub_line_items"] = [
            {
                f"{prefix}_sub_line_item_id": sub_id,
                f"{prefix}_line_item_id": item.id,
                "sub_order_line_item_id": order_sub_id,
                "order_line_item_id": item.line.id,
                "sku_id": part.sku_id,
                "sku_name": part.variant,
                "product_name": part.title,
                "seller_sku": part.seller_sku,
                "product_image": image_of(part),
                "refund_amount": {"currency": shop.currency, "refund_total": amount(shop, share)},
            }
            for part, sub_id, order_sub_id, share in zip(
                product.components, item.component_ids, item.line.component_ids, shares, strict=True
            )
        ]
    return shape


def _discounts(case: Case) -> dict[str, str]:
    shop = case.shop
    return {
        "currency": shop.currency,
        "product_seller_discount": amount(shop, sum(item.line.seller_discount for item in case.lines)),
        "product_platform_discount": amount(shop, sum(item.line.platform_discount for item in case.lines)),
        "shipping_fee_seller_discount": "0",
        "shipping_fee_platform_discount": "0",
    }


def return_shape(case: Return) -> dict[str, Any]:
    """One return, newest version; `older_return` makes the 202309 form of it."""
    shop = case.shop
    goods_travel = case.type in ("RETURN_AND_REFUND", "EXCHANGE")
    shape: dict[str, Any] = {
        "return_id": case.id,
        "order_id": case.order.id,
        "return_type": case.type,
        "return_status": case.status,
        "role": case.role,
        "return_reason": case.reason,
        "return_reason_text": reasons.text(case.reason),
        "can_buyer_keep_item": case.keep_item,
        "create_time": case.created_at,
        "update_time": case.updated_at,
        "seller_next_action_response": _due(case),
        "refund_amount": refund_amount(shop, case.amounts),
        "discount_amount": [_discounts(case)],
        "return_line_items": [_case_line(shop, item, "return") for item in case.lines],
        "is_combined_return": bool(case.combined_id),
        "is_quick_refund": case.quick_refund,
        "buyer_rejected_partial_refund": case.offer_refused,
    }
    optional = {
        "arbitration_status": case.arbitration,
        "combined_return_id": case.combined_id,
        "pre_return_id": case.previous_id,
        "next_return_id": case.next_id,
    }
    shape.update({name: value for name, value in optional.items() if value})
    if case.partial is not None:
        shape["seller_proposed_return_type"] = "PARTIAL_REFUND"
        shape["partial_refund"] = {"currency": shop.currency, "amount": amount(shop, case.partial)}
    if goods_travel:
        shape.update(_way_back(case))
    return shape


def _way_back(case: Return) -> dict[str, Any]:
    shop = case.shop
    method = _METHODS[case.shipment]
    if method == "SELLER_SHIPPED" and shop.switches.seller_arrange_word:
        method = "SELLER_ARRANGE"
    shape: dict[str, Any] = {
        "shipment_type": "PLATFORM" if case.shipment == "PLATFORM" else "BUYER_ARRANGE",
        "handover_method": case.handover,
        "return_method": method,
        "return_shipping_document_type": case.document_type,
        "return_warehouse_address": {"full_address": warehouse_address(shop)["full_address"]},
        "shipping_fee_amount": [
            {
                "currency": shop.currency,
                **{
                    f"{payer}_paid_return_shipping_fee": amount(
                        shop, case.freight if case.freight_payer == payer else 0
                    )
                    for payer in ("seller", "platform", "buyer")
                },
            }
        ],
    }
    if case.tracking_number:
        shape["return_tracking_number"] = case.tracking_number
        shape["return_provider_id"] = case.provider_id
        shape["return_provider_name"] = shop.carriers.get(case.provider_id, "Other carrier")
    return shape


def older_return(shape: dict[str, Any]) -> dict[str, Any]:
    """The 202309 form: without quick refunds and bundle components."""
    older = {name: value for name, value in shape.items() if name != "is_quick_refund"}
    older["return_line_items"] = [
        {name: value for name, value in item.items() if name != "return_sub_line_items"}
        for item in shape["return_line_items"]
    ]
    return older


def cancellation_shape(case: Cancellation, *, older: bool) -> dict[str, Any]:
    """One cancellation."""
    lines = [_case_line(case.shop, item, "cancel") for item in case.lines]
    shape: dict[str, Any] = {
        "cancel_id": case.id,
        "order_id": case.order.id,
        "cancel_type": case.type,
        "cancel_status": case.status,
        "role": case.role,
        "cancel_reason": case.reason,
        "cancel_reason_text": reasons.text(case.reason),
        "create_time": case.created_at,
        "update_time": case.updated_at,
        "seller_next_action_response": _due(case),
        "refund_amount": refund_amount(case.shop, case.amounts),
        "cancel_line_items": lines,
    }
    if older:
        for line in lines:
            line.pop("cancel_sub_line_items", None)
    else:
        shape["should_replenish_stock"] = case.replenish
    return shape


def warehouse_address(shop: Shop) -> dict[str, Any]:
    """The shop's warehouse. `distict` is the vendor's spelling."""
    city, state, postal_code = shop.market.cities[0]
    return {
        "region": shop.market.region,
        "region_code": shop.market.region,
        "state": state,
        "city": city,
        "distict": "Harbour",
        "postal_code": postal_code,
        "contact_person": "Simulated Returns",
        "phone_number": "+15550100",
        "address_line1": "7 Simulated Way",
        "full_address": f"7 Simulated Way, {city}, {state} {postal_code}, {shop.market.region}",
    }


def package_status(order: Order) -> str:
    """Status of the outbound parcel of an order."""
    return PARCEL_STATUS.get(order.status, "TO_FULFILL")


def order_line(order: Order, line: Line) -> dict[str, Any]:
    """One unit of an order."""
    shop, product = order.shop, line.product
    shape: dict[str, Any] = {
        "id": line.id,
        "sku_id": product.sku_id,
        "product_id": product.product_id,
        "product_name": product.title,
        "sku_name": product.variant,
        "sku_image": image_of(product)["url"],
        "sku_type": "NORMAL",
        "seller_sku": product.seller_sku,
        "currency": shop.currency,
        "original_price": amount(shop, line.original_price),
        "sale_price": amount(shop, line.sale_price),
        "seller_discount": amount(shop, line.seller_discount),
        "platform_discount": amount(shop, line.platform_discount),
        "display_status": line.status,
        "package_id": line.package_id,
        "package_status": _PACKAGE_STATUS.get(line.status, "TO_FULFILL"),
        "tracking_number": order.tracking_number,
        "shipping_provider_id": order.provider_id,
        "shipping_provider_name": shop.carriers.get(order.provider_id, ""),
        "is_gift": False,
        "item_tax": [{"tax_type": "SALES_TAX", "tax_amount": amount(shop, line.tax), "tax_rate": "0.08"}]
        if line.tax
        else [],
    }
    if line.cancel_user:
        shape["cancel_user"] = line.cancel_user
        shape["cancel_reason"] = line.cancel_reason
    if product.components:
        shares = money.split(line.sale_price, [part.price for part in product.components])
        shape["sub_item_info"] = [
            {
                "id": sub_id,
                "sku_id": part.sku_id,
                "product_id": part.product_id,
                "product_name": part.title,
                "sku_name": part.variant,
                "seller_sku": part.seller_sku,
                "currency": shop.currency,
                "sale_price": amount(shop, share),
                "display_status": line.status,
            }
            for part, sub_id, share in zip(product.components, line.component_ids, shares, strict=True)
        ]
    return shape


_PACKAGE_STATUS = {
    "AWAITING_COLLECTION": "PROCESSING",
    "IN_TRANSIT": "FULFILLING",
    "DELIVERED": "COMPLETED",
    "COMPLETED": "COMPLETED",
    "CANCELLED": "CANCELLED",
}


def recipient_address(order: Order, now: float) -> dict[str, Any] | None:
    """The buyer's address with the market's masking, None where the channel leaves the block out."""
    if order.status in ("UNPAID", "ON_HOLD"):
        return None
    buyer, region = order.buyer, order.shop.market.region
    old = order.completed_at > 0 and now - order.completed_at > _MONTH
    by_channel = order.fulfillment_type == "FULFILLMENT_BY_TIKTOK"
    hidden = region == "US" and (by_channel or old or order.status in _MASKED_STATUSES)
    names_hidden = hidden or (region != "US" and order.shipping_type == "TIKTOK")
    by_platform = order.shipping_type == "TIKTOK" and order.shop.switches.mask_platform_shipped
    street_hidden = hidden or (region == "US" and by_platform)
    street = MASK if street_hidden else buyer.street
    return {
        "full_address": MASK if street_hidden else f"{buyer.street}, {buyer.city}, {buyer.state} {buyer.postal_code}",
        "phone_number": "(+**)*****00" if names_hidden or street_hidden else buyer.phone,
        "name": f"{buyer.first_name[:1]}***" if names_hidden else f"{buyer.first_name} {buyer.last_name}",
        "first_name": MASK if names_hidden else buyer.first_name,
        "last_name": MASK if names_hidden else buyer.last_name,
        "region_code": region,
        "postal_code": MASK if hidden else buyer.postal_code,
        "address_line1": street,
        "address_detail": street,
        "district_info": [
            {"address_level": "L0", "address_level_name": "Country", "address_name": region, "iso_code": region},
            {"address_level": "L1", "address_level_name": "State", "address_name": buyer.state},
            {"address_level": "L2", "address_level_name": "City", "address_name": buyer.city},
            {"address_level": "L3", "address_level_name": "District", "address_name": MASK if hidden else "Harbour"},
        ],
    }


def order_shape(order: Order, now: float, *, detail: bool) -> dict[str, Any]:
    """One order. The search leaves out what only the detail call has."""
    shop = order.shop
    lines = order.lines
    shape: dict[str, Any] = {
        "id": order.id,
        "status": order.status,
        "user_id": order.buyer.user_id,
        "create_time": order.created_at,
        "update_time": order.updated_at,
        "paid_time": order.paid_at,
        "shipping_type": order.shipping_type,
        "fulfillment_type": order.fulfillment_type,
        "delivery_type": "HOME_DELIVERY",
        "delivery_option_id": order.delivery_option_id,
        "delivery_option_name": "Standard shipping",
        "warehouse_id": shop.warehouse_id,
        "shipping_provider_id": order.provider_id,
        "shipping_provider": shop.carriers.get(order.provider_id, ""),
        "tracking_number": order.tracking_number,
        "packages": [{"id": order.package_id}] if order.package_id else [],
        "is_on_hold_order": order.status == "ON_HOLD",
        "is_buyer_request_cancel": order.request_cancel_at > 0,
        "is_cod": False,
        "commerce_platform": "TIKTOK_SHOP",
        "order_type": "NORMAL",
        "payment_method_name": "Simulated card",
        "line_items": [order_line(order, line) for line in lines],
        "payment": {
            "currency": shop.currency,
            "original_total_product_price": amount(shop, sum(line.original_price for line in lines)),
            "seller_discount": amount(shop, sum(line.seller_discount for line in lines)),
            "platform_discount": amount(shop, sum(line.platform_discount for line in lines)),
            "sub_total": amount(shop, sum(line.sale_price for line in lines)),
            "original_shipping_fee": amount(shop, order.shipping_fee),
            "shipping_fee": amount(shop, order.shipping_fee),
            "product_tax": amount(shop, sum(line.tax for line in lines)),
            "shipping_fee_tax": amount(shop, order.shipping_tax),
            "tax": amount(shop, order.tax),
            "total_amount": amount(shop, order.total),
        },
    }
    times = {
        "rts_sla_time": order.ship_by if order.paid_at else 0,
        "cancel_order_sla_time": order.ship_by if order.paid_at else 0,
        "rts_time": order.shipped_at,
        "delivery_time": order.delivered_at,
        "cancel_time": order.cancelled_at,
        "request_cancel_time": order.request_cancel_at,
    }
    shape.update({name: at for name, at in times.items() if at})
    address = recipient_address(order, now)
    if address is not None:
        shape["recipient_address"] = address
    if order.cancel_reason:
        shape["cancel_reason"] = order.cancel_reason
        shape["cancellation_initiator"] = order.cancel_user
    if detail:
        shape["buyer_email"] = order.buyer.email
        shape["buyer_nickname"] = order.buyer.first_name.lower()
        shape["is_sample_order"] = order.is_sample
        shape["is_replacement_order"] = bool(order.replaced_order_id)
        shape["is_exchange_order"] = bool(order.exchange_source_id)
        if order.replaced_order_id:
            shape["replaced_order_id"] = order.replaced_order_id
        if order.exchange_source_id:
            shape["exchange_source_order_id"] = order.exchange_source_id
    return shape
