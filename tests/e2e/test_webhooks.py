"""What arrives at the webhook addresses: genuine, forged, strange, too often, too large, in any order, too soon."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from backhaul.store.embedded import EmbeddedPostgres
from tests.e2e.books import check_books, decisions
from tests.e2e.conftest import Opener
from tests.e2e.stage import Stage, open_stage
from tests.warm import Warm

DELIVERED = 12


class Channel:
    """Posts to the address of the first shop's channel connection as the channel would, or as it would not."""

    def __init__(self, stage: Stage, key: str) -> None:
        self.stage, self.key = stage, key
        app = stage.sim.ready["app"]
        self.app_key, self.secret = str(app["app_key"]), str(app["app_secret"])

    @classmethod
    async def of(cls, stage: Stage, login: UUID | None = None) -> Channel:
        query = "select webhook_key from connection where id = $1"
        return cls(stage, await stage.hub.pool.fetchval(query, login or stage.shop.channel_login))

    def sign(self, raw: bytes, secret: str | None = None) -> str:
        """The channel's signature, written here a third time."""
        return hmac.new((secret or self.secret).encode(), self.app_key.encode() + raw, hashlib.sha256).hexdigest()

    async def post(self, raw: bytes, signature: str | None) -> int:
        """The status that is answered."""
        headers = {"Content-Type": "application/json"}
        if signature is not None:
            headers["Authorization"] = signature
        async with self.stage.http.post(f"{self.stage.base}/hooks/{self.key}", data=raw, headers=headers) as answer:
            return answer.status

    def body(self, rid: str, number: int = 1, **more: Any) -> bytes:
        """News of a return, made by us."""
        whole = {
            "type": 12, "tts_notification_id": f"73{number:017d}", "shop_id": self.stage.shop.channel_id,
            "timestamp": 1785500004, "data": {"return_id": rid, "order_id": "57", "update_time": number}, **more,
        }  # fmt: skip
        return json.dumps(whole).encode()


async def _stored(stage: Stage) -> int:
    count: int = await stage.hub.pool.fetchval("select count(*) from inbox")
    return count


