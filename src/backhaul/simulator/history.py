"""A past for a shop: orders and returns that ended, and some that are still open, without a single webhook."""

from __future__ import annotations

import random

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.garbage import permanent
from backhaul.simulator.order_connector import Habits, OrderConnector
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.channel import Channel
from backhaul.simulator.tiktok.model import Order, Return, Shop
from backhaul.simulator.tiktok.past import Past
from backhaul.simulator.tiktok.sales import Unit

DAY = 86400.0
ENDS = ("refunded", "returned", "withdrawn", "rejected", "not_shipped", "parcel_refused", "kept")
_OPEN_HOURS = 20.0


class History:
    """Writes the past. Times are pinned while it does, so nothing of it happens "now"."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, channel: Channel, connector: OrderConnector) -> None:
        self._clock = clock
        self._rng = rng
        self._channel = channel
        self._connector = connector

    def seed(
        self,
        shop: Shop,
        count: int,
        days: float,
        open_share: float = 0.1,
        open_hours: float = _OPEN_HOURS,
        auto_approved: bool = False,
    ) -> list[str]:
        """Makes so many orders with a return each, asked for within the last `days`. Returns the ids, oldest first.

        Open ones are asked for within the last `open_hours`, and not so long ago that their clock has run out.
        """
        now, rng = self._clock.now(), self._rng
        open_count = round(count * open_share)
        plan: list[tuple[float, bool]] = [
            (now - rng.uniform(9 * DAY, max(9.1 * DAY, days * DAY)), False) for _ in range(count - open_count)
        ]
        plan += [(now - rng.uniform(60, open_hours * 3600), True) for _ in range(open_count)]
        plan.sort()
        world, made = self._channel.world, list[str]()
        world.quiet, self._connector.suspended = True, True
        try:
            for at, still_open in plan:
                made.append(self._one(shop, at, still_open, auto_approved))
        finally:
            world.quiet, self._connector.suspended = False, False
        return made

    def fill(self, shop: Shop, orders: int, open_returns: int, days: float = 90.0) -> None:
        """A large past: so many delivered orders, the youngest of which have an open return each.

        The orders are made when somebody looks at them. Half of the returns wait for an answer, a quarter for the
        buyer to ship, a quarter for the judgement of a parcel that has arrived. No copies go to the commerce system
        but those of orders with a return.
        """
        if open_returns > orders:
            raise ValueError("an open return needs an order of the past: open_returns is larger than past_orders")
        world, sales, now = self._channel.world, self._channel.sales, self._clock.now()
        past = Past.of(shop, world.ids, seed=self._rng.getrandbits(32), count=orders, now=now, days=days)
        world.quiet, self._connector.suspended = True, True
        try:
            with permanent(), world.in_bulk():
                sales.open_past(past)
                for number in range(open_returns):
                    order = world.orders[past.orders.text(orders - open_returns + number)]
                    self._open(
                        shop, order, now - 60 - 3600 * _OPEN_HOURS * (open_returns - number) / open_returns, number
                    )
        finally:
            world.quiet, self._connector.suspended = False, False
        if shop.switches.batch_model:
            world.groups.of_shop(shop, world.returns)

    def _open(self, shop: Shop, order: Order, asked_at: float, number: int) -> None:
        aftersales, stage = self._channel.aftersales, number % 4
        at = max(asked_at, order.delivered_at + 1.0)
        with self._clock.pinned(at):
            if shop.commerce_domain is not None:
                self._connector.plan(order, _at_once(self._connector.habits.get(shop.id, Habits())))
            kind = states.REFUND if stage == 0 else states.RETURN
            shipment = "PLATFORM" if stage == 3 else None
            case = aftersales.request(order, kind, order.lines, shipment=shipment, auto_approve=stage > 1)
            if stage == 3:
                aftersales.ship(case)
                aftersales.deliver(case)

    def _one(self, shop: Shop, at: float, still_open: bool, auto_approved: bool) -> str:
        rng = self._rng
        product = rng.choice(shop.catalogue)
        with self._clock.pinned(at - 6 * DAY):
            order = self._channel.sales.place(shop, [Unit(product)] * rng.choice((1, 1, 2)), status="AWAITING_SHIPMENT")
        with self._clock.pinned(at - 2 * DAY):
            self._channel.sales.advance(order, "DELIVERED")
            if shop.commerce_domain is not None:
                habits = self._connector.habits.get(shop.id, Habits())
                self._connector.plan(order, _at_once(habits))
        with self._clock.pinned(at):
            if still_open:
                kind = rng.choice((states.REFUND, states.RETURN, states.RETURN))
                case = self._channel.aftersales.request(order, kind, order.lines, auto_approve=auto_approved)
                return case.id
        return_id = self._ended(order, at, rng.choice(ENDS))
        completed_at = order.delivered_at + shop.clocks.completed_after_delivery
        if completed_at < self._clock.now():
            with self._clock.pinned(completed_at):
                self._channel.sales.advance(order, "COMPLETED")
        return return_id

    def _ended(self, order: Order, at: float, end: str) -> str:
        aftersales = self._channel.aftersales
        kind = states.REFUND if end == "refunded" else states.RETURN
        with self._clock.pinned(at):
            case = aftersales.request(order, kind, order.lines, shipment="PLATFORM")
        if case.status == m.PENDING:
            first = {"withdrawn": "withdraw", "rejected": "reject", "kept": "keep_item"}.get(end, "approve")
            self._move(case, at + 0.5 * DAY, first)
        if end in ("rejected", "parcel_refused") and case.status == m.REJECTED:
            self._move(case, at + 3 * DAY, "no_dispute")
        if case.status == m.AWAITING_SHIP and end in ("returned", "parcel_refused"):
            with self._clock.pinned(at + 2 * DAY):
                aftersales.ship(case)
            with self._clock.pinned(at + 4 * DAY):
                aftersales.deliver(case)
            self._move(case, at + 5 * DAY, "goods_accepted" if end == "returned" else "goods_rejected")
            if case.status == m.PARCEL_REJECTED:
                self._move(case, at + 7.5 * DAY, "no_dispute")
        elif case.status == m.AWAITING_SHIP:
            self._move(case, at + 8 * DAY, "not_shipped")
        if case.status == m.SUCCESS:
            with self._clock.pinned(case.updated_at + case.shop.clocks.refund_lag):
                aftersales.pay(case)
        return case.id

    def _move(self, case: Return, at: float, cause: str) -> None:
        by_buyer = cause in ("withdraw", "not_shipped", "no_dispute")
        with self._clock.pinned(at):
            if by_buyer:
                self._channel.aftersales.move(case, cause, "BUYER" if cause == "withdraw" else "SYSTEM")
            else:
                self._channel.aftersales.move(case, cause, "SELLER_CENTER", decision=cause.upper())

    def churn(self, shop: Shop, count: int, *, tell: bool = True) -> list[str]:
        """Moves open cases one step on, as buyers and carriers do; returns the ids of those that moved."""
        world, moved = self._channel.world, list[str]()
        world.quiet = not tell
        try:
            for case in list(world.returns.values()):
                if len(moved) >= count:
                    break
                if case.shop is shop and self._churn_one(case):
                    moved.append(case.id)
        finally:
            world.quiet = False
        return moved

    def _churn_one(self, case: Return) -> bool:
        aftersales = self._channel.aftersales
        if case.status == m.PENDING:
            aftersales.withdraw(case)
        elif case.status == m.AWAITING_SHIP and (case.shipment != "SELLER" or case.label is not None):
            aftersales.ship(case)
        elif case.status == m.SHIPPED and not case.delivered_at:
            aftersales.deliver(case)
        else:
            return False
        return True


def _at_once(habits: Habits) -> Habits:
    return Habits(
        style=habits.style,
        delay_seconds=0.0,
        wrong_sku_share=habits.wrong_sku_share,
        missing_share=habits.missing_share,
        gateway=habits.gateway,
        external_references=habits.external_references,
    )
