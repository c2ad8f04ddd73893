"""The money lane: what the channel pays, what is booked in commerce, and what explains the difference.

A booking records a payment the channel has proven. It never moves money, and of stock only this: units of a cancelled
order that never left the shelf are no longer kept for it, where the channel says that they go back (decision 0006).
"""

from __future__ import annotations

from collections.abc import Collection

from backhaul.domain.booking import book, other_currency
from backhaul.domain.channel import ChannelCase, ChannelRefund
from backhaul.domain.commerce import CommerceOrder, CommerceRefund
from backhaul.domain.desk import DeskReturn
from backhaul.domain.desk_adoption import elsewhere
from backhaul.domain.facts import Adopted, Facts
from backhaul.domain.matching import Lines
from backhaul.domain.money import Money, total
from backhaul.domain.records import never_there
from backhaul.domain.steps import Draft, Entry, Lane, Look, MoneyView, Source, Trouble
from backhaul.domain.terms import Booker, Payer
from backhaul.domain.words import ENDED, RESHIPPED, Kind, Stage

DESK_PATIENCE = 900  # seconds after the desk has processed at which its refund should show in commerce
DESK_REREAD = 60


def money_lane(facts: Facts, order: CommerceOrder | None, lines: Lines, now: int, draft: Draft) -> Lane:
    """Book each proven payment once; explain what is left."""
    case = facts.channel
    assert case is not None
    if case.kind is Kind.UNKNOWN:
        return _shown_only(facts, case, draft)
    goods = case.kind in RESHIPPED and not case.paid_instead  # they go out, and no money
    draft.money = MoneyView(expected=None if goods else case.refund_total)
    if not facts.refunds:
        if case.stage is Stage.CANCELLED or (case.stage is Stage.COMPLETED and _free(case)):
            return Lane("none", terminal=True)
        if case.stage is Stage.COMPLETED:
            return _unproven(facts, case, draft)
        if goods:
            return Lane("none", "new goods go out, no money")
        return Lane("expected" if case.stage is not Stage.ACCEPTED else "paying", str(case.refund_total or ""))
    if len({refund.amount.currency for refund in facts.refunds}) > 1:
        return _mixed(facts, draft)
    paid = total(refund.amount for refund in facts.refunds)
    draft.money = MoneyView(expected=case.refund_total, paid=paid)
    for refund in facts.refunds:
        draft.entries.append(Entry(f"paid:{refund.id}", "paid", refund.amount, refund.at, refund.proof))
    if facts.history:
        return Lane("history", str(paid), terminal=True)
    outside = not_ours(facts)
    if outside:
        return Lane(*outside, terminal=True)
    if order is None and never_there(facts, now):
        return Lane("not_booked", f"{paid}; no commerce order was ever written for it", terminal=True)
    if order is None:
        return Lane("paid", f"{paid}, waits for the commerce order")
    return _book_all(facts, case, order, lines, now, draft)


def _free(case: ChannelCase) -> bool:
    """Whether the case ends without money: nothing to pay, goods instead of it, or an order that was never paid."""
    if case.kind in RESHIPPED:
        return not case.paid_instead
    if case.refund_total is None:
        return case.kind is Kind.CANCELLATION
    return case.refund_total.minor == 0


def _unproven(facts: Facts, case: ChannelCase, draft: Draft) -> Lane:
    outside = not_ours(facts)
    if outside or facts.history:
        return Lane(*(outside or ("history", "")), terminal=True)
    draft.troubles.append(
        Trouble(
            f"unproven:{case.id}",
            "money",
            "The channel shows the case as complete but no amount, so nothing can be booked.",
            "Look in Seller Center what was paid. Book it by hand if need be, then waive the booking.",
            retry="look:case",
        )
    )
    return Lane("unproven", "The channel shows the case complete but no amount.")


def _mixed(facts: Facts, draft: Draft) -> Lane:
    """Payments of one case in several currencies: never seen, so nothing is added up and nothing is booked."""
    text = ", ".join(str(refund.amount) for refund in facts.refunds)
    draft.troubles.append(
        Trouble(
            "currencies",
            "money",
            f"The channel paid this case in several currencies: {text}.",
            "Book it by hand and waive the booking.",
        )
    )
    return Lane("paid", text, terminal="money" in facts.said.waived or facts.history)