async def test_what_is_not_genuine_is_refused_and_only_counted(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        channel = await Channel.of(stage)
        raw = channel.body("4035000000000000001")
        right = channel.sign(raw)
        wrong = [
            None,
            "",
            "0" * 64,
            right.upper(),
            f"Bearer {right}",
            channel.sign(raw, "another app's secret"),
            right[:-1],
        ]
        for signature in wrong:
            assert await channel.post(raw, signature) == 401, signature
        assert await channel.post(raw.replace(b"4035", b"4036"), right) == 401
        assert await channel.post(raw + b" ", right) == 401
        assert await _stored(stage) == 0
        assert await stage.hub.pool.fetchval("select count(*) from return_case") == 0
        assert await stage.hub.pool.fetchval("select sum(count)::int from refused_webhook") == len(wrong) + 2
        assert await channel.post(raw, right) == 200
        assert await _stored(stage) == 1
        channel.key = "nobody"
        assert await channel.post(raw, right) == 404


async def test_a_signature_of_commerce_does_not_count_for_the_channel(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        channel = await Channel.of(stage, stage.shop.commerce_login)
        raw = channel.body("4035000000000000001")
        assert await channel.post(raw, channel.sign(raw)) == 401
        assert await _stored(stage) == 0


STRANGE = (
    b'{"type":9876,"tts_notification_id":"731","shop_id":"1","timestamp":1,"data":{}}',
    b'{"type":12,"tts_notification_id":"732","timestamp":1,"data":{"nothing":"known"}}',
    b'{"type":12,"tts_notification_id":"733","timestamp":1,"data":[]}',
    b"[1, 2, 3]",
    b"not JSON at all \xff\xfe",
    b"",
    b'{"type":' + b"[" * 500 + b"]" * 500 + b"}",
)


async def test_what_is_genuine_and_strange_is_stored_and_shown(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        channel = await Channel.of(stage)
        for number, raw in enumerate(STRANGE, 1):
            assert await channel.post(raw, channel.sign(raw)) == 200, raw
            assert await _stored(stage) == number, raw
        shown = await stage.hub.pool.fetch("select key, text from exception where closed_at is null")
        assert {each["key"].partition(":")[0] for each in shown} == {"drift"}
        assert any("9876" in each["text"] for each in shown)
        vault = stage.hub.vendors.vault
        kept = await stage.hub.pool.fetch("select connection_id, raw from inbox")
        assert {vault.decrypt(row["raw"], f"inbox/{row['connection_id']}".encode()) for row in kept} == set(STRANGE)


async def test_a_body_that_is_too_large(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        channel = await Channel.of(stage)
        raw = channel.body("4035000000000000001", pad="x" * 1_000_000)
        with contextlib.suppress(aiohttp.ClientOSError):  # the answer may come before all of it was sent
            assert await channel.post(raw, channel.sign(raw)) == 413
        assert await _stored(stage) == 0


async def test_one_notification_a_thousand_times(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    await case.asked()
    channel = await Channel.of(stage)
    raw = channel.body(case.rid, 77)
    signature = channel.sign(raw)
    await case.approve()
    for _ in range(20):
        answers = await asyncio.gather(*(channel.post(raw, signature) for _ in range(50)))
        assert set(answers) == {200}
    copies = await stage.hub.pool.fetch("select copies from inbox where delivery = $1", f"73{77:017d}")
    assert [row["copies"] for row in copies] == [1000]
    await case.until_ended()
    await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_REFUND"]


async def test_the_published_signed_bodies(opener: Opener, specs: Path) -> None:
    vectors = json.loads((specs / "tiktok-signing-vectors.json").read_text(encoding="utf-8"))["webhook_signature"][
        "vectors"
    ]
    async with opener(workers=0) as stage:
        addresses: dict[tuple[str, str], Channel] = {}
        for vector in vectors:
            login = (vector["app_key"], vector["app_secret"])
            if login not in addresses:
                settings = {"app_key": login[0], "app_secret": login[1], "service_id": "74"}
                made = await stage.hub.logins.add("tiktok_shop", login[0], settings, "live", "owner")
                addresses[login] = await Channel.of(stage, made)
            raw = base64.b64decode(vector["body_bytes_base64"])
            status = await addresses[login].post(raw, vector["authorization_header_received"])
            assert status == (200 if vector["receiver_must_accept"] else 401), vector["id"]
        accepted = {v["body_bytes_base64"] for v in vectors if v["receiver_must_accept"]}
        ids = {json.loads(base64.b64decode(raw) or b"{}").get("tts_notification_id", raw) for raw in accepted}
        assert await _stored(stage) == len(ids)


@pytest.mark.parametrize("seed", range(2))
async def test_any_order_of_the_events_leads_to_the_same_end(opener: Opener, seed: int) -> None:
    """The vendor's own messages are lost; ours come in every order of four, each twice, before anything was read."""
    async with opener(workers=0) as stage:
        await stage.control.add_mood("webhook_lost")
        orders = list(itertools.permutations(range(1, 5)))[seed::2]
        cases = [await stage.ask("REFUND") for _ in orders]
        for case in cases:
            await case.act("decide", decision="APPROVE_REFUND")
        await stage.step(60)
        channel = await Channel.of(stage)
        for case, order in zip(cases, orders, strict=True):
            for number in (*order, *reversed(order)):
                raw = channel.body(case.rid, int(case.rid[-10:]) * 10 + number)
                assert await channel.post(raw, channel.sign(raw)) == 200
        stage.start_worker()
        for case in cases:
            await case.until_ended(30.0)
        await check_books(stage)
        for case in cases:
            assert decisions(await case.books()) == []


async def test_the_database_away_and_back(
    own_postgres: EmbeddedPostgres, tmp_path: Path, warm: Warm, warm_simulators: None
) -> None:
    async with open_stage(own_postgres.dsn(), tmp_path, warm) as stage:
        case = await stage.ask("REFUND")
        await case.asked()
        channel = await Channel.of(stage)
        raw = channel.body(case.rid, 5)
        await asyncio.to_thread(own_postgres.stop)
        answers = [await channel.post(raw, channel.sign(raw)) for _ in range(3)]
        assert set(answers) == {503}
        async with stage.http.get(f"{stage.base}/readyz") as answer:
            assert answer.status == 503
        async with stage.http.get(f"{stage.base}/healthz") as answer:
            assert answer.status == 200
        await case.act("decide", decision="APPROVE_REFUND")  # its webhook meets a hub without a database
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_postgres.start)

        async def stored() -> bool:
            return await channel.post(raw, channel.sign(raw)) == 200

        await stage.until(stored, 10.0, "the ingress to take webhooks again")
        await case.until_ended(30.0)
        await check_books(stage)
