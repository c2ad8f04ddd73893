"""The records lane: the return as the commerce system keeps it. A mirror: it decides nothing and moves no money.

It also finds the commerce order, which money and stock need.
"""

from __future__ import annotations

from backhaul.domain.adoption import being_written, our_return
from backhaul.domain.channel import ChannelCase
from backhaul.domain.commerce import CommerceOrder, CommerceReturn
from backhaul.domain.desk import DeskState
from backhaul.domain.effects import (
    AttachTracking,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    EffectState,
    ReturnLine,
    StageLabel,
    StampOrder,
    UpdateDelivery,
)
from backhaul.domain.facts import Facts, LinkState
from backhaul.domain.matching import Lines
from backhaul.domain.policy import Policy
from backhaul.domain.proposing import propose
from backhaul.domain.reasons import FALLBACK, commerce_reason
from backhaul.domain.steps import Draft, Lane, Look, Source, Trouble, Write
from backhaul.domain.wanted import Wanted
from backhaul.domain.words import APPROVED, Kind, Party, Stage

RETRY_MATCH = (5, 30, 300, 900, 3600)  # seconds between searches for an order that is not there yet; the last repeats
RECHECK = 24 * 3600
OVER = (DeskState.CLOSED, DeskState.CANCELLED, DeskState.EXPIRED)
UNWRITTEN = 3 * 24 * 3600  # an order cancelled so early is often never written into commerce: looked for this long


def find_order(facts: Facts, now: int, draft: Draft) -> CommerceOrder | None:
    """The commerce order of the case as we read it, asking for what is missing on the way to it."""
    case, link = facts.channel, facts.seen.link
    assert case is not None
    if facts.seen.order is None and not facts.history:
        draft.steps.append(Look(Source.ORDER, "the order of the return is not known", 25))
        return None
    if not concerned(facts) or facts.history:
        return None
    if facts.said.linked and not _same(link.order_id, facts.said.linked):
        draft.steps.append(Look(Source.MATCH, f"{facts.said.linked_by} linked the order", 24))
        return None
    if link.state is not LinkState.MATCHED:
        if not never_there(facts, now):
            _search(facts, now, draft)
        return None
    order = facts.seen.commerce
    asked = facts.asked_to_look("commerce")
    if order is None or asked or facts.stale(Party.COMMERCE) or now - facts.seen.commerce_at > RECHECK:
        draft.steps.append(Look(Source.COMMERCE, "the order may have changed", 28))
        if facts.stale(Party.COMMERCE) or order is None:
            return None
    return None if _anothers(facts, case, order, draft) else order


def _same(order_id: str, said: str) -> bool:
    """Whether a person's word names this order; people copy the number that a global id ends in."""
    return order_id.rpartition("/")[2] == said.rpartition("/")[2]


def anothers(facts: Facts) -> bool:
    """Whether our own mark on the order names another channel order. Only a person's word goes above it."""
    case, order = facts.channel, facts.seen.commerce
    if case is None or order is None:
        return False
    return order.stamped not in ("", case.order_id) and not _same(order.id, facts.said.linked)


def _anothers(facts: Facts, case: ChannelCase, order: CommerceOrder, draft: Draft) -> bool:
    if not anothers(facts):
        return False
    draft.troubles.append(
        Trouble(
            "stamped",
            "records",
            f"Order {order.name} was found for {case.order_id}, but it is marked as the channel order {order.stamped}.",
            "Link the right order; linking this one says that it is right.",
            waits_on=("order", case.order_id),
            retry="look:match",
        )
    )
    return True


def concerned(facts: Facts) -> bool:
    """Whether this case has a counterpart in commerce: a return or refund, or anything else that the channel has paid
    money for or that goods come back for; a system connected, nobody waived it."""
    case = facts.channel
    kept = case is not None and (
        case.kind in (Kind.RETURN, Kind.REFUND)
        or (case.kind is not Kind.UNKNOWN and (bool(facts.refunds) or facts.goods_expected))
    )
    return kept and facts.shop.commerce_connected and "records" not in facts.said.waived


