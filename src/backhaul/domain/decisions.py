"""The decision lane: what the channel waits for, who has answered, and what happens when nobody does."""

from __future__ import annotations

import msgspec

from backhaul.domain import by_unit
from backhaul.domain.asking import ask, closed, named, options, reasons_for
from backhaul.domain.channel import ActionDue, ChannelCase
from backhaul.domain.effects import Decide, DecideUnits, Effect, EffectState
from backhaul.domain.evidence import pictures
from backhaul.domain.facts import Facts
from backhaul.domain.money import Money
from backhaul.domain.policy import APPROVALS, REJECTS, AcceptParcel, BadParcel, Default, Policy
from backhaul.domain.rules import Answer, Rule, decision_of, first_match, offered
from backhaul.domain.said import Vote
from backhaul.domain.steps import Draft, Lane, Look, Source, Trouble, Write
from backhaul.domain.verdicts import fitting_reason, inspected
from backhaul.domain.words import ANSWERS, APPROVED, INFERRED, REJECTIONS, WITH_AMOUNT, Action, Decision, Party, Stage

FRESH = 60  # seconds a read of the case may be old when a decision is written


def decision_lane(facts: Facts, policy: Policy, now: int, draft: Draft) -> Lane:
    """Answer each action due, or ask."""
    case = facts.channel
    assert case is not None
    for due in case.due:
        if due.action not in ANSWERS:
            _console(due, draft)
        elif facts.ours_to_answer(due.action):
            _answer(facts, policy, case, due, now, draft)
    return _lane(facts, case)


def _lane(facts: Facts, case: ChannelCase) -> Lane:
    sent = [each for each in facts.ledger if isinstance(each.wanted, (Decide, DecideUnits)) and each.open]
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
    text = (
        f"{case.offer} offered; the buyer has not answered yet." if case.stage is Stage.OFFERED and case.offer else ""
    )
    return Lane(names.get(case.stage, "accepted" if case.stage in APPROVED else "unknown"), text)


def _console(due: ActionDue, draft: Draft) -> None:
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
    apart = by_unit.newest(facts, due.action, number)
    apart = None if by_unit.overtaken(apart, case) else apart
    if any(each is not None and each.open for each in (last, apart)):
        return
    if due.action is Action.ANSWER_EXCHANGE and not facts.knows_answers(due.action):
        draft.steps.append(Look(Source.ANSWERABLE, "whether the channel names answers to an exchange", 4))
        return
    answers_open = options(facts, case, due, last)
    if not answers_open:
        _console(due, draft)
        return
    votes = [vote for vote in facts.said.votes if vote.action is due.action and vote.round == number]
    votes = by_unit.carried(facts, case, due, votes, Decision.BY_UNIT in answers_open)
    lead_at = due.deadline - policy.lead_s if due.deadline is not None else None
    if any(each is not None and _spent(each, votes, facts, due, draft) for each in (last, apart)):
        ask(facts, policy, case, due, last, draft)
        return
    if due.action is Action.JUDGE_PARCEL and facts.shop.line_level and not facts.knows_answers(due.action):
        found = inspected(facts)
        if found is not None and found.mixed:
            draft.steps.append(Look(Source.ANSWERABLE, "whether the channel takes an answer for each unit", 4))
    answers = {vote.desk: vote for vote in votes}
    if len({vote.decision for vote in answers.values()}) == 1:
        if not _decide(facts, policy, case, due, list(answers.values())[-1], "", now, draft):
            ask(facts, policy, case, due, last, draft)
        return
    ruled = _by_rule(facts, policy, case, due, last) if not answers else None
    if ruled is not None and _decide(facts, policy, case, due, ruled[0], ruled[1], now, draft):
        return
    if lead_at is not None and now >= lead_at:
        default = _default(facts, policy, case, due, last)
        if default is not None:
            _decide(facts, policy, case, due, default, "nobody has answered and the deadline is near", now, draft)
    else:
        draft.wake(lead_at)
    ask(facts, policy, case, due, last, draft, conflict=len(answers) > 1)


# -- what the policy answers by itself


