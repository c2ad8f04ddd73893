"""`portal`: a shop's page on which buyers ask for returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from backhaul.cli import finding, running
from backhaul.cli.shopping import BY, ShopName
from backhaul.domain.portal import KINDS, Redirect, Texts
from backhaul.domain.words import Kind
from backhaul.settings import Settings
from backhaul.store import portal as rows
from backhaul.work.portal_guide import Guide, guide
from backhaul.work.portal_settings import PortalSettings

TEXT = {
    Redirect.NOT_ASKED: "nobody has asked the channel for it",
    Redirect.ASKED: "asked for",
    Redirect.ON: "on",
}


@dataclass(frozen=True, slots=True)
class _Changes:
    """What is to be changed; None stays as it is."""

    open: bool | None
    kinds: list[Kind]
    language: str
    title: str | None
    introduction: str | None
    help: str | None
    redirect: Redirect | None


def portal(
    shop: ShopName,
    open: Annotated[bool | None, typer.Option("--open/--close", help="Open it to buyers, or close it.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"What buyers may ask for: {', '.join(KINDS)}; may be repeated, replaces what stood."),
    ] = None,
    language: Annotated[str, typer.Option(help="The language of the words that follow: en, de, pt-br.")] = "",
    title: Annotated[str | None, typer.Option(help="The page's title; “” takes it away.")] = None,
    introduction: Annotated[str | None, typer.Option(help="What buyers need, above the form.")] = None,
    help_text: Annotated[str | None, typer.Option(help="Where they find the order number, below it.")] = None,
    redirect: Annotated[str, typer.Option(help=f"How far the channel's redirect is: {', '.join(Redirect)}.")] = "",
    request: Annotated[bool, typer.Option("--request", help="Print the words that ask for the redirect.")] = False,
) -> None:
    """Show a shop's buyer portal and how far a test of it has come, or change it. What is not named stays as it is.

    Examples:

      backhaul portal Demo --open --kind return --kind refund

      backhaul portal Demo --language de --title "Retoure" --introduction "Bestellnummer und Postleitzahl, bitte."

      backhaul portal Demo --request

      backhaul portal Demo --redirect asked
    """
    if redirect and redirect not in list(Redirect):
        running.fail(f"--redirect: one of {', '.join(Redirect)}", 2)
    if any(each not in list(KINDS) for each in kind or []):
        running.fail(f"--kind: one of {', '.join(KINDS)}", 2)
    if any(each is not None for each in (title, introduction, help_text)) and not language:
        running.fail("--language says which language these words are in", 2)
    changes = _Changes(
        open, [Kind(each) for each in kind or []], language, title, introduction, help_text,
        Redirect(redirect) if redirect else None,
    )  # fmt: skip
    running.run(_portal(running.settings_of(), shop, changes, request))


async def _portal(settings: Settings, name: str, changes: _Changes, request: bool) -> None:
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        await _change(hub.commands.portal, shop.id, changes)
        registered = hub.vendors.registry.get(shop.vendor or "")
        channel = registered.manifest.title if registered else "The channel"
        found = await guide(hub.pool, shop, settings.base_url, channel)
        if request:
            typer.echo(found.request)
        else:
            _show(shop.name, found)


async def _change(commands: PortalSettings, shop_id: UUID, changes: _Changes) -> None:
    if changes.kinds:
        await commands.set_kinds(shop_id, changes.kinds, BY)
    if changes.language:
        key = changes.language.strip().lower().replace("_", "-")
        before = (await rows.settings(commands.pool, shop_id)).texts.get(key, Texts())
        said = Texts(
            before.title if changes.title is None else changes.title,
            before.introduction if changes.introduction is None else changes.introduction,
            before.help if changes.help is None else changes.help,
        )
        await commands.set_texts(shop_id, changes.language, said, BY)
    if changes.redirect is not None:
        await commands.set_redirect(shop_id, changes.redirect, BY)
    if changes.open is not None:
        await commands.set_open(shop_id, changes.open, BY)


def _show(shop: str, found: Guide) -> None:
    def out(text: str) -> None:
        running.out.print(text, markup=False, soft_wrap=True)

    settings = found.settings
    out(f"Buyer portal of {shop}: {'open' if settings.open else 'closed'}.")
    out(f"  Link for buyers: {found.address}")
    if found.warning:
        out(f"  {found.warning}")
    out(f"  Buyers may ask for: {', '.join(settings.kinds)}.")
    out(f"  Words of the shop's own in: {', '.join(sorted(settings.texts)) or 'no language'}.")
    out(f"  Redirect from the channel's return button: {TEXT[settings.redirect.state]}.")
    out(f"  Address to give for it: {found.redirect_address}")
    out("  A test return:")
    for tick in found.test:
        out(f"    [{'x' if tick.done else ' '}] {tick.text}" + (f" ({tick.at:%Y-%m-%d %H:%M} UTC)" if tick.at else ""))
