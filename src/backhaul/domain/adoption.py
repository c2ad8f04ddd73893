"""Which return in commerce is the case's own, and which units of a return that somebody else opened are whose.

A return of ours names its case. One that another program or a person opened names none: it is adopted by its lines, and
each unit on it is one unit of one case, so that two cases of an order with the same goods never live off one return.
"""

from __future__ import annotations

import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.domain.commerce import CommerceOrder, CommerceReturn
from backhaul.domain.effects import DecideUnits, EffectState
from backhaul.domain.facts import Creating, Facts, Holder, Place
from backhaul.domain.matching import Lines
from backhaul.domain.steps import Draft, Look, Source
from backhaul.domain.words import APPROVED, Stage

ADOPTABLE = ("open", "requested", "closed")
REREAD = 60  # seconds between looks for a return that another case of the order is having written
UNREAD = (EffectState.SENT, EffectState.ACCEPTED)


def our_return(facts: Facts, order: CommerceOrder, lines: Lines) -> CommerceReturn | None:
    """The return of this case in commerce: ours by its trace, or by that of the case whose part it was; else one that
    somebody else opened on the same lines, as far as its units do not stand for other cases."""
    case = facts.channel
    assert case is not None
    wanted = lines.quantities()
    for trace in filter(None, (case.id, facts.seen.origin)):
        for record in order.returns:
            mine = trace == case.id or (not _of_others(facts) and _holds(_units(record), wanted))
            if record.trace == trace and mine:
                return record
    units = {unit.id for unit in case.units}
    ours = {place.return_id for place in facts.places if place.unit_id in units}
    for record in sorted(order.returns, key=lambda each: each.id not in ours):
        if record.trace or record.status not in ADOPTABLE:
            continue
        free = _units(record)
        for place in facts.places:
            if place.return_id == record.id and place.unit_id not in units:
                free[place.line_id] = free.get(place.line_id, 0) - 1
        if wanted and _holds(free, wanted):
            return record
    return None


def _of_others(facts: Facts) -> bool:
    """Whether the return of the case that our units were a part of is known to be without them: it was written for
    those that the case kept, of the same line maybe."""
    made = facts.creating_elsewhere.get(facts.seen.origin, Creating())
    units = facts.channel.units if facts.channel else ()
    return bool(made.units) and not {unit.id for unit in units} <= set(made.units)


def _holds(there: dict[str, int], wanted: dict[str, int]) -> bool:
    return all(there.get(line_id, 0) >= count for line_id, count in wanted.items())


def _units(record: CommerceReturn) -> dict[str, int]:
    counted: dict[str, int] = {}
    for line in record.lines:
        counted[line.line_id] = counted.get(line.line_id, 0) + line.quantity
    return counted


def without_gone(facts: Facts) -> Facts:
    """The facts without the units that have become a case of their own, as that case shows: ours may have been read
    before, or from an index that lags behind. One that was cancelled keeps its units: it may be the same request,
    edited."""
    case = facts.channel
    if case is None or case.stage is Stage.CANCELLED:
        return facts
    left = tuple(unit for unit in case.units if not _gone(facts.holders.get(unit.id), case))
    if len(left) == len(case.units):
        return facts
    seen = msgspec.structs.replace(facts.seen, channel=msgspec.structs.replace(case, units=left))
    return msgspec.structs.replace(facts, seen=seen)


def _gone(holder: Holder | None, case: ChannelCase) -> bool:
    """Whether what is known of the other case is newer than what is known of this one."""
    return holder is not None and (holder.at, holder.made_later) > (case.updated_at, False)


def held(facts: Facts) -> tuple[Place, ...]:
    """The units that the case holds on somebody else's return, as they are written down."""
    return tuple(place for place in facts.places if place.mine)


def adopted(facts: Facts, order: CommerceOrder | None, lines: Lines) -> tuple[Place, ...]:
    """The units on somebody else's return that this case holds: only once the channel has approved it, and no longer
    when it ended without goods, nor when it is linked to another order. A unit that came from another case keeps the
    place it has there."""
    case = facts.channel
    if case is None or (order is None and not facts.seen.relinked):
        return held(facts)  # nothing new is known of it
    units = {unit.id for unit in case.units}
    found = [place for place in held(facts) if place.unit_id not in units]  # they have gone to another case since
    holds = facts.goods_expected and "records" not in facts.said.waived
    holds = holds and (case.stage in APPROVED or bool(facts.said.received))
    record = our_return(facts, order, lines) if holds and order is not None else None
    if record is None or record.trace:
        return tuple(found)
    there = [place for place in facts.places if place.return_id == record.id]
    standing = {place.unit_id for place in there if not place.mine}
    before = {place.unit_id: place for place in there if place.mine}
    taken = {(place.line_id, place.number) for place in there}
    for match in lines.matched:
        known = before.get(match.unit_id)
        if match.unit_id in standing:
            continue
        if known is None or known.line_id != match.line_id:
            number = next(n for n in range(len(taken) + 1) if (match.line_id, n) not in taken)
            known = Place(match.unit_id, record.id, match.line_id, number, mine=True)
            taken.add((match.line_id, number))
        found.append(known)
    return tuple(sorted(found, key=lambda place: place.unit_id))


def being_written(facts: Facts, now: int, draft: Draft) -> bool:
    """Whether our units may be on a return that is on its way: answered apart a moment ago, they may still be written
    with the case they were a part of, or that case does not know yet which of them it has lost."""
    if any(isinstance(each.wanted, DecideUnits) and each.state in UNREAD for each in facts.ledger):
        return True
    if facts.seen.origin not in facts.creating_elsewhere or _of_others(facts):
        return False
    written_at = facts.creating_elsewhere[facts.seen.origin].at
    if written_at is not None and facts.seen.commerce_at > written_at + REREAD:
        return False  # the order was read since: what was written holds other units, or is of another order
    if now - facts.seen.commerce_at >= REREAD:
        draft.steps.append(Look(Source.COMMERCE, f"return {facts.seen.origin} is being written, our units with it", 34))
    else:
        draft.wake(facts.seen.commerce_at + REREAD)
    return True
