"""`backhaul audit` as a person reads it: whose findings, what they cost, and the command that answers them."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from typer.testing import CliRunner

from backhaul.cli.app import app
from backhaul.cli.auditing import COMMANDS
from backhaul.store.db import open_pool
from tests.cli.runs import Run
from tests.web import seeding


async def test_a_finding_comes_with_the_command_that_answers_it(backhaul: Run, database: str, tmp_path: Path) -> None:
    pool = await open_pool(database, 2)
    try:
        us = await seeding.shop(pool, "Kiln & Co", booker="nobody")

        async def run(*arguments: str) -> tuple[int, str]:
            done = await asyncio.to_thread(backhaul, tmp_path, *arguments, BACKHAUL_DATABASE_URL=database)
            return done.returncode, done.stdout

        code, said = await run("audit", "kiln")
        assert code == 1
        assert said.startswith("Kiln & Co, the last 30 days:")
        assert "Nobody books refunds in commerce." in said
        (command,) = [line.strip().removeprefix("$ backhaul ") for line in said.splitlines() if "$ backhaul" in line]
        assert await run(*shlex.split(command)) == (0, "Refunds are booked by: hub.\n")
        assert await pool.fetchval("select booker from shop where id = $1", us) == "hub"
        code, said = await run("audit", "kiln")
        assert code == 0
        assert "Nothing in the last 30 days speaks against the settings." in said
    finally:
        await pool.close()


def test_the_commands_are_there() -> None:
    """Every option that a hint names is one of its command."""
    for hint in COMMANDS.values():
        for each in hint.partition(", or ")[0].split("; "):
            words = each.replace("{shop}", "x").split()[1:]
            path = words[:2] if words[0] == "policy" else words[:1]
            shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*path, "--help"])
            assert shown.exit_code == 0, hint
            for option in (word for word in words if word.startswith("--")):
                assert option in shown.output, hint
