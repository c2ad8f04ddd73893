"""A small signed client of the simulated channel, for its tests. It signs by itself, from the published steps."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.model import Order, Return, Shop
from backhaul.simulator.tiktok.sales import Unit

START = 1_790_000_000.0
RETURNS = "/return_refund/202602/returns/search"


@dataclass
class Reply:
    """One answer, taken apart."""

    status: int
    code: int
    message: str
    data: Any
    body: dict[str, Any]


def signature(secret: str, path: str, query: Mapping[str, str], body: bytes = b"") -> str:
    """Signature of one request."""
    pairs = "".join(key + query[key] for key in sorted(query) if key not in ("sign", "access_token"))
    text = secret.encode() + path.encode() + pairs.encode() + body + secret.encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Wire:
    """Calls the simulated channel as an app that is authorised for one shop."""

    def __init__(self, sim: Simulator, shop: Shop, session: aiohttp.ClientSession) -> None:
        self.sim, self.shop, self.session = sim, shop, session
        self.base = sim.addresses["tiktok"]
        self.renew()

    def renew(self) -> None:
        """Authorises anew, as after a week of virtual time."""
        auth = self.sim.channel.world.auth
        self.grant, self.token = auth.grant(self.sim.app, auth.sellers[self.shop.seller_id])

    def query(self, path: str, query: Mapping[str, str], body: bytes, *, cipher: bool = True) -> dict[str, str]:
        """The whole query of a signed call."""
        full = {**query, "app_key": self.sim.app.app_key}
        full.setdefault("timestamp", str(int(time.time())))
        if cipher:
            full.setdefault("shop_cipher", self.shop.cipher)
        full["sign"] = signature(self.sim.app.app_secret, path, full, body)
        return full

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        *,
        cipher: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One signed JSON call."""
        raw = b"" if body is None else json.dumps(body).encode()
        full = self.query(path, query or {}, raw, cipher=cipher)
        sent = {"x-tts-access-token": self.token, "Content-Type": "application/json", **(headers or {})}
        return await self.send(method, path, full, raw, sent)

    async def send(
        self, method: str, path: str, query: Mapping[str, str], raw: bytes, headers: Mapping[str, str]
    ) -> Reply:
        """One call exactly as given."""
        async with self.session.request(
            method, self.base + path, params=dict(query), data=raw or None, headers=dict(headers)
        ) as answer:
            value = await answer.json()
        return Reply(answer.status, value["code"], value["message"], value.get("data"), value)

    async def upload(
        self, path: str, form: aiohttp.FormData, query: Mapping[str, str], *, cipher: bool = True
    ) -> Reply:
        """One multipart call; its body is not signed."""
        full = self.query(path, query, b"", cipher=cipher)
        async with self.session.post(
            self.base + path, params=full, data=form, headers={"x-tts-access-token": self.token}
        ) as answer:
            value = await answer.json()
        return Reply(answer.status, value["code"], value["message"], value.get("data"), value)

    async def approve(self, case: Return, decision: str, key: str = "", **fields: Any) -> Reply:
        """An approval of a return."""
        query = {"idempotency_key": key} if key else {}
        path = f"/return_refund/202309/returns/{case.id}/approve"
        return await self.call("POST", path, {"decision": decision, **fields}, query)

    async def reject(self, case: Return, decision: str, reason: str, key: str = "", **fields: Any) -> Reply:
        """A refusal of a return."""
        query = {"idempotency_key": key} if key else {}
        path = f"/return_refund/202309/returns/{case.id}/reject"
        return await self.call("POST", path, {"decision": decision, "reject_reason": reason, **fields}, query)

    async def search(self, body: Mapping[str, Any] | None = None, **query: str) -> Reply:
        """A search of returns."""
        return await self.call("POST", RETURNS, {"locale": "en", **(body or {})}, query)

    def order(self, *skus: str, status: str = "DELIVERED", **options: Any) -> Order:
        """An order in this shop."""
        sales = self.sim.channel.sales
        return sales.place(
            self.shop, [Unit(sales.product(self.shop, sku)) for sku in skus or ("JKT-BLU-M",)], status=status, **options
        )

    def ask(self, kind: str = "RETURN_AND_REFUND", *skus: str, **options: Any) -> Return:
        """A return a buyer asks for, of a fresh order."""
        order = self.order(*skus)
        options.setdefault("shipment", "PLATFORM")
        return self.sim.channel.aftersales.request(order, kind, order.lines, **options)
