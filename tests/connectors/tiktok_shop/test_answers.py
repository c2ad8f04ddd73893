"""Which answers the channel takes, as it names them for a case."""

from __future__ import annotations

from typing import Any

from backhaul.connectors.tiktok_shop import answers, reading, wire
from backhaul.domain.words import Condition, Decision


def _eligibility(decision: str, eligible: bool, **more: Any) -> wire.DecisionEligibility:
    return reading.shaped({"decision": decision, "eligible": eligible, **more}, wire.DecisionEligibility)


def test_eligible_alone_decides() -> None:
    filled = {"ineligible_code": 25011014, "ineligible_reason": "odd"}
    yes, no = answers.answerable(
        [
            _eligibility("APPROVE_RECEIVED_PACKAGE", True, **filled),
            _eligibility("REJECT_RECEIVED_PACKAGE", False, **filled),
        ]
    )
    assert (yes.decision, yes.eligible, yes.code, yes.text) == (Decision.ACCEPT_PARCEL, True, "", "")
    assert (no.decision, no.eligible, no.code, no.text) == (Decision.REFUSE_PARCEL, False, "25011014", "odd")


def test_keeping_the_item_goes_with_the_approval_unless_the_channel_names_it() -> None:
    def keep(*rows: wire.DecisionEligibility) -> list[bool]:
        return [row.eligible for row in answers.answerable(rows) if row.decision == Decision.KEEP_ITEM]

    assert keep(_eligibility("APPROVE_RETURN", True)) == [True]
    assert keep(_eligibility("APPROVE_RETURN", True), _eligibility("DIRECT_REFUND", False)) == [False]
    assert keep(_eligibility("APPROVE_REFUND", True)) == []


def test_a_decision_we_do_not_know_keeps_its_own_word_and_reasons() -> None:
    (row,) = answers.answerable(
        [_eligibility("REVIEW_BY_FAIRY", True, available_reject_reasons=[{"name": "k'1", "text": "t"}])]
    )
    assert (row.decision, row.reasons) == ("REVIEW_BY_FAIRY", (("k'1", "t"),))


def test_what_an_inspector_found_has_its_reason_where_a_parcel_may_be_refused() -> None:
    refuse, other = answers.answerable(
        [_eligibility("REJECT_RECEIVED_PACKAGE", True), _eligibility("REJECT_RETURN", True)]
    )
    assert {condition: key[-1] for condition, key in refuse.fitting.items()} == {
        Condition.WRONG_ITEM: "1",
        Condition.NOT_ELIGIBLE: "2",
        Condition.INCOMPLETE: "3",
        Condition.MISSING: "4",
        Condition.DAMAGED: "5",
    }
    assert other.fitting == {}
