"""Whether one return was done right: a pure comparison of what the hub's REST API says with the simulator's books.

Nothing here knows how the hub works. ``case`` is the answer of ``GET /api/v1/cases/{id}``, ``books`` that of the
simulator's ``GET /books``, ``told`` what the people in the story did.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

ENDED = "RETURN_OR_REFUND_REQUEST_COMPLETE"


class Told(msgspec.Struct, frozen=True):
    """What people did and asked for: the ids at the vendors, the amount in minor units, the label, the units by SKU
    that an inspector found sellable, and the decisions that had to reach the channel, in order."""

    return_id: str
    shop_id: str
    store: str
    commerce_order: str
    total: int
    currency: str
    label_sha256: str
    tracking: str
    skus: dict[str, int]
    decisions: tuple[str, ...]


def complaints(case: dict[str, Any], books: dict[str, Any], told: Told) -> list[str]:
    """Everything that is not as it has to be, each in a sentence; empty when all is well."""
    found: list[str] = []
    shop = books["shops"][told.shop_id]
    store = books["commerce"][told.store]
    found += _channel(shop, told)
    found += _label(case, shop, store, told)
    found += _commerce(store, told)
    found += _hub(case, told)
    if books["problems"]:
        found.append(f"the simulator had problems of its own: {books['problems']}")
    return found


def _channel(shop: dict[str, Any], told: Told) -> list[str]:
    """What the channel was told, and what it paid."""
    found = []
    decisions = [each["decision"] for each in shop["decisions"] if each["return_id"] == told.return_id]
    if tuple(decisions) != told.decisions:
        found.append(f"the channel took the decisions {decisions}, not {list(told.decisions)}")
    strange = [each["return_id"] for each in shop["decisions"] if each["return_id"] != told.return_id]
    if strange:
        found.append(f"decisions on other returns: {strange}")
    paid = [each for each in shop["refunds"] if each["return_id"] == told.return_id]
    if len(paid) != 1:
        found.append(f"the channel paid {len(paid)} times")
    if sum(each["amount"] for each in paid) != told.total:
        found.append(f"the channel paid {sum(each['amount'] for each in paid)}, not {told.total}")
    state = shop["returns"].get(told.return_id, {}).get("status")
    if state != ENDED:
        found.append(f"on the channel the return stands at {state}")
    return found


def _label(case: dict[str, Any], shop: dict[str, Any], store: dict[str, Any], told: Told) -> list[str]:
    """One label, the one a person gave, and its number everywhere."""
    found = []
    labels = [(each["sha256"], each["tracking_number"]) for each in shop["labels"]]
    if labels != [(told.label_sha256, told.tracking)]:
        found.append(f"the channel has {len(labels)} labels {labels}, not the one that was given")
    numbers = [each["number"] for made in _returns(store, told) for each in made["tracking"]]
    if numbers != [told.tracking]:
        found.append(f"commerce knows the parcels {numbers}, not {told.tracking}")
    shown = [each["tracking_number"] for each in case["parcels"]]
    if shown != [told.tracking]:
        found.append(f"the hub shows the parcels {shown}, not {told.tracking}")
    return found


def _commerce(store: dict[str, Any], told: Told) -> list[str]:
    """One return, one booking of the very amount, no money moved, each unit back in stock once."""
    found = []
    touched = [key for key, order in store["orders"].items() if order["refunds"] or order["returns"]]
    if touched != [told.commerce_order]:
        found.append(f"commerce orders with returns or refunds: {touched}, not {told.commerce_order}")
    refunds = [each for order in store["orders"].values() for each in order["refunds"]]
    if len(refunds) != 1:
        found.append(f"{len(refunds)} refunds are booked in commerce")
    if sum(each["amount_minor"] for each in refunds) != told.total:
        found.append(f"booked in commerce: {sum(each['amount_minor'] for each in refunds)}, not {told.total}")
    if any(line["restocked"] for each in refunds for line in each["lines"]):
        found.append("a booking has restocked")
    if store["money_moved"]:
        found.append(f"commerce has moved money: {store['money_moved_minor']}")
    if store["emails"]:
        found.append(f"commerce has written to the buyer: {store['emails']}")
    made = _returns(store, told)
    if [each["status"] for each in made] != ["CLOSED"]:
        found.append(f"returns in commerce: {[each['status'] for each in made]}, not one that is closed")
    units = Counter[str]()
    for line in (line for each in made for line in each["lines"]):
        units[line["sku"]] += line["quantity"]
    if units != told.skus:
        found.append(f"the return in commerce is of {dict(units)}, not {told.skus}")
    back = Counter[str]()
    for one in (one for each in made for one in each["dispositions"]):
        back[one["sku"] if one["type"] == "RESTOCKED" else one["type"]] += one["quantity"]
    if back != told.skus:
        found.append(f"put back on the shelf in commerce: {dict(back)}, not {told.skus}")
    return found


def _returns(store: dict[str, Any], told: Told) -> list[dict[str, Any]]:
    order = store["orders"].get(told.commerce_order, {})
    return [each for each in order.get("returns", []) if each["status"] != "CANCELED"]


def _hub(case: dict[str, Any], told: Told) -> list[str]:
    """The hub's own story: ended, settled to the cent, with each effect once and nothing left over."""
    found = []
    row, view = case["case"], case["view"]
    if row["channel_id"] != told.return_id or row["commerce_order_id"] != told.commerce_order:
        found.append(f"the hub took return {row['channel_id']} for commerce order {row['commerce_order_id']}")
    if not row["ended"] or row["status"] != "closed":
        found.append(f"the hub's case stands at {row['status']}{'' if row['ended'] else ', not ended'}")
    if (row["total"], row["currency"]) != (told.total, told.currency):
        found.append(f"the hub's total is {row['total']} {row['currency']}, not {told.total} {told.currency}")
    for kind in ("paid", "booked"):
        amounts = [each["amount"] for each in case["entries"] if each["kind"] == kind]
        if amounts != [told.total]:
            found.append(f"the hub's ledger says {kind}: {amounts}, not {told.total} once")
    others = [each["kind"] for each in case["entries"] if each["kind"] not in ("paid", "booked")]
    if others:
        found.append(f"the hub's ledger also has {others}")
    open_lanes = [name for name, lane in view["lanes"].items() if not lane.get("terminal")]
    if open_lanes:
        found.append(f"not terminal at the hub: {', '.join(sorted(open_lanes))}")
    doubled = [key for key, n in Counter(each["target"] for each in case["effects"]).items() if n > 1]
    if doubled:
        found.append(f"effects tried more than once at the hub: {doubled}")
    unfinished = [each["kind"] for each in case["effects"] if each["state"] != "confirmed"]
    if unfinished:
        found.append(f"effects that are not confirmed at the hub: {unfinished}")
    if case["exceptions"]:
        found.append(f"open exceptions: {[each['text'] for each in case['exceptions']]}")
    return found
