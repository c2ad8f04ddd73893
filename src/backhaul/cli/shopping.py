"""`shops`, `shop` and `mode`: what is connected, how a shop is set, and whether it may send."""

from __future__ import annotations

import time
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from backhaul.cli import finding, running
from backhaul.domain.terms import Booker, Mode, Payer
from backhaul.settings import Settings
from backhaul.store import connection_pages, pages
from backhaul.store import shops as shop_store
from backhaul.store.pages import Shop
from backhaul.wiring import Hub
from backhaul.work.lookups import Lookups

BY = "cli"
ShopName = Annotated[str, typer.Argument(metavar="SHOP", help="Its name, a part of it, or its id.")]


def shops() -> None:
    """List the shops: mode, connections, and what is still to be set.

    Example:

      backhaul shops
    """
    running.run(_shops(running.settings_of()))


async def _shops(settings: Settings) -> None:
    async with running.hub(settings) as hub:
        found = await pages.shops(hub.pool)
        if not found:
            running.out.print("No shop is connected yet: run backhaul connect tiktok_shop.")
            return
        cards = await connection_pages.cards(hub.pool)
        table = Table("Shop", "Id", "Market", "Mode", "Connections", "Gateways", "Location", "Booker", box=None)
        for shop in found:
            mine = [f"{card.title}: {card.state.replace('_', ' ')}" for card in cards if shop.id in card.shops]
            mode = "[green]live[/green]" if shop.mode == "live" else shop.mode
            table.add_row(
                shop.name, shop.channel_id, shop.market, mode, "\n".join(mine), ", ".join(shop.safe_gateways) or "–",
                shop.place or "–", shop.booker,
            )  # fmt: skip
        running.out.print(table)


def configure(
    shop: ShopName,
    location: Annotated[
        str, typer.Option(help="Where restocked units go: a location's name or id; “?” lists them.")
    ] = "",
    gateway: Annotated[
        list[str] | None, typer.Option(help="Confirm that this payment method moves no money; may be repeated.")
    ] = None,
    booker: Annotated[str, typer.Option(help=f"Who writes refunds into commerce: {', '.join(Booker)}.")] = "",
    alias: Annotated[
        list[str] | None, typer.Option(metavar="CHANNEL=COMMERCE", help="A SKU's name in commerce; may be repeated.")
    ] = None,
    payer: Annotated[str, typer.Option(help=f"Who pays the buyer: {', '.join(Payer)}.")] = "",
    switched_off: Annotated[
        bool, typer.Option("--switched-off", help="The other program that wrote returns and refunds is off now.")
    ] = False,
) -> None:
    """Set what the hub needs to know of a shop.

    Examples:

      backhaul shop demo --location "?"

      backhaul shop demo --location "Main warehouse" --gateway "TikTok Shop"

      backhaul shop demo --alias JKT-M=JACKET-MEDIUM
    """
    if booker and booker not in list(Booker):
        running.fail(f"--booker: one of {', '.join(Booker)}", 2)
    if payer and payer not in list(Payer):
        running.fail(f"--payer: one of {', '.join(Payer)}", 2)
    if payer or switched_off:
        running.run(_money(running.settings_of(), shop, payer, switched_off))
        if not (location or gateway or booker or alias):
            return
    if not (location or gateway or booker or alias):
        running.fail("nothing to set; see backhaul shop --help", 2)
    running.run(_configure(running.settings_of(), shop, location, gateway or [], booker, alias or []))


async def _configure(
    settings: Settings, name: str, location: str, gateways: list[str], booker: str, aliases: list[str]
) -> None:
    pairs = [alias.split("=", 1) for alias in aliases]
    if any(len(pair) != 2 for pair in pairs):
        raise running.Problem("--alias: write CHANNEL_SKU=COMMERCE_SKU", 2)
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        if location:
            await _location(hub, shop, location)
        for gateway in gateways:
            await hub.commands.shops.confirm_gateway(shop.id, gateway, BY)
            running.out.print(f"“{gateway}” is confirmed: refunds on it are booked, as they move no money.")
        if booker:
            await hub.commands.shops.set_booker(shop.id, Booker(booker), BY)
            running.out.print(f"Refunds are booked by: {booker}.")
        for channel_sku, commerce_sku in pairs:
            await hub.commands.shops.add_alias(shop.id, channel_sku, commerce_sku, BY)
            running.out.print(f"{channel_sku} is {commerce_sku} in commerce.")


