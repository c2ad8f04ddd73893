"""Pure: the vendor's shapes into the domain's words. The other way, effects into requests, is :mod:`.writes`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from backhaul.connectors.shopify import wire
from backhaul.domain.commerce import (
    CommerceDelivery,
    CommerceLine,
    CommerceOrder,
    CommerceRefund,
    CommerceReturn,
    Payment,
    ReturnedLine,
    ShippedLine,
)
from backhaul.domain.money import Money, exponent
from backhaul.domain.words import Disposition
from backhaul.ports.errors import WireDrift

STATUS = {
    "REQUESTED": "requested",
    "OPEN": "open",
    "CLOSED": "closed",
    "CANCELED": "cancelled",
    "DECLINED": "declined",
}
DISPOSITION = {
    "RESTOCKED": Disposition.RESTOCK,
    "NOT_RESTOCKED": Disposition.NOT_RESTOCKED,
    "MISSING": Disposition.MISSING,
}
# Gateways on which a refund sends money. A shop's foreign gateway names are judged by its owner, not here.
MONEY_MOVERS = frozenset(
    [
        *("shopify_payments", "shop_pay", "shop_pay_installments", "shop_cash", "shopify_store_credit", "store_credit"),
        *(
            "gift_card",
            "paypal",
            "payflow_pro",
            "stripe",
            "adyen",
            "affirm",
            "afterpay",
            "clearpay",
            "klarna",
            "sezzle",
        ),
        *(
            "amazon_payments",
            "authorize_net",
            "bogus",
            "braintree",
            "checkout_com",
            "cybersource",
            "first_data_payeezy",
        ),
        *("global_payments", "mollie", "multisafepay", "nuvei", "opayo", "razorpay", "square", "worldpay", "zip"),
    ]
)

_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{0,18})?")  # nothing with an exponent, which could be of any size
_TRACE = re.compile(r"\[backhaul:([^\]\s]+)\]")
_CHANNEL_ID = re.compile(r"(?<!\d)\d{15,20}(?!\d)")


def trace(identity: str) -> str:
    """The mark that our own writes carry in a free text."""
    return f"[backhaul:{identity}]"


def traced(text: str | None) -> str:
    """What such a mark names, empty when the text has none."""
    found = _TRACE.search(text or "")
    return found[1] if found else ""


def moves_money(gateway: str) -> bool:
    """Whether a refund on this gateway is known to send money to the buyer."""
    word = re.sub(r"[^a-z0-9]+", "_", gateway.lower()).strip("_")
    return any(word == known or word.startswith(known + "_") for known in MONEY_MOVERS)


def unix(text: str) -> int:
    """Unix seconds of an ISO 8601 time; WireDrift when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WireDrift(f"{text!r} is not a time") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def iso(at: float) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money(bag: wire.MoneyBag) -> Money:
    """An amount that must be exact; WireDrift when it is no amount of its currency."""
    given = bag.presentment_money
    try:
        return Money.parse(given.amount, given.currency_code)
    except ValueError as error:
        raise WireDrift(str(error)) from error


def unit_share(bags: Iterable[wire.MoneyBag], units: int, currency: str) -> Money:
    """The sum of some amounts over so many units, to the nearest minor unit: the vendor splits finer than cents."""
    total = Decimal()
    for bag in bags:
        if not _DECIMAL.fullmatch(bag.presentment_money.amount):
            raise WireDrift(f"{bag.presentment_money.amount!r} is not an amount of {currency}")
        total += Decimal(bag.presentment_money.amount)
    share = (total / max(1, units)).scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP)
    return Money(int(share), currency)


def order(read: wire.Order, returnable: Iterable[wire.Returnable], admin_url: str) -> CommerceOrder:
    """One order whose lists have all been read to their end."""
    currency = read.presentment_currency_code
    return CommerceOrder(
        id=read.id,
        name=read.name,
        currency=currency,
        updated_at=unix(read.updated_at),
        lines=tuple(_line(each, currency, taxed=read.taxes_included) for each in read.line_items.nodes),
        shipped=_shipped(returnable, read.returns.nodes),
        payments=tuple(_payment(each) for each in read.transactions),
        returns=tuple(commerce_return(each) for each in read.returns.nodes),
        refunds=tuple(_refund(each) for each in read.refunds),
        refundable=money(read.net_payment_set) if read.net_payment_set else None,
        stamped=read.metafield.value if read.metafield else "",
        admin_url=admin_url,
    )


def _line(line: wire.LineItem, currency: str, *, taxed: bool) -> CommerceLine:
    price = line.discounted_unit_price_after_all_discounts_set
    taxes = [] if taxed else [each.price_set for each in line.tax_lines]  # else the price holds the tax already
    return CommerceLine(
        id=line.id,
        sku=line.sku or "",
        barcode=(line.variant.barcode or "") if line.variant else "",
        title=line.title,
        quantity=line.quantity,
        refundable=line.refundable_quantity,
        unfulfilled=line.unfulfilled_quantity,
        channel_line_ids=tuple(
            dict.fromkeys(found for each in line.custom_attributes for found in _CHANNEL_ID.findall(each.value or ""))
        ),
        unit_price=unit_share([price], 1, currency) if price else None,
        unit_tax=unit_share(taxes, line.quantity, currency),
    )


