"""The desk lane: the case's return in a returns desk beside the hub's own. The desk is a mirror of the case and a
vote on it; it pays, if the shop lets it, only after the channel's acceptance was read.

No return stands in the desk where no goods come back (a refund alone, a kept item) or where the channel's own warehouse
takes them: a desk cannot say either of a return.
"""

from __future__ import annotations

from backhaul.domain.booking import FRESH, harmless_payment
from backhaul.domain.channel import ChannelCase
from backhaul.domain.commerce import CommerceOrder
from backhaul.domain.desk import DeskReturn, DeskState, number
from backhaul.domain.desk_adoption import elsewhere, opened, ours
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    DeskLineWanted,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
)
from backhaul.domain.facts import Facts, LinkState
from backhaul.domain.matching import Lines
from backhaul.domain.policy import Policy
from backhaul.domain.proposing import propose
from backhaul.domain.reasons import desk_reason
from backhaul.domain.records import being_created
from backhaul.domain.refunds import adoptable
from backhaul.domain.steps import Draft, Lane, Look, Source, Trouble, Write
from backhaul.domain.terms import Booker, DeskOpens, DeskTerms, Payer
from backhaul.domain.wanted import Wanted
from backhaul.domain.words import APPROVED, Kind, Party, Stage

RECHECK = 24 * 3600
ACCEPTED = (Stage.ACCEPTED, Stage.COMPLETED)
NOTE = 254  # characters a note may have
TOLD = {
    Stage.REQUEST_REJECTED: "rejected the request",
    Stage.PARCEL_REJECTED: "did not accept what came back",
    Stage.ACCEPTED: "accepted the return",
    Stage.COMPLETED: "accepted the return",
    Stage.CANCELLED: "cancelled the return",
}


def desk_lane(
    facts: Facts,
    policy: Policy,
    order: CommerceOrder | None,
    lines: Lines,
    lanes: dict[str, Lane],
    now: int,
    draft: Draft,
) -> Lane:
    """Open, follow, process or end the case's return in the desk."""
    case, terms = facts.channel, facts.shop.desk
    assert case is not None
    assert terms is not None
    outside = _outside(facts, case)
    if outside:
        return outside
    if facts.seen.order is None or facts.seen.link.state is not LinkState.MATCHED or order is None:
        lost = case.stage is Stage.CANCELLED and facts.seen.desk is None
        return Lane("none" if lost else "finding_order", terminal=lost)
    # A return that stands there already needs nothing of the channel, which may be silent now; opening one does.
    unready = facts.desk is not None and facts.seen.desk is None and _unready(facts, draft)
    if facts.stale(Party.DESK) or facts.asked_to_look("desk") or now - facts.seen.desk_at > RECHECK:
        draft.steps.append(Look(Source.DESK, "the desk may have changed", 29))
        if facts.stale(Party.DESK):
            return Lane("looking")
    record = facts.seen.desk
    if record is not None and elsewhere(facts, record) and record.id not in opened(facts):
        draft.steps.append(Look(Source.DESK, "the return there is of another order", 29))
        return Lane("looking")
    if not facts.goods_expected:
        return _unneeded(facts, record, draft)
    if record is None:
        return Lane("looking") if unready else _open(facts, policy, case, terms, order, lines, draft)
    if elsewhere(facts, record):
        return _astray(facts, record, order, desk_name(terms), draft)
    if case.stage in TOLD and record.state in (DeskState.OPEN, DeskState.REVIEW):
        text = f"The channel {TOLD[case.stage]} {case.id}."
        draft.steps += _note(facts, record, TOLD[case.stage].split()[0], text)
    return _follow(facts, case, record, order, lines, lanes, now, draft)


