"""The simulated channel as a whole: its objects, its clock, and how a change becomes visible."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from backhaul.simulator.books import Books
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.delivery import WebhookDelivery
from backhaul.simulator.ids import Ids
from backhaul.simulator.kinds import checked
from backhaul.simulator.moods import Moods
from backhaul.simulator.tiktok.auth import Authority, Seller
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR, Events
from backhaul.simulator.tiktok.finance import Journal
from backhaul.simulator.tiktok.groups import Groups
from backhaul.simulator.tiktok.index import Entry, Index
from backhaul.simulator.tiktok.market import Clocks, market
from backhaul.simulator.tiktok.model import Cancellation, Case, Order, Product, Return, Shop, Switches
from backhaul.simulator.tiktok.past import Orders
from backhaul.simulator.tiktok.redirect import Redirect
from backhaul.simulator.tiktok.shapes import return_shape

# Under this name the index keeps cancelled orders that have no parcel, so that parcels can be searched by it too.
CANCELLED_UNPACKED = "CANCELLED without a parcel"
_CARRIERS = ("USPS", "UPS", "FedEx", "DHL eCommerce")
_GOODS = (
    ("Rain jacket", "JKT", (("Blue, M", "BLU-M"), ("Blue, L", "BLU-L"), ("Black, M", "BLK-M")), 5900),
    ("Canvas sneaker", "SNK", (("White, 39", "WHT-39"), ("White, 42", "WHT-42")), 4450),
    ("Ceramic mug", "MUG", (("Green", "GRN"), ("Sand", "SND")), 1490),
    ("Yoga mat", "YGM", (("Plum", "PLM"),), 3200),
    ("Desk lamp", "LMP", (("Brass", "BRS"), ("Matt black", "BLK")), 2799),
    ("Lip balm", "LIP", (("Mint", "MNT"), ("Cherry", "CHR")), 620),
    ("Phone case", "PHC", (("Clear", "CLR"), ("Cork", "CRK")), 1820),
)
# Amounts above are cents; markets without minor units count in whole units of much smaller worth.
_PRICE_FACTOR = {"IDR": 150, "VND": 250, "JPY": 1, "THB": 30, "MXN": 18, "BRL": 5, "MYR": 4, "PHP": 55}


@dataclass(slots=True)
class ShopSpec:
    """What a shop is to be. Everything left out is made from the seed; `switches` and `clocks` override defaults."""

    name: str = ""
    region: str = "US"
    seller: str = ""
    seller_type: str = "LOCAL"
    commerce_domain: str | None = None
    past_orders: int = 0  # delivered orders of the last three months
    open_returns: int = 0  # returns that are open now, of as many of those orders
    commerce_points_per_s: int | None = None  # the store's plan; the standard plan's rate when left out
    desk: str = ""  # `loop` puts a returns desk on the store
    desk_settings: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    redirect: dict[str, Any] = field(default_factory=dict)  # `allowed`, `address`: where the app's return button leads

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> ShopSpec:
        """The shop that somebody describes. Raises ValueError for a word that describes none."""
        known = [each.name for each in fields(cls)]
        if unknown := sorted(values.keys() - set(known)):
            raise ValueError(f"unknown: {', '.join(unknown)}; a shop has {', '.join(known)}, connector")
        return cls(**checked(cls, values))


@dataclass(slots=True)
class Indexes:
    """The search indexes of one shop."""

    orders: Index = field(default_factory=Index)
    returns: Index = field(default_factory=Index)
    cancellations: Index = field(default_factory=Index)


@dataclass(slots=True)
class Rows:
    """What the indexes of one shop are made of."""

    orders: list[Entry] = field(default_factory=list)
    returns: list[Entry] = field(default_factory=list)
    cancellations: list[Entry] = field(default_factory=list)


def _row(order: Order) -> Entry:
    never_packed = order.status == "CANCELLED" and not order.package_id
    return order.id, order.created_at, order.updated_at, CANCELLED_UNPACKED if never_packed else order.status


@dataclass(slots=True)
class Remembered:
    """A call that was carried out under a key: the digest of its body, its answer, and when that was."""

    body: bytes
    data: dict[str, Any]
    at: float


class World:
    """Shops, orders and cases, and what everything else in the simulated channel works on."""

    def __init__(
        self, clock: SimulatedClock, delivery: WebhookDelivery, moods: Moods, rng: random.Random, books: Books
    ) -> None:
        self.clock = clock
        self.moods = moods
        self.rng = rng
        self.books = books
        self.ids = Ids(rng)
        self.auth = Authority(clock, rng, self.ids)
        self.events = Events(clock, self.ids, moods, delivery, self.auth)
        self.shops: dict[str, Shop] = self.auth.shops
        self.orders = Orders()
        self.by_buyer: dict[str, list[str]] = {}
        self.returns: dict[str, Return] = {}
        self.cancellations: dict[str, Cancellation] = {}
        self.indexes: dict[str, Indexes] = {}
        self.returns_of_order: dict[str, list[str]] = {}
        self.cancellations_of_order: dict[str, list[str]] = {}
        self.order_of_package: dict[str, str] = {}
        self.orders_of_reference: dict[tuple[str, str, str], list[str]] = {}
        self.images: dict[str, set[str]] = {}
        self.journals: dict[str, Journal] = {}
        self.groups = Groups()
        self.remembered: dict[tuple[str, str, str, str], Remembered] = {}
        """What happened under an idempotency key: app, shop, call and key."""
        self.order_created: list[Callable[[Order], None]] = []
        self.order_moved: list[Callable[[Order], None]] = []
        self.parcel_moved: list[Callable[[str, str], None]] = []
        """Told the tracking number of a return's parcel and what befell it: `in_transit` or `delivered`."""
        self.quiet = False
        self.unpublished: dict[str, Return] | None = None
        self._by_cipher: dict[str, str] = {}

    def add_shop(self, spec: ShopSpec) -> Shop:
        """Opens a shop; its seller is made when the name is new."""
        place = market(spec.region)
        name = spec.name or f"Simulated shop {len(self.shops) + 1} ({spec.region})"
        seller = self._seller(spec.seller or f"Seller of {name}", spec.region)
        shop = Shop(
            id=self.ids.decimal("7495", 19),
            cipher=self.ids.word("SIMC_", 28),
            code=self.ids.word("SIM", 8).upper(),
            name=name,
            market=place,
            seller_id=seller.id,
            clocks=replace(place.clocks, **checked(Clocks, spec.clocks)),
            switches=Switches(**Switches.fitting(spec.switches)),
            catalogue=self._catalogue(place.currency),
            seller_type=spec.seller_type,
            commerce_domain=spec.commerce_domain,
            warehouse_id=self.ids.decimal("7200", 19),
            return_warehouse_id=self.ids.decimal("7200", 19),
            entity_id=self.ids.decimal("7201", 19),
            carriers={self.ids.decimal("7117", 19): carrier for carrier in _CARRIERS},
            redirect=Redirect().change(spec.redirect),
        )
        self.shops[shop.id] = shop
        self.indexes[shop.id] = Indexes()
        seller.shop_ids.append(shop.id)
        for grant in self.auth.grants:
            if grant.seller is seller and not grant.revoked:
                grant.shop_ids.append(shop.id)
        self.books.of(shop.id)
        return shop

    def set_switches(self, shop: Shop, changes: dict[str, Any]) -> None:
        """Changes a shop's switches while it runs."""
        for name, value in Switches.fitting(changes).items():
            setattr(shop.switches, name, value)

    # -- how a change becomes visible ----------------------------------------------------------------------------------

    def hold(self, case: Return) -> None:
        """Called before a change: with the index-lag mood on, the search goes on showing what is there now."""
        if case.stale is None and case.published_at >= 0:
            mood = self.moods.strike(VENDOR, "index", ("index_lag",))
            if mood is not None:
                case.stale = return_shape(case)
                self.clock.after(mood.number("seconds", 30.0), lambda: self._catch_up(case))

    def return_changed(self, case: Return) -> None:
        """Called after a change: stamps it, moves the index, tells the listeners."""
        _pass(case)
        case.updated_at = max(case.updated_at, self.clock.seconds())
        if case.stale is None:
            new = case.published_at < 0
            mood = self.moods.strike(VENDOR, "index", ("index_lag",)) if new else None
            if mood is None:
                self.publish(case)
            else:
                self.clock.after(mood.number("seconds", 30.0), lambda: self.publish(case))
        if not self.quiet:
            self.events.return_changed(case)
            self.events.older_return_changed(case)

    def publish(self, case: Return) -> None:
        """Makes the search show a return as it is now."""
        case.published_at = case.updated_at
        if self.unpublished is not None:
            self.unpublished[case.id] = case
            return
        self.indexes[case.shop.id].returns.put(case.id, case.created_at, case.updated_at, case.status)
        self.groups.touch(case, self.returns)

    @contextmanager
    def in_bulk(self) -> Iterator[None]:
        """Enters new returns into the search all at once, when many are made."""
        self.unpublished = {}
        try:
            yield
        finally:
            fresh, self.unpublished = self.unpublished, None
            for shop_id, index in self.indexes.items():
                rows = (case for case in fresh.values() if case.shop.id == shop_id)
                index.returns.fill((case.id, case.created_at, case.updated_at, case.status) for case in rows)
            for case in fresh.values():
                self.groups.touch(case, self.returns)

    def reindex(self) -> None:
        """Makes all search indexes anew, as after a state was read, which does not hold them."""
        rows = {shop_id: Rows() for shop_id in self.shops}
        for past in self.orders.pasts:
            rows[past.shop.id].orders += [row for row in past.rows() if not self.orders.made(row[0])]
        for order in self.orders.values():
            rows[order.shop.id].orders.append(_row(order))
        for case in self.returns.values():
            rows[case.shop.id].returns.append((case.id, case.created_at, case.updated_at, case.status))
        for request in self.cancellations.values():
            entry = (request.id, request.created_at, request.updated_at, request.status)
            rows[request.shop.id].cancellations.append(entry)
        self.indexes = {shop_id: Indexes() for shop_id in self.shops}
        for shop_id, found in rows.items():
            self.indexes[shop_id].orders.fill(found.orders)
            self.indexes[shop_id].returns.fill(found.returns)
            self.indexes[shop_id].cancellations.fill(found.cancellations)

    def enter(self, case: Return) -> None:
        """Enters a new return under its order and with those it belongs to."""
        self.returns[case.id] = case
        self.returns_of_order.setdefault(case.order.id, []).append(case.id)
        self.groups.enter(case)

    def stock_changed(self, shop: Shop, product: Product, stock: int) -> None:
        """Sets what the channel has to sell of a product; where the shop's switch says so, apps are told."""
        product.stock = stock
        if shop.switches.stock_event and not self.quiet:
            self.events.stock_changed(shop, product)

    def cancellation_changed(self, case: Cancellation) -> None:
        """Stamps a change of a cancellation, moves the index, tells the listeners."""
        _pass(case)
        case.updated_at = max(case.updated_at, self.clock.seconds())
        self.indexes[case.shop.id].cancellations.put(case.id, case.created_at, case.updated_at, case.status)
        if not self.quiet:
            self.events.cancellation_changed(case)

    def order_changed(self, order: Order, *, tell: bool = True) -> None:
        """Stamps a change of an order, moves the index, tells the listeners."""
        order.updated_at = max(order.updated_at, self.clock.seconds())
        self.indexes[order.shop.id].orders.put(*_row(order))
        if tell and not self.quiet:
            self.events.order_changed(order)

    def due(self, case: Case, action: str | None, seconds: float, expired: Callable[[], None]) -> None:
        """Sets the case's one clock; `action` is what the seller sees, None when the clock is somebody else's."""
        self.stop_clock(case)
        at = self.clock.now() + seconds
        if action is not None:
            case.due_action, case.due_at = action, int(at)
            at = float(case.due_at)
        case.timer = self.clock.schedule(at, expired)

    @staticmethod
    def stop_clock(case: Case) -> None:
        """Takes the case's clock away."""
        if case.timer is not None:
            case.timer.cancel()
        case.timer, case.due_action, case.due_at = None, None, 0

    # -- finding things, with the channel's answers when they are not there --------------------------------------------

    def order_of(self, shop: Shop, order_id: str) -> Order:
        """An order of this shop; refuses unknown ones and other sellers' ones."""
        order: Order | None = self.orders.get(order_id)
        if order is None:
            raise ApiError(25007006, "order does not exist")
        if order.shop is not shop:
            raise ApiError(25020005, "no permission on this order")
        return order

    def any_order_of(self, shop: Shop, order_id: str) -> Order:
        """An order of this shop for calls of the order API, which has codes of its own."""
        order: Order | None = self.orders.get(order_id)
        if order is None:
            raise ApiError(21001001, "order does not exist")
        if order.shop is not shop:
            raise ApiError(21008111, "order belongs to another seller")
        return order

    def orders_of_buyer(self, user_id: str) -> set[str]:
        """Ids of all orders of a buyer."""
        return {*self.by_buyer.get(user_id, ()), *self.orders.of_buyer(user_id)}

    def order_in_package(self, package_id: str) -> Order | None:
        """The order that was sent in an outbound parcel."""
        if package_id in self.order_of_package:
            return self.orders[self.order_of_package[package_id]]
        return self.orders.in_package(package_id)

    def journal(self, shop: Shop) -> Journal:
        """What the statements of a shop hold."""
        return self.journals.setdefault(shop.id, Journal())

    def return_of(self, shop: Shop, return_id: str) -> Return:
        """A return of this shop; refuses unknown ones and other sellers' ones."""
        case = self.returns.get(return_id)
        if case is None:
            raise ApiError(25007006, "reverse order does not exist")
        if case.shop is not shop:
            raise ApiError(25020005, "no permission on this order")
        return case

    def cancellation_of(self, shop: Shop, cancel_id: str) -> Cancellation:
        """A cancellation of this shop; refuses unknown ones and other sellers' ones."""
        case = self.cancellations.get(cancel_id)
        if case is None:
            raise ApiError(25007006, "reverse order does not exist")
        if case.shop is not shop:
            raise ApiError(25020005, "no permission on this order")
        return case

    def shop_by_cipher(self, cipher: str) -> Shop | None:
        """The shop a cipher stands for."""
        shop_id = self._by_cipher.get(cipher)
        if shop_id is None and len(self._by_cipher) < len(self.shops):
            self._by_cipher = {shop.cipher: shop.id for shop in self.shops.values()}
            shop_id = self._by_cipher.get(cipher)
        return None if shop_id is None else self.shops[shop_id]

    def _catch_up(self, case: Return) -> None:
        case.stale = None
        self.publish(case)

    def _seller(self, name: str, region: str) -> Seller:
        for seller in self.auth.sellers.values():
            if seller.name == name:
                return seller
        seller = Seller(self.ids.decimal("7494", 19), self.ids.word("sim_open_", 20), name, region)
        self.auth.sellers[seller.id] = seller
        return seller

    def _catalogue(self, currency: str) -> list[Product]:
        factor = _PRICE_FACTOR.get(currency, 1)
        products: list[Product] = []
        for title, stem, variants, price in _GOODS:
            product_id = self.ids.decimal("1729", 19)
            for variant, suffix in variants:
                sku_id = self.ids.decimal("1729", 19)
                products.append(Product(product_id, sku_id, f"{stem}-{suffix}", title, variant, price * factor))
        set_id = self.ids.decimal("1729", 19)
        parts = tuple(item for item in products if item.seller_sku in ("MUG-GRN", "LIP-MNT"))
        bundle_price = 1900 * factor
        products.append(
            Product(set_id, self.ids.decimal("1729", 19), "SET-MUG-LIP", "Gift set", "One size", bundle_price, parts)
        )
        return products


def _pass(case: Case) -> None:
    if case.passed[-1:] != [case.status]:
        case.passed.append(case.status)
