"""A returns desk connected by commands: its rights are tried, what lacks is named, and a new key takes its place."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from backhaul.cli import doctor
from backhaul.simulator.process import SimulatorProcess
from tests.cli.runs import Run

STORE = "desk-store.myshopify.com"
FEW = ["returns", "developer_tools"]


@pytest.mark.usefixtures("warm_simulators")
async def test_a_desk_is_connected_and_its_key_replaced(backhaul: Run, database: str, tmp_path: Path) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        done = await asyncio.to_thread(backhaul, tmp_path, *arguments, BACKHAUL_DATABASE_URL=database)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    shops = [{"name": "Own desk"}, {"name": "Desk", "commerce_domain": STORE, "desk": "loop"}]
    async with SimulatorProcess(shops=shops) as simulator:
        control = simulator.control
        said = await run("connect", "tiktok_shop", "--simulated-by", control.base, "--shop", "Nobody", code=2)
        assert re.search(r"plays no tiktok_shop account of “Nobody”; its shops: Own desk \(\d+\), Desk \(\d+\)$", said)
        await run("connect", "tiktok_shop", "--simulated-by", control.base)
        said = await run("connect", "loop", "--simulated-by", control.base, code=2)
        assert "plays no loop account of" in said, "another shop's desk is not linked to this one"
        said = await run("connect", "tiktok_shop", "--simulated-by", control.base, "--shop", "Desk")
        assert "Shop: Desk " in said
        few = (await control.call("POST", f"/loop/{STORE}/keys", {"name": "few", "scopes": FEW}))["key"]

        desk = ("--simulated-by", control.base, "--shop", "Desk")
        said = await run("connect", "loop", *desk, "--set", "api_key=sim_nonsense", code=1)
        assert "does not accept this key" in said
        said = await run("connect", "loop", *desk, "--set", f"api_key={few}")
        assert "the login works" in said
        assert "lacks draft_returns:read, draft_returns:write" in said
        assert "webhooks subscribed" in said
        said = await run("connect", "loop", *desk, "--set", f"api_key={few}", code=1)
        assert "connected already" in said

        whole = simulator.ready["shops"][1]["desk"]["key"]
        said = await run("connect", "loop", "--again", "--set", "api_key=sim_nonsense", code=1)
        assert "does not accept this key" in said
        said = await run("connect", "loop", "--again", "--set", f"api_key={whole}")
        assert "has all rights" in said
        assert few not in said
        assert whole not in said

        change = (
            "--opens",
            "requested",
            "--no-labels",
            "--reject-reason",
            "used",
            "--carrier",
            "USPS=US Postal Service",
        )
        assert "Carrier USPS is US Postal Service" in await run("desk", "desk", *change)
        said = await run("desk", "desk", "--hub-writes-records", "--carrier", "UPS=UPS", "--carrier", "USPS=")
        assert "opened there as soon as the buyer asks" in said
        assert "a person uploads them" in said
        assert "Backhaul writes it" in said
        assert "rejects: used." in said
        assert "Carrier UPS is UPS" in said
        assert "USPS" not in said

        said = await run("connect", "shopify", "--set", "shop_domain=desk", "--set", "client_id=x", code=1)
        assert "Shopify did not take the credentials: client_secret: needs a client id and secret" in said
        assert "(settings)" not in said

    said = await run("connect", "loop", "--again", code=1)
    assert "Loop does not answer: " in said
    assert said.endswith("(Connection refused). Try again in a minute.")
    said = await run("doctor", code=1)
    assert said.count(f" → {doctor.UNREACHED}") == 3
    assert "connect loop --again" not in said
    (tmp_path / "master.key").unlink()
    said = await run("doctor", code=1)
    assert re.search(r"Stored secrets do not open: the key \w{8} is not in the key file", said)
    assert f"→ Put the key file of this database at {tmp_path}/master.key." in said
