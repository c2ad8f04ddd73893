"""Webhooks of the desk: bodies written with escaped slashes, signed over exactly those bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from backhaul.simulator import faults
from backhaul.simulator.delivery import Message, RealAddressRefused, WebhookDelivery
from backhaul.simulator.loop.model import Desk
from backhaul.simulator.moods import Moods

VENDOR = "loop"
TOPIC_OF = {
    "return.created": "return",
    "return.updated": "return",
    "return.closed": "return",
    "return.processing.failed": "return.processing",
    "label.created": "label",
    "label.updated": "label",
    "restock.requested": "restock",
    "label.request.issued": "label.request",
    "label.request.cancelled": "label.request",
    "giftcard.requested": "giftcard",
    "shipment.processed": "happy.returns.shipment",
}
TOPICS = tuple(dict.fromkeys(TOPIC_OF.values()))
# [inferred]: nothing is published about repeats.
_RETRIES = (60.0, 300.0, 1800.0)


def encode(payload: Any) -> bytes:
    """JSON as PHP writes it: slashes and everything beyond ASCII escaped."""
    return json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode()


def sign(secret: str, body: bytes) -> str:
    """The value of X-Loop-Signature."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Hooks:
    """Tells the subscribers of a desk."""

    def __init__(self, delivery: WebhookDelivery, moods: Moods) -> None:
        self._delivery = delivery
        self._moods = moods

    def emit(self, desk: Desk, trigger: str, payload: dict[str, Any]) -> int:
        """One message for each active subscription; a topic that does not go with the trigger has an empty body."""
        made = 0
        for each in list(desk.subscriptions.values()):
            if each.trigger != trigger or each.status != "active":
                continue
            fits = each.topic == TOPIC_OF[trigger]
            whole: Any = {"topic": each.topic, "trigger": trigger, **payload} if fits else []
            body = encode(faults.changed(self._moods, VENDOR, trigger, whole))
            headers = {"Content-Type": "application/json", "X-Loop-Signature": sign(desk.secret, body)}
            message = Message(
                VENDOR,
                trigger,
                each.url,
                "",
                body,
                headers,
                desk.domain,
                retries=_RETRIES,
                timeout=5.0,
                accepts=lambda status: 200 <= status < 300,
            )
            try:
                self._delivery.send(message)
            except RealAddressRefused:
                self._delivery.counts["refused"] += 1
                continue
            made += 1
        return made
