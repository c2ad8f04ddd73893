"""Children end with us, also those that do not want to, and those they have started themselves."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from backhaul.cli.children import Child, keep_running
from backhaul.settings import environment_with
from tests.cli.runs import is_alive
from tests.patience import patient

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, flush=True)
time.sleep(600)
"""


def _said(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


async def _printed(log: Path) -> str:
    while not _said(log):
        await asyncio.sleep(0.02)
    return _said(log)[0]


async def test_a_child_that_does_not_listen_is_killed_with_its_own_children(tmp_path: Path) -> None:
    child = Child("stubborn", [sys.executable, "-c", STUBBORN], log=tmp_path / "log")
    await child.start()
    grandchild = int(await _printed(tmp_path / "log"))
    pid = child.pid
    began = time.monotonic()
    await child.stop(grace=0.3)
    assert time.monotonic() - began >= 0.3
    for _ in range(100):
        if not is_alive(grandchild):
            break
        await asyncio.sleep(0.02)
    assert not is_alive(pid)
    assert not is_alive(grandchild)


async def test_a_frozen_child_is_killed_too(tmp_path: Path) -> None:
    child = Child("frozen", [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"],
                  log=tmp_path / "log")  # fmt: skip
    await child.start()
    await _printed(tmp_path / "log")
    child._process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
    pid = child.pid
    await child.stop(grace=0.3)
    assert not is_alive(pid)


async def test_a_dead_child_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child("mortal", [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"],
                  log=log)  # fmt: skip
    stop = asyncio.Event()
    keeping = asyncio.create_task(keep_running([child], stop))
    try:
        first = int(await _printed(log))
        async with asyncio.timeout(patient(20)):
            while not child.alive:  # it may print before we know that it runs
                await asyncio.sleep(0.01)
            child.kill()
            while len(_said(log)) < 2:
                await asyncio.sleep(0.05)
        second = int(_said(log)[1])
        assert second != first
        assert is_alive(second)
        assert not is_alive(first)
    finally:
        stop.set()
        await child.stop(1.0)
        await keeping
    assert not is_alive(second)


def test_children_get_exactly_the_settings_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKHAUL_DATABASE_URL", "postgresql://real")
    given = environment_with({"BACKHAUL_PORT": "1"})
    assert {name: value for name, value in given.items() if name.startswith("BACKHAUL_")} == {"BACKHAUL_PORT": "1"}
    assert given["PATH"]
