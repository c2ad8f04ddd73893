"""Every mood at every vendor: it really strikes, its effect is seen from outside, and the books say what happened."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from backhaul.simulator import mood_file
from backhaul.simulator.delivery import Message
from backhaul.simulator.faults import NEW_FIELD, NEW_WORD
from backhaul.simulator.files import FileMistake
from backhaul.simulator.moods import KINDS, MIX, VENDORS, Mood, Moods
from backhaul.simulator.process import ControlClient
from backhaul.simulator.seen import describe
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.sales import Unit
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.loop.desk import DeskClient
from tests.simulator.wire import Wire

DOMAIN = "sim-moods.myshopify.com"
SHOP_SPECS = [ShopSpec(name="One", commerce_domain=DOMAIN)]
TAG = 'mutation($id: ID!) { orderUpdate(input: {id: $id, tags: ["done"]}) { order { id } userErrors { message } } }'
FAILURES = ("rate_limit", "unavailable", "error_before", "error_after")
SILENT = ("timeout_before", "timeout_after", "cut_before", "cut_after")


class Store:
    """Calls the store of the simulated shop; its write puts a tag on an order."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        self.sim, self.session = sim, session
        self.token = sim.commerce.static_token(DOMAIN)

    async def run(self, query: str, **variables: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        async with self.session.post(
            f"{self.sim.addresses['shopify']}/{DOMAIN}/admin/api/2026-10/graphql.json",
            json={"query": query, "variables": variables},
            headers={"X-Shopify-Access-Token": self.token},
        ) as answer:
            return (
                answer.status,
                await answer.json(content_type=None) if answer.status < 500 else {},
                dict(answer.headers),
            )


@pytest.fixture
def store(sim: Simulator, session: aiohttp.ClientSession) -> Store:
    return Store(sim, session)


def last(sim: Simulator) -> dict[str, Any]:
    return describe(sim.books.requests[-1])


def test_every_kind_says_where_it_happens() -> None:
    assert all(KINDS.values())
    assert set().union(*KINDS.values()) == set(VENDORS)
    assert set(MIX) <= set(KINDS)


@pytest.mark.parametrize("kind", [*FAILURES, *SILENT])
async def test_a_decision_fails_before_or_after_its_effect(wire: Wire, kind: str) -> None:
    case = wire.ask()
    wire.sim.moods.add(Mood(kind, "tiktok", "*approve", times=1, params={"seconds": 0.05}))
    status: int | None = None
    try:
        reply = await wire.approve(case, "APPROVE_RETURN", "k")
        status = reply.status
    except aiohttp.ContentTypeError as error:
        status = error.status
    except aiohttp.ClientError:
        pass
    done = kind.endswith("_after")
    expected = {"rate_limit": 429, "unavailable": 503, "error_before": 500, "error_after": 500}.get(kind)
    assert status == expected
    assert case.status == (m.AWAITING_SHIP if done else m.PENDING)
    assert len(wire.sim.books.of(wire.shop.id).decisions) == int(done)
    assert (last(wire.sim)["moods"], last(wire.sim)["status"]) == ([kind], expected)
    assert wire.sim.moods.counts["tiktok", kind] == 1


@pytest.mark.parametrize("kind", [*FAILURES, *SILENT])
async def test_a_store_fails_before_or_after_its_effect(sim: Simulator, wire: Wire, store: Store, kind: str) -> None:
    order = wire.order()
    gid = sim.connector.copy(order, "tag")
    assert gid is not None
    sim.moods.add(Mood(kind, "shopify", "orderUpdate", times=1, params={"seconds": 0.05}))
    status: int | None = None
    try:
        status, body, _ = await store.run(TAG, id=gid)
    except aiohttp.ClientError:
        body = {}
    expected = {"rate_limit": 200, "unavailable": 503, "error_before": 500, "error_after": 500}.get(kind)
    assert status == expected
    if kind == "rate_limit":
        assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert ("done" in sim.commerce.order(DOMAIN, gid).tags) == kind.endswith("_after")
    assert (last(sim)["moods"], last(sim)["endpoint"], last(sim)["status"]) == ([kind], "orderUpdate", expected)


@pytest.mark.parametrize("kind", [*FAILURES, *SILENT])
async def test_a_desk_fails_before_or_after_its_effect(
    sim: Simulator, session: aiohttp.ClientSession, kind: str
) -> None:
    client = desk_client(sim, session)
    hook = {"topic": "return", "trigger": "return.created", "url": "http://127.0.0.1:9/"}
    retry_after = {"retry_after": 2} if kind == "rate_limit" else {}
    sim.moods.add(Mood(kind, "loop", "POST /webhooks", times=1, params={"seconds": 0.05, **retry_after}))
    status: int | None = None
    headers: Any = {}
    try:
        async with session.post(f"{client.api}/webhooks", json=hook, headers={"X-Authorization": client.key}) as answer:
            status, headers = answer.status, answer.headers
    except aiohttp.ClientError:
        pass
    assert status == {"rate_limit": 429, "unavailable": 503, "error_before": 500, "error_after": 500}.get(kind)
    assert headers.get("Retry-After") == ("2" if retry_after else None)
    assert len(client.desk.subscriptions) == int(kind.endswith("_after"))
    assert (last(sim)["moods"], last(sim)["status"]) == ([kind], status)


async def test_a_desk_answers_oddly_late_or_no_more(sim: Simulator, session: aiohttp.ClientSession) -> None:
    client = desk_client(sim, session)
    kinds = ("slow", "unknown_field", "numbers_as_strings")
    for kind in kinds:
        sim.moods.add(Mood(kind, "loop", times=1, params={"seconds": 0.01}))
    hook = {"topic": "return", "trigger": "return.created", "url": "http://127.0.0.1:9/", "status": "active"}
    made = (await client.call("POST", "/webhooks", hook)).body
    assert NEW_FIELD in made
    assert set(last(sim)["moods"]) == set(kinds)
    for kind in ("unknown_word", "unknown_field"):
        sim.moods.add(Mood(kind, "loop", "return.created", times=1))
    await client.create(desk_order(sim))
    told = next(each.message.body.decode() for each in sim.delivery.log if each.message.vendor == "loop")
    assert NEW_FIELD in json.loads(told)
    assert NEW_WORD in told
    sim.moods.add(Mood("token_revoked", "loop", times=1))
    assert [(await client.call("GET", "/webhooks")).status for _ in range(2)] == [401, 401]


def desk_client(sim: Simulator, session: aiohttp.ClientSession) -> DeskClient:
    """A client of a desk of its own."""
    sim.add_shop(ShopSpec(name="Desk", commerce_domain="sim-desk.myshopify.com", desk="loop"))
    return DeskClient(sim, sim.loop.world.desk("sim-desk.myshopify.com"), session)


def desk_order(sim: Simulator) -> Any:
    """An order in the store of that desk."""
    shop = list(sim.channel.world.shops.values())[-1]
    order = sim.channel.sales.place(shop, [Unit(shop.catalogue[0])], status="DELIVERED")
    sim.connector.copy(order, "source_identifier")
    return sim.connector.copies[order.id]


@pytest.mark.parametrize("params", [{}, {"retry_after": 3}])
async def test_too_many_calls_with_and_without_a_time_to_wait(
    wire: Wire, store: Store, params: dict[str, float]
) -> None:
    wanted = "3" if params else None
    wire.sim.moods.add(Mood("rate_limit", params=params))
    async with wire.session.get(f"{wire.base}/authorization/202309/shops") as answer:
        assert (answer.status, answer.headers.get("Retry-After")) == (429, wanted)
        assert (await answer.json())["code"] == 36009002
    status, _, headers = await store.run("{ shop { name } }")
    assert (status, headers.get("Retry-After")) == (429 if params else 200, wanted)


async def test_slow_is_late_but_right(wire: Wire, store: Store) -> None:
    rule = wire.sim.moods.add(Mood("slow", params={"seconds": 0.01}))
    assert (await wire.search()).code == 0
    assert (await store.run("{ shop { name } }"))[1]["data"]["shop"]["name"]
    assert rule.struck == 2


async def test_the_authorisation_is_withdrawn(wire: Wire, store: Store) -> None:
    wire.sim.moods.add(Mood("token_revoked", times=1, vendor="tiktok"))
    assert [(await wire.search()).code for _ in range(2)] == [105001, 105001]
    wire.sim.moods.add(Mood("token_revoked", times=1, vendor="shopify"))
    assert [(await store.run("{ shop { name } }"))[0] for _ in range(2)] == [401, 401]
    assert [entry["what"] for entry in last(wire.sim)["expected"]] == ["header X-Shopify-Access-Token"]
    wire.renew()
    assert (await wire.search()).code == 0


async def test_the_answer_holds_what_nobody_knows(wire: Wire, store: Store) -> None:
    case = wire.ask()
    moods = wire.sim.moods
    rules = [moods.add(Mood(kind, "tiktok")) for kind in ("unknown_word", "unknown_field")]
    rules += [moods.add(Mood(kind, "tiktok")) for kind in ("numbers_as_strings", "ids_as_numbers")]
    data = (await wire.search()).data
    (row,) = data["return_orders"]
    assert (row["return_status"], data["total_count"]) == (NEW_WORD, "1")
    assert (row["return_id"], row["create_time"]) == (int(case.id), str(case.created_at))
    assert NEW_FIELD in data
    assert NEW_FIELD not in row
    assert [rule.struck for rule in rules] == [1, 1, 1, 1]
    moods.clear()
    moods.add(Mood("unknown_field", params={"deep": True}))
    assert NEW_FIELD in (await wire.search()).data["return_orders"][0]
    _, body, _ = await store.run("{ shop { name } }")
    assert NEW_FIELD in body["extensions"]
    assert list(body["data"]) == ["shop"]


async def test_a_store_answers_with_words_nobody_knows(sim: Simulator, wire: Wire, store: Store) -> None:
    gid = sim.connector.copy(wire.order(), "tag")
    sim.commerce.return_by_other(DOMAIN, str(gid))
    sim.moods.add(Mood("unknown_word", "shopify"))
    query = "query($id: ID!) { order(id: $id) { returns(first: 1) { nodes { status } } } }"
    _, body, _ = await store.run(query, id=gid)
    assert body["data"]["order"]["returns"]["nodes"] == [{"status": NEW_WORD}]


async def test_numbers_stay_numbers_where_a_schema_watches(wire: Wire, store: Store) -> None:
    rule = wire.sim.moods.add(Mood("numbers_as_strings"))
    _, body, _ = await store.run("{ shop { name } }")
    assert isinstance(body["extensions"]["cost"]["requestedQueryCost"], int)
    assert rule.struck == 0
    with pytest.raises(ValueError, match="only at tiktok, loop"):
        Mood("numbers_as_strings", "shopify")


async def test_errors_inside_a_good_answer(sim: Simulator, wire: Wire, store: Store) -> None:
    order = wire.order()
    gid = sim.connector.copy(order, "tag")
    sim.moods.add(Mood("nested_error", times=1, vendor="tiktok"))
    body = {"orders": [{"id": order.id, "external_order": {"id": "1", "platform": "SHOPIFY", "line_items": []}}]}
    reply = await wire.call("POST", "/order/202406/orders/external_orders", body)
    assert (reply.code, [error["code"] for error in reply.data["errors"]]) == (0, ["36009003"])
    assert order.external == []
    sim.moods.add(Mood("nested_error", times=1, vendor="shopify"))
    status, answer, _ = await store.run(TAG, id=gid)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (200, "INTERNAL_SERVER_ERROR")
    assert "done" not in sim.commerce.order(DOMAIN, str(gid)).tags


async def test_a_desk_says_an_error_with_200_where_it_refuses_so(
    sim: Simulator, session: aiohttp.ClientSession
) -> None:
    client = desk_client(sim, session)
    each = await client.create(desk_order(sim))
    number = each.id
    for method, path in (("POST", f"/warehouse/return/{number}/process"), ("GET", "/warehouse/return/details")):
        sim.moods.add(Mood("nested_error", "loop", f"{method} *", times=1))
        query = {"return_id": str(number)} if method == "GET" else {}
        reply = await client.call(method, path, **query)
        assert (reply.status, reply.body["errors"]["code"]) == (200, "UNEXPECTED_ERROR")
        assert not each.queued
        assert last(sim)["moods"] == ["nested_error"]
    sim.moods.add(Mood("nested_error", "loop"))
    assert "errors" not in (await client.call("GET", "/warehouse/return/list", paginate="true")).body


async def test_a_fresh_return_is_in_the_desks_details_before_it_is_in_its_list(
    sim: Simulator, session: aiohttp.ClientSession
) -> None:
    client = desk_client(sim, session)
    sim.moods.add(Mood("index_lag", "loop", times=1, params={"seconds": 60}))
    made = await client.create(desk_order(sim))
    assert (await client.call("GET", "/warehouse/return/list", paginate="true")).body["returns"] == []
    shown = (await client.call("GET", "/warehouse/return/details", return_id=str(made.id))).body
    assert str(shown["id"]) == str(made.id)
    sim.clock.step(61)
    (row,) = (await client.call("GET", "/warehouse/return/list", paginate="true")).body["returns"]
    assert str(row["id"]) == str(made.id)


async def test_automation_comes_between_read_and_write(wire: Wire) -> None:
    case = wire.ask()
    wire.sim.moods.add(Mood("auto_approve", endpoint="REJECT_RETURN", times=1))
    reason = wire.sim.channel.decisions.reject_reasons(case)[0]
    assert (await wire.reject(case, "REJECT_RETURN", reason)).code != 0
    assert case.status == m.AWAITING_SHIP
    (decision,) = wire.sim.books.of(wire.shop.id).decisions
    assert decision["actor"] == "AUTOMATION"
    assert last(wire.sim)["moods"] == ["auto_approve"]


async def test_searches_lag_and_page_tokens_die(sim: Simulator, wire: Wire, store: Store) -> None:
    sim.moods.add(Mood("index_lag", params={"seconds": 60}))
    gid = sim.connector.copy(wire.order(), "tag")
    wire.ask()
    query = '{ orders(first: 5, query: "source_name:tiktok") { nodes { id } } }'
    assert (await wire.search()).data["return_orders"] == []
    assert (await store.run(query))[1]["data"]["orders"]["nodes"] == []
    sim.clock.step(61)
    assert len((await wire.search()).data["return_orders"]) == 1
    sim.moods.clear()
    assert gid in [each["id"] for each in (await store.run(query))[1]["data"]["orders"]["nodes"]]
    for _ in range(10):
        wire.ask()
    token = (await wire.search(page_size="10")).data["next_page_token"]
    sim.moods.add(Mood("page_token_expired", times=1))
    assert (await wire.search(page_size="10", page_token=token)).code == 25001001
    assert (await wire.search(page_size="10", page_token=token)).code == 0


class Ear:
    """An address that writes down what it hears, in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        self.heard.append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.mark.parametrize("vendor", VENDORS)
async def test_webhooks_double_late_in_disorder_or_never(sim: Simulator, vendor: str) -> None:
    ear = Ear()
    server = await asyncio.start_server(ear.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    async def hear(kind: str, *texts: str) -> list[str]:
        ear.heard = []
        if kind:
            sim.moods.add(Mood(kind, vendor, times=1, params={"seconds": 60, "copies": 2}))
        made = [sim.delivery.send(Message(vendor, "topic", address, "1", text.encode(), {})) for text in texts]
        await sim.delivery.idle.wait()
        assert made[0].mood == kind
        return ear.heard

    async with server:
        assert await hear("webhook_duplicate", "a") == ["a"] * 3
        assert await hear("webhook_lost", "a") == []
        assert await hear("webhook_late", "a") == []
        sim.clock.step(61)
        await sim.delivery.idle.wait()
        assert ear.heard == ["a"]
        assert sorted(await hear("webhook_reorder", "a", "b")) == ["a", "b"]
    books = {(row["vendor"], row["kind"]): row["struck"] for row in await _books(sim)}
    assert books[vendor, "webhook_lost"] == 1


async def _books(sim: Simulator) -> list[dict[str, Any]]:
    async with ControlClient(sim.addresses["control"]) as control:
        return list((await control.books())["moods"])


async def test_webhooks_hold_what_nobody_knows(wire: Wire) -> None:
    wire.sim.app.webhook_address = "http://127.0.0.1:9/"
    wire.sim.moods.add(Mood("unknown_field", "tiktok", "RETURN_STATUS_CHANGE", times=1))
    wire.sim.moods.add(Mood("unknown_word", "tiktok", "RETURN_STATUS_CHANGE", times=1))
    wire.ask()
    bodies = [json.loads(each.message.body) for each in wire.sim.delivery.log]
    (told,) = [body for body in bodies if body["type"] == 12]
    assert told["data"]["return_status"] == NEW_WORD
    assert NEW_FIELD in told


def test_a_mix_is_the_same_for_the_same_seed_and_never_empty() -> None:
    days = [[mood.describe() for mood in Moods.mix(seed)] for seed in range(40)]
    assert days == [[mood.describe() for mood in Moods.mix(seed)] for seed in range(40)]
    assert all(days)
    drawn = {mood["kind"] for day in days for mood in day}
    assert drawn == set(MIX)
    assert all(0 < mood["probability"] < 0.5 for day in days for mood in day)


GOOD = """
seed = "monday"
[[moods]]
kind = "rate_limit"
vendor = "shopify"
endpoint = "refund*"
probability = 0.25
times = 3
params = { retry_after = 2 }

[mix]
slow = 1.0
webhook_lost = 0.0
"""


def test_a_file_of_moods(tmp_path: Path) -> None:
    path = tmp_path / "moods.toml"
    path.write_text(GOOD, encoding="utf-8")
    first, second = mood_file.read(path)
    assert first == Mood("rate_limit", "shopify", "refund*", 0.25, 3, {"retry_after": 2})
    assert second.kind == "slow"
    seeded = mood_file.parse("seed = 3", "seeded")
    assert [mood.describe() for mood in seeded] == [mood.describe() for mood in Moods.mix(3)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[moods]]\nkind = "rate_limti"\n', "m.toml:2: expected one of auto_approve, "),
        ('[[moods]]\nvendor = "shopify"\n', "m.toml:1: 'kind' is missing; expected one of "),
        ('[[moods]]\nkind = "slow"\nprobability = 1.5\n', "m.toml:3: expected a number from 0 to 1 for 'probability'"),
        ('[[moods]]\nkind = "slow"\n\ntimes = 0\n', "m.toml:4: expected a whole number of 1 or more for 'times'"),
        ('[[moods]]\nkind = "auto_approve"\nvendor = "loop"\n', "m.toml:3: expected one of tiktok for 'vendor'"),
        (
            '[[moods]]\nkind = "slow"\nparams = { second = 1 }\n',
            "m.toml:3: unknown key 'second'; expected one of copies",
        ),
        ("[mix]\nslow = 2\n", "m.toml:2: expected a number from 0 to 1 for 'slow', found 2"),
        ("[mix]\nslwo = 1\n", "m.toml:2: unknown key 'slwo'; expected one of auto_approve"),
        ("seed = 1.5\n[mix]\n", "m.toml:1: expected a whole number or a text for 'seed', found 1.5"),
        ("mood = 1\n", "m.toml:1: unknown key 'mood'; expected one of mix, moods, seed"),
        ("", "m.toml:1: expected at least one [[moods]], a [mix] or a seed"),
    ],
)
def test_a_mistake_in_a_file_of_moods(text: str, complaint: str) -> None:
    with pytest.raises(FileMistake) as caught:
        mood_file.parse(text, "m.toml")
    assert str(caught.value).startswith(complaint)
