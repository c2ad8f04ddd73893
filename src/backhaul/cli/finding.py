"""What a person types for a shop, a return or a connection: an id, its beginning, or a name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backhaul.cli.running import Problem
from backhaul.domain.money import Money
from backhaul.store import pages
from backhaul.store.db import Pool
from backhaul.store.pages import Shop


async def shop(pool: Pool, text: str) -> Shop:
    """The one shop meant by ``text``: the beginning of its id, its id on the channel, or (part of) its name; without a
    text the only shop there is."""
    known = await pages.shops(pool)
    if not known:
        raise Problem("no shop is connected yet: run backhaul connect", 2 if text else 1)
    if not text and len(known) > 1:
        raise Problem(f"which shop? --shop is one of {', '.join(each.name for each in known)}", 2)
    low = text.casefold()
    exact = [each for each in known if low in (str(each.id), each.channel_id, each.name.casefold())]
    found = exact or [each for each in known if str(each.id).startswith(low) or low in each.name.casefold()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{each.name} ({each.channel_id})" for each in (found or known))
    raise Problem(f"{'several shops fit' if found else 'no shop fits'} “{text}”; there are: {names}", 2)


async def case(pool: Pool, text: str) -> UUID:
    """The one case meant by ``text``: the channel's return id, or (the beginning of) our own id."""
    rows = await pool.fetch(
        "select id, coalesce(channel_id, '') as channel_id, channel_kind from return_case "
        "where channel_id = $1 or id::text like $2 || '%' limit 10",
        text,
        text.casefold().replace("%", ""),
    )
    if len(rows) == 1:
        found: UUID = rows[0]["id"]
        return found
    if rows:
        names = ", ".join(f"{row['channel_kind']} {row['channel_id']} ({row['id']})" for row in rows)
        raise Problem(f"several cases fit “{text}”: {names}", 2)
    raise Problem(f"no case has the id “{text}”; backhaul returns list shows them", 2)


def zone(name: str) -> tzinfo:
    """A time zone; UTC for one we do not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(text: str, where: tzinfo, option: str) -> datetime:
    """A day (its midnight in the shop's time zone), a time, or an age such as 36h or 7d."""
    if text[:-1].isdigit() and text[-1:] in "mhd":
        unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
        return datetime.now(UTC) - timedelta(**{unit: int(text[:-1])})
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=where)
        given = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(
            f"{option}: “{text}” is no day; write 2026-01-31, 2026-01-31T08:00 or an age such as 7d", 2
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=where)


def amount(minor: int | None, currency: str | None) -> str:
    """An amount for a table."""
    return "–" if minor is None or not currency else str(Money(minor, currency))


def when(unix: int | None, now: float) -> str:
    """How long until, or since."""
    if not unix:
        return "–"
    seconds = int(unix - now)
    size = abs(seconds)
    text = f"{size // 86400} d" if size >= 172800 else f"{size // 3600} h" if size >= 7200 else f"{size // 60} min"
    return f"in {text}" if seconds >= 0 else f"{text} ago"
