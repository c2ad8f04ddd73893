"""Webhooks out: who is subscribed, what the body looks like, how it is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from .model import Fulfillment, Order, Refund, Transaction
from .money import plain
from .returning import Return, ReverseDelivery, ReverseOrder
from .scalars import iso
from .shop import ShopState

_GROUPS = (
    "REVERSE_FULFILLMENT_ORDERS",
    "REVERSE_DELIVERIES",
    "ORDER_TRANSACTIONS",
    "BULK_OPERATIONS",
    "FULFILLMENTS",
    "REFUNDS",
    "RETURNS",
    "ORDERS",
    "SHOP",
    "APP",
)


class Delivery(Protocol):
    """Whoever carries a webhook to its address; it does the retries by itself."""

    def send(self, url: str, body: bytes, headers: dict[str, str], *, vendor: str, shop: str, topic: str) -> Any:
        """Takes the message and returns at once."""
        ...


def wire_topic(topic: str) -> str:
    """``RETURNS_APPROVE`` as the header writes it: ``returns/approve``."""
    for group in _GROUPS:
        if topic.startswith(group + "_"):
            return f"{group.lower()}/{topic[len(group) + 1 :].lower()}"
    raise ValueError(f"unknown topic {topic!r}")


def sign(secret: str, body: bytes) -> str:
    """The value of ``X-Shopify-Hmac-Sha256``."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Emitter:
    """Sends one event to every subscription of its topic."""

    def __init__(
        self, delivery: Delivery, today: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, body: body
    ) -> None:
        self._delivery = delivery
        self._today = today
        self.return_moved: list[Callable[[str, Return], None]] = []
        """Told of every move of a return with its topic: another simulated system that mirrors returns listens here."""

    def emit(self, shop: ShopState, topic: str, build: Callable[[], dict[str, Any]]) -> None:
        """Builds the body only when somebody is subscribed."""
        wanted = [each for each in shop.subscriptions.values() if each.topic == topic]
        if not wanted:
            return
        payload = build()
        event_id = str(uuid.UUID(int=shop.rng.getrandbits(128), version=4))
        for each in wanted:
            part = {k: v for k, v in payload.items() if k in each.include_fields} if each.include_fields else payload
            body = msgspec.json.encode(self._today(wire_topic(topic), part))
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "Shopify-Captain-Hook",
                "X-Shopify-Topic": wire_topic(topic),
                "X-Shopify-Shop-Domain": shop.domain,
                "X-Shopify-API-Version": shop.app.webhook_version,
                "X-Shopify-Webhook-Id": str(uuid.UUID(int=shop.rng.getrandbits(128), version=4)),
                "X-Shopify-Event-Id": event_id,
                "X-Shopify-Triggered-At": iso(shop.now()),
                "X-Shopify-Hmac-Sha256": sign(shop.app.client_secret, body),
            }
            if each.name:
                headers["X-Shopify-Name"] = each.name
            shop.counts["webhooks_sent"] += 1
            try:
                self._delivery.send(
                    each.uri, body, headers, vendor="shopify", shop=shop.domain, topic=headers["X-Shopify-Topic"]
                )
            except ValueError:
                # Whoever delivers does not go to that address; the change itself has happened all the same.
                shop.counts["webhooks_undeliverable"] += 1


def _moment(at: float | None) -> str | None:
    return None if at is None else iso(at)


def order_body(order: Order) -> dict[str, Any]:
    """The body of the orders topics: the older REST form of an order, the parts this simulator has."""
    currency = order.presentment_currency_code
    address = order.shipping_address
    return {
        "id": order.number_id,
        "admin_graphql_api_id": order.id,
        "name": order.name,
        "order_number": order.number,
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "processed_at": iso(order.processed_at),
        "cancelled_at": _moment(order.cancelled_at),
        "closed_at": _moment(order.closed_at),
        "currency": order.shop.currency,
        "presentment_currency": currency,
        "email": order.email or "",
        "financial_status": order.display_financial_status.lower(),
        "fulfillment_status": _fulfilment_word(order),
        "note": order.note,
        "note_attributes": [{"name": each.key, "value": each.value} for each in order.custom_attributes],
        "source_name": order.source_name,
        "source_identifier": order.source_identifier,
        "tags": ", ".join(order.tags),
        "total_price": plain(order.total_minor, currency),
        "payment_gateway_names": order.payment_gateway_names,
        "shipping_address": None
        if address is None
        else {"name": address.name, "zip": address.zip, "country_code": address.country_code_v2},
        "line_items": [
            {
                "id": line.number_id,
                "admin_graphql_api_id": line.id,
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "current_quantity": line.current_quantity,
                "price": plain(line.unit_price_minor, currency),
                "variant_id": line.variant.number_id if line.variant is not None else None,
            }
            for line in order.lines
        ],
    }


