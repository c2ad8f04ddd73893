"""The role suite, log-in and webhooks against the simulated TikTok Shop over real HTTP; its books are the oracle."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backhaul.connectors.tiktok_shop import missing_scopes, vendor
from backhaul.connectors.tiktok_shop.connector import TikTokShopConnector
from backhaul.domain.effects import Decide
from backhaul.domain.money import Money
from backhaul.domain.words import Action, Decision, Kind, ShippedBy, Stage
from backhaul.kit.http import HttpClient
from backhaul.ports.errors import NeedsReauth, Refused, Unavailable
from backhaul.ports.factory import Login
from backhaul.simulator.books import Books
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.delivery import WebhookDelivery
from backhaul.simulator.moods import Mood, Moods
from backhaul.simulator.tiktok.auth import App
from backhaul.simulator.tiktok.channel import Channel
from backhaul.simulator.tiktok.model import Order, Return
from backhaul.simulator.tiktok.sales import Unit
from backhaul.simulator.tiktok.world import ShopSpec
from tests.connectors.channel_suite import PICTURE, ChannelSuite, evidence
from tests.patience import patient

SHIPMENTS = {ShippedBy.CHANNEL: "PLATFORM", ShippedBy.SELLER: "SELLER", ShippedBy.BUYER: "BUYER_ARRANGE"}


class Purse:
    """Lets everything pass; what is not urgent, while there is enough."""

    def __init__(self) -> None:
        self.who: ContextVar[bool] = ContextVar("urgent", default=False)
        self.enough = asyncio.Event()
        self.enough.set()

    @property
    def urgent(self) -> bool:
        return self.who.get()

    async def take(self, api: str, cost: float = 1.0) -> None:
        if not self.urgent:
            await self.enough.wait()

    def learn(
        self,
        api: str,
        *,
        available: float | None = None,
        restore_per_s: float | None = None,
        refused: bool = False,
        back: float = 0.0,
    ) -> None: ...


class SimulatedShop:
    """One simulated shop, its buyers, and our connector to it."""

    connector: TikTokShopConnector
    app: App

    def __init__(self, region: str = "US") -> None:
        self.clock = SimulatedClock(rate=0)
        self.moods, self.books = Moods(random.Random(1)), Books()
        self.delivery = WebhookDelivery(self.clock, random.Random(2), self.moods)
        self.channel = Channel(self.clock, self.delivery, self.moods, random.Random(3), self.books)
        self.shop = self.channel.world.add_shop(ShopSpec(name="Test shop", region=region))
        self.app = self.channel.world.auth.add_app(redirect_url="http://127.0.0.1:1/callback")
        self.access = ""

    def open(self, base: str, http: HttpClient, *, authorised: bool = True) -> None:
        """Connects, with an authorisation the owner has given before."""
        if authorised:
            seller = self.channel.world.auth.sellers[self.shop.seller_id]
            self.grant, self.access = self.channel.world.auth.grant(self.app, seller)
        settings = {
            "app_key": self.app.app_key,
            "app_secret": self.app.app_secret,
            "service_id": self.app.service_id,
        }
        login = Login(settings, self._token, self.shop.id, self.shop.cipher, base, base)
        self.purse = Purse()
        self.connector = vendor.connect(login, http, self.purse, self.clock.now)

    async def _token(self) -> str:
        return self.access

    def case(self, case_id: str) -> Return:
        return self.channel.world.returns[case_id]

    def place(self, status: str = "DELIVERED", units: int = 2) -> Order:
        products = self.shop.catalogue[:units]
        return self.channel.sales.place(self.shop, [Unit(product) for product in products], status=status)

    # ---- the suite's stage

    def request(self, kind: Kind, shipped_by: ShippedBy = ShippedBy.CHANNEL) -> str:
        order = self.place()
        words = {
            Kind.RETURN: "RETURN_AND_REFUND",
            Kind.REFUND: "REFUND",
            Kind.REPLACEMENT: "REPLACEMENT",
            Kind.EXCHANGE: "EXCHANGE",
        }
        case = self.channel.aftersales.request(order, words[kind], order.lines[:1], shipment=SHIPMENTS[shipped_by])
        return case.id

    def request_cancellation(self) -> str:
        return self.channel.cancellations.request(self.place("AWAITING_SHIPMENT")).id

    def order_of(self, case_id: str) -> str:
        return self.case(case_id).order.id

    def order(self, status: str = "DELIVERED") -> str:
        return self.place(status).id

    def pictures(self, case_id: str) -> list[str]:
        rows = self.books.of(self.shop.id).decisions
        return [image for row in rows if row.get("return_id") == case_id for image in row.get("image_ids", ())]

    def ship(self, case_id: str) -> None:
        self.channel.aftersales.ship(self.case(case_id))

    def deliver(self, case_id: str) -> None:
        self.tick()
        self.channel.aftersales.deliver(self.case(case_id))

    def withdraw(self, case_id: str) -> None:
        self.channel.aftersales.withdraw(self.case(case_id))

    def pay(self, case_id: str) -> None:
        self.clock.step(self.shop.clocks.refund_lag + 1)

    def tick(self) -> None:
        self.clock.step(1)

    def now(self) -> int:
        return self.clock.seconds()

    def decisions(self, case_id: str) -> list[str]:
        rows = self.books.of(self.shop.id).decisions
        mine = [row for row in rows if case_id in (row.get("return_id"), row.get("cancel_id"))]
        return [row["decision"] for row in mine if row["actor"] == "SELLER"]

    def labels(self, case_id: str) -> list[str]:
        return [row["sha256"] for row in self.books.of(self.shop.id).labels if row["return_id"] == case_id]

    def paid(self, case_id: str) -> list[tuple[int, str]]:
        rows = self.books.of(self.shop.id).refunds
        return [(row["amount"], row["currency"]) for row in rows if row["return_id"] == case_id]

    def mood(self, kind: str, times: int = 1, **params: Any) -> None:
        self.moods.add(Mood(kind, "tiktok", times=times, params=params))

    def lose_next_answer(self) -> None:
        self.mood("cut_after")

    def be_busy_once(self) -> None:
        self.mood("rate_limit")

    def end_cursors(self) -> None:
        self.mood("page_token_expired")

    def withdraw_consent(self) -> None:
        self.channel.world.auth.revoke(self.grant)


async def on_air(stage: SimulatedShop, *, authorised: bool = True) -> AsyncIterator[SimulatedShop]:
    async with TestServer(stage.channel.app(), host="127.0.0.1") as server, HttpClient(timeout=60) as http:
        stage.open(str(server.make_url("")).rstrip("/"), http, authorised=authorised)
        yield stage
    assert stage.books.problems == []


@pytest.fixture
async def shop() -> AsyncIterator[SimulatedShop]:
    async for stage in on_air(SimulatedShop()):
        yield stage


class TestTikTokShop(ChannelSuite):
    """The role suite, in a shop that has the line-level model beside the older one."""

    @pytest.fixture
    async def stage(self) -> AsyncIterator[SimulatedShop]:
        simulated = SimulatedShop()
        simulated.shop.switches.batch_model = True
        async for stage in on_air(simulated):
            yield stage


# ---- what is TikTok's own -------------------------------------------------------------------------------------------


async def perform(shop: SimulatedShop, wanted: Decide, key: str = "k") -> None:
    prepared = shop.connector.prepare(wanted, key)
    await shop.connector.perform(wanted, prepared, dead_at=time.time() + 30)


async def stage_of(shop: SimulatedShop, case_id: str) -> Stage:
    case = await shop.connector.case("return", case_id)
    assert case is not None
    return case.stage


async def test_a_quick_refund_is_seen_and_its_parcel_cannot_be_refused(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN))
    shop.ship(case_id)
    shop.channel.aftersales.quick_refund(shop.case(case_id))
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.quick_refund, case.stage) == (True, Stage.ACCEPTED)
    with pytest.raises(Refused) as caught:
        await perform(shop, Decide(case_id, Action.JUDGE_PARCEL, 1, Decision.REFUSE_PARCEL, "r"))
    assert caught.value.code == "25011025"


async def test_an_offer_is_made_refused_and_made_again(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    offer = Money(100, "USD")
    await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.OFFER_PARTIAL, offer=offer))
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.stage, case.offer, case.offer_refused, case.due) == (Stage.OFFERED, offer, False, ())
    with pytest.raises(Refused) as caught:
        await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.OFFER_PARTIAL, offer=offer), "k2")
    assert caught.value.code == "25007007"
    shop.channel.aftersales.answer_offer(shop.case(case_id), accept=False)
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.stage, case.offer_refused) == (Stage.REQUESTED, True)


async def test_an_urgent_look_does_not_wait_with_those_that_wait_for_the_budget(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)

    async def urgently() -> str | None:
        shop.purse.who.set(True)
        found = await shop.connector.case("return", case_id)
        return found.id if found else None

    shop.purse.enough.clear()
    calm = asyncio.create_task(shop.connector.case("return", case_id))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.create_task(urgently()), patient(5)) == case_id
    assert not calm.done()
    shop.purse.enough.set()
    assert await calm is not None


async def test_an_accepted_offer_is_paid_as_offered(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.OFFER_PARTIAL, offer=Money(100, "USD")))
    shop.channel.aftersales.answer_offer(shop.case(case_id), accept=True)
    shop.pay(case_id)
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert [refund.amount for refund in case.refunds] == [Money(100, "USD")]
    assert shop.paid(case_id) == [(100, "USD")]


async def arrived(shop: SimulatedShop) -> str:
    """A return whose parcel has arrived."""
    case_id = shop.request(Kind.RETURN)
    await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN))
    shop.ship(case_id)
    assert Decision.REFUND_PART.value not in {each.decision for each in await shop.connector.answerable(case_id)}
    shop.deliver(case_id)
    return case_id


async def test_a_shop_without_the_line_level_model_is_asked_for_it_once(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    before = shop.books.of(shop.shop.id).calls
    counts = []
    for _ in range(2):
        named = {each.decision: each.eligible for each in await shop.connector.answerable(case_id)}
        assert named[Decision.APPROVE_RETURN.value]
        assert Decision.BY_UNIT.value not in named
        counts.append(shop.books.of(shop.shop.id).calls - before)
    assert counts[1] - counts[0] == counts[0] - 1, "the model was looked for the first time alone"
    there = await arrived(shop)
    assert Decision.REFUND_PART.value not in {each.decision for each in await shop.connector.answerable(there)}


async def test_ids_that_come_as_numbers_are_read_as_the_texts_they_are(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    order_id = shop.order_of(case_id)
    case, order = await shop.connector.case("return", case_id), await shop.connector.order(order_id)
    changed = await shop.connector.changed("return", 0, shop.now() + 60)
    assert changed.cases == (case,)
    assert order is not None
    shop.mood("ids_as_numbers", times=3)
    assert await shop.connector.case("return", case_id) == case
    assert await shop.connector.order(order_id) == order
    assert await shop.connector.changed("return", 0, shop.now() + 60) == changed
    assert shop.moods.counts["tiktok", "ids_as_numbers"] == 3


async def test_the_line_level_model_is_found_by_a_search_that_changes_nothing(shop: SimulatedShop) -> None:
    for has in (False, True, False):
        shop.shop.switches.batch_model = has
        found = (await shop.connector.capabilities())["line_level"]
        assert found.has is has
        assert found.evidence
    assert shop.books.of(shop.shop.id).decisions == []


async def test_a_part_of_the_refund_within_what_the_channel_allows() -> None:
    simulated = SimulatedShop()
    simulated.shop.switches.batch_model = True
    async for shop in on_air(simulated):
        case_id = await arrived(shop)
        answers = {each.decision: each for each in await shop.connector.answerable(case_id)}
        part = answers[Decision.REFUND_PART.value]
        assert part.band is not None
        low, high = part.band
        wanted = Decide(case_id, Action.JUDGE_PARCEL, 1, Decision.REFUND_PART, subject=part.subject, lines=part.lines)
        above = msgspec.structs.replace(wanted, offer=Money(high.minor + 1, high.currency))
        with pytest.raises(Refused) as caught:
            await perform(shop, above, "k2")
        assert caught.value.code == "25005020"
        await perform(shop, msgspec.structs.replace(wanted, offer=low), "k3")
        shop.pay(case_id)
        assert shop.paid(case_id) == [(low.minor, low.currency)]
        case = await shop.connector.case("return", case_id)
        assert case is not None
        assert [each.amount for each in case.refunds] == [low]


async def test_what_is_sent_instead_is_named_where_the_shop_has_the_line_level_model() -> None:
    simulated = SimulatedShop()
    async for shop in on_air(simulated):
        case_id = shop.request(Kind.EXCHANGE)
        wanted = shop.case(case_id).exchange_for[0]
        asked = await shop.connector.case("return", case_id)
        assert asked is not None
        assert await shop.connector.instead(asked) is None
        before = shop.books.of(shop.shop.id).calls
        assert await shop.connector.instead(asked) is None
        assert shop.books.of(shop.shop.id).calls == before, "a shop that lacks the model is asked once"
        shop.shop.switches.batch_model = True
        assert (await shop.connector.capabilities())["line_level"].has
        pending = await shop.connector.instead(asked)
        assert pending is not None
        assert [(goods.sku_id, goods.sku) for goods in pending.goods] == [(wanted.sku_id, wanted.seller_sku)]
        assert pending.order_id == ""
        await perform(shop, Decide(case_id, Action.ANSWER_EXCHANGE, 1, Decision.APPROVE_EXCHANGE))
        made = await shop.connector.instead(asked)
        assert made == msgspec.structs.replace(pending, order_id=shop.case(case_id).replacement_order_id)
        order = await shop.connector.order(made.order_id)
        assert order is not None
        assert (order.special, order.replaces) == ("exchange", asked.order_id)
        returned = shop.request(Kind.RETURN)
        plain = await shop.connector.case("return", returned)
        assert plain is not None
        assert await shop.connector.instead(plain) is None


async def test_a_rejection_may_be_disputed(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    answers = {answer.decision: answer for answer in await shop.connector.answerable(case_id)}
    reason = answers[Decision.REJECT_RETURN].reasons[0][0]
    await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.REJECT_RETURN, reason))
    shop.channel.aftersales.arbitrate(shop.case(case_id), "IN_PROGRESS")
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.stage, case.dispute) == (Stage.REQUEST_REJECTED, "IN_PROGRESS")
    assert not any(answer.eligible for answer in await shop.connector.answerable(case_id))
    with pytest.raises(Refused) as caught:
        await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN), "k2")
    assert caught.value.code == "25011010"


async def test_an_edited_request_goes_on_under_a_new_id(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    new_id = shop.channel.aftersales.edit(shop.case(case_id), shop.case(case_id).order.lines[1:]).id
    old, new = [await shop.connector.case("return", one) for one in (case_id, new_id)]
    assert old is not None
    assert new is not None
    assert (old.stage, old.next_id, new.previous_id, new.stage) == (Stage.CANCELLED, new_id, case_id, Stage.REQUESTED)


async def test_combined_returns_name_their_parcel(shop: SimulatedShop) -> None:
    first = shop.case(shop.request(Kind.RETURN))
    second = shop.channel.aftersales.request(
        first.order, "RETURN_AND_REFUND", first.order.lines[1:], combine_with=first, shipment="PLATFORM"
    )
    cases = [await shop.connector.case("return", case.id) for case in (first, second)]
    assert all(case is not None for case in cases)
    ids = {case.combined_id for case in cases if case is not None}
    assert len(ids) == 1
    assert ids != {""}


async def test_a_replacement_is_read_and_completes_without_money(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.REPLACEMENT)
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.kind, case.stage) == (Kind.REPLACEMENT, Stage.REQUESTED)
    assert case.action_due(Action.ANSWER_REPLACEMENT) is not None
    await perform(shop, Decide(case_id, Action.ANSWER_REPLACEMENT, 1, Decision.APPROVE_REPLACEMENT))
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.stage, case.refunds) == (Stage.COMPLETED, ())


async def test_new_words_and_fields_do_not_hide_a_case(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    shop.mood("unknown_word")
    shop.mood("unknown_field")
    case = await shop.connector.case("return", case_id)
    assert case is not None
    assert (case.kind, case.stage) == (Kind.RETURN, Stage.UNKNOWN)


async def test_a_cancellation_is_approved_and_another_refused(shop: SimulatedShop) -> None:
    first, second = shop.request_cancellation(), shop.request_cancellation()
    await perform(shop, Decide(first, Action.ANSWER_CANCELLATION, 1, Decision.APPROVE_CANCELLATION))
    answers = {answer.decision: answer for answer in await shop.connector.answerable(second)}
    reason = answers[Decision.REJECT_CANCELLATION].reasons[0][0]
    await perform(shop, Decide(second, Action.ANSWER_CANCELLATION, 1, Decision.REJECT_CANCELLATION, reason))
    stages = []
    for cancel_id in (first, second):
        case = await shop.connector.case("cancellation", cancel_id)
        assert case is not None
        stages.append(case.stage)
    assert stages == [Stage.ACCEPTED, Stage.CANCELLED]


async def test_a_failure_before_the_effect_still_leaves_it_unknown(shop: SimulatedShop) -> None:
    # A 5xx of a write may have come after the effect: only a read can tell.
    case_id = shop.request(Kind.RETURN)
    shop.mood("error_before")
    with pytest.raises(Exception) as caught:
        await perform(shop, Decide(case_id, Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN))
    assert type(caught.value).__name__ == "OutcomeUnknown"
    shop.mood("error_before")
    with pytest.raises(Unavailable):
        await shop.connector.case("return", case_id)
    assert await stage_of(shop, case_id) is Stage.REQUESTED


async def test_a_gateway_whose_clock_is_off_is_followed(shop: SimulatedShop) -> None:
    case_id = shop.request(Kind.RETURN)
    shop.channel.world.set_switches(shop.shop, {"clock_skew_seconds": -3600.0})
    with pytest.raises(Unavailable):
        await shop.connector.case("return", case_id)
    assert await stage_of(shop, case_id) is Stage.REQUESTED


async def test_references_that_an_order_connector_wrote(shop: SimulatedShop) -> None:
    order = shop.place()
    assert await shop.connector.external_references(order.id) == ()
    lines = [{"id": "gid-1", "origin_id": order.lines[0].id}]
    shop.channel.orders.link(order, "55", "SHOPIFY", lines)
    (reference,) = await shop.connector.external_references(order.id)
    assert (reference.platform, reference.order_id, reference.lines) == ("SHOPIFY", "55", {order.lines[0].id: "gid-1"})


async def test_carriers_in_the_eu() -> None:
    async for shop in on_air(SimulatedShop("DE")):
        carriers = await shop.connector.carriers(shop.place().id)
        assert carriers == tuple(shop.shop.carriers.items())


@pytest.mark.parametrize("region", ["VN", "ID", "GB", "TH"])
async def test_other_markets_money(region: str) -> None:
    async for shop in on_air(SimulatedShop(region)):
        case_id = shop.request(Kind.RETURN)
        case = await shop.connector.case("return", case_id)
        assert case is not None
        assert case.refund_total == Money(shop.case(case_id).amounts.total, shop.shop.currency)
        order = await shop.connector.order(case.order_id)
        assert order is not None
        assert order.total == Money(shop.case(case_id).order.total, shop.shop.currency)
        (info,) = await shop.connector.shops()
        assert (info.currency, info.market) == (shop.shop.currency, region)
        assert info.time_zone != "UTC"


# ---- log-in ---------------------------------------------------------------------------------------------------------


async def consent(shop: SimulatedShop, answer: str, state: str = "s-1") -> dict[str, str]:
    """What the callback gets after the owner has answered."""
    async with aiohttp.ClientSession() as browser:
        link = f"{shop.connector.consent_url(state)}&answer={answer}"
        async with browser.get(link, allow_redirects=False) as response:
            assert response.status == 302
            query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


async def test_consent_code_tokens_shops_and_renewal() -> None:
    async for shop in on_air(SimulatedShop(), authorised=False):
        callback = await consent(shop, "approve")
        assert callback["state"] == "s-1"
        tokens = await shop.connector.exchange(callback["code"])
        assert missing_scopes(tokens.scopes) == ()
        assert tokens.access_expires_at == shop.now() + 7 * 86400
        assert tokens.account
        shop.access = tokens.access
        (info,) = await shop.connector.shops()
        assert (info.id, info.key, info.name) == (shop.shop.id, shop.shop.cipher, "Test shop")
        assert (info.currency, info.time_zone) == ("USD", "America/Los_Angeles")

        with pytest.raises(Refused):
            await shop.connector.exchange(callback["code"])  # a code works once
        shop.clock.step(8 * 86400)
        with pytest.raises(NeedsReauth):
            await shop.connector.shops()
        renewed = await shop.connector.refresh(tokens.refresh)
        shop.access = renewed.access
        assert len(await shop.connector.shops()) == 1
        with pytest.raises(NeedsReauth):
            await shop.connector.refresh(tokens.refresh)  # rotated: the old one is dead


async def test_a_refusal_and_an_installation_without_state() -> None:
    async for shop in on_air(SimulatedShop(), authorised=False):
        refused = await consent(shop, "refuse")
        with pytest.raises(Refused, match="consent"):
            await shop.connector.exchange(refused["code"])
        stateless = await consent(shop, "store")
        assert "state" not in stateless
        assert (await shop.connector.exchange(stateless["code"])).access


async def test_rights_the_owner_did_not_grant_are_named() -> None:
    async for shop in on_air(SimulatedShop(), authorised=False):
        shop.app.scopes = ("seller.authorization.info", "seller.return_refund.basic")
        tokens = await shop.connector.exchange((await consent(shop, "approve"))["code"])
        assert "seller.order.info" in missing_scopes(tokens.scopes)
        shop.access = tokens.access
        with pytest.raises(NeedsReauth) as caught:
            await shop.connector.order(shop.place().id)
        assert caught.value.missing == ("seller.order.info",)


# ---- webhooks -------------------------------------------------------------------------------------------------------


class Receiver:
    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.read(), {name.lower(): value for name, value in request.headers.items()}))
        return web.Response()


async def test_subscribed_topics_arrive_signed_and_are_understood(shop: SimulatedShop) -> None:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hooks", receiver.take)
    shop.channel.world.set_switches(shop.shop, {"batch_model": True})
    async with TestServer(application, host="127.0.0.1") as server:
        assert await shop.connector.subscribe(str(server.make_url("/hooks"))) == ()
        await shop.delivery.start()
        try:
            shop.mood("webhook_double_underscore")
            case_id = shop.request(Kind.RETURN)
            shop.withdraw(case_id)
            paid_id = shop.request(Kind.REFUND)
            await perform(shop, Decide(paid_id, Action.ANSWER_REFUND, 1, Decision.APPROVE_REFUND))
            shop.pay(paid_id)
            cancel_id = shop.request_cancellation()
            for _ in range(200):
                if shop.delivery.pending() == 0:
                    break
                await asyncio.sleep(0.02)
        finally:
            await shop.delivery.stop()
    assert receiver.got
    news = []
    for raw, headers in receiver.got:
        assert shop.connector.verify(raw, headers)
        assert not shop.connector.verify(raw + b" ", headers)
        assert not shop.connector.verify(raw, {**headers, "authorization": headers["authorization"].upper()})
        news.append(shop.connector.news(raw, headers))
    assert all(one.drift == "" and one.shop == shop.shop.id for one in news)
    subjects = {subject for one in news for subject in one.subjects}
    assert {("return", case_id), ("return", paid_id), ("cancellation", cancel_id)} <= subjects
    (refund,) = [one.refund for one in news if one.refund]
    case = await shop.connector.case("return", paid_id)
    assert case is not None
    (proof,) = case.refunds
    assert refund["id"] == proof.id
    assert Money.parse(refund["amount"], refund["currency"]) == proof.amount
    assert len({one.delivery for one in news}) == len(news)


async def test_without_the_right_for_pictures_a_picture_is_refused_and_the_login_lives_on(shop: SimulatedShop) -> None:
    auth = shop.channel.world.auth
    scopes = tuple(scope for scope in vendor.manifest.scopes if scope != "seller.product.basic")
    shop.grant, shop.access = auth.grant(shop.app, auth.sellers[shop.shop.seller_id], scopes=scopes)
    wanted = evidence(shop.request(Kind.REFUND))
    prepared = shop.connector.prepare(wanted, "k", PICTURE)
    with pytest.raises(Refused, match=r"seller\.product\.basic"):
        await shop.connector.perform(wanted, prepared, dead_at=time.time() + 9)
    assert await shop.connector.case("return", wanted.case_id) is not None
