"""`connect`: a vendor's account, tried, consented to, and linked to its shops."""

from __future__ import annotations

import asyncio
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import aiohttp
import typer

from backhaul.cli import finding, running, simulated
from backhaul.domain.words import Party
from backhaul.ports.manifest import Manifest
from backhaul.settings import Settings
from backhaul.store import connection_pages, pages
from backhaul.wiring import REGISTRY, Hub

BY = "cli"
VENDORS = ", ".join(REGISTRY)


def connect(
    vendor: Annotated[str, typer.Argument(help=f"One of {VENDORS}.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A field, instead of asking for it; NAME=@FILE reads a file."),
    ] = None,
    title: Annotated[str, typer.Option(help="How the connection is called here.")] = "",
    shop: Annotated[
        str,
        typer.Option(
            help="The TikTok shop that a commerce or desk account belongs to, if there are several; of a simulator "
            "also the shop to connect."
        ),
    ] = "",
    simulated_by: Annotated[
        str, typer.Option(metavar="URL", help="The control address of a simulator on this machine; see simulate.")
    ] = "",
    code: Annotated[str, typer.Option(help="The code, or the whole address, that the consent page led back to.")] = "",
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Log in again to a connection that is there; with --set with changed credentials."
        ),
    ] = False,
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait for the owner's consent.")] = 900,
    browser: Annotated[bool, typer.Option(help="Open the consent page in a browser.")] = True,
) -> None:
    """Connect an account: try the credentials, get the owner's consent, link it to its shops.

    Asks for every field, secrets unseen; with --set it asks for nothing. A new shop only observes: nothing is sent
    until [bold]backhaul mode[/bold] says live. For TikTok Shop the owner's consent comes back to [bold]backhaul
    serve[/bold], at BACKHAUL_PUBLIC_URL/callback/tiktok_shop: enter that address as redirect URL in Partner Center.

    Examples:

      backhaul connect tiktok_shop

      backhaul connect shopify --set shop_domain=my-shop.myshopify.com --set client_id=… --set client_secret=@secret.txt

      backhaul connect loop --set api_key=@key.txt --set webhook_secret=@secret.txt

      backhaul connect tiktok_shop --code "https://returns.example.com/callback/tiktok_shop?code=…"

      backhaul connect tiktok_shop --simulated-by http://127.0.0.1:8490
    """
    if vendor not in REGISTRY:
        running.fail(f"there is no connector called “{vendor}”; known: {VENDORS}", 2)
    given = _given(REGISTRY[vendor].manifest, values or [])
    running.run(_connect(running.settings_of(), vendor, given, title, shop, simulated_by, code, again, wait, browser))


def _given(manifest: Manifest, values: list[str]) -> dict[str, str]:
    names = [field.name for field in manifest.fields]
    given = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign or name not in names:
            running.fail(f"--set {name}: write NAME=VALUE with a NAME of {', '.join(names)}", 2)
        try:
            given[name] = Path(text[1:]).read_text("utf-8").strip() if text.startswith("@") else text
        except OSError as error:
            running.fail(f"--set {name}: {text[1:]}: {error.strerror}", 2)
    return given


async def _connect(
    settings: Settings, vendor: str, given: dict[str, str], title: str, shop: str, simulated_by: str, code: str,
    again: bool, wait: int, browser: bool,
) -> None:  # fmt: skip
    async with running.hub(settings) as hub:
        if code:
            await _code(hub, vendor, code)
            return
        if simulated_by and not again and REGISTRY[vendor].manifest.role is Party.CHANNEL:
            await connect_simulated(hub, simulated_by, vendor, title, given, None, pick=shop)
            return
        shop_id = (await finding.shop(hub.pool, shop)).id if shop else None
        if again:
            connection_id = await _there(hub, vendor, title)
            await hub.logins.again(connection_id, BY, given)
        elif simulated_by:
            await connect_simulated(hub, simulated_by, vendor, title, given, shop_id)
            return
        else:
            values = _ask(REGISTRY[vendor].manifest, given)
            connection_id = await hub.logins.add(vendor, title, values, "live", BY, shop_id=shop_id)
            running.out.print("The credentials are stored, sealed with the master key.")
        url = await hub.logins.consent_url(connection_id, BY)
        if url:
            await _wait(hub, vendor, connection_id, url, wait, browser)
        await report(hub, connection_id)


def _ask(manifest: Manifest, given: dict[str, str]) -> dict[str, str]:
    """The values of all fields: given ones, answers, defaults."""
    values = dict(given)
    asking = not given and sys.stdin.isatty()
    if asking:
        running.out.print(f"[bold]{manifest.title}[/bold], {manifest.settings_page or manifest.docs}")
    for field in manifest.fields:
        if field.name in values:
            continue
        if asking:
            running.out.print(f"[dim]{field.help}[/dim]")
            optional = "" if field.required else " (may stay empty)"
            default = None if field.required and not field.default else field.default
            values[field.name] = typer.prompt(
                field.label + optional, default=default, hide_input=field.secret, show_default=bool(field.default)
            ).strip()
        elif field.default:
            values[field.name] = field.default
    missing = [field.name for field in manifest.fields if field.required and not values.get(field.name)]
    if missing:
        raise running.Problem(f"still missing: {', '.join(f'--set {name}=…' for name in missing)}", 2)
    return values


