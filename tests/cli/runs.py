"""Runs `backhaul` as a person would: as a process, with an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "backhaul.cli"]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a command, with these settings and no others."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("BACKHAUL_")}
    return {**rest, "BACKHAUL_DATA_DIR": str(data_dir), "COLUMNS": "200", "NO_COLOR": "1", **settings}


def backhaul(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(shown) and not shown.startswith("Z")
