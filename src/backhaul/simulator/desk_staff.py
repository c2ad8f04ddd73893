"""The people of the desks beside a crowd of buyers: they judge what has arrived, and the rest goes by itself."""

from __future__ import annotations

import random

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.loop import Loop
from backhaul.simulator.loop.model import OPEN, Desk
from backhaul.simulator.loop.model import Return as DeskReturn
from backhaul.simulator.order_connector import OrderConnector
from backhaul.simulator.tiktok.model import Return

FINE, BAD = ("sellable", "restock"), ("damaged", "discard")


class DeskStaff:
    """Seeded like the buyers, and drawn from only where a shop has a desk."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, loop: Loop, connector: OrderConnector) -> None:
        self._clock = clock
        self._rng = rng
        self._loop = loop
        self._connector = connector

    def arrived(self, case: Return, after: float, damaged_share: float) -> None:
        """A parcel has come back: it is opened about so many virtual seconds later."""
        if case.shop.id in self._loop.world.of_shop:
            wait = after * self._rng.uniform(0.5, 1.5)
            self._clock.after(wait, lambda: self._judge(case, damaged_share))

    def _judge(self, case: Return, damaged_share: float) -> None:
        desk = self._loop.world.desk(case.shop.id)
        order = self._connector.copies.get(case.order.id)
        for each in [] if order is None else self._open(desk, order.number_id):
            for line in each.staying:
                if line.condition is None:
                    found, goes = BAD if self._rng.random() < damaged_share else FINE
                    self._loop.returns.grade(desk, each, [line], found, goes)

    @staticmethod
    def _open(desk: Desk, number_id: int) -> list[DeskReturn]:
        """The order's returns that are waited for; most orders have one, and nobody looks through all of a desk."""
        numbers = desk.returns_of_order.get(desk.order_id(number_id), ())
        return [desk.returns[number] for number in numbers if desk.returns[number].state == OPEN]
