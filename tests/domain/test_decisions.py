from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.decisions import FRESH
from backhaul.domain.effects import Decide, EffectState
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.policy import APPROVALS, REJECTS, AcceptParcel, DeadlineRule, Default, Policy
from backhaul.domain.said import Asked, Said, Verdict, Vote
from backhaul.domain.steps import Look, Plan, Source, Write
from backhaul.domain.terms import Mode
from backhaul.domain.words import (
    ANSWERS,
    INFERRED,
    REJECTIONS,
    WITH_AMOUNT,
    Action,
    Condition,
    Decision,
    Disposition,
    Kind,
    Party,
    Stage,
)
from tests.domain.build import (
    HOUR,
    NOW,
    alone,
    answerable,
    case,
    change,
    channel_order,
    decide,
    due,
    effect,
    planned,
    terms,
    troubles,
    usd,
    writes,
    written,
)

DEADLINE = NOW + 30 * HOUR
LEAD = DEADLINE - HOUR
KINDS = {
    Action.ANSWER_REFUND: Kind.REFUND,
    Action.ANSWER_REPLACEMENT: Kind.REPLACEMENT,
    Action.ANSWER_EXCHANGE: Kind.EXCHANGE,
    Action.ANSWER_CANCELLATION: Kind.CANCELLATION,
}
WHOLE_RETURN = tuple(each for each in ANSWERS[Action.ANSWER_RETURN] if each is not Decision.BY_UNIT)


def vote(
    decision: Decision, action: Action = Action.ANSWER_RETURN, at: int = NOW - 60, desk: str = "own", **more: Any
) -> Vote:
    return Vote(action, 1, decision, desk, at, desk=desk, **more)


def asked(
    action: Action = Action.ANSWER_RETURN, *votes: Vote, deadline: int | None = DEADLINE, **changes: Any
) -> Facts:
    stage = Stage.SHIPPED if action is Action.JUDGE_PARCEL else Stage.REQUESTED
    kind = KINDS.get(action, Kind.RETURN)
    found = case(stage, kind, due=(due(action, deadline),), quick_refund=bool(changes.pop("quick", False)))
    return alone(found, said=Said(votes=votes), **changes)


def reads(action: Action, *reasons: str, eligible: bool = True) -> dict[str, Any]:
    """The channel was asked what may be answered."""
    return {
        "answerable": (
            answerable(REJECTS[action], *reasons, eligible=eligible),
            *(answerable(each) for each in ANSWERS[action] if each in INFERRED and each not in REJECTIONS),
        ),
        "answerable_for": f"{action}:1",
        "answerable_at": NOW,
    }


def sources(made: Plan) -> list[Source]:
    return [step.source for step in made.steps if isinstance(step, Look) and step.rank < 10]


# -- votes


@pytest.mark.parametrize("action", ANSWERS)
def test_a_vote_becomes_the_answer(action: Action) -> None:
    for decision in ANSWERS[action]:
        if decision is Decision.BY_UNIT:
            continue  # which becomes an answer for some units: see test_by_unit
        more: dict[str, Any] = {"reason_key": "r1"} if decision in REJECTIONS else {}
        if decision in WITH_AMOUNT:
            more = {"offer": usd(500)}
        made = planned(asked(action, vote(decision, action, **more), **reads(action, "r1", "r2")))
        wanted = decide(decision, action, reason=more.get("reason_key", ""))
        assert written(made, Decide) == change(wanted, offer=more.get("offer"))
        assert "decision" not in {question.kind for question in made.questions}


def test_nobody_has_spoken_so_a_person_is_asked() -> None:
    made = planned(asked(Action.ANSWER_RETURN, **reads(Action.ANSWER_RETURN, "r1")))
    assert not writes(made)
    (question,) = made.questions
    assert (question.kind, question.action, question.round) == ("decision", Action.ANSWER_RETURN, 1)
    assert question.options == WHOLE_RETURN
    assert question.reasons == (("r1", "R1"),)
    assert (question.deadline, question.otherwise) == (DEADLINE, "approved by policy")
    assert made.wake_at is not None
    assert made.wake_at <= LEAD


