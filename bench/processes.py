"""The processes of a run: the product's own `serve` and `work`, PostgreSQL with fsync on; and what they use."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def child(name: str, arguments: list[str], environment: dict[str, str], log: Path) -> AsyncIterator[int]:
    """A `backhaul` process in a session of its own; its pid."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backhaul.cli",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**{k: v for k, v in os.environ.items() if not k.startswith("BACKHAUL_")}, **environment},
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode not in (0, -signal.SIGTERM):
            print(f"{name} ended with {process.returncode}; see {log}", file=sys.stderr)


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def descendants(pid: int) -> list[int]:
    """The process and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents.setdefault(int(_stat(int(entry))[1]), []).append(int(entry))
            except (OSError, ValueError):
                continue
    found, queue = [], [pid]
    while queue:
        each = queue.pop()
        found.append(each)
        queue.extend(parents.get(each, []))
    return found


def cpu_seconds(root: int) -> float:
    """CPU used by a process tree so far, children that have ended included."""
    total = 0
    for pid in descendants(root):
        try:
            fields = _stat(pid)
        except OSError:
            continue
        total += sum(int(fields[n]) for n in (11, 12, 13, 14))
    return total / TICK


def rss_mb(pid: int) -> float:
    """Resident memory of a process tree in MiB."""
    total = 0
    for each in descendants(pid):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except OSError:
            continue
    return total * PAGE / 1024 / 1024


def postmaster(folder: Path) -> int:
    """The pid of the PostgreSQL that serves this data folder."""
    found = next(folder.rglob("postmaster.pid"))
    return int(found.read_text().splitlines()[0])


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