def _shipped(returnable: Iterable[wire.Returnable], returns: Iterable[wire.Return]) -> tuple[ShippedLine, ...]:
    """Shipped lines: the returnable ones, and those on a return with nothing left."""
    found: dict[str, ShippedLine] = {}
    for fulfilment in returnable:
        for each in fulfilment.returnable_fulfillment_line_items.nodes:
            line = each.fulfillment_line_item
            found[line.id] = ShippedLine(line.id, line.line_item.id, each.quantity)
    for one in returns:
        for returned in one.return_line_items.nodes:
            if (line_of := returned.fulfillment_line_item) is not None and line_of.id not in found:
                found[line_of.id] = ShippedLine(line_of.id, line_of.line_item.id, 0)
    return tuple(found.values())


def _payment(payment: wire.Transaction) -> Payment:
    gateway = payment.gateway or ""
    return Payment(
        id=payment.id,
        kind=payment.kind.lower(),
        gateway=gateway,
        amount=money(payment.amount_set),
        succeeded=payment.status == "SUCCESS",
        parent_id=payment.parent_transaction.id if payment.parent_transaction else "",
        moves_money=moves_money(gateway),
    )


def _refund(refund: wire.Refund) -> CommerceRefund:
    return CommerceRefund(
        id=refund.id,
        created_at=unix(refund.created_at or refund.processed_at),
        amount=money(refund.total_refunded_set),
        trace=traced(refund.note),
        note=refund.note or "",
        return_id=refund.return_.id if refund.return_ else "",
        lines=tuple((each.line_item.id, each.quantity) for each in refund.refund_line_items.nodes),
    )


def commerce_return(read: wire.Return) -> CommerceReturn:
    """One return whose lists have been read to their end."""
    reverse: defaultdict[str, list[tuple[str, wire.ReverseLine]]] = defaultdict(list)
    for reverse_order in read.reverse_fulfillment_orders.nodes:
        for line in reverse_order.line_items.nodes:
            shipped = line.fulfillment_line_item.id if line.fulfillment_line_item else ""
            reverse[shipped].append((reverse_order.id, line))
    parcels = tuple(_deliveries(read))
    return CommerceReturn(
        id=read.id,
        name=read.name,
        status=STATUS.get(read.status, read.status),
        trace=next(filter(None, (traced(each.return_reason_note) for each in read.return_line_items.nodes)), ""),
        lines=tuple(_returned(each, reverse) for each in read.return_line_items.nodes),
        tracking=tuple(dict.fromkeys(each.tracking_number for each in parcels if each.tracking_number)),
        deliveries=parcels,
    )


def _returned(line: wire.ReturnLine, reverse: defaultdict[str, list[tuple[str, wire.ReverseLine]]]) -> ReturnedLine:
    shipped = line.fulfillment_line_item
    order_id, reverse_line = _reverse_of(line, reverse[shipped.id]) if shipped else ("", None)
    return ReturnedLine(
        id=line.id,
        line_id=shipped.line_item.id if shipped else "",
        quantity=line.quantity,
        shipped_line_id=shipped.id if shipped else "",
        reverse_order_id=order_id,
        reverse_line_id=reverse_line.id if reverse_line else "",
        disposed=dispositions(reverse_line) if reverse_line else (),
    )


def _reverse_of(
    line: wire.ReturnLine, open_lines: list[tuple[str, wire.ReverseLine]]
) -> tuple[str, wire.ReverseLine | None]:
    """The reverse line of a return line. The vendor links both only through the shipped line; when one shipped line
    is on the return twice (two reasons), the quantity tells them apart as far as it can."""
    if not open_lines:
        return "", None
    at = next((i for i, (_, each) in enumerate(open_lines) if each.total_quantity == line.quantity), 0)
    return open_lines.pop(at)


def dispositions(line: wire.ReverseLine) -> tuple[tuple[Disposition, int], ...]:
    """Units per final disposition; PROCESSING_REQUIRED and words we do not know are none."""
    units: defaultdict[Disposition, int] = defaultdict(int)
    for each in line.dispositions:
        if each.type in DISPOSITION:
            units[DISPOSITION[each.type]] += each.quantity
    return tuple(units.items())


def _deliveries(read: wire.Return) -> Iterable[CommerceDelivery]:
    for reverse_order in read.reverse_fulfillment_orders.nodes:
        for delivery in reverse_order.reverse_deliveries.nodes:
            there = delivery.deliverable or wire.Deliverable()
            number = there.tracking.number if there.tracking else None
            yield CommerceDelivery(delivery.id, number or "", there.label is not None)
