"""What a person is asked when the channel waits for an answer: open choices, their money, their reasons."""

from __future__ import annotations

from backhaul.domain import by_unit
from backhaul.domain.channel import ActionDue, Answerable, ChannelCase, UnitAnswer
from backhaul.domain.effects import Decide, Effect, EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.money import Money
from backhaul.domain.policy import Default, Policy
from backhaul.domain.steps import Draft, Look, Question, Source
from backhaul.domain.verdicts import Inspected, fitting_reason, inspected, worth
from backhaul.domain.words import ANSWERS, INFERRED, INSTEAD, REJECTIONS, Action, Decision

# Markets in which a cancellation is refused by shipping the order. The call that refuses it was withdrawn there on
# 31 March 2024 (the vendor's change log).
SHIPPING_REFUSES = frozenset({"US"})


def options(facts: Facts, case: ChannelCase, due: ActionDue, last: Effect | None) -> tuple[Decision, ...]:
    """The answers that are open now, the likeliest first."""
    found = tuple(each for each in ANSWERS[due.action] if not closed(facts, case, due.action, each))
    missed = _missed(due, last)
    instead = INSTEAD.get(missed) if missed is not None else None
    if instead in found:  # there is nothing to replace it with: money is what is left
        return (instead, *(each for each in found if each is not instead))
    return found


def _missed(due: ActionDue, last: Effect | None) -> Decision | None:
    """The answer that the channel has refused in this review."""
    if last is None or last.state is not EffectState.REFUSED or not isinstance(last.wanted, Decide):
        return None
    return last.wanted.decision


def closed(facts: Facts, case: ChannelCase, action: Action, decision: Decision) -> str:
    """Why this answer cannot be given; empty when it can, as far as is known."""
    if decision in (Decision.REFUSE_PARCEL, Decision.REFUND_PART) and case.quick_refund:
        return "The channel has refunded this parcel early: it can only be accepted."
    if decision is Decision.REJECT_CANCELLATION and facts.shop.market in SHIPPING_REFUSES:
        return "In this market a cancellation is refused by shipping the order, not by an answer."
    if decision is Decision.OFFER_PARTIAL and (case.refund_total is None or case.refund_total.minor < 2):
        return "There is no amount that a part could be offered of."
    if decision is Decision.BY_UNIT and (why := by_unit.barred(facts, case, action)):
        return why
    found = named(facts, action, decision)
    if found is None:
        return "The channel does not name this answer for this case." if decision in INFERRED else ""
    if not found.eligible:
        return f"The channel does not allow “{decision}” now: {found.text or found.code or 'no reason given'}."
    return ""


def named(facts: Facts, action: Action, decision: Decision) -> Answerable | None:
    """What the channel said of this decision for the present review of the question."""
    if not facts.knows_answers(action):
        return None
    return next((each for each in facts.seen.answerable if each.decision == decision), None)


def reasons_for(facts: Facts, action: Action, decision: Decision) -> tuple[tuple[str, str], ...]:
    """Reject reasons the channel offers for this very review; empty before they were read."""
    if not facts.knows_answers(action):
        return ()
    return next((each.reasons for each in facts.seen.answerable if each.decision == decision), ())


_OTHERWISE = {
    Default.APPROVE: "approved by policy",
    Default.REJECT: "rejected by policy",
    Default.LEAVE: "left to the channel, which usually approves",
}


def ask(
    facts: Facts,
    policy: Policy,
    case: ChannelCase,
    due: ActionDue,
    last: Effect | None,
    draft: Draft,
    conflict: bool = False,
) -> None:
    """Put the question, with the verdicts' own answer where there are some."""
    if not facts.knows_answers(due.action) and not facts.observing:
        draft.steps.append(Look(Source.ANSWERABLE, "to offer the reasons the channel accepts", 60))
    choices = options(facts, case, due, last)
    rejection = next((option for option in choices if option in REJECTIONS), None)
    found = inspected(facts) if due.action is Action.JUDGE_PARCEL else None
    mixed = found is not None and found.mixed
    each = named(facts, due.action, Decision.BY_UNIT) if Decision.BY_UNIT in choices else None
    answers = by_unit.suggested(facts, case, each) if each is not None and mixed else ()
    draft.questions.append(
        Question(
            "decision",
            "The desks disagree." if conflict else _text(facts, case, due, found, each is not None),
            due.action,
            facts.round(due.action),
            choices,
            reasons_for(facts, due.action, rejection) if rejection else (),
            due.deadline,
            _OTHERWISE[policy.on_mixed if mixed else policy.rule(due.action).default],
            _pays(facts, case, choices, found, answers) if found is not None and mixed else (),
            Decision.BY_UNIT if answers else _suggested(found, choices),
            fitting_reason(facts, found) if found is not None and found.bad else "",
            by_unit.questions(case, due.action, each, answers) if each is not None else (),
        )
    )


def _text(facts: Facts, case: ChannelCase, due: ActionDue, found: Inspected | None, each: bool) -> str:
    if found is not None and found.bad:
        takes = "an answer for each unit" if each else "one answer for the whole parcel"
        return f"{len(found.bad)} of {len(case.units)} units did not pass inspection. The channel takes {takes}."
    if due.action is Action.ANSWER_CANCELLATION and facts.shop.market in SHIPPING_REFUSES:
        return "The buyer wants to cancel. To refuse it, ship the order: no answer can."
    if case.offer_refused and case.offer is not None:
        return f"The buyer turned the offer of {case.offer} down. The channel waits for another answer."
    if due.action is Action.ANSWER_EXCHANGE and facts.seen.instead is not None and facts.seen.instead.goods:
        return f"The buyer wants instead: {', '.join(each.text for each in facts.seen.instead.goods)}."
    return "The channel waits for an answer."


def _suggested(found: Inspected | None, choices: tuple[Decision, ...]) -> Decision | None:
    if found is None or found.mixed:
        return None
    wanted = Decision.REFUSE_PARCEL if found.bad else Decision.ACCEPT_PARCEL
    return wanted if wanted in choices else None


def _pays(
    facts: Facts,
    case: ChannelCase,
    choices: tuple[Decision, ...],
    found: Inspected,
    answers: tuple[UnitAnswer, ...],
) -> tuple[tuple[Decision, Money], ...]:
    """What the buyer gets by each answer; by a part refund what the good units are worth, as far as that is allowed."""
    total = case.refund_total
    if total is None:
        return ()
    pays: list[tuple[Decision, Money]] = []
    for each in choices:
        if each is Decision.BY_UNIT:
            amount = by_unit.pays(case, answers) if answers else None
            pays += [(each, amount)] if amount is not None else []
        elif each is Decision.REFUND_PART:
            part, allowed = worth(facts, found.fine), named(facts, Action.JUDGE_PARCEL, each)
            if part is None or allowed is None or allowed.band is None:
                continue
            low, high = allowed.band
            pays.append((each, min(max(part, low, key=_minor), high, key=_minor)))
        else:
            pays.append((each, Money(0, total.currency) if each in REJECTIONS else total))
    return tuple(pays)


def _minor(amount: Money) -> int:
    return amount.minor
