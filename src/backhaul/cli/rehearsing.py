"""`rehearse`: a merchant's own settings against all scenarios, on simulated vendors."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from backhaul.cli import finding, logs, policies, running
from backhaul.cli.running import Problem
from backhaul.domain.terms import Booker
from backhaul.rehearsal.api import ApiRefused
from backhaul.rehearsal.house import Terms
from backhaul.rehearsal.outcome import NOBODY, Outcome
from backhaul.rehearsal.rehearse import rehearse as play_all
from backhaul.settings import Settings
from backhaul.simulator.files import FileMistake
from backhaul.simulator.process import ControlError
from backhaul.simulator.scenario.model import Scenario
from backhaul.simulator.scenario.reading import folder, read_all
from backhaul.simulator.scenario.world import Play
from backhaul.store import shops as shop_store

SELLERS = {"people": (False,), "nobody": (True,), "both": (False, True)}


def rehearse(
    shop: Annotated[str, typer.Option(help="Take policy, booker and payment methods from this shop.")] = "",
    policy: Annotated[Path | None, typer.Option(help="Take the policy from this file (TOML or JSON).")] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only this scenario; may be repeated. “?” lists them.")
    ] = None,
    seller: Annotated[
        str, typer.Option(help="people: they act as the stories say. nobody: only the policy is left. Or both.")
    ] = "both",
    scenarios: Annotated[Path | None, typer.Option(help="Scenario files of your own, in this folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
) -> None:
    """Show what would happen under a shop's own settings, without touching anything.

    Plays returns, refunds, replacements, cancellations and their troubles on simulated vendors, in an installation that
    is thrown away afterwards. Ends with 1 when something would fail, and says by which setting.

    Examples:

      backhaul rehearse --shop demo

      backhaul rehearse --policy policy.toml --scenario parcel_refused --seller nobody
    """
    if seller not in SELLERS:
        running.fail(f"--seller: one of {', '.join(SELLERS)}", 2)
    if shop and policy is not None:
        running.fail("--shop and --policy: one of them; the policy of a shop is its own", 2)
    try:
        known = read_all(scenarios or folder())
    except FileMistake as error:
        running.fail(str(error), 2)
    if scenario and "?" in scenario:
        for each in known:
            running.out.print(f"{each.name}  {each.title}", markup=False)
        return
    chosen = _chosen(known, scenario or [])
    found = running.run(_rehearse(running.settings_of(), shop, policy, chosen, SELLERS[seller]), fast=True)
    if json:
        running.out.print_json(msgspec.json.encode(found).decode())
    else:
        show(found)
    if any(each.broken or _fails(each) for each in found):
        raise typer.Exit(1)


def _fails(each: Outcome) -> bool:
    """With nobody there a case may well need somebody; but nothing may ever be done twice."""
    return bool(each.fails) if each.seller != NOBODY else any(trouble.key == "twice" for trouble in each.fails)


def _chosen(known: list[Scenario], names: list[str]) -> list[Scenario]:
    missing = sorted(set(names) - {each.name for each in known})
    if missing:
        running.fail(f"there is no scenario {', '.join(missing)}; --scenario “?” lists them", 2)
    return [each for each in known if not names or each.name in names]


async def _rehearse(
    settings: Settings, shop: str, policy: Path | None, chosen: list[Scenario], idle: tuple[bool, ...]
) -> list[Outcome]:
    logs.configure(settings, quiet=True)
    _end_with_the_terminal()
    terms = await shop_terms(settings, shop) if shop else Terms(policy=policies.of_file(policy)) if policy else Terms()
    ended: set[int] = set()
    with running.err.status("setting up simulated vendors") as status:

        def heard(play: Play, text: str) -> None:
            if text == "the end":
                ended.add(id(play))
            status.update(f"{len(ended)} of {len(chosen) * len(idle)} stories played")

        try:
            return await play_all(chosen, terms, idle=idle, heard=heard)
        except (ApiRefused, ControlError) as error:
            raise Problem(str(error)) from error


def _end_with_the_terminal() -> None:
    """A rehearsal that is told to stop, or whose terminal closes, clears away as after Ctrl-C; under nohup it goes
    on."""
    task = asyncio.current_task()
    assert task is not None
    for name in ("SIGTERM", "SIGHUP"):
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has neither
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def shop_terms(settings: Settings, name: str) -> Terms:
    """What the shop has settled. Its database is read and left as it is."""
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        policy = await shop_store.policy(hub.pool, shop.id)
    return Terms(msgspec.structs.replace(policy, version=1), Booker(shop.booker), tuple(shop.safe_gateways), shop.desk)


def show(found: list[Outcome]) -> None:
    """Print the table, and under it why each story that fails does."""
    table = Table("Scenario", "Seller", "Decided", "Paid", "Booked", "End", "What is in the way", box=None)
    for each in found:
        decided = "\n".join(f"{one.decision} ({one.by})" for one in each.decided) or "–"
        idle = each.seller == NOBODY
        end = each.end if each.ended or not each.begun else f"{each.end}, open"
        table.add_row(
            "" if idle and len(found) > 1 else each.title, each.seller, decided, each.paid, each.booked,
            end, "\n".join(_trouble(each)) or "–",
        )  # fmt: skip
    running.out.print(table)
    broken, failed = [each for each in found if each.broken], [each for each in found if _fails(each)]
    unplayed = f", {len(broken)} could not be played to the end" if broken else ""
    running.out.print(f"{len(found)} stories played, {len(failed)} would fail{unplayed}.")
    for each in broken:
        running.out.print(f"{each.title} ({each.seller}): {each.broken}", markup=False)
    for each in failed:
        for trouble in each.fails:
            running.out.print(f"{each.title}: {trouble.text} {trouble.todo}", markup=False)
            if trouble.setting:
                running.out.print(f"    setting: {trouble.setting}", markup=False)


def _trouble(each: Outcome) -> list[str]:
    mark = "waits for a person" if each.seller == NOBODY else "FAILS"
    return [
        *(["could not be played"] if each.broken else ()),
        *(f"{mark}: {trouble.text.partition('. ')[0].rstrip('.')}" for trouble in each.fails),
        *(f"not as written: {text}" for text in each.differs if not each.fails),
        *(f"left out: {text}" for text in each.left_out),
    ]
