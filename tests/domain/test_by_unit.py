"""An answer for each unit of a parcel, where the shop's channel takes such answers."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.by_unit import answers_to, shown
from backhaul.domain.channel import Answerable, ChannelCase, UnitAnswer, UnitChoices
from backhaul.domain.effects import Decide, DecideUnits, Effect, EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.policy import BadParcel, Policy
from backhaul.domain.rules import Answer, Rule
from backhaul.domain.said import Asked, Said, Verdict, Vote
from backhaul.domain.steps import Look, Plan, Settle, Source
from backhaul.domain.words import Action, Condition, Decision, Disposition, Stage
from tests.domain.build import CASE, NOW, alone, case, change, due, effect, planned, terms, units, usd, writes, written

DEADLINE = NOW + 30 * 3600
ALL = (Decision.ACCEPT_PARCEL.value, Decision.REFUND_PART.value, Decision.REFUSE_PARCEL.value)
REASONS = (("damaged", "Damaged"), ("wrong", "Wrong"))
APPROVES = Policy(rules=(Rule("all", Answer.APPROVE),))
REFUSES = Policy(bad_parcel=BadParcel.REFUSE)
SUGGESTED = (UnitAnswer("u1", Decision.ACCEPT_PARCEL), UnitAnswer("u2", Decision.REFUSE_PARCEL, "damaged"))


def named(decisions: tuple[str, ...] = ALL, lines: tuple[str, ...] = ("u1", "u2")) -> tuple[Answerable, ...]:
    band = (usd(100), usd(900))
    choices = tuple(UnitChoices(each, decisions, REASONS, band) for each in lines)
    fitting = {Condition.DAMAGED: "damaged"}
    return (
        Answerable(Decision.REFUSE_PARCEL.value, True, reasons=REASONS, fitting=fitting),
        Answerable(Decision.BY_UNIT.value, True, subject="rma", units=choices, fitting=fitting),
    )


def parcel(bad: Condition = Condition.DAMAGED, count: int = 2, **changes: Any) -> Facts:
    """A parcel of units whose first is fine."""
    found = changes.pop("found", None) or case(
        Stage.SHIPPED,
        due=(due(Action.JUDGE_PARCEL, DEADLINE),),
        units=units(count),
        quick_refund=changes.pop("quick", False),
    )
    verdicts = {
        each.id: Verdict(Condition.SELLABLE if each.id == "u1" else bad, Disposition.NOT_RESTOCKED, "bo", NOW)
        for each in found.units
    }
    reads = {"answerable": named(), "answerable_for": "judge_parcel:1", "answerable_at": NOW}
    said = Said(verdicts=verdicts, votes=changes.pop("votes", ()))
    return alone(found, said=said, **{"shop": terms(line_level=True), **reads, **changes})


def vote(*answers: UnitAnswer, at: int = NOW, word: int = 1) -> tuple[Vote, ...]:
    return (Vote(Action.JUDGE_PARCEL, 1, Decision.BY_UNIT, "ann", at, units=answers or SUGGESTED, word=word),)


def question(made: Plan) -> Any:
    return next(each for each in made.questions if each.kind == "decision")


def test_a_person_is_shown_what_each_unit_would_get_and_what_all_of_it_pays() -> None:
    asked = question(planned(parcel()))
    assert asked.suggested is Decision.BY_UNIT
    assert [(each.unit, each.suggested, each.suggested_reason) for each in asked.units] == [
        ("u1", Decision.ACCEPT_PARCEL, ""),
        ("u2", Decision.REFUSE_PARCEL, "damaged"),
    ]
    assert dict(asked.pays)[Decision.BY_UNIT] == usd(1000)
    assert "an answer for each unit" in asked.text
    assert not writes(planned(parcel()))


@pytest.mark.parametrize(
    "known",
    [
        parcel(shop=terms(line_level=False)),
        parcel(quick=True),
        parcel(answerable=named()[:1]),
        parcel(bad=Condition.SELLABLE, count=1),
    ],
)
def test_where_the_channel_takes_one_answer_it_gets_one(known: Facts) -> None:
    made = planned(known, REFUSES)
    assert not [each for each in writes(made) if isinstance(each, DecideUnits)]
    assert all(Decision.BY_UNIT not in each.options for each in made.questions)


def test_no_answer_is_suggested_that_fits_no_reason_of_the_channel() -> None:
    made = planned(parcel(Condition.NOT_ELIGIBLE), REFUSES)
    assert not writes(made)
    assert question(made).suggested is None
    assert [each.suggested for each in question(made).units] == [None, None]


def test_the_policy_answers_for_each_unit_good_ones_first() -> None:
    wanted = written(planned(parcel(), REFUSES), DecideUnits)
    assert (wanted.decision, wanted.units, wanted.subject) == (Decision.ACCEPT_PARCEL, ("u1",), "rma")


def test_before_the_channel_was_asked_it_is_asked() -> None:
    made = planned(parcel(answerable_for=""), REFUSES)
    assert not writes(made)
    assert Source.ANSWERABLE in {step.source for step in made.steps if isinstance(step, Look)}


def test_what_is_left_is_answered_next_under_its_own_name() -> None:
    first = written(planned(parcel(votes=vote())), DecideUnits)
    done = effect(first, EffectState.CONFIRMED)
    left = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, DEADLINE),), units=units()[1:])
    second = written(planned(parcel(found=left, votes=vote(), ledger=[done])), DecideUnits)
    assert (second.decision, second.units, second.reason_key) == (Decision.REFUSE_PARCEL, ("u2",), "damaged")
    assert second.target != first.target
    assert not writes(planned(parcel(votes=vote(), ledger=[effect(first, EffectState.SENT)]))), "one after the other"


def test_units_with_one_answer_go_together_and_parts_of_a_refund_alone() -> None:
    parts = [UnitAnswer(each, Decision.REFUND_PART, offer=usd(300)) for each in ("u1", "u2")]
    known = parcel(count=3, answerable=named(lines=("u1", "u2", "u3")))
    votes = vote(*parts, UnitAnswer("u3", Decision.ACCEPT_PARCEL))
    first = written(planned(change(known, said=change(known.said, votes=votes))), DecideUnits)
    assert (first.decision, first.units) == (Decision.ACCEPT_PARCEL, ("u3",))
    alike = vote(
        *(UnitAnswer(f"u{n}", Decision.ACCEPT_PARCEL) for n in (1, 2)), UnitAnswer("u3", SUGGESTED[1].decision, "wrong")
    )
    assert written(planned(change(known, said=change(known.said, votes=alike))), DecideUnits).units == ("u1", "u2")
    ledger = [effect(first, EffectState.CONFIRMED)]
    left = parcel(votes=votes, ledger=ledger)
    alone_part = written(planned(left), DecideUnits)
    assert (alone_part.units, alone_part.offer) == (("u1",), usd(300))


@pytest.mark.parametrize(
    "answers",
    [
        (SUGGESTED[0],),
        (SUGGESTED[0], UnitAnswer("u2", Decision.REFUSE_PARCEL)),
        (SUGGESTED[0], UnitAnswer("u2", Decision.REFUSE_PARCEL, "unknown")),
        (SUGGESTED[0], UnitAnswer("u2", Decision.REFUND_PART)),
        (SUGGESTED[0], UnitAnswer("u2", Decision.REFUND_PART, offer=usd(901))),
        (SUGGESTED[0], UnitAnswer("u2", Decision.APPROVE_RETURN)),
    ],
)
def test_an_answer_that_cannot_be_given_is_told_and_asked_again(answers: tuple[UnitAnswer, ...]) -> None:
    made = planned(parcel(votes=vote(*answers)))
    assert not writes(made)
    assert f"invalid:decide:{CASE}:judge_parcel:1" in {each.key for each in made.troubles}
    assert made.questions


def test_a_refusal_folds_back_to_the_whole_parcel_until_somebody_tries_again() -> None:
    wanted = written(planned(parcel(votes=vote())), DecideUnits)
    refused = effect(
        wanted, EffectState.REFUSED, answered_at=NOW, words=1, code="kept together", text="units of one SKU"
    )
    known = parcel(votes=vote(), ledger=[refused])
    made = planned(known, REFUSES)
    assert not writes(made)
    assert Decision.BY_UNIT not in question(made).options
    assert dict(question(made).pays) == {Decision.ACCEPT_PARCEL: usd(2000), Decision.REFUSE_PARCEL: usd(0)}
    (trouble,) = [each for each in made.troubles if each.retry == wanted.target]
    assert "1 of its units" in trouble.text
    again = change(known, said=change(known.said, retries={wanted.target: Asked(2, NOW)}))
    assert written(planned(again), DecideUnits).target == wanted.target
    assert written(planned(parcel(votes=vote(word=2), ledger=[refused])), DecideUnits).target == wanted.target


def test_a_refused_answer_for_units_that_somebody_else_answered_first_holds_nothing_up() -> None:
    first = written(planned(parcel(votes=vote())), DecideUnits)
    refused = effect(first, EffectState.REFUSED, answered_at=NOW, words=1, code="25007006", text="no line")
    left = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, DEADLINE),), units=units()[1:])
    made = planned(parcel(found=left, votes=vote(), ledger=[refused]))
    second = written(made, DecideUnits)
    assert (second.decision, second.units) == (Decision.REFUSE_PARCEL, ("u2",))
    assert not [each for each in made.troubles if each.retry == first.target]


def sent(*units: str) -> DecideUnits:
    return DecideUnits(CASE, Action.JUDGE_PARCEL, 1, Decision.ACCEPT_PARCEL, units, "rma")


def beside(stage: Stage, *numbers: int, **more: Any) -> ChannelCase:
    return case(stage, id="4036", units=tuple(units()[each - 1] for each in numbers), **more)


@pytest.mark.parametrize(
    ("found", "view"),
    [
        ((), False),  # moved away, and the index shows no case that holds it
        ((beside(Stage.ACCEPTED, 1),), True),
        ((beside(Stage.COMPLETED, 1),), True),
        ((beside(Stage.PARCEL_REJECTED, 1),), None),
        ((beside(Stage.SHIPPED, 1, due=(due(Action.JUDGE_PARCEL, DEADLINE),)),), False),
    ],
)
def test_a_read_of_the_order_shows_what_became_of_units_that_left(
    found: tuple[ChannelCase, ...], view: bool | None
) -> None:
    left = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, DEADLINE),), units=units()[1:])
    assert shown(sent("u1"), parcel(found=left, beside=found)) is view


def test_an_intent_that_is_no_longer_asked_for_is_dropped() -> None:
    left = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, DEADLINE),), units=units()[1:])
    intent: Effect = effect(sent("u1"), EffectState.INTENT)
    made = planned(parcel(found=left, ledger=[intent]))
    assert [(step.effect_id, step.state) for step in made.steps if isinstance(step, Settle)] == [
        (intent.id, EffectState.DROPPED)
    ]


# -- requests ---------------------------------------------------------------------------------------------------------

ASKED = tuple(each.value for each in answers_to(Action.ANSWER_RETURN))
APPROVED_AND_NOT = (UnitAnswer("u1", Decision.APPROVE_RETURN), UnitAnswer("u2", Decision.REJECT_RETURN, "damaged"))


def request(*answers: UnitAnswer, **changes: Any) -> Facts:
    """A request for two units, whose answers the channel has named."""
    found = changes.pop("found", None) or case(due=(due(deadline=DEADLINE),))
    choices = tuple(UnitChoices(each, ASKED, REASONS) for each in ("u1", "u2"))
    offered = (
        Answerable(Decision.REJECT_RETURN.value, True, reasons=REASONS),
        Answerable(Decision.BY_UNIT.value, True, subject="request", units=choices),
    )
    votes = (Vote(Action.ANSWER_RETURN, 1, Decision.BY_UNIT, "ann", NOW, comment="no", units=answers),)
    reads = {"answerable": offered, "answerable_for": "answer_return:1", "answerable_at": NOW}
    said = Said(votes=votes if answers else ())
    return alone(found, said=said, **{"shop": terms(line_level=True), **reads, **changes})


def test_a_request_is_asked_for_each_unit_too_and_nothing_is_suggested() -> None:
    asked = question(planned(request()))
    assert Decision.BY_UNIT in asked.options
    assert [(each.options, each.suggested) for each in asked.units] == [(answers_to(Action.ANSWER_RETURN), None)] * 2
    assert Decision.KEEP_ITEM not in asked.units[0].options, "the channel has no such answer for a unit"
    assert asked.suggested is None


def test_the_units_of_a_request_are_answered_one_after_the_other_the_approved_first() -> None:
    first = written(planned(request(*APPROVED_AND_NOT)), DecideUnits)
    assert (first.decision, first.units, first.subject, first.comment) == (
        Decision.APPROVE_RETURN, ("u1",), "request", ""
    )  # fmt: skip
    left = case(due=(due(deadline=DEADLINE),), units=units()[1:])
    gone = (beside(Stage.AWAITING_SHIPMENT, 1),)
    ledger = [effect(first, EffectState.ACCEPTED)]
    settled = planned(request(*APPROVED_AND_NOT, found=left, beside=gone, ledger=ledger))
    assert [step.state for step in settled.steps if isinstance(step, Settle)] == [EffectState.CONFIRMED]
    ledger = [effect(first, EffectState.CONFIRMED)]
    second = written(planned(request(*APPROVED_AND_NOT, found=left, beside=gone, ledger=ledger)), DecideUnits)
    assert (second.decision, second.units, second.reason_key, second.comment) == (
        Decision.REJECT_RETURN, ("u2",), "damaged", "no"
    )  # fmt: skip
    assert shown(second, request(found=change(left, stage=Stage.REQUEST_REJECTED, due=()))) is True


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        (UnitAnswer("u2", Decision.OFFER_PARTIAL, offer=usd(400)), True),
        (UnitAnswer("u2", Decision.OFFER_PARTIAL, offer=usd(1000)), False),
        (UnitAnswer("u2", Decision.OFFER_PARTIAL), False),
        (UnitAnswer("u2", Decision.REJECT_RETURN), False),
        (UnitAnswer("u2", Decision.ACCEPT_PARCEL), False),
        (UnitAnswer("u2", Decision.KEEP_ITEM), False),
    ],
)
def test_what_a_unit_of_a_request_may_get(answer: UnitAnswer, fits: bool) -> None:
    made = planned(request(APPROVED_AND_NOT[0], answer))
    assert bool(writes(made)) is fits
    assert bool([each for each in made.troubles if each.key.startswith("invalid")]) is not fits


@pytest.mark.parametrize(
    "known",
    [
        request(*APPROVED_AND_NOT, shop=terms(line_level=False)),
        request(*APPROVED_AND_NOT, answerable=(Answerable(Decision.REJECT_RETURN.value, True, reasons=REASONS),)),
    ],
    ids=["no model", "not named"],
)
def test_where_the_channel_takes_one_answer_a_request_gets_one(known: Facts) -> None:
    made = planned(known)
    assert not writes(made)
    assert Decision.BY_UNIT not in question(made).options
    whole = Vote(Action.ANSWER_RETURN, 1, Decision.REJECT_RETURN, "ann", NOW, "damaged")
    wanted = written(planned(change(known, said=Said(votes=(whole,)))), Decide)
    assert (wanted.decision, wanted.reason_key) == (Decision.REJECT_RETURN, "damaged")


ALONE = case(due=(due(deadline=DEADLINE),), units=units()[1:])


def test_the_answer_for_a_single_unit_is_the_one_for_all() -> None:
    wanted = written(planned(request(APPROVED_AND_NOT[1], found=ALONE)), Decide)
    assert (wanted.decision, wanted.reason_key) == (Decision.REJECT_RETURN, APPROVED_AND_NOT[1].reason_key)


def test_a_unit_that_left_unanswered_keeps_the_answer_that_was_given_for_it() -> None:
    """Whichever half the channel makes the new case: no rule pays what a person rejected."""
    there = Vote(Action.ANSWER_RETURN, 0, Decision.BY_UNIT, "ann", NOW, units=APPROVED_AND_NOT)
    known = request(found=ALONE)
    split = change(known, said=Said(votes=(there,)), seen=change(known.seen, origin="4035000"))
    wanted = written(planned(split, APPROVES), Decide)
    assert (wanted.decision, wanted.round, wanted.reason_key) == (Decision.REJECT_RETURN, 1, "damaged")
    assert written(planned(known, APPROVES), Decide).decision is Decision.APPROVE_RETURN, "the rule, where nobody spoke"
    later = change(split, seen=change(split.seen, round={Action.ANSWER_RETURN: 2}, answerable_for="answer_return:2"))
    assert written(planned(later, APPROVES), Decide).decision is Decision.APPROVE_RETURN, "another review, nobody spoke"
