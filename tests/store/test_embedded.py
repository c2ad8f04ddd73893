"""The embedded server through bad days: owners and servers killed, folders closed or too deep, two starts at once.

Each test has a server of its own, with all of its durability on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from backhaul.store import embedded, programs
from backhaul.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests import skips
from tests.patience import patient

OWNER = """
import sys, time
from pathlib import Path
from backhaul.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print("up", flush=True)
sys.stdin.read()
server.stop()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason=skips.NOT_ROOT)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, and under root open to the account that postgres runs under, which pytest's own is not."""
    base = Path(tempfile.mkdtemp(prefix="hub-"))
    base.chmod(0o711)
    mask = os.umask(0o022)
    yield base
    os.umask(mask)
    shutil.rmtree(base)


@pytest.fixture
def data(folder: Path) -> Iterator[Path]:
    yield folder / "data"
    embedded.destroy(folder / "data")


def postmaster(data: Path) -> int | None:
    """The process id of the running server."""
    try:
        location = data / "postgres" / "location"
        cluster = Path(location.read_text()) if location.exists() else data / "postgres" / "data"
        pid = int((cluster / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None
    return pid


def supervisor_pid(data: Path) -> int:
    return int(embedded._read_state(embedded.home_of(data))["supervisor"])


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + patient(seconds)
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def spawn_owner(data: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end_owner(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def value(dsn: str, query: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            *before, last = query.split(";")
            for statement in before:
                await connection.execute(statement)
            return await connection.fetchval(last)
        finally:
            await connection.close()

    return asyncio.run(ask())


def patient_value(dsn: str, query: str) -> object:
    end = time.monotonic() + patient(20)
    while True:
        try:
            return value(dsn, query)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_it_starts_keeps_and_stops(data: Path) -> None:
    said: list[str] = []
    with EmbeddedPostgres(data, said.append) as dsn:
        assert "PostgreSQL 18" in str(value(dsn, "select version()"))
        value(dsn, "create table kept (n int); insert into kept values (7)")
        first = postmaster(data)
        assert first is not None
    assert postmaster(data) is None
    assert said[0].startswith("creating the database")
    with EmbeddedPostgres(data) as again:
        assert again == dsn
        assert value(again, "select n from kept") == 7


async def test_async_context_and_databases(data: Path) -> None:
    server = EmbeddedPostgres(data)
    async with server as dsn:
        await server.create_database('odd "name"')
        copy = await server.create_database("copy", template='odd "name"')
        connection = await asyncpg.connect(copy)
        assert await connection.fetchval("select current_database()") == "copy"
        assert dsn.startswith("postgresql://backhaul@/backhaul?host=")
        await server.drop_database("copy")  # although somebody is connected to it
        await server.drop_database("copy")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("select 1")
        connection.terminate()
    assert postmaster(data) is None


async def test_a_cancelled_start_leaves_nothing(data: Path) -> None:
    server = EmbeddedPostgres(data)

    async def owning() -> None:
        async with server:
            await asyncio.sleep(60)

    task = asyncio.create_task(owning())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(until, lambda: postmaster(data) is None)


def test_it_is_durable_and_reached_by_a_private_socket_only(data: Path) -> None:
    with EmbeddedPostgres(data) as dsn:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert value(dsn, f"show {setting}") == "on"
        assert value(dsn, "show listen_addresses") == ""
        assert value(dsn, "show server_encoding") == "UTF8"
        assert value(dsn, "select datcollate from pg_database where datname = current_database()") == "C"
        assert value(dsn, "select string_agg(auth_method, ',') from pg_hba_file_rules") == "peer"
        sockets = Path(str(value(dsn, "show unix_socket_directories")))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "postgres" / "data").stat().st_mode) == 0o700


def test_it_lives_until_its_last_owner_ends(data: Path) -> None:
    first, second = spawn_owner(data), spawn_owner(data)
    pid = postmaster(data)
    end_owner(first)
    time.sleep(0.5)
    assert postmaster(data) == pid is not None
    end_owner(second)
    assert postmaster(data) is None


def test_it_ends_soon_after_its_last_owner_was_killed(data: Path) -> None:
    owners = [spawn_owner(data), spawn_owner(data)]
    pid = postmaster(data)
    owners[0].kill()
    time.sleep(0.5)
    assert postmaster(data) == pid is not None
    owners[1].kill()
    until(lambda: postmaster(data) is None)
    for owner in owners:
        owner.communicate()


def test_owners_that_start_at_once_share_one_server(data: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        owners = list(pool.map(lambda _: spawn_owner(data), range(4)))
    try:
        assert (data / "postgres" / "postgres.log").read_text().count("starting PostgreSQL 18") == 1
    finally:
        for owner in owners:
            end_owner(owner)
    assert postmaster(data) is None


def test_owners_that_come_and_go_find_a_server(data: Path) -> None:
    for _ in range(5):
        with EmbeddedPostgres(data) as dsn:
            assert value(dsn, "select 1") == 1


def test_killed_postgres_is_back_with_its_data(data: Path) -> None:
    with EmbeddedPostgres(data) as dsn:
        value(dsn, "create table kept (n int); insert into kept select generate_series(1, 50000)")
        killed = postmaster(data)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert patient_value(dsn, "select count(*) from kept") == 50_000
        assert postmaster(data) not in (None, killed)


def test_everything_killed_at_once_recovers(data: Path) -> None:
    owner = spawn_owner(data)
    with EmbeddedPostgres(data) as address:
        value(address, "create table kept (n int); insert into kept select generate_series(1, 50000)")
        server, supervisor = postmaster(data), supervisor_pid(data)
        assert server is not None
        os.kill(supervisor, signal.SIGSTOP)  # so that it starts nothing while the others are killed
        os.kill(server, signal.SIGKILL)
        owner.kill()
        os.kill(supervisor, signal.SIGKILL)
        owner.communicate()
        assert patient_value(address, "select count(*) from kept") == 50_000
    log = (data / "postgres" / "postgres.log").read_text()
    assert "not properly shut down" in log


def test_a_killed_supervisor_is_replaced_by_an_owner(data: Path) -> None:
    with EmbeddedPostgres(data) as dsn:
        value(dsn, "create table kept (n int)")
        before = supervisor_pid(data)
        os.kill(before, signal.SIGKILL)
        until(lambda: embedded._read_state(embedded.home_of(data)).get("supervisor", before) != before)
        assert patient_value(dsn, "select count(*) from kept") == 0
    assert postmaster(data) is None


def test_a_number_in_the_pid_file_that_is_anothers_does_no_harm(data: Path) -> None:
    with EmbeddedPostgres(data):
        kept = (data / "postgres" / "data" / "postmaster.pid").read_text()
    _, rest = kept.split("\n", 1)
    (data / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{rest}")
    with EmbeddedPostgres(data) as dsn:
        assert value(dsn, "select 1") == 1


def test_recovery_is_waited_for(data: Path) -> None:
    with EmbeddedPostgres(data, options={"checkpoint_timeout": "1h", "autovacuum": "off"}) as dsn:
        value(dsn, "create table kept (n int, t text)")
        value(dsn, "checkpoint")
        value(dsn, "insert into kept select n, repeat('x', 200) from generate_series(1, 200000) n")
        server, supervisor = postmaster(data), supervisor_pid(data)
        assert server is not None
        os.kill(supervisor, signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(EmbeddedPostgres(data).start)
            os.kill(supervisor, signal.SIGKILL)
            other = starting.result()
        try:
            assert patient_value(other.dsn(), "select count(*) from kept") == 200_000
        finally:
            other.stop()
    assert "redo done" in (data / "postgres" / "postgres.log").read_text()


def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    data = folder / ("deep" * 20) / ("deeper" * 10)
    with EmbeddedPostgres(data) as dsn:
        assert value(dsn, "select 1") == 1
        sockets = Path(str(value(dsn, "show unix_socket_directories")))
        assert folder not in sockets.parents
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not sockets.exists()
    embedded.destroy(data)


def test_what_cannot_start_says_why_in_one_line(data: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="unrecognized configuration parameter") as raised:
        EmbeddedPostgres(data, options={"no_such_setting": "1"}).start()
    assert "\n" not in str(raised.value)
    with EmbeddedPostgres(data) as dsn:  # and it does not stay broken
        assert value(dsn, "select 1") == 1
    version = data / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="is of PostgreSQL 17, the installed one is 18"):
        EmbeddedPostgres(data).start()
    version.write_text("18\n")


def test_a_database_in_use_is_not_destroyed(data: Path) -> None:
    with EmbeddedPostgres(data) as dsn:
        with pytest.raises(EmbeddedPostgresError, match="in use"):
            embedded.destroy(data)
        assert value(dsn, "select 1") == 1
    embedded.destroy(data)
    assert not (data / "postgres").exists()


def test_a_half_made_database_is_made_again(data: Path) -> None:
    half = data / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    for step in (data, data / "postgres"):
        step.chmod(0o711)
    with EmbeddedPostgres(data) as dsn:
        assert value(dsn, "select 1") == 1
    assert not half.exists()


@as_root
def test_root_has_it_run_under_another_account_and_opens_nothing_above(folder: Path, data: Path) -> None:
    before = [(step, step.stat().st_mode, step.stat().st_uid) for step in (folder, *folder.parents)]
    with EmbeddedPostgres(data):
        pid = postmaster(data)
        assert os.stat(f"/proc/{pid}").st_uid == programs.unprivileged_account()[0] != 0
    assert [(step, step.stat().st_mode, step.stat().st_uid) for step in (folder, *folder.parents)] == before
    assert (data / "postgres").stat().st_uid == 0


@as_root
def test_root_in_a_closed_folder_keeps_it_elsewhere(folder: Path) -> None:
    place, closed = folder / "place", folder / "closed"
    place.mkdir()
    closed.mkdir(mode=0o700)
    data = closed / "data"
    for _ in range(2):
        with EmbeddedPostgres(data, places=(place,)) as dsn:
            cluster = Path(str(value(dsn, "show data_directory")))
            assert place in cluster.parents
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    embedded.destroy(data)
    assert not cluster.exists()
    with pytest.raises(EmbeddedPostgresError, match="BACKHAUL_DATA_DIR"):
        EmbeddedPostgres(data, places=(closed,)).start()
    embedded.destroy(data)


@as_root
def test_root_copies_programs_that_the_account_cannot_reach(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, closed = folder / "place", folder / "closed"
    place.mkdir()
    closed.mkdir(mode=0o700)
    package = programs.binaries().parent.parent
    for part in (package, package.with_name(package.name + ".libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, symlinks=True)
    hidden = closed / package.name / programs.binaries().parent.name / "bin"
    monkeypatch.setattr(programs, "binaries", lambda: hidden)
    data = folder / "data"
    for _ in range(2):
        with EmbeddedPostgres(data, places=(place,)) as dsn:
            assert value(dsn, "select 1") == 1
            pid = postmaster(data)
            assert place in Path(os.readlink(f"/proc/{pid}/exe")).parents
    assert [p.name for p in (place / "backhaul").iterdir() if p.name.startswith(".")] == []
    embedded.destroy(data)
