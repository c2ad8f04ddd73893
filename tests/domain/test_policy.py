from __future__ import annotations

import msgspec

from backhaul.domain.policy import APPROVALS, HOUR, REJECTS, AcceptParcel, DeadlineRule, Default, Policy
from backhaul.domain.words import ANSWERS, REJECTIONS, Action


def test_defaults_pay_nobody_without_a_person_except_where_silence_would_pay_too() -> None:
    policy = Policy()
    assert policy.rule(Action.ANSWER_REFUND).default is Default.LEAVE
    assert policy.rule(Action.JUDGE_PARCEL).default is Default.LEAVE
    assert policy.rule(Action.ANSWER_RETURN).default is Default.APPROVE  # pays when the goods are accepted, not before
    assert policy.accept_parcel is AcceptParcel.ON_INSPECTION
    assert (policy.lead_s, policy.last_attempt_s, policy.warn_hours) == (HOUR, 300, (24, 12, 4, 1))


def test_what_the_policy_does_not_name_is_left_to_the_channel() -> None:
    policy = Policy(on_deadline={Action.ANSWER_RETURN: DeadlineRule(Default.REJECT, ("r1",))})
    assert policy.rule(Action.ANSWER_RETURN) == DeadlineRule(Default.REJECT, ("r1",))
    assert policy.rule(Action.ANSWER_REFUND).default is Default.LEAVE
    assert policy.rule(Action.UNKNOWN).default is Default.LEAVE


def test_every_question_we_answer_has_an_approval_and_a_rejection_among_its_answers() -> None:
    assert set(ANSWERS) == set(APPROVALS) == set(REJECTS)
    for action, answers in ANSWERS.items():
        assert APPROVALS[action] in answers
        assert APPROVALS[action] not in REJECTIONS
        assert REJECTS[action] in answers
        assert REJECTS[action] in REJECTIONS


def test_a_policy_is_stored_and_read_back() -> None:
    policy = Policy(3, {Action.ANSWER_REFUND: DeadlineRule(Default.APPROVE)}, AcceptParcel.ASK, reasons={"k": "R1"})
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy
