"""A hub on a real database, with vendors of our own making: small, obedient, and broken on request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.channel import ActionDue, Answerable, ChannelCase, ChannelOrder, ChannelOrderLine, ChannelUnit
from backhaul.domain.commerce import Candidate, CommerceLine, CommerceOrder, Payment, ShippedLine
from backhaul.domain.effects import AnyEffect, Repeat, Safety, StartCancellation, StartReturn
from backhaul.domain.money import Money
from backhaul.domain.starts import Start, Startable
from backhaul.domain.words import Action, Actor, Decision, Kind, Party, Stage
from backhaul.kit.crypto import Vault
from backhaul.kit.http import HttpClient
from backhaul.kit.ids import uuid7
from backhaul.ports.connector import Changed, News, Prepared, Receipt
from backhaul.ports.errors import Unavailable, VendorError
from backhaul.ports.manifest import Manifest, Proof
from backhaul.store import inbox, turns
from backhaul.store.db import Pool, open_pool
from backhaul.store.jobs import Rank
from backhaul.work.attend import Attendant
from backhaul.work.commands import Commands
from backhaul.work.vendors import Vendors
from tests.patience import patient

USD = "USD"


def _manifest(vendor: str, role: Party, effects: tuple[str, ...]) -> Manifest:
    safety = Safety(Repeat.REFUSED_IF_DONE, settle_s=0)
    declared = dict.fromkeys(effects, safety)
    return Manifest(
        vendor, vendor, role, "1", "", Proof.SIMULATED, frozenset(), declared, (), {}, (), 10_000.0, "minor units"
    )


class FakeChannel:
    """One channel: cases and orders by id, what was sent, and what goes wrong next."""

    manifest = msgspec.structs.replace(
        _manifest("fake_channel", Party.CHANNEL, ("decide", "upload_label")),
        effects={
            **_manifest("fake_channel", Party.CHANNEL, ("decide", "upload_label")).effects,
            "start_return": Safety(Repeat.KEYED, memory_s=600, settle_s=0),
            "start_cancellation": Safety(Repeat.FINDABLE, settle_s=0),
        },
    )

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.refusal: Startable | None = None
        self.price = Money(1000, USD)
        self.after: list[VendorError] = []  # troubles that come once the effect has happened
        self.cases: dict[str, ChannelCase] = {}
        self.sent: list[AnyEffect] = []
        self.reads = 0
        self.trouble: list[VendorError] = []
        self.silent: set[str] = set()  # cases that cannot be read
        self.answers: tuple[Answerable, ...] | VendorError = (
            Answerable(Decision.REJECT_REFUND, True, reasons=(("no", "No"),)),
        )
        self.on_read: Callable[[], Any] | None = None
        self.on_send: Callable[[], Any] | None = None

    def ask(self, case_id: str, kind: Kind = Kind.REFUND, deadline: int | None = None) -> None:
        """A buyer asks."""
        now = int(time.time())
        action = Action.ANSWER_REFUND if kind is Kind.REFUND else Action.ANSWER_RETURN
        self.cases[case_id] = ChannelCase(
            case_id, f"order-{case_id}", kind, Stage.REQUESTED, now, now, raw_status="ASKED",
            due=(ActionDue(action, deadline if deadline is not None else now + 48 * 3600),),
            refund_total=Money(1000, USD), units=(ChannelUnit(f"u-{case_id}", f"l-{case_id}", seller_sku="SKU-1"),),
        )  # fmt: skip

    def connect(self, *args: Any, **kwargs: Any) -> FakeChannel:
        """Plays its own factory."""
        return self

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    async def case(self, kind: str, case_id: str) -> ChannelCase | None:
        self.reads += 1
        if self.on_read is not None:
            await self.on_read()
        self._fail()
        if case_id in self.silent:
            raise Unavailable("down")
        return self.cases.get(case_id)

    async def changed(self, kind: str, since: int, until: int, cursor: str = "") -> Changed:
        if kind != "return":
            return Changed((), "")
        return Changed(tuple(case for case in self.cases.values() if since <= case.updated_at < until), "")

    async def order(self, order_id: str) -> ChannelOrder | None:
        line = ChannelOrderLine(f"l-{order_id.removeprefix('order-')}", seller_sku="SKU-1")
        return ChannelOrder(order_id, "DELIVERED", 1, 1, USD, lines=(line,))

    async def external_references(self, order_id: str) -> tuple[()]:
        return ()

    async def startable(self, order_id: str, kind: Kind) -> tuple[Startable, ...]:
        line = f"l-{order_id.removeprefix('order-')}"
        return (self.refusal or Startable(kind, (line,), True, reasons=(("mine", ""),)),)

    async def quote(self, start: Start) -> Money:
        return self.price

    async def cases_of(self, kind: str, order_id: str) -> tuple[ChannelCase, ...]:
        return tuple(case for case in self.cases.values() if case.order_id == order_id)

    def begin(self, wanted: Any, key: str) -> str:
        """The channel makes the seller's case, once per key; a cancellation has no key."""
        if key in self.keys and not isinstance(wanted, StartCancellation):
            return self.keys[key]
        now, number = int(time.time()), f"own-{len(self.keys) + 1}"
        line = f"l-{wanted.order_id.removeprefix('order-')}"
        self.cases[number] = ChannelCase(
            number, wanted.order_id, wanted.kind, Stage.ACCEPTED, now, now, raw_status="OURS",
            started_by=Actor.SELLER, refund_total=self.price, units=(ChannelUnit(f"u-{number}", line),),
        )  # fmt: skip
        self.keys[key] = number
        return number

    async def answerable(self, case_id: str) -> tuple[Answerable, ...]:
        if isinstance(self.answers, VendorError):
            raise self.answers
        return self.answers

    async def shops(self) -> tuple[()]:
        self._fail()
        return ()

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        return Prepared("POST", "/", {"key": key}, msgspec.json.encode(wanted))

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        if self.on_send is not None:
            await self.on_send()
        self._fail()
        self.sent.append(wanted)
        if isinstance(wanted, (StartReturn, StartCancellation)):
            made = self.begin(wanted, prepared.query["key"])
            if self.after:
                raise self.after.pop(0)
            return Receipt(made)
        case = self.cases[getattr(wanted, "case_id", "")]
        stage = Stage.ACCEPTED if case.kind is Kind.REFUND else Stage.AWAITING_SHIPMENT
        self.cases[case.id] = msgspec.structs.replace(case, stage=stage, due=(), updated_at=case.updated_at + 1)
        return Receipt("done")

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        return headers.get("signature") == "right"

    def news(self, raw: bytes, headers: Mapping[str, str]) -> News:
        body = msgspec.json.decode(raw)
        if "return" not in body:
            return News(body["id"], "9", "chan-1", 0, (), drift="an unknown shape")
        return News(body["id"], "12", body.get("shop", "chan-1"), 0, (("return", body["return"]),), order_id="")


