"""What is Shopify's own: long lists, points, rights, login, webhooks, search that leaves filters out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from backhaul.connectors.shopify import Shopify, finding, operations, vendor
from backhaul.connectors.shopify.client import points
from backhaul.connectors.shopify.operations import operation
from backhaul.domain.commerce import Candidate
from backhaul.domain.effects import AttachTracking, StampOrder
from backhaul.kit.http import HttpClient
from backhaul.ports.errors import NeedsReauth, Refused, Unavailable, WireDrift
from backhaul.ports.factory import Login
from backhaul.simulator.shopify import LineSeed, OrderSeed
from tests.connectors.shopify.conftest import CLIENT_ID, CLIENT_SECRET, DOMAIN, World

NAMES = sorted(path.stem for path in Path(operations.__file__).parent.glob("*.graphql") if path.stem != "fragments")
CHANNEL_ORDER = "576461413038785752"


def own_calls(world: World) -> list[str]:
    """Root fields called since the last look."""
    seen, world.moods.seen = world.moods.seen, []
    return seen


# -- the hot read


async def test_the_usual_order_is_one_call(world: World) -> None:
    order_id = world.order(units=2)
    world.other_returns(order_id, 1)
    world.other_refunds(order_id, 500)
    own_calls(world)
    await world.connector.order(order_id)
    assert own_calls(world) == ["order"]


@pytest.mark.parametrize("name", NAMES)
def test_points_are_as_declared(world: World, name: str) -> None:
    prepared = world.vendor.engine.prepare(operation(name).text)
    charged = prepared.operations[operation(name).name][1].requested({})
    assert charged <= points(operation(name))
    assert points(operation("order")) <= 80


async def test_points_are_learnt_from_answers(world: World) -> None:
    order_id = world.order()
    await world.connector.order(order_id)
    await world.connector.order(order_id)
    first, second = world.budget.taken
    assert first == points(operation("order"))
    assert 0 < second <= first
    told = world.budget.learnt[-1]
    assert told["restore_per_s"] == 1000
    assert 0 < told["available"] <= 20_000
    assert told["refused"] is False


def long_order(world: World) -> Any:
    """An order whose every list is longer than the hot read asks for."""
    lines = [LineSeed(f"SKU-{n}", f"Thing {n}", 2, 1000, fulfilled=False) for n in range(60)]
    order = world.vendor.create_order(DOMAIN, OrderSeed(lines=lines, source_name="tiktok"))
    for part in (range(20), range(20, 40), range(40, 60)):
        world.vendor.fulfil(order, {f"SKU-{n}": 2 for n in part})
    for n in range(8):
        wanted = {f"SKU-{line}": 1 for line in range(n * 7, n * 7 + 7)}
        world.vendor.return_by_other(DOMAIN, order.id, quantities=wanted, note=f"by hand {n}")
    for n in range(6):
        wanted = {f"SKU-{line}": 1 for line in range(n * 5, n * 5 + 5)}
        world.vendor.refund_by_other(DOMAIN, order.id, quantities=wanted, amount_minor=100 + n)
    return order


async def test_long_lists_are_read_to_their_end(world: World) -> None:
    made = long_order(world)
    order = await world.connector.order(made.id)
    assert order is not None
    assert [line.sku for line in order.lines] == [f"SKU-{n}" for n in range(60)]
    assert sorted(each.amount.minor for each in order.refunds) == [100, 101, 102, 103, 104, 105]
    assert all(len(each.lines) == 5 for each in order.refunds)
    assert len(order.payments) == 7
    assert len(order.returns) == 8
    assert all(len(each.lines) == 7 for each in order.returns)
    assert all(line.reverse_line_id and line.shipped_line_id for each in order.returns for line in each.lines)
    books = {line.id: made.returnable(line) for fulfilment in made.fulfillment_list for line in fulfilment.lines}
    assert {each.id: each.returnable for each in order.shipped} == books


async def test_many_parcels_of_one_return(world: World) -> None:
    order_id = world.order(units=4)
    world.other_returns(order_id, 4)
    order = await world.connector.order(order_id)
    assert order is not None
    made = order.returns[0]
    line = made.lines[0]
    numbers = [f"1Z{n:04}" for n in range(4)]
    for number in numbers:
        wanted = AttachTracking(order_id, made.id, line.reverse_order_id, number, lines=((line.reverse_line_id, 1),))
        await world.connector.perform(wanted, world.connector.prepare(wanted, "k"), dead_at=time.time() + 9)
    order = await world.connector.order(order_id)
    assert order is not None
    assert sorted(order.returns[0].tracking) == numbers


async def test_an_id_of_another_kind_is_no_order(world: World) -> None:
    for ident in ("gid://shopify/Return/1", "#1004", "zzz", "gid://shopify/Order/zzz", "", "https://x.test/orders/1"):
        assert await world.connector.order(ident) is None, ident


async def test_orders_older_than_the_right_allows_are_not_there(world: World) -> None:
    old = world.order(age=90 * 86_400)
    assert await world.connector.order(old) is not None
    world.vendor.edit_token(DOMAIN, scopes=("read_orders", "write_orders", "read_returns", "write_returns"))
    assert await world.connector.order(old) is None


async def test_without_leave_to_read_products_there_is_no_barcode(world: World) -> None:
    order_id = world.order()
    world.vendor.edit_token(DOMAIN, scopes=("read_orders", "read_returns"))
    order = await world.connector.order(order_id)
    assert order is not None
    assert order.lines[0].sku == "MUG-RED"
    assert order.lines[0].barcode == ""


async def test_a_missing_right_is_named(world: World) -> None:
    order_id = world.order()
    world.vendor.edit_token(DOMAIN, scopes=("read_orders",))
    with pytest.raises(NeedsReauth) as caught:
        await world.connector.order(order_id)
    assert "read_returns" in caught.value.missing


# -- bad days


@pytest.mark.parametrize(
    ("mood", "wait"), [("unavailable", 1.0), ("error_before", None), ("cut_after", None), ("rate_limit", 0.5)]
)
async def test_a_read_that_fails_is_unavailable(world: World, mood: str, wait: float | None) -> None:
    order_id = world.order()
    world.moods.coming["order"].append(mood)
    with pytest.raises(Unavailable) as caught:
        await world.connector.order(order_id)
    assert caught.value.retry_after == wait
    assert await world.connector.order(order_id) is not None


async def test_spent_points_say_how_long_to_wait(world: World) -> None:
    shop = world.vendor.shops[DOMAIN]
    order_id = world.order()
    shop.bucket.rate, shop.bucket.level, shop.bucket.at = 10.0, 0.0, shop.bucket.clock()
    with pytest.raises(Unavailable) as caught:
        await world.connector.order(order_id)
    charged = world.vendor.engine.prepare(operation("order").text).operations["Order"][1].requested({})
    assert caught.value.retry_after == pytest.approx(charged / 10, abs=0.2)
    assert world.budget.learnt[-1]["refused"] is True


# -- finding


async def found_of(world: World, learnt: tuple[str, ...] = ()) -> list[Candidate]:
    rungs = world.connector.find_order(CHANNEL_ORDER, int(time.time()) - 60, learnt)
    return [each async for rung in rungs for each in rung]


async def test_what_was_learnt_saves_calls(world: World) -> None:
    world.order(place="tag:TikTokOrderID:{id}", channel_order_id=CHANNEL_ORDER)

    async def calls(*learnt: str) -> int:
        own_calls(world)
        async for _ in world.connector.find_order(CHANNEL_ORDER, int(time.time()) - 60, learnt):
            break
        return len(own_calls(world))

    assert await calls("tag:TikTokOrderID:{id}") == 1
    assert await calls() > 1


async def test_a_prefix_of_this_shop_is_learnt(world: World) -> None:
    order_id = world.order(place="name:#TIK-{id}-US", channel_order_id=CHANNEL_ORDER)
    found = await found_of(world)
    assert (found[0].order_id, found[0].where) == (order_id, ("name:#TIK-{id}-US",))
    own_calls(world)
    first = await anext(world.connector.find_order(CHANNEL_ORDER, int(time.time()) - 60, found[0].where))
    assert [each.order_id for each in first] == [order_id]
    assert own_calls(world) == ["orders"]


async def test_an_order_of_another_source_is_found_by_its_time(world: World) -> None:
    seed = OrderSeed(lines=[LineSeed("A", "A", 1, 100)], source_name="some-connector", note=f"id {CHANNEL_ORDER}.")
    made = world.vendor.create_order(DOMAIN, seed)
    found = await found_of(world)
    assert [(each.order_id, each.where) for each in found] == [(made.id, ("note",))]


async def test_without_a_time_nothing_is_walked_through(world: World) -> None:
    world.order()
    own_calls(world)
    assert [rung async for rung in world.connector.find_order(CHANNEL_ORDER, 0)] == []
    assert len(own_calls(world)) == len(finding.ladder(())) - 1


async def test_the_search_ends_in_a_shop_with_many_orders(world: World) -> None:
    for _ in range(500):
        world.order()
    own_calls(world)
    found = await found_of(world)
    assert all(each.where == () for each in found)
    assert 0 < len(found) <= 5
    assert len(own_calls(world)) <= 25


async def test_a_filter_that_was_left_out_ends_the_walk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(90):
        world.order()
    monkeypatch.setattr(finding, "_window", lambda start, end: "no_such_filter:1")
    own_calls(world)
    found = await found_of(world, ("note",))
    assert all(each.where == () for each in found)
    scans = [step for step in finding.ladder(()) if step != finding.SCAN]
    assert len(own_calls(world)) == len(scans) + 2


async def test_a_change_scan_does_not_believe_a_search_without_the_date(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.order()
    monkeypatch.setattr("backhaul.connectors.shopify.reading.mapping.iso", lambda at: "whenever")
    with pytest.raises(WireDrift):
        await world.connector.changed_orders(0)


async def test_changed_orders_page_by_page(world: World) -> None:
    made = [world.order(age=1_000 - n) for n in range(150)]
    first, cursor = await world.connector.changed_orders(0)
    assert cursor
    second, end = await world.connector.changed_orders(0, cursor)
    assert [*first, *second] == made
    assert end == ""


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("source_identifier", 'source_identifier:"57"'),
        ("name:#TTOK{id}", 'name:"TTOK57"'),
        ('tag:a "b" \\{id}', 'tag:"a \\"b\\" \\\\57"'),
        ("text", '"57"'),
    ],
)
def test_queries_are_quoted(step: str, text: str) -> None:
    assert finding.query(step, "57") == text


def test_the_ladder_tries_each_step_once() -> None:
    steps = finding.ladder(("attribute:TikTok Order Number", "tag:{id}", "note"))
    assert steps[:3] == ("text", "scan", "tag:{id}")
    assert len(steps) == len(set(steps)) == len(finding.ladder(()))


# -- stamps


async def test_a_stamp_that_another_order_has_is_refused(world: World) -> None:
    first, second = world.order(), world.order()
    for order_id, refused in ((first, False), (second, True)):
        wanted = StampOrder(order_id, CHANNEL_ORDER)
        prepared = world.connector.prepare(wanted, "k")
        if not refused:
            await world.connector.perform(wanted, prepared, dead_at=time.time() + 9)
            continue
        with pytest.raises(Refused) as caught:
            await world.connector.perform(wanted, prepared, dead_at=time.time() + 9)
        assert caught.value.code == "TAKEN"
    assert [world.books(each).stamp for each in (first, second)] == [CHANNEL_ORDER, ""]


@pytest.mark.parametrize("mood", ["cut_after", "rate_limit"])
async def test_a_lost_definition_is_not_a_lost_stamp(world: World, mood: str) -> None:
    order_id = world.order()
    wanted = StampOrder(order_id, CHANNEL_ORDER)
    prepared = world.connector.prepare(wanted, "k")
    world.moods.coming["metafieldDefinitionCreate"].append(mood)
    with pytest.raises(Unavailable):
        await world.connector.perform(wanted, prepared, dead_at=time.time() + 9)
    assert world.books(order_id).stamp == ""
    await world.connector.perform(wanted, prepared, dead_at=time.time() + 9)
    assert world.books(order_id).stamp == CHANNEL_ORDER


# -- login


def connect(world: World, http: HttpClient, settings: dict[str, str], token: str = "") -> Shopify:
    async def access() -> str:
        return token

    base = world.connector._settings.api_base
    login = Login(settings={"shop_domain": DOMAIN, **settings}, access=access, api_base=base)
    return vendor.connect(login, http, world.budget, time.time)


async def test_client_credentials(world: World) -> None:
    tokens = await world.connector.exchange("")
    assert tokens.access.startswith("shpat_sim_")
    assert (tokens.refresh, tokens.account) == ("", DOMAIN)
    assert tokens.access_expires_at == pytest.approx(time.time() + 86_399, abs=5)
    assert "write_returns" in tokens.scopes
    again = await world.connector.refresh("")
    assert again.access != tokens.access
    world.token = again.access
    (shop,) = await world.connector.shops()
    assert (shop.key, shop.currency, shop.time_zone) == (DOMAIN, "USD", "America/New_York")
    assert world.connector.consent_url("state") == ""


async def test_a_token_that_ran_out(world: World) -> None:
    world.token = (await world.connector.exchange("")).access
    world.vendor.edit_token(DOMAIN, expire=True)
    with pytest.raises(NeedsReauth):
        await world.connector.shops()
    world.token = (await world.connector.refresh("")).access
    assert await world.connector.shops()


async def test_a_wrong_secret(world: World) -> None:
    async with HttpClient() as http:
        other = connect(world, http, {"client_id": CLIENT_ID, "client_secret": "sim_wrong"})
        with pytest.raises(NeedsReauth) as caught:
            await other.exchange("")
        assert "sim_wrong" not in str(caught.value)


async def test_an_older_app_s_token(world: World) -> None:
    token = world.vendor.static_token(DOMAIN)
    async with HttpClient() as http:
        other = connect(world, http, {"access_token": token}, token)
        assert (await other.exchange("")).access == token
        assert (await other.exchange("")).access_expires_at is None
        assert (await other.shops())[0].key == DOMAIN


@pytest.mark.parametrize("token", ["", "shpat_0123456789abcdef"])
async def test_a_token_of_another_world_never_leaves(world: World, token: str) -> None:
    async with HttpClient() as http:
        other = connect(world, http, {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}, token)
        own_calls(world)
        with pytest.raises(Refused if token else NeedsReauth):
            await other.shops()
        assert own_calls(world) == []


async def test_rights_are_checked_when_connecting(world: World) -> None:
    world.vendor.edit_token(DOMAIN, scopes=("write_orders", "read_returns"))
    with pytest.raises(NeedsReauth) as caught:
        await world.connector.shops()
    assert caught.value.missing == ("write_returns",)


# -- webhooks


async def test_subscribed_once_and_again(world: World) -> None:
    address = "https://hub.example/hooks/1"
    assert await world.connector.subscribe(address) == ()
    assert await world.connector.subscribe(address) == ()
    subscriptions = world.vendor.shops[DOMAIN].subscriptions.values()
    assert sorted(each.topic for each in subscriptions) == sorted(world.connector.manifest.webhooks)
    definitions = world.vendor.shops[DOMAIN].definitions.values()
    assert [(each.key, each.type_name, each.unique) for each in definitions] == [("tiktok_order_id", "id", True)]


async def test_only_what_is_missing_is_subscribed_again(world: World) -> None:
    address = "https://hub.example/hooks/1"
    await world.connector.subscribe(address)
    subscriptions = world.vendor.shops[DOMAIN].subscriptions
    lost = next(iter(subscriptions))
    topic = subscriptions.pop(lost).topic
    before = set(subscriptions)
    assert await world.connector.subscribe(address) == ()
    assert [subscriptions[each].topic for each in set(subscriptions) - before] == [topic]
    assert before < set(subscriptions)


async def test_a_hub_that_moved_leaves_its_old_address(world: World) -> None:
    await world.connector.subscribe("https://hub.example/hooks/1")
    await world.connector.subscribe("https://somebody.example/hooks/2")
    await world.connector.subscribe("https://moved.example/hooks/1")
    addresses = {each.uri for each in world.vendor.shops[DOMAIN].subscriptions.values()}
    assert addresses == {"https://somebody.example/hooks/2", "https://moved.example/hooks/1"}


async def test_refused_topics_are_told(world: World) -> None:
    refused = await world.connector.subscribe("https://other.myshopify.com/hooks")
    assert len(refused) == len(world.connector.manifest.webhooks)
    assert all("internal domain" in each for each in refused)


async def test_what_the_vendor_sends_is_genuine_and_understood(world: World) -> None:
    await world.connector.subscribe("https://hub.example/hooks/1")
    order_id = world.order()
    world.other_returns(order_id, 1)
    world.other_refunds(order_id, 500)
    world.vendor.dispose_by_other(DOMAIN, world.vendor.order(DOMAIN, order_id).return_list[0].id, "MISSING")
    subjects = {("order", order_id), ("return", world.vendor.order(DOMAIN, order_id).return_list[0].id)}
    topics = set()
    for raw, headers in world.hooks.sent:
        assert world.connector.verify(raw, headers)
        assert not world.connector.verify(raw + b" ", headers)
        news = world.connector.news(raw, headers)
        assert news.drift == "", (news, raw)
        assert set(news.subjects) <= subjects
        assert news.subjects
        assert news.shop == DOMAIN
        topics.add(news.topic)
    assert {"orders/create", "orders/updated", "returns/approve", "refunds/create"} <= topics
    assert len({world.connector.news(raw, headers).delivery for raw, headers in world.hooks.sent}) == len(
        world.hooks.sent
    )


async def test_order_webhooks_carry_no_buyer(world: World) -> None:
    await world.connector.subscribe("https://hub.example/hooks/1")
    world.order()
    bodies = [json.loads(raw) for raw, headers in world.hooks.sent if headers["x-shopify-topic"] == "orders/create"]
    assert bodies
    buyers = {"customer", "email", "phone", "contact_email", "billing_address", "shipping_address", "client_details"}
    assert not any(set(body) & buyers for body in bodies)


async def test_an_awaited_order_is_recognised_in_its_webhook(world: World) -> None:
    await world.connector.subscribe("https://hub.example/hooks/1")
    for number, place in enumerate(world.places):
        channel_order_id = str(int(CHANNEL_ORDER) + number)
        world.order(place=place, channel_order_id=channel_order_id)
        made = [raw for raw, headers in world.hooks.sent if headers["x-shopify-topic"] == "orders/create"]
        assert channel_order_id.encode() in made[-1], place


async def test_uninstalled_is_news_of_the_connection(world: World) -> None:
    await world.connector.subscribe("https://hub.example/hooks/1")
    world.vendor.uninstall(DOMAIN)
    raw, headers = world.hooks.sent[-1]
    assert world.connector.news(raw, headers).subjects == (("connection", DOMAIN),)
