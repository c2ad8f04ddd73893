"""What the channel settles with a shop: a journal of delivered orders and paid refunds, gathered into daily statements.

A statement is made at midnight UTC. An order is in the one after its settlement time has passed; a refund in the one
after it was paid, and never before its order. Amounts are minor units, signed as delivered: costs are negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Protocol

from backhaul.simulator.tiktok.model import CaseLine, Line, Order, Return, Shop

DAY = 86400
_REFERRAL = 0.06
_RETAINED = 5  # a fifth of the refunded referral fee stays with the channel


@dataclass(slots=True)
class Figures:
    """The money of one line of a statement."""

    gross: int = 0
    discount: int = 0
    refunded_gross: int = 0
    refunded_discount: int = 0
    referral: int = 0
    administration: int = 0
    buyer_freight: int = 0
    freight: int = 0
    return_freight: int = 0
    refunded_freight: int = 0

    @property
    def revenue(self) -> int:
        """Sales less refunds."""
        return self.gross + self.discount + self.refunded_gross + self.refunded_discount

    @property
    def shipping(self) -> int:
        """Freight of both ways."""
        return self.buyer_freight + self.freight + self.return_freight + self.refunded_freight

    @property
    def fees(self) -> int:
        """The channel's fees."""
        return self.referral + self.administration

    @property
    def settlement(self) -> int:
        """What the shop gets."""
        return self.revenue + self.shipping + self.fees


def total(figures: Iterable[Figures]) -> Figures:
    """The sum of several lines."""
    whole = Figures()
    for one in figures:
        for item in fields(Figures):
            setattr(whole, item.name, getattr(whole, item.name) + getattr(one, item.name))
    return whole


def of_units(lines: Iterable[Line]) -> Figures:
    """A sale of some units, freight aside."""
    lines = list(lines)
    gross, discount = sum(line.original_price for line in lines), -sum(line.seller_discount for line in lines)
    return Figures(gross=gross, discount=discount, referral=-round((gross + discount) * _REFERRAL))


def of_order(order: Order) -> Figures:
    """The sale of what was delivered of an order. The carrier costs what the buyer paid for it."""
    sale = of_units(line for line in order.lines if line.status != "CANCELLED")
    sale.buyer_freight, sale.freight = order.shipping_fee, -order.shipping_fee
    return sale


def of_refunded(case: Return, items: list[CaseLine]) -> Figures:
    """The refund of some units of a case, freight aside; a refund in part is spread over the units."""
    asked = sum(item.amounts.total for item in case.lines)
    sale = of_units(item.line for item in items)
    gross, discount = sale.gross, sale.discount
    if case.amounts.total != asked:
        share = sum(item.amounts.total for item in items)
        gross, discount = round(case.amounts.total * share / asked) if asked else 0, 0
    referral = round((gross + discount) * _REFERRAL)
    return Figures(
        refunded_gross=-gross,
        refunded_discount=-discount,
        referral=referral,
        administration=-(referral // _RETAINED),
    )


def of_refund(case: Return) -> Figures:
    """The refund of a case with the freight of the way back when the seller pays it."""
    back = of_refunded(case, case.lines)
    back.refunded_freight = -case.amounts.shipping
    if case.freight_payer == "seller" and case.shipped_at:
        back.return_freight = -case.freight
    return back


class Entry(NamedTuple):
    """One line of a statement: the sale of an order, or the refund of a case about it."""

    order_id: str
    case_id: str = ""


class PastSales(Protocol):
    """Sales that are known without an entry for each."""

    def settled_on(self, day: int) -> list[str]:
        """Ids of the orders in the statement of a day."""

    def settlement_days(self) -> range:
        """All days on which there can be such a statement."""


@dataclass(slots=True)
class Journal:
    """What a shop's statements hold, by the day that the statement is made on (days since 1970, UTC)."""

    days: dict[int, list[Entry]] = field(default_factory=dict)
    refunds: dict[str, list[int]] = field(default_factory=dict)
    pasts: list[PastSales] = field(default_factory=list)

    def delivered(self, order: Order) -> None:
        """Enters the sale of an order that has just been delivered. Orders that cost nothing are not settled."""
        if order.total:
            self._enter(settles(order), Entry(order.id))

    def refunded(self, case: Return) -> None:
        """Enters a refund that was paid."""
        day = case.refunded_at // DAY + 1
        day = max(day, settles(case.order)) if case.order.delivered_at else day
        self._enter(day, Entry(case.order.id, case.id))
        self.refunds.setdefault(case.order.id, []).append(day)

    def entries(self, day: int) -> list[Entry]:
        """The lines of the statement of a day."""
        sales = [Entry(order_id) for past in self.pasts for order_id in past.settled_on(day)]
        return sales + self.days.get(day, [])

    def of_order(self, order: Order) -> list[tuple[int, Entry]]:
        """The lines about one order, each with the day of its statement."""
        days = dict.fromkeys([settles(order), *self.refunds.get(order.id, ())]) if order.delivered_at else {}
        return [(day, entry) for day in days for entry in self.entries(day) if entry.order_id == order.id]

    def made(self, now: float) -> list[int]:
        """Days of the statements that are there, oldest first."""
        return [day for day in self._all_days() if day * DAY <= now]

    def waiting(self, now: float) -> list[Entry]:
        """What no statement holds yet."""
        return [entry for day in self._all_days() if day * DAY > now for entry in self.entries(day)]

    def _all_days(self) -> list[int]:
        return sorted({*self.days, *(day for past in self.pasts for day in past.settlement_days())})

    def _enter(self, day: int, entry: Entry) -> None:
        self.days.setdefault(day, []).append(entry)


def settles(order: Order) -> int:
    """The day of the statement that an order's sale is in."""
    return (order.delivered_at + order.shop.clocks.settles_after_delivery) // DAY + 1


def statement_id(shop: Shop, day: int) -> str:
    """Id of the statement of a day; the same every time it is asked for."""
    return f"73{shop.id[-7:]}{day:010d}"


def payment_id(shop: Shop, day: int) -> str:
    """Id of the payout of a statement."""
    return f"36{shop.id[-7:]}{day:010d}"
