"""Webhooks of the simulated channel: subscriptions, envelope, signature, and the quirks of single topics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backhaul.simulator import faults
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.delivery import Message, WebhookDelivery, require_local_address
from backhaul.simulator.ids import Ids
from backhaul.simulator.moods import Moods
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.auth import Authority, Grant
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Cancellation, Order, Product, Return, Shop
from backhaul.simulator.tiktok.signing import webhook_signature

VENDOR = "tiktok"
TOPICS: dict[str, int] = {
    "ORDER_STATUS_CHANGE": 1,
    "REVERSE_STATUS_UPDATE": 2,
    "RECIPIENT_ADDRESS_UPDATE": 3,
    "PACKAGE_UPDATE": 4,
    "PRODUCT_STATUS_CHANGE": 5,
    "SELLER_DEAUTHORIZATION": 6,
    "UPCOMING_AUTHORIZATION_EXPIRATION": 7,
    "CANCELLATION_STATUS_CHANGE": 11,
    "RETURN_STATUS_CHANGE": 12,
    "NEW_CONVERSATION": 13,
    "NEW_MESSAGE": 14,
    "PRODUCT_INFORMATION_CHANGE": 15,
    "PRODUCT_CREATION": 16,
    "PRODUCT_CATEGORY_CHANGE": 18,
    "NEW_MESSAGE_LISTENER": 33,
    "INVOICE_STATUS_CHANGE": 36,
    "PRODUCT_AUDIT_STATUS_CHANGE": 37,
    "AFTERSALES_REQUEST_STATUS_UPDATE": 64,
    "RMA_STATUS_UPDATE": 65,
    "REFUND_SUCCESS": 67,
}


_STOCK = 68
# Status of a return -> number of it in the older model.
OLDER_STATUSES = {
    m.REJECTED: 2,
    m.AWAITING_SHIP: 3,
    m.SHIPPED: 4,
    m.PARCEL_REJECTED: 5,
    m.SUCCESS: 50,
    m.CANCELLED: 51,
    m.COMPLETE: 100,
    m.REPLACEMENT_REJECTED: 2,
    m.REPLACEMENT_CANCELLED: 51,
    m.REPLACEMENT_COMPLETE: 100,
    m.REPLACEMENT_REFUNDED: 100,
    m.EXCHANGE_CANCELLED: 51,
    m.EXCHANGE_COMPLETE: 100,
    m.EXCHANGE_REFUNDED: 100,
}


@dataclass(slots=True)
class Subscription:
    """One address for one topic of one shop."""

    address: str
    created_at: int
    updated_at: int


class Events:
    """Knows who listens to what, and tells them."""

    def __init__(
        self, clock: SimulatedClock, ids: Ids, moods: Moods, delivery: WebhookDelivery, authority: Authority
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._moods = moods
        self._delivery = delivery
        self._authority = authority
        self.all_subscriptions: dict[tuple[str, str], dict[str, Subscription]] = {}

    def subscriptions(self, app_key: str, shop_id: str) -> dict[str, Subscription]:
        """Topic to subscription, of one app and shop."""
        return self.all_subscriptions.setdefault((app_key, shop_id), {})

    def subscribe(self, app_key: str, shop_id: str, topic: str, address: str) -> None:
        """Creates or replaces a subscription."""
        if topic not in TOPICS:
            raise ApiError(98001004, f"invalid parameter event_type: {topic}")
        if len(address) > 255:
            raise ApiError(98001004, "invalid parameter address: at most 255 characters")
        try:
            require_local_address(address)
        except ValueError as error:
            raise ApiError(98001004, f"invalid parameter address: {error}") from None
        now = self._clock.seconds()
        known = self.subscriptions(app_key, shop_id)
        old = known.get(topic)
        known[topic] = Subscription(address, now if old is None else old.created_at, now)

    def order_changed(self, order: Order, copies: int = 1) -> int:
        """Type 1. A cancelled order says CANCEL here, and partial shipment is not told."""
        if order.status == "PARTIALLY_SHIPPING":
            return 0
        status = "CANCEL" if order.status == "CANCELLED" else order.status
        return self.emit(
            order.shop,
            "ORDER_STATUS_CHANGE",
            {
                "order_id": order.id,
                "order_status": status,
                "is_on_hold_order": order.status == "ON_HOLD",
                "update_time": order.updated_at,
            },
            order.id,
            copies,
        )

    def cancellation_changed(self, case: Cancellation, copies: int = 1) -> int:
        """Type 11, which has no update time."""
        return self.emit(
            case.shop,
            "CANCELLATION_STATUS_CHANGE",
            {
                "order_id": case.order.id,
                "cancellations_role": case.role,
                "cancel_status": case.status,
                "cancel_id": case.id,
                "create_time": case.created_at,
            },
            case.id,
            copies,
        )

    def return_changed(self, case: Return, copies: int = 1) -> int:
        """Type 12; sometimes, by mood, with the odd spelling of a withdrawn request."""
        status = case.status
        if status == "RETURN_OR_REFUND_REQUEST_CANCEL" and self._moods.strike(
            VENDOR, "RETURN_STATUS_CHANGE", ("webhook_double_underscore",)
        ):
            status = "RETURN_OR_REFUND__REQUEST_CANCELLED"
        return self.emit(
            case.shop,
            "RETURN_STATUS_CHANGE",
            {
                "order_id": case.order.id,
                "return_role": case.role,
                "return_type": case.type,
                "return_status": status,
                "return_id": case.id,
                "create_time": case.created_at,
                "update_time": case.updated_at,
            },
            case.id,
            copies,
        )

    def older_return_changed(self, case: Return) -> int:
        """Type 2, the older model's event, for those who have subscribed to it by name."""
        kind = {"REFUND": ("ORDER_REFUND", 2)}.get(case.type, ("ORDER_RETURN", 3))
        data = {
            "order_id": case.order.id,
            "reverse_order_id": case.id,
            "reverse_event_type": kind[0],
            "reverse_type": kind[1],
            "reverse_order_status": OLDER_STATUSES.get(case.status, 1),
            "update_time": case.updated_at,
        }
        return self.emit(case.shop, "REVERSE_STATUS_UPDATE", data, case.id, by_name=True)

    def address_changed(self, order: Order) -> int:
        """Type 3."""
        data = {"order_id": order.id, "update_time": order.updated_at}
        return self.emit(order.shop, "RECIPIENT_ADDRESS_UPDATE", data, order.id)

    def parcel_split(self, order: Order) -> int:
        """Type 4: part of an order that was packed already has been cancelled."""
        data = {
            "sc_type": "PARTLY_CANCEL_SPLIT",
            "role_type": "ROLE_SELLER",
            "package_list": [{"package_id": order.package_id, "order_id_list": [order.id]}],
            "update_time": order.updated_at,
        }
        return self.emit(order.shop, "PACKAGE_UPDATE", data, order.id)

    def stock_changed(self, shop: Shop, product: Product) -> int:
        """Type 68, to the app's own address: no topic of this name can be subscribed to. Ids are numbers in it."""
        data = {
            "event_id": self._ids.decimal("68", 19),
            "occurred_at": datetime.fromtimestamp(self._clock.seconds(), UTC).isoformat().replace("+00:00", "Z"),
            "seller_id": int(shop.seller_id),
            "product_id": int(product.product_id),
            "sku_id": int(product.sku_id),
        }
        made = 0
        for grant in self._listeners(shop.id):
            if grant.app.webhook_address:
                envelope = {"type": _STOCK, "shop_id": shop.id, "timestamp": self._clock.seconds(), "data": data}
                made += self._send(grant, grant.app.webhook_address, "INVENTORY_CHANGED", envelope, product.sku_id, 1)
        return made

    def emit(
        self, shop: Shop, topic: str, data: dict[str, Any], subject: str, copies: int = 1, *, by_name: bool = False
    ) -> int:
        """Tells every app that listens; returns how many messages were made. Copies share one notification id.

        With `by_name` only those hear of it who have subscribed to this very topic.
        """
        made = 0
        for grant in self._listeners(shop.id):
            address = self._address(grant, shop.id, topic, by_name=by_name)
            if address:
                envelope = {"type": TOPICS[topic], "shop_id": shop.id, "timestamp": self._clock.seconds(), "data": data}
                made += self._send(grant, address, topic, envelope, subject, copies)
        return made

    def emit_raw(self, shop: Shop, envelope: dict[str, Any], subject: str = "", copies: int = 1) -> int:
        """Sends an envelope as given, also of unknown type, to the address for returns of every app that listens."""
        topics = {number: name for name, number in TOPICS.items()}
        topic = topics.get(int(envelope.get("type", 0)), "RETURN_STATUS_CHANGE")
        made = 0
        for grant in self._listeners(shop.id):
            address = self._address(grant, shop.id, topic) or self._address(grant, shop.id, "RETURN_STATUS_CHANGE")
            if address:
                made += self._send(grant, address, topic, dict(envelope), subject, copies)
        return made

    def authorisation_ended(self, grant: Grant, message: str) -> None:
        """Type 6."""
        self._seller_event(grant, "SELLER_DEAUTHORIZATION", {"message": message})

    def authorisation_ending(self, grant: Grant) -> None:
        """Type 7, one of a daily row."""
        self._seller_event(
            grant,
            "UPCOMING_AUTHORIZATION_EXPIRATION",
            {"message": "authorization is about to expire", "expiration_time": str(int(grant.ends_at))},
        )

    def watch_expiry(self, grant: Grant) -> None:
        """Schedules the announcements of a grant's end, one after the other."""
        times = self._authority.warning_times(grant)
        if not times:
            return

        def announce() -> None:
            if not grant.revoked:
                self.authorisation_ending(grant)
                self.watch_expiry(grant)

        self._clock.schedule(times[0], announce)

    def _seller_event(self, grant: Grant, topic: str, data: dict[str, Any]) -> None:
        """One for each shop; by mood it names the seller in place of the shop, as the newer seller-level events do."""
        for shop_id in grant.shop_ids:
            address = self._address(grant, shop_id, topic)
            if not address:
                continue
            seller_level = self._moods.strike(VENDOR, topic, ("webhook_seller_level",)) is not None
            whose = {"seller_open_id": grant.seller.open_id} if seller_level else {"shop_id": shop_id}
            envelope = {"type": TOPICS[topic], **whose, "timestamp": self._clock.seconds(), "data": data}
            self._send(grant, address, topic, envelope, shop_id, 1)

    def _listeners(self, shop_id: str) -> list[Grant]:
        """One grant for each app: an app that was authorised anew is told once all the same."""
        return list({grant.app.app_key: grant for grant in self._authority.live_grants(shop_id)}.values())

    def _address(self, grant: Grant, shop_id: str, topic: str, *, by_name: bool = False) -> str:
        subscription = self.all_subscriptions.get((grant.app.app_key, shop_id), {}).get(topic)
        if subscription is not None:
            return subscription.address
        return "" if by_name else grant.app.webhook_address

    def _send(self, grant: Grant, address: str, topic: str, envelope: dict[str, Any], subject: str, copies: int) -> int:
        notification_id = self._ids.decimal("73", 19)
        envelope = faults.changed(self._moods, VENDOR, topic, envelope)
        if not self._moods.strike(VENDOR, topic, ("webhook_no_id",)):
            envelope.setdefault("tts_notification_id", notification_id)
        pretty = self._moods.strike(VENDOR, topic, ("webhook_pretty",)) is not None
        text = json.dumps(envelope, indent=2) if pretty else json.dumps(envelope, separators=(",", ":"))
        body = text.encode()
        signature = webhook_signature(grant.app.app_key, grant.app.app_secret, body)
        for _ in range(copies):
            self._delivery.send(
                Message(
                    VENDOR,
                    topic,
                    address,
                    str(envelope.get("tts_notification_id", "")),
                    body,
                    {"Content-Type": "application/json", "Authorization": signature},
                    subject,
                    # A bad signature is an answer too: the receiver was reached and said no.
                    accepts=lambda status: status in (200, 401),
                )
            )
        return copies
