"""Whose the answers were that the channel took."""

from __future__ import annotations

from backhaul.rehearsal.outcome import Decided, _decided
from backhaul.simulator.scenario.world import Cast


def test_an_answer_for_some_units_is_told_as_whose_it_was() -> None:
    effects = [
        {"kind": "decide", "by": "policy", "sent_at": 1},
        {"kind": "create_return", "by": "policy", "sent_at": 2},
        {"kind": "decide_units", "by": "ann", "sent_at": 3},
    ]
    answers = ("APPROVE_RETURN", "REJECT_RECEIVED_PACKAGE")
    rows = [{"actor": "SELLER", "decision": name, "return_id": "1"} for name in answers]
    told = list(_decided(rows, [Cast("it", "1", "return", 100)], [{"effects": effects}]))
    assert told == [Decided("APPROVE_RETURN", "policy"), Decided("REJECT_RECEIVED_PACKAGE", "ann")]


def test_what_the_seller_begins_is_told_as_whose_it_was() -> None:
    effects = [
        {"kind": "start_return", "by": "policy", "sent_at": 1},
        {"kind": "decide", "by": "rehearsal", "sent_at": 2},
    ]
    rows = [
        {"actor": "SYSTEM", "decision": "SELLER_STARTED", "return_id": "1"},
        {"actor": "SELLER", "decision": "APPROVE_RECEIVED_PACKAGE", "return_id": "1"},
        {"actor": "SYSTEM", "decision": "DEADLINE_EXPIRED", "return_id": "1"},
    ]
    told = list(_decided(rows, [Cast("it", "1", "return", 100)], [{"effects": effects}]))
    assert [each.by for each in told] == ["policy", "a person", "system"]
