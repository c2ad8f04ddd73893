"""An answer for each unit of a request, or of a parcel that arrived, where the shop's channel takes such answers.

Units that get the same answer go out as one effect. The channel may then show them as a case of their own; what is left
of the old case is judged on. So the effects go one after the other, each settled by a read that shows its units.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from backhaul.domain.channel import ActionDue, Answerable, ChannelCase, UnitAnswer, UnitChoices
from backhaul.domain.effects import DecideUnits, Effect, EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.money import Money
from backhaul.domain.said import Vote
from backhaul.domain.steps import UnitQuestion
from backhaul.domain.words import ANSWERS, LEADS_TO, REJECTIONS, WITH_AMOUNT, Action, Condition, Decision, Stage

# What is said of a whole case only: the channel has no such answer for units.
WHOLE = frozenset({Decision.BY_UNIT, Decision.KEEP_ITEM})


def answers_to(action: Action) -> tuple[Decision, ...]:
    """What a unit may get. Money first: a refusal is the answer that can be disputed, and it stays with the case that
    people know."""
    return tuple(each for each in ANSWERS[action] if each not in WHOLE)


def newest(facts: Facts, action: Action, number: int) -> Effect | None:
    """The last answer for single units that was given in this review."""
    found = None
    for effect in facts.ledger:
        wanted = effect.wanted
        counts = effect.state is not EffectState.PROPOSED or facts.observing
        if counts and isinstance(wanted, DecideUnits) and (wanted.action, wanted.round) == (action, number):
            found = effect
    return found


def overtaken(effect: Effect | None, case: ChannelCase) -> bool:
    """Whether a refused answer for units is of no account any more: somebody else's came first, and they are a case of
    their own by now."""
    wanted = effect.wanted if effect is not None and effect.state is EffectState.REFUSED else None
    return isinstance(wanted, DecideUnits) and not {unit.id for unit in case.units} & set(wanted.units)


def barred(facts: Facts, case: ChannelCase, action: Action) -> str:
    """Why the units cannot get answers of their own, beside what the channel says of this case; empty when they can."""
    if not facts.shop.line_level:
        return "This shop's channel takes one answer for all units."
    if case.quick_refund and action is Action.JUDGE_PARCEL:
        return "The channel has refunded this parcel early: it can only be accepted."
    if facts.desk is not None:
        return "The returns desk handles this return as a whole."
    last = newest(facts, action, facts.round(action))
    if last is None:
        return "There is one unit only." if len(case.units) < 2 else ""
    votes = (vote for vote in facts.said.votes if (vote.action, vote.decision) == (action, Decision.BY_UNIT))
    if last.state is EffectState.REFUSED and not (facts.asked_again(last, *votes) or overtaken(last, case)):
        return f"The channel has refused answers for single units: {last.text}."
    return ""


def carried(facts: Facts, case: ChannelCase, due: ActionDue, votes: list[Vote], apart: bool) -> list[Vote]:
    """The votes of this review. Units that left their case before they were answered keep the answer that was given for
    them there; and where the channel takes no answer ``apart``, that for a single unit is the one for all."""
    if not votes and facts.round(due.action) == 1:
        there = [vote for vote in facts.said.votes if (vote.action, vote.round) == (due.action, 0)]
        votes = [msgspec.structs.replace(vote, round=1) for vote in there[-1:]]
    if apart or len(case.units) != 1:
        return votes
    return [_alone(vote, case.units[0].id) for vote in votes]


def _alone(vote: Vote, unit: str) -> Vote:
    answer = next((each for each in vote.units if each.unit == unit), None)
    if vote.decision is not Decision.BY_UNIT or answer is None:
        return vote
    whole = {"decision": answer.decision, "reason_key": answer.reason_key, "offer": answer.offer}
    return msgspec.structs.replace(vote, **whole, units=())


def suggested(facts: Facts, case: ChannelCase, offered: Answerable) -> tuple[UnitAnswer, ...]:
    """What the verdicts amount to for each unit; none when one of them fits no answer that the channel offers."""
    open_to = {each.unit: each for each in offered.units}
    answers: list[UnitAnswer] = []
    for unit in case.units:
        verdict, choices = facts.said.verdicts.get(unit.id), open_to.get(unit.id)
        if verdict is None or choices is None:
            return ()
        fine = verdict.condition is Condition.SELLABLE
        decision = Decision.ACCEPT_PARCEL if fine else Decision.REFUSE_PARCEL
        key = "" if fine else offered.fitting.get(verdict.condition, "")
        if decision not in choices.decisions or not (fine or key in dict(choices.reasons)):
            return ()
        answers.append(UnitAnswer(unit.id, decision, key))
    return tuple(answers)


def questions(
    case: ChannelCase, action: Action, offered: Answerable, answers: Iterable[UnitAnswer]
) -> tuple[UnitQuestion, ...]:
    """Each unit with its open answers, their bounds, and what its verdict amounts to."""
    names, known = {unit.id: unit for unit in case.units}, {each.unit: each for each in answers}
    return tuple(
        UnitQuestion(
            each.unit,
            names[each.unit].name or names[each.unit].seller_sku,
            names[each.unit].refund,
            tuple(decision for decision in answers_to(action) if decision in each.decisions),
            each.reasons,
            each.band,
            known[each.unit].decision if each.unit in known else None,
            known[each.unit].reason_key if each.unit in known else "",
        )
        for each in offered.units
        if each.unit in names
    )


def pays(case: ChannelCase, answers: Iterable[UnitAnswer]) -> Money | None:
    """What the buyer gets by these answers; None where the channel does not name each unit's refund."""
    refunds = {unit.id: unit.refund for unit in case.units}
    if case.refund_total is None:
        return None
    total = Money(0, case.refund_total.currency)
    for answer in answers:
        amount = refunds.get(answer.unit) if answer.decision is Decision.ACCEPT_PARCEL else answer.offer
        if answer.decision is not Decision.REFUSE_PARCEL:
            if amount is None:
                return None
            total = total + amount
    return total


