"""The simulator itself: its calls a second, and how a shop of 100,000 orders starts and answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from backhaul.simulator.process import SimulatorProcess

SECONDS = 3.0
SHOP = {
    "name": "Large",
    "past_orders": 100_000,
    "open_returns": 10_000,
    "switches": {"rate_per_second": 1_000_000, "batch_model": True},
}
RETURNS = "/return_refund/202602/returns/search"
ORDERS = "/order/202309/orders/search"
# What a page is measured with: path, query, body.
PAGES: tuple[tuple[str, dict[str, str], dict[str, Any]], ...] = (
    (RETURNS, {"page_size": "50", "sort_field": "update_time"}, {"locale": "en"}),
    (RETURNS, {"page_size": "50"}, {"return_status": ["BUYER_SHIPPED_ITEM"]}),
    (RETURNS, {"page_size": "50"}, {"return_types": ["REFUND"]}),
    (ORDERS, {"page_size": "100"}, {"order_status": "DELIVERED"}),
    (ORDERS, {"page_size": "100", "sort_order": "ASC"}, {"create_time_ge": 1}),
    ("/fulfillment/202309/packages/search", {"page_size": "50"}, {"package_status": "COMPLETED"}),
    ("/return_refund/202603/aftersales/search", {}, {"pagination": {"page_size": 50}}),
)


class _Client:
    """Signs calls of the large shop."""

    def __init__(self, ready: Mapping[str, Any], token: str, session: aiohttp.ClientSession) -> None:
        self._app, self._shop, self._base = ready["app"], ready["shops"][0], ready["addresses"]["tiktok"]
        self._session = session
        self.headers = {"x-tts-access-token": token, "Content-Type": "application/json"}

    def prepared(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> tuple[str, bytes]:
        """Address and bytes of a signed call, which is good for five minutes."""
        raw, secret = json.dumps(body).encode(), self._app["app_secret"].encode()
        full = {
            **query,
            "app_key": self._app["app_key"],
            "shop_cipher": self._shop["cipher"],
            "timestamp": str(int(time.time())),
        }
        text = path + "".join(key + full[key] for key in sorted(full))
        full["sign"] = hmac.new(secret, secret + text.encode() + raw + secret, hashlib.sha256).hexdigest()
        return f"{self._base}{path}?" + "&".join(f"{key}={value}" for key, value in full.items()), raw

    async def send(self, address: str, raw: bytes) -> bytes:
        """The answer as it came."""
        async with self._session.post(address, data=raw, headers=self.headers) as answer:
            return await answer.read()

    async def call(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """The data of an answer; a refusal makes the run void."""
        answer = json.loads(await self.send(*self.prepared(path, query, body)))
        if answer["code"] != 0:
            raise RuntimeError(f"{path}: {answer['code']} {answer['message']}")
        return dict(answer["data"])


async def figures() -> dict[str, float]:
    """Start, pages and calls a second. The 100,000 orders are in every figure."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        begun = time.perf_counter()
        async with SimulatorProcess(shops=[SHOP], state=state) as process:
            started = time.perf_counter() - begun
            found = {"simulator_start_ms": 1000 * started, **await _answers(process)}
        begun = time.perf_counter()
        async with SimulatorProcess(state=state):
            found["simulator_resume_ms"] = 1000 * (time.perf_counter() - begun)
    return found


async def _answers(process: SimulatorProcess) -> dict[str, float]:
    token = (await process.control.tokens(process.ready["shops"][0]["id"]))["access_token"]
    async with aiohttp.ClientSession() as session:
        client = _Client(process.ready, token, session)
        took = [one for page in PAGES for one in await _pages(client, *page)]
        address, raw = client.prepared(RETURNS, {"page_size": "10"}, {"locale": "en"})
        small = client.prepared("/product/202309/inventory/search", {}, {"sku_ids": ["1"]})
        return {
            "simulator_page_p50_ms": 1000 * statistics.median(took),
            "simulator_page_p99_ms": 1000 * statistics.quantiles(took, n=100)[98],
            "simulator_searches_per_s": await _rate(client, address, raw),
            "simulator_calls_per_s": await _rate(client, *small),
        }


async def _pages(client: _Client, path: str, query: dict[str, str], body: dict[str, Any]) -> list[float]:
    """How long each of forty pages in a row took, in seconds."""
    took, in_body = [], "pagination" in body
    for _ in range(40):
        begun = time.perf_counter()
        data = await client.call(path, query, body)
        took.append(time.perf_counter() - begun)
        token = data["next_page_token"]
        if not token:
            break
        if in_body:
            body = {"pagination": {**body["pagination"], "page_token": token}}
        else:
            query = {**query, "page_token": token}
    return took


async def _rate(client: _Client, address: str, raw: bytes) -> float:
    done, begun = 0, time.perf_counter()
    end = begun + SECONDS

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await client.send(address, raw)
            done += 1

    await asyncio.gather(*(call() for _ in range(16)))
    return done / (time.perf_counter() - begun)
