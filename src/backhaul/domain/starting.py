"""Cases that begin with us, until the channel has given them an id: ask what may be started and for how much, show it,
start it once, and learn which case it became. Goods without a return on file wait here for their order.
"""

from __future__ import annotations

from backhaul.domain.channel import ChannelCase
from backhaul.domain.effects import Effect, EffectState, Repeat, StartCancellation, StartReturn
from backhaul.domain.facts import Facts
from backhaul.domain.ledger import MARGIN
from backhaul.domain.policy import FromPortal, Policy
from backhaul.domain.starts import Start, Startable
from backhaul.domain.steps import Draft, Lane, Look, MoneyView, Question, Send, Settle, Source, Trouble, Write
from backhaul.domain.words import Actor, Kind

FRESH = 300  # seconds the channel's word on what may be started, and its sum, may be old when it is started
SKEW = 120  # seconds the channel's clock may be ahead of what we noted
TRIES = 5


def starting_lane(facts: Facts, policy: Policy, now: int, draft: Draft) -> Lane:
    """Where a case without an id stands."""
    start = facts.said.start
    last = _last(facts)
    if last is not None and last.open:
        return _under_way(facts, last, now, draft)
    if facts.said.withdrawn is not None:
        return Lane("declined" if facts.said.declined else "withdrawn", facts.said.declined, terminal=True)
    if start is None:
        return _blind(facts, draft)
    if last is not None and last.state is EffectState.PROPOSED:
        return _proposed(facts, start, last, draft)
    if last is not None and last.state is EffectState.REFUSED and not _asked_again(facts, start, last):
        _refused(facts, start, last, draft)
        return Lane("not_started", last.text)
    ended = (last.answered_at or last.created_at) if last is not None else -1
    return _ask(facts, policy, start, ended, now, draft)


def _last(facts: Facts) -> Effect | None:
    found = [each for each in facts.ledger if isinstance(each.wanted, (StartReturn, StartCancellation))]
    counted = [each for each in found if each.state is not EffectState.PROPOSED or facts.observing]
    return counted[-1] if counted else None


def _asked_again(facts: Facts, start: Start, last: Effect) -> bool:
    """Whether a person has asked for something else since, or for the same once more."""
    return _wanted(start) != last.wanted or facts.asked_again(last)


def _wanted(start: Start) -> StartReturn | StartCancellation:
    if start.kind is Kind.CANCELLATION:
        return StartCancellation(start.order_id, start.lines, start.reason_key)
    return StartReturn(start.order_id, start.kind, start.lines, start.reason_key, start.amount)


def _blind(facts: Facts, draft: Draft) -> Lane:
    blind = facts.said.blind
    known = blind is not None and facts.seen.order is not None and facts.seen.order.id == blind.order_id
    if blind is not None and blind.order_id and not known:
        draft.steps.append(Look(Source.START, "the order of goods without a return is not known", 25))
    if known and not facts.said.verdicts:
        text = "These goods came without a return on file. Say which of the order's items they are, and how they are."
        draft.questions.append(Question("blind", text))
        return Lane("to_inspect")
    text = "They were inspected. Start a refund for them, or close the case." if known else "Which order are they of?"
    draft.questions.append(Question("blind", f"These goods came without a return on file. {text}"))
    return Lane("judged" if facts.said.verdicts else "unknown_order")


# -- before it is started


def _proposed(facts: Facts, start: Start, last: Effect, draft: Draft) -> Lane:
    """Only written down, as the shop observes. A buyer waits for it nevertheless: until a person has said yes to it, it
    is theirs to look at, whatever the policy would do in a live shop."""
    if _wanted(start) != last.wanted:
        text = "something else was asked for since"
        draft.steps.append(Settle(last.id, EffectState.DROPPED, text, code="unwanted"))
        return Lane("asking")
    quote = facts.seen.quote
    total = start.amount or (quote.total if quote is not None else None)
    draft.money = MoneyView(expected=total)
    draft.questions.append(
        _question(start, "In a live shop it would be started now.", reasons_of(start, facts.seen.startable))
    )
    waits = start.buyer and total is not None and not _agreed(facts, start)
    return Lane("to_confirm", str(total)) if waits else Lane("proposed", last.because)


