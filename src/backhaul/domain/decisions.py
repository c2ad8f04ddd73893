"""The decision lane: what the channel waits for, who has answered, and what happens when nobody does."""

from __future__ import annotations

from backhaul.domain.channel import ActionDue, ChannelCase
from backhaul.domain.effects import Decide, Effect, EffectState
from backhaul.domain.facts import Facts, Vote
from backhaul.domain.policy import APPROVALS, REJECTS, AcceptParcel, Default, Policy
from backhaul.domain.steps import Draft, Lane, Look, Question, Source, Trouble, Write
from backhaul.domain.words import ANSWERS, APPROVED, REJECTIONS, Action, Condition, Decision, Party, Stage

FRESH = 60  # seconds a read of the case may be old when a decision is written


def decision_lane(facts: Facts, policy: Policy, now: int, draft: Draft) -> Lane:
    """Answer each action due, or ask."""
    case = facts.channel
    assert case is not None
    for due in case.due:
        if due.action not in ANSWERS:
            _console(case, due, draft)
        elif facts.ours_to_answer(due.action):
            _answer(facts, policy, case, due, now, draft)
    return _lane(facts, case)


def _lane(facts: Facts, case: ChannelCase) -> Lane:
    sent = [each for each in facts.ledger if isinstance(each.wanted, Decide) and each.open]
    if sent:
        return Lane("sending", sent[-1].because)
    if case.stage is Stage.CANCELLED:
        return Lane("cancelled", terminal=True)
    if case.stage is Stage.COMPLETED:
        return Lane("accepted", terminal=True)
    if case.due:
        return Lane("waiting", "The channel waits for an answer.")
    names = {
        Stage.REQUESTED: "requested",
        Stage.OFFERED: "offered",
        Stage.REQUEST_REJECTED: "rejected",
        Stage.PARCEL_REJECTED: "parcel_rejected",
    }
    return Lane(names.get(case.stage, "accepted" if case.stage in APPROVED else "unknown"))


def _console(case: ChannelCase, due: ActionDue, draft: Draft) -> None:
    draft.troubles.append(
        Trouble(
            f"console:{due.action}:{due.raw}",
            "decision",
            f"The channel waits for an answer this version cannot send ({due.raw or due.action}).",
            "Answer it in Seller Center before the deadline; the hub follows what you decide there.",
            deadline=due.deadline,
            console=True,
        )
    )


def _answer(facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, now: int, draft: Draft) -> None:
    number = facts.round(due.action)
    target = Decide(case.id, due.action, number, ANSWERS[due.action][0]).target
    last = facts.effect(target)
    if last is not None and last.open:
        return
    votes = [vote for vote in facts.said.votes if vote.action is due.action and vote.round == number]
    lead_at = due.deadline - policy.lead_s if due.deadline is not None else None
    if last is not None and _spent(last, votes, facts, due, draft):
        _ask(facts, policy, case, due, draft, conflict=False)
        return
    answers = {vote.desk: vote for vote in votes}
    if len({vote.decision for vote in answers.values()}) == 1:
        vote = list(answers.values())[-1]
        _decide(facts, case, due, vote, "", now, draft)
        return
    rule = _by_rule(facts, policy, due.action)
    if rule is not None and not answers:
        _decide(facts, case, due, Vote(due.action, number, rule[0], "policy", 0), rule[1], now, draft)
        return
    if lead_at is not None and now >= lead_at:
        default = _default(facts, policy, due, number)
        if default is not None:
            _decide(facts, case, due, default, "nobody has answered and the deadline is near", now, draft)
    else:
        draft.wake(lead_at)
    _ask(facts, policy, case, due, draft, conflict=len(answers) > 1)


def _by_rule(facts: Facts, policy: Policy, action: Action) -> tuple[Decision, str] | None:
    """The parcel is accepted by rule: on delivery, or when the inspection found every unit as it should be."""
    if action is not Action.JUDGE_PARCEL or facts.channel is None or facts.seen.order is None:
        return None  # whose goods they are is known from the order
    if policy.accept_parcel is AcceptParcel.ON_DELIVERY:
        return Decision.ACCEPT_PARCEL, "policy: accept on delivery"
    verdicts = facts.said.verdicts
    units = facts.channel.units
    inspected = bool(units) and all(unit.id in verdicts for unit in units)
    if policy.accept_parcel is not AcceptParcel.ON_INSPECTION or not inspected:
        return None
    if any(verdicts[unit.id].condition is not Condition.SELLABLE for unit in units):
        return None
    return Decision.ACCEPT_PARCEL, "policy: every unit passed inspection"