def test_the_reasons_are_read_once_for_each_review_to_be_offered() -> None:
    first = planned(asked())
    assert [step.source for step in first.steps if isinstance(step, Look)] == [Source.ANSWERABLE]
    assert not planned(asked(Action.ANSWER_RETURN, **reads(Action.ANSWER_RETURN, "r1"))).steps
    assert not planned(asked(shop=terms(mode=Mode.OBSERVE))).steps, "a shop that observes asks the channel for less"


def test_two_questions_at_once_are_each_asked_and_the_channel_is_asked_once() -> None:
    found = case(due=(due(Action.UNKNOWN), due(Action.ANSWER_RETURN), due(Action.ANSWER_REFUND)))
    known = alone(found)
    made = planned(alone(found, answerable_for=known.reviews, answerable_at=NOW))
    assert {question.action for question in made.questions} == {Action.ANSWER_RETURN, Action.ANSWER_REFUND}
    assert not made.steps
    assert "console" in troubles(made)


def test_desks_that_agree_are_one_voice_and_those_that_do_not_are_a_question_until_the_lead_time() -> None:
    approve, keep = vote(Decision.APPROVE_RETURN), vote(Decision.KEEP_ITEM, desk="loop")
    agreed = planned(asked(Action.ANSWER_RETURN, approve, vote(Decision.APPROVE_RETURN, desk="loop")))
    assert written(agreed, Decide).decision is Decision.APPROVE_RETURN
    known = asked(Action.ANSWER_RETURN, approve, keep)
    early = planned(known, now=NOW)
    assert not writes(early)
    assert early.questions[0].text == "The desks disagree."
    late = planned(asked(Action.ANSWER_RETURN, approve, keep, channel_at=LEAD), now=LEAD)
    assert written(late, Decide).decision is Decision.APPROVE_RETURN
    assert late.steps[0].by == "deadline"  # type: ignore[union-attr]


def test_a_vote_on_another_review_or_question_does_not_count() -> None:
    old = Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", NOW)
    other = Vote(Action.ANSWER_REFUND, 2, Decision.APPROVE_REFUND, "ann", NOW)
    made = planned(asked(Action.ANSWER_RETURN, old, other, round={Action.ANSWER_RETURN: 2}))
    assert not writes(made)
    assert made.questions[0].round == 2


def test_a_decision_that_does_not_fit_the_question_is_an_exception() -> None:
    made = planned(asked(Action.ANSWER_RETURN, vote(Decision.ACCEPT_PARCEL)))
    assert (writes(made), troubles(made)) == ([], {"invalid"})


# -- rejections


def test_a_rejection_waits_for_the_reasons_the_channel_accepts_now() -> None:
    reject = vote(Decision.REJECT_RETURN, reason_key="r1")
    assert sources(planned(asked(Action.ANSWER_RETURN, reject))) == [Source.ANSWERABLE]
    stale = {**reads(Action.ANSWER_RETURN, "r1"), "answerable_at": reject.at - 1}
    assert sources(planned(asked(Action.ANSWER_RETURN, reject, **stale))) == [Source.ANSWERABLE]
    assert written(planned(asked(Action.ANSWER_RETURN, reject, **reads(Action.ANSWER_RETURN, "r1"))), Decide)


@pytest.mark.parametrize("key", ["", "r9"])
def test_a_rejection_without_a_valid_reason_is_not_sent(key: str) -> None:
    reject = vote(Decision.REJECT_RETURN, reason_key=key)
    made = planned(asked(Action.ANSWER_RETURN, reject, **reads(Action.ANSWER_RETURN, "r1")))
    assert (writes(made), troubles(made)) == ([], {"invalid"})


def test_a_rejection_the_channel_does_not_allow_is_not_sent_whatever_its_reasons() -> None:
    reject = vote(Decision.REJECT_RETURN, reason_key="r1")
    made = planned(asked(Action.ANSWER_RETURN, reject, **reads(Action.ANSWER_RETURN, "r1", eligible=False)))
    assert (writes(made), troubles(made)) == ([], {"invalid"})