def problem(case: ChannelCase, offered: Answerable, answers: Iterable[UnitAnswer]) -> str:
    """Why these answers cannot be given; empty when they can. Answers for units that are decided already do not count,
    but each unit that is left needs one."""
    given = {each.unit: each for each in answers}
    open_to = {each.unit: each for each in offered.units}
    for unit in case.units:
        answer, choices = given.get(unit.id), open_to.get(unit.id)
        name = unit.name or unit.seller_sku or unit.id
        if answer is None:
            return f"There is no answer for {name}."
        if choices is None or answer.decision not in choices.decisions:
            return f"The channel does not take “{answer.decision}” for {name} now."
        wrong = _wrong(answer, choices, unit.refund)
        if wrong:
            return f"{name}: {wrong}"
    return ""


def _wrong(answer: UnitAnswer, choices: UnitChoices, refund: Money | None) -> str:
    if answer.decision in REJECTIONS and answer.reason_key not in dict(choices.reasons):
        return (
            f"the channel does not accept the reason “{answer.reason_key}”."
            if answer.reason_key
            else "a refusal needs a reason."
        )
    if answer.decision in WITH_AMOUNT:
        offer = answer.offer
        if offer is None:
            return "a part of the refund needs its amount."
        if choices.band is not None:
            low, high = choices.band
            if offer.currency != low.currency or not low.minor <= offer.minor <= high.minor:
                return f"the channel allows a part from {low} to {high}; {offer} is none."
        elif refund is None or offer.currency != refund.currency or not 0 < offer.minor < refund.minor:
            return f"a part lies above zero and below {refund or 'a refund that the channel shows'}; {offer} does not."
    return ""


def effects(case: ChannelCase, due: ActionDue, vote: Vote, subject: str) -> tuple[DecideUnits, ...]:
    """The answers for the units that are left, one effect for those that are answered alike."""
    left = {unit.id for unit in case.units}
    groups: dict[tuple[int, str, str], list[UnitAnswer]] = {}
    for answer in vote.units:
        if answer.unit in left:
            # Amounts are bounded for each unit, so that each part of a refund is an answer of its own.
            alone = answer.unit if answer.decision in WITH_AMOUNT else ""
            groups.setdefault((answers_to(due.action).index(answer.decision), answer.reason_key, alone), []).append(
                answer
            )
    return tuple(
        DecideUnits(
            case.id,
            due.action,
            vote.round,
            alike[0].decision,
            tuple(sorted(each.unit for each in alike)),
            subject,
            alike[0].reason_key,
            vote.comment if alike[0].decision in REJECTIONS else "",
            alike[0].offer,
        )
        for _, alike in sorted(groups.items())
    )


def shown(wanted: DecideUnits, facts: Facts) -> bool | None:
    """Whether the last read shows each of these units as we answered, wherever they are now. None: one of them shows
    another answer."""
    case = facts.channel
    if case is None:
        return False
    found = [_shown(wanted, unit, case, facts) for unit in wanted.units]
    return None if None in found else all(found)


def _shown(wanted: DecideUnits, unit: str, case: ChannelCase, facts: Facts) -> bool | None:
    holder = case
    if all(each.id != unit for each in case.units):
        moved = [each for each in facts.seen.beside if each.id != case.id and any(one.id == unit for one in each.units)]
        if not moved:
            return False  # the index does not know them yet
        holder = max(moved, key=lambda each: (not each.next_id, each.updated_at))
    elif facts.round(wanted.action) > wanted.round:
        return True  # the review ended and a new one began
    if holder.action_due(wanted.action) or holder.stage is Stage.UNKNOWN:
        return False
    return True if holder.stage in LEADS_TO[wanted.decision] else None


def asked_for(wanted: DecideUnits, facts: Facts) -> bool:
    """Whether the channel still waits for this answer."""
    case = facts.channel
    return case is None or (
        case.action_due(wanted.action) is not None
        and facts.round(wanted.action) == wanted.round
        and set(wanted.units) <= {unit.id for unit in case.units}
    )
