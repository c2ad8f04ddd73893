"""Returns and refunds in commerce that another program made for the channel's orders.

One made by hand is adopted and that is all. On several orders it is a second writer: two programs that write the same
returns corrupt the books, so the hub stops writing until a person has said who does.
"""

from __future__ import annotations

import msgspec

from backhaul.domain.commerce import CommerceOrder
from backhaul.domain.desk import DeskReturn, number
from backhaul.domain.facts import Facts
from backhaul.domain.matching import case_lines
from backhaul.domain.words import Party

SEVERAL = 2  # orders on which it is no single hand any more


class Stranger(msgspec.Struct, frozen=True):
    """A return or refund that neither the hub nor the desk made. ``at`` is when, at the earliest."""

    ident: str
    kind: str
    order_id: str
    at: int


def strangers(facts: Facts) -> tuple[Stranger, ...]:
    """What others made of this case in commerce, as far as it can be told: what touches its lines since it began, with
    no mark of the hub, and no return of the desk on those lines."""
    case, order = facts.channel, facts.seen.commerce
    if case is None or order is None or (facts.shop.desk is not None and facts.stale(Party.DESK)):
        return ()
    lines = {number(line_id) for line_id in case_lines(facts).quantities()}
    at_desk = [each for each in (facts.seen.desk, *facts.seen.desk_others) if each is not None]
    return (*_returns(case.created_at, order, lines, at_desk), *_refunds(case.created_at, order, lines, at_desk))


def _returns(since: int, order: CommerceOrder, lines: set[str], at_desk: list[DeskReturn]) -> list[Stranger]:
    found = []
    for record in order.returns:
        held = {number(line.line_id) for line in record.lines}
        if not record.trace and held & lines and not _desks(held, at_desk):
            found.append(Stranger(record.id, "return", order.id, since))
    return found


def _refunds(since: int, order: CommerceOrder, lines: set[str], at_desk: list[DeskReturn]) -> list[Stranger]:
    found = []
    for refund in order.refunds:
        held = {number(line_id) for line_id, _ in refund.lines}
        late = refund.created_at >= since
        paid = [each for each in at_desk if each.processed]
        if late and not refund.trace and held & lines and not _desks(held, paid):
            found.append(Stranger(refund.id, "refund", order.id, refund.created_at))
    return found


def _desks(held: set[str], at_desk: list[DeskReturn]) -> bool:
    """Whether a return of the desk stands on these lines."""
    return any(held <= {number(line.line_id) for line in each.lines} for each in at_desk)