def test_a_parcel_the_channel_has_refunded_early_cannot_be_refused() -> None:
    action = Action.JUDGE_PARCEL
    made = planned(asked(action, quick=True, **reads(action, "r1")))
    assert made.questions[0].options == (Decision.ACCEPT_PARCEL,)
    refuse = vote(Decision.REFUSE_PARCEL, action, reason_key="r1")
    made = planned(asked(action, refuse, quick=True, **reads(action, "r1")))
    assert (writes(made), troubles(made)) == ([], {"invalid"})


# -- the policy, before the deadline


@pytest.mark.parametrize("action", ANSWERS)
@pytest.mark.parametrize("default", Default)
@pytest.mark.parametrize("now", [LEAD - 1, LEAD, DEADLINE - 300, DEADLINE - 1])
def test_the_default_is_given_at_the_lead_time_and_not_before(action: Action, default: Default, now: int) -> None:
    policy = Policy(on_deadline={action: DeadlineRule(default, ("r9", "r2"))}, accept_parcel=AcceptParcel.ASK)
    made = planned(asked(action, channel_at=now, **reads(action, "r1", "r2")), policy, now)
    assert made.questions[0].action is action
    if now < LEAD or default is Default.LEAVE:
        assert not writes(made)
    elif default is Default.APPROVE:
        assert written(made, Decide) == decide(APPROVALS[action], action)
    else:
        assert written(made, Decide) == decide(REJECTS[action], action, reason="r2"), (
            "the first preferred that is valid"
        )


def test_without_a_preferred_reason_the_channels_first_is_taken_and_without_any_a_person() -> None:
    policy = Policy(on_deadline={Action.ANSWER_RETURN: DeadlineRule(Default.REJECT)})
    made = planned(asked(Action.ANSWER_RETURN, channel_at=LEAD, **reads(Action.ANSWER_RETURN, "r1")), policy, LEAD)
    assert written(made, Decide).reason_key == "r1"
    made = planned(asked(Action.ANSWER_RETURN, channel_at=LEAD, **reads(Action.ANSWER_RETURN)), policy, LEAD)
    assert (writes(made), troubles(made)) == ([], {"invalid"})


def test_a_question_without_a_deadline_waits_for_a_person() -> None:
    made = planned(asked(Action.ANSWER_RETURN, deadline=None, **reads(Action.ANSWER_RETURN, "r1")))
    assert (writes(made), len(made.questions)) == ([], 1)


def test_the_case_is_read_just_before_a_decision_is_written() -> None:
    known = asked(Action.ANSWER_RETURN, vote(Decision.APPROVE_RETURN), channel_at=NOW - FRESH - 1)
    assert sources(planned(known)) == [Source.CASE]
    assert not writes(planned(known))
    heard = asked(Action.ANSWER_RETURN, vote(Decision.APPROVE_RETURN), heard_channel=1)
    assert sources(planned(heard)) == [Source.CASE]
    assert not writes(planned(heard))


# -- the last minutes


def test_in_the_last_minutes_a_back_off_holds_nothing_but_a_breath() -> None:
    long = Backoff(NOW, DEADLINE + HOUR, 7, "down", at=NOW)
    known = asked(
        Action.ANSWER_RETURN, vote(Decision.APPROVE_RETURN), channel_at=DEADLINE - 330, backoff={Party.CHANNEL: long}
    )
    assert not writes(planned(known, now=DEADLINE - 301))
    assert written(planned(known, now=DEADLINE - 300), Decide)
    failed = Backoff(NOW, DEADLINE + HOUR, 8, "down", at=DEADLINE - 300)
    again = asked(
        Action.ANSWER_RETURN, vote(Decision.APPROVE_RETURN), channel_at=DEADLINE - 330, backoff={Party.CHANNEL: failed}
    )
    assert not planned(again, now=DEADLINE - 299).steps, "a vendor that is down is not called in a loop"
    assert planned(again, now=DEADLINE - 280).steps


def test_another_questions_missed_deadline_hides_none_that_is_near() -> None:
    found = case(due=(due(Action.ANSWER_REFUND, NOW - 5), due(Action.ANSWER_RETURN, NOW + 200)))
    down = {Party.CHANNEL: Backoff(NOW - 500, NOW + HOUR, 5, "down", at=NOW - 100)}
    assert planned(alone(found, backoff=down, said=Said(votes=(vote(Decision.APPROVE_RETURN),)))).steps


