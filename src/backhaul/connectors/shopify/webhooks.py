"""Pure: whether a webhook is genuine, and what it is news of. Both header families are read, in lower case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from backhaul.connectors.shopify.mapping import unix
from backhaul.kit.crypto import hmac_sha256_base64, same, sha256_hex
from backhaul.ports.connector import News
from backhaul.ports.errors import WireDrift

_ORDER, _RETURN = "gid://shopify/Order/", "gid://shopify/Return/"
# Topics that are about an order or a return on it; the rest of the word after the slash does not matter.
_KNOWN = frozenset(
    {"orders", "refunds", "order_transactions", "returns", "reverse_deliveries", "reverse_fulfillment_orders"}
)
_LOGIN = frozenset({"app/uninstalled", "app/scopes_update"})


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Whether one of the client secrets signed these bytes. After a rotation the vendor signs with the old one for
    a while, so several are tried; an empty one never fits."""
    given = _header(headers, "hmac-sha256")
    fits = [same(given, hmac_sha256_base64(secret, raw)) for secret in secrets if secret]
    return bool(given) and any(fits)


def news(raw: bytes, headers: Mapping[str, str], now: int) -> News:
    """What a verified body says. Never raises; ``now`` stands in where the vendor tells no time."""
    topic = _header(headers, "topic")
    shop = _header(headers, "shop-domain")
    event = _header(headers, "event-id") or _header(headers, "webhook-id")
    at = _time(_header(headers, "triggered-at"), now)
    name = event or f"sha256-{sha256_hex(raw)}"
    delivery = f"{shop}:{topic}:{name}"
    if topic in _LOGIN:
        return News(delivery, topic, shop, at, (("connection", shop),))
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return News(delivery, topic, shop, at, (), drift=f"not JSON: {error}")
    if topic.partition("/")[0] not in _KNOWN:
        return News(delivery, topic, shop, at, (), drift=f"unknown topic {topic!r}")
    order_id, return_id = _order_id(topic, body), _found(body, _RETURN)
    if order_id:
        return News(delivery, topic, shop, at, (("order", order_id),), order_id=order_id)
    if return_id:
        # Some topics name only the return; who knows the returns of its cases can tell the order.
        return News(delivery, topic, shop, at, (("return", return_id),))
    return News(delivery, topic, shop, at, (), drift="names no order and no return")


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}") or ""


def _time(text: str, now: int) -> int:
    try:
        return unix(text) if text else now
    except WireDrift:
        return now


def _order_id(topic: str, body: Any) -> str:
    """The order's global id: the body itself, its ``order``, its ``order_id``, or wherever an order is named."""
    if not isinstance(body, dict):
        return _found(body, _ORDER)
    numbers = [body.get("order_id")]
    if isinstance(body.get("order"), dict):
        numbers.append(body["order"].get("id"))
    if topic.startswith("orders/"):
        edit = body.get("order_edit")
        numbers.append(edit.get("order_id") if isinstance(edit, dict) else body.get("id"))
    named = _found(body, _ORDER)
    return named or next((_ORDER + str(each) for each in numbers if isinstance(each, int) and each > 0), "")


def _found(value: Any, prefix: str) -> str:
    return next((each for each in _texts(value, 6) if each.startswith(prefix) and each[len(prefix) :].isdigit()), "")


def _texts(value: Any, depth: int) -> Iterator[str]:
    """All texts of a body, the outer ones first."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from (each for each in inner if isinstance(each, str))
    if depth:
        for each in inner:
            yield from _texts(each, depth - 1)
