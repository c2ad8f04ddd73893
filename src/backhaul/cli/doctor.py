"""`doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import os
import platform
import stat
import sys
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import typer

from backhaul import __version__
from backhaul.cli import running
from backhaul.cli.auditing import findings
from backhaul.cli.connect import answers
from backhaul.cli.shopping import lacking
from backhaul.kit.crypto import CryptoError
from backhaul.ports.errors import VendorError
from backhaul.settings import Settings
from backhaul.store import connection_pages, diagnosis, pages, sessions
from backhaul.store.connection_pages import Card
from backhaul.store.embedded import home_of
from backhaul.wiring import Hub
from backhaul.work.audit import Level
from backhaul.work.logins import LoginRefused

OK, WARNING, ERROR = "ok", "warning", "error"
_COLOURS = {OK: "green", WARNING: "yellow", ERROR: "red"}
SKEW_S = 60
LONG_QUEUE_S = 120
UNREACHED = "It goes on by itself once the vendor answers; see whether this machine can reach that address."


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    level: str
    text: str
    todo: str = ""


def doctor() -> None:
    """Check the installation: settings, files, database, workers, connections, and what still has to be set.

    Every line is ok, a warning or an error, with what to do. Ends with exit code 1 when there is an error.

    Example:

      backhaul doctor
    """
    settings = running.settings_of()
    if running.run(_doctor(settings)):
        raise typer.Exit(1)


async def _doctor(settings: Settings) -> bool:
    worst = False
    async for finding in examine(settings):
        colour = _COLOURS[finding.level]
        running.out.print(f"[{colour}]{finding.level:8}[/{colour}]", end="")
        running.out.print(finding.text, markup=False)
        if finding.todo:
            running.out.print(f"          → {finding.todo}", markup=False)
        worst |= finding.level == ERROR
    return worst


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """All findings, in the order in which one would mend them."""
    for each in machine(settings):
        yield each
    try:
        async with running.hub(settings) as hub:
            async for found in _inside(hub):
                yield found
    except running.Problem as error:
        yield Finding(ERROR, str(error), "Mend BACKHAUL_DATABASE_URL, or start the PostgreSQL it names.")
    except CryptoError as error:
        yield Finding(
            ERROR, f"Stored secrets do not open: {error}.", f"Put the key file of this database at {settings.key_file}."
        )
    except Exception as error:
        log = "" if settings.database_url else f" See {home_of(settings.data_dir)}/postgres.log."
        yield Finding(ERROR, f"The database does not work: {error}", f"Mend its cause first.{log}")


def machine(settings: Settings) -> list[Finding]:
    """What can be seen without the database."""
    fine = sys.version_info >= (3, 11)
    found = [
        Finding(
            OK if fine else ERROR, f"Backhaul {__version__}, Python {platform.python_version()}",
            "" if fine else "Install Python 3.11 or newer.",
        )
    ]  # fmt: skip
    folder = settings.data_dir
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if os.access(nearest, os.W_OK | os.X_OK):
        found.append(Finding(OK, f"Data folder {folder}" + ("" if folder.exists() else " (made at first use)")))
    else:
        found.append(
            Finding(ERROR, f"The data folder {folder} cannot be written.", "Change its owner, or BACKHAUL_DATA_DIR.")
        )
    if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o066:
        found.append(Finding(WARNING, f"Others may read the data folder {folder}.", f"chmod 700 {folder}"))
    key = settings.key_file
    if not key.exists():
        found.append(Finding(OK, f"Master key {key} (made at first use)"))
    elif stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.append(Finding(ERROR, f"Others may read the master key {key}.", f"chmod 600 {key}"))
    else:
        found.append(Finding(OK, f"Master key {key}; keep a copy, apart from the database's backup"))
    return found


async def _inside(hub: Hub) -> AsyncIterator[Finding]:
    health = await diagnosis.health(hub.pool)
    kind = "of your own" if hub.settings.database_url else "embedded"
    yield Finding(OK, f"Database: PostgreSQL {health.version}, {kind}, migrated")
    skew = abs(health.now.timestamp() - time.time())
    if skew > SKEW_S:
        yield Finding(
            ERROR, f"This machine's clock and the database's differ by {skew:.0f} s.", "Synchronise both (NTP)."
        )
    for finding in work_findings(health):
        yield finding
    shops, cards = await pages.shops(hub.pool), await connection_pages.cards(hub.pool)
    yield await _address(hub, cards)
    if not await sessions.ever_signed_in(hub.pool):
        yield Finding(WARNING, "Nobody has signed in yet.", "backhaul user link prints a link.")
    if not shops:
        yield Finding(
            WARNING, "No shop is connected.", "backhaul connect tiktok_shop, or backhaul demo to look around."
        )
    for card in cards:
        async for finding in _connection(hub, card):
            yield finding
    for shop in shops:
        if shop.connection_state == "disabled":
            continue
        for text in await lacking(hub, shop.id):
            yield Finding(WARNING, *_halves(text))
        for each in await findings(hub, shop):
            if each.level is Level.PROBLEM:
                yield Finding(WARNING, f"{shop.name}: {each.what}", each.where)
        if shop.mode == "observe":
            yield Finding(OK, f'{shop.name} observes; nothing is sent. backhaul mode "{shop.name}" live changes that')
    for name, count in await diagnosis.other_bookings(hub.pool):
        yield Finding(
            WARNING, f"{name}: somebody else booked {count} refunds this week, which were adopted.",
            "If a connector books refunds, set who books: backhaul shop NAME --booker connector.",
        )  # fmt: skip
    others = await diagnosis.strangers(hub.pool)
    if others:
        name, case, what, _ = others[0]
        yield Finding(
            WARNING, f"{len(others)} of our actions this week met somebody else's, last {what} of {case} ({name}).",
            "A second program or person answers too; let only one of them decide.",
        )  # fmt: skip
    if health.exceptions:
        yield Finding(
            WARNING, f"{health.exceptions} exceptions wait for a person.",
            f"{hub.settings.base_url}/exceptions, or backhaul returns list --tab exceptions.",
        )  # fmt: skip


def work_findings(health: diagnosis.Health) -> list[Finding]:
    """Whether somebody works, and keeps up."""
    found = []
    if health.workers:
        found.append(Finding(OK, f"Workers: {health.workers} alive"))
    else:
        found.append(Finding(ERROR, "No worker is alive: nothing is read, answered or booked.", "backhaul work"))
    if health.oldest_job_s > 60:
        found.append(
            Finding(
                ERROR,
                f"A job has been held for {health.oldest_job_s:.0f} s.",
                "Restart that worker; the job is taken over.",
            )
        )
    late = health.oldest_queued_s > LONG_QUEUE_S
    if health.queued and health.workers:
        found.append(
            Finding(
                WARNING if late else OK, f"{health.queued} jobs wait, the oldest for {health.oldest_queued_s:.0f} s",
                "Run more workers: backhaul work --processes 2." if late else "",
            )
        )  # fmt: skip
    if health.refused_today:
        found.append(
            Finding(
                WARNING, f"{health.refused_today} webhooks were refused today for their signature.",
                "Compare the app's secret with the connection's; somebody may also just be trying.",
            )
        )  # fmt: skip
    return found


async def _address(hub: Hub, cards: tuple[Card, ...]) -> Finding:
    base = hub.settings.base_url
    live = [card for card in cards if card.environment == "live" and card.state != "disabled"]
    parts = urlsplit(base)
    local = (parts.hostname or "") in ("localhost", "127.0.0.1", "::1")
    if live and (local or parts.scheme != "https"):
        return Finding(
            ERROR, f"Vendors cannot send webhooks to {base}: it has to be reachable from outside, by https.",
            "Put a reverse proxy with a certificate before serve and set BACKHAUL_PUBLIC_URL. Until then the sweep "
            "reads every change, minutes later.",
        )  # fmt: skip
    if not await answers(base):
        return Finding(
            ERROR if live else WARNING, f"Nothing answers at {base}.", "backhaul serve, and see BACKHAUL_PUBLIC_URL."
        )
    return Finding(OK, f"Dashboard and webhooks answer at {base}")


async def _connection(hub: Hub, card: Card) -> AsyncIterator[Finding]:
    if card.state == "disabled":
        yield Finding(OK, f"{card.title}: disabled")
        return
    again = f"backhaul connect {card.vendor} --again"
    login = f"{again}, or log in again on the Connections page."
    try:
        checks = await hub.logins.check(card.id)
    except (VendorError, LoginRefused) as error:
        checks = [(False, f"{card.title}: {error}")]
    bad = [text for ok, text in checks if not ok]
    for text in bad:
        paused = card.state != "connected" or "webhooks" not in text
        yield Finding(ERROR if paused else WARNING, text, UNREACHED if "does not answer" in text else login)
    if not bad:
        yield Finding(OK, f"{card.title}: the login works, has all rights, and webhooks are subscribed")
    if card.refresh_expires_at and 0 < card.refresh_expires_at - card.now(time.time()) < 30 * 86400:
        days = int((card.refresh_expires_at - card.now(time.time())) // 86400)
        yield Finding(WARNING, f"{card.title}: the authorisation ends in {days} days.", again)
    if card.environment == "live":
        skew = await _vendor_skew(hub, card)
        if skew is not None and abs(skew) > SKEW_S:
            yield Finding(ERROR, f"This machine's clock is {skew:+.0f} s off {card.title}'s.", "Synchronise it (NTP).")


async def _vendor_skew(hub: Hub, card: Card) -> float | None:
    """How far this machine's clock is ahead of the vendor's, by the date of its consent page; None when unknown."""
    try:
        url = await hub.logins.consent_url(card.id, "doctor")
        if not url:
            return None
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.head(url, allow_redirects=False) as answer,
        ):
            return time.time() - parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError, VendorError, LoginRefused):
        return None


def _halves(text: str) -> tuple[str, str]:
    what, _, todo = text.rpartition("; ")
    return (what + ".", todo) if what else (text, "")