def _shown_only(facts: Facts, case: ChannelCase, draft: Draft) -> Lane:
    """Cases of a kind we do not know: what the channel paid is kept and shown, not booked."""
    if len({refund.amount.currency for refund in facts.refunds}) > 1:
        return _mixed(facts, draft)
    paid = total(refund.amount for refund in facts.refunds)
    draft.money = MoneyView(expected=case.refund_total, paid=paid)
    draft.entries += [Entry(f"paid:{each.id}", "paid", each.amount, each.at, each.proof) for each in facts.refunds]
    known = facts.history or bool(facts.said.waived & {"money", "records"})
    return Lane("paid" if paid else "none", str(paid or ""), terminal=known and case.stage in ENDED)


def not_ours(facts: Facts) -> tuple[str, str] | None:
    """The state and words of a money lane that ends without a booking of the hub's; None where the hub books."""
    if facts.shop.payer is not Payer.CHANNEL:
        return "not_booked", f"paid by {facts.shop.payer}, who books it"
    if facts.booker is not Booker.HUB and (facts.booker is not Booker.DESK or facts.desk is None):
        return "not_booked", f"booked by {facts.booker}"
    if not facts.shop.commerce_connected:
        return "not_connected", "no commerce system is connected"
    if "money" in facts.said.waived or "records" in facts.said.waived:
        return "waived", "a person waived the booking"
    return None


def _book_all(facts: Facts, case: ChannelCase, order: CommerceOrder, lines: Lines, now: int, draft: Draft) -> Lane:
    booked: list[Money] = []
    residuals: list[tuple[str, Money]] = []
    settled = True
    adopted = set(facts.adopted_elsewhere)
    before = _standing(facts)
    draft.adopted = () if lines.matched else draft.adopted
    for refund in facts.refunds:
        found = next((each for each in order.refunds if each.trace == refund.id), None)
        kind = "booked"
        if found is None:
            known, others = before.get(refund.id, ""), held_beside(facts, refund.id)
            found, kind = adoptable(case, order, lines, adopted | others, known), "adopted"
        if found is None and (_desk_refunds(facts) or _just_processed(facts, now)):
            settled = False
            _await_desk(facts, refund, order, now, draft)
            continue
        if found is None:
            settled = book(facts, refund, order, lines, now, draft) and settled
            continue
        if found.amount.currency != refund.amount.currency:
            draft.troubles.append(other_currency(refund, order))
            settled = False
            continue
        adopted.add(found.id)
        if kind == "adopted":
            draft.adopted += (Adopted(refund.id, found.id),)
        booked.append(found.amount)
        draft.entries.append(Entry(f"{kind}:{refund.id}", kind, found.amount, found.created_at, found.id))
        rest = refund.amount - found.amount
        why = _explained(facts, case, order, rest, kind) if rest.minor > 0 else ""
        if why:
            residuals.append((why, rest))
            draft.entries.append(Entry(f"residual:{refund.id}", "residual", rest, found.created_at, why))
        elif rest.minor:
            draft.troubles.append(_differs(refund, found, order, "the hub" if kind == "booked" else "another"))
            settled = False
    second = adoptable(case, order, lines, adopted) if booked else None
    if second is not None:
        draft.troubles.append(_second(second, order))
        settled = False
    paid = total(refund.amount for refund in facts.refunds)
    explained = total([*booked, *(amount for _, amount in residuals)]) if booked else None
    difference = paid - explained if paid and explained else paid
    draft.money = MoneyView(case.refund_total, paid, total(booked), tuple(residuals), difference)
    if settled and difference is not None and difference.minor == 0:
        return Lane("settled", str(paid), terminal=True)
    return Lane("booking" if not draft.troubles else "paid", str(paid))


def _standing(facts: Facts) -> dict[str, str]:
    """The refunds that stand for payments of the case, as it is written down, by the channel's ids."""
    paid = {refund.id for refund in facts.refunds}
    return {each.refund_id: each.source for each in facts.adopted if each.refund_id in paid}


def held_beside(facts: Facts, refund_id: str) -> frozenset[str]:
    """Refunds in commerce that stand for what was paid beside this one: they are no booking of it."""
    before = _standing(facts)
    return frozenset(before.values()) - {before.get(refund_id, "")}


def still_adopted(facts: Facts) -> tuple[Adopted, ...]:
    """What the case has adopted, without the refunds of an order that it is no longer linked to: they are another
    case's to adopt, also while the right order cannot be read."""
    order = facts.seen.commerce
    if order is None:
        return () if facts.seen.relinked else facts.adopted
    there = {refund.id for refund in order.refunds}
    return tuple(each for each in facts.adopted if each.source in there)


