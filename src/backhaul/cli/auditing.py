"""`audit`: what in a shop's desk, settings and other programs costs returns, and where to change it."""

from __future__ import annotations

import typer

from backhaul.cli import finding, running
from backhaul.cli.shopping import ShopName
from backhaul.settings import Settings
from backhaul.store.pages import Shop
from backhaul.wiring import REGISTRY, Hub
from backhaul.work.audit import Finding, Level
from backhaul.work.audit import audit as audit_shop

COLOURS = {Level.PROBLEM: "red", Level.ADVICE: "yellow", Level.INFO: "blue", Level.GOOD: "green"}


# Findings that a command answers, and how; the text of a finding speaks of the pages.
COMMANDS = {
    "second_writer": "backhaul shop {shop} --switched-off, or --booker connector",
    "nobody_books": "backhaul shop {shop} --booker hub",
    "both_book": "backhaul shop {shop} --booker desk",
    "stock_by_hub": "backhaul desk {shop} --desk-moves-stock",
    "reject_reasons": "backhaul desk {shop} --reject-reason KEY",
    "reason_names": "backhaul policy show {shop} > policy.toml; backhaul policy set {shop} policy.toml",
    "reason_map": "backhaul policy show {shop} > policy.toml; backhaul policy set {shop} policy.toml",
    "webhooks": "backhaul connect {desk} --again --set webhook_secret=@FILE",
}


def audit(shop: ShopName) -> None:
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
        of = await finding.shop(hub.pool, name)
        found = await findings(hub, of)
    quoted, desk = f'"{of.name}"', of.desk.vendor if of.desk else ""
    running.out.print(f"{of.name}, the last 30 days:", markup=False)
    for each in found:
        running.out.print(f"[{COLOURS[each.level]}]{each.level:8}[/{COLOURS[each.level]}]", end="")
        running.out.print(each.what, markup=False)
        for text in filter(None, (each.cost, each.where and f"→ {each.where}")):
            running.out.print(f"        {text}", markup=False)
        if each.key in COMMANDS:
            running.out.print(f"        $ {COMMANDS[each.key].format(shop=quoted, desk=desk)}", markup=False)
    return any(each.level is Level.PROBLEM for each in found)


async def findings(hub: Hub, shop: Shop) -> tuple[Finding, ...]:
    """The findings of a shop."""
    return await audit_shop(hub.pool, {name: vendor.manifest for name, vendor in REGISTRY.items()}, shop.id)
