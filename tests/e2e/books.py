"""Compares the two sides of the simulator's books to the cent. The hub's own tables have no say here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.e2e.stage import Stage

SELLER = "SELLER"


async def check_books(stage: Stage, *, unbooked: Iterable[str] = (), others: Iterable[str] = ()) -> dict[str, Any]:
    """Everything that must hold whatever happened. ``unbooked``: returns whose payment waits in Exceptions or was
    booked by somebody else; ``others``: commerce orders on which somebody else worked. Returns the books."""
    books = await stage.control.books()
    assert books["problems"] == []
    assert books["without_shop"]["limited"] == 0
    for shop in stage.shops:
        channel, commerce = books["shops"][shop.channel_id], books["commerce"][shop.domain]
        assert channel["limited"] == 0, "the channel answered 429"
        _decided_once(channel)
        await _money(stage, channel, commerce, set(unbooked), set(others))
        _commerce_once(commerce, set(others), await _cancelled(stage, channel))
    return books


def _decided_once(channel: dict[str, Any]) -> None:
    """One decision of ours per review, one label per return."""
    mine = Counter((case_of(row), row.get("action_due", ""), row["from"]) for row in _ours(channel))
    again = ("SUPPORT_BUYER", "SUPPORT_SELLER", "OFFER_PARTIAL_REFUND")  # an offer turned down is reviewed again
    rejected = Counter(case_of(row) for row in channel["decisions"] if row["decision"] in again)
    for (return_id, _, _), count in mine.items():
        assert count <= 1 + rejected[return_id], f"decided {count} times: {return_id}"
    for return_id, count in Counter(row["return_id"] for row in channel["labels"]).items():
        assert count == 1, f"{count} labels: {return_id}"
    for return_id, count in Counter(case_of(row) for row in channel["refunds"]).items():
        assert count == 1, f"paid {count} times: {return_id}"


def case_of(row: dict[str, Any]) -> str:
    """The return or cancellation a row of the channel's books is about."""
    return str(row.get("return_id") or row["cancel_id"])


def _ours(channel: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in channel["decisions"] if row["actor"] == SELLER]


async def _money(
    stage: Stage, channel: dict[str, Any], commerce: dict[str, Any], unbooked: set[str], others: set[str]
) -> None:
    """What the channel paid per order is what stands refunded on the commerce order, and nothing else is."""
    paid: dict[str, int] = defaultdict(int)
    for row in channel["refunds"]:
        if case_of(row) not in unbooked:
            placed = await stage.control.call("GET", f"/orders/{row['order_id']}")
            paid[placed["commerce_id"]] += row["amount"]
    booked = {
        order_id: sum(refund["amount_minor"] for refund in order["refunds"])
        for order_id, order in commerce["orders"].items()
        if order["refunds"] and order_id not in others
    }
    expected = {order_id: amount for order_id, amount in paid.items() if order_id not in others}
    assert booked == expected


async def _cancelled(stage: Stage, channel: dict[str, Any]) -> set[str]:
    """The commerce orders of the cancellations that the channel has paid."""
    rows = [row for row in channel["refunds"] if row.get("cancel_id")]
    return {(await stage.control.call("GET", f"/orders/{row['order_id']}"))["commerce_id"] for row in rows}


def _commerce_once(commerce: dict[str, Any], others: set[str], released: set[str]) -> None:
    assert commerce["money_moved"] == []
    assert commerce["emails"] == []
    moved = Counter[str]()
    for each in commerce["inventory"]:
        moved[each["order"]] += each["delta"]
    for order_id, order in commerce["orders"].items():
        if order_id in others:
            continue
        notes = Counter(refund["note"] for refund in order["refunds"])
        assert all(count == 1 for count in notes.values()), f"booked twice on {order_id}: {notes}"
        for line in (line for refund in order["refunds"] for line in refund["lines"] if line["restocked"]):
            # Only what a cancelled order never shipped goes back on the shelf with its refund.
            assert line["restock_type"] == "CANCEL"
            assert order_id in released
            moved[order_id] -= line["quantity"]
        for each in order["returns"]:
            returned = sum(line["quantity"] for line in each["lines"])
            fates = sum(one["quantity"] for one in each["dispositions"])
            assert fates <= returned, f"{fates} units disposed of {returned} on {order_id}"
            moved[order_id] -= sum(one["quantity"] for one in each["dispositions"] if one["type"] == "RESTOCKED")
            numbers = [one["number"] for one in each["tracking"] if one["number"]]
            assert len(numbers) == len(set(numbers)), f"tracking attached twice on {order_id}: {numbers}"
        assert order["refunded_minor"] <= order["received_minor"]
        assert moved[order_id] == 0, f"stock of {order_id} moved without a verdict: {moved[order_id]}"


def live_returns(order: dict[str, Any]) -> list[dict[str, Any]]:
    """The returns of a commerce order that were not taken back."""
    return [each for each in order.get("returns", ()) if each["status"] not in ("CANCELED", "CANCELLED")]


def decisions(books: dict[str, Any]) -> list[str]:
    """The seller app's decisions in a return's books."""
    return [row["decision"] for row in _ours(books)]