def _unready(facts: Facts, draft: Draft) -> bool:
    """Whether something has to be read before a return is opened: the order's postal code, and then the reasons, which
    the desk tells only whoever knows it."""
    seen = facts.seen
    hidden = seen.postal_code is not None and not facts.asked_to_look("desk", "order")
    if not (seen.postal_code or hidden):
        draft.steps.append(Look(Source.ORDER, "the desk asks for the postal code of the order", 25))
        return True
    if seen.postal_code and seen.desk_at < seen.order_at:
        draft.steps.append(Look(Source.DESK, "the desk names its reasons to whoever knows the postal code", 29))
        return True
    return False


def _outside(facts: Facts, case: ChannelCase) -> Lane | None:
    if "desk" in facts.said.waived:
        return Lane("waived", terminal=True)
    if facts.history:
        return Lane("history", terminal=True)
    if case.kind is not Kind.RETURN:
        return Lane("not_needed", terminal=True)
    if not facts.shop.commerce_connected or "records" in facts.said.waived:
        return Lane("not_needed", "the desk knows orders of the commerce system only", terminal=True)
    if facts.seen.order is not None and facts.seen.order.fulfilled_by_channel:
        return Lane("by_channel", "the channel's own warehouse takes the goods", terminal=True)
    return None


def desk_name(terms: DeskTerms) -> str:
    """The desk as people call it."""
    return terms.vendor.replace("_", " ").title()


# -- opening


def _astray(facts: Facts, record: DeskReturn, order: CommerceOrder, name: str, draft: Draft) -> Lane:
    """We opened it on an order that turned out to be the wrong one: called off, and for a person to open anew."""
    if record.state in (DeskState.OPEN, DeskState.REVIEW):
        return _end(facts, record, "the case is linked to another order now", draft)
    paid = " It has refunded there: take that back in commerce." if record.processed else ""
    draft.troubles.append(
        Trouble(
            f"desk_astray:{record.id}",
            "desk",
            f"The hub opened return {record.id} in {name} on order {record.order_name or number(record.order_id)}, but "
            f"the case is linked to {order.name} now.{paid}",
            f"Open the return of {order.name} in {name} by hand, the hub adopts it; or waive the desk.",
            retry="look:desk",
        )
    )
    return Lane("blocked", record.id)


def _open(
    facts: Facts,
    policy: Policy,
    case: ChannelCase,
    terms: DeskTerms,
    order: CommerceOrder,
    lines: Lines,
    draft: Draft,
) -> Lane:
    early = terms.opens is DeskOpens.REQUESTED and case.stage is Stage.REQUESTED
    if case.stage is Stage.CANCELLED:
        return Lane("none", terminal=True)
    if not (case.stage in APPROVED or early):
        return Lane("not_yet", "after the channel's approval")
    if case.stage in ACCEPTED and not (terms.writes_records or facts.booker is Booker.DESK):
        return Lane("not_needed", "the channel has accepted the return already", terminal=case.stage is Stage.COMPLETED)
    wanted = lines.quantities()
    if not wanted or lines.unmatched:
        return Lane("finding_lines")  # the records lane asks about the lines
    name = desk_name(terms)
    if not facts.seen.postal_code:
        draft.troubles.append(
            Trouble(
                "desk_secondary",
                "desk",
                f"The channel hides the postal code of order {case.order_id}, and {name} opens no return without it.",
                f"Open the return of {order.name} in {name} by hand, the hub adopts it; or waive the desk.",
                retry="look:desk",
            )
        )
        return Lane("blocked")
    match = desk_reason(
        case.reason_key, case.reason_text, policy.desk_reasons, policy.desk_fallback, facts.seen.desk_reasons
    )
    skus = {line.id: line.sku for line in order.lines}
    effect = OpenDeskReturn(
        case.id,
        order.id,
        order.name,
        tuple(
            DeskLineWanted(line_id, skus.get(line_id, ""), count, match.reason.parent, match.reason.child)
            for line_id, count in sorted(wanted.items())
        ),
        f"Return {case.id} of order {case.order_id} on the channel, which decides and pays.",
    )
    because = "the buyer asked for a return" if early else "the channel has approved the return"
    _do(facts, effect, because, 37, draft)
    if any(trouble.retry == effect.target for trouble in draft.troubles):
        return Lane("blocked", f"{name} has not opened the return")
    return Lane("opening", f"as “{match.reason}”")


