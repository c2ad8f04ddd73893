"""People, simulated: they order, ask for returns of every kind, ship, change their mind, dispute. What comes back to a
shop with a desk is judged by the desk's staff.

One buyer is one order and one case, followed step by step on the virtual clock until it ends. Seeded.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.desk_staff import DeskStaff
from backhaul.simulator.kinds import checked
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.channel import Channel
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Cancellation, Order, Return, Shop
from backhaul.simulator.tiktok.sales import Unit

HOUR = 3600.0


@dataclass(slots=True)
class Temper:
    """What the crowd is like. Shares are 0 to 1; times are virtual seconds; `per_minute` is by the wall clock."""

    per_minute: float = 6.0
    limit: int | None = None
    refund_share: float = 0.25
    replacement_share: float = 0.06
    exchange_share: float = 0.0
    cancellation_share: float = 0.1
    auto_approved_share: float = 0.15
    withdraw_share: float = 0.05
    dispute_share: float = 0.3
    accept_offer_share: float = 0.6
    ask_after: float = 120.0
    ship_after: float = 6 * HOUR
    transit: float = 48 * HOUR
    think: float = 4 * HOUR
    staff_decides_after: float = 24 * HOUR
    inspect_after: float = 8 * HOUR  # in a desk: how long after its arrival a parcel is opened
    damaged_share: float = 0.1

    @classmethod
    def of(cls, values: dict[str, Any]) -> Temper:
        """From the control API. Raises ValueError for a name that is not known."""
        return cls(**checked(cls, values))


class Buyers:
    """The crowd."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, channel: Channel, staff: DeskStaff) -> None:
        self._clock = clock
        self._rng = rng
        self._channel = channel
        self._staff_of_desks = staff
        self._generation = 0
        self.temper: Temper | None = None
        self.counts = {"orders": 0, "returns": 0, "cancellations": 0, "withdrawn": 0, "disputed": 0}
        channel.aftersales.requested.append(self._begun)

    def start(self, temper: Temper) -> None:
        """Lets buyers come, from now on."""
        self._generation += 1
        self.temper = temper
        if temper.per_minute > 0:
            self._next(self._generation, first=True)

    def resume(self, temper: Temper | None) -> None:
        """Goes on after a restart: those with an open case go on with it, and new ones come as before."""
        patience = temper or Temper()
        for case in self._channel.world.returns.values():
            if case.status not in m.ENDED:
                self.follow(case, patience)
                if case.status == m.SHIPPED and case.delivered_at:
                    self._staff_of_desks.arrived(case, patience.inspect_after, patience.damaged_share)
                if case.arbitration == "IN_PROGRESS":
                    self._clock.after(patience.staff_decides_after, lambda case=case: self._staff(case))  # type: ignore[misc]
        if temper is not None:
            self.start(temper)

    def stop(self) -> None:
        """No new buyers; those who have a case go on with it."""
        self._generation += 1
        self.temper = None

    def _next(self, generation: int, first: bool = False) -> None:
        temper = self.temper
        if temper is None:
            return
        real = 0.5 if first else self._rng.expovariate(temper.per_minute / 60)
        # In step mode there is no wall clock to speak of: a real second counts as a virtual one.
        wait = real * (self._clock.rate or 1.0)
        at = self._clock.now() + wait
        if self._clock.jump is not None:
            # A month that passes at once brings nobody by the wall clock, and in step mode no more than an hour does:
            # a quarter of a million buyers is not what somebody means who lets six come in a minute.
            began, ends = self._clock.jump
            if at > began + (0.0 if self._clock.rate else HOUR):
                at = ends + wait
        self._clock.schedule(at, lambda: self._arrive(generation))

    def _arrive(self, generation: int) -> None:
        temper = self.temper
        if temper is None or generation != self._generation or not self._channel.world.shops:
            return
        if temper.limit is not None:
            if temper.limit <= 0:
                return
            temper.limit -= 1
        self.one(self._rng.choice(list(self._channel.world.shops.values())), temper)
        self._next(generation)

    def one(self, shop: Shop, temper: Temper) -> Order:
        """One buyer: an order now, and a case about it a little later."""
        rng = self._rng
        products = rng.sample(shop.catalogue, rng.choice((1, 1, 1, 2, 3)))
        units = [Unit(product) for product in products for _ in range(rng.choice((1, 1, 1, 2)))]
        cancel = rng.random() < temper.cancellation_share
        order = self._channel.sales.place(shop, units, status="AWAITING_SHIPMENT" if cancel else "DELIVERED")
        self.counts["orders"] += 1
        wait = temper.ask_after * rng.uniform(0.5, 1.5)
        self._clock.after(wait, lambda: self._cancel(order, temper) if cancel else self._ask(order, temper))
        return order

    def _cancel(self, order: Order, temper: Temper) -> None:
        try:
            case = self._channel.cancellations.request(order)
        except ApiError:
            return  # shipped meanwhile
        self.counts["cancellations"] += 1
        if self._rng.random() < temper.withdraw_share:
            self._clock.after(temper.think, lambda: self._keep(case))

    def _keep(self, case: Cancellation) -> None:
        if case.status == m.CANCEL_PENDING:
            self._channel.cancellations.withdraw(case)

    def _ask(self, order: Order, temper: Temper) -> None:
        rng = self._rng
        dice = rng.random()
        kind = states.RETURN
        if dice < temper.refund_share:
            kind = states.REFUND
        elif dice < temper.refund_share + temper.replacement_share and order.shop.market.reships:
            kind = states.REPLACEMENT
        elif dice > 1 - temper.exchange_share and order.shop.market.reships:
            kind = states.EXCHANGE
        lines = order.lines if rng.random() < 0.6 else rng.sample(order.lines, 1)
        approved = kind == states.RETURN and rng.random() < temper.auto_approved_share
        try:
            case = self._channel.aftersales.request(order, kind, lines, auto_approve=approved)
        except ApiError:
            return  # the order went elsewhere meanwhile
        self.counts["returns"] += 1
        self.follow(case, temper)

    def follow(self, case: Return, temper: Temper) -> None:
        """Makes the buyer go on with a case until it ends."""
        self._clock.after(temper.think * self._rng.uniform(0.3, 1.0), lambda: self._step(case, temper, case.status))

    def _begun(self, case: Return) -> None:
        """What a seller begins for a buyer is the buyer's to go on with, as long as a crowd is about."""
        if self.temper is not None and case.role == "SELLER":
            self.follow(case, self.temper)

    def _step(self, case: Return, temper: Temper, seen: str) -> None:
        if case.status in m.ENDED or case.status == m.REPLACEMENT_REJECTED:
            return
        # A state must have lasted: a parcel is not shipped in the minute in which the return was approved.
        if case.status == seen:
            self._act(case, temper)
        waits = {m.AWAITING_SHIP: temper.ship_after, m.SHIPPED: temper.transit}
        wait = waits.get(case.status, temper.think) * self._rng.uniform(0.6, 1.2)
        status = case.status
        self._clock.after(max(1.0, wait), lambda: self._step(case, temper, status))

    def _act(self, case: Return, temper: Temper) -> None:
        aftersales, rng = self._channel.aftersales, self._rng
        if case.status in (m.PENDING, m.AWAITING_SHIP) and rng.random() < temper.withdraw_share:
            aftersales.withdraw(case)
            self.counts["withdrawn"] += 1
        elif case.status == m.AWAITING_SHIP and (case.shipment != "SELLER" or case.label is not None):
            aftersales.ship(case)
        elif case.status == m.SHIPPED and not case.delivered_at:
            aftersales.deliver(case)
            self._staff_of_desks.arrived(case, temper.inspect_after, temper.damaged_share)
        elif case.status == m.AWAITING_RESPONSE:
            aftersales.answer_offer(case, accept=rng.random() < temper.accept_offer_share)
        elif case.status in (m.REJECTED, m.PARCEL_REJECTED) and case.arbitration is None:
            self._dispute(case, temper)

    def _dispute(self, case: Return, temper: Temper) -> None:
        if self._rng.random() < temper.dispute_share:
            self._channel.aftersales.arbitrate(case, "IN_PROGRESS")
            self.counts["disputed"] += 1
            self._clock.after(temper.staff_decides_after, lambda: self._staff(case))

    def _staff(self, case: Return) -> None:
        if case.arbitration == "IN_PROGRESS":
            self._channel.aftersales.arbitrate(case, self._rng.choice(("SUPPORT_BUYER", "SUPPORT_SELLER")))
