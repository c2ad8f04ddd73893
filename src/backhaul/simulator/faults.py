"""Applies moods to one HTTP exchange: what fails before the effect, and how an answer gets lost after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web

from backhaul.simulator.moods import Moods

_BEFORE = ("slow", "rate_limit", "unavailable", "error_before", "timeout_before")
_AFTER = ("error_after", "timeout_after", "cut_after")
_FAILURES = {
    "rate_limit": (429, "too many requests"),
    "unavailable": (503, "service is unavailable"),
    "error_before": (500, "internal error"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure to answer with instead of doing anything."""

    kind: str
    status: int
    text: str


async def before(moods: Moods, vendor: str, endpoint: str, request: web.Request) -> Trouble | None:
    """Draws what happens before the effect: a failure to answer with, a wait, or nothing.

    `timeout_before` waits for the mood's `seconds` (30) and then cuts the connection: nothing has happened.
    """
    mood = moods.strike(vendor, endpoint, _BEFORE)
    if mood is None:
        return None
    if mood.kind == "slow":
        await asyncio.sleep(mood.number("seconds", 1.0))
        return None
    if mood.kind == "timeout_before":
        await asyncio.sleep(mood.number("seconds", 30.0))
        _cut(request)
    status, text = _FAILURES[mood.kind]
    return Trouble(mood.kind, status, text)


async def after(moods: Moods, vendor: str, endpoint: str, request: web.Request) -> None:
    """Draws what happens to the answer after the effect: lost by a failure, by silence or by a cut connection."""
    mood = moods.strike(vendor, endpoint, _AFTER)
    if mood is None:
        return
    if mood.kind == "error_after":
        raise web.HTTPInternalServerError(text="")
    if mood.kind == "timeout_after":
        await asyncio.sleep(mood.number("seconds", 30.0))
    _cut(request)


def _cut(request: web.Request) -> NoReturn:
    if request.transport is not None:
        request.transport.abort()
    # Nobody hears this any more; it only ends the handler.
    raise web.HTTPInternalServerError(text="")
