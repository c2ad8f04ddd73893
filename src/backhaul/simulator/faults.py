"""Applies moods to one HTTP exchange, for any vendor: what fails before the effect, how an answer gets lost after it,
and what is odd in an answer or a webhook.

A vendor calls, in this order: `revoked` (then its own door refuses), `before` (and answers with the Trouble, if any),
does the work, `after`, and sends what `changed` gives back. Webhook bodies go through `changed` with their topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from backhaul.simulator.moods import Moods

BEFORE = ("slow", "rate_limit", "unavailable", "error_before", "timeout_before", "cut_before")
AFTER = ("error_after", "timeout_after", "cut_after")
_FAILURES = {
    "rate_limit": (429, "too many requests"),
    "unavailable": (503, "service is unavailable"),
    "error_before": (500, "internal error"),
}
NEW_WORD = "SIM_SOMETHING_NEW"
NEW_FIELD = "sim_new_field"
# The words that grow over the years, for each vendor; a rule's `fields` names others.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "tiktok": ("return_status",),
    "shopify": ("status", "displayStatus"),
    "loop": ("state",),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure to answer with instead of doing anything. `retry_after` in seconds, None when the vendor says none."""

    kind: str
    status: int
    text: str
    retry_after: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of that answer."""
        return {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}


def revoked(moods: Moods, vendor: str, endpoint: str) -> bool:
    """Whether the credential of this call is withdrawn just now; the vendor then ends it for good."""
    return moods.strike(vendor, endpoint, ("token_revoked",)) is not None


async def before(moods: Moods, vendor: str, endpoint: str, request: web.Request) -> Trouble | None:
    """Draws what happens before the effect: a failure to answer with, a wait, or nothing.

    `timeout_before` waits for the mood's `seconds` (30) and then cuts the connection: nothing has happened.
    """
    mood = moods.strike(vendor, endpoint, BEFORE)
    if mood is None:
        return None
    if mood.kind == "slow":
        await asyncio.sleep(mood.number("seconds", 1.0))
        return None
    if mood.kind == "timeout_before":
        await asyncio.sleep(mood.number("seconds", 30.0))
    if mood.kind in ("timeout_before", "cut_before"):
        _cut(request)
    status, text = _FAILURES[mood.kind]
    wait = mood.params.get("retry_after")
    return Trouble(mood.kind, status, text, None if wait is None else float(wait))


async def after(moods: Moods, vendor: str, endpoint: str, request: web.Request) -> None:
    """Draws what happens to the answer after the effect: lost by a failure, by silence or by a cut connection."""
    mood = moods.strike(vendor, endpoint, AFTER)
    if mood is None:
        return
    if mood.kind == "error_after":
        raise web.HTTPInternalServerError(text="")
    if mood.kind == "timeout_after":
        await asyncio.sleep(mood.number("seconds", 30.0))
    _cut(request)


def changed(moods: Moods, vendor: str, endpoint: str, data: Any) -> Any:
    """The answer (or webhook body) with what is new or odd in it today; the very same object on a good day."""
    if not moods.rules():
        return data
    if (mood := moods.strike(vendor, endpoint, ("unknown_word",))) is not None:
        fields = frozenset(mood.params.get("fields", _WORDS[vendor]))
        data = _each(data, lambda key, value: NEW_WORD if key in fields and isinstance(value, str) else value)
    if moods.strike(vendor, endpoint, ("numbers_as_strings",)) is not None:
        data = _each(data, lambda _, value: str(value) if _is_number(value) else value)
    if moods.strike(vendor, endpoint, ("ids_as_numbers",)) is not None:
        data = _each(data, lambda key, value: int(value) if _is_id(key, value) else value)
    if (mood := moods.strike(vendor, endpoint, ("unknown_field",))) is not None:
        data = _grown(data, deep=bool(mood.params.get("deep", False)))
    return data


def _each(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _each(each, change, name) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(each, change, key) for each in value]
    return change(key, value)


def _grown(value: Any, *, deep: bool) -> Any:
    if isinstance(value, dict):
        inside = {name: _grown(each, deep=True) for name, each in value.items()} if deep else value
        return {**inside, NEW_FIELD: {"kind": "SOMETHING_NEW"}}
    if isinstance(value, (list, tuple)) and deep:
        return [_grown(each, deep=True) for each in value]
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_id(key: str, value: Any) -> bool:
    named = key == "id" or key.endswith("_id")
    # A leading zero would be lost; no vendor does that to its own ids.
    return named and isinstance(value, str) and value.isascii() and value.isdigit() and not value.startswith("0")


def _cut(request: web.Request) -> NoReturn:
    if request.transport is not None:
        request.transport.abort()
    # Nobody hears this any more; it only ends the handler.
    raise web.HTTPInternalServerError(text="")
