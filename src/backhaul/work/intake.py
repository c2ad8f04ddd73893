"""The one door for hints: verified on the raw bytes, stored once, turned into looks at the cases they name.

Everything that gathers while one transaction commits goes into the next; the vendor is answered after the commit.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from backhaul.domain.channel import ChannelRefund
from backhaul.domain.desk import number
from backhaul.domain.money import Money
from backhaul.domain.terms import Capability
from backhaul.domain.words import Party
from backhaul.kit.batch import Gatherer
from backhaul.kit.clock import Affine
from backhaul.ports.connector import News
from backhaul.ports.errors import VendorError
from backhaul.store import commands, exceptions, inbox, shops, turns
from backhaul.store.db import AWAY, Connection
from backhaul.store.inbox import Letter
from backhaul.store.jobs import Rank
from backhaul.store.turns import Hints
from backhaul.work.vendors import Vendors, affine, shop_time

log = structlog.get_logger()

HEARD_S = 5.0
GATHER_S = 1.5  # how long hints about commerce may gather before they are looked at


class Item(msgspec.Struct, frozen=True):
    """A webhook on its way into the inbox."""

    connection_id: UUID
    role: str
    news: News
    raw: bytes


class Intake:
    """Takes webhooks in for one process."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self._keys: dict[str, tuple[UUID, str]] = {}
        self._clocks: dict[UUID, tuple[float, Affine]] = {}
        self._told: dict[UUID, float] = {}
        self._gatherer: Gatherer[Item, None] = Gatherer(
            self._store, max_batch=500, alone=lambda error: not isinstance(error, AWAY), name="inbox"
        )

    async def close(self) -> None:
        """Wait until everything taken in is stored."""
        await self._gatherer.close()

    async def webhook(self, key: str, raw: bytes, headers: Mapping[str, str]) -> int:
        """Take one delivery in. 200: stored; 401: not signed by this connection's secret; 404: no such address.
        Raises when the database is away: the vendor has to send it again."""
        known = self._keys.get(key)
        if known is None:
            row = await shops.connection_of_key(self.vendors.pool, key)
            if row is None:
                return 404
            known = self._keys[key] = (row.id, row.role)
        connection_id, role = known
        try:
            connector = await self.vendors.connector(connection_id)
        except VendorError:
            self._keys.pop(key, None)
            return 404
        lower = {name.lower(): value for name, value in headers.items()}
        if not connector.verify(raw, lower):
            await inbox.count_refused(self.vendors.pool, connection_id, "signature")
            return 401
        await self._gatherer.put(Item(connection_id, role, connector.news(raw, lower), raw))
        return 200

    async def _store(self, items: list[Item]) -> Sequence[None]:
        sealed = [
            Letter(
                item.connection_id,
                item.news.delivery,
                item.news.topic,
                self.vendors.vault.encrypt(item.raw, f"inbox/{item.connection_id}".encode()),
                item.news.drift,
            )
            for item in items
        ]
        async with self.vendors.pool.acquire() as connection, connection.transaction():
            fresh = await inbox.store(connection, sealed)
            once = {(item.connection_id, item.news.delivery): item for item in items}
            new = [item for key, item in once.items() if key in fresh]
            if new:
                await self.route(connection, new)
        await self._heard({item.connection_id for item in new})
        await self._shown(new)
        return [None] * len(items)

    async def _heard(self, connections: set[UUID]) -> None:
        """Show when a connection was last heard of; every few seconds are enough for a person. Not in the transaction
        that holds the subjects: who connects a login anew takes its row first and the subjects after it."""
        now = time.monotonic()
        due = sorted(each for each in connections if now - self._told.get(each, 0.0) > HEARD_S)
        if due:
            self._told.update(dict.fromkeys(due, now))
            await self.vendors.pool.execute("update connection set last_heard_at = now() where id = any($1)", due)

    async def _shown(self, items: list[Item]) -> None:
        """Keep what an event shows of its shop. Not in the transaction that holds the subjects: see above."""
        telling = {(item.connection_id, item.news.shop, item.news.shows): item for item in items if item.news.shows}
        if not telling:
            return
        async with self.vendors.pool.acquire() as connection:
            shops_of = await _shops(connection, list(telling.values()))
            for item in telling.values():
                for shop in shops_of[id(item)]:
                    at = int((await self._clock(connection, shop)).virtual(time.time()))
                    found = Capability(True, f"the channel sent the event {item.news.topic}", at)
                    await shops.keep_capability(connection, shop, item.news.shows, found, news_only=True)

    async def route(self, connection: Connection, items: list[Item]) -> None:
        """Count a hint for every case that an item names; in one order, so that two batches never wait crosswise."""
        shops_of = await _shops(connection, items)
        hints: dict[UUID, Hints] = {}
        await _drifts(connection, [item for item in items if item.news.drift])
        for item in items:
            if any(kind == "connection" for kind, _ in item.news.subjects):
                hints[item.connection_id] = (1, 0)
        later: dict[UUID, tuple[Hints, int]] = {}
        others: dict[tuple[str, UUID], list[Item]] = {}
        for item in items:
            if item.role in (Party.COMMERCE, Party.DESK):
                for shop in shops_of[id(item)]:
                    others.setdefault((item.role, shop), []).append(item)
        for (role, shop), theirs in others.items():
            if role == Party.COMMERCE:
                await self._commerce(connection, theirs, shop, hints, later)
            else:
                await self._desk(connection, theirs, shop, later)
        channel = [(item, shop) for item in items if item.role == Party.CHANNEL for shop in shops_of[id(item)]]
        await self._channel(connection, channel, hints, later)
        # Subjects that are looked at anyway answer their other hints with the same look.
        for case_id in hints.keys() & later.keys():
            _, commerce, desk = later.pop(case_id)[0]
            _count(hints, case_id, commerce=commerce, desk=desk)
        if hints and later:
            await turns.lock(connection, hints.keys() | later.keys())
        await turns.hear(connection, hints, Rank.HINT)
        if later:
            await turns.note(connection, later)

    async def _commerce(
        self,
        connection: Connection,
        items: list[Item],
        shop: UUID,
        hints: dict[UUID, Hints],
        later: dict[UUID, tuple[Hints, int]],
    ) -> None:
        orders = sorted({ident for item in items for kind, ident in item.news.subjects if kind == "order"})
        soon = int((await self._clock(connection, shop)).virtual(time.time() + GATHER_S))
        for case_id in await inbox.cases_of_commerce_orders(connection, shop, orders):
            _note(later, case_id, soon, commerce=1)
        for case_id, channel_order in await inbox.waiting(connection, shop, "order"):
            # The order may be the awaited one if it says the channel's order id anywhere.
            if any(channel_order.encode() in item.raw for item in items):
                _count(hints, case_id, commerce=1)

    async def _desk(
        self, connection: Connection, items: list[Item], shop: UUID, later: dict[UUID, tuple[Hints, int]]
    ) -> None:
        """Cases of the desk's returns, or of their orders. What a desk could not process it says in its webhook only:
        that becomes a fact of the case."""
        clock = await self._clock(connection, shop)
        returns = sorted({ident for item in items for kind, ident in item.news.subjects if kind == "desk_return"})
        orders = sorted({number(item.news.order_id) for item in items if item.news.order_id})
        for case_id, _ in await inbox.cases_of_desk(connection, shop, returns, orders):
            _note(later, case_id, int(clock.virtual(time.time() + GATHER_S)), desk=1)
        for item in items:
            theirs = [ident for kind, ident in item.news.subjects if kind == "desk_return"]
            if item.news.failure:
                for case_id, ident in await inbox.cases_of_desk(connection, shop, theirs, []):
                    body = msgspec.json.encode((ident, item.news.failure))
                    at = item.news.at or int(clock.virtual(time.time()))
                    await commands.add(connection, case_id, shop, "desk_failure", body, "desk", at)

    async def _clock(self, connection: Connection, shop: UUID) -> Affine:
        at, clock = self._clocks.get(shop, (0.0, None))
        if clock is None or time.monotonic() - at > 2.0:
            clock = affine(await commands.shop_clock(connection, shop))
            self._clocks[shop] = (time.monotonic(), clock)
        return clock

    async def _channel(
        self,
        connection: Connection,
        items: list[tuple[Item, UUID]],
        hints: dict[UUID, Hints],
        later: Mapping[UUID, object],
    ) -> None:
        for item, shop in items:
            orders = [ident for kind, ident in item.news.subjects if kind == "order"]
            if orders:
                for case_id in await inbox.cases_of_channel_orders(connection, shop, orders):
                    _count(hints, case_id, channel=1)
        wanted = [
            (shop, kind, ident, item.news.order_id)
            for item, shop in items
            for kind, ident in item.news.subjects
            if kind in ("return", "cancellation") and ident
        ]
        known = await inbox.open_cases(connection, wanted, {*hints, *later})
        for case_id in known.values():
            _count(hints, case_id, channel=1)
        for item, shop in items:
            if item.news.refund:
                await _proof(connection, item.news, shop, known)


