"""`demo`: the whole product on this machine, with simulated vendors and simulated buyers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul.cli import demo_buyers, running, story
from backhaul.cli.installation import LOOP_SHOP, SHOP, Installation, alone, free_port, make_folder
from backhaul.cli.serving import Attached
from backhaul.settings import Settings
from backhaul.store import embedded, sessions
from backhaul.store.embedded import EmbeddedPostgresError
from backhaul.store.throwaway import ThrowawayFolder

RATE = 120.0  # virtual seconds a second: an hour passes in half a minute, two days to answer in 24 minutes
BUSY_S = 40.0
# Times are by the shop's clock: at the rate above a buyer ships a minute or so after the approval, the parcel takes
# another, and the money follows ten seconds after the goods were accepted.
CROWD: dict[str, float] = {
    "ask_after": 90.0, "think": 3600.0, "ship_after": 4200.0, "transit": 5400.0, "staff_decides_after": 7200.0,
    "withdraw_share": 0.01, "cancellation_share": 0.06, "replacement_share": 0.04, "auto_approved_share": 0.15,
    "refund_share": 0.2, "inspect_after": 3600.0,
}  # fmt: skip
# Most labels come from the channel, so that most cases go on without a PDF at hand.
SWITCHES = {"shipments": ["PLATFORM"] * 6 + ["BUYER_ARRANGE", "SELLER"]}
HABITS = {"style": "mixed", "delay_seconds": 20.0, "wrong_sku_share": 0.06}


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Play one return to its end without a browser, judge it, end.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget everything and start afresh.")] = False,
    port: Annotated[int | None, typer.Option(help="The dashboard's port; a free one when it is taken.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="With --once: write what was judged to this file (JSON).")
    ] = None,
    attached: Attached = False,
) -> None:
    """Show the whole product with simulated shops: no account, no internet, nothing to set up.

    Starts PostgreSQL, a simulator of TikTok Shop, Shopify and Loop (one shop with the hub's own desk, one with Loop),
    and the same serve and work that production runs, and prints a link to the dashboard. Buyers come by themselves,
    some through the first shop's portal; their clock runs 120 times as fast. Ctrl-C stops everything; the next start
    goes on from there. It never touches the data of a real installation.

    Examples:

      backhaul demo

      backhaul demo --reset

      backhaul demo --once
    """
    settings = running.settings_of(port=port)
    if evidence is not None and not once:
        running.fail("--evidence goes with --once", 2)
    failed = running.run(_once(settings, evidence, attached) if once else _demo(settings, reset, attached))
    if failed:
        raise typer.Exit(1)


async def _demo(settings: Settings, reset: bool, attached: bool) -> bool:
    stop = running.stopper(attached)
    make_folder(settings.data_dir)
    folder = settings.data_dir / "demo"
    with alone(settings.data_dir / "demo.lock"):
        if reset:
            await asyncio.to_thread(_forget, folder)
        installation = Installation(folder, free_port(settings.port), RATE, (SHOP, LOOP_SHOP))
        await _or_stop(_show(installation, stop), stop)
    return False


def _forget(folder: Path) -> None:
    try:
        embedded.destroy(folder)
    except EmbeddedPostgresError as error:
        raise running.Problem(str(error)) from error
    if folder.exists():
        shutil.rmtree(folder)


async def _show(installation: Installation, stop: asyncio.Event) -> None:
    async with installation as here:
        word = await sessions.make_link(here.hub.pool, "you", "owner", timedelta(days=1))
        control = here.control
        for shop in (await control.describe())["shops"]:
            await control.change_shop(shop["id"], connector=HABITS, switches=SWITCHES)
        await control.start_buyers(per_minute=20.0 if here.fresh else 6.0, **CROWD)
        returning = asyncio.create_task(demo_buyers.come(here, await demo_buyers.lead_to_portal(here)))
        running.out.print(f"Backhaul demo: {here.base}/signin/{word} (signs you in once; Ctrl-C stops everything)")
        running.out.print(
            f"The simulator's console: {here.simulator.ready['addresses']['console']} (play buyer or TikTok)"
        )
        try:
            await _keep_busy(here, stop)
        finally:
            returning.cancel()
            await asyncio.gather(returning, return_exceptions=True)


async def _keep_busy(here: Installation, stop: asyncio.Event) -> None:
    """Many buyers at first, then fewer, until it is stopped."""
    slower_at = asyncio.get_running_loop().time() + BUSY_S
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), 2.0)
        except TimeoutError:
            here.check()
        if slower_at and asyncio.get_running_loop().time() > slower_at:
            slower_at = 0.0
            await here.control.start_buyers(per_minute=2.0, **CROWD)


async def _once(settings: Settings, evidence: Path | None, attached: bool) -> bool:
    """One return in an installation of its own, which is gone afterwards, so that it can run beside anything."""
    stop = running.stopper(attached)
    folder = ThrowawayFolder("backhaul-once")
    try:
        played = await _or_stop(_played(Installation(folder.path, free_port(0), story.RATE)), stop)
    finally:
        await asyncio.to_thread(folder.remove)
    if played is None:
        raise asyncio.CancelledError
    found, judged = played
    if evidence is not None:
        await asyncio.to_thread(evidence.write_bytes, judged)
    return bool(found)


async def _played(installation: Installation) -> tuple[list[str], bytes]:
    async with installation as here:
        return await story.play(here)


async def _or_stop(work: Coroutine[Any, Any, Any], stop: asyncio.Event) -> Any:
    """The result of ``work``; or, when the person stops it before, a clean end."""
    task, ending = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            # It may be in the middle of waiting for the very same: a moment is enough for that.
            await asyncio.wait({task}, timeout=0.1)
        if not task.done():
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    finally:
        ending.cancel()
