"""An installation without `demo`, run by its commands: connected, filled with history, live, killed piece by piece.

Everything runs in processes of its own and with the waiting times of production. The simulator's books judge.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backhaul.settings import Settings
from backhaul.simulator.process import SimulatorProcess
from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.throwaway import ThrowawayFolder
from backhaul.wiring import open_hub
from backhaul.work.lookups import Lookups
from tests.conftest import REPOSITORY
from tests.e2e.books import check_books, decisions
from tests.e2e.play import Return
from tests.e2e.stage import QUICK, Shop, Stage
from tests.patience import patient
from tests.warm import Warm

HISTORY = 500
NEW = 12


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pid_of_postgres(home: Path) -> int:
    (file,) = home.glob("**/postmaster.pid")
    return int(file.read_text(encoding="utf-8").split()[0])


class Installation:
    """The commands of one installation, each a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, _free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        names = {"DATA_DIR": home, "PORT": self.port, "PUBLIC_URL": self.base, "LOG_LEVEL": "warning"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKHAUL_")}
        self.environment = {**kept, **{f"BACKHAUL_{name}": str(value) for name, value in names.items()}}
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def _start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backhaul.cli", *words, cwd=REPOSITORY, env=self.environment, start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run(self, *words: str, seconds: float = 60.0) -> str:
        """A command to its end; what it printed."""
        process = await self._start(*words)
        async with asyncio.timeout(patient(seconds)):
            text, _ = await process.communicate()
        assert process.returncode == 0, f"backhaul {' '.join(words)}: {process.returncode}\n{text.decode()[-2000:]}"
        return text.decode()

    async def start(self, name: str) -> None:
        """`serve` or `work`, until it is killed or the installation ends."""
        log = await asyncio.to_thread(open, self.home / f"{name}.log", "ab")
        with log:
            self.running[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "backhaul.cli", name, "--attached", cwd=REPOSITORY, env=self.environment,
                start_new_session=True, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip

    async def kill(self, name: str) -> None:
        """kill -9, the whole group of the process."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def stop(self) -> None:
        """In an orderly way."""
        for process in self.running.values():
            assert process.stdin is not None
            process.stdin.close()
        for process in self.running.values():
            try:
                async with asyncio.timeout(patient(35)):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


@pytest.fixture
async def installation() -> AsyncIterator[Installation]:
    folder = ThrowawayFolder("hub-run")
    made = Installation(folder.path)
    try:
        yield made
    finally:
        await made.stop()
        await asyncio.to_thread(folder.remove)


def _nothing_went_out(books: dict[str, Any], shop: str, domain: str) -> None:
    channel, commerce = books["shops"][shop], books["commerce"][domain]
    assert [row for row in channel["decisions"] if row["actor"] == "SELLER"] == []
    assert channel["labels"] == []
    assert channel["evidence"] == []
    for order in commerce["orders"].values():
        assert [each for each in (*order["refunds"], *order["returns"]) if each["by"] == "app"] == []
        assert order["metafields"] == {}
        assert order["tags"] == [] or all("backhaul" not in tag for tag in order["tags"])


async def _post_signed_bodies(stage: Stage, specs: Path) -> None:
    """The published bodies with the published signatures, to a connection that has their app's secret."""
    path = specs / "tiktok-signing-vectors.json"
    if not path.is_file():
        return
    vectors = json.loads(path.read_text(encoding="utf-8"))["webhook_signature"]["vectors"]
    made: dict[tuple[str, str], str] = {}
    for vector in vectors:
        login = (vector["app_key"], vector["app_secret"])
        if login not in made:
            settings = {"app_key": login[0], "app_secret": login[1], "service_id": "74"}
            order = {"vendor": "tiktok_shop", "title": login[0], "settings": settings, "environment": "live"}
            found = json.loads(await stage.post("/connections", order))
            query = "select webhook_key from connection where id = $1::text::uuid"
            made[login] = await stage.hub.pool.fetchval(query, found["id"])
        raw = base64.b64decode(vector["body_bytes_base64"])
        headers = {"Authorization": vector["authorization_header_received"], "Content-Type": "application/json"}
        async with stage.http.post(f"{stage.base}/hooks/{made[login]}", data=raw, headers=headers) as answer:
            assert answer.status == (200 if vector["receiver_must_accept"] else 401), vector["id"]


async def _play(case: Return, number: int) -> None:
    """A third are refunds, a third returns with goods, a third are withdrawn after the approval. A person tries again
    what fails while something is down."""

    async def patiently(act: Any) -> None:
        for _ in range(40):
            try:
                await act()
                return
            except (TimeoutError, AssertionError, OSError):
                await asyncio.sleep(1.0)
        await act()

    if number % 3 == 0:
        await patiently(case.approve)
    elif number % 3 == 1:
        await patiently(case.approve)
        await case.until(lambda row: row.lane("records") == "open", "the return in commerce", 120.0)
        await case.ship_and_deliver()
        await case.until(lambda row: row.next_action == "judge_parcel", "the parcel", 120.0)
        await patiently(case.inspect)
    else:
        await patiently(case.approve)
        await case.until_books(decisions, "the approval", 120.0)
        await case.act("withdraw")
    await case.until_ended(150.0)


async def _kill_each(installation: Installation) -> None:
    """kill -9: hub, worker, database, one after the other, each started again."""
    await asyncio.sleep(3.0)
    await installation.kill("serve")
    await asyncio.sleep(1.0)
    await installation.start("serve")
    await asyncio.sleep(4.0)
    await installation.kill("work")
    await asyncio.sleep(0.5)
    await installation.start("work")
    await asyncio.sleep(6.0)
    os.kill(_pid_of_postgres(installation.home), signal.SIGKILL)


async def _alive(stage: Stage) -> bool:
    try:
        async with stage.http.get(f"{stage.base}/readyz") as answer:
            return answer.status == 200
    except OSError:
        return False


async def test_the_big_run(installation: Installation, specs: Path, warm: Warm) -> None:
    spec = {
        "name": "Kiln", "commerce_domain": "kiln.myshopify.com", "clocks": QUICK, "commerce_points_per_s": 1000,
        "connector": {"delay_seconds": 0.0},
    }  # fmt: skip
    async with SimulatorProcess(shops=[spec], rate=20.0) as sim:
        shop = Shop(sim.ready["shops"][0])
        control = sim.ready["addresses"]["control"]
        await sim.control.seed_history(shop.channel_id, HISTORY, 60)
        await installation.start("serve")
        await installation.start("work")
        server = EmbeddedPostgres(installation.home)
        dsn = await server.__aenter__()
        try:
            async with open_hub(Settings(data_dir=installation.home, public_url=installation.base), dsn) as hub:
                stage = Stage(sim, hub, installation.base, installation.home, warm)
                try:
                    await stage.until(lambda: _alive(stage), 60.0, "serve and work", every=0.3)
                    await _whole(installation, stage, shop, control, specs)
                finally:
                    await stage.close()
        finally:
            await server.__aexit__(None, None, None)


async def _whole(installation: Installation, stage: Stage, shop: Shop, control: str, specs: Path) -> None:
    await installation.run("connect", "tiktok_shop", "--simulated-by", control)
    await installation.run("connect", "shopify", "--simulated-by", control)
    shop.id = await stage.hub.pool.fetchval("select id from shop")
    stage.shops.append(shop)
    stage.use_token((await installation.run("token", "create", "clerk", "--role", "owner")).split()[-1])

    told = await installation.run("sync", "Kiln", "--since", "90d", seconds=180.0)
    assert f"{HISTORY} cases" in told, told
    _nothing_went_out(await stage.control.books(), shop.channel_id, shop.domain)
    past = await stage.control.books()

    await installation.run("shop", "Kiln", "--gateway", "TikTok Shop", "--location", await _location(stage, shop))
    await installation.run("mode", "Kiln", "live", "--take-over", "none", "--yes")
    await asyncio.sleep(1.0)
    _nothing_went_out(await stage.control.books(), shop.channel_id, shop.domain)

    await _post_signed_bodies(stage, specs)
    cases = [await stage.ask("REFUND" if number % 3 == 0 else "RETURN_AND_REFUND") for number in range(NEW)]
    killing = asyncio.create_task(_kill_each(installation))
    await asyncio.gather(*(_play(case, number) for number, case in enumerate(cases)))
    await killing
    await stage.until(lambda: _alive(stage), 60.0, "serve and work after all of it", every=0.3)
    await _judge(stage, shop, past, cases)


async def _location(stage: Stage, shop: Shop) -> str:
    places = await Lookups(stage.hub.vendors).locations(shop.id)
    return places[0][1]


async def _judge(stage: Stage, shop: Shop, past: dict[str, Any], cases: Sequence[Return]) -> None:
    """Every return is settled or in Exceptions; the books of both sides agree to the cent; the past was left alone."""
    old = {row["return_id"] for row in past["shops"][shop.channel_id]["refunds"]} | set(
        past["shops"][shop.channel_id]["returns"]
    )
    books = await check_books(stage, unbooked=old)
    mine = [row for row in books["shops"][shop.channel_id]["decisions"] if row["actor"] == "SELLER"]
    assert not {row["return_id"] for row in mine} & old
    for number, case in enumerate(cases):
        order, total = await case.order(), (await case.state())["total"]
        assert order.get("refunded_minor", 0) == (0 if number % 3 == 2 else total), case.rid
    unsettled = await stage.hub.pool.fetch(
        """
        select c.channel_id from return_case c where not c.ended and c.channel_id = any($1)
        and not exists (select from exception x where x.case_id = c.id and x.closed_at is null)
        """,
        [case.rid for case in cases],
    )
    assert unsettled == []