def _by_rule(
    facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, last: Effect | None
) -> tuple[Vote, str] | None:
    """The policy's own answer and why: the first rule that fits, else what it says of parcels."""
    rule = first_match(policy.rules, facts, due.action)
    if rule is not None:
        vote = _of_rule(rule, facts, case, due, last)
        return (vote, f"rule “{rule.name}”") if vote is not None else None
    if due.action is not Action.JUDGE_PARCEL or facts.seen.order is None:
        return None  # whose goods they are is known from the order
    if policy.accept_parcel is AcceptParcel.ON_DELIVERY:
        return _vote(facts, due, Decision.ACCEPT_PARCEL), "policy: accept on delivery"
    found = inspected(facts) if policy.accept_parcel is AcceptParcel.ON_INSPECTION else None
    if found is None:
        return None
    if not found.bad:
        return _vote(facts, due, Decision.ACCEPT_PARCEL), "policy: every unit passed inspection"
    if policy.bad_parcel is not BadParcel.REFUSE:
        return None
    if found.fine:
        each = (
            named(facts, due.action, Decision.BY_UNIT) if Decision.BY_UNIT in options(facts, case, due, last) else None
        )
        answers = by_unit.suggested(facts, case, each) if each is not None else ()
        vote = _vote(facts, due, Decision.BY_UNIT, units=answers) if answers else None
        return (vote, "policy: each unit as it was inspected") if vote is not None else None
    refusal = _rejection(facts, case, due, last, (fitting_reason(facts, found),))
    return (refusal, "policy: no unit passed inspection") if refusal is not None else None


def _of_rule(rule: Rule, facts: Facts, case: ChannelCase, due: ActionDue, last: Effect | None) -> Vote | None:
    decision = decision_of(rule, due.action)
    if decision is None or decision not in options(facts, case, due, last):
        return None
    if rule.answer is Answer.REJECT:
        return _rejection(facts, case, due, last, rule.reject_reasons)
    offer = offered(rule, case.refund_total) if rule.answer is Answer.OFFER_PARTIAL else None
    if rule.answer is Answer.OFFER_PARTIAL and offer is None:
        return None
    return _vote(facts, due, decision, offer=offer)


def _vote(facts: Facts, due: ActionDue, decision: Decision, **more: object) -> Vote:
    return Vote(due.action, facts.round(due.action), decision, "policy", 0, **more)  # type: ignore[arg-type]


def _rejection(
    facts: Facts, case: ChannelCase, due: ActionDue, last: Effect | None, keys: tuple[str, ...]
) -> Vote | None:
    """A rejection with the first of these reasons that the channel takes; None when it takes none of them. Before the
    reasons were read it has none yet: they are read first."""
    decision = REJECTS[due.action]
    if decision not in options(facts, case, due, last):
        return None
    if not facts.knows_answers(due.action):
        return _vote(facts, due, decision)
    valid = dict(reasons_for(facts, due.action, decision))
    key = next((each for each in keys if each in valid), "")
    return _vote(facts, due, decision, reason_key=key) if key else None


def _default(facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, last: Effect | None) -> Vote | None:
    rule, found = policy.rule(due.action), None
    if due.action is Action.JUDGE_PARCEL:
        if facts.seen.order is None:
            return None
        found = inspected(facts)
    choice = policy.on_mixed if found is not None and found.mixed else rule.default
    if choice is Default.LEAVE:
        return None
    decision = APPROVALS[due.action] if choice is Default.APPROVE else REJECTS[due.action]
    if decision not in options(facts, case, due, last):
        return None
    key = ""
    if decision in REJECTIONS:
        valid = reasons_for(facts, due.action, decision)
        fitting = fitting_reason(facts, found) if found is not None else ""
        wanted = (*rule.reasons, fitting)
        key = next((each for each in wanted if each in dict(valid)), valid[0][0] if valid else "")
    return Vote(due.action, facts.round(due.action), decision, "deadline", 0, reason_key=key)


# -- an answer becomes an effect


def _decide(
    facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, vote: Vote, because: str, now: int, draft: Draft
) -> bool:
    """Write the answer, or what has to be read before. False: it cannot be given, and a person is told why."""
    checked = vote.decision in REJECTIONS or vote.decision in INFERRED
    if checked and not (facts.knows_answers(due.action) and facts.seen.answerable_at >= vote.at):
        draft.steps.append(Look(Source.ANSWERABLE, "the channel says what it accepts for this very case", 4))
        return True
    if vote.decision is Decision.BY_UNIT:
        return _decide_units(facts, policy, case, due, vote, because, now, draft)
    wanted = Decide(case.id, due.action, vote.round, vote.decision, vote.reason_key, vote.comment, vote.offer)
    if vote.decision is Decision.REFUND_PART and (offered_here := named(facts, due.action, vote.decision)) is not None:
        wanted = msgspec.structs.replace(wanted, subject=offered_here.subject, lines=offered_here.lines)
    if not facts.may_write(wanted.target, vote):
        return True
    problem = _invalid(facts, case, due, vote)
    if problem:
        draft.troubles.append(
            Trouble(f"invalid:{wanted.target}", "decision", problem, "Choose another answer.", deadline=due.deadline)
        )
        return False
    return _write(facts, policy, case, due, vote, wanted, because, now, draft)


