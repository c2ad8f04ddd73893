"""Reason keys: which a party may use for a case in a market, and which the channel has withdrawn."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import cast

# market -> case -> used by -> "STATUS STATUS" -> keys
_Table = dict[str, dict[str, dict[str, dict[str, list[str]]]]]

RETIRED: dict[str, frozenset[str]] = {
    "US": frozenset(f"reverse_reject_request_reason_{number}" for number in (1, 2, 3, 5)),
}
# Numbered keys say nothing by themselves.
_NUMBERED = {
    "seller_ecom_delivered_return_refund_reason1": "Not needed any more",
    "reverse_reject_request_reason_4": "The delivery is on schedule",
    "reverse_reject_return_parcel_reason_1": "Wrong goods came back",
    "reverse_reject_return_parcel_reason_2": "Not eligible for a return",
    "reverse_reject_return_parcel_reason_3": "Goods or parts are missing",
    "reverse_reject_return_parcel_reason_4": "The parcel has not arrived",
    "reverse_reject_return_parcel_reason_5": "Goods are damaged or used",
}
_PREFIXES = (
    "ecom_order_delivered_refund_and_return_reason_",
    "ecom_order_delivered_refund_reason_",
    "ecom_order_shipped_refund_reason_",
    "ecom_order_to_ship_canceled_reason_",
    "ecom_order_unpaid_canceled_reason_",
    "buyer_return_and_refund_",
    "buyer_refund_",
    "seller_reject_apply_",
    "seller_cancel_",
)


@lru_cache(maxsize=1)
def _table() -> _Table:
    text = resources.files(__package__ or "").joinpath("reasons.json").read_text(encoding="utf-8")
    return cast(_Table, json.loads(text))


@lru_cache(maxsize=512)
def keys(market: str, case: str, used_by: str, order_status: str | None = None) -> tuple[str, ...]:
    """Keys in force for a market, case and party; with an order status only those that fit it."""
    case = "RETURN_AND_REFUND" if case in ("REPLACEMENT", "EXCHANGE") else case
    groups = _table().get(market, {}).get(case, {}).get(used_by, {})
    retired = RETIRED.get(market, frozenset())
    found: list[str] = []
    for statuses, names in groups.items():
        if order_status is not None and statuses != "*" and order_status not in statuses.split():
            continue
        found += [name for name in names if name not in retired]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=64)
def all_keys(market: str) -> frozenset[str]:
    """Every key the market has ever known, retired ones included."""
    cases = _table().get(market, {})
    return frozenset(
        name for uses in cases.values() for groups in uses.values() for names in groups.values() for name in names
    )


def retired(market: str, key: str) -> bool:
    """Whether the channel has withdrawn this key in this market."""
    return key in RETIRED.get(market, frozenset())


@lru_cache(maxsize=2048)
def text(key: str) -> str:
    """A readable text for a key, made from the key itself."""
    plain = key.removesuffix("_uk")
    if plain in _NUMBERED:
        return _NUMBERED[plain]
    words = key
    for prefix in _PREFIXES:
        words = words.removeprefix(prefix)
    words = words.removesuffix("_uk").removesuffix("_seller").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
