"""The stock lane: what becomes of units that came back. Only a verdict, or the end of the wait for one, moves stock."""

from __future__ import annotations

from backhaul.domain.adoption import our_return
from backhaul.domain.channel import ChannelCase, ChannelUnit
from backhaul.domain.commerce import CommerceOrder, CommerceReturn, ReturnedLine
from backhaul.domain.effects import Dispose
from backhaul.domain.facts import Facts
from backhaul.domain.instead import gone_at
from backhaul.domain.matching import Lines
from backhaul.domain.policy import Policy
from backhaul.domain.proposing import no_location, propose
from backhaul.domain.steps import Draft, Lane, Question, Trouble, Write
from backhaul.domain.words import Action, Disposition, Stage


def stock_lane(facts: Facts, policy: Policy, order: CommerceOrder | None, lines: Lines, now: int, draft: Draft) -> Lane:
    """Carry verdicts into commerce; ask for those that are missing; end the wait in time."""
    case = facts.channel
    assert case is not None
    if not facts.goods_expected:
        return Lane("none", terminal=True)
    if facts.history:
        return Lane("history", terminal=True)
    if facts.seen.order is not None and facts.seen.order.fulfilled_by_channel:
        return Lane("by_channel", "the channel's own warehouse takes the goods", terminal=True)
    if case.stage is Stage.CANCELLED and not facts.said.received:
        return Lane("none", terminal=True)
    if facts.desk is not None and facts.desk.moves_stock:
        return Lane("by_desk", "the desk puts what came back on the shelf", terminal=True)
    fates = _fates(facts, policy, case, now, draft)
    cancelled = case.stage is Stage.CANCELLED  # then only what came back all the same is judged
    due = [unit for unit in case.units if not cancelled or unit.id in facts.said.received]
    missing = [unit for unit in due if unit.id not in fates]
    if "stock" in facts.said.waived:
        return Lane("waived", terminal=True)
    _dispose(facts, case, order, lines, fates, draft)
    text = f"{len(fates)} of {len(due)} units have a verdict"
    if missing:
        waiting = to_inspect(facts, case, missing, now)
        if waiting:
            draft.questions.append(Question("inspection", _waiting(len(waiting)), otherwise="not restocked"))
            return Lane("to_inspect", text)
        return Lane("expected", text)
    return _settled(facts, case, order, lines, fates, draft)


def to_inspect(facts: Facts, case: ChannelCase, missing: list[ChannelUnit], now: int) -> list[ChannelUnit]:
    """Which of the units without a verdict a person is asked about. Where no status of the channel tells that goods
    are here only those that somebody took in, and all when they should have been here long since."""
    if facts.goods_outlast and now < gone_at(case):
        return [unit for unit in missing if unit.id in facts.said.received]
    here = facts.said.received or case.action_due(Action.JUDGE_PARCEL) or facts.goods_outlast
    return missing if here or case.stage in (Stage.ACCEPTED, Stage.COMPLETED) else []


def _waiting(units: int) -> str:
    return "One unit waits for a verdict." if units == 1 else f"{units} units wait for a verdict."


def _fates(facts: Facts, policy: Policy, case: ChannelCase, now: int, draft: Draft) -> dict[str, Disposition]:
    """What becomes of each unit that has a verdict, or whose wait is over."""
    fates = {unit_id: verdict.disposition for unit_id, verdict in facts.said.verdicts.items()}
    if case.stage in (Stage.COMPLETED, Stage.ACCEPTED, Stage.CANCELLED):
        for unit in case.units:
            if case.stage is Stage.CANCELLED and unit.id not in facts.said.received:
                continue
            if facts.goods_outlast and unit.id not in facts.said.received:
                continue  # it was not seen: whether it is missing is for a person to say
            if unit.id not in fates:
                since = facts.said.received.get(unit.id, case.updated_at)
                over = since + policy.inspect_within_s
                if now >= over:
                    fates[unit.id] = Disposition.NOT_RESTOCKED
                else:
                    draft.wake(over)
    known = {unit.id for unit in case.units}
    return {unit_id: fate for unit_id, fate in fates.items() if unit_id in known}


