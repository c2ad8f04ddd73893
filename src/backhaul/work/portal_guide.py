"""What a person needs to set a shop's portal up: its addresses, the words that ask the channel for the redirect, and
how far buyers, or a person who tries it, have come."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from backhaul.domain.portal import Portal, Redirect
from backhaul.store import portal
from backhaul.store.db import Pool
from backhaul.store.pages import Shop
from backhaul.store.portal import Progress

PLACEHOLDERS = "?order={order}&zip={zip}"


class Tick(msgspec.Struct, frozen=True):
    """One step of the test. ``at``: when it was last seen done, in real time; None: not yet."""

    name: str
    text: str
    at: datetime | None = None
    case_id: UUID | None = None  # what it is about
    done: bool = False


class Guide(msgspec.Struct, frozen=True):
    """A shop's portal as its people see it. ``address`` is for direct links; ``redirect_address`` is what the channel
    is given, with its placeholders; ``request`` are the words that ask for it; ``warning`` says why buyers cannot open
    the address, and is empty when nothing speaks against it."""

    settings: Portal
    address: str
    redirect_address: str
    request: str
    warning: str
    test: tuple[Tick, ...]


async def guide(pool: Pool, shop: Shop, base_url: str, channel: str) -> Guide:
    """The guide of a shop's portal. ``base_url`` is the hub's public address, ``channel`` the channel's name."""
    settings, progress = await portal.settings(pool, shop.id), await portal.progress(pool, shop.id)
    address = f"{base_url}/portal/{shop.id}"
    return Guide(
        settings,
        address,
        address + PLACEHOLDERS,
        request(shop, address + PLACEHOLDERS, channel),
        unreachable(base_url),
        ticks(settings, progress, channel),
    )


def unreachable(base_url: str) -> str:
    """Why buyers, or the channel, will not open addresses that begin so; empty when nothing speaks against it."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127."):
        return "This address works on this machine only. Set BACKHAUL_PUBLIC_URL to the address that buyers can open."
    if parts.scheme != "https":
        return "This address is not secure (https). Buyers type their postal code there, and browsers warn of it."
    return ""


def request(shop: Shop, address: str, channel: str) -> str:
    """The words that ask the channel's account manager for the redirect."""
    who = f"{shop.name} (shop id {shop.channel_id}, market {shop.market or 'not known'})"
    paragraphs = (
        "Hello,",
        f"for our shop {who} we take returns on a page of our own. Please allow-list the shop, so that the return "
        f"button of an order leads buyers to this page instead of the standard return flow of {channel}:",
        address,
        "Please put the order number in place of {order} and the postal code of the shipping address in place of "
        "{zip}. If your system uses other names or placeholders for them, tell us which. Returns that buyers begin "
        "there are created through your API, so that they appear as usual on your side.",
        "Please tell us when it is switched on, and for which buyers.",
        "Thank you",
    )
    return "\n\n".join(paragraphs)


def ticks(settings: Portal, progress: Progress, channel: str) -> tuple[Tick, ...]:
    """The steps of a test return, with what was seen of each."""
    filled = "by an address with order number and postal code"
    steps = [
        Tick("opened", "The page was opened.", progress.opened_at),
        Tick("found", "An order was found by its number and postal code.", progress.found_at),
        Tick("asked", "A return was asked for.", progress.asked_at, progress.case_id),
    ]
    if settings.redirect.state is not Redirect.NOT_ASKED or progress.filled_at is not None:
        steps.insert(1, Tick("filled", f"It was opened {filled}, as the redirect does.", progress.filled_at))
    done = [msgspec.structs.replace(each, done=each.at is not None) for each in steps]
    known = Tick("known", f"{channel} knows it.", done=bool(progress.channel_id))
    if progress.channel_id:
        known = msgspec.structs.replace(known, text=f"{channel} knows it as {progress.channel_id}.")
    return (*done, known)