# -- the parcel


def verdicts(**conditions: Condition) -> dict[str, Verdict]:
    return {unit: Verdict(condition, Disposition.RESTOCK, "bo", NOW) for unit, condition in conditions.items()}


@pytest.mark.parametrize(
    ("rule", "found", "accepted"),
    [
        (AcceptParcel.ON_DELIVERY, {}, True),
        (AcceptParcel.ON_INSPECTION, {}, False),
        (AcceptParcel.ON_INSPECTION, verdicts(u1=Condition.SELLABLE), False),
        (AcceptParcel.ON_INSPECTION, verdicts(u1=Condition.SELLABLE, u2=Condition.SELLABLE), True),
        (AcceptParcel.ON_INSPECTION, verdicts(u1=Condition.SELLABLE, u2=Condition.DAMAGED), False),
        (AcceptParcel.ASK, verdicts(u1=Condition.SELLABLE, u2=Condition.SELLABLE), False),
    ],
)
def test_a_parcel_is_accepted_by_rule_alone(rule: AcceptParcel, found: dict[str, Verdict], accepted: bool) -> None:
    parcel = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),))
    for order, expected in ((channel_order(), accepted), (None, False), (channel_order(by_channel=True), False)):
        made = planned(alone(parcel, said=Said(verdicts=found), order=order), Policy(accept_parcel=rule))
        assert bool(writes(made)) is expected, order


def test_a_persons_word_stands_above_the_rule() -> None:
    refuse = vote(Decision.REFUSE_PARCEL, Action.JUDGE_PARCEL, reason_key="r1")
    known = asked(Action.JUDGE_PARCEL, refuse, **reads(Action.JUDGE_PARCEL, "r1"))
    made = planned(known, Policy(accept_parcel=AcceptParcel.ON_DELIVERY))
    assert written(made, Decide).decision is Decision.REFUSE_PARCEL


def test_a_default_on_a_parcel_waits_until_it_is_known_whose_goods_they_are() -> None:
    policy = Policy(on_deadline={Action.JUDGE_PARCEL: DeadlineRule(Default.APPROVE)}, accept_parcel=AcceptParcel.ASK)
    made = planned(asked(Action.JUDGE_PARCEL, channel_at=LEAD, order=None), policy, LEAD)
    assert not writes(made)
    assert Source.ORDER in [step.source for step in made.steps if isinstance(step, Look)]


def test_the_receipt_of_goods_the_channel_fulfils_is_not_asked_for() -> None:
    made = planned(asked(Action.JUDGE_PARCEL, order=channel_order(by_channel=True)))
    assert (made.questions, writes(made)) == ((), [])


# -- what has been answered


@pytest.mark.parametrize("state", [EffectState.INTENT, EffectState.SENT, EffectState.ACCEPTED])
def test_while_an_answer_is_open_there_is_no_other(state: EffectState) -> None:
    known = asked(Action.ANSWER_RETURN, vote(Decision.KEEP_ITEM, at=NOW), ledger=[effect(decide(), state)])
    made = planned(known)
    assert (writes(made), made.questions, made.lanes["decision"].state) == ([], (), "sending")


def test_a_refused_answer_asks_anew_and_a_newer_vote_is_sent() -> None:
    refused = effect(decide(), EffectState.REFUSED, code="25011", text="too late", answered_at=NOW - 60, words=1)
    spent = planned(asked(Action.ANSWER_RETURN, vote(Decision.APPROVE_RETURN, word=1), ledger=[refused]))
    assert (writes(spent), troubles(spent)) == ([], {"refused"})
    assert spent.questions[0].options == WHOLE_RETURN
    fresh = planned(asked(Action.ANSWER_RETURN, vote(Decision.KEEP_ITEM, word=2), ledger=[refused]))
    assert written(fresh, Decide).decision is Decision.KEEP_ITEM
    assert not fresh.troubles
    retry = asked(Action.ANSWER_RETURN, ledger=[refused])
    retried = Facts(
        retry.id, retry.shop_id, retry.seen,
        Said(2, (vote(Decision.APPROVE_RETURN, word=1),), retries={refused.target: Asked(2, NOW - 60)}),
        retry.ledger, retry.shop,
    )  # fmt: skip
    assert written(planned(retried), Decide)