async def _shops(connection: Connection, items: list[Item]) -> dict[int, list[UUID]]:
    """The shops an item is about: the one it names, or for a login of one shop, that one."""
    rows = await connection.fetch(
        """
        select l.connection_id, l.role, l.shop_id, s.channel_id, l.shop_key from link l join shop s on s.id = l.shop_id
        where l.connection_id = any($1)
        """,
        sorted({item.connection_id for item in items}),
    )
    found: dict[int, list[UUID]] = {}
    for item in items:
        mine = [row for row in rows if row["connection_id"] == item.connection_id]
        if item.role == Party.CHANNEL and item.news.shop:
            mine = [row for row in mine if row["channel_id"] == item.news.shop]
        found[id(item)] = [row["shop_id"] for row in mine]
    return found


def _count(hints: dict[UUID, Hints], case_id: UUID, channel: int = 0, commerce: int = 0, desk: int = 0) -> None:
    old = (*hints.get(case_id, ()), 0, 0, 0)
    hints[case_id] = (old[0] + channel, old[1] + commerce, old[2] + desk)


def _note(later: dict[UUID, tuple[Hints, int]], case_id: UUID, at: int, commerce: int = 0, desk: int = 0) -> None:
    (_, known, asked), _ = later.get(case_id, ((0, 0, 0), at))
    later[case_id] = ((0, known + commerce, asked + desk), at)


