"""Keeps one PostgreSQL running for as long as somebody owns it. A program of its own, on the standard library alone:

    python supervisor.py '<Plan as JSON>'

Owners hold a shared ``flock`` on ``owners.lock``; the kernel lets go of it however an owner ends, kill -9 included. The
supervisor is whoever holds ``supervisor.lock``. It starts postgres again when that dies, and ends it when it can take
``owners.lock`` for itself, i.e. when no owner is left. What it is doing stands in ``state.json``.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

PORT = 5432  # only a part of the socket's file name: nothing listens on TCP
ROLE = "backhaul"
OWNERS, SUPERVISOR, STATE, LOG = "owners.lock", "supervisor.lock", "state.json", "postgres.log"
_POLL = 0.1
_LOG_LIMIT = 5_000_000
_SOCKET_PATH_LIMIT = 100  # bytes; Linux takes 107, macOS 103
_SHUTDOWN_PATIENCE = 60.0
_GRACE_AFTER_TERM = 10.0


@dataclass
class Plan:
    """What to run. ``home`` holds locks, state and log; ``cluster`` is postgres' own folder, made when missing."""

    home: str
    cluster: str
    bin: str
    account: tuple[int, int] | None = None
    """User and group id that postgres runs under, when this process is root."""
    owner: str = ""
    """The operating-system user that may connect."""
    options: dict[str, str] = field(default_factory=dict)
    """Server settings, beside and above the usual ones."""


class Failure(Exception):
    """PostgreSQL cannot run; the text is for a person."""


OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "cluster_name": "backhaul",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_startup_progress_interval": "1s",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # Statements and the details of errors may hold somebody's name; the log is no place for it.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Supervisor:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.home = Path(plan.home)
        self.cluster = Path(plan.cluster)
        self.state: dict[str, Any] = {}
        self.sockets = ""
        self.last_fatal = ""
        self.ever_ready = False
        self.term_at: float | None = None
        self.owners_fd = -1
        self._tail = b""

    # ---- what others see ----

    def tell(self, phase: str, text: str, **more: Any) -> None:
        """Write the state: phase is starting, recovering, ready, stopping or failed."""
        state = {"phase": phase, "text": text, "sockets": self.sockets, "supervisor": os.getpid(), **more}
        if state != self.state:
            self.state = state
            temporary = self.home / f".{STATE}"
            temporary.write_text(json.dumps(state))
            os.replace(temporary, self.home / STATE)

    def note(self, line: str) -> None:
        """Add a line to the log, which never takes more than two files of 5 MB."""
        path = self.home / LOG
        with contextlib.suppress(OSError):  # a full disk must not end the database as well
            if path.exists() and path.stat().st_size > _LOG_LIMIT:
                os.replace(path, path.with_suffix(".log.1"))
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as log:
                log.write(line + "\n")

    # ---- life ----

    def run(self) -> None:
        """Until no owner is left. Raises :class:`Failure` when postgres never came up."""
        self.owners_fd = os.open(self.home / OWNERS, os.O_RDWR | os.O_CREAT, 0o600)
        self.tell("starting", "preparing the database folder")
        self.prepare()
        pause, since = 0.2, time.monotonic()
        while not self.is_over():
            self.clear_stale_pid()
            process = self.launch()
            begun = time.monotonic()
            was_ready = self.attend(process)
            if self.state["phase"] == "stopping":
                break
            self.note(f"supervisor: postgres ended with {process.returncode}; starting it again")
            if was_ready:
                pause, since = 0.2, begun
            # After kill -9 of the postmaster its children hold the shared memory for a moment longer.
            in_the_way = "shared memory block" in self.last_fatal or "lock file" in self.last_fatal
            if not self.ever_ready and not (in_the_way and time.monotonic() - since < 60):
                raise Failure(f"PostgreSQL does not start: {self.last_fatal or f'it ended with {process.returncode}'}")
            self.tell("starting", "starting PostgreSQL again" + (f" ({self.last_fatal})" if self.last_fatal else ""))
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
        self.remove_sockets()

    def is_over(self) -> bool:
        """Whether no owner is left; from then on new ones wait until this process has gone."""
        if self.term_at is not None and time.monotonic() - self.term_at > _GRACE_AFTER_TERM:
            return True
        try:
            fcntl.flock(self.owners_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def on_term(self, number: int, frame: FrameType | None) -> None:
        """The machine or container is going down: owners get a moment to finish first."""
        self.term_at = self.term_at or time.monotonic()

    def attend(self, process: subprocess.Popen[bytes]) -> bool:
        """Watch a running postgres until it ended; whether it ever took connections."""
        ready = False
        while process.poll() is None:
            for line in self.lines(process, _POLL):
                self.heed(line, ready)
            if not ready and self.is_ready(process.pid):
                ready = self.ever_ready = True
                self.last_fatal = ""
                self.tell("ready", "", postmaster=process.pid)
            if self.is_over():
                self.tell("stopping", "stopping PostgreSQL")
                self.stop(process)
        for line in self.lines(process, 0):
            self.heed(line, ready)
        assert process.stderr is not None
        process.stderr.close()
        return ready

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        for number, patience in ((signal.SIGINT, _SHUTDOWN_PATIENCE), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            process.send_signal(number)
            end = time.monotonic() + patience
            while process.poll() is None and time.monotonic() < end:
                for line in self.lines(process, _POLL / 2):
                    self.note(line)
            if process.poll() is not None:
                return

    def lines(self, process: subprocess.Popen[bytes], patience: float) -> Iterator[str]:
        """What postgres has written by now, waiting at most ``patience`` seconds for some."""
        assert process.stderr is not None
        descriptor = process.stderr.fileno()
        while select.select([descriptor], [], [], patience)[0]:
            data = os.read(descriptor, 65536)
            if not data:
                # Closed, or the writer is gone: do not spin until poll() sees it.
                time.sleep(min(patience, 0.01))
                return
            *whole, self._tail = (self._tail + data).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)
            patience = 0

    def heed(self, line: str, ready: bool) -> None:
        self.note(line)
        if ready:
            return
        level, _, text = line.partition("] ")[2].partition(":  ")
        if level in ("FATAL", "PANIC") and "starting up" not in text:
            self.last_fatal = text
        elif level == "LOG" and any(word in text for word in ("progress", "redo", "not properly shut down", "syncing")):
            self.tell("recovering", f"PostgreSQL recovers after a crash: {text}")

    def is_ready(self, pid: int) -> bool:
        """As pg_ctl sees it: the eighth line of postmaster.pid."""
        lines = self.pid_file_lines()
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def pid_file_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    # ---- start ----

    def prepare(self) -> None:
        if not (self.cluster / "PG_VERSION").exists():
            self.make_cluster()
        version = (self.cluster / "PG_VERSION").read_text().strip()
        wanted = self.output("postgres", "--version").split()[-1].partition(".")[0]
        if version != wanted:
            raise Failure(
                f"the database in {self.cluster} is of PostgreSQL {version}, the installed one is {wanted}: "
                "dump it with the older version and restore it, or set BACKHAUL_DATABASE_URL"
            )
        (self.cluster / "pg_hba.conf").write_text("local all all peer map=backhaul\n")
        name = self.plan.owner.replace('"', '""')
        (self.cluster / "pg_ident.conf").write_text(f'backhaul "{name}" {ROLE}\n')
        self.sockets = self.choose_sockets()

    def make_cluster(self) -> None:
        """Into a folder beside, renamed when complete, so that a kill in between leaves nothing half-made."""
        self.tell("starting", "creating the database (once, a few seconds)")
        fresh = self.cluster.with_name(self.cluster.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self.own(fresh)
        sync = [] if self.plan.options.get("fsync") != "off" else ["--no-sync"]
        self.output(
            "initdb", "-D", str(fresh), f"--username={ROLE}", "--auth=peer", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", *sync,
        )  # fmt: skip
        os.rename(fresh, self.cluster)

    def choose_sockets(self) -> str:
        """A folder of ours, 0700, whose path is short enough for a socket and whose file system can hold one."""
        before = self.home / "sockets"
        if before.exists() and (old := before.read_text()) and self.holds_sockets(Path(old)):
            return old
        here = self.cluster.with_name("run")
        with contextlib.suppress(OSError):
            here.mkdir(mode=0o700, exist_ok=True)
        if not self.holds_sockets(here):
            here = Path(tempfile.mkdtemp(prefix="backhaul-"))
            if not self.holds_sockets(here):
                raise Failure(f"no folder can hold a socket: neither {self.cluster.with_name('run')} nor {here}")
        before.write_text(str(here))
        return str(here)

    def holds_sockets(self, folder: Path) -> bool:
        # A comma would separate hosts in the address that clients are given.
        if len(os.fsencode(folder)) + len(f"/.s.PGSQL.{PORT}") > _SOCKET_PATH_LIMIT or "," in str(folder):
            return False
        probe = folder / ".probe"
        try:
            found = folder.lstat()
            if not folder.is_dir() or folder.is_symlink() or found.st_uid not in (os.geteuid(), self.user_id()):
                return False
            os.chmod(folder, 0o700)
            self.own(folder)
            probe.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as trial:
                trial.bind(str(probe))
            probe.unlink()
        except OSError:
            return False
        return True

    def remove_sockets(self) -> None:
        if Path(self.sockets) != self.cluster.with_name("run"):
            with contextlib.suppress(OSError):
                os.rmdir(self.sockets)
                (self.home / "sockets").unlink()

    def clear_stale_pid(self) -> None:
        """End a postgres of ours that lost its supervisor; forget one that is no more, or whose number is another's."""
        lines = self.pid_file_lines()
        if not lines or not lines[0].strip().isdigit():
            return
        pid = int(lines[0])
        end = time.monotonic() + _SHUTDOWN_PATIENCE
        asked = False
        while self.is_our_postmaster(pid):
            if not asked:
                self.note(f"supervisor: ending the postgres {pid} that was left behind")
                os.kill(pid, signal.SIGINT)
                asked = True
            elif time.monotonic() > end:
                raise Failure(f"a PostgreSQL that was left behind does not end (process {pid})")
            time.sleep(_POLL)
        # A file whose process has ended is postgres' own business; one whose number now is another's stops it.
        if _is_alive(pid):
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def is_our_postmaster(self, pid: int) -> bool:
        try:
            os.kill(pid, 0)
            command = Path(f"/proc/{pid}/cmdline")
            if Path("/proc/self").exists():
                words = command.read_bytes().split(b"\0")
            else:
                listed = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False)
                return b"postgres" in listed.stdout and os.fsencode(self.cluster) in listed.stdout
        except (ProcessLookupError, FileNotFoundError):
            return False
        except PermissionError:
            return False  # somebody else's process: the number was given out again
        return b"postgres" in words[0] and os.fsencode(self.cluster) in words

    def launch(self) -> subprocess.Popen[bytes]:
        self.tell("starting", "starting PostgreSQL")
        options = {**OPTIONS, "unix_socket_directories": self.sockets, **self.plan.options}
        command = [f"{self.plan.bin}/postgres", "-D", str(self.cluster)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            command, cwd=self.cluster, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent(), env=_ENVIRONMENT, **self.identity(),
        )  # fmt: skip

    # ---- the account ----

    def identity(self) -> dict[str, Any]:
        if self.plan.account is None:
            return {}
        user, group = self.plan.account
        return {"user": user, "group": group, "extra_groups": []}

    def user_id(self) -> int:
        return self.plan.account[0] if self.plan.account else os.geteuid()

    def own(self, path: Path) -> None:
        if self.plan.account:
            os.chown(path, *self.plan.account)

    def output(self, program: str, *arguments: str) -> str:
        """What one of PostgreSQL's programs says; its own words when it fails."""
        done = subprocess.run(
            [f"{self.plan.bin}/{program}", *arguments],
            cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_ENVIRONMENT, check=False,
            **self.identity(),
        )  # fmt: skip
        if done.returncode:
            self.note(done.stdout + done.stderr)
            words = [line for line in done.stderr.splitlines() if "error" in line or "could not" in line]
            raise Failure(f"{program} failed: {(words or done.stderr.splitlines() or ['no reason given'])[0]}")
        return str(done.stdout)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux postgres shuts down when its supervisor dies; elsewhere the next supervisor ends it."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)  # loaded here: nothing may be loaded between fork and exec

    def ask() -> None:
        library.prctl(1, signal.SIGINT)

    return ask


def owner_name() -> str:
    """The name of this process' user, which peer authentication compares."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Failure(
            f"the user id {os.geteuid()} has no name on this machine and PostgreSQL needs one: "
            "add it to /etc/passwd, or set BACKHAUL_DATABASE_URL"
        ) from None


def as_json(plan: Plan) -> str:
    """The argument of this program."""
    return json.dumps(asdict(plan))


def _locked(lock: int) -> bool:
    """Become the supervisor, unless there is one; whoever only looks whether there is holds the lock for an instant."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.02)
    return False


def main(plan: Plan) -> None:
    lock = os.open(Path(plan.home) / SUPERVISOR, os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(lock):
        return
    supervisor = Supervisor(plan)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, supervisor.on_term)
    os.umask(0o077)
    try:
        supervisor.run()
        (Path(plan.home) / STATE).unlink(missing_ok=True)
    except Failure as failure:
        supervisor.tell("failed", str(failure))
    except Exception as error:
        supervisor.note(traceback.format_exc())
        supervisor.tell("failed", f"the database cannot be started: {error}")


if __name__ == "__main__":
    if os.fork() == 0:  # nobody's child: an owner that ends leaves no trace on it
        main(Plan(**json.loads(sys.argv[1])))