class FakeCommerce:
    """One commerce system: an order for every channel order, unless told otherwise."""

    manifest = _manifest(
        "fake_commerce",
        Party.COMMERCE,
        (
            "stamp_order",
            "create_return",
            "stage_label",
            "attach_tracking",
            "update_delivery",
            "dispose",
            "book_refund",
            "close_return",
            "cancel_return",
        ),
    )

    def __init__(self) -> None:
        self.missing: set[str] = set()  # the channel's orders of which it shows none
        self.sent: list[AnyEffect] = []
        self.trouble: list[VendorError] = []
        self.on_read: Callable[[], Any] | None = None
        self.orders: dict[str, CommerceOrder] = {}

    def connect(self, *args: Any, **kwargs: Any) -> FakeCommerce:
        """Plays its own factory."""
        return self

    async def order(self, order_id: str) -> CommerceOrder | None:
        if self.on_read is not None:
            await self.on_read()
        if self.trouble:
            raise self.trouble.pop(0)
        if order_id.removeprefix("c-") in self.missing:
            return None
        return self.orders.setdefault(
            order_id,
            CommerceOrder(
                order_id, "#1", USD, 1, (CommerceLine("line", "SKU-1", refundable=1, unit_price=Money(1000, USD)),),
                (ShippedLine("shipped", "line", 1),), (Payment("pay", "sale", "TikTok Shop", Money(1000, USD), True),),
                refundable=Money(1000, USD),
            ),
        )  # fmt: skip

    async def find_order(self, order_id: str, created_at: int, learnt: tuple[str, ...] = ()) -> AsyncIterator[Any]:
        if self.trouble:
            raise self.trouble.pop(0)
        if order_id not in self.missing:
            yield (Candidate(f"c-{order_id}", "#1", ("name",)),)

    async def reasons(self) -> tuple[tuple[str, str], ...]:
        return (("reason/1", "other-reason"),)

    async def changed_orders(self, since: int, cursor: str = "") -> tuple[tuple[str, ...], str]:
        return (), ""

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        return Prepared("POST", "/", {"key": key}, msgspec.json.encode(wanted))

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append(wanted)
        order = self.orders[getattr(wanted, "order_id", "")]
        if type(wanted).__name__ == "StampOrder":
            order = msgspec.structs.replace(order, stamped=getattr(wanted, "channel_order_id", ""))
        self.orders[order.id] = msgspec.structs.replace(order, updated_at=order.updated_at + 1)
        return Receipt("done")