async def _proof(connection: Connection, news: News, shop: UUID, known: Mapping[tuple[UUID, str, str], UUID]) -> None:
    """The channel's word that it has paid becomes a fact of the case, in the channel's own amount."""
    refund = news.refund
    case_id = known.get((shop, "return", refund.get("return_id", "")))
    if case_id is None:
        return
    try:
        amount = Money.parse(refund["amount"], refund["currency"])
        proof = ChannelRefund(refund["return_id"], amount, int(refund["at"]), "event")
    except (KeyError, ValueError) as error:
        log.warning("refund_event.unreadable", error=str(error))
        return
    clock = await commands.shop_clock(connection, shop)
    await commands.add(connection, case_id, shop, "proof", msgspec.json.encode(proof), "channel", shop_time(clock))


async def _drifts(connection: Connection, items: list[Item]) -> None:
    """Each once and in one order: one that is told of already is locked until the batch is stored."""
    alike = {(item.connection_id, item.news.topic, item.news.drift) for item in items}
    for connection_id, topic, drift in sorted(alike):
        await exceptions.tell(
            connection,
            connection_id,
            "drift:" + hashlib.sha256(f"{topic}{drift}".encode()).hexdigest()[:12],
            f"A webhook is not understood ({topic}): {drift}",
            "Nothing is lost: it is kept, and the sweep reads the truth. Tell the hub's makers, or close this.",
        )
