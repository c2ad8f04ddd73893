"""The docs of the simulator are true: the table is what is served, every mood is explained, the examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import aiohttp
import pytest

from backhaul.cli.simulating import ORDER, OWN_DESK, WITH_LOOP
from backhaul.simulator import mood_file
from backhaul.simulator.moods import KINDS
from backhaul.simulator.served import LEFT_OUT, page
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.conftest import REPOSITORY

SHOP_SPECS = [ShopSpec.of(OWN_DESK), ShopSpec.of(WITH_LOOP)]
HOW_TO = (REPOSITORY / "docs/how-to/use-the-simulator.md").read_text(encoding="utf-8")


def test_the_table_is_what_is_served() -> None:
    shown = (REPOSITORY / "docs/reference/simulated.md").read_text(encoding="utf-8")
    assert shown == page(), "run: python -m backhaul.simulator.served > docs/reference/simulated.md"
    # An operation without a word about it would be a row that says nothing.
    assert not re.search(r"\|\s+\|$", shown, re.M)
    assert all(LEFT_OUT.values())


def test_every_mood_is_explained() -> None:
    rows = re.findall(r"^\| (`.*?) \|", HOW_TO.partition("| Kind |")[2], re.M)
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == set(KINDS)


def test_the_example_of_a_file_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", HOW_TO, re.S)
    assert {"rate_limit", "webhook_lost"} <= {mood.kind for mood in mood_file.parse(text, "docs")}


def test_the_example_in_python_signs_rightly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO, re.S)
    real, started = subprocess.Popen, []

    def start(command: list[str], **options: object) -> object:
        assert command == ["backhaul", "simulate"]
        started.append(
            real([sys.executable, "-m", "backhaul.simulator", "--shops", "1", "--authorised"], **options)  # type: ignore[call-overload]
        )
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start)
    try:
        exec(compile(code, "the example", "exec"), {})
    finally:
        for process in started:
            process.kill()
            process.wait()
            process.stdout.close()
    assert '"code":0' in capsys.readouterr().out


async def test_the_examples_for_a_shell_work_in_their_order(sim: Simulator, session: aiohttp.ClientSession) -> None:
    sim.authorise()
    first, second = sim.describe()["shops"]
    known = {
        "shpat_sim_…": first["commerce"]["access_token"],
        "sim_loop_…": second["desk"]["key"],
        "7495…": first["id"],
    }
    known |= {f"http://127.0.0.1:{8490 + offset}": sim.addresses[name] for offset, name in enumerate(ORDER)}
    played = 0
    for line in re.findall(r"^curl .*", HOW_TO.replace("\\\n", " "), re.M):
        for placeholder, value in known.items():
            line = line.replace(placeholder, value)
        method, url, headers, body = _curl(line)
        async with session.request(method, url, headers=headers, data=body) as answer:
            said = await answer.json()
        assert answer.status < 300, (line, said)
        assert "errors" not in said, (line, said)
        played += 1
        for placeholder, path in (("576…", "/orders"), ("4035…", "/returns")):
            if url.endswith(path):
                known[placeholder] = said["id"]
    assert played > 8


def _curl(line: str) -> tuple[str, str, dict[str, str], bytes | None]:
    """What a command line of curl sends."""
    words = iter(shlex.split(line)[1:])
    method, url, headers, body = "", "", {}, None
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        else:
            url = word
    return method or ("GET" if body is None else "POST"), url, headers, body
