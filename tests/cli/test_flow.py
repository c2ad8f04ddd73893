"""From nothing to settled books by commands alone: connect, sync, live, approve, receive, inspect, replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backhaul.cli.children import Child
from backhaul.cli.children import backhaul as command
from backhaul.domain.channel import Goods, Instead, WayBack
from backhaul.domain.words import Kind, ShippedBy, Stage
from backhaul.simulator.process import SimulatorProcess
from backhaul.store.db import open_pool
from tests.cli.runs import Run, environment
from tests.patience import patient
from tests.web import seeding

STORE = "flow.myshopify.com"


RULE = """
[[rules]]
name = "pennies"
answer = "approve"
below = "0.01 USD"
"""


async def until(what: str, look: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    end = time.monotonic() + patient(seconds)
    while not await look():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.2)


@pytest.mark.usefixtures("warm_simulators")
async def test_a_return_by_commands_alone(backhaul: Run, database: str, tmp_path: Path) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        done = await asyncio.to_thread(backhaul, tmp_path, *arguments, BACKHAUL_DATABASE_URL=database)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    shops = [{"name": "Flow", "commerce_domain": STORE, "connector": {"delay_seconds": 0.0}}]
    async with SimulatorProcess(shops=shops) as simulator:
        control, shop = simulator.control, simulator.ready["shops"][0]["id"]
        assert "consent given" in await run("connect", "tiktok_shop", "--simulated-by", control.base)
        assert "its login was renewed" in await run("connect", "tiktok_shop", "--simulated-by", control.base, code=1)
        assert "the login works" in await run("connect", "shopify", "--simulated-by", control.base)
        assert "observe" in await run("shops")
        assert "Main warehouse" in await run("shop", "flow", "--location", "?")
        await run("shop", "flow", "--location", "main warehouse", "--gateway", "TikTok Shop")
        assert "writes returns" in await run("shop", "flow", "--payer", "channel", "--switched-off")

        kept = tmp_path / "policy.toml"
        kept.write_text(await run("policy", "show", "flow") + RULE)
        assert "A policy with 1 rule." in await run("policy", "check", str(kept))
        assert "Version 1 is in force for Flow" in await run("policy", "set", "flow", str(kept))
        assert 'below = "0.01 USD"' in await run("policy", "show", "flow", "--format", "toml")
        kept.write_text(RULE.replace("USD", "dollars"))
        assert "write it like 20.00 USD" in await run("policy", "set", "flow", str(kept), code=2)

        order = await control.place_order(shop, status="DELIVERED", copy={"style": "tag"})
        asked = (await control.ask_return(order["id"], shipment="PLATFORM", auto_approve=False))["id"]
        await control.step(5)  # the store's search shows an order a little later than the order is there
        said = await run("sync", "flow", "--since", "1d")
        assert "works by itself" in said
        assert "1 found" in said
        assert "nothing was sent; for 1 cases something would be" in said
        await run("returns", "approve", asked)
        assert (await control.books())["shops"][shop]["decisions"] == [], "observing"

        said = await run("mode", "flow", "live", "--take-over", "all", "--yes")
        assert "is live. 1 open cases taken over" in said
        worker = Child(
            "work", command("work", "--attached"), environment(tmp_path, BACKHAUL_DATABASE_URL=database),
            tmp_path / "work.log",
        )  # fmt: skip
        await worker.start()
        try:
            await _settle(run, simulator, asked)
        finally:
            await worker.stop(20)
        books = await control.books()
        total = (await control.get_return(asked))["total"]
        decisions = [each["decision"] for each in books["shops"][shop]["decisions"]]
        assert decisions == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
        (mine,) = [each for each in books["commerce"][STORE]["orders"].values() if each["refunds"]]
        assert [each["amount_minor"] for each in mine["refunds"]] == [total]
        assert [each["type"] for each in mine["returns"][0]["dispositions"]] == ["RESTOCKED"]
        assert books["commerce"][STORE]["money_moved"] == []


async def _settle(run: Callable[..., Awaitable[str]], simulator: SimulatorProcess, asked: str) -> None:
    control = simulator.control

    async def stands(status: str) -> bool:
        return bool((await control.get_return(asked))["status"] == status)

    async def shown(status: str) -> bool:
        return f" {status} " in await run("returns", "list", "--find", asked)

    await until("the approval of before is sent", lambda: stands("AWAITING_BUYER_SHIP"))
    assert "does not wait for that answer" in await run("returns", "reject", asked, "--reason", "x", code=1)
    await control.act(asked, "ship")
    await control.act(asked, "deliver")
    await run("replay", "case", asked)
    await until("the delivery is seen", lambda: shown("delivered"))
    said = await run("returns", "show", asked)
    assert "to_inspect" in said
    assert "accept_parcel" in said
    await run("returns", "receive", asked, "--by", "ana")
    assert "1 inspected: sellable, restock" in await run("returns", "inspect", asked, "--by", "ana")
    await until("the parcel is accepted", lambda: stands("RETURN_OR_REFUND_REQUEST_SUCCESS"))
    assert "moved already" in await run("returns", "inspect", asked, "--condition", "damaged", code=1)
    await control.step(3600)
    await run("replay", "case", asked)
    await until("the case is closed", lambda: shown("closed"))
    said = await run("returns", "show", asked)
    assert "money booked" in said
    assert "ana received 1 units" in said


async def test_what_is_sent_instead_is_shown(backhaul: Run, database: str, tmp_path: Path) -> None:
    instead = Instead((Goods("9", "MUG-GREEN", "Stoneware mug, green"),), "5769999")
    case = seeding.channel_case(Stage.COMPLETED, Kind.EXCHANGE, way_back=WayBack(ShippedBy.CHANNEL))
    pool = await open_pool(database, 1)
    try:
        await seeding.put(pool, await seeding.shop(pool), case, seen={"instead": instead})
    finally:
        await pool.close()
    done = await asyncio.to_thread(backhaul, tmp_path, "returns", "show", case.id, BACKHAUL_DATABASE_URL=database)
    assert "instead Stoneware mug, green (MUG-GREEN)" in done.stdout, done.stderr
    assert "instead new order 5769999" in done.stdout
