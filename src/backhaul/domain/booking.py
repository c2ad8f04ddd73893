"""One booking: a payment that the channel has proven, written into commerce on a payment method that moves no money; or
what stands in its way."""

from __future__ import annotations

from backhaul.domain.adoption import our_return
from backhaul.domain.channel import ChannelRefund
from backhaul.domain.commerce import CommerceOrder, Payment
from backhaul.domain.desk_effects import ProcessDeskReturn
from backhaul.domain.effects import BookRefund
from backhaul.domain.facts import Facts
from backhaul.domain.matching import Lines
from backhaul.domain.money import Money
from backhaul.domain.proposing import no_location, propose
from backhaul.domain.records import being_created, shipped_units
from backhaul.domain.steps import Draft, Look, Source, Trouble
from backhaul.domain.words import RESHIPPED, Kind, Party

FRESH = 60  # seconds a read of the commerce order may be old when a booking is written
NEVER = frozenset({"shopify_payments"})  # gateways that always move money, whatever a shop's list says


def book(facts: Facts, refund: ChannelRefund, order: CommerceOrder, lines: Lines, now: int, draft: Draft) -> bool:
    """Write the booking, or say what stands in the way. True when there is nothing (more) to book."""
    target = f"book_refund:{refund.id}"
    standing = facts.effect(target)
    if standing is not None and standing.open:
        return False
    if any(isinstance(each.wanted, BookRefund | ProcessDeskReturn) and each.open for each in facts.ledger):
        return False  # what is left to refund is known when that one is read back
    if lines.unmatched or not lines.matched:
        return False  # the records lane asks about the lines
    if facts.shop.second_writer:
        return False  # until a person has said who writes
    if _return_first(facts, order, lines):
        return False
    if refund.amount.currency != order.currency:
        draft.troubles.append(other_currency(refund, order))
        return False
    payment = harmless_payment(facts, order, draft, refund.id)
    if payment is None:
        return False
    if facts.stale(Party.COMMERCE) or now - facts.seen.commerce_at > FRESH:
        if facts.may_write(target):
            draft.steps.append(Look(Source.COMMERCE, "before a refund is booked", 33))
        return False
    quantities = tuple(
        (line_id, min(count, line.refundable))
        for line_id, count in lines.quantities().items()
        if (line := order.line(line_id)) is not None and line.refundable > 0
    )
    amount = refund.amount
    if order.refundable is not None and order.refundable.minor < amount.minor:
        amount = order.refundable
    if amount.minor <= 0 or not quantities:
        draft.troubles.append(
            Trouble(
                f"nothing_refundable:{refund.id}",
                "money",
                f"The channel paid {refund.amount}, but order {order.name} has nothing left to refund on these lines.",
                "Somebody has booked it under other lines or amounts. Check the order, then waive the booking.",
                retry="look:commerce",
            )
        )
        return False
    price = _price(order, quantities)
    release = _release(facts, order, quantities)
    if release and not facts.shop.location:
        draft.troubles.append(no_location("money"))
        return False
    wanted = BookRefund(
        refund.id.split(":", 1)[0],
        refund.id,
        order.id,
        amount,
        quantities,
        refund.at,
        payment.id,
        payment.gateway,
        differs=price is None or price.minor != amount.minor,
        unfulfilled=any(
            (line := order.line(line_id)) is not None and line.unfulfilled >= count for line_id, count in quantities
        ),
        release=release,
        location=facts.shop.location if release else "",
    )
    propose(facts, wanted, f"the channel has paid {refund.amount}", 35, draft)
    return False


def _release(
    facts: Facts, order: CommerceOrder, quantities: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """Units that were never shipped and that the channel says go back on the shelf: kept for this order no longer."""
    case = facts.channel
    if case is None or case.kind is not Kind.CANCELLATION or case.replenish is not True:
        return ()
    found = (
        (line_id, min(count, line.unfulfilled))
        for line_id, count in quantities
        if (line := order.line(line_id)) is not None
    )
    return tuple((line_id, count) for line_id, count in found if count > 0)


def _return_first(facts: Facts, order: CommerceOrder, lines: Lines) -> bool:
    """Whether a return comes first: one that may yet be made, and one for goods that came back without being asked for,
    or although money was paid in place of new ones."""
    case = facts.channel
    if being_created(facts):
        return True
    if case is None or case.kind not in (Kind.REFUND, *RESHIPPED) or not facts.goods_expected:
        return False
    return our_return(facts, order, lines) is None and not shipped_units(order, lines.quantities())[1]


def _price(order: CommerceOrder, quantities: tuple[tuple[str, int], ...]) -> Money | None:
    total = Money(0, order.currency)
    for line_id, count in quantities:
        line = order.line(line_id)
        if line is None or line.unit_price is None or line.unit_price.currency != order.currency:
            return None
        tax = line.unit_tax.minor if line.unit_tax else 0
        total = total + Money((line.unit_price.minor + tax) * count, order.currency)
    return total


def safe(facts: Facts, payment: Payment) -> bool:
    """Whether a refund on this payment moves no money, by the connector's word and a person's."""
    return _harmless(payment) and payment.gateway in facts.shop.safe_gateways


def _harmless(payment: Payment) -> bool:
    succeeded = payment.kind in ("sale", "capture") and payment.succeeded
    return succeeded and not payment.moves_money and payment.gateway not in NEVER


def harmless_payment(facts: Facts, order: CommerceOrder, draft: Draft, refund_id: str) -> Payment | None:
    """The payment a booking hangs on: one whose gateway moves no money, by the connector's word and a person's.
    ``refund_id`` names the exception when there is none."""
    parents = [each for each in order.payments if each.kind in ("sale", "capture") and each.succeeded]
    harmless = [each for each in parents if _harmless(each)]
    if not parents:
        text = f"Order {order.name} has no payment to book the refund on."
        draft.troubles.append(
            Trouble(
                f"no_payment:{refund_id}",
                "money",
                text,
                "Mark it as paid in commerce, or waive.",
                retry="look:commerce",
            )
        )
        return None
    if not harmless:
        draft.troubles.append(
            Trouble(
                f"moves_money:{refund_id}",
                "money",
                f"A refund on {parents[0].gateway} would pay the buyer a second time: the channel has already paid.",
                "Nothing is sent. Correct the order's payment method in commerce, or book by hand and waive.",
                retry="look:commerce",
            )
        )
        return None
    for payment in harmless:
        if safe(facts, payment):
            return payment
    draft.troubles.append(
        Trouble(
            f"gateway:{refund_id}",
            "money",
            f"Nobody has confirmed yet that the payment method “{harmless[0].gateway}” moves no money.",
            "Confirm it once for the shop on the Connections page.",
            waits_on=("gateway", harmless[0].gateway),
        )
    )
    return None


def other_currency(refund: ChannelRefund, order: CommerceOrder) -> Trouble:
    """The exception for a payment in another currency than the order's."""
    return Trouble(
        f"currency:{refund.id}",
        "money",
        f"The channel paid {refund.amount}, order {order.name} is in {order.currency}.",
        "Book it by hand and waive the booking.",
    )
