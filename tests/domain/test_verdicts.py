"""Verdicts on single units, folded to one answer for a whole parcel."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.channel import Answerable
from backhaul.domain.effects import Decide
from backhaul.domain.facts import Facts
from backhaul.domain.policy import AcceptParcel, BadParcel, DeadlineRule, Default, Policy
from backhaul.domain.said import Said, Verdict, Vote
from backhaul.domain.steps import Plan
from backhaul.domain.words import Action, Condition, Decision, Disposition, Stage
from tests.domain.build import HOUR, NOW, alone, case, change, channel_order, due, planned, usd, writes, written

DEADLINE = NOW + 30 * HOUR
LEAD = DEADLINE - HOUR
FITTING = {Condition.WRONG_ITEM: "wrong", Condition.DAMAGED: "damaged", Condition.MISSING: "empty"}
REFUSES = Policy(bad_parcel=BadParcel.REFUSE)


def parcel(*conditions: Condition, keys: tuple[str, ...] = ("wrong", "damaged"), **changes: Any) -> Facts:
    found = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, DEADLINE),), quick_refund=changes.pop("quick", False))
    verdicts = {
        f"u{number}": Verdict(condition, Disposition.NOT_RESTOCKED, "bo", NOW)
        for number, condition in enumerate(conditions, 1)
    }
    refuse = Answerable(Decision.REFUSE_PARCEL.value, True, reasons=tuple((key, key) for key in keys), fitting=FITTING)
    reads = {"answerable": (refuse,), "answerable_for": "judge_parcel:1", "answerable_at": NOW}
    return alone(found, said=Said(verdicts=verdicts), **{**reads, **changes})


def question(made: Plan) -> Any:
    return next(each for each in made.questions if each.kind == "decision")


@pytest.mark.parametrize(
    ("conditions", "key"),
    [
        ((Condition.DAMAGED, Condition.DAMAGED), "damaged"),
        ((Condition.WRONG_ITEM, Condition.WRONG_ITEM), "wrong"),
        ((Condition.MISSING, Condition.WRONG_ITEM), "wrong"),
    ],
)
def test_a_parcel_without_a_good_unit_is_refused_for_what_was_found(
    conditions: tuple[Condition, ...], key: str
) -> None:
    wanted = written(planned(parcel(*conditions), REFUSES), Decide)
    assert (wanted.decision, wanted.reason_key) == (Decision.REFUSE_PARCEL, key)


def test_by_default_a_person_is_shown_what_the_verdicts_amount_to() -> None:
    made = planned(parcel(Condition.DAMAGED, Condition.DAMAGED))
    assert not writes(made)
    assert (question(made).suggested, question(made).suggested_reason) == (Decision.REFUSE_PARCEL, "damaged")
    assert "2 of 2 units did not pass" in question(made).text


@pytest.mark.parametrize(
    "known",
    [
        parcel(Condition.MISSING, Condition.MISSING),  # the channel offers no reason that says so
        parcel(Condition.DAMAGED, Condition.DAMAGED, quick=True),
        parcel(Condition.DAMAGED, Condition.SELLABLE),
        parcel(Condition.DAMAGED),
        parcel(Condition.DAMAGED, Condition.DAMAGED, order=None),
    ],
)
def test_a_parcel_is_not_refused_by_itself_where_that_is_not_legal_or_not_right(known: Facts) -> None:
    assert not writes(planned(known, REFUSES))


def test_goods_the_channel_fulfils_are_not_refused() -> None:
    made = planned(parcel(Condition.DAMAGED, Condition.DAMAGED, order=channel_order(by_channel=True)), REFUSES)
    assert not writes(made)


def test_before_the_reasons_were_read_they_are_read() -> None:
    made = planned(parcel(Condition.DAMAGED, Condition.DAMAGED, answerable_for=""), REFUSES)
    assert not writes(made)
    assert made.steps


def test_a_mixed_parcel_is_asked_with_the_money_of_each_answer() -> None:
    made = planned(parcel(Condition.SELLABLE, Condition.DAMAGED))
    asked = question(made)
    assert asked.pays == ((Decision.ACCEPT_PARCEL, usd(2000)), (Decision.REFUSE_PARCEL, usd(0)))
    assert (asked.suggested, asked.suggested_reason) == (None, "damaged")
    assert asked.otherwise == "left to the channel, which usually approves"


@pytest.mark.parametrize(
    ("default", "decision"),
    [(Default.APPROVE, Decision.ACCEPT_PARCEL), (Default.REJECT, Decision.REFUSE_PARCEL), (Default.LEAVE, None)],
)
def test_nobody_answers_for_a_mixed_parcel(default: Default, decision: Decision | None) -> None:
    policy = Policy(on_mixed=default, on_deadline={Action.JUDGE_PARCEL: DeadlineRule(Default.APPROVE)})
    known = parcel(Condition.SELLABLE, Condition.DAMAGED, channel_at=LEAD)
    assert not writes(planned(known, policy, LEAD - 1))
    found = writes(planned(known, policy, LEAD))
    assert [(each.decision, each.reason_key) for each in found] == (
        [(decision, "damaged" if decision is Decision.REFUSE_PARCEL else "")] if decision else []
    )


def test_a_part_of_the_refund_is_offered_where_the_channel_names_it_with_its_bounds() -> None:
    named = parcel(Condition.SELLABLE, Condition.DAMAGED)
    part = Answerable(Decision.REFUND_PART.value, True, band=(usd(200), usd(900)), subject="rma", lines=("u1", "u2"))
    known = change(named, seen=change(named.seen, answerable=(*named.seen.answerable, part)))
    asked = question(planned(known))
    assert asked.options == (Decision.ACCEPT_PARCEL, Decision.REFUND_PART, Decision.REFUSE_PARCEL)
    assert dict(asked.pays)[Decision.REFUND_PART] == usd(900), "what the good unit is worth, as far as it is allowed"
    for amount, sent in ((usd(900), True), (usd(901), False), (usd(199), False), (usd(2000), False)):
        vote = Vote(Action.JUDGE_PARCEL, 1, Decision.REFUND_PART, "ann", NOW, offer=amount)
        made = planned(change(known, said=change(known.said, votes=(vote,))))
        assert [(each.offer, each.subject, each.lines) for each in writes(made)] == (
            [(amount, "rma", ("u1", "u2"))] if sent else []
        )
        assert sent or made.questions
    unnamed = planned(change(named, said=change(named.said, votes=(vote,))))
    assert not writes(unnamed), "where the channel does not name it, it is not sent"


def test_what_the_policy_leaves_to_a_person_no_verdict_decides() -> None:
    ask = Policy(accept_parcel=AcceptParcel.ASK, bad_parcel=BadParcel.REFUSE)
    for conditions in ((Condition.SELLABLE,) * 2, (Condition.DAMAGED,) * 2):
        made = planned(parcel(*conditions), ask)
        assert not writes(made)
        assert question(made).suggested is not None