async def connect_simulated(
    hub: Hub, control: str, vendor: str, title: str, given: dict[str, str], shop_id: UUID | None, *,
    pick: str = "", show: bool = True,
) -> UUID:  # fmt: skip
    """Connect a simulated account through the same forms as a real one. Fields not given are the simulator's; `pick` is
    its shop, for a commerce or desk account left out that of the shop here."""
    ours = [each for each in await pages.shops(hub.pool) if shop_id in (each.id, None)]
    if REGISTRY[vendor].manifest.role is not Party.CHANNEL and not pick:
        pick = given.get("shop_domain", "") or (ours[0].channel_id if len(ours) == 1 else "")
    account = await simulated.account(control, vendor, pick)
    manifest = REGISTRY[vendor].manifest
    connection_id = await hub.logins.add(
        vendor, title, {**account.credentials, **given}, "simulated", BY, shop_id=shop_id,
        api_base=account.api_base, auth_base=account.auth_base, clock=account.clock,
    )  # fmt: skip
    if await hub.logins.consent_url(connection_id, BY):
        await simulated.set_redirect(control, f"{hub.settings.base_url}/callback/{vendor}")
        text = await simulated.consent(hub, connection_id, account.seller, BY)
        if show:
            running.out.print(f"{manifest.title} (simulated): consent given. {text}")
    if show:
        await report(hub, connection_id)
    return connection_id


async def _there(hub: Hub, vendor: str, title: str) -> UUID:
    """The connection of a vendor that is to log in again."""
    cards = [card for card in await connection_pages.cards(hub.pool) if card.vendor == vendor]
    fitting = [card for card in cards if not title or title in (card.title, str(card.id))]
    if len(fitting) != 1:
        names = ", ".join(card.title for card in cards) or "none"
        raise running.Problem(f"which connection? Name it with --title; there are: {names}", 2)
    return fitting[0].id


async def _wait(hub: Hub, vendor: str, connection_id: UUID, url: str, wait: int, browser: bool) -> None:
    """Show the consent page's address and wait until the owner has consented."""
    began = time.time()
    before = (await hub.vendors.row(connection_id, fresh=True)).issued_at
    running.out.print(f"Let the owner consent at:\n{url}\nand confirm it on the page that this leads back to.")
    callback = f"{hub.settings.base_url}/callback/{vendor}"
    if not await answers(hub.settings.base_url):
        running.out.print(
            f"[yellow]Nothing answers at {hub.settings.base_url}[/yellow]: start backhaul serve, or hand in by hand "
            f'where the page leads to:\n  backhaul connect {vendor} --code "{callback}?code=…"'
        )
    if browser and sys.stdout.isatty():
        webbrowser.open(url)
    with running.err.status(f"waiting for the consent to arrive at {callback}"):
        while time.time() - began < wait:
            row = await hub.vendors.row(connection_id, fresh=True)
            if row.state == "connected" and row.issued_at != before:
                return
            await asyncio.sleep(1)
    raise running.Problem(
        f"no consent came within {wait} s. The connection is kept: run backhaul connect {vendor} --again, or "
        f"backhaul connect {vendor} --code CODE"
    )


async def answers(base: str) -> bool:
    """Whether a Backhaul answers at this address."""
    try:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{base}/healthz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False


async def _code(hub: Hub, vendor: str, code: str) -> None:
    """Finish a consent whose redirect did not reach `serve`."""
    params = dict(parse_qsl(urlsplit(code).query)) if "://" in code or code.startswith("/") else {"code": code}
    result = await hub.logins.callback(vendor, params, BY, confirmed=True)
    if not result.ok:
        waiting = "; ".join(f"{title} ({key})" for key, title in result.choose)
        raise running.Problem(result.text + (f" Waiting are: {waiting}" if waiting else ""))
    running.out.print(result.text)
    assert result.connection_id is not None
    await report(hub, result.connection_id)


async def report(hub: Hub, connection_id: UUID) -> None:
    """What the new login opens, and what comes next."""
    for ok, text in await hub.logins.check(connection_id):
        running.out.print(f"[{'green' if ok else 'yellow'}]{'ok' if ok else 'look'}[/]  {text}")
    (card,) = await connection_pages.cards(hub.pool, connection_id)
    mine = [each for each in await pages.shops(hub.pool) if each.id in card.shops]
    for each in mine:
        running.out.print(f"Shop: {each.name} ({each.market}, {each.currency}), {each.mode}")
    if not mine:
        running.out.print(
            "[yellow]It belongs to no shop yet[/yellow]: name one with --shop, or connect TikTok Shop first."
        )
    elif all(each.mode == "observe" for each in mine):
        running.out.print("Next: backhaul work, backhaul sync SHOP --since DAY, and backhaul mode SHOP live.")
