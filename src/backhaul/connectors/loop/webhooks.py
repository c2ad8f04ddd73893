"""Pure: whether a webhook is genuine, and what it is news of.

The signature has no time in it and there is no event id: a replay verifies again, and the body tells repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backhaul.connectors.loop import wire
from backhaul.connectors.loop.errors import words
from backhaul.connectors.loop.mapping import order_id, text, unix
from backhaul.kit.crypto import hmac_sha256_base64, same, sha256_hex
from backhaul.kit.text import truncate
from backhaul.ports.connector import News

FAILED = "return.processing.failed"
_LONGEST = 400

# Trigger (the moment) -> topic (what the body shows). A pair that does not match has an empty body.
TOPIC_OF = {
    "return.created": "return",
    "return.updated": "return",
    "return.closed": "return",
    FAILED: "return.processing",
    "label.created": "label",
    "label.updated": "label",
}
# What a merchant may have pointed at us beyond that; nothing of ours hangs on it.
_NOT_OURS = frozenset(
    {"label.request.issued", "label.request.cancelled", "restock.requested", "giftcard.requested", "shipment.processed"}
)


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed these very bytes; an empty one never did. The vendor writes ``/`` as ``\\/``,
    so a body that was decoded and written again does not verify."""
    given = headers.get("x-loop-signature", "")
    fits = [same(given, hmac_sha256_base64(secret, raw)) for secret in secrets if secret]
    return bool(given) and any(fits)


def news(raw: bytes, now: int) -> News:
    """What a verified body says. Never raises; ``now`` stands in where the vendor tells no time."""
    unnamed = f"sha256:{sha256_hex(raw)}"
    try:
        body = msgspec.json.decode(raw)
        if not isinstance(body, dict):
            drift = "an empty body: topic and trigger of the subscription do not match" if not body else "no object"
            return News(unnamed, "", "", now, (), drift=drift)
        event = wire.shaped(body, wire.Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return News(unnamed, "", "", now, (), drift=f"not a notification: {error}")
    topic, trigger, ident = text(event.topic), text(event.trigger), text(event.id)
    return_id = text(event.return_id) or ("" if topic == "label" else ident)
    at = unix(event.updated_at) or unix(event.edited_at) or unix(event.created_at) or now
    hint = News(f"{topic}:{trigger}:{ident}:{sha256_hex(raw)}", trigger or topic, text(event.shop_id), at, ())
    if trigger in _NOT_OURS:
        return hint
    if trigger not in TOPIC_OF:
        hint = msgspec.structs.replace(hint, drift=f"unknown trigger {trigger!r}")
    elif not return_id:
        hint = msgspec.structs.replace(hint, drift=f"{trigger}: names no return")
    subjects = (("desk_return", return_id),) if return_id else ()
    failure = _failure(body) if trigger == FAILED and return_id else ""
    return msgspec.structs.replace(hint, subjects=subjects, order_id=order_id(event.provider_order_id), failure=failure)


def _failure(body: Mapping[str, Any]) -> str:
    """Why a return could not be processed; nobody has published where the body says it."""
    _, told = words({name: body[name] for name in ("error", "errors", "message", "reason") if name in body})
    return truncate(told or text(body.get("reason")) or "Loop gave no reason.", _LONGEST)
