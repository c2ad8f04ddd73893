"""Commands tried as a person would: right, wrong, and for help."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from backhaul.cli import doctor, finding, simulated
from backhaul.cli.app import app
from backhaul.cli.running import Problem
from backhaul.store import embedded
from backhaul.store.diagnosis import Health
from tests.cli.runs import backhaul, environment

GROUP = typer.main.get_command(app)


def commands() -> Iterator[tuple[str, ...]]:
    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if not isinstance(command, TyperGroup):
            yield path
            return
        for name in command.list_commands(typer.Context(command)):
            yield from walk(command.get_command(typer.Context(command), name), (*path, name))

    return walk(GROUP, ())


def test_a_command_loads_its_own_code_only() -> None:
    asked = "import sys, backhaul.cli.returning; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert not {"alembic", "sqlalchemy", "litestar", "uvicorn", "graphql"} & set(done.stdout.split())


def test_a_mistyped_command_is_told_its_neighbour() -> None:
    done = CliRunner().invoke(app, ["retruns"])
    assert done.exit_code == 2
    assert "returns" in done.output


def test_all_commands_are_there() -> None:
    names = {path[0] for path in commands()}
    assert names >= {
        "demo",
        "serve",
        "work",
        "connect",
        "sync",
        "replay",
        "doctor",
        "simulate",
        "shops",
        "mode",
        "returns",
    }


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    shown = CliRunner(env={"COLUMNS": "150"}).invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output
    needs_no_example = {("returns", "show"), ("returns", "approve"), ("returns", "keep"), ("token", "revoke")}
    assert path in needs_no_example or re.search(r"Examples?:", shown.output)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("rehearse",), "on simulated vendors, in an installation that is thrown away"),
        (("returns", "offer"), "where the shop has that choice"),
    ],
)
def test_help_is_as_wide_as_the_terminal(path: tuple[str, ...], said: str) -> None:
    shown = CliRunner(env={"COLUMNS": "180"}).invoke(app, [*path, "--help"])
    assert said in shown.output
    assert re.search(r"\n\s*\n\s+Examples?:\s*\n\s*\n\s+backhaul", shown.output)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BACKHAUL_PORT": "many"}, "BACKHAUL_PORT"),
        ({"BACKHAUL_PROT": "8480"}, "did you mean BACKHAUL_PORT"),
        ({"BACKHAUL_DATABASE_URL": "mysql://x:secret@y/z"}, "postgresql://"),
        ({"BACKHAUL_PUBLIC_URL": "returns"}, "BACKHAUL_PUBLIC_URL"),
    ],
)
@pytest.mark.parametrize("command", [("serve",), ("work",), ("doctor",), ("demo",)], ids=" ".join)
def test_a_wrong_setting_is_one_line_and_exit_code_2(
    command: tuple[str, ...], settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    env = environment(tmp_path, **settings)
    done = CliRunner(env={**dict.fromkeys((k for k in env if k.startswith("BACKHAUL_")), None), **env}).invoke(
        app, list(command)
    )
    assert done.exit_code == 2
    assert said in done.output
    assert "secret" not in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing was begun"


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1:8490",
        "https://127.0.0.1:1",
        "http://example.com",
        "127.0.0.1:8490",
        "http://[::ffff:1.2.3.4]:1",
    ],
)
def test_a_simulator_is_on_this_machine(address: str) -> None:
    with pytest.raises(Problem, match="this machine") as refused:
        simulated.control_address(address)
    assert refused.value.code == 2


def test_the_simulators_address_is_taken() -> None:
    assert simulated.control_address("http://127.0.0.1:8490/") == "http://127.0.0.1:8490"
    assert simulated.control_address("http://localhost:8490") == "http://localhost:8490"


@pytest.mark.parametrize("command", ["demo", "serve", "shops"])
def test_a_data_folder_that_cannot_be_is_said(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    done = backhaul(tmp_path / "file" / "data", command, BACKHAUL_PORT="0")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: .*file/data.*\n", done.stderr)


SAYS_MUCH = """
import asyncio, typer
from contextlib import asynccontextmanager
from backhaul.cli import running

