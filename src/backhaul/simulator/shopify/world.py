"""The simulated Shopify: its shops, and what a test, a scenario or another person may do in them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from aiohttp import web

from backhaul.simulator import faults
from backhaul.simulator.moods import Moods

from . import books, bulk, oauth, refunds, returns, reverse, seeds
from .act import Act
from .engine import Engine
from .errors import refuse
from .hooks import Delivery, Emitter, fulfillment_body, order_body, wire_topic
from .ids import IdSource, parse_gid
from .model import Fulfillment, Order, Refund
from .money import plain
from .returning import Return
from .seeds import OrderSeed
from .server import application
from .shop import DEFAULT_SCOPES, App, ShopState

DOMAIN_SUFFIX = ".myshopify.com"


class Clock(Protocol):
    """Virtual time."""

    def now(self) -> float:
        """Unix seconds."""
        ...


class ShopifyWorld:
    """Any number of shops behind one HTTP application.

    ``search_lag`` is how many virtual seconds the search index runs behind; 0 switches the lag off.
    ``allow_loopback_http`` lets webhook subscriptions point at http addresses of this machine, which the real vendor
    refuses.
    """

    def __init__(
        self,
        clock: Clock,
        delivery: Delivery,
        moods: Moods | None = None,
        seed: int = 1,
        *,
        search_lag: float = 1.0,
        allow_loopback_http: bool = True,
    ) -> None:
        self.clock, self.moods = clock, moods
        self.search_lag = search_lag
        self.allow_loopback_http = allow_loopback_http
        self.shops: dict[str, ShopState] = {}
        self.emitter = Emitter(delivery, self._today)
        self.engine = Engine()
        self._seed = seed
        self._due: list[tuple[float, Act, Any, int | None, str | None]] = []

    def add_shop(
        self,
        domain: str,
        *,
        client_id: str,
        client_secret: str,
        currency: str = "USD",
        timezone: str = "America/New_York",
        scopes: Iterable[str] = DEFAULT_SCOPES,
        plan: str = "standard",
        restore_rate: int | None = None,
    ) -> ShopState:
        """Opens a shop with one app installed. Raises ValueError for a wrong domain or credentials without ``sim_``."""
        if not domain.endswith(DOMAIN_SUFFIX) or domain in self.shops:
            raise ValueError(f"{domain!r} must end with {DOMAIN_SUFFIX} and be new")
        for each in (client_id, client_secret):
            if oauth.MARK not in each:
                raise ValueError(
                    f"credentials of the simulator carry {oauth.MARK!r}, so that nobody mistakes them for real ones"
                )
        rng = random.Random(f"{self._seed}/{domain}")
        app = App(IdSource(rng).next() // 1000, client_id, client_secret, tuple(scopes))
        shop = ShopState(
            domain,
            app,
            currency=currency,
            timezone=timezone,
            plan=plan,
            now=self.clock.now,
            lag=self.lag,
            rng=rng,
            restore_rate=restore_rate,
            loopback_http=self.allow_loopback_http,
            execute_bulk=self.engine.run_bulk,
            finish_bulk=self._finish_later,
        )
        self.shops[domain] = shop
        return shop

    def _today(self, topic: str, body: dict[str, Any]) -> dict[str, Any]:
        """A webhook's body with what is odd in it today."""
        return body if self.moods is None else dict(faults.changed(self.moods, "shopify", topic, body))

    def lag(self) -> float:
        """How far the search runs behind now."""
        mood = None if self.moods is None else self.moods.strike("shopify", "index", ("index_lag",))
        return self.search_lag if mood is None else max(self.search_lag, mood.number("seconds", 30.0))

    def app(self) -> web.Application:
        """The HTTP application; mount it at the root of a listener."""
        return application(self)

    def static_token(self, domain: str, scopes: Sequence[str] | None = None) -> str:
        """A token as an app made in the shop's admin has it: it never expires."""
        wanted = None if scopes is None else tuple(scopes)
        return oauth.issue(self.shops[domain], "static", lives=None, scopes=wanted).access

    def lasting_token(self, domain: str) -> str:
        """The shop's newest token that never expires; an empty text when it has none."""
        kept = [token.access for token in self.shops[domain].tokens.values() if token.kind == "static"]
        return kept[-1] if kept else ""

    def act(self, domain: str, by: str) -> Act:
        """Hands for somebody else in the shop, with every right."""
        shop = self.shops[domain]
        return Act(shop, self.emitter, (*DEFAULT_SCOPES, "read_all_orders"), by)

    def create_order(self, domain: str, seed: OrderSeed) -> Order:
        """Makes an order as a connector would, and fires orders/create."""
        shop = self.shops[domain]
        order = seeds.build(shop, seed)
        shop.index.write(order)
        self.emitter.emit(shop, "ORDERS_CREATE", lambda: order_body(order))
        for each in order.fulfillment_list:
            self._shipped(shop, each)
        return order

    def order(self, domain: str, text: str) -> Order:
        """The order with this global id or this name. Raises LookupError."""
        shop = self.shops[domain]
        if parse_gid(text) is not None:
            found = shop.find("Order", text)
        else:
            found = next((each for each in shop.orders.values() if each.name == text), None)
        if found is None:
            raise LookupError(f"no order {text!r} in {domain}")
        return found  # type: ignore[no-any-return]

    def fulfil(self, order: Order, quantities: dict[str, int] | None = None) -> Fulfillment:
        """Ships what is still unfulfilled; ``quantities`` (by SKU) ships only a part of it."""
        waiting = [(line, line.unfulfilled_quantity) for line in order.lines if line.unfulfilled_quantity > 0]
        if quantities is not None:
            waiting = [(line, quantities[line.sku or ""]) for line, _ in waiting if (line.sku or "") in quantities]
        made = seeds.fulfil(order.shop, order, waiting, self.clock.now())
        self._shipped(order.shop, made)
        Act(order.shop, self.emitter, (), "warehouse").touch(order)
        return made

    def _shipped(self, shop: ShopState, made: Fulfillment) -> None:
        order = made.order
        self.emitter.emit(shop, "FULFILLMENTS_CREATE", lambda: fulfillment_body(made))
        whole = order.display_fulfillment_status == "FULFILLED"
        topic = "ORDERS_FULFILLED" if whole else "ORDERS_PARTIALLY_FULFILLED"
        self.emitter.emit(shop, topic, lambda: order_body(order))

    def refund_by_other(
        self,
        domain: str,
        order_id: str,
        *,
        amount_minor: int | None = None,
        quantities: dict[str, int] | None = None,
        note: str | None = None,
        restock: bool = False,
        by: str = "other",
    ) -> Refund:
        """Somebody else refunds: units by SKU (None: all that is left) and a sum (None: what the lines are worth)."""
        act, order = self.act(domain, by), self.order(domain, order_id)
        kind = "RETURN" if restock else "NO_RESTOCK"
        lines = []
        for line in order.lines:
            wanted = line.refundable_quantity if quantities is None else quantities.get(line.sku or "", 0)
            if wanted > 0:
                lines.append({"lineItemId": line.id, "quantity": wanted, "restockType": kind})
        planned = refunds.plan_lines(act, order, lines, ("refundLineItems",))
        worth = sum(line.subtotal_minor + line.tax_minor for line in planned)
        amount = min(worth, order.net_minor) if amount_minor is None else amount_minor
        sale = next((each for each in order.transactions if each.kind in ("SALE", "CAPTURE")), None)
        data: dict[str, Any] = {
            "orderId": order.id,
            "note": note,
            "currency": order.presentment_currency_code,
            "refundLineItems": lines,
            "transactions": [],
        }
        if sale is not None and amount > 0:
            text = plain(amount, order.presentment_currency_code)
            payment = {"orderId": order.id, "kind": "REFUND", "gateway": sale.gateway, "amount": text}
            data["transactions"].append({**payment, "parentId": sale.id})
        return refunds.execute(act, refunds.plan(act, data), data)

    def return_by_other(
        self,
        domain: str,
        order_id: str,
        *,
        quantities: dict[str, int] | None = None,
        reason: str = "UNKNOWN",
        note: str = "",
        requested: bool = False,
        close: bool = False,
        by: str = "other",
    ) -> Return:
        """Somebody else opens (or asks for) a return of units by SKU; None returns all that still can be."""
        act, order = self.act(domain, by), self.order(domain, order_id)
        lines = []
        for each in order.fulfillment_list:
            for item in each.lines:
                left = order.returnable(item)
                wanted = left if quantities is None else min(left, quantities.get(item.line_item.sku or "", 0))
                if wanted > 0:
                    data = {"fulfillmentLineItemId": item.id, "quantity": wanted, "returnReason": reason}
                    lines.append({**data, "customerNote" if requested else "returnReasonNote": note})
        root = "input" if requested else "returnInput"
        if not lines:
            raise refuse([root, "returnLineItems"], "Nothing of this order can be returned.", "INVALID")
        made = returns.create(act, {"orderId": order.id, "returnLineItems": lines}, requested=requested, root=root)
        if close and not requested:
            returns.close(act, made.id)
        return made

    def dispose_by_other(self, domain: str, return_id: str, kind: str, *, by: str = "other") -> None:
        """Somebody else says what became of everything in a return; RESTOCKED goes to the first location."""
        act = self.act(domain, by)
        found = returns.find(act, return_id, ["id"])
        place = act.shop.location().id if kind == "RESTOCKED" else None
        for each in found.reverse_orders:
            inputs = [
                {
                    "reverseFulfillmentOrderLineItemId": line.id,
                    "quantity": line.total_quantity - line.disposed,
                    "dispositionType": kind,
                    "locationId": place,
                }
                for line in each.lines
                if line.total_quantity > line.disposed
            ]
            if inputs:
                reverse.dispose(act, inputs)

    def edit_order(
        self, domain: str, order_id: str, *, note: str | None = None, tags: Sequence[str] | None = None
    ) -> Order:
        """Somebody else edits note or tags."""
        act, order = self.act(domain, "other"), self.order(domain, order_id)
        if note is not None:
            order.note = note
        if tags is not None:
            order.tags = sorted(tags, key=str.lower)
        act.touch(order)
        return order

    def edit_token(
        self,
        domain: str,
        *,
        revoke: bool = False,
        expire: bool = False,
        scopes: Sequence[str] | None = None,
        new_secret: str | None = None,
    ) -> None:
        """Takes tokens away, lets them run out, changes what the merchant granted, or rotates the client secret."""
        shop = self.shops[domain]
        if scopes is not None:
            shop.app.scopes = tuple(scopes)
            for token in shop.tokens.values():
                token.scopes = tuple(each for each in token.scopes if each in shop.app.scopes)
            self.emitter.emit(shop, "APP_SCOPES_UPDATE", lambda: {"current": list(shop.app.scopes)})
        if new_secret is not None:
            if oauth.MARK not in new_secret:
                raise ValueError(f"credentials of the simulator carry {oauth.MARK!r}")
            shop.app.old_secrets.append(shop.app.client_secret)
            shop.app.client_secret = new_secret
        if expire:
            for token in shop.tokens.values():
                if token.expires_at is not None:
                    token.expires_at = shop.now()
        if revoke:
            shop.tokens.clear()
            shop.refresh_tokens.clear()

    def uninstall(self, domain: str) -> None:
        """The merchant removes the app: app/uninstalled goes out, then every token and subscription is gone."""
        shop = self.shops[domain]
        self.emitter.emit(shop, "APP_UNINSTALLED", lambda: {"id": shop.number_id, "domain": domain})
        shop.installed = False
        shop.tokens.clear()
        shop.refresh_tokens.clear()
        shop.subscriptions.clear()

    def drop_subscription(self, domain: str, url: str, topic: str | None = None) -> int:
        """What the vendor does after eight failed deliveries in a row; says how many subscriptions went."""
        shop = self.shops[domain]
        known = shop.subscriptions.values()
        gone = [each for each in known if each.uri == url and topic in (None, each.topic, wire_topic(each.topic))]
        shop.counts["subscriptions_deleted"] += len(gone)
        for each in gone:
            del shop.subscriptions[each.number_id]
            shop.tables[each.KIND].pop(each.number_id, None)
        return len(gone)

    def books(self, domain: str, *, all_orders: bool = False) -> dict[str, Any]:
        """The oracle of one shop; orders that nobody touched since they were made only with ``all_orders``."""
        return books.of(self.shops[domain], all_orders=all_orders)

    def settle(self) -> None:
        """Finishes bulk operations whose time has come; every request does this too."""
        now = self.clock.now()
        ready = [each for each in self._due if each[0] <= now]
        if not ready:
            return
        self._due = [each for each in self._due if each[0] > now]
        for _, act, operation, size, url in ready:
            bulk.finish(act, operation, size, url)

    def _finish_later(self, shop: ShopState, operation: Any, size: int | None, url: str | None) -> None:
        operation.status = "RUNNING"
        self._due.append((self.clock.now() + 1.0, Act(shop, self.emitter, ()), operation, size, url))
        after = getattr(self.clock, "after", None)
        if after is not None:
            after(1.0, self.settle)
