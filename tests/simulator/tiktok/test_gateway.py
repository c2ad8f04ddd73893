"""The gateway's checks, in the order it makes them."""

from __future__ import annotations

import asyncio
import json
import time

from backhaul.simulator.moods import Mood
from tests.simulator.wire import RETURNS, Wire, signature

SHOPS = "/authorization/202309/shops"


async def test_unknown_path_method_and_version(wire: Wire) -> None:
    assert (await wire.call("GET", "/nothing/202309/here")).code == 36009009
    assert (await wire.call("GET", "/return_refund/202602/returns/search")).code == 36009010
    assert (await wire.call("POST", "/return_refund/202401/returns/search")).code == 36009014
    assert (await wire.call("POST", "/return_refund/202602/returns/1/approve")).code == 36009014


async def test_every_answer_has_a_request_id_and_failures_vary_their_data(wire: Wire) -> None:
    replies = [await wire.call("GET", "/nothing/202309/here") for _ in range(3)]
    assert all(reply.body["request_id"] for reply in replies)
    assert len({json.dumps(reply.body.get("data", "absent")) for reply in replies}) == 3
    assert len({reply.status for reply in replies}) > 1


async def test_app_key_timestamp_and_signature(wire: Wire) -> None:
    headers = {"x-tts-access-token": wire.token, "Content-Type": "application/json"}
    now = str(int(time.time()))
    stranger = {"app_key": "29a39d", "timestamp": now, "sign": "0" * 64}
    reply = await wire.send("GET", SHOPS, stranger, b"", headers)
    assert reply.code == 36009004
    assert "simulator" in reply.message
    for seconds, code in ((-299, 0), (-320, 36009004), (28, 0), (60, 36009004)):
        query = {"timestamp": str(int(time.time()) + seconds)}
        assert (await wire.call("GET", SHOPS, query=query, cipher=False)).code == code, seconds
    unsigned = {"app_key": wire.sim.app.app_key, "timestamp": now}
    assert (await wire.send("GET", SHOPS, unsigned, b"", headers)).code == 36009004
    wrong = {**unsigned, "sign": signature("another secret", SHOPS, unsigned)}
    assert (await wire.send("GET", SHOPS, wrong, b"", headers)).code == 106001


async def test_the_signature_covers_the_bytes_as_sent(wire: Wire) -> None:
    raw = b'{ "locale":\t"en" }\n'
    headers = {"x-tts-access-token": wire.token, "Content-Type": "application/json; charset=utf-8"}
    query = wire.query(RETURNS, {}, raw)
    assert (await wire.send("POST", RETURNS, query, raw, headers)).code == 0
    assert (await wire.send("POST", RETURNS, query, raw.strip(), headers)).code == 106001


async def test_the_clock_of_the_gateway_can_be_wrong(wire: Wire) -> None:
    wire.shop.switches.clock_skew_seconds = 600
    assert (await wire.call("GET", SHOPS, cipher=False)).code == 36009004
    right = {"timestamp": str(int(time.time()) + 600)}
    assert (await wire.call("GET", SHOPS, query=right, cipher=False)).code == 0
    async with wire.session.get(wire.base + SHOPS) as answer:
        assert answer.headers["Date"]


async def test_tokens_and_scopes(wire: Wire) -> None:
    assert (await wire.call("GET", SHOPS, cipher=False, headers={"x-tts-access-token": ""})).code == 36009004
    assert (await wire.call("GET", SHOPS, cipher=False, headers={"x-tts-access-token": "a b"})).code == 36009004
    assert (await wire.call("GET", SHOPS, cipher=False, headers={"x-tts-access-token": "TTP_real"})).code == 105001
    wire.grant.scopes = ("seller.order.info",)
    reply = await wire.call("GET", SHOPS, cipher=False)
    assert reply.code == 105005
    assert "seller.authorization.info" in reply.message