def _decide_units(
    facts: Facts, policy: Policy, case: ChannelCase, due: ActionDue, vote: Vote, because: str, now: int, draft: Draft
) -> bool:
    """Write the next of the answers for single units, or what has to be read before."""
    key = f"invalid:decide:{case.id}:{due.action}:{vote.round}"
    problem = _invalid(facts, case, due, vote)
    offered_here = named(facts, due.action, vote.decision)
    if problem or offered_here is None:
        draft.troubles.append(Trouble(key, "decision", problem, "Choose another answer.", deadline=due.deadline))
        return False
    ready = by_unit.effects(case, due, vote, offered_here.subject)
    wanted = next((each for each in ready if facts.may_write(each.target, vote)), None)
    return wanted is None or _write(facts, policy, case, due, vote, wanted, because, now, draft)


def _write(
    facts: Facts,
    policy: Policy,
    case: ChannelCase,
    due: ActionDue,
    vote: Vote,
    wanted: Decide | DecideUnits,
    because: str,
    now: int,
    draft: Draft,
) -> bool:
    """Write a valid answer: its pictures first, and on a fresh look only."""
    because = because or f"decided by {vote.by}"
    if wanted.decision in REJECTIONS and vote.evidence:
        proof = pictures(facts, case, due, vote, policy, now, draft)
        if proof.wait or proof.stuck:
            return proof.wait
        wanted = msgspec.structs.replace(wanted, images=proof.images)
        because = ", ".join(part for part in (because, proof.text) if part)
    if facts.stale(Party.CHANNEL) or now - facts.seen.channel_at > FRESH:
        draft.steps.append(Look(Source.CASE, "before a decision is written", 3))
        return True
    draft.steps.append(Write(wanted, because, vote.by, 4))
    return True


def _invalid(facts: Facts, case: ChannelCase, due: ActionDue, vote: Vote) -> str:
    if vote.decision not in ANSWERS[due.action]:
        return f"“{vote.decision}” does not answer “{due.action}”."
    why = closed(facts, case, due.action, vote.decision)
    if why:
        return why
    if vote.decision is Decision.BY_UNIT:
        each = named(facts, due.action, vote.decision)
        return by_unit.problem(case, each, vote.units) if each is not None else "The channel does not name it."
    if vote.decision in WITH_AMOUNT:
        allowed = named(facts, due.action, vote.decision)
        return offer_problem(case, vote, allowed.band if allowed is not None else None)
    if vote.decision in REJECTIONS:
        if not vote.reason_key:
            return "A rejection needs a reason."
        if vote.reason_key not in dict(reasons_for(facts, due.action, vote.decision)):
            return f"The channel does not accept the reason “{vote.reason_key}” for this case now."
    return ""


def offer_problem(case: ChannelCase, vote: Vote, band: tuple[Money, Money] | None = None) -> str:
    """Why a part of the refund is none, or not one within what the channel allows; empty when it is."""
    total = case.refund_total
    if vote.offer is None:
        return "An offer needs an amount."
    if total is None:
        return "The channel shows no refund amount that a part could be offered of."
    if vote.offer.currency != total.currency:
        return f"The refund is in {total.currency}, the offer in {vote.offer.currency}."
    if not 0 < vote.offer.minor < total.minor:
        return f"An offer lies above zero and below the refund of {total}; {vote.offer} does not."
    if band is not None and not band[0].minor <= vote.offer.minor <= band[1].minor:
        return f"The channel allows a part from {band[0]} to {band[1]}; {vote.offer} is none."
    return ""


def _spent(last: Effect, votes: list[Vote], facts: Facts, due: ActionDue, draft: Draft) -> bool:
    """Whether the last answer came to nothing and nobody has given another since; the person is asked anew."""
    if last.state not in (EffectState.REFUSED, EffectState.DROPPED) or last.code == "unwanted":
        return False
    if facts.asked_again(last, *votes):
        return False
    if last.state is EffectState.DROPPED:
        return True
    draft.troubles.append(
        Trouble(
            f"refused:{last.target}",
            "decision",
            f"The channel refused the decision{_for(last, facts)}: {last.text} ({last.code}).",
            "Choose another answer, or try again if the cause has gone.",
            deadline=due.deadline,
            retry=last.target,
        )
    )
    return True


def _for(last: Effect, facts: Facts) -> str:
    """Which units a refused answer was for, where it was not for all."""
    case, wanted = facts.channel, last.wanted
    if case is None or not isinstance(wanted, DecideUnits):
        return ""
    names = [unit.name or unit.seller_sku or unit.id for unit in case.units if unit.id in wanted.units]
    return f" for {len(wanted.units)} of its units" + (f" ({', '.join(names)})" if names else "")
