"""A client of the simulated desk for its tests: it knows the published calls and follows forms, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from backhaul.simulator.loop.model import Desk, Return
from backhaul.simulator.server import Simulator
from backhaul.simulator.shopify.model import Order
from backhaul.simulator.tiktok.sales import Unit

HAL = "application/prs.hal-forms+json"


@dataclass
class Reply:
    """One answer."""

    status: int
    body: Any
    media: str
    headers: Mapping[str, str]


def signature(secret: str, body: bytes) -> str:
    """What X-Loop-Signature must be."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class DeskClient:
    """Calls one desk with one of its keys."""

    def __init__(self, sim: Simulator, desk: Desk, session: aiohttp.ClientSession, version: str = "/2026-10") -> None:
        self.sim, self.desk, self.session = sim, desk, session
        self.key = desk.keys[0].value
        self.api = sim.addresses["loop"] + "/api" + version

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Any = None,
        **query: str,
    ) -> Reply:
        """One call; a path that is an address is called as it is."""
        url = path if path.startswith("http") else self.api + path
        sent = {"X-Authorization": self.key, **(headers or {})}
        async with self.session.request(method, url, json=body, params=query or None, headers=sent) as answer:
            raw = await answer.read()
            value = None if not raw else await answer.json(content_type=None)
            return Reply(answer.status, value, answer.content_type, answer.headers)

    def order(self, *skus: str, **options: Any) -> Order:
        """An order of the channel, brought to the store."""
        channel = self.sim.channel
        shop = next(iter(channel.world.shops.values()))
        sales = channel.sales
        self.sim.connector.suspended = True
        made = sales.place(
            shop,
            [Unit(sales.product(shop, sku)) for sku in skus or ("MUG-GRN",)],
            status=options.pop("status", "DELIVERED"),
            **options,
        )
        self.sim.connector.suspended = False
        self.sim.connector.copy(made, "source_identifier")
        return self.sim.connector.copies[made.id]  # type: ignore[no-any-return]

    async def begin(self, order: Order, second: str | None = None) -> Reply:
        """A fresh draft for an order."""
        assert order.shipping_address is not None
        secondary = order.shipping_address.zip if second is None else second
        return await self.call("POST", "/draft-returns", {"order_name": order.name, "secondary_input": secondary})

    async def create(self, order: Order, sku: str = "", outcome: str = "refund", reason: str = "Defective") -> Return:
        """A whole return of one piece, through the forms."""
        reply = await self.begin(order)
        assert reply.status == 200, reply.body
        reply = await self.fill_item(reply.body, sku or str(order.lines[0].sku), outcome, reason)
        assert reply.status == 200, reply.body
        reply = await self.finish(reply.body)
        assert reply.status == 200, reply.body
        return self.desk.returns[reply.body["draft_return"]["return_id"]]

    async def fill_item(self, document: Any, sku: str, outcome: str = "refund", reason: str = "Defective") -> Reply:
        """Fills the form of one piece by what its options say."""
        draft_id = document["draft_return"]["id"]
        items = (await self.call("GET", f"/draft-returns/{draft_id}/order/items")).body["items"]
        template = document["_templates"]["add-returning-item"]
        answers = fill(template, [item for item in items if item["sku"] == sku], outcome, reason)
        return await self.call("POST", document["_links"]["add-returning-item"]["href"], answers)

    async def finish(self, document: Any) -> Reply:
        """Takes every step that is still wanted, then submits."""
        for step in ("finalize-items", "set-credit-type", "submit-draft-return"):
            if step in document["_links"]:
                template = document["_templates"][step]
                body = {each["name"]: each["options"]["inline"][0]["value"] for each in template["properties"]}
                reply = await self.call(template["method"], document["_links"][step]["href"], body or None)
                if reply.status != 200:
                    return reply
                document = reply.body
        return reply


def fill(template: Any, items: list[Any], outcome: str, reason: str) -> dict[str, Any]:
    """The values of a form for one piece; fields are told apart by their options, not by their names."""
    ids = {str(item["id"]) for item in items}
    parents = {child["prompt"]: child.get("parent") for each in template["properties"] for child in _inline(each)}
    values: dict[str, Any] = {}
    for each in template["properties"]:
        if "value" in each:
            values[each["name"]] = each["value"]
        for option in _inline(each):
            chosen = str(option["value"]) in ids or option["value"] == outcome or option["prompt"] == reason
            if (chosen or option["prompt"] == parents.get(reason)) and each["name"] not in values:
                values[each["name"]] = option["value"]
    return values


def _inline(each: Any) -> list[Any]:
    return list(each.get("options", {}).get("inline", []))