def test_a_desk_has_spoken_later_than_an_answer_by_the_clock() -> None:
    refused = effect(decide(), EffectState.REFUSED, code="25011", text="too late", answered_at=NOW - 60, words=1)
    for at, sent in ((NOW - 61, False), (NOW - 60, False), (NOW - 59, True)):
        given = vote(Decision.APPROVE_RETURN, at=at, desk="loop")
        assert bool(writes(planned(asked(Action.ANSWER_RETURN, given, ledger=[refused])))) is sent, at


def test_the_policy_does_not_overrule_a_person_whose_answer_was_refused() -> None:
    refused = effect(decide(Decision.REJECT_RETURN), EffectState.REFUSED, answered_at=NOW - 100, words=1)
    reject = vote(Decision.REJECT_RETURN, at=NOW - 150, reason_key="r1", word=1)
    known = asked(Action.ANSWER_RETURN, reject, ledger=[refused], channel_at=LEAD, **reads(Action.ANSWER_RETURN, "r1"))
    made = planned(known, now=LEAD)
    assert (writes(made), troubles(made)) == ([], {"refused"})


def test_a_second_review_is_another_answer() -> None:
    done = effect(decide(), EffectState.CONFIRMED)
    again = Vote(Action.ANSWER_RETURN, 2, Decision.APPROVE_RETURN, "ann", NOW)
    made = planned(asked(Action.ANSWER_RETURN, again, ledger=[done], round={Action.ANSWER_RETURN: 2}))
    assert written(made, Decide).target == decide(round=2).target != done.target


def test_in_observe_an_answer_is_written_down_once_and_nothing_is_sent() -> None:
    shop = terms(mode=Mode.OBSERVE, live_since=None)
    approve = vote(Decision.APPROVE_RETURN)
    assert written(planned(asked(Action.ANSWER_RETURN, approve, shop=shop)), Decide)
    proposed = [effect(decide(), EffectState.PROPOSED)]
    assert not planned(asked(Action.ANSWER_RETURN, approve, shop=shop, ledger=proposed)).steps
    live = planned(asked(Action.ANSWER_RETURN, approve, ledger=proposed))
    assert written(live, Decide), "a proposal does not stand in the way of the real one"


# -- what this version cannot answer


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (Kind.EXCHANGE, Action.ANSWER_EXCHANGE),
        (Kind.RETURN, Action.UNKNOWN),
        (Kind.UNKNOWN, Action.UNKNOWN),
    ],
)
def test_what_we_cannot_answer_is_sent_to_the_console_in_time(kind: Kind, action: Action) -> None:
    asked_for = {"answerable_for": f"{action}:1", "answerable_at": NOW}  # and the channel named no answer
    made = planned(alone(case(kind=kind, due=(due(action),)), **asked_for))
    (trouble,) = [each for each in made.troubles if each.console]
    assert (trouble.deadline, writes(made)) == (DEADLINE, [])
    assert (made.next_action, made.deadline) == (action, DEADLINE)


@pytest.mark.parametrize(
    ("stage", "state", "terminal"),
    [
        (Stage.REQUESTED, "requested", False),
        (Stage.OFFERED, "offered", False),
        (Stage.AWAITING_SHIPMENT, "accepted", False),
        (Stage.SHIPPED, "accepted", False),
        (Stage.REQUEST_REJECTED, "rejected", False),
        (Stage.PARCEL_REJECTED, "parcel_rejected", False),
        (Stage.ACCEPTED, "accepted", False),
        (Stage.COMPLETED, "accepted", True),
        (Stage.CANCELLED, "cancelled", True),
        (Stage.UNKNOWN, "unknown", False),
    ],
)
def test_where_the_lane_stands(stage: Stage, state: str, terminal: bool) -> None:
    lane = planned(alone(case(stage))).lanes["decision"]
    assert (lane.state, lane.terminal) == (state, terminal)


def test_a_decision_is_written_by_whom_it_was_said() -> None:
    made = planned(asked(Action.ANSWER_RETURN, Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", NOW)))
    step = next(step for step in made.steps if isinstance(step, Write))
    assert (step.by, step.because) == ("ann", "decided by ann")
