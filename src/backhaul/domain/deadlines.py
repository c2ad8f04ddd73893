"""Deadlines come from the channel. The plan acts before they run out and warns ahead."""

from __future__ import annotations

from backhaul.domain.facts import Facts
from backhaul.domain.policy import HOUR, Policy
from backhaul.domain.steps import Draft, Look, Source, Warn
from backhaul.domain.words import Action, Party


def nearest(facts: Facts) -> tuple[Action | None, int | None]:
    """The action that is due first, and until when."""
    case = facts.channel
    if case is None or not case.due:
        return None, None
    first = min(case.due, key=lambda due: (due.deadline is None, due.deadline or 0))
    return first.action, first.deadline


def last_attempt(facts: Facts, policy: Policy, now: int) -> bool:
    """Whether a deadline is so near that nothing on the channel waits for a back-off begun before."""
    _, deadline = nearest(facts)
    if deadline is None or now >= deadline:
        return False
    start = deadline - policy.last_attempt_s
    backoff = facts.seen.backoff.get(Party.CHANNEL)
    return now >= start and (backoff is None or backoff.since < start or now - backoff.since >= 20)


def warn(facts: Facts, policy: Policy, now: int, draft: Draft) -> None:
    """Warn at each mark ahead of a deadline that nothing has answered, after one more look at the case."""
    case = facts.channel
    assert case is not None
    for due in case.due:
        if due.deadline is None or now >= due.deadline:
            continue
        draft.wake(due.deadline - policy.last_attempt_s if now < due.deadline - policy.last_attempt_s else due.deadline)
        marks = {hours: f"{due.action}:{facts.round(due.action)}:{due.deadline}:{hours}" for hours in policy.warn_hours}
        passed = [hours for hours in marks if now >= due.deadline - hours * HOUR]
        for hours in marks:
            if hours not in passed:
                draft.wake(due.deadline - hours * HOUR)
        fresh = [hours for hours in passed if marks[hours] not in facts.seen.warned]
        if not fresh or min(passed) not in fresh:
            continue
        at = due.deadline - min(passed) * HOUR
        if facts.seen.channel_at < at and not facts.backing_off(Party.CHANNEL, now):
            draft.steps.append(Look(Source.CASE, "before a deadline warning", 4))
            continue
        draft.steps.append(Warn(tuple(marks[hours] for hours in fresh), due.action, due.deadline, min(passed)))