def _search(facts: Facts, now: int, draft: Draft) -> None:
    case, link = facts.channel, facts.seen.link
    assert case is not None
    gap = RETRY_MATCH[min(link.tries, len(RETRY_MATCH)) - 1] if link.tries else 0
    next_try = link.tried_at + gap
    heard = facts.heard_commerce > facts.seen.commerce_heard  # an order arrived that may be ours
    if link.state is LinkState.UNKNOWN or now >= next_try or facts.asked_to_look("match") or heard:
        draft.steps.append(Look(Source.MATCH, "the commerce order is not known", 27))
    else:
        draft.wake(next_try)
    if link.state is LinkState.UNKNOWN or _early(facts):
        return
    several = link.state is LinkState.AMBIGUOUS
    draft.troubles.append(
        Trouble(
            "order",
            "records",
            f"{len(link.candidates)} commerce orders carry the channel order {case.order_id}."
            if several
            else f"No commerce order carries the channel order {case.order_id}.",
            "Link the right order."
            if several
            else "Wait until the order connector has written it, or link it by hand.",
            waits_on=("order", case.order_id),
            retry="look:match",
        )
    )


def _early(facts: Facts) -> bool:
    """Whether the order was cancelled, so that a commerce system that never heard of it lacks nothing. One that we have
    asked something of was there."""
    case, link = facts.channel, facts.seen.link
    if case is None or case.kind is not Kind.CANCELLATION or link.state is not LinkState.MISSING or link.candidates:
        return False
    return not any(effect.open and effect.wanted.party is Party.COMMERCE for effect in facts.ledger)


def never_there(facts: Facts, now: int) -> bool:
    """Whether the order was cancelled before any connector wrote it into commerce, as far as looking for it tells."""
    case = facts.channel
    return case is not None and _early(facts) and now >= case.updated_at + UNWRITTEN


def records_lane(
    facts: Facts, policy: Policy, order: CommerceOrder | None, lines: Lines, now: int, draft: Draft
) -> Lane:
    """Create, adopt, follow, cancel or close the return in commerce."""
    case = facts.channel
    assert case is not None
    if not facts.shop.commerce_connected:
        return Lane("not_connected", terminal=True)
    if "records" in facts.said.waived:
        return Lane("waived", terminal=True)
    if facts.history:
        return Lane("history", terminal=True)
    if not concerned(facts) or case.kind is Kind.CANCELLATION:
        return Lane("not_needed", terminal=True)
    if order is None:
        return Lane("finding_order")
    if case.units and lines.unmatched:
        _unmatched(case, order, lines, draft)
    if not order.stamped:
        propose(facts, StampOrder(order.id, case.order_id), "so that the order is found at once next time", 58, draft)
    record = our_return(facts, order, lines)
    if not facts.goods_expected:
        if record and record.trace == case.id and record.status == "open":
            propose(facts, _end(case, order, record), "no goods come back", 70, draft)
            return Lane("open", record.name)
        return Lane("not_needed", terminal=True)
    if record is None:
        return _create(facts, policy, case, order, lines, now, draft)
    return _follow(facts, case, order, record, draft)


def _end(case: ChannelCase, order: CommerceOrder, record: CommerceReturn) -> Wanted:
    """How a return ends: taken back while nothing hangs on it, else closed. Units that were answered apart from the
    case are on it still, and came back."""
    shared = sum(line.quantity for line in record.lines) > len(case.units)
    kept = shared or _touched(record, order)
    return CloseReturn(order.id, record.id) if kept else CancelReturn(order.id, record.id)


def _touched(record: CommerceReturn, order: CommerceOrder) -> bool:
    return any(line.disposed for line in record.lines) or any(refund.return_id == record.id for refund in order.refunds)


