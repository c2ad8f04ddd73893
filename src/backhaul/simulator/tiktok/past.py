"""A large past for a shop: orders that are known by their index entry alone until somebody looks at one.

What an order holds follows from its number, so it is the same whenever it is made. Ids come in blocks of even steps and
can be read back, which spares a table of a hundred thousand of them.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from backhaul.simulator.ids import Block, Ids
from backhaul.simulator.tiktok.model import Buyer, Line, Order, Shop
from backhaul.simulator.tiktok.people import person

DAY = 86400
_UNITS = 2
_SENT_AFTER, _DELIVERED_AFTER = DAY, 4 * DAY


@dataclass(slots=True)
class Past:
    """The past orders of one shop, oldest first: delivered, and completed where the time for it had come."""

    shop: Shop
    seed: int
    count: int
    first_at: int
    span: int
    made_at: float
    orders: Block
    lines: Block
    packages: Block
    buyers: Block
    tracking: Block
    completed: int = 0

    @classmethod
    def of(cls, shop: Shop, ids: Ids, *, seed: int, count: int, now: float, days: float) -> Past:
        """So many orders placed over `days`, the last one so long ago that it has just been delivered."""
        last = int(now) - _DELIVERED_AFTER - 3600
        span = max(1, int(days * DAY) - _DELIVERED_AFTER - 3600)
        return cls(
            shop,
            seed,
            count,
            last - span,
            span,
            now,
            ids.block("5766", 18, count),
            ids.block("5767", 18, count * _UNITS),
            ids.block("1152", 19, count),
            ids.block("7496", 19, count),
            ids.block("9400", 22, count),
        )

    def created_at(self, number: int) -> int:
        """When an order was placed."""
        return self.first_at + self.span * (number + 1) // self.count

    def delivered_at(self, number: int) -> int:
        """When it arrived."""
        return self.created_at(number) + _DELIVERED_AFTER

    def completed_at(self, number: int) -> int:
        """When no more after-sales are taken."""
        return self.delivered_at(number) + self.shop.clocks.completed_after_delivery

    def rows(self) -> list[tuple[str, int, int, str]]:
        """What the search knows of each: id, created, updated, status."""
        made_at, closes = self.made_at, _DELIVERED_AFTER + self.shop.clocks.completed_after_delivery
        found = []
        for number in range(self.count):
            created = self.created_at(number)
            over = created + closes <= made_at
            updated = created + (closes if over else _DELIVERED_AFTER)
            found.append((self.orders.text(number), created, updated, "COMPLETED" if over else "DELIVERED"))
        return found

    def settled_on(self, day: int) -> list[str]:
        """Ids of the orders in the statement of a day."""
        low, high = (bisect_left(range(self.count), one, key=self._settles) for one in (day, day + 1))
        return [self.orders.text(number) for number in range(low, high)]

    def settlement_days(self) -> range:
        """All days on which there is such a statement."""
        return range(self._settles(0), self._settles(self.count - 1) + 1) if self.count else range(0)

    def _settles(self, number: int) -> int:
        return (self.delivered_at(number) + self.shop.clocks.settles_after_delivery) // DAY + 1

    def make(self, number: int) -> Order:
        """The order with this number, as it was when the past was made."""
        shop, rng = self.shop, random.Random(self.seed * 1_000_003 + number)
        done = self.completed_at(number) <= self.made_at
        status = "COMPLETED" if done else "DELIVERED"
        product = shop.catalogue[rng.randrange(len(shop.catalogue))]
        tax = round(product.price * shop.market.tax_percent / 100)
        package = self.packages.text(number)
        lines = []
        for unit in range(rng.choice((1, 1, _UNITS))):
            line_id = self.lines.text(number * _UNITS + unit)
            # Ids of a block lie further apart than their last digit.
            parts = tuple(f"5768{line_id[4:-1]}{part}" for part in range(len(product.components)))
            lines.append(Line(line_id, product, product.price, 0, 0, tax, status, package, parts))
        created, delivered = self.created_at(number), self.delivered_at(number)
        return Order(
            id=self.orders.text(number),
            shop=shop,
            buyer=self._buyer(number, rng),
            lines=lines,
            shipping_fee=0,
            shipping_tax=0,
            created_at=created,
            updated_at=self.completed_at(number) if done else delivered,
            status=status,
            provider_id=next(iter(shop.carriers)),
            tracking_number=self.tracking.text(number),
            package_id=package,
            delivery_option_id=shop.warehouse_id[:-1] + "1",
            paid_at=created + 60,
            shipped_at=created + _SENT_AFTER,
            delivered_at=delivered,
            completed_at=self.completed_at(number) if done else 0,
            tracking_events=[
                (created + _SENT_AFTER, 30001, "The carrier has the parcel"),
                (delivered, 30003, "Delivered"),
            ],
        )

    def _buyer(self, number: int, rng: random.Random) -> Buyer:
        return person(self.shop, self.buyers.text(number), rng)


class Orders(dict[str, Order]):
    """All orders by id. Those of a past are made when they are first asked for; iterating shows only those made."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pasts: list[Past] = []

    def __missing__(self, order_id: str) -> Order:
        for past in self.pasts:
            number = past.orders.number(order_id)
            if number is not None:
                order = self[order_id] = past.make(number)
                return order
        raise KeyError(order_id)

    def __contains__(self, order_id: object) -> bool:
        return dict.__contains__(self, order_id) or any(
            isinstance(order_id, str) and past.orders.number(order_id) is not None for past in self.pasts
        )

    def get(self, order_id: str, default: Any = None) -> Any:
        """The order with this id, made when it is one of a past."""
        try:
            return self[order_id]
        except KeyError:
            return default

    def made(self, order_id: str) -> bool:
        """Whether an order has been made already."""
        return dict.__contains__(self, order_id)

    def in_package(self, package_id: str) -> Order | None:
        """The past order that was sent in a parcel."""
        for past in self.pasts:
            number = past.packages.number(package_id)
            if number is not None:
                return self[past.orders.text(number)]
        return None

    def of_buyer(self, user_id: str) -> list[str]:
        """Ids of a buyer's past orders."""
        found = ((past, past.buyers.number(user_id)) for past in self.pasts)
        return [past.orders.text(number) for past, number in found if number is not None]

    def count(self) -> int:
        """How many there are, made or not."""
        of_pasts = sum(past.count for past in self.pasts)
        made = sum(1 for order_id in self if any(past.orders.number(order_id) is not None for past in self.pasts))
        return len(self) + of_pasts - made
