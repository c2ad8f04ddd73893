"""Which return in the desk is the case's own: the one we opened, or one that somebody else opened on the same lines."""

from __future__ import annotations

from collections.abc import Collection

from backhaul.domain.desk import DeskReturn, DeskState, number
from backhaul.domain.desk_effects import OpenDeskReturn
from backhaul.domain.effects import EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.matching import Lines
from backhaul.domain.wanted import Wanted

CALLED_OFF = (DeskState.CANCELLED, DeskState.EXPIRED)
STANDING = (EffectState.INTENT, EffectState.SENT, EffectState.ACCEPTED, EffectState.CONFIRMED)


def own_return(
    facts: Facts, found: tuple[DeskReturn, ...], lines: Lines, taken: Collection[str] = ()
) -> DeskReturn | None:
    """The case's return among those of its order: the one we opened, else one that somebody opened on the same lines
    and that stands for no other case (``taken`` do). A cancelled one is kept only where there is no other, as is one
    that we opened on another order; one that was over before the case began is of goods that came back earlier, and
    says nothing of these."""
    ours = opened(facts)
    known = facts.seen.desk.id if facts.seen.desk else ""
    wanted = {number(line_id): count for line_id, count in lines.quantities().items()}
    best: DeskReturn | None = None
    gone = {each.id for each in found if each.state is DeskState.CANCELLED or elsewhere(facts, each)}
    for record in sorted(found, key=lambda each: (each.id in gone, -each.created_at)):
        if record.id in taken or (elsewhere(facts, record) and record.id not in ours):
            continue
        mine = record.id == known or (record.id in ours and record.id)
        if mine and record.id not in gone:
            return record
        alike = wanted and _quantities(record) == wanted and not _of_before(facts, record)
        if best is None and (mine or alike):
            best = record
    return best


def opened(facts: Facts) -> set[str]:
    """The ids of the returns that we opened for the case; empty for one whose answer has not come."""
    return {
        effect.result
        for effect in facts.ledger
        if isinstance(effect.wanted, OpenDeskReturn) and effect.state in STANDING
    }


def elsewhere(facts: Facts, record: DeskReturn) -> bool:
    """Whether it is on another order in commerce than the one that the case is linked to now."""
    order = facts.seen.commerce
    return order is not None and bool(record.order_id) and number(record.order_id) != number(order.id)


def looked_for(facts: Facts, own: DeskReturn | None) -> bool:
    """Whether another return of the order may be the case's. One on the wrong order is called off first, or nobody
    would."""
    if own is None or own.state in CALLED_OFF:
        return True
    return elsewhere(facts, own) and own.state not in (DeskState.OPEN, DeskState.REVIEW)


def _of_before(facts: Facts, record: DeskReturn) -> bool:
    """Whether it was called off, or was over when the channel's case began."""
    if record.state is DeskState.CANCELLED:
        return True
    over = record.processed or record.state in (DeskState.CLOSED, DeskState.EXPIRED)
    return over and facts.channel is not None and record.created_at < facts.channel.created_at


def _quantities(record: DeskReturn) -> dict[str, int]:
    counted: dict[str, int] = {}
    for line in record.lines:
        counted[number(line.line_id)] = counted.get(number(line.line_id), 0) + 1
    return counted


def ours(facts: Facts, kind: type[Wanted], record: DeskReturn) -> bool:
    """Whether we asked for this end of the desk's return."""
    return any(
        isinstance(effect.wanted, kind)
        and getattr(effect.wanted, "return_id", "") == record.id
        and effect.state in STANDING
        for effect in facts.ledger
    )
