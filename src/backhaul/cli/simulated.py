"""A simulated account, as its simulator describes it. Only addresses of this machine are ever asked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import aiohttp
import msgspec

from backhaul.cli.running import Problem
from backhaul.kit.http import on_this_machine
from backhaul.wiring import Hub
from backhaul.work.clocks import kept

TIMEOUT = aiohttp.ClientTimeout(total=10)


class Account(msgspec.Struct, frozen=True):
    """What a simulator says of one vendor's account: credentials by the names of the manifest's fields, addresses, the
    clock, and whom to consent for."""

    credentials: dict[str, str]
    api_base: str
    auth_base: str
    clock: dict[str, Any]
    seller: str


def control_address(text: str) -> str:
    """The address of a control API; refused unless it is on this machine."""
    if not (on_this_machine(text) and text.lower().startswith("http:")):
        raise Problem(
            f"--simulated-by {text}: a simulator runs on this machine; write http://127.0.0.1:PORT, as it printed it", 2
        )
    return text.rstrip("/")


async def account(control: str, vendor: str, pick: str = "") -> Account:
    """Ask a simulator for a vendor's account: of the shop ``pick`` (id, name or store address), else of the first."""
    world = await _call("GET", control_address(control) + "/")
    if not isinstance(world, dict) or not world.get("simulated"):
        raise Problem(f"what answers at {control} is no simulator of ours", 2)
    clock = kept(f"{control_address(control)}/clock", world["clock"])
    for shop in world["shops"]:
        store = shop["commerce"]
        if pick and pick not in (shop["id"], shop["name"], store and store["domain"]):
            continue
        if vendor == "tiktok_shop":
            base = world["addresses"]["tiktok"]
            app = {name: world["app"][name] for name in ("app_key", "app_secret", "service_id")}
            return Account({**app, "consent_base": base}, base, base, clock, shop["id"])
        if vendor == "shopify" and store:
            credentials = {"shop_domain": store["domain"]} | {n: store[n] for n in ("client_id", "client_secret")}
            return Account(credentials, f"{store['base']}/{store['domain']}", "", clock, shop["id"])
        if vendor == "loop" and shop["desk"]:
            credentials = {"api_key": shop["desk"]["key"], "webhook_secret": shop["desk"]["webhook_secret"]}
            return Account(credentials, world["addresses"]["loop"], "", clock, shop["id"])
    names = ", ".join(f"{shop['name']} ({shop['id']})" for shop in world["shops"])
    wanted = f" of “{pick}”" if pick else ""
    raise Problem(f"the simulator at {control} plays no {vendor} account{wanted}; its shops: {names}", 2)


async def set_redirect(control: str, address: str) -> None:
    """Write our callback into the simulated app's settings, as one does in the vendor's console."""
    await _call("PATCH", control_address(control) + "/app", {"redirect_url": address})


async def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.request(method, url, json=body) as answer:
            if answer.status >= 400:
                raise Problem(f"the simulator refused {method} {url}: {(await answer.text())[:200]}")
            return await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Problem(f"no simulator answers at {url} ({error}); is it running?") from error


async def consent(hub: Hub, connection_id: UUID, seller: str, by: str) -> str:
    """Give a simulated owner's consent: through the real consent page, and with what its redirect carries back to our
    callback. The callback's text; raises Problem when it did not work."""
    url = await hub.logins.consent_url(connection_id, by)
    vendor = (await hub.vendors.row(connection_id)).vendor
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.get(url, params={"answer": "approve", "seller": seller}, allow_redirects=False) as answer,
        ):
            back = answer.headers.get("location", "")
            if answer.status != 302 or not back:
                raise Problem(f"the consent page answered {answer.status}: {(await answer.text())[:200]}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Problem(f"the consent page does not answer: {error}") from error
    expected = f"{hub.settings.base_url}/callback/{vendor}"
    if back.partition("?")[0] != expected:
        raise Problem(f"the consent page leads to {back.partition('?')[0]}, not to {expected}")
    result = await hub.logins.callback(vendor, dict(parse_qsl(urlsplit(back).query)), by)
    if not result.ok:
        raise Problem(result.text)
    return result.text