def _default(facts: Facts, policy: Policy, due: ActionDue, number: int) -> Vote | None:
    rule = policy.rule(due.action)
    if rule.default is Default.LEAVE or (due.action is Action.JUDGE_PARCEL and facts.seen.order is None):
        return None
    if rule.default is Default.APPROVE:
        return Vote(due.action, number, APPROVALS[due.action], "deadline", 0)
    decision = REJECTS[due.action]
    valid = _reasons(facts, due.action, decision)
    preferred = next((key for key in rule.reasons if key in dict(valid)), valid[0][0] if valid else "")
    return Vote(due.action, number, decision, "deadline", 0, reason_key=preferred)


def _reasons(facts: Facts, action: Action, decision: Decision) -> tuple[tuple[str, str], ...]:
    """Reject reasons the channel offers for this very review; empty before they were read."""
    if not facts.knows_answers(action):
        return ()
    return next((each.reasons for each in facts.seen.answerable if each.decision == decision), ())


def _decide(facts: Facts, case: ChannelCase, due: ActionDue, vote: Vote, because: str, now: int, draft: Draft) -> None:
    rejects = vote.decision in REJECTIONS
    if rejects and not (facts.knows_answers(due.action) and facts.seen.answerable_at >= vote.at):
        draft.steps.append(Look(Source.ANSWERABLE, "a rejection needs a reason the channel accepts", 4))
        return
    wanted = Decide(case.id, due.action, vote.round, vote.decision, vote.reason_key, vote.comment, vote.offer)
    if not facts.may_write(wanted.target, vote.at):
        return
    problem = _invalid(facts, case, due, vote)
    if problem:
        draft.troubles.append(
            Trouble(f"invalid:{wanted.target}", "decision", problem, "Choose another answer.", deadline=due.deadline)
        )
        return
    if facts.stale(Party.CHANNEL) or now - facts.seen.channel_at > FRESH:
        draft.steps.append(Look(Source.CASE, "before a decision is written", 3))
        return
    draft.steps.append(Write(wanted, because or f"decided by {vote.by}", vote.by, 4))


def _invalid(facts: Facts, case: ChannelCase, due: ActionDue, vote: Vote) -> str:
    if vote.decision not in ANSWERS[due.action]:
        return f"“{vote.decision}” does not answer “{due.action}”."
    if vote.decision is Decision.REFUSE_PARCEL and case.quick_refund:
        return "The channel has refunded this parcel early: it can no longer be refused."
    if vote.decision in REJECTIONS:
        offered = next((each for each in facts.seen.answerable if each.decision == vote.decision), None)
        if offered is not None and not offered.eligible:
            why = offered.text or offered.code or "no reason given"
            return f"The channel does not allow “{vote.decision}” now: {why}."
        reasons = dict(_reasons(facts, due.action, vote.decision))
        if not vote.reason_key:
            return "A rejection needs a reason."
        if vote.reason_key not in reasons:
            return f"The channel does not accept the reason “{vote.reason_key}” for this case now."
    return ""


def _spent(last: Effect, votes: list[Vote], facts: Facts, due: ActionDue, draft: Draft) -> bool:
    """Whether the last answer came to nothing and nobody has given another since; the person is asked anew."""
    if last.state not in (EffectState.REFUSED, EffectState.DROPPED) or last.code == "unwanted":
        return False
    ended = last.answered_at or last.created_at
    if any(vote.at > ended for vote in votes) or facts.said.retries.get(last.target, 0) > ended:
        return False
    if last.state is EffectState.DROPPED:
        return True
    draft.troubles.append(
        Trouble(
            f"refused:{last.target}",
            "decision",
            f"The channel refused the decision: {last.text} ({last.code}).",
            "Choose another answer, or try again if the cause has gone.",
            deadline=due.deadline,
            retry=last.target,
        )
    )
    return True


def _ask(facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, draft: Draft, conflict: bool) -> None:
    number = facts.round(due.action)
    if not facts.knows_answers(due.action) and not facts.observing:
        draft.steps.append(Look(Source.ANSWERABLE, "to offer the reasons the channel accepts", 60))
    options = tuple(
        option for option in ANSWERS[due.action] if not (option is Decision.REFUSE_PARCEL and case.quick_refund)
    )
    rejection = next((option for option in options if option in REJECTIONS), None)
    rule = policy.rule(due.action).default
    otherwise = {
        Default.APPROVE: "approved by policy",
        Default.REJECT: "rejected by policy",
        Default.LEAVE: "left to the channel, which usually approves",
    }[rule]
    draft.questions.append(
        Question(
            "decision",
            "The desks disagree." if conflict else "The channel waits for an answer.",
            due.action,
            number,
            options,
            _reasons(facts, due.action, rejection) if rejection else (),
            due.deadline,
            otherwise,
        )
    )