# -- following


def _follow(
    facts: Facts,
    case: ChannelCase,
    record: DeskReturn,
    order: CommerceOrder,
    lines: Lines,
    lanes: dict[str, Lane],
    now: int,
    draft: Draft,
) -> Lane:
    assert facts.shop.desk is not None
    name = desk_name(facts.shop.desk)
    if record.processed:
        _paid_early(facts, case, record, name, draft)
        return Lane("processed", record.id, terminal=case.stage in ACCEPTED)
    if case.stage is Stage.CANCELLED:
        return _end(facts, record, "the channel's case was cancelled", draft)
    # Not what somebody else has booked, nor what a person says was booked by hand.
    books = facts.booker is Booker.DESK and not (lanes["money"].terminal and facts.shop.payer is Payer.CHANNEL)
    if record.state in (DeskState.CANCELLED, DeskState.CLOSED, DeskState.EXPIRED):
        return _over(facts, case, record, name, books, draft)
    if case.stage not in ACCEPTED:
        held = f"held back in {name}; the channel's clock goes on" if record.state is DeskState.REVIEW else record.id
        return Lane("in_review" if record.state is DeskState.REVIEW else record.state.value, held)
    if record.state is DeskState.UNKNOWN:
        draft.troubles.append(_odd(record, name))
        return Lane("unknown", record.raw_state or record.id)
    last = facts.effect(ProcessDeskReturn(record.id).target)
    if last is not None and last.open:
        return Lane("processing", record.id)
    if not books:
        if lanes["money"].terminal and lanes["stock"].terminal:
            _do(facts, CloseDeskReturn(record.id), "the channel has paid; nothing is left to do", 82, draft)
            return Lane("closing", record.id)
        return Lane(record.state.value, f"{record.id}, is closed once money and stock are settled")
    if record.state is DeskState.REVIEW:
        draft.troubles.append(
            Trouble(
                f"desk_review:{record.id}",
                "desk",
                f"{name} holds return {record.id} back, so it cannot refund what the channel has accepted.",
                f"Release it in {name}, or waive the desk: then the hub books the refund.",
                retry="look:desk",
            )
        )
        return Lane("in_review", record.id)
    return _process(facts, case, record, order, lines, now, draft)


def _odd(record: DeskReturn, name: str) -> Trouble:
    return Trouble(
        f"desk_state:{record.id}",
        "desk",
        f"{name} shows return {record.id} as “{record.raw_state}”, which the hub does not know; nothing is done there.",
        f"End it in {name} by hand, or waive the desk.",
        retry="look:desk",
    )


def _process(
    facts: Facts, case: ChannelCase, record: DeskReturn, order: CommerceOrder, lines: Lines, now: int, draft: Draft
) -> Lane:
    """The channel's acceptance was read: the desk may refund now, on a payment method that moves no money, what nobody
    else has refunded."""
    wanted = ProcessDeskReturn(record.id)
    lane = Lane("processing", record.id)
    if adoptable(case, order, lines, facts.adopted_elsewhere) is not None:
        return Lane(record.state.value, "somebody else has refunded these lines already")
    if facts.shop.second_writer:
        return Lane("second_writer", "another program writes refunds: a person has to say who does")
    if being_created(facts):
        return Lane(record.state.value, "the return in commerce may yet be created, and comes before its refund")
    if facts.shop.payer is Payer.CHANNEL and harmless_payment(facts, order, draft, record.id) is None:
        return Lane("blocked", "its refund would pay the buyer a second time")
    if facts.may_write(wanted.target) and (facts.seen.desk_behind or now - facts.seen.desk_at > FRESH):
        draft.steps.append(Look(Source.DESK, "before the desk processes", 36))
        return lane
    if facts.may_write(wanted.target) and now - facts.seen.commerce_at > FRESH:
        draft.steps.append(Look(Source.COMMERCE, "before the desk refunds", 36))
        return lane
    _do(facts, wanted, "the channel has accepted the return", 36, draft)
    return lane