@asynccontextmanager
async def opened():
    try:
        yield
    finally:
        await asyncio.sleep(0)

async def findings():
    async with opened():
        while True:
            await asyncio.sleep(0)
            yield "ok"

async def work():
    async for finding in findings():
        running.out.print(finding)

typer.run(lambda: running.run(work()))
"""


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SAYS_MUCH], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.readline() == "ok\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = backhaul(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "choose another --port" in done.stderr


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    done = backhaul(tmp_path, "shops", BACKHAUL_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the database does not answer")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_key_that_others_may_read_is_said(tmp_path: Path) -> None:
    settings = {"BACKHAUL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    (tmp_path / "master.key").write_text("x")
    (tmp_path / "master.key").chmod(0o644)
    done = backhaul(tmp_path, "doctor", **settings)
    assert done.returncode == 1
    assert "chmod 600" in done.stdout
    assert "database does not answer" in done.stdout


def test_doctor_on_a_fresh_machine(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    try:
        done = backhaul(tmp_path, "doctor", BACKHAUL_PORT="1")
    finally:
        embedded.destroy(tmp_path)
    assert done.returncode == 1, "no worker runs"
    assert re.search(r"^ok +Database: PostgreSQL \d+.*embedded, migrated", done.stdout, re.M)
    assert re.search(r"^error +No worker is alive", done.stdout, re.M)
    assert "→ backhaul connect tiktok_shop" in done.stdout


def test_what_doctor_says_of_the_work() -> None:
    def levels(**values: object) -> list[str]:
        health = {
            "now": None, "version": "18", "workers": 1, "oldest_job_s": 0.0, "queued": 0, "oldest_queued_s": 0.0,
            "exceptions": 0, "refused_today": 0, **values,
        }  # fmt: skip
        return [finding.level for finding in doctor.work_findings(Health(**health))]  # type: ignore[arg-type]

    assert levels() == ["ok"]
    assert levels(workers=0) == ["error"]
    assert levels(oldest_job_s=61.0) == ["ok", "error"]
    assert levels(queued=5, oldest_queued_s=3.0) == ["ok", "ok"]
    assert levels(queued=5, oldest_queued_s=300.0) == ["ok", "warning"]
    assert levels(refused_today=2) == ["ok", "warning"]


def test_moments() -> None:
    where = finding.zone("America/New_York")
    assert finding.moment("2026-01-01", where, "--since").isoformat() == "2026-01-01T00:00:00-05:00"
    assert finding.moment("2026-01-01T08:00", where, "--since").isoformat() == "2026-01-01T08:00:00-05:00"
    assert finding.moment("2026-01-01T08:00+00:00", where, "--since").isoformat() == "2026-01-01T08:00:00+00:00"
    for wrong in ("yesterday", "2026-13-01", "d", ""):
        with pytest.raises(Problem, match="--since"):
            finding.moment(wrong, where, "--since")


def test_only_what_can_be_started_is_offered() -> None:
    said = CliRunner(env={"COLUMNS": "150"}).invoke(app, ["start-return", "57", "--kind", "exchange"])
    assert said.exit_code == 2
    assert "--kind: one of refund, return, cancellation" in said.output


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (["--carrier", "USPS"], "write DESK=CHANNEL"),
        (["--carrier", "=USPS"], "write DESK=CHANNEL"),
        (["--opens", "never"], "one of requested, approved"),
    ],
)
def test_a_wrong_desk_setting_is_told_before_anything_is_opened(wrong: list[str], text: str) -> None:
    said = CliRunner(env={"COLUMNS": "150"}).invoke(app, ["desk", "any", *wrong])
    assert said.exit_code == 2
    assert text in said.output
