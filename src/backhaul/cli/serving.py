"""`serve` and `work`, the processes of an installation."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Annotated

import typer
import uvicorn

from backhaul import __version__
from backhaul.cli import running
from backhaul.cli.children import Child, backhaul, keep_running
from backhaul.settings import Settings
from backhaul.store import sessions
from backhaul.web.app import create_app
from backhaul.web.services import Services
from backhaul.wiring import REGISTRY, Hub
from backhaul.work.lookups import Lookups
from backhaul.work.portal import Buyers
from backhaul.work.worker import Worker

Attached = Annotated[bool, typer.Option("--attached", hidden=True, help="End when standard input closes.")]
GRACE_S = 25.0  # an attempt lasts at most 15 s; what has not ended then is taken over by whoever comes next
SIGN_IN = "backhaul user link"


def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [BACKHAUL_PORT]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [BACKHAUL_HOST]")] = None,
    attached: Attached = False,
) -> None:
    """Run the dashboard, the REST API and the address for webhooks.

    Brings the database up to date first. Run [bold]backhaul work[/bold] beside it: without a worker nothing moves.

    Examples:

      backhaul serve

      backhaul serve --port 9000

      BACKHAUL_PUBLIC_URL=https://returns.example.com backhaul serve
    """
    running.run(_serve(running.settings_of(port=port, host=host), attached), fast=True)


class _Server(uvicorn.Server):
    """uvicorn, with signals left to us and a word when it is ready."""

    ready: asyncio.Event

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


async def _serve(settings: Settings, attached: bool) -> None:
    stop = running.stopper(attached)
    with _listen(settings) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        async with running.hub(settings, quiet=False) as hub:
            server = _Server(
                uvicorn.Config(
                    create_app(services(hub), logging_config=None), http="httptools", lifespan="on", log_config=None,
                    access_log=False,
                    server_header=False, timeout_graceful_shutdown=2,
                )
            )  # fmt: skip
            server.ready = asyncio.Event()
            helpers = [asyncio.create_task(_announce(hub, server)), asyncio.create_task(_end(server, stop))]
            try:
                await server.serve(sockets=[listener])
            finally:
                for task in helpers:
                    task.cancel()
            if not stop.is_set():
                raise running.Problem("the web server has stopped by itself; see its log above")


def services(hub: Hub) -> Services:
    """What the web needs, from one process' hub."""
    return Services(
        pool=hub.pool,
        commands=hub.commands,
        intake=hub.intake,
        logins=hub.logins,
        lookups=Lookups(hub.vendors),
        buyers=Buyers(hub.vendors),
        vendors={name: vendor.manifest for name, vendor in REGISTRY.items()},
        base_url=hub.settings.base_url,
        version=__version__,
        sign_in_hint=SIGN_IN,
    )


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. It is taken before anything else: a port that is in use is known at once."""
    listener: socket.socket | None = None
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        return listener
    except OSError as error:
        if listener is not None:
            listener.close()
        running.fail(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another --port", 2)


async def _announce(hub: Hub, server: _Server) -> None:
    await server.ready.wait()
    base = hub.settings.base_url
    running.out.print(f"Backhaul is at {base}")
    if not await sessions.ever_signed_in(hub.pool):
        word = await sessions.make_link(hub.pool, "owner")
        running.out.print(f"Sign in (once, within 15 minutes): {base}/signin/{word}")


async def _end(server: _Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def work(
    processes: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes. [BACKHAUL_WORKERS]")] = None,
    attached: Attached = False,
) -> None:
    """Run the workers: they read what changed, decide, and send.

    Any number may run, on any number of machines that reach the same database. Ctrl-C or SIGTERM lets a worker finish
    what it has under way; a worker that is killed is taken over by the others.

    Examples:

      backhaul work

      backhaul work --processes 4
    """
    settings = running.settings_of(workers=processes)
    if settings.workers == 1:
        running.run(_work(settings, attached), fast=True)
    else:
        running.run(_work_many(settings, attached))


async def _work(settings: Settings, attached: bool) -> None:
    stop = running.stopper(attached)
    async with running.hub(settings, quiet=False) as hub:
        await Worker(hub.vendors, hub.dsn, settings.concurrency).run(stop)


async def _work_many(settings: Settings, attached: bool) -> None:
    stop = running.stopper(attached)
    children = [
        Child(f"worker {number + 1}", backhaul("work", "--processes", "1", "--attached"))
        for number in range(settings.workers)
    ]
    # This process migrates and owns the embedded database, so that it outlives any one worker.
    async with running.hub(settings, pool_size=2):
        try:
            await keep_running(children, stop)
        finally:
            await asyncio.gather(*(child.stop(GRACE_S) for child in children))