def _unmatched(case: ChannelCase, order: CommerceOrder, lines: Lines, draft: Draft) -> None:
    missing = "; ".join(each.text for each in lines.unmatched)
    draft.troubles.append(
        Trouble(
            "lines",
            "records",
            f"Order {order.name} has no line for {len(lines.unmatched)} of {len(case.units)} units: {missing}.",
            "Choose the line by hand on the case, where its SKU can be remembered too. Return and booking wait for it.",
            waits_on=("sku", lines.unmatched[0].sku),
            retry="look:commerce",
        )
    )


def being_created(facts: Facts) -> bool:
    """Whether a return of ours may yet be made, its answer lost, say. Units that are refunded cannot be returned any
    more, and their stock would move nowhere: no refund of them goes first."""
    open_ = (EffectState.INTENT, EffectState.SENT)
    return any(isinstance(each.wanted, CreateReturn) and each.state in open_ for each in facts.ledger)


def _create(
    facts: Facts, policy: Policy, case: ChannelCase, order: CommerceOrder, lines: Lines, now: int, draft: Draft
) -> Lane:
    if case.stage not in APPROVED:
        ended = case.stage is Stage.CANCELLED
        return Lane("none" if ended else "not_yet", "" if ended else "after the channel's approval", terminal=ended)
    if facts.desk is not None and facts.desk.writes_records:
        over = case.stage is Stage.COMPLETED and facts.seen.desk is not None and facts.seen.desk.state in OVER
        return Lane("awaiting_desk", "the desk writes the return into commerce", terminal=over)
    wanted = lines.quantities()
    if not wanted or lines.unmatched:
        return Lane("finding_lines")  # a return is written once, with all its units
    if being_written(facts, now, draft):
        return Lane("creating", "its units may be on a return that is being written")
    chosen, short = shipped_units(order, wanted)
    if short:
        draft.troubles.append(
            Trouble(
                "returnable",
                "records",
                f"Order {order.name} has fewer shipped, unreturned units than come back ({short} short).",
                "Fulfil the order in the commerce system, or link the return that already holds the units.",
                waits_on=("order", case.order_id),
                retry="look:commerce",
            )
        )
        return Lane("blocked")
    if facts.shop.second_writer:
        return Lane("second_writer", "another program writes returns: a person has to say who does")
    reason = _reason(facts, policy, case, draft)
    if not reason:
        return Lane("blocked")
    note = case.reason_text or case.reason_key
    ready = tuple(ReturnLine(line_id, count, reason, note) for line_id, count in chosen)
    units = tuple(unit.id for unit in case.units)
    made = CreateReturn(case.id, order.id, ready, case.created_at, units)
    propose(facts, made, "the channel has accepted the return", 34, draft)
    return Lane("creating")


def _reason(facts: Facts, policy: Policy, case: ChannelCase, draft: Draft) -> str:
    """The commerce system's reason id; a merchant may also map straight to an id."""
    name, how = commerce_reason(case.reason_key, case.reason_text, policy.reasons)
    known = facts.seen.reason_ids
    found = known.get(name) or (name if how == "policy" and "/" in name else known.get(FALLBACK, ""))
    if not found and not known:  # the read that asks for them was broken off, or goods were not expected then
        draft.steps.append(Look(Source.COMMERCE, "the commerce system's reasons are not known", 33))
    elif not found:
        draft.troubles.append(
            Trouble(
                "reason",
                "records",
                f"Commerce has no return reason “{name}” for “{case.reason_text or case.reason_key}”, nor a fallback.",
                "Map the channel's reason to one of commerce's own on the Policy page.",
                waits_on=("setting", "reasons"),
                retry="look:commerce",
            )
        )
    return found


def shipped_units(order: CommerceOrder, wanted: dict[str, int]) -> tuple[list[tuple[str, int]], int]:
    """Shipped lines that hold the units, and how many units none of them holds."""
    chosen: list[tuple[str, int]] = []
    short = 0
    for line_id, count in wanted.items():
        left = count
        for shipped in order.shipped:
            take = min(left, shipped.returnable) if shipped.line_id == line_id else 0
            if take:
                chosen.append((shipped.id, take))
                left -= take
        short += left
    return chosen, short


