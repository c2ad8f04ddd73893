"""What a desk's people did, as votes, verdicts and a label; and what another program made in commerce."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.desk import DeskLabel, DeskState
from backhaul.domain.desk_effects import CloseDeskReturn, OpenDeskReturn, ProcessDeskReturn, RequestDeskLabel
from backhaul.domain.desk_votes import channel_carrier, with_desk
from backhaul.domain.effects import Decide, Dispose, EffectState, UploadLabel
from backhaul.domain.facts import Facts
from backhaul.domain.policy import DeadlineRule, Default, Policy
from backhaul.domain.said import Label, Said, Verdict, Vote
from backhaul.domain.steps import Look, Source
from backhaul.domain.strangers import strangers
from backhaul.domain.words import Action, Condition, Decision, Disposition, Party, Stage
from tests.domain.build import (
    CASE,
    GID,
    HOUR,
    NOW,
    OPENED,
    answerable,
    booking,
    case,
    change,
    commerce,
    decide,
    desk_return,
    desk_terms,
    due,
    effect,
    label_wanted,
    record,
    shipped,
    terms,
    troubles,
    writes,
    written,
)
from tests.domain.build import with_desk as at_desk
from tests.domain.invariants import check

BACK = case(Stage.SHIPPED, way_back=shipped(), due=(due(Action.JUDGE_PARCEL),))
WAITING = case(Stage.AWAITING_SHIPMENT, way_back=label_wanted())
PROCESSED = desk_return(DeskState.CLOSED, processed=True)
CLOSED = desk_return(DeskState.CLOSED)
REFUSALS = (answerable(Decision.REFUSE_PARCEL, "wrong_goods", "not_received"),)
READ: dict[str, Any] = {"answerable": REFUSALS, "answerable_at": NOW, "answerable_for": "judge_parcel:1"}


def votes(facts: Facts) -> list[Vote]:
    return list(with_desk(facts).said.votes)


# -- votes


def test_a_return_that_staff_processed_is_a_vote_to_accept_decided_on_the_channel() -> None:
    plan = check(at_desk(BACK, PROCESSED), Policy(), NOW)
    wanted = written(plan, Decide)
    assert (wanted.action, wanted.decision) == (Action.JUDGE_PARCEL, Decision.ACCEPT_PARCEL)


def test_a_processing_of_ours_is_no_vote() -> None:
    ours = effect(ProcessDeskReturn("D1"), EffectState.CONFIRMED)
    assert votes(at_desk(BACK, PROCESSED, ledger=[ours])) == []
    closing = effect(CloseDeskReturn("D1"), EffectState.ACCEPTED)
    assert (
        votes(at_desk(BACK, CLOSED, ledger=[closing], desk=desk_terms(reject_reasons=("wrong_goods",)), **READ)) == []
    )


def test_a_flag_is_no_vote_and_a_cancellation_neither() -> None:
    for state in (DeskState.REVIEW, DeskState.CANCELLED, DeskState.EXPIRED, DeskState.OPEN, DeskState.UNKNOWN):
        assert votes(at_desk(BACK, desk_return(state))) == []


def test_a_rejection_names_the_first_of_the_shops_reasons_that_the_channel_takes_now() -> None:
    preferred = desk_terms(reject_reasons=("not_eligible", "not_received", "wrong_goods"))
    plan = check(at_desk(BACK, CLOSED, desk=preferred, **READ), Policy(), NOW)
    wanted = written(plan, Decide)
    assert (wanted.decision, wanted.reason_key) == (Decision.REFUSE_PARCEL, "not_received")


@pytest.mark.parametrize(
    ("given", "answered_at", "counts"),
    [
        (decide(Decision.APPROVE_RETURN, Action.ANSWER_RETURN), NOW - 30, False),
        (decide(Decision.APPROVE_RETURN, Action.ANSWER_RETURN), NOW - 2 * HOUR, True),
        (decide(Decision.REFUSE_PARCEL, Action.JUDGE_PARCEL, 2, "wrong_goods"), NOW - 30, False),
    ],
    ids=["closed, then approved", "closed after the approval", "an appeal"],
)
def test_a_closing_in_the_desk_answers_one_question(given: Decide, answered_at: int, counts: bool) -> None:
    done = effect(given, EffectState.CONFIRMED, answered_at=answered_at)
    terms_ = desk_terms(reject_reasons=("not_received",))
    found = at_desk(BACK, CLOSED, desk=terms_, ledger=[done], **READ)
    assert bool(votes(found)) is counts
    silent = check(at_desk(BACK, CLOSED, ledger=[done], **READ), Policy(), NOW)
    assert ("desk_rejects" in troubles(silent)) is counts
    assert silent.questions, "the person is asked all the same"


def test_without_such_a_reason_a_person_is_asked() -> None:
    plan = check(at_desk(BACK, CLOSED, **READ), Policy(), NOW)
    assert writes(plan) == []
    assert "desk_rejects" in troubles(plan)
    assert [question.action for question in plan.questions if question.kind == "decision"] == [Action.JUDGE_PARCEL]


def test_the_reasons_are_read_before_a_person_is_asked() -> None:
    plan = check(at_desk(BACK, CLOSED), Policy(), NOW)
    assert Source.ANSWERABLE in {step.source for step in plan.steps if isinstance(step, Look)}
    assert "desk_rejects" not in troubles(plan)


def test_desk_and_person_in_conflict_ask_until_the_lead_time_then_policy_decides() -> None:
    mine = Vote(Action.JUDGE_PARCEL, 1, Decision.REFUSE_PARCEL, "anna", NOW - 60, "wrong_goods")
    facts = at_desk(BACK, PROCESSED, said=Said(votes=(mine,)), **READ)
    plan = check(facts, Policy(), NOW)
    assert writes(plan) == []
    assert plan.questions[0].text == "The desks disagree."
    policy = Policy(on_deadline={Action.JUDGE_PARCEL: DeadlineRule(Default.APPROVE)})
    late = change(BACK, due=(due(Action.JUDGE_PARCEL, NOW + HOUR // 2),))
    decided = check(at_desk(late, PROCESSED, said=Said(votes=(mine,)), **READ), policy, NOW)
    assert written(decided, Decide).decision is Decision.ACCEPT_PARCEL


def test_waiving_the_desk_takes_its_vote_back() -> None:
    assert votes(at_desk(BACK, PROCESSED, said=Said(waived=frozenset({"desk"})))) == []


# -- verdicts


def test_graded_lines_are_verdicts_on_units_and_move_stock_once() -> None:
    graded = tuple(
        change(line, found=found, fate=fate, condition="word")
        for line, found, fate in zip(
            desk_return().lines,
            (Condition.SELLABLE, Condition.DAMAGED),
            (Disposition.RESTOCK, Disposition.RESTOCK),
            strict=True,
        )
    )
    facts = at_desk(BACK, desk_return(lines=graded), books=commerce(returns=(record("open", trace=""),)))
    verdicts = with_desk(facts).said.verdicts
    assert [verdicts[unit].disposition for unit in ("u1", "u2")] == [Disposition.RESTOCK, Disposition.NOT_RESTOCKED]
    moves = [wanted for wanted in writes(check(facts, Policy(), NOW)) if isinstance(wanted, Dispose)]
    assert {(move.units, move.disposition) for move in moves} == {
        (("u1",), Disposition.RESTOCK),
        (("u2",), Disposition.NOT_RESTOCKED),
    }


def test_a_persons_verdict_stands_above_the_desks() -> None:
    mine = {"u1": Verdict(Condition.DAMAGED, Disposition.NOT_RESTOCKED, "anna", NOW)}
    graded = tuple(change(line, found=Condition.SELLABLE) for line in desk_return().lines)
    said = with_desk(at_desk(BACK, desk_return(lines=graded), said=Said(verdicts=mine))).said
    assert said.verdicts["u1"].by == "anna"
    assert said.verdicts["u2"].disposition is Disposition.NOT_RESTOCKED, "the desk said nothing of the stock"


def test_what_the_desk_took_in_has_arrived() -> None:
    back = tuple(change(line, returned=True) for line in desk_return().lines)
    assert set(with_desk(at_desk(BACK, desk_return(lines=back))).said.received) == {"u1", "u2"}


# -- labels

MADE = desk_return(labels=(DeskLabel("1Z9", "ups", "https://labels.test/1"),))
KEPT = Label("file", "hash", "1Z9", "", "Loop", NOW, carrier_name="ups")
CARRIERS = (("c1", "UPS"), ("c2", "DHL eCommerce"))


def test_the_desk_makes_the_label_that_the_seller_owes() -> None:
    plan = check(at_desk(WAITING, desk_return()), Policy(), NOW)
    assert written(plan, RequestDeskLabel).return_id == "D1"
    assert not [question for question in plan.questions if question.kind == "label"]


def test_its_file_and_the_carriers_are_read_and_the_channel_gets_it() -> None:
    looks = [step.source for step in check(at_desk(WAITING, MADE), Policy(), NOW).steps if isinstance(step, Look)]
    assert Source.DESK_LABEL in looks
    looks = [
        step.source
        for step in check(at_desk(WAITING, MADE, desk_label=KEPT), Policy(), NOW).steps
        if isinstance(step, Look)
    ]
    assert Source.CARRIERS in looks
    wanted = written(check(at_desk(WAITING, MADE, desk_label=KEPT, carriers=CARRIERS), Policy(), NOW), UploadLabel)
    assert (wanted.attachment, wanted.tracking_number, wanted.carrier_id) == ("file", "1Z9", "c1")


def test_an_unknown_carrier_is_asked_for_and_a_map_answers() -> None:
    odd = change(KEPT, carrier_name="Deutsche Post")
    plan = check(at_desk(WAITING, MADE, desk_label=odd, carriers=CARRIERS), Policy(), NOW)
    assert "carrier" in troubles(plan)
    assert [question.kind for question in plan.questions] == ["label"]
    mapped = desk_terms(carriers={"Deutsche Post": "DHL eCommerce"})
    plan = check(at_desk(WAITING, MADE, desk=mapped, desk_label=odd, carriers=CARRIERS), Policy(), NOW)
    assert written(plan, UploadLabel).carrier_id == "c2"
    assert channel_carrier(desk_terms(carriers={"x": "c2"}), CARRIERS, "x") == CARRIERS[1]


def test_a_person_is_asked_where_the_desk_cannot() -> None:
    cases = [
        at_desk(WAITING, desk_return(), desk=desk_terms(labels=False)),
        at_desk(WAITING, desk_return(), ledger=[effect(RequestDeskLabel("D1"), EffectState.REFUSED, text="no labels")]),
        at_desk(WAITING, ledger=[effect(OpenDeskReturn(CASE, GID, "", ()), EffectState.REFUSED, text="no")]),
        at_desk(WAITING, ledger=[effect(OpenDeskReturn(CASE, GID, "", ()), EffectState.CONFIRMED, result="D9")]),
        at_desk(WAITING, desk_return(), shop=terms(desk=desk_terms(), paused={Party.DESK: "the key is gone"})),
        at_desk(WAITING, desk_return(DeskState.CANCELLED)),
        at_desk(WAITING, desk_return(labels=(DeskLabel("", "UPS", "https://files"),))),
    ]
    for facts in cases:
        assert "label" in {question.kind for question in check(facts, Policy(), NOW).questions}


def test_a_persons_label_goes_before_the_desks() -> None:
    mine = Label("mine", "hash", "MY1", "c2", "anna", NOW)
    facts = at_desk(WAITING, MADE, desk_label=KEPT, carriers=CARRIERS, said=Said(label=mine))
    assert written(check(facts, Policy(), NOW), UploadLabel).attachment == "mine"


# -- another program


def test_what_another_program_made_on_our_lines_is_told_of() -> None:
    books = commerce(returns=(record("open", trace=""),), refunds=(booking(trace=""),))
    assert [(each.kind, each.at) for each in strangers(at_desk(BACK, shop=terms(), books=books))] == [
        ("return", OPENED),
        ("refund", NOW - HOUR),
    ]


def test_what_the_hub_or_the_desk_made_is_nobody_elses() -> None:
    mine = commerce(returns=(record("open"),), refunds=(booking(),))
    assert strangers(at_desk(BACK, shop=terms(), books=mine)) == ()
    theirs = commerce(returns=(record("open", trace=""),), refunds=(booking(trace=""),))
    assert strangers(at_desk(BACK, PROCESSED, books=theirs)) == ()
    assert [each.kind for each in strangers(at_desk(BACK, desk_return(), books=theirs))] == ["refund"]


def test_nothing_is_said_of_it_before_the_desk_was_read_and_nothing_of_older_refunds() -> None:
    theirs = commerce(returns=(record("open", trace=""),), refunds=(booking(trace="", created_at=OPENED - 1),))
    assert strangers(at_desk(BACK, desk_return(), books=theirs, heard_desk=1)) == ()
    assert [each.kind for each in strangers(at_desk(BACK, shop=terms(), books=theirs))] == ["return"]
