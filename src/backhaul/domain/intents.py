"""What has not happened yet may still be taken back: why an intent that waited for its party is not wanted any more.

An intent is written when everything speaks for it, and sent at once. One that stands in the ledger later was tried, and
nothing happened: the party was silent, or logged out, for seconds or for days. What spoke for it is asked once more.
"""

from __future__ import annotations

from backhaul.domain import by_unit
from backhaul.domain.adoption import our_return
from backhaul.domain.booking import safe
from backhaul.domain.desk import number
from backhaul.domain.desk_adoption import elsewhere as of_another_order
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    DeskEffect,
    OpenDeskReturn,
    ProcessDeskReturn,
)
from backhaul.domain.effects import AnyEffect, BookRefund, CreateReturn, Decide, DecideUnits, Effect
from backhaul.domain.facts import Facts, LinkState
from backhaul.domain.matching import case_lines
from backhaul.domain.records import anothers
from backhaul.domain.refunds import adoptable, not_ours
from backhaul.domain.terms import Booker, Payer
from backhaul.domain.words import APPROVED, Party, Stage


def unwanted(effect: Effect, facts: Facts, shown: bool | None) -> str:
    """Why it is not to be sent; empty when it is. ``shown``: what the last read shows of it."""
    wanted = effect.wanted
    if facts.observing:
        # Nothing of it has happened and nothing is sent in observe: it becomes a proposal again.
        return "the shop only observes"
    if waived(wanted, facts):
        return "a person does without it"
    if _unconnected(wanted, facts):
        return "nothing is connected that it could be asked of"
    if elsewhere(wanted, facts):
        return "the case is linked to another order now"
    if wanted.party is not Party.CHANNEL and anothers(facts):
        return "the order is marked as another's"
    if isinstance(wanted, (Decide, DecideUnits)):
        return _unasked(effect, wanted, facts)
    if isinstance(wanted, DeskEffect):
        return "no longer needed" if not facts.stale(Party.DESK) and _needless(wanted, facts, shown) else ""
    if isinstance(wanted, BookRefund):
        return _unbooked(wanted, facts, shown)
    return _unreturned(wanted, facts) if isinstance(wanted, CreateReturn) else ""


def waived(wanted: AnyEffect, facts: Facts) -> bool:
    """Whether a person does without what this is for."""
    lanes = {Party.COMMERCE: {wanted.lane, "records"}, Party.DESK: {"desk", "records"}}.get(wanted.party, {wanted.lane})
    return bool(lanes & facts.said.waived)


def _unconnected(wanted: AnyEffect, facts: Facts) -> bool:
    if wanted.party is Party.CHANNEL:
        return False
    return not facts.shop.commerce_connected or (wanted.party is Party.DESK and facts.shop.desk is None)


def elsewhere(wanted: AnyEffect, facts: Facts) -> bool:
    """Whether it is about another order in commerce than the one that the case is linked to, or that a person says."""
    order_id, link = getattr(wanted, "order_id", ""), facts.seen.link
    if wanted.party is Party.CHANNEL or not order_id:
        return False
    known = facts.said.linked or (link.order_id if link.state is LinkState.MATCHED else "")
    return bool(known) and number(known) != number(order_id)


def _unasked(effect: Effect, wanted: Decide | DecideUnits, facts: Facts) -> str:
    """Whether somebody has given another answer since, or the channel asks for it no longer."""
    votes = [each for each in facts.said.votes if (each.action, each.round) == (wanted.action, wanted.round)]
    if facts.asked_again(effect, *votes):
        return "another answer was given"
    case = facts.channel
    if case is None or facts.stale(Party.CHANNEL):
        return ""
    if isinstance(wanted, DecideUnits):
        asked = by_unit.asked_for(wanted, facts)
    else:
        asked = case.action_due(wanted.action) is not None and facts.round(wanted.action) == wanted.round
    return "" if asked else "no longer asked for"


def _needless(wanted: DeskEffect, facts: Facts, shown: bool | None) -> bool:
    """Whether the desk shows it, or another end, already, or what it stands on is not there."""
    if isinstance(wanted, ProcessDeskReturn) and not _may_refund(facts):
        return True
    if _astray(facts) and not isinstance(wanted, (CancelDeskReturn, CloseDeskReturn)):
        return True
    return shown is not False or (isinstance(wanted, OpenDeskReturn) and not facts.goods_expected)


def _may_refund(facts: Facts) -> bool:
    """Whether the desk may (still) be let refund: the channel has accepted, nobody else has booked or is to, and the
    buyer is not paid twice."""
    case, order = facts.channel, facts.seen.commerce
    if case is None or case.stage not in (Stage.ACCEPTED, Stage.COMPLETED):
        return False
    if facts.booker is not Booker.DESK or facts.shop.second_writer or one_too_many(facts):
        return False
    by_channel = facts.shop.payer is Payer.CHANNEL
    return order is None or not by_channel or any(safe(facts, payment) for payment in order.payments)


def one_too_many(facts: Facts) -> bool:
    """Whether a refund of the desk's would come beside one that somebody has made already, or be of another order."""
    if facts.shop.payer is Payer.CHANNEL and "money" in facts.said.waived:
        return True
    case, order = facts.channel, facts.seen.commerce
    if case is None or order is None:
        return False
    return _astray(facts) or adoptable(case, order, case_lines(facts), facts.adopted_elsewhere) is not None


def _astray(facts: Facts) -> bool:
    """Whether the return in the desk is of another order than the case is linked to now."""
    return facts.seen.desk is not None and of_another_order(facts, facts.seen.desk)


def _unbooked(wanted: BookRefund, facts: Facts, shown: bool | None) -> str:
    order = facts.seen.commerce
    if not_ours(facts) or facts.shop.second_writer:
        return "somebody else books"
    if order is None or facts.stale(Party.COMMERCE):
        return ""
    if shown is None:
        return "somebody else has booked it"
    there = case_lines(facts).quantities()
    if any(count > there.get(line_id, 0) for line_id, count in wanted.lines):
        return "its units have changed"
    payments = (each for each in order.payments if each.id == wanted.parent_payment)
    return "" if any(safe(facts, each) for each in payments) else "the payment method may move money"


def _unreturned(wanted: CreateReturn, facts: Facts) -> str:
    case, order = facts.channel, facts.seen.commerce
    if facts.shop.second_writer or (facts.desk is not None and facts.desk.writes_records):
        return "somebody else writes returns"
    if case is None or facts.stale(Party.CHANNEL):
        return ""
    if case.stage not in APPROVED or not facts.goods_expected:
        return "no goods come back"
    if wanted.units and set(wanted.units) != {unit.id for unit in case.units}:
        return "its units have changed"
    if order is None or facts.stale(Party.COMMERCE) or our_return(facts, order, case_lines(facts)) is None:
        return ""
    return "somebody else has opened it"
