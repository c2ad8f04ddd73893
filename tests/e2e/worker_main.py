"""A worker in a process of its own, which can be made to die or to freeze at a named moment.

It is the real worker on the real wiring; only the probe, which production leaves empty, is ours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop

from backhaul.kit.http import HttpClient
from backhaul.settings import Settings
from backhaul.wiring import open_hub
from backhaul.work.worker import Worker
from tests.e2e.times import shorten


class Doom:
    """Sends this process a signal, once, where an effect whose target fits comes to the moment."""

    def __init__(self, moment: str, pattern: str, number: int) -> None:
        self.moment, self.pattern, self.number = moment, re.compile(pattern), number
        self.done = False

    async def probe(self, moment: str, target: str) -> None:
        """The worker's probe."""
        if not self.done and moment == self.moment and self.pattern.match(target):
            self.done = True
            if moment == "after_intent" and self.number == signal.SIGSTOP:
                _freeze_at_socket()
            else:
                os.kill(os.getpid(), self.number)


def _freeze_at_socket() -> None:
    """Stop where the next effect's request has passed its last check and not a byte of it is written."""
    check = HttpClient._check_alive
    passed: list[object] = []

    def checked(self: HttpClient, state: Any) -> None:
        check(self, state)
        if state.dead_at is None:
            return
        if any(each is state for each in passed):  # the second check is the one with the connection in hand
            HttpClient._check_alive = check  # type: ignore[method-assign]
            os.kill(os.getpid(), signal.SIGSTOP)
        passed.append(state)

    HttpClient._check_alive = checked  # type: ignore[method-assign]


async def main() -> None:
    """Work until the standard input ends."""
    parser = argparse.ArgumentParser()
    for name in ("dsn", "data", "base", "moment", "pattern"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--production-times", action="store_true")
    given = parser.parse_args()
    if not given.production_times:
        shorten()
    doom = Doom(given.moment, given.pattern, given.signal)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings = Settings(data_dir=Path(given.data), public_url=given.base)
    async with open_hub(settings, given.dsn) as hub:
        work = asyncio.create_task(Worker(hub.vendors, given.dsn, given.concurrency, doom.probe).run(stop))
        print("ready", flush=True)  # noqa: T201
        await reader.read()
        stop.set()
        await work


if __name__ == "__main__":
    uvloop.run(main())
