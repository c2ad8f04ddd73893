"""Pure: is a notification genuine, and what does it hint at.

The signature has no time in it, so a replay verifies again: the notification id, not the time stamp, tells repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from backhaul.connectors.tiktok_shop.reading import shaped
from backhaul.connectors.tiktok_shop.wire import Notification
from backhaul.domain.terms import LINE_LEVEL
from backhaul.kit.crypto import hmac_sha256_hex, same, sha256_hex
from backhaul.ports.connector import News

Subjects = tuple[tuple[str, str], ...]


def verify(raw: bytes, headers: Mapping[str, str], app_key: str, secrets: Iterable[str]) -> bool:
    """Whether the Authorization header is the bare lower-case hex HMAC-SHA256 of app key and body by one secret.

    An empty app key or secret is never right. Header names are lower case.
    """
    given = headers.get("authorization", "")
    if not given or not app_key:
        return False
    message = app_key.encode() + raw
    right = False
    for secret in secrets:  # all of them, so that the time does not tell which
        right |= bool(secret) and same(given, hmac_sha256_hex(secret, message))
    return right


def news(raw: bytes) -> News:
    """What a verified body says; never raises. What cannot be read has ``drift`` set."""
    try:
        body = shaped(msgspec.json.decode(raw), Notification)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return News(_hashed(raw), "", "", 0, (), drift=f"not a notification: {error}")
    known = EVENTS.get(body.type)
    delivery = body.tts_notification_id or _hashed(raw)
    topic = known[0] if known else f"TYPE_{body.type}"
    hint = News(delivery, topic, body.shop_id, body.timestamp, ())
    if known is None:
        drift = "" if body.type in IGNORED else f"unknown notification type {body.type}"
        return msgspec.structs.replace(hint, drift=drift)
    try:
        return known[1](hint, body)
    except (_Missing, TypeError, ValueError, AttributeError) as error:
        return msgspec.structs.replace(hint, drift=f"{topic}: {error}")


class _Missing(Exception):
    """A field the event cannot do without."""


def _id(data: dict[str, Any], name: str) -> str:
    # Ids are decimal texts; some topics send them as JSON numbers.
    value = data.get(name)
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value) not in ("", "0"):
        return str(value)
    raise _Missing(f"{name} is missing")


def _optional(data: dict[str, Any], name: str) -> str:
    try:
        return _id(data, name)
    except _Missing:
        return ""


def _with(hint: News, subjects: Subjects, order_id: str = "") -> News:
    return msgspec.structs.replace(hint, subjects=subjects, order_id=order_id)


def _order(hint: News, body: Notification) -> News:
    order_id = _id(body.data, "order_id")
    return _with(hint, (("order", order_id),), order_id)


def _package(hint: News, body: Notification) -> News:
    packages = body.data.get("package_list") or []
    orders = dict.fromkeys(str(order) for package in packages for order in package.get("order_id_list") or [])
    return _with(hint, tuple(("order", order) for order in orders))


def _login(hint: News, body: Notification) -> News:
    return _with(hint, (("connection", body.shop_id or body.seller_open_id),))


def _cancellation(hint: News, body: Notification) -> News:
    return _with(hint, (("cancellation", _id(body.data, "cancel_id")),), _optional(body.data, "order_id"))


def _return(hint: News, body: Notification) -> News:
    return _with(hint, (("return", _id(body.data, "return_id")),), _optional(body.data, "order_id"))


def _batch(hint: News, body: Notification) -> News:
    # Names requests and parcels of the line-level model, not returns; where it names a return, that one is looked at.
    # The returns inside send their own RETURN_STATUS_CHANGE.
    found = (_optional(body.data, "return_id"), _optional(body.data, "sku_return_request_id"))
    hint = msgspec.structs.replace(hint, shows=LINE_LEVEL if body.type in (64, 65) else "")
    return _with(hint, tuple(("return", one) for one in found if one), _optional(body.data, "order_id"))


def _refund(hint: News, body: Notification) -> News:
    data = body.data
    lines = data.get("line_items") or []
    returns = list(dict.fromkeys(found for line in lines if (found := _optional(line, "sku_return_request_id"))))
    orders = list(dict.fromkeys(found for line in lines if (found := _optional(line, "main_order_id"))))
    hint = _with(hint, tuple(("return", one) for one in returns), orders[0] if len(orders) == 1 else "")
    if not returns:
        raise _Missing("line_items name no return")
    status = data.get("refund_status", "REFUND_SUCCESS")
    if len(returns) > 1 or status != "REFUND_SUCCESS":
        return hint  # one sum for several returns proves none of them: each is read until it is complete
    total, currency = data.get("refund_total"), data.get("refund_currency")
    if not isinstance(total, str | int | float) or not isinstance(currency, str) or not currency:
        return msgspec.structs.replace(hint, drift=f"{hint.topic}: amount or currency is missing")
    refund = {
        "id": returns[0],  # the payment of a return has the return's id, however we hear of it
        "amount": str(total),
        "currency": currency,
        "at": _optional(data, "refund_timestamp") or str(hint.at),
        "return_id": returns[0],
    }
    return msgspec.structs.replace(hint, refund=refund)


def _nothing(hint: News, body: Notification) -> News:
    return hint


# type -> (topic, reader). Type 2 is the model before 2023, which nobody needs any more.
EVENTS: dict[int, tuple[str, Callable[[News, Notification], News]]] = {
    1: ("ORDER_STATUS_CHANGE", _order),
    2: ("REVERSE_STATUS_UPDATE", _nothing),
    3: ("RECIPIENT_ADDRESS_UPDATE", _order),
    4: ("PACKAGE_UPDATE", _package),
    6: ("SELLER_DEAUTHORIZATION", _login),
    7: ("UPCOMING_AUTHORIZATION_EXPIRATION", _login),
    11: ("CANCELLATION_STATUS_CHANGE", _cancellation),
    12: ("RETURN_STATUS_CHANGE", _return),
    64: ("AFTERSALES_REQUEST_STATUS_UPDATE", _batch),
    65: ("RMA_STATUS_UPDATE", _batch),
    66: ("APPEAL_COMPLETED", _batch),
    67: ("REFUND_SUCCESS", _refund),
}

# Numbers in use for products, stock, messages, promotion: not about returns.
IGNORED = frozenset({5, *range(13, 26), 27, 33, 35, 36, 37, 38, 39, 42, 46, 50, 51, 52, 55, 56, 58, 59, 62, 63, 68, 71})


def _hashed(raw: bytes) -> str:
    return "sha256:" + sha256_hex(raw)
