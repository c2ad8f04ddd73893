from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backhaul.domain.deadlines import nearest
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.policy import Policy
from backhaul.domain.steps import Look, Source, Warn
from backhaul.domain.words import Action, Party, Stage
from tests.domain.build import DAY, HOUR, NOW, alone, case, channel_order, due, planned, terms

DEADLINE = NOW + 30 * HOUR


def waiting(at: int, action: Action = Action.ANSWER_RETURN, **changes: Any) -> Facts:
    stage = Stage.SHIPPED if action is Action.JUDGE_PARCEL else Stage.REQUESTED
    changes = {"warned": (), "channel_at": at, "answerable_for": f"{action}:1", **changes}
    return alone(case(stage, due=(due(action, DEADLINE),)), **changes)


def warnings(known: Facts, now: int) -> list[Warn]:
    return [step for step in planned(known, now=now).steps if isinstance(step, Warn)]


def test_each_mark_warns_once_as_time_goes_by() -> None:
    """Minute by minute through 30 hours: the loop takes each step and looks again."""
    known, told, now = waiting(NOW), [], NOW
    for _ in range(100):
        if now >= DEADLINE + HOUR:
            break
        made = planned(known, policy=Policy(on_deadline={}), now=now)
        step = made.steps[0] if made.steps else None
        if isinstance(step, Warn):
            told.append((step.hours, (DEADLINE - now) / HOUR))
            known = msgspec.structs.replace(
                known, seen=msgspec.structs.replace(known.seen, warned=(*known.seen.warned, *step.keys))
            )
        elif isinstance(step, Look):
            assert step.source is Source.CASE
            known = msgspec.structs.replace(known, seen=msgspec.structs.replace(known.seen, channel_at=now))
        else:
            assert step is None
            assert made.wake_at is not None
            assert made.wake_at > now
            now = made.wake_at
    assert told == [(24, 24), (12, 12), (4, 4), (1, 1)]


@pytest.mark.parametrize(("hours_left", "warned_of", "marks"), [(25, 0, 0), (20, 24, 1), (3, 4, 3), (0.5, 1, 4)])
def test_a_late_start_warns_once_for_all_marks_that_have_passed(hours_left: float, warned_of: int, marks: int) -> None:
    now = DEADLINE - int(hours_left * HOUR)
    found = warnings(waiting(now), now)
    assert [(each.hours, len(each.keys)) for each in found] == ([(warned_of, marks)] if marks else [])


def test_the_case_is_read_before_a_warning_unless_the_channel_is_silent() -> None:
    now = DEADLINE - 4 * HOUR
    old = planned(waiting(now - 1), now=now)
    assert [step.source for step in old.steps if isinstance(step, Look)] == [Source.CASE]
    assert not [step for step in old.steps if isinstance(step, Warn)]
    down = {Party.CHANNEL: Backoff(now - 5, now + 60, 2, "down", at=now - 5)}
    assert [each.hours for each in warnings(waiting(now - 1, backoff=down), now)] == [4]
    assert [each.hours for each in warnings(waiting(now - 1, shop=terms(paused={Party.CHANNEL: "log in"})), now)] == [4]


def test_a_new_deadline_and_a_new_review_warn_anew() -> None:
    now = DEADLINE - HOUR
    (first,) = warnings(waiting(now), now)
    assert not warnings(waiting(now, warned=first.keys), now)
    assert warnings(waiting(now, warned=first.keys, round={Action.ANSWER_RETURN: 2}), now)
    longer = alone(case(due=(due(deadline=DEADLINE + 60),)), warned=first.keys, channel_at=now + 60)
    assert warnings(longer, now + 60)


@pytest.mark.parametrize("action", Action)
def test_questions_that_we_cannot_answer_warn_too(action: Action) -> None:
    now = DEADLINE - HOUR
    assert [each.action for each in warnings(waiting(now, action), now)] == [action]


def test_the_channels_own_receipts_do_not_warn() -> None:
    now = DEADLINE - HOUR
    assert not warnings(waiting(now, Action.JUDGE_PARCEL, order=channel_order(by_channel=True)), now)


def test_after_the_deadline_the_case_is_read_once_and_nobody_is_warned() -> None:
    late = planned(waiting(DEADLINE - 1), policy=Policy(on_deadline={}), now=DEADLINE)
    assert [step.source for step in late.steps if isinstance(step, Look)] == [Source.CASE]
    assert not warnings(waiting(DEADLINE), DEADLINE)
    assert not planned(waiting(DEADLINE), policy=Policy(on_deadline={}), now=DEADLINE).steps


def test_the_nearest_deadline_and_questions_without_one() -> None:
    none, near, far = due(Action.UNKNOWN, None), due(Action.ANSWER_REFUND, 50), due(Action.ANSWER_RETURN, 90)
    assert nearest(alone(case(due=(none, far, near)))) == (Action.ANSWER_REFUND, 50)
    assert nearest(alone(case(due=(none,)))) == (Action.UNKNOWN, None)
    assert nearest(alone(case())) == (None, None)
    assert nearest(alone(None)) == (None, None)


def test_an_open_case_is_read_daily_also_after_the_channel_has_ended_it() -> None:
    for stage in (Stage.SHIPPED, Stage.UNKNOWN, Stage.COMPLETED):
        known = alone(case(stage), channel_at=NOW - DAY + 5)
        assert planned(known).wake_at is not None
        assert planned(known).wake_at <= NOW + 5  # type: ignore[operator]
        read = [step for step in planned(known, now=NOW + 5).steps if isinstance(step, Look)]
        assert Source.CASE in {step.source for step in read}, stage
