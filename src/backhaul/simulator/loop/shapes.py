"""How returns are written: the list, the details and the webhook each have their own names and types for one thing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from backhaul.simulator import money
from backhaul.simulator.loop.model import REVIEW, Desk, Label, Return, ReturnLine

_WORDS = {"refund": "refund", "exchange": "exchange", "store-credit": "credit"}
_PROCESSED = ("exchange", "gift_card", "refund", "return", "shop_cash")


def moment(at: float | None) -> str | None:
    """`yyyy-mm-dd hh:mm:ss`, UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float) -> str:
    """ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def label_url(base: str, label: Label) -> str:
    """Where the label's file is fetched."""
    return label.url or f"{base}/labels/{label.id}/{label.token}.pdf"


def _labels(each: Return, base: str) -> list[dict[str, Any]]:
    return [
        {
            "carrier": label.carrier,
            "line_items": [line.unit.id for line in each.staying],
            "rate": money.text(label.cost, label.currency),
            "status": label.status,
            "tracking_number": label.tracking_number,
            "updated_at": moment(label.updated_at),
            "url": label_url(base, label),
        }
        for label in each.live_labels
    ]


def _common(desk: Desk, each: Return, base: str) -> dict[str, Any]:
    currency = each.order.currency
    lines = each.staying

    def text(minor: int) -> str:
        return money.text(minor, currency)

    exchanged, credited = each.worth("exchange"), each.worth("store-credit")
    label = each.live_labels[-1] if each.live_labels else None
    return {
        "state": each.state,
        "created_at": moment(each.created_at),
        "updated_at": moment(each.updated_at),
        "edited_at": moment(each.edited_at),
        "total": text(sum(line.unit.worth for line in lines)),
        "outcome": outcome(each),
        "type": "return",
        "order_name": each.order.name,
        "customer": each.order.email,
        "currency": currency,
        "multi_currency": False,
        "refund": text(each.refund),
        "gift_card": text(credited),
        "handling_fee": text(each.fee),
        "upsell": "0.00",
        "return_product_total": text(sum(line.unit.price for line in lines)),
        "return_discount_total": text(sum(line.unit.discount for line in lines)),
        "return_tax_total": text(sum(line.unit.tax for line in lines)),
        "return_total": text(sum(line.unit.worth for line in lines)),
        "return_credit_total": text(credited),
        "exchange_product_total": text(exchanged),
        "exchange_discount_total": "0.00",
        "exchange_tax_total": "0.00",
        "exchange_total": text(exchanged),
        "exchange_credit_total": "0.00",
        "carrier": label.carrier if label else "N/A",
        "tracking_number": label.tracking_number if label else "N/A",
        "label_status": label.status if label else None,
        "label_url": label_url(base, label) if label else None,
        "label_rate": text(label.cost) if label else None,
        "label_updated_at": moment(label.updated_at) if label else None,
        "labels": _labels(each, base),
        "status_page_url": f"{base}/portal/{desk.name}/#/status/{each.id}",
        "return_method": None,
        "origin_country": each.address.get("country"),
        "origin_country_code": each.address.get("country_code"),
        "package_reference": None,
        "refund_before_inspection": False,
        "was_processed": each.was_processed,
        "outcomes_processed_at": {f"{name}_processed": moment(each.processed_at.get(name)) for name in _PROCESSED},
    }


def outcome(each: Return) -> str:
    """The outcomes of all lines in one word."""
    return "+".join(sorted({_WORDS[line.outcome] for line in each.staying})) or "refund"


def _line(line: ReturnLine, each: Return) -> dict[str, Any]:
    currency, unit = each.order.currency, line.unit
    return {
        "title": unit.title,
        "sku": unit.sku or None,
        "barcode": unit.barcode,
        "price": money.text(unit.price, currency),
        "discount": money.text(unit.discount, currency),
        "tax": money.text(unit.tax, currency),
        "refund": money.text(unit.worth if line.outcome == "refund" else 0, currency),
        "refund_item": None,
        "refund_tax": None,
        "returned_at": moment(line.returned_at),
        "outcome": _WORDS[line.outcome],
        "return_comment": line.comment,
        "condition": line.condition,
        "disposition": line.disposition,
        "provider_restock_location_id": None,
        "consolidation_tracking": None,
    }


def listed(desk: Desk, each: Return, base: str) -> dict[str, Any]:
    """A return in the list: ids are texts."""
    order = each.order
    return {
        **_common(desk, each, base),
        "id": str(each.id),
        "order_id": str(order.id),
        "order_number": _text(order.number),
        "provider_order_id": _text(order.number_id),
        "provider_order_number": _text(order.number),
        "destination_id": None,
        "line_items": [
            {
                **_line(line, each),
                "line_item_id": str(line.unit.id),
                "provider_line_item_id": str(line.unit.provider_line_id or ""),
                "product_id": str(line.unit.product_id),
                "variant_id": str(line.unit.variant_id),
                "exchange_variant": None,
                "return_reason": line.reason,
                "parent_return_reason": line.parent_reason,
            }
            for line in each.staying
        ],
        "exchanges": [],
        "shopify_refund_object": [
            {
                "id": refund["id"],
                "return_id": each.id,
                "provider_refund_id": refund["provider_refund_id"],
                "created_at": moment(refund["at"]),
                "updated_at": moment(refund["at"]),
                "provider_created_at": moment(refund["at"]),
            }
            for refund in each.refunds
            if refund["provider_refund_id"] is not None
        ],
    }


def detailed(desk: Desk, each: Return, base: str) -> dict[str, Any]:
    """A return in the details: ids are numbers, and the reasons have other names."""
    order = each.order
    first, _, last = (order.buyer or "").partition(" ")
    return {
        **_common(desk, each, base),
        "id": each.id,
        "order_id": order.id,
        "order_number": order.number,
        "provider_order_id": order.number_id,
        "provider_order_number": order.number,
        "exchange": money.text(each.worth("exchange"), order.currency),
        "customer_email": order.email,
        "customer_first_name": first or None,
        "customer_last_name": last or None,
        "line_items": [
            {
                **_line(line, each),
                "line_item_id": line.unit.id,
                "provider_line_item_id": line.unit.provider_line_id,
                "product_id": line.unit.product_id,
                "variant_id": line.unit.variant_id,
                "line_item_title": line.unit.title,
                "variant_title": None,
                "image": None,
                "exchange_variant": None,
                "reason": line.reason,
                "parent_reason": line.parent_reason,
            }
            for line in each.staying
        ],
    }


def told(desk: Desk, each: Return, base: str) -> dict[str, Any]:
    """A return in a webhook, where a review has another word."""
    body = listed(desk, each, base)
    del body["shopify_refund_object"], body["updated_at"]
    return {
        **body,
        "shop_id": desk.shop_id,
        "state": "needs review" if each.state == REVIEW else each.state,
        "is_gift": each.is_gift,
        "address": each.address,
        "refunds": [
            {
                "gateway": refund["gateway"],
                "amount": money.text(refund["amount"], each.order.currency),
                "currency": each.order.currency,
            }
            for refund in each.refunds
        ],
    }


def label_told(desk: Desk, each: Return, label: Label, base: str) -> dict[str, Any]:
    """A label in a webhook."""
    return {
        "shop_id": desk.shop_id,
        "id": label.id,
        "return_id": each.id,
        "carrier": label.carrier,
        "tracking_number": label.tracking_number,
        "status": label.status,
        "label_url": label_url(base, label),
        "rate": {"amount": label.cost, "currency_code": label.currency},
        "created_at": iso(label.created_at),
        "updated_at": iso(label.updated_at),
    }


def noticed(each: Return, base: str) -> list[dict[str, Any]]:
    """The rows of the advance shipping notice: one for each piece of each parcel."""
    label = each.live_labels[-1] if each.live_labels else None
    return [
        {
            "id": each.id,
            "return_line_item_id": str(line.id),
            "order_id": str(each.order.id),
            "order_name": each.order.name,
            "state": each.state,
            "customer_email": each.order.email or "",
            "title": line.unit.title,
            "purchase_price": money.text(line.unit.price, each.order.currency),
            "sku": line.unit.sku,
            "barcode": line.unit.barcode or "",
            "carrier": label.carrier if label else "N/A",
            "tracking_number": label.tracking_number if label else "N/A",
            "label_status": label.status if label else "",
            "restock_status": "restocked" if line.disposition == "restock" else "",
            "currency": each.order.currency,
            "created_at": iso(each.created_at),
            "updated_at": iso(each.updated_at),
            "closed_at": iso(each.closed_at) if each.closed_at else "",
        }
        for line in each.staying
    ]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
