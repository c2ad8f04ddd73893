"""`sync` and `replay`: the past read in, and what is stored read again."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backhaul.cli import finding, running
from backhaul.settings import Settings
from backhaul.wiring import Hub
from backhaul.work import backfill
from backhaul.work import replay as replaying
from backhaul.work.worker import Worker


def sync(
    shop: Annotated[str, typer.Argument(metavar="SHOP", help="Its name, a part of it, or its id.")],
    since: Annotated[str, typer.Option(help="From this day on (the shop's midnight), by the channel's last change.")],
    until: Annotated[str, typer.Option(help="Up to this moment; now when left out.")] = "",
) -> None:
    """Read a shop's past: every return, refund and cancellation changed since a day.

    Live cases go first; nothing is sent for a shop that only observes, nor for cases that ended before it went live.
    Stopped half-way (Ctrl-C), the same command goes on where it was. Uses the running workers, or one of its own.

    Examples:

      backhaul sync demo --since 2026-01-01

      backhaul sync demo --since 2026-01-01 --until 2026-02-01

      backhaul sync demo --since 30d
    """
    running.run(_sync(running.settings_of(), shop, since, until), fast=True)


async def _sync(settings: Settings, name: str, since: str, until: str) -> None:
    stop = running.stopper()
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        where = finding.zone(shop.time_zone)
        now = int(shop.now(time.time()))
        start = _shop_time(since, where, "--since", now)
        end = _shop_time(until, where, "--until", now) if until else None
        if start >= (end if end is not None else now):
            raise running.Problem("--since has to lie before --until, and before now", 2)
        span = await backfill.begin(hub.pool, shop.id, start, end, now)
        begun = time.monotonic()
        async with AsyncExitStack() as stack:
            helper = _Helper(hub)
            stack.push_async_callback(helper.stop)
            work = asyncio.create_task(_phases(hub, shop.id, span, helper))
            ending = asyncio.create_task(stop.wait())
            await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                running.err.print("Stopped. The same command goes on where it was.")
                raise asyncio.CancelledError
            found = work.result()
        result = await backfill.summary(hub.pool, shop.id, span, found)
        _say(result, shop.mode, time.monotonic() - begun)


def _shop_time(text: str, where: object, option: str, now: int) -> int:
    """A moment by the shop's clock: ages count back from the shop's own now."""
    moment = finding.moment(text, where, option)  # type: ignore[arg-type]
    if text[-1:] in "mhd" and text[:-1].isdigit():
        return now - int((datetime.now(UTC) - moment).total_seconds())
    return int(moment.timestamp())


class _Helper:
    """A worker inside this process, for as long as no other is alive."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def ensure(self) -> None:
        """Start working when nobody does."""
        if self._task is None and not await backfill.worker_beats(self._hub.pool):
            running.err.print("No worker is running: this command works by itself.")
            worker = Worker(self._hub.vendors, self._hub.dsn, self._hub.settings.concurrency)
            self._task = asyncio.create_task(worker.run(self._stop))
        if self._task is not None and self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Finish what is under way."""
        self._stop.set()
        if self._task is not None:
            await self._task


async def _phases(hub: Hub, shop_id: object, span: backfill.Span, helper: _Helper) -> int:
    if span.continued:
        running.err.print("Going on where an earlier start stopped.")
    with Progress(
        TextColumn("{task.description:22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=running.err, disable=not running.err.is_terminal,
    ) as bars:  # fmt: skip
        finding_bar = {kind: bars.add_task(f"found: {kind}s", total=None) for kind in backfill.KINDS}
        reading = bars.add_task("read", total=None)
        await helper.ensure()

        def tell(kind: str, done: int, total: int | None) -> None:
            bars.update(finding_bar[kind], completed=done, total=max(done, total or 0) or None)

        found = await backfill.find(hub.vendors, shop_id, span, tell)  # type: ignore[arg-type]
        for bar in finding_bar.values():
            bars.update(bar, total=bars.tasks[bar].completed)
        # What this run did not come by itself, an earlier one did: the whole queue of the shop is waited for.
        most = max(found, await backfill.outstanding(hub.pool, shop_id))  # type: ignore[arg-type]
        while True:
            left = await backfill.outstanding(hub.pool, shop_id)  # type: ignore[arg-type]
            most = max(most, left)
            bars.update(reading, total=most, completed=most - left)
            if not left:
                return found
            await helper.ensure()
            await asyncio.sleep(0.25)


def _say(result: backfill.Summary, mode: str, seconds: float) -> None:
    running.out.print(
        f"{result.found} found in {seconds:.0f} s. Known since then: {result.cases} cases, {result.ended} ended."
    )
    if result.unread:
        running.out.print(
            f"[yellow]{result.unread} could not be read[/yellow]; each stands in Exceptions with its cause."
        )
    if mode == "observe":
        running.out.print(f"The shop observes: nothing was sent; for {result.proposed} cases something would be.")


replay = typer.Typer(no_args_is_help=True, help="Read again what is stored. Safe at any time.")


@replay.command("inbox")
def inbox(
    since: Annotated[
        str, typer.Option(help="Webhooks that came since: a day, a time, or an age such as 2h or 7d.")
    ] = "24h",
) -> None:
    """Read stored webhooks again, as if they had just come, say after an update that understands more of them.

    A webhook is only a hint to look: what is sent is decided by what the look finds, and nothing is sent twice.

    Examples:

      backhaul replay inbox

      backhaul replay inbox --since 2026-11-01
    """
    running.run(_inbox(running.settings_of(), since))


async def _inbox(settings: Settings, since: str) -> None:
    async with running.hub(settings) as hub:
        start = finding.moment(since, UTC, "--since")
        total = await replaying.count(hub.pool, start)
        with Progress(console=running.err, transient=True, disable=not running.err.is_terminal) as bars:
            bar = bars.add_task("replayed", total=total)
            done = await replaying.inbox(hub.intake, start, lambda count: bars.update(bar, completed=count))
    running.out.print(
        f"{done.read} webhooks read again." + (f" {done.unreadable} do not open." if done.unreadable else "")
    )


@replay.command("case")
def case(case_id: Annotated[str, typer.Argument(metavar="ID", help="The channel's return id, or ours.")]) -> None:
    """Have a case looked at again now, at the channel and in commerce.

    Example:

      backhaul replay case 4035112943244093700
    """
    running.run(_case(running.settings_of(), case_id))


async def _case(settings: Settings, text: str) -> None:
    async with running.hub(settings) as hub:
        await replaying.case(hub.pool, await finding.case(hub.pool, text))
        alive = await backfill.worker_beats(hub.pool)
    running.out.print("It is looked at again." if alive else "Noted; no worker is running: start backhaul work.")