def _ask(facts: Facts, policy: Policy, start: Start, ended: int, now: int, draft: Draft) -> Lane:
    """Ask the channel, show its answer, and start once a person (or the policy, for a buyer) has confirmed it.
    ``ended`` is when the last try was refused."""
    seen = facts.seen
    by_policy = starts_itself(start, policy)
    stale = seen.quoted != start or seen.start_at < min(ended, now) or facts.asked_to_look("start")
    if stale or ((by_policy or _agreed(facts, start)) and now - seen.start_at > FRESH):
        draft.steps.append(Look(Source.START, "what may be started, and for how much", 6))
        return Lane("asking")
    problem = not_startable(start, seen.startable)
    if problem:
        return _impossible(facts, start, problem, draft)
    reasons = reasons_of(start, seen.startable)
    if not start.reason_key:
        draft.questions.append(_question(start, "Choose the lines and the reason.", reasons))
        return Lane("to_confirm")
    if start.reason_key not in dict(reasons):
        return _impossible(facts, start, f"The channel does not take the reason “{start.reason_key}” here.", draft)
    if seen.quote is None or seen.quote.total is None:
        text = seen.quote.text if seen.quote else "The channel did not say how much it would refund."
        return _impossible(facts, start, text, draft)
    whole = seen.quote.total
    total = start.amount or whole
    draft.money = MoneyView(expected=total)
    if total.currency != whole.currency or not 0 < total.minor <= whole.minor:
        return _impossible(facts, start, f"{total} is not within the {whole} that the channel would refund.", draft)
    agreed = _agreed(facts, start)
    if not (agreed or by_policy):
        differs = start.expect is not None or facts.said.confirmed is not None
        text = f"The channel would refund {whole}." + (f" You asked for {total} of it." if total != whole else "")
        if differs:
            text = f"This is not the sum that was confirmed. {text}"
        draft.questions.append(_question(start, text, reasons))
        return Lane("to_confirm", str(total))
    wanted = _wanted(start)
    if not facts.stands(wanted.target):
        by = facts.said.confirmed.by if facts.said.confirmed else start.by
        because = f"{by} confirmed {total}"
        if by_policy and not agreed:
            by, because = "policy", f"the policy starts what a buyer asks for: {total}"
        draft.steps.append(Write(wanted, because, by, 7))
    return Lane("sending", str(total))


def starts_itself(start: Start, policy: Policy) -> bool:
    """Whether nobody has to confirm the sum. A refund without goods pays at once: a person always does."""
    asked = start.buyer and not start.changed and start.kind is Kind.RETURN
    return asked and policy.portal is FromPortal.START


def _question(start: Start, text: str, reasons: tuple[tuple[str, str], ...]) -> Question:
    who = "A buyer asked for this in the portal. " if start.buyer else ""
    return Question("start", who + text, reasons=reasons)


def _agreed(facts: Facts, start: Start) -> bool:
    """Whether a person has confirmed this very sum."""
    quote = facts.seen.quote
    if quote is None or quote.total is None:
        return False
    total = start.amount or quote.total
    said = facts.said.confirmed
    return start.expect == total or (said is not None and said.total == total)


def not_startable(start: Start, startable: tuple[Startable, ...]) -> str:
    """Why the channel does not let us start this on these lines; empty when it does."""
    mine = [each for each in startable if each.kind is start.kind]
    if not mine:
        return "The channel does not say that this may be started."
    for each in mine:
        concerned = not start.lines or not each.lines or set(each.lines) & set(start.lines)
        if concerned and not each.eligible:
            return f"The channel does not allow it: {each.text or 'no reason given'}" + (
                f" ({each.code})." if each.code else "."
            )
    known = {line for each in mine for line in each.lines}
    strange = [line for line in start.lines if line not in known]
    return f"The order has no line {strange[0]}." if strange else ""


def reasons_of(start: Start, startable: tuple[Startable, ...]) -> tuple[tuple[str, str], ...]:
    """Reasons that fit all the lines."""
    mine = [
        each.reasons
        for each in startable
        if each.kind is start.kind and (not start.lines or not each.lines or set(each.lines) & set(start.lines))
    ]
    return tuple(reason for reason in (mine[0] if mine else ()) if all(reason in each for each in mine))


def _impossible(facts: Facts, start: Start, problem: str, draft: Draft) -> Lane:
    draft.questions.append(_question(start, problem, reasons_of(start, facts.seen.startable)))
    draft.troubles.append(
        Trouble(
            "not_startable",
            "decision",
            f"The {start.kind} on order {start.order_id} cannot be started. {problem}",
            "Change what is asked for, try again later, or close the case.",
            retry="look:start",
        )
    )
    return Lane("not_started", problem)


def _refused(facts: Facts, start: Start, last: Effect, draft: Draft) -> None:
    text = f"{last.text} ({last.code})" if last.code else last.text
    draft.questions.append(
        _question(start, f"The channel refused it: {text}.", reasons_of(start, facts.seen.startable))
    )
    draft.troubles.append(
        Trouble(
            f"refused:{last.target}",
            "decision",
            f"The channel refused to start the {start.kind} on order {start.order_id}: {text}.",
            "Change what is asked for, try again if the cause has gone, or close the case.",
            retry=last.target,
        )
    )


