"""The docs of the simulator are true: the table is what is served, every mood is explained, the examples run."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from backhaul.simulator import mood_file
from backhaul.simulator.moods import KINDS
from backhaul.simulator.served import LEFT_OUT, page
from tests.conftest import REPOSITORY

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
