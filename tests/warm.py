"""Processes that start at once: forked from one that has read all the code, where a new Python would read it anew.

What runs is the same ``python -m module``, with a process id, pipes, a session and an end of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.patience import patient

ROOT = Path(__file__).resolve().parent.parent
LINE_LIMIT = 4 * 1024 * 1024
_FDS = 3


class Pipe:
    """The writing end of a process' standard input; all that is done with it is to end it."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def close(self) -> None:
        """The process reads its end."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


class Forked:
    """A process that was forked; what is used of :class:`asyncio.subprocess.Process`."""

    def __init__(self, pid: int, stdin: Pipe, stdout: asyncio.StreamReader, end: asyncio.Task[int]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._end = end

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Send it a signal; none when it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)


class Warm:
    """The process that the others are forked from. Ends with the program that made it."""

    def __init__(self, folder: Path, modules: Sequence[str]) -> None:
        self._path = str(folder / f"warm-{os.getpid()}.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._path)
            listener.listen(16)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(listener.fileno()), *modules],
                cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()], start_new_session=True,
            )  # fmt: skip

    def run(self, module: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """``python -m module arguments`` with nothing to read, to its end."""
        with (
            socket.socket(socket.AF_UNIX) as line,
            open(os.devnull, "rb") as nothing,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
        ):
            line.settimeout(patient(60))
            line.connect(self._path)
            _send(line, module, arguments, [nothing.fileno(), out.fileno(), errors.fileno()], environment)
            with line.makefile("rb") as answers:
                pid, code = int(answers.readline()), answers.readline()
            for each in (out, errors):
                each.seek(0)
            told = (out.read().decode(), errors.read().decode())
            assert code, f"process {pid} went away with the one it was forked from"
            return subprocess.CompletedProcess([module, *arguments], int(code), *told)

    async def start(self, module: str, *arguments: str, stderr: int | None = None) -> Forked:
        """``python -m module arguments`` in this directory. ``stderr`` as a process' own has it."""
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        nothing = os.open(os.devnull, os.O_WRONLY)
        errors = {None: 2, subprocess.DEVNULL: nothing}.get(stderr, stderr)
        assert errors is not None
        line = socket.socket(socket.AF_UNIX)
        try:
            await asyncio.to_thread(line.connect, self._path)
            _send(line, module, arguments, [theirs_in, theirs_out, errors])
        finally:
            for fd in (theirs_in, theirs_out, nothing):
                os.close(fd)
        answers, writer = await asyncio.open_unix_connection(sock=line)
        async with asyncio.timeout(patient(20)):
            pid = int(await answers.readline())
        stdout = asyncio.StreamReader(limit=LINE_LIMIT)
        protocol = _ToTheEnd(stdout)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(ours_out, "rb", 0))
        return Forked(pid, Pipe(ours_in), stdout, asyncio.create_task(_end(answers, writer)))

    def close(self) -> None:
        """End it, and all that it has forked."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=patient(20))
        Path(self._path).unlink(missing_ok=True)


class _ToTheEnd(asyncio.StreamReaderProtocol):
    """A pipe's end closes it, on any loop."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


def _send(
    line: socket.socket,
    module: str,
    arguments: Sequence[str],
    fds: Sequence[int],
    environment: Mapping[str, str] | None = None,
) -> None:
    told = {"module": module, "arguments": arguments, "environment": environment and dict(environment)}
    request = json.dumps(told).encode()
    socket.send_fds(line, [len(request).to_bytes(4, "big") + request], fds)


async def _end(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    try:
        told = await answers.readline()
    finally:
        writer.close()
    return int(told) if told else -int(signal.SIGKILL)


# -- the process itself


class _Server:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lines: dict[int, socket.socket] = {}  # of each child, by its id
        self._selector = selectors.DefaultSelector()
        self._woken, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker  # kept open
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source in (listener, self._woken, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._fork()
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                else:
                    return self._end()

    def _fork(self) -> None:
        line, _ = self._listener.accept()
        head, fds, _, _ = socket.recv_fds(line, 4, _FDS)
        request: dict[str, Any] = json.loads(_read(line, int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            self._become(line, request, fds)
        for fd in fds:
            os.close(fd)
        self._lines[pid] = line
        line.sendall(b"%d\n" % pid)

    def _become(self, line: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
        """The child: the module, as if Python had just been started for it."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for each in (self._listener, self._woken, self._waker, line, *self._lines.values()):
                each.close()
            os.setsid()
            for number, fd in enumerate(fds):
                os.dup2(fd, number)
                os.close(fd)
            if request["environment"] is not None:
                os.environ.clear()
                os.environ.update(request["environment"])
            sys.argv = [request["module"], *request["arguments"]]
            sys.modules.pop(request["module"], None)  # it runs anew, what it imports does not
            sys.modules.pop(f"{request['module']}.__main__", None)
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            _finish()
            os._exit(code)

    def _reap(self) -> None:
        while self._lines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with contextlib.suppress(OSError), self._lines.pop(pid) as line:
                line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    def _end(self) -> None:
        for pid in self._lines:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _finish() -> None:
    """What Python does at its end: threads come to theirs, what waits for the end is called, and all is written."""
    with contextlib.suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def _read(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = line.recv(size - len(found))
        if not part:
            raise EOFError("the request ended early")
        found += part
    return found


def main() -> None:
    """Read the code, then fork on demand until the standard input ends."""
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()
    _Server(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