async def test_the_access_token_ends_on_the_virtual_clock(wire: Wire) -> None:
    assert (await wire.call("GET", SHOPS, cipher=False)).code == 0
    wire.sim.clock.step(7 * 86400)
    assert (await wire.call("GET", SHOPS, cipher=False)).code == 105002
    wire.sim.channel.world.auth.revoke(wire.grant)
    assert (await wire.call("GET", SHOPS, cipher=False)).code == 105001


async def test_shop_cipher(wire: Wire, other: Wire) -> None:
    assert (await wire.call("POST", RETURNS, {"locale": "en"}, cipher=False)).code == 106013
    assert (await wire.call("GET", SHOPS)).code == 36009004
    foreign = await wire.call("POST", RETURNS, {"locale": "en"}, {"shop_cipher": other.shop.cipher})
    assert foreign.code == 101000


async def test_fifty_calls_a_second_and_no_more(wire: Wire) -> None:
    replies = await asyncio.gather(*(wire.search() for _ in range(60)))
    refused = [reply for reply in replies if reply.code == 36009002]
    assert len(replies) - len(refused) >= 50
    assert refused
    assert all(reply.status == 429 for reply in refused)
    assert wire.sim.books.of(wire.shop.id).limited == len(refused)
    # Another endpoint has a budget of its own.
    assert (await wire.call("GET", SHOPS, cipher=False)).code == 0


async def test_a_development_shop_has_a_thousand_calls_an_hour_for_everything(wire: Wire) -> None:
    wire.shop.switches.calls_per_hour = 3
    paths = ("/logistics/202309/warehouses", "/event/202309/webhooks")
    codes = [(await wire.call("GET", path)).code for path in (*paths, *paths)]
    assert codes == [0, 0, 0, 36009002]


async def test_load_without_a_hint_when_to_come_back(wire: Wire) -> None:
    for kind, status in (("rate_limit", 429), ("unavailable", 503)):
        wire.sim.moods.add(Mood(kind, "tiktok", times=1))
        query = wire.query(SHOPS, {}, b"", cipher=False)
        async with wire.session.get(
            wire.base + SHOPS, params=query, headers={"x-tts-access-token": wire.token}
        ) as answer:
            assert answer.status == status
            assert "Retry-After" not in answer.headers
            assert (await answer.json())["code"] in (36009002, 36009003)


async def test_moods_strike_before_and_after_the_effect(wire: Wire) -> None:
    case = wire.ask()
    moods = wire.sim.moods
    moods.add(Mood("error_before", "tiktok", "*approve", times=1))
    assert (await wire.approve(case, "APPROVE_RETURN", "k")).code == 36009003
    assert case.status == "RETURN_OR_REFUND_REQUEST_PENDING"
    moods.add(Mood("error_after", "tiktok", "*approve", times=1))
    path = f"/return_refund/202309/returns/{case.id}/approve"
    raw = b'{"decision":"APPROVE_RETURN"}'
    query = wire.query(path, {"idempotency_key": "k"}, raw)
    headers = {"x-tts-access-token": wire.token, "Content-Type": "application/json"}
    async with wire.session.post(wire.base + path, params=query, data=raw, headers=headers) as answer:
        assert answer.status == 500
    assert case.status == "AWAITING_BUYER_SHIP"
    assert (await wire.send("POST", path, query, raw, headers)).code == 0
    assert len(wire.sim.books.of(wire.shop.id).decisions) == 1


async def test_content_types(wire: Wire) -> None:
    raw = b"locale=en"
    headers = {"x-tts-access-token": wire.token, "Content-Type": "text/plain"}
    assert (await wire.send("POST", RETURNS, wire.query(RETURNS, {}, raw), raw, headers)).code == 36009023
    path = "/return_refund/202405/returns/shipping_documents"
    assert (await wire.call("POST", path, {"a": 1}, {"return_ids": "1"})).code == 36009022