def _explained(facts: Facts, case: ChannelCase, order: CommerceOrder, rest: Money, kind: str) -> str:
    """Why commerce shows ``rest`` less than the channel has paid; empty when nothing explains it to the cent. A desk
    refunds goods: the channel's parts for shipping and its tax are none of its business."""
    if kind == "booked" and not _left(order):
        return "capped"  # commerce had no more left to refund
    if kind == "adopted" and _desk_refunds(facts):
        zero = Money(0, rest.currency)
        shipping, tax = (case.refund_parts.get(name, zero) for name in ("shipping", "tax"))
        sums = {"shipping": shipping, "tax": tax, "shipping and tax": shipping + tax}
        return next((f"{name} that the desk does not refund" for name, part in sums.items() if part == rest), "")
    return ""


def _desk_refunds(facts: Facts) -> bool:
    """Whether the refund in commerce is the desk's: it books for the shop, or it has processed by itself, whoever was
    to book. A booking beside it would be a second one."""
    return facts.booker is Booker.DESK or (facts.desk is not None and _processed(facts) is not None)


def _just_processed(facts: Facts, now: int) -> bool:
    """Whether the desk has processed a moment ago: its refund may be on its way, also where a person has waived it."""
    desk = _processed(facts)
    return desk is not None and now < _processed_at(facts, desk) + DESK_PATIENCE


def _processed(facts: Facts) -> DeskReturn | None:
    """The case's return in the desk if that has processed it, so that its refund is, or will be, on the order."""
    desk = facts.seen.desk
    return desk if desk is not None and desk.processed and not elsewhere(facts, desk) else None


def _processed_at(facts: Facts, desk: DeskReturn) -> int:
    return desk.processed_at or facts.seen.desk_since


def _await_desk(facts: Facts, refund: ChannelRefund, order: CommerceOrder, now: int, draft: Draft) -> None:
    """The desk books when it processes; a processed return whose refund stays away is told of."""
    desk = _processed(facts)
    if desk is None:
        return
    if facts.seen.commerce_at < facts.seen.desk_since:
        draft.steps.append(Look(Source.COMMERCE, "the desk has processed", 33))
        return
    due = _processed_at(facts, desk) + DESK_PATIENCE
    if now < due:
        draft.wake(min(due, max(now, facts.seen.commerce_at) + DESK_REREAD))
        if now >= facts.seen.commerce_at + DESK_REREAD:
            draft.steps.append(Look(Source.COMMERCE, "the desk's refund does not show yet", 33))
        return
    draft.troubles.append(
        Trouble(
            f"desk_refund:{refund.id}",
            "money",
            f"The desk has processed return {desk.id}, but order {order.name} shows no refund of {refund.amount}.",
            "Look in the desk what it did. Waive the desk: then the hub books the refund; or book it by hand.",
            retry="look:commerce",
        )
    )


def _second(refund: CommerceRefund, order: CommerceOrder) -> Trouble:
    return Trouble(
        f"second:{refund.id}",
        "money",
        f"Order {order.name} holds a second refund of the same lines, {refund.amount}, made by another.",
        "Look which one is right and correct the other in commerce; then waive the booking.",
        retry="look:commerce",
    )


def adoptable(
    case: ChannelCase, order: CommerceOrder, lines: Lines, taken: Collection[str] = (), known: str = ""
) -> CommerceRefund | None:
    """A refund that another person or connector made on our lines since the case began: adopted, not repeated.
    ``taken`` are refunds that stand for another payment already, ``known`` the one that stands for this."""
    wanted = lines.quantities()
    for refund in sorted(order.refunds, key=lambda each: each.id != known):
        # A cancellation often follows one in commerce, so there an older refund of the same units is the same refund.
        older = refund.created_at < case.created_at and case.kind is not Kind.CANCELLATION
        if refund.trace or older or refund.id in taken:
            continue
        held = dict(refund.lines)
        if wanted and all(held.get(line_id, 0) >= count for line_id, count in wanted.items()):
            return refund
    return None


def _left(order: CommerceOrder) -> bool:
    """Whether something of the order can still be refunded: then a smaller booking was not capped, but the channel has
    paid more since."""
    return order.refundable is not None and order.refundable.minor > 0


def _differs(refund: ChannelRefund, found: CommerceRefund, order: CommerceOrder, by: str) -> Trouble:
    return Trouble(
        f"differs:{refund.id}",
        "money",
        f"The channel paid {refund.amount}, but order {order.name} shows {found.amount} refunded for it by {by}.",
        "Correct it in the commerce system, or waive the booking if the difference is right.",
        retry="look:commerce",
    )