def _twins(facts: Facts, case: ChannelCase, order: CommerceOrder, record: CommerceReturn, draft: Draft) -> None:
    """A process that stood still between its last check and the socket may have made our return a second time: nothing
    hangs on that one, so it is taken back."""
    for twin in order.returns:
        mine = twin.trace == case.id and twin.id != record.id and twin.status == "open"
        if mine and not _touched(twin, order):
            propose(facts, CancelReturn(order.id, twin.id), f"{record.name} is the same return", 70, draft)


def _follow(facts: Facts, case: ChannelCase, order: CommerceOrder, record: CommerceReturn, draft: Draft) -> Lane:
    maker = "the desk" if facts.desk is not None and facts.desk.writes_records else "another connector"
    name = record.name if record.trace else f"{record.name} (made by {maker})"
    _twins(facts, case, order, record, draft)
    if record.status == "cancelled":
        return Lane("cancelled", name, terminal=True)
    if record.status == "closed":
        return Lane("closed", name, terminal=True)
    if record.trace != case.id:
        return Lane("adopted", name, terminal=case.stage in (Stage.COMPLETED, Stage.CANCELLED))
    if case.stage is Stage.CANCELLED:
        if facts.said.received and not _touched(record, order):
            return Lane("open", f"{name} waits for the verdict on what came back")
        propose(facts, _end(case, order, record), "the channel's case was cancelled", 70, draft)
        return Lane("cancelling", name)
    if case.way_back.tracking_number:
        _parcel(facts, order, record, case.way_back.tracking_number, draft)
    return Lane("open", name)


def _parcel(facts: Facts, order: CommerceOrder, record: CommerceReturn, tracking: str, draft: Draft) -> None:
    """Show the parcel with its number and, where we have it, the label's file, whichever comes first."""
    there = next((each for each in record.deliveries if each.tracking_number == tracking), None)
    blank = next((each for each in record.deliveries if not each.tracking_number), None)
    reverse = next((line.reverse_order_id for line in record.lines if line.reverse_order_id), "")
    if tracking in record.tracking and (there is None or there.labelled):
        return
    label_url = "" if blank is not None and there is None and blank.labelled else _label(facts, order, tracking, draft)
    attachment = facts.said.label.attachment if facts.said.label is not None and label_url else ""
    known = there or blank
    if label_url is None or (there is not None and not label_url):
        return
    if known is not None:
        because = "the label is shown with the parcel" if there else "the parcel has a tracking number"
        wanted = UpdateDelivery(order.id, record.id, known.id, tracking, attachment, label_url)
        propose(facts, wanted, because, 48, draft)
    elif reverse:
        made = AttachTracking(order.id, record.id, reverse, tracking, label_url=label_url)
        propose(facts, made, "the parcel has a tracking number", 48, draft)


def _label(facts: Facts, order: CommerceOrder, tracking: str, draft: Draft) -> str | None:
    """Where commerce finds the label's file; empty when we have none or it was not taken. None: it is being put there,
    and the number comes with it."""
    label = facts.said.label
    if label is None or label.tracking_number != tracking:
        return ""
    wanted = StageLabel(order.id, label.attachment, label.sha256)
    last = facts.effect(wanted.target)
    if facts.may_write(wanted.target):
        draft.steps.append(Write(wanted, "the label is shown with the return", "policy", 47))
        return None
    if last is not None and last.result:
        return last.result
    return None if last is not None and (last.open or last.state is EffectState.PROPOSED) else ""


def close(facts: Facts, order: CommerceOrder | None, lines: Lines, lanes: dict[str, Lane], draft: Draft) -> None:
    """Close our return in commerce once money and stock have nothing left to do."""
    case = facts.channel
    assert case is not None
    if order is None or case.stage is not Stage.COMPLETED or not facts.goods_expected or facts.history:
        return
    record = our_return(facts, order, lines)
    if record is None or record.trace != case.id or record.status != "open":
        return
    if lanes["money"].terminal and lanes["stock"].terminal:
        propose(facts, CloseReturn(order.id, record.id), "money and stock are settled", 80, draft)
