"""Deadlines come from the channel. The plan acts before they run out and warns ahead."""

from __future__ import annotations

from backhaul.domain.facts import Facts
from backhaul.domain.policy import HOUR, Policy
from backhaul.domain.steps import Draft, Look, Source, Warn
from backhaul.domain.words import Action, Party

BREATH = 20  # seconds between attempts in the last minutes


def nearest(facts: Facts) -> tuple[Action | None, int | None]:
    """The action that is due first, and until when."""
    case = facts.channel
    if case is None or not case.due:
        return None, None
    first = min(case.due, key=lambda due: (due.deadline is None, due.deadline or 0))
    return first.action, first.deadline


def last_attempt(facts: Facts, policy: Policy, now: int) -> bool:
    """Whether a deadline is so near that nothing on the channel waits for the end of a back-off, but for a breath
    after the last failure."""
    case, backoff = facts.channel, facts.seen.backoff.get(Party.CHANNEL)
    if case is None or (backoff is not None and now - backoff.at < BREATH):
        return False
    return any(
        due.deadline is not None and due.deadline - policy.last_attempt_s <= now < due.deadline for due in case.due
    )


def warn(facts: Facts, policy: Policy, now: int, draft: Draft) -> None:
    """Warn at each mark ahead of a deadline that nothing has answered, after one more look at the case."""
    case = facts.channel
    assert case is not None
    for due in case.due:
        if due.deadline is None or not facts.ours_to_answer(due.action):
            continue
        if now >= due.deadline:
            if facts.seen.channel_at < due.deadline:
                draft.steps.append(Look(Source.CASE, "the deadline has passed", 20))
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
        silent = facts.backing_off(Party.CHANNEL, now) or Party.CHANNEL in facts.shop.paused
        if facts.seen.channel_at < at and not silent:
            draft.steps.append(Look(Source.CASE, "before a deadline warning", 4))
            continue
        draft.steps.append(Warn(tuple(marks[hours] for hours in fresh), due.action, due.deadline, min(passed)))
