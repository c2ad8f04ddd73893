"""Two shapes of one return into one value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backhaul.connectors.loop import mapping
from backhaul.domain.desk import DeskLabel, DeskState
from backhaul.domain.money import Money
from backhaul.ports.errors import WireDrift
from tests.connectors.loop import bodies


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_list_and_details_are_one_return() -> None:
    assert mapping.desk_return(bodies.details()) == mapping.desk_return(bodies.listed())


def test_a_return() -> None:
    made = mapping.desk_return(bodies.details(), ["seen", ""])
    assert (made.id, made.state, made.raw_state) == (str(bodies.RETURN_ID), DeskState.OPEN, "open")
    assert (made.created_at, made.updated_at) == (at("2026-11-02 10:00:00"), at("2026-11-03 09:30:00"))
    assert (made.order_name, made.order_id) == ("#1001", f"gid://shopify/Order/{bodies.ORDER}")
    assert made.total == Money(5830, "USD")  # what it pays, not what the goods were worth
    assert (made.processed, made.processed_at, made.labels, made.notes, made.unread) == (False, None, (), ("seen",), {})
    (line,) = made.lines
    assert (line.id, line.line_id) == ("901", f"gid://shopify/LineItem/{bodies.LINE}")
    assert (line.parent_reason, line.reason, line.outcome) == ("Fit", "Too small", "refund")
    assert (line.refund, line.returned, line.condition) == (Money(6330, "USD"), False, "")


@pytest.mark.parametrize(
    ("word", "state"),
    [("needs review", "review"), ("review", "review"), ("CANCELLED", "cancelled"), ("expired", "expired")],
)
def test_states(word: str, state: str) -> None:
    assert mapping.desk_return(bodies.listed(state=word)).state == state


def test_a_new_word_and_a_new_field_are_kept_and_final_for_nobody() -> None:
    made = mapping.desk_return(bodies.details(state="partially closed", sparkle={"a": 1}))
    assert (made.state, made.raw_state) == (DeskState.UNKNOWN, "partially closed")
    assert made.unread == {"state": "partially closed", "sparkle": '{"a":1}'}


@pytest.mark.parametrize(
    ("fields", "processed", "when"),
    [
        ({"state": "closed"}, False, None),  # by hand: nothing was paid
        ({"state": "closed", "was_processed": True}, True, None),
        ({"outcomes_processed_at": {"refund_processed": "2026-11-04 08:00:00"}}, True, "2026-11-04 08:00:00"),
        (
            {"outcomes_processed_at": {"return_processed": {"date": "2026-11-04 08:00:00.000000", "timezone": "UTC"}}},
            True,
            "2026-11-04 08:00:00",
        ),
        ({"was_processed": None, "outcomes_processed_at": None}, False, None),
        ({"was_processed": "1", "outcomes_processed_at": []}, True, None),  # how PHP prints an empty object
    ],
)
def test_whether_money_went(fields: dict[str, Any], processed: bool, when: str | None) -> None:
    made = mapping.desk_return(bodies.details(**fields))
    assert (made.processed, made.processed_at) == (processed, at(when) if when else None)


def test_labels() -> None:
    label = {"carrier": "USPS", "tracking_number": "94001", "status": "new", "url": "https://labels.example.com/1"}
    empty = {"carrier": "N/A", "tracking_number": "N/A", "url": None}
    made = mapping.desk_return(bodies.details(labels=[empty, label]))
    assert made.labels == (DeskLabel("94001", "USPS", "https://labels.example.com/1", "new"),)
    older = mapping.desk_return(bodies.listed(labels=[], carrier="UPS", tracking_number="1Z9", label_url="https://l/2"))
    assert older.labels == (DeskLabel("1Z9", "UPS", "https://l/2"),)


def test_what_the_inspector_found_in_either_form() -> None:
    row = bodies.details()
    row["line_items"][0] |= {
        "returned_at": "2026-11-09T10:00:00Z",
        "condition": {"id": 3, "name": "Worn"},
        "disposition": "restock",
    }
    (line,) = mapping.desk_return(row).lines
    assert (line.returned, line.condition, line.disposition) == (True, "Worn", "restock")


def test_numbers_as_texts_and_texts_as_numbers() -> None:
    row = bodies.details(refund=58.3, currency="USD", order_name=1001)
    row["line_items"][0] |= {"line_item_id": "901", "provider_line_item_id": str(bodies.LINE), "refund": "63.3000"}
    made = mapping.desk_return(row)
    assert (made.total, made.order_name) == (Money(5830, "USD"), "1001")
    assert made.lines[0].refund == Money(6330, "USD")


def test_numbers_where_texts_are_expected_and_the_reverse() -> None:
    row = bodies.details(tracking_number=94001, carrier="USPS", customer=None)
    row["line_items"][0] |= {"sku": 4711, "title": 5, "reason": 1}
    made = mapping.desk_return(row)
    assert made.labels == (DeskLabel("94001", "USPS"),)
    assert (made.lines[0].sku, made.lines[0].title, made.lines[0].reason) == ("4711", "5", "1")


def test_a_row_is_named_however_odd_the_rest_of_it_is() -> None:
    assert mapping.named({"id": 5, "provider_order_id": "7", "line_items": 3}) == ("5", "gid://shopify/Order/7")
    rows: list[Any] = [{}, {"id": None}, [], None, "x"]
    for row in rows:
        with pytest.raises(WireDrift):
            mapping.named(row)


def test_an_amount_that_is_none_is_told_and_costs_nothing_else() -> None:
    made = mapping.desk_return(bodies.listed(refund="about 5"))
    assert (made.total, made.unread) == (None, {"refund": "about 5"})


def test_ids_of_other_systems_stay_as_they_are() -> None:
    made = mapping.desk_return(bodies.listed(provider_order_id="ext-9"))
    assert made.order_id == "ext-9"
    assert mapping.desk_return(bodies.details(provider_order_id=None)).order_id == ""


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": 5}, {"id": 5, "created_at": "soon"}, {"id": [1]}])
def test_no_return(row: dict[str, Any]) -> None:
    with pytest.raises(WireDrift) as caught:
        mapping.desk_return(row)
    assert caught.value.raw


def test_bounds_are_written_in_utc() -> None:
    assert mapping.moment(at("2026-01-01 00:00:00")) == "2026-01-01 00:00:00"