def _fulfilment_word(order: Order) -> str | None:
    words = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
    return words.get(order.display_fulfillment_status)


def transaction_body(transaction: Transaction) -> dict[str, Any]:
    parent = transaction.parent_transaction
    currency = transaction.order.presentment_currency_code
    return {
        "id": transaction.number_id,
        "admin_graphql_api_id": transaction.id,
        "order_id": transaction.order.number_id,
        "kind": transaction.kind.lower(),
        "gateway": transaction.gateway,
        "status": transaction.status.lower(),
        "amount": plain(transaction.amount_minor, currency),
        "currency": currency,
        "created_at": iso(transaction.created_at),
        "processed_at": iso(transaction.processed_at),
        "parent_id": parent.number_id if parent is not None else None,
    }


def refund_body(refund: Refund) -> dict[str, Any]:
    currency = refund.order.presentment_currency_code
    return {
        "id": refund.number_id,
        "admin_graphql_api_id": refund.id,
        "order_id": refund.order.number_id,
        "created_at": iso(refund.created_at),
        "processed_at": iso(refund.processed_at),
        "note": refund.note,
        "restock": any(line.restocked for line in refund.lines),
        "return": None if refund.return_ is None else {"admin_graphql_api_id": refund.return_.id},
        "refund_line_items": [
            {
                "id": line.number_id,
                "line_item_id": line.line_item.number_id,
                "quantity": line.quantity,
                "restock_type": line.restock_type.lower(),
                "location_id": line.location.number_id if line.location is not None else None,
                "subtotal": plain(line.subtotal_minor, currency),
                "total_tax": plain(line.tax_minor, currency),
            }
            for line in refund.lines
        ],
        "transactions": [transaction_body(each) for each in refund.transaction_list],
    }


def return_body(each: Return) -> dict[str, Any]:
    return {
        "id": each.number_id,
        "admin_graphql_api_id": each.id,
        "name": each.name,
        "status": each.status.lower(),
        "created_at": iso(each.created_at),
        "closed_at": _moment(each.closed_at),
        "order": {"id": each.order.number_id, "admin_graphql_api_id": each.order.id},
        "decline": None if each.decline_reason is None else {"reason": each.decline_reason.lower()},
        "total_return_line_items": len(each.lines),
        "return_line_items": [
            {
                "id": line.number_id,
                "admin_graphql_api_id": line.id,
                "quantity": line.quantity,
                "return_reason": line.return_reason.lower(),
                "return_reason_note": line.return_reason_note,
                "customer_note": line.customer_note,
                "fulfillment_line_item": {"admin_graphql_api_id": line.fulfillment_line_item.id},
            }
            for line in each.lines
        ],
    }


def delivery_body(each: ReverseDelivery) -> dict[str, Any]:
    owner = each.reverse_fulfillment_order
    return {
        "id": each.number_id,
        "admin_graphql_api_id": each.id,
        "shipping_deliverable": {
            "tracking": {
                "number": each.tracking_number,
                "url": each.tracking_url,
                "carrier_name": each.carrier_name,
            },
            "label": {"public_file_url": each.label_url},
        },
        "reverse_delivery_line_items": [
            {"admin_graphql_api_id": line.id, "quantity": line.quantity} for line in each.lines
        ],
        "return": {"id": owner.return_.number_id, "admin_graphql_api_id": owner.return_.id},
    }


def reverse_order_body(each: ReverseOrder) -> dict[str, Any]:
    return {
        "id": each.number_id,
        "admin_graphql_api_id": each.id,
        "status": each.status.lower(),
        "order": {"admin_graphql_api_id": each.order.id},
        "return": {"admin_graphql_api_id": each.return_.id},
        "line_items": [
            {
                "admin_graphql_api_id": line.id,
                "quantity": line.total_quantity,
                "dispositions": [{"type": d.type.lower(), "quantity": d.quantity} for d in line.dispositions],
            }
            for line in each.lines
        ],
    }


def fulfillment_body(each: Fulfillment) -> dict[str, Any]:
    return {
        "id": each.number_id,
        "admin_graphql_api_id": each.id,
        "order_id": each.order.number_id,
        "name": each.name,
        "status": each.status.lower(),
        "created_at": iso(each.created_at),
        "updated_at": iso(each.updated_at),
        "line_items": [
            {"id": line.line_item.number_id, "sku": line.line_item.sku, "quantity": line.quantity}
            for line in each.lines
        ],
    }
