"""`audit`: what in a shop's desk, settings and other programs costs returns, and where to change it."""

from __future__ import annotations

from typing import Annotated

import typer

from backhaul.cli import finding, running
from backhaul.settings import Settings
from backhaul.store.pages import Shop
from backhaul.wiring import REGISTRY, Hub
from backhaul.work.audit import Finding, Level
from backhaul.work.audit import audit as audit_shop

COLOURS = {Level.PROBLEM: "red", Level.ADVICE: "yellow", Level.INFO: "blue", Level.GOOD: "green"}


def audit(shop: Annotated[str, typer.Argument(help="Id, channel id, or (part of) the name of the shop.")]) -> None:
    """Say what in a shop's returns desk, settings and other programs costs returns, and where to change it.

    Nothing is changed. A desk's workflows cannot be read: they are judged by what they did in the last 30 days. Ends
    with exit code 1 when there is a problem.

    Example:

      backhaul audit demo
    """
    if running.run(_audit(running.settings_of(), shop)):
        raise typer.Exit(1)


async def _audit(settings: Settings, name: str) -> bool:
    async with running.hub(settings) as hub:
        found = await findings(hub, await finding.shop(hub.pool, name))
    for each in found:
        running.out.print(f"[{COLOURS[each.level]}]{each.level:8}[/{COLOURS[each.level]}]", end="")
        running.out.print(each.what, markup=False)
        for text in filter(None, (each.cost, each.where and f"→ {each.where}")):
            running.out.print(f"        {text}", markup=False)
    return any(each.level is Level.PROBLEM for each in found)


async def findings(hub: Hub, shop: Shop) -> tuple[Finding, ...]:
    """The findings of a shop."""
    return await audit_shop(hub.pool, {name: vendor.manifest for name, vendor in REGISTRY.items()}, shop.id)
