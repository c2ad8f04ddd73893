"""A desk of the simulator and the connector that speaks to it over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from backhaul.connectors.loop import Loop, vendor
from backhaul.domain.reasons import DeskReason
from backhaul.kit.http import HttpClient
from backhaul.ports.factory import Login
from backhaul.simulator.loop.model import Desk, DraftLine, Return
from backhaul.simulator.moods import Mood
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.sales import Unit
from backhaul.simulator.tiktok.world import ShopSpec
from tests.connectors.desk_suite import Books, Sold
from tests.patience import patient

DOMAIN = "sim-loop.myshopify.com"
START = 1_790_000_000.0
SKU = "MUG-GRN"
# The call of each effect that counts.
CALLS = {
    "open_desk_return": "POST /draft-returns/{draft_id}/submit",
    "process_desk_return": "POST /warehouse/return/{return_id}/process",
    "close_desk_return": "POST /warehouse/return/{return_id}/close",
    "cancel_desk_return": "POST /warehouse/return/{return_id}/cancel",
    "request_desk_label": "POST /returns/{return_id}/labels",
    "note_desk_return": "POST /warehouse/return/{return_id}/note",
}


@dataclass
class Budget:
    """Lets everything pass and keeps what it was told."""

    taken: list[str] = field(default_factory=list)
    refused: int = 0
    urgent: bool = False

    async def take(self, api: str, cost: float = 1.0) -> None:
        self.taken.append(api)

    def learn(self, api: str, *, refused: bool = False, **_: Any) -> None:
        self.refused += refused


class Stage:
    """See :class:`tests.connectors.desk_suite.DeskStage`."""

    def __init__(self, simulator: Simulator, http: HttpClient, budget: Budget, inbox: str) -> None:
        self.simulator = simulator
        self.http = http
        self.budget = budget
        self.letters: list[tuple[bytes, dict[str, str]]] = []
        self.desk: Desk = simulator.loop.world.desk(DOMAIN)
        self.inbox = inbox
        self.connector = self.connect(self.desk.keys[0].value)

    def connect(self, key: str, secret: str = "") -> Loop:
        """A connector with this key."""

        async def access() -> str:
            return key

        settings = {"api_key": key, "webhook_secret": secret or self.desk.secret}
        base = self.simulator.addresses["loop"]
        login = Login(settings=settings, access=access, api_base=base)
        return vendor.connect(login, self.http, self.budget, self.simulator.clock.now)

    async def order(self, units: int = 1) -> Sold:
        channel = self.simulator.channel
        shop = next(iter(channel.world.shops.values()))
        product = channel.sales.product(shop, SKU)
        self.simulator.connector.suspended = True
        made = channel.sales.place(shop, [Unit(product) for _ in range(units)], status="DELIVERED")
        self.simulator.connector.suspended = False
        self.simulator.connector.copy(made, "source_identifier")
        order = self.simulator.connector.copies[made.id]
        return Sold(order.id, order.name, self.secondary(order.name), order.lines[0].id, SKU, units)

    def secondary(self, order_name: str) -> str:
        order = next(each for each in self.simulator.connector.copies.values() if each.name == order_name)
        assert order.shipping_address is not None
        return str(order.shipping_address.zip)

    def reason(self) -> DeskReason:
        return DeskReason("Quality", "Defective")

    def _of(self, sold: Sold) -> list[Return]:
        return [each for each in self.desk.returns.values() if each.order.name == sold.name]

    def books(self, sold: Sold) -> Books:
        mine = self._of(sold)
        store = self.simulator.commerce.shops[DOMAIN].orders[int(sold.id.rpartition("/")[2])]
        paid = [sum(each.amount_minor for each in refund.transaction_list) for refund in store.refund_list]
        assert sorted(paid) == sorted(row["amount"] for each in mine for row in each.refunds)
        return Books(
            returns=[(str(each.id), each.state, len(each.staying)) for each in mine],
            reasons=[(line.parent_reason, line.reason, line.outcome) for each in mine for line in each.lines],
            refunds=paid,
            labels=sum(len(each.labels) for each in mine),
            notes=[note["content"] for each in mine for note in each.notes],
        )

    def by_staff(self, sold: Sold) -> str:
        loop = self.simulator.loop
        order = loop.world.orders.named(self.desk, sold.name)
        assert order is not None
        taken = loop.world.orders.ineligible(self.desk, order, loop.world.clock.now())
        unit = next(unit for unit in order.units if unit.id not in taken)
        reason_id = self.desk.reason_id("Quality", "Defective")
        line = DraftLine(0, unit, "Quality", reason_id, "Defective", None, "refund")
        address = {"zip": order.zip, "country_code": order.country}
        return str(loop.returns.open(self.desk, order, [line], address, by="Loop staff").id)

    def staff(self, return_id: str, act: str) -> None:
        returns, each = self.simulator.loop.returns, self.desk.returns[int(return_id)]
        if act == "grade":
            now = self.simulator.clock.now()
            for line in each.staying:
                line.returned_at, line.condition, line.disposition = now, "sellable", "restock"
            self.simulator.loop.world.tell(self.desk, each, "return.updated")
        else:
            getattr(returns, act)(self.desk, each, "Loop staff")

    def pass_time(self, seconds: float) -> None:
        self.simulator.clock.step(seconds)

    def now(self) -> int:
        return self.simulator.clock.seconds()

    def lose_next_answer(self, tag: str) -> None:
        self.simulator.moods.add(Mood("cut_after", "loop", CALLS[tag].replace("{", "[{]").replace("}", "[}]"), times=1))

    def be_busy_once(self) -> None:
        self.simulator.moods.add(Mood("rate_limit", "loop", times=1))

    def end_key(self) -> None:
        self.desk.keys.clear()

    async def told(self, since: int = 0) -> list[tuple[bytes, dict[str, str]]]:
        for _ in range(500):
            await asyncio.wait_for(self.simulator.delivery.idle.wait(), patient(10))
            if len(self.letters) > since:
                break
            await asyncio.sleep(0.01)
        return self.letters[since:]

    def address(self) -> str:
        return self.inbox

    def subscriptions(self) -> list[tuple[str, str]]:
        return [(each.trigger, each.url) for each in self.desk.subscriptions.values() if each.status == "active"]

    def subscribe_other(self, address: str) -> None:
        from backhaul.simulator.loop.model import Subscription

        number = self.desk.number("webhook")
        self.desk.subscriptions[number] = Subscription(number, "return", "return.created", address, "active")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    letters: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        letters.append((await request.read(), {name.lower(): value for name, value in request.headers.items()}))
        return web.Response()

    app = web.Application()
    app.router.add_post("/{rest:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    specs = [ShopSpec(name="One", commerce_domain=DOMAIN, desk="loop")]
    try:
        async with Simulator(seed=7, shops=specs, rate=0, start=START) as simulator, HttpClient(timeout=60) as http:
            made = Stage(simulator, http, Budget(), f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/our-key")
            made.letters = letters
            yield made
            assert simulator.books.problems == []
    finally:
        await runner.cleanup()