async def _money(settings: Settings, name: str, payer: str, switched_off: bool) -> None:
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        if payer:
            await hub.commands.shops.set_payer(shop.id, Payer(payer), BY)
            running.out.print(f"Buyers are paid by: {payer}.")
        if switched_off:
            await hub.commands.shops.answer_writers(shop.id, BY)
            running.out.print("Backhaul writes returns and refunds again.")


async def _location(hub: Hub, shop: Shop, wanted: str) -> None:
    lookups = Lookups(hub.vendors)
    if wanted == "?":
        for key, title in await lookups.locations(shop.id):
            running.out.print(f"{title}  [dim]{key}[/dim]")
        return
    place, name = await lookups.location(shop.id, wanted)
    await hub.commands.shops.set_location(shop.id, place, BY, name)
    running.out.print(f"Restocked units go to {name}.")


def mode(
    shop: ShopName,
    to: Annotated[Mode, typer.Argument(help="observe: plans only. live: the hub acts.")],
    take_over: Annotated[
        str, typer.Option(help="Open cases from before: all are taken over, or none. Asked for when left out.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Switch a shop between observing and live, after a preview of what would be sent.

    Cases asked for from now on are the hub's. Open cases from before stay observed unless they are taken over; cases
    that have ended never get an effect.

    Examples:

      backhaul mode demo live

      backhaul mode demo live --take-over none --yes

      backhaul mode demo observe
    """
    if take_over not in ("", "all", "none"):
        running.fail("--take-over: write all or none", 2)
    running.run(_mode(running.settings_of(), shop, to, take_over, yes))


async def _mode(settings: Settings, name: str, to: Mode, take_over: str, yes: bool) -> None:
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        if to is Mode.OBSERVE:
            await hub.commands.shops.set_mode(shop.id, to, BY)
            running.out.print(f"{shop.name} only observes: nothing is sent.")
            return
        preview = await connection_pages.preview(hub.pool, shop.id)
        _show(shop, preview)
        for text in await lacking(hub, shop.id):
            running.out.print(f"[yellow]look[/yellow]  {text}")
        if not take_over:
            take_over = "none" if yes or not preview.open else _choose()
        if not yes and not typer.confirm(f"Switch {shop.name} to live ({take_over} of the open cases taken over)?"):
            raise running.Problem("nothing was changed")
        await hub.commands.shops.set_mode(shop.id, Mode.LIVE, BY)
        taken = await hub.commands.shops.take_over(shop.id, None, BY) if take_over == "all" else 0
        running.out.print(f"{shop.name} is live. {taken} open cases taken over.")


def _choose() -> str:
    answer: str = typer.prompt("Take over the open cases too? (all/none)", default="none")
    if answer not in ("all", "none"):
        raise running.Problem("write all or none", 2)
    return answer


def _show(shop: Shop, preview: connection_pages.Preview) -> None:
    running.out.print(f"{shop.name} has {preview.open} open cases.")
    wanted = [row for row in preview.proposals if row.proposed]
    if not wanted:
        running.out.print("Nothing would be sent for them now.")
        return
    now = shop.now(time.time())
    table = Table("Case", "Status", "Due", "Would be sent", box=None)
    for row in wanted[:40]:
        table.add_row(
            row.channel_id,
            row.status,
            finding.when(row.deadline, now),
            "\n".join(f"{kind.replace('_', ' ')}: {because}" for kind, because in row.proposed),
        )
    running.out.print(table)
    if len(wanted) > 40:
        running.out.print(f"… and for {len(wanted) - 40} more.")


async def lacking(hub: Hub, shop_id: UUID) -> list[str]:
    """What a shop still lacks to be settled to the last cent without a person."""
    shop = await shop_store.shop(hub.pool, shop_id)
    assert shop is not None
    links = {row.role for row in await shop_store.links(hub.pool) if row.shop_id == shop_id}
    if "commerce" not in links:
        return [f"{shop.name}: no commerce system is linked, so nothing is booked; backhaul connect shopify"]
    found = []
    if not shop.safe_gateways and shop.booker == Booker.HUB:
        found.append(
            f"{shop.name}: no payment method is confirmed as moving no money, so no refund is booked; "
            f'backhaul shop "{shop.name}" --gateway NAME'
        )
    if not shop.location:
        found.append(
            f'{shop.name}: no location for restocked units; backhaul shop "{shop.name}" --location "?" lists them'
        )
    return found