def _paid_early(facts: Facts, case: ChannelCase, record: DeskReturn, name: str, draft: Draft) -> None:
    """The desk has refunded by itself what the channel has not accepted."""
    if case.stage in ACCEPTED:
        return
    cancelled = case.stage is Stage.CANCELLED
    state = "has cancelled" if cancelled else "has not accepted yet"
    draft.troubles.append(
        Trouble(
            f"desk_early:{record.id}",
            "desk",
            f"{name} has processed return {record.id}, which the channel {state}: it refunded in the commerce system.",
            f"In {name}, let returns of the channel's orders be processed by hand (policy outcomes, or a workflow on "
            "the order's tag). "
            + (
                "Take the refund back in commerce, then waive the desk."
                if cancelled
                else "The hub takes it as a vote to accept."
            ),
            retry="look:desk",
        )
    )


def _over(facts: Facts, case: ChannelCase, record: DeskReturn, name: str, books: bool, draft: Draft) -> Lane:
    """The desk's return has ended without a refund."""
    word = record.state.value
    if case.stage in ACCEPTED:
        if not books:
            return Lane(word, record.id, terminal=True)
        draft.troubles.append(
            Trouble(
                f"desk_unpaid:{record.id}",
                "desk",
                f"{name} was to book the refund, but its return {record.id} is {word} without one.",
                "Waive the desk: then the hub books the refund; or book it by hand and waive the booking.",
                retry="look:desk",
            )
        )
        return Lane(word, record.id)
    if record.state is DeskState.CANCELLED and not ours(facts, CancelDeskReturn, record):
        draft.troubles.append(
            Trouble(
                f"desk_cancelled:{record.id}",
                "desk",
                f"Return {record.id} was cancelled in {name}. That is not carried to the channel, where only the buyer "
                "can cancel: the return goes on.",
                f"Open it in {name} again on the same lines, the hub adopts it; or waive the desk.",
                deadline=min((due.deadline for due in case.due if due.deadline), default=None),
                retry="look:desk",
            )
        )
    return Lane(word, record.id)


def _unneeded(facts: Facts, record: DeskReturn | None, draft: Draft) -> Lane:
    if record is None or record.state not in (DeskState.OPEN, DeskState.REVIEW):
        return Lane("not_needed", "no goods come back", terminal=True)
    return _end(facts, record, "no goods come back", draft)


def _end(facts: Facts, record: DeskReturn, because: str, draft: Draft) -> Lane:
    """Call the return off while nothing hangs on it, else close it."""
    if record.state not in (DeskState.OPEN, DeskState.REVIEW):
        return Lane(record.state.value, record.id, terminal=record.state is not DeskState.UNKNOWN)
    touched = record.state is DeskState.REVIEW or any(line.returned or line.condition for line in record.lines)
    wanted: Wanted = CloseDeskReturn(record.id) if touched else CancelDeskReturn(record.id)
    _do(facts, wanted, because, 72, draft)
    return Lane("closing", record.id)


def _do(facts: Facts, wanted: Wanted, because: str, rank: int, draft: Draft) -> None:
    if not facts.stale(Party.DESK):
        propose(facts, wanted, because, rank, draft)


def _note(facts: Facts, record: DeskReturn, about: str, text: str) -> list[Write]:
    """Tell the desk once what the channel decided. A note that is refused is told on the time-line and left alone."""
    wanted = NoteDeskReturn(record.id, about, text[:NOTE])
    if facts.stale(Party.DESK) or facts.effect(wanted.target) is not None:
        return []
    return [Write(wanted, "the desk's people see what the channel decided", "policy", 75)]
