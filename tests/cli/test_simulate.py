"""`backhaul simulate`, as a stranger's client meets it: one JSON line, and everything in it works at once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from backhaul.cli.app import app
from tests.cli.runs import COMMAND, backhaul, environment
from tests.simulator.wire import signature


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """The ready line of a running simulator, which ends with its input."""
    process = subprocess.Popen(
        [*COMMAND, "simulate", "--attached", *options],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.stdout.read() == "", "one line, and no more"
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_the_line_holds_all_that_a_client_needs(tmp_path: Path) -> None:
    with simulator(tmp_path) as ready:
        at, app = ready["addresses"], ready["app"]
        assert set(at) == {"tiktok", "shopify", "loop", "control", "console"}
        own, looped = ready["shops"]
        assert (own["desk"], looped["desk"]["vendor"]) == (None, "loop")
        assert own["refresh_token"].startswith("sim_")
        async with aiohttp.ClientSession() as session:
            path, stamp = "/order/202309/orders/search", str(int(time.time()))
            query = {"app_key": app["app_key"], "timestamp": stamp, "page_size": "10", "shop_cipher": own["cipher"]}
            headers = {"x-tts-access-token": own["access_token"], "Content-Type": "application/json"}
            query["sign"] = signature(app["app_secret"], path, query, b"{}")
            async with session.post(at["tiktok"] + path, params=query, data=b"{}", headers=headers) as answer:
                assert (await answer.json())["code"] == 0
            store = looped["commerce"]
            url = f"{store['base']}/{store['domain']}/admin/api/2026-10/graphql.json"
            headers = {"X-Shopify-Access-Token": store["access_token"]}
            async with session.post(url, json={"query": "{ shop { name } }"}, headers=headers) as answer:
                assert (await answer.json())["data"]["shop"]["name"] == "Sim With Loop"
            desk = looped["desk"]
            async with session.get(f"{desk['base']}/webhooks", headers={"X-Authorization": desk["key"]}) as answer:
                assert (answer.status, await answer.json()) == (200, {"webhooks": []})
            async with session.get(at["console"]) as answer:
                assert "With Loop" in await answer.text()


def test_a_world_goes_on_where_it_was_left(tmp_path: Path) -> None:
    state, moods = str(tmp_path / "world.state"), tmp_path / "moods.toml"
    moods.write_text('[[moods]]\nkind = "slow"\n', encoding="utf-8")
    shop = json.dumps({"name": "Uno", "region": "DE", "commerce_domain": "sim-uno.myshopify.com"})
    options = ("--state", state, "--moods", str(moods), "--rate", "0", "--seed", "5")
    with simulator(tmp_path, *options, "--shop", shop) as first:
        assert [(each["name"], each["currency"]) for each in first["shops"]] == [("Uno", "EUR")]
        assert first["clock"]["rate"] == 0
    with simulator(tmp_path, *options) as second:
        assert second["shops"][0]["access_token"] == first["shops"][0]["access_token"]
        assert second["shops"][0]["commerce"]["access_token"] == first["shops"][0]["commerce"]["access_token"]


def _five_free_ports() -> int:
    for first in range(20_000, 60_000, 7):
        try:
            for port in range(first, first + 5):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise AssertionError("no five ports in a row are free")


def test_ports_stand_in_a_row_and_a_taken_one_is_named(tmp_path: Path) -> None:
    first = _five_free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 1))
        taken.listen()
        done = backhaul(tmp_path, "simulate", "--port", str(first))
    assert done.returncode == 2
    assert done.stderr == (
        f"simulator: cannot listen on 127.0.0.1:{first + 1} for tiktok: Address already in use; choose another port\n"
    )
    with simulator(tmp_path, "--port", str(first), "--shops", "1") as ready:
        ports = {name: int(address.rpartition(":")[2]) - first for name, address in ready["addresses"].items()}
        assert ports == {"control": 0, "tiktok": 1, "shopify": 2, "loop": 3, "console": 4}
        assert len(ready["shops"]) == 1


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that the command would have become."""
    found: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, command: found.append(command))
    return found


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--moods", "{folder}/bad.toml"), "bad.toml:2: expected one of auto_approve"),
        (("--moods", "{folder}/gone.toml"), "gone.toml: cannot be read: No such file or directory"),
        (("--shop", "{"), "--shop: not JSON"),
        (("--shop", "[]"), "--shop: not a JSON object"),
        (("--shop", '{"commerce_domain": "merchant.myshopify.com"}'), "may be a real store; begin it with sim-"),
        (("--rate", "-1"), "--rate"),
        (("--port", "65535"), "--port"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(
    tmp_path: Path, started: list[list[str]], options: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "bad.toml").write_text('[[moods]]\nkind = "sloww"\n', encoding="utf-8")
    arguments = [each.replace("{folder}", str(tmp_path)) for each in options]
    done = CliRunner(env=environment(tmp_path)).invoke(app, ["simulate", *arguments])
    assert (done.exit_code, started) == (2, [])
    assert complaint in done.output


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--shop", '{"reigon": "US"}'), "unknown: reigon; a shop has name, region"),
        (("--shop", '{"region": "ZZ"}'), "ZZ"),
        (("--state", "{folder}/bad.state"), "bad.state cannot be read"),
        (("--state", "{folder}/gone/world.state"), "world.state: its folder is not there"),
    ],
)
def test_what_only_the_world_can_tell_is_said_in_a_line(
    tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "bad.state").write_bytes(b"nothing")
    (tmp_path / "bad.state").chmod(0o600)
    arguments = [each.replace("{folder}", str(tmp_path)) for each in options]
    command = [sys.executable, "-m", "backhaul.simulator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_public_installation_is_no_place_to_send_a_simulated_consent_to(
    tmp_path: Path, started: list[list[str]]
) -> None:
    for address, wanted in (("https://returns.merchant.com", ""), ("http://127.0.0.1:9000", "http://127.0.0.1:9000")):
        env = environment(tmp_path, BACKHAUL_PUBLIC_URL=address)
        assert CliRunner(env=env).invoke(app, ["simulate"]).exit_code == 0
        (command,) = started
        started.clear()
        redirect = command[command.index("--redirect-url") + 1]
        assert redirect == (f"{wanted}/callback/tiktok_shop" if wanted else "")