class Bench:
    """A hub with one shop on a real database, attended to by hand."""

    def __init__(
        self, pool: Pool, vendors: Vendors, channel: FakeChannel, commerce: FakeCommerce, shop_id: UUID
    ) -> None:
        self.pool = pool
        self.vendors = vendors
        self.channel = channel
        self.commerce = commerce
        self.shop_id = shop_id
        self.attendant = Attendant(vendors)
        self.commands = Commands(pool, vendors.vault)
        self.jobs = 0

    async def hear(self, case_id: str, rank: Rank = Rank.HINT) -> UUID:
        """A hint about a case; the hub's id of it."""
        async with self.pool.acquire() as connection, connection.transaction():
            cases = await inbox.open_cases(connection, [(self.shop_id, "return", case_id, "")])
            case = next(iter(cases.values()))
            await turns.hear(connection, {case: (1, 0)}, rank)
        return case

    async def attend(self, subject: UUID, attendant: Attendant | None = None) -> None:
        """One job's work on a subject."""
        self.jobs += 1
        await (attendant or self.attendant).attend(subject, self.jobs)

    async def link_desk(self) -> None:
        """Give the shop a returns desk."""
        login = uuid7()
        await self.pool.execute(
            "insert into connection (id, vendor, role, title, environment, state, webhook_key) "
            "values ($1, 'loop', 'desk', 'Loop', 'simulated', 'connected', 'desk')",
            login,
        )
        await self.pool.execute(
            "insert into link (shop_id, role, connection_id) values ($1, 'desk', $2)", self.shop_id, login
        )

    async def turn(self, subject: UUID) -> Any:
        """The turn's row."""
        return await self.pool.fetchrow("select * from turn where subject_id = $1", subject)

    async def queued(self) -> list[Any]:
        """Jobs that are queued, as the engine would take them."""
        return list(await self.pool.fetch("select * from pgqueuer order by priority desc, id"))

    async def effects(self, case: UUID) -> list[tuple[str, str]]:
        """Kind and state of a case's effects, oldest first."""
        rows = await self.pool.fetch("select kind, state from effect where case_id = $1 order by seq", case)
        return [(row["kind"], row["state"]) for row in rows]

    async def start_of(self, case: UUID) -> tuple[Any, str]:
        """What a case is about to start, and under which key."""
        row = await self.pool.fetchrow("select wanted, key from effect where case_id = $1", case)
        return msgspec.json.decode(row["wanted"], type=AnyEffect), row["key"]

    async def exceptions(self, case: UUID) -> list[str]:
        """Keys of a case's open exceptions."""
        rows = await self.pool.fetch("select key from exception where case_id = $1 and closed_at is null", case)
        return sorted(row["key"] for row in rows)


@pytest.fixture
async def bench(database: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A live shop with a channel and a commerce system."""
    pool = await open_pool(database, 8)
    channel, commerce = FakeChannel(), FakeCommerce()
    async with HttpClient() as http:
        vendors = Vendors(
            pool, Vault.open(tmp_path / "key"), http, {"fake_channel": channel, "fake_commerce": commerce}
        )
        shop_id = uuid7()
        await pool.execute(
            """
            insert into shop (id, channel_id, channel_key, name, market, currency, time_zone, mode, live_since,
                              safe_gateways)
            values ($1, 'chan-1', 'cipher', 'Shop', 'US', 'USD', 'UTC', 'live', 1, '{TikTok Shop}')
            """,
            shop_id,
        )
        for fake in (channel, commerce):
            await pool.execute(
                """
                with c as (
                    insert into connection (id, vendor, role, title, environment, state, webhook_key)
                    values ($1, $2, $3, $2, 'simulated', 'connected', $2) returning id
                )
                insert into link (shop_id, role, connection_id) select $4, $3, id from c
                """,
                uuid7(),
                fake.manifest.vendor,
                fake.manifest.role,
                shop_id,
            )
        yield Bench(pool, vendors, channel, commerce, shop_id)
    await asyncio.wait_for(pool.close(), patient(10))
