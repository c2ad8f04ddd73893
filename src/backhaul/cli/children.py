"""Child processes that end with their parent: told by SIGTERM, killed with their whole group when they do not listen,
and, when the parent itself is killed, by the end of their standard input."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any


def backhaul(*arguments: str) -> list[str]:
    """The command line of one of our own commands."""
    return [sys.executable, "-m", "backhaul.cli", *arguments]


class Child:
    """One child process in a session of its own. ``log`` takes what it prints; left out, it prints where we do."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self.name = name
        self.command = list(command)
        self.env = None if env is None else dict(env)
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        output: IO[Any] | None = open(self.log, "ab") if self.log else None  # noqa: SIM115, ASYNC230
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self.env,
                # A Ctrl-C on the terminal is for the parent, which then stops its children in order.
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """Until it has ended: its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, grace: float) -> None:
        """Ask it to end, and kill it and all its kind when ``grace`` seconds were not enough."""
        if self._process is None:
            return
        if self.alive:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), grace)
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                self.kill()
                raise
        self.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """Kill its whole group, at once."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self, lines: int = 6) -> str:
        """The end of its log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])


async def keep_running(children: Sequence[Child], stop: asyncio.Event) -> None:
    """Keep children alive until ``stop`` is set: a dead one is started again, later and later when it dies at once."""

    async def keep(child: Child) -> None:
        pause = 1.0
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            await child.start()
            code = await _first(child.wait(), stop.wait())
            if stop.is_set():
                return
            pause = 1.0 if asyncio.get_running_loop().time() - began > 30 else min(30.0, pause * 2)
            sys.stderr.write(f"{child.name} (pid {child.pid}) ended with {code}; it is started again\n")
            await _first(asyncio.sleep(pause), stop.wait())

    await asyncio.gather(*(keep(child) for child in children))


async def _first(*waits: Any) -> Any:
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