# -- while it is under way


def _under_way(facts: Facts, effect: Effect, now: int, draft: Draft) -> Lane:
    if effect.state is EffectState.INTENT:
        text = _unwanted(facts)
        if text:
            draft.steps.append(Settle(effect.id, EffectState.DROPPED, text, code="unwanted"))
        else:
            draft.steps.append(Send(effect.id, effect.wanted.party, effect.because, 8))
        return Lane("sending", effect.because)
    since = _quiet_at(effect)
    if now < since:
        draft.wake(since)
    elif effect.state is EffectState.SENT and _keyed(effect, now) and not facts.observing:
        _again(facts, effect, "the answer was lost; the channel knows the key", draft)
    else:
        _find(facts, effect, since, now, draft)
    return Lane("sending", effect.because)


def _unwanted(facts: Facts) -> str:
    """Why what has not left yet is not to leave any more; empty when it is."""
    if facts.said.withdrawn is not None:
        return "withdrawn"
    if facts.observing:
        return "the shop only observes"
    return "something else was asked for since" if facts.seen.quoted != facts.said.start else ""


def _quiet_at(effect: Effect) -> int:
    """From when on what the attempt did has come to light."""
    if effect.state is EffectState.SENT:
        return (effect.dead_at or effect.created_at) + (0 if effect.safety.repeat is Repeat.KEYED else _settle(effect))
    return (effect.answered_at or effect.created_at) + _settle(effect)


def _settle(effect: Effect) -> int:
    return effect.safety.settle_s


def _keyed(effect: Effect, now: int) -> bool:
    known = now - (effect.sent_at or now) < effect.safety.memory_s - MARGIN
    return effect.safety.repeat is Repeat.KEYED and known


def _find(facts: Facts, effect: Effect, since: int, now: int, draft: Draft) -> None:
    """Look for the case among those of the order; only where reading is sure, start it again."""
    if facts.seen.beside_at < since:
        draft.steps.append(Look(Source.BESIDE, f"to see what became of: {effect.because}", 8))
        return
    found = candidates(effect, facts)
    if len(found) == 1:
        draft.steps.append(Settle(effect.id, EffectState.CONFIRMED, "a read shows it", result=found[0].id))
        return
    if found:
        ids = ", ".join(each.id for each in found)
        _unknown(effect, facts, f"several cases may be it: {ids}", draft)
        return
    if effect.state is EffectState.ACCEPTED:
        # The channel refused a repeat whose first answer was lost, and a read shows nothing of it.
        draft.steps.append(Settle(effect.id, EffectState.REFUSED, effect.text, code=effect.code))
        return
    repeat = effect.safety.then if effect.safety.repeat is Repeat.KEYED else effect.safety.repeat
    if repeat is Repeat.FINDABLE and not effect.taken_over and not facts.observing:
        _again(facts, effect, "the answer was lost and a read shows nothing of it", draft)
        return
    _unknown(effect, facts, "a read shows nothing of it", draft)
    if facts.asked_again(effect, since=since) and not facts.observing:
        draft.steps.append(Send(effect.id, effect.wanted.party, "a person looked and asked for another try", 8))
    elif now - facts.seen.beside_at >= 900:
        draft.steps.append(Look(Source.BESIDE, "whether it has come to light", 40))
    else:
        draft.wake(facts.seen.beside_at + 900)


def candidates(effect: Effect, facts: Facts) -> list[ChannelCase]:
    """Cases of the order that may be what this effect began: the seller's, of this kind and these lines, not older than
    the first attempt, and not known to be another's."""
    wanted = effect.wanted
    assert isinstance(wanted, (StartReturn, StartCancellation))
    since = (effect.sent_at or effect.created_at) - SKEW
    return [
        case
        for case in facts.seen.beside
        if case.started_by in (Actor.SELLER, Actor.UNKNOWN)
        and case.kind is wanted.kind
        and case.created_at >= since
        and case.id not in facts.rivals
        and (not wanted.lines or {unit.order_line_id for unit in case.units} == set(wanted.lines))
    ]


def _again(facts: Facts, effect: Effect, because: str, draft: Draft) -> None:
    if effect.attempts >= TRIES:
        _unknown(effect, facts, f"{effect.attempts} answers were lost: {effect.text}", draft)
    draft.steps.append(Send(effect.id, effect.wanted.party, because, 8))


def _unknown(effect: Effect, facts: Facts, why: str, draft: Draft) -> None:
    draft.troubles.append(
        Trouble(
            f"unknown:{effect.target}",
            "decision",
            f"It is not known whether the channel carried out: {effect.because}; {why}.",
            "Look in Seller Center. If nothing was started there, press “try again”; it is never repeated blindly.",
            retry=effect.target,
        )
    )
