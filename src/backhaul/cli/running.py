"""What all commands share: settings read once, the database found or started, errors said in one line, exit codes.

Exit codes: 0 done, 1 it did not work, 2 a wrong setting or a wrong call, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import asyncpg
import typer
from rich.console import Console

from backhaul.cli import logs
from backhaul.kit.crypto import CryptoError
from backhaul.ports.errors import VendorError
from backhaul.settings import Settings, SettingsError, load_settings
from backhaul.store.db import AWAY
from backhaul.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from backhaul.store.migrate import SchemaMismatch, migrate
from backhaul.wiring import Hub, open_hub
from backhaul.work.commands import CommandRefused
from backhaul.work.logins import LoginRefused

T = TypeVar("T")


class _Out(Console):
    """Standard output, which may be a pipe whose reader has seen enough (`| head`)."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1)  # rich's SystemExit would end the loop in the middle of a coroutine, with its tracebacks


out = _Out(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)  # a file has no width
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Problem(Exception):
    """A command cannot go on. The text is for a person: what is wrong and what to do."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def fail(text: str, code: int = 1) -> NoReturn:
    """Say one line and end."""
    err.print(f"[red]error:[/red] {_one_line(text)}" if err.is_terminal else f"error: {_one_line(text)}", markup=True)
    raise typer.Exit(code)


def _one_line(text: str) -> str:
    return " ".join(str(text).split()).replace("[", "\\[")


def settings_of(**given: object) -> Settings:
    """The settings; a wrong one is one line and exit code 2."""
    try:
        return load_settings(**given)
    except SettingsError as error:
        fail(str(error), 2)


def run(work: Coroutine[Any, Any, T], *, fast: bool = False) -> T:
    """Run a command's coroutine, and turn what it may raise into one line and an exit code. ``fast``: with uvloop."""
    factory = None
    if fast and sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(130) from None
    except Problem as error:
        fail(str(error), error.code)
    except CryptoError as error:
        fail(str(error), 2)
    except (EmbeddedPostgresError, CommandRefused, LoginRefused, VendorError) as error:
        fail(str(error))
    except asyncpg.PostgresError as error:
        fail(f"the database refused: {error}")
    except OSError as error:
        if error.filename is None:  # not of a file: nothing that a person could mend by its name
            raise
        fail(f"{error.filename}: {error.strerror}")


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of the installation's database: yours, or the embedded one, of which this process becomes an owner."""
    if settings.database_url:
        yield settings.database_url
        return
    with err.status("") as status:
        server = EmbeddedPostgres(settings.data_dir, lambda text: status.update(text))
        dsn = await server.__aenter__()
    try:
        yield dsn
    finally:
        await server.__aexit__(None, None, None)


@asynccontextmanager
async def hub(settings: Settings, *, quiet: bool = True, pool_size: int | None = None) -> AsyncIterator[Hub]:
    """Everything of one process, on a migrated database. ``quiet`` is for commands that are over in a moment."""
    logs.configure(settings, quiet=quiet)
    async with database(settings) as dsn:
        try:
            await migrate(dsn)
        except SchemaMismatch as error:
            raise Problem(f"the database does not fit this version of Backhaul: {error}") from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise Problem(f"BACKHAUL_DATABASE_URL: PostgreSQL does not let us in: {error}", 2) from error
        except (asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError) as error:
            raise Problem(f"BACKHAUL_DATABASE_URL: {error}", 2) from error
        except AWAY as error:
            raise Problem(f"the database does not answer: {error}") from error
        async with open_hub(settings, dsn, pool_size) as opened:
            yield opened


def stopper(attached: bool = False) -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set, and with ``attached`` the end of standard input, so that a process never
    outlives the one that started it. A second signal cancels what is still under way."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    main = asyncio.current_task()

    def ask() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    if attached:
        threading.Thread(target=_read_out, args=(loop, stop.set), name="stdin", daemon=True).start()
    return stop


def _read_out(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    while os.read(0, 4096):  # not through sys.stdin: its lock would be held when the interpreter ends
        pass
    try:
        loop.call_soon_threadsafe(then)
    except RuntimeError:
        pass  # it has ended already
