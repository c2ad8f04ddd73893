"""The simulated Loop: desks connected to stores, what is due later, and who is told."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from backhaul.simulator.books import Books
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.delivery import WebhookDelivery
from backhaul.simulator.ids import Ids
from backhaul.simulator.loop import shapes
from backhaul.simulator.loop.hooks import Hooks
from backhaul.simulator.loop.model import SCOPES, Desk, Key, Label, Return
from backhaul.simulator.loop.orders import Orders
from backhaul.simulator.moods import Moods
from backhaul.simulator.shopify import ShopifyWorld

SIM = "sim_loop_"
Later = tuple[float, str, str, int, int]
"""When, what, the desk's store, and two numbers that say of which thing."""


class LoopWorld:
    """Any number of desks. `base` is the address of their listener, known once it is open."""

    def __init__(
        self,
        clock: SimulatedClock,
        delivery: WebhookDelivery,
        moods: Moods,
        books: Books,
        commerce: ShopifyWorld,
        seed: int = 1,
    ) -> None:
        self.clock, self.moods, self.books, self.commerce = clock, moods, books, commerce
        self.hooks = Hooks(delivery, moods)
        self.orders = Orders(commerce)
        self.base = ""
        self.desks: dict[str, Desk] = {}
        self.of_shop: dict[str, str] = {}
        """The desk's store by the id of the channel's shop."""
        self.waiting: dict[int, Later] = {}
        self.doers: dict[str, Callable[[Desk, int, int], None]] = {}
        """What runs when something is due; the parts of this world enter their own."""
        self._seed = seed
        self._serial = 0

    def add_desk(self, domain: str, settings: Mapping[str, Any] | None = None) -> Desk:
        """Opens a desk on a store, with one key that may do everything. Raises ValueError for wrong settings."""
        if domain in self.desks:
            raise ValueError(f"{domain} has a desk already")
        rng = random.Random(f"{self._seed}/loop/{domain}")
        name = domain.partition(".")[0]
        ids = Ids(rng)
        store = self.commerce.shops[domain]
        desk = Desk(domain, rng.randrange(20_000, 90_000), name, store.currency, ids.word("sim_loop_hook_", 32), rng)
        desk.settings.change(settings or {})
        self.desks[domain] = desk
        self.add_key(desk, "all rights", SCOPES)
        place = {"address1": "1 Dock Road", "city": "Albany", "zip": "12207", "country": "United States"}
        number = desk.number("destination")
        desk.destinations[number] = {
            "id": number,
            "type": "warehouse",
            "name": "Main warehouse",
            "enabled": True,
            "provider_location_id": store.location().number_id,
            "address": {**place, "state": "New York", "country_code": "US"},
        }
        return desk

    def add_key(self, desk: Desk, name: str, scopes: tuple[str, ...]) -> Key:
        """Makes an API key. Raises ValueError for a scope that does not exist."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown:
            raise ValueError(f"unknown scope: {', '.join(unknown)}; known: {', '.join(SCOPES)}")
        key = Key(Ids(desk.rng).word(SIM, 40), name, tuple(scopes))
        desk.keys.append(key)
        return key

    def key(self, value: str) -> tuple[Desk, Key] | None:
        """The desk and the key behind a header's value."""
        for desk in self.desks.values():
            for key in desk.keys:
                if key.value == value:
                    return desk, key
        return None

    def drop_key(self, value: str) -> None:
        """A key is deleted in Developer Tools; calls with it fail from now on."""
        known = self.key(value)
        if known is not None:
            known[0].keys.remove(known[1])

    def desk(self, text: str) -> Desk:
        """The desk of a store's domain or a channel shop's id. Raises LookupError."""
        found = self.desks.get(self.of_shop.get(text, text))
        if found is None:
            raise LookupError(f"no desk belongs to {text!r}")
        return found

    # -- what is due later ---------------------------------------------------------------------------------------------

    def later(self, seconds: float, what: str, desk: Desk, number: int, other: int = 0) -> None:
        """Does something after so many virtual seconds; a snapshot keeps it."""
        self._serial += 1
        self.waiting[self._serial] = (self.clock.now() + seconds, what, desk.domain, number, other)
        self._schedule(self._serial)

    def resume(self, waiting: dict[int, Later]) -> None:
        """Goes on with what was due when the world was saved."""
        self.waiting = waiting
        self._serial = max(waiting, default=0)
        for serial in waiting:
            self._schedule(serial)

    def _schedule(self, serial: int) -> None:
        self.clock.schedule(self.waiting[serial][0], lambda: self._due(serial))

    def _due(self, serial: int) -> None:
        _, what, domain, number, other = self.waiting.pop(serial)
        self.doers[what](self.desks[domain], number, other)

    # -- who is told ---------------------------------------------------------------------------------------------------

    def tell(self, desk: Desk, each: Return, trigger: str) -> None:
        """A return has changed: its time moves on and its subscribers hear of it."""
        desk.stamp(each, self.clock.now())
        self.hooks.emit(desk, trigger, shapes.told(desk, each, self.base))

    def tell_label(self, desk: Desk, each: Return, label: Label, trigger: str) -> None:
        """A label has changed, and with it its return."""
        self.hooks.emit(desk, trigger, shapes.label_told(desk, each, label, self.base))
        self.tell(desk, each, "return.updated")

    def note(self, desk: Desk, act: str, each: Return, by: str, **more: Any) -> None:
        """Writes an act into the desk's books."""
        desk.acts.append({"act": act, "return_id": each.id, "by": by, "at": self.clock.now(), **more})