def _dispose(
    facts: Facts,
    case: ChannelCase,
    order: CommerceOrder | None,
    lines: Lines,
    fates: dict[str, Disposition],
    draft: Draft,
) -> None:
    record = our_return(facts, order, lines) if order else None
    if order is None or record is None or record.status not in ("open", "closed"):
        return
    done = _covered(facts)
    groups: dict[tuple[str, Disposition], list[str]] = {}
    places = {match.unit_id: match.line_id for match in lines.matched}
    for unit_id, fate in sorted(fates.items()):
        line = _reverse(record, places.get(unit_id, ""))
        if line is not None and unit_id not in done:
            groups.setdefault((line.reverse_line_id, fate), []).append(unit_id)
    for (reverse_line, fate), units in groups.items():
        if fate is Disposition.RESTOCK and not facts.shop.location:
            draft.troubles.append(no_location("stock"))
            continue
        line = next(each for each in record.lines if each.reverse_line_id == reverse_line)
        # Two verdicts on one line are written one after the other, so that each knows the count it starts from.
        if any(
            isinstance(each.wanted, Dispose) and each.open and each.wanted.reverse_line_id == reverse_line
            for each in facts.ledger
        ):
            continue
        units = units[: line.quantity - sum(count for _, count in line.disposed)]  # somebody else may have judged some
        if not units:
            continue
        wanted = Dispose(
            order.id,
            record.id,
            reverse_line,
            len(units),
            fate,
            tuple(units),
            sum(count for kind, count in line.disposed if kind is fate),
            facts.shop.location if fate is Disposition.RESTOCK else "",
        )
        propose(facts, wanted, f"{len(units)} inspected: {fate.replace('_', ' ')}", 55, draft)


def _covered(facts: Facts) -> set[str]:
    """Units whose fate stands in the ledger already, in whatever state but refused."""
    covered: set[str] = set(facts.moved_elsewhere)
    for effect in facts.ledger:
        if isinstance(effect.wanted, Dispose) and not facts.may_write(effect.target):
            last = facts.effect(effect.target)
            if last is not None and last.state.value != "refused":
                covered.update(effect.wanted.units)
    return covered


def _reverse(record: CommerceReturn, line_id: str) -> ReturnedLine | None:
    return next((line for line in record.lines if line.line_id == line_id and line.reverse_line_id), None)


def _settled(
    facts: Facts,
    case: ChannelCase,
    order: CommerceOrder | None,
    lines: Lines,
    fates: dict[str, Disposition],
    draft: Draft,
) -> Lane:
    counted = ", ".join(
        f"{list(fates.values()).count(fate)} {fate.value.replace('_', ' ')}"
        for fate in Disposition
        if fate in fates.values()
    )
    if not facts.shop.commerce_connected or "records" in facts.said.waived:
        return Lane("judged", counted, terminal=True)
    if order is None:
        return Lane("judged", f"{counted}, waits for the commerce order")
    record = our_return(facts, order, lines)
    if record is None:
        ended = case.stage is Stage.CANCELLED
        return Lane("judged", f"{counted}, waits for the return in commerce", terminal=ended)
    judged: dict[str, int] = {}
    places = {match.unit_id: match.line_id for match in lines.matched}
    for unit_id in fates:
        judged[places.get(unit_id, "")] = judged.get(places.get(unit_id, ""), 0) + 1
    for line_id, count in judged.items():
        line = _reverse(record, line_id)
        if line_id and (line is None or sum(number for _, number in line.disposed) < count):
            _stuck(facts, record, draft)
            return Lane("moving", counted)
    return Lane("settled", counted, terminal=True)


def _stuck(facts: Facts, record: CommerceReturn, draft: Draft) -> None:
    """Say so when units have a verdict that nothing carries into commerce."""
    sending = any(isinstance(effect.wanted, Dispose) and effect.open for effect in facts.ledger)
    writing = any(isinstance(step, Write) and isinstance(step.wanted, Dispose) for step in draft.steps)
    told = any(trouble.lane == "stock" for trouble in draft.troubles)
    if sending or writing or told or facts.observing:
        return
    draft.troubles.append(
        Trouble(
            f"stock:{record.id}",
            "stock",
            f"Return {record.name} ({record.status}) in commerce cannot take the verdict on all units.",
            "Correct the stock in the commerce system by hand, then waive the stock.",
            retry="look:commerce",
        )
    )
