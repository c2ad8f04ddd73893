"""Reads of returns. Loop has no call that lists the returns of one order: what the details show is completed from the
list of the last day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from backhaul.connectors.loop import errors, mapping
from backhaul.connectors.loop.client import Call, Client
from backhaul.domain.desk import DeskReturn
from backhaul.ports.errors import Refused, Unavailable, WireDrift

DAY = 86_400
WINDOW = 119 * DAY  # the list shows 120 days at most
STATES = ("", "cancelled", "review")  # without a word: open, closed and expired
_MOST_PAGES = 40
# Nobody has published how "no match" is worded, so it is told by what it is not.
_FAULT = re.compile(r"unexpected|server error|unauthori[sz]ed|too many|try again|timed? ?out")
_NOT_THERE = frozenset({"return_not_found", "order_not_found"})


async def one(client: Client, return_id: str) -> DeskReturn | None:
    """A return with its notes; None when Loop does not show it."""
    rows = await _details(client, {"return_id": return_id})
    row = next((each for each in rows if mapping.text(each.get("id")) == return_id), None)
    return mapping.desk_return(row, await _notes(client, return_id)) if row is not None else None


async def of_order(client: Client, order_name: str, now: int) -> tuple[DeskReturn, ...]:
    """The returns of an order: the one its details show, and whatever was opened for it within a day."""
    rows: list[mapping.Row] = []
    for name in _spellings(order_name):
        rows = rows or await _details(client, {"order_name": name})
    found = {each.id: each for each in map(mapping.desk_return, _of(rows, order_name))}
    if not found:
        return ()
    # The details show a single return; the units of another, older one are refused when somebody wants them again.
    async for row in _recent(client, now - DAY, now + 60):
        for made in map(mapping.desk_return, _of([row], order_name)):
            found.setdefault(made.id, made)
    return tuple(found.values())


async def changed(client: Client, since: int, until: int, cursor: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """A page of (return id, commerce order id) of what changed; the cursor names window, state and page."""
    windows = [(at, state) for at in range(since, max(until, since + 1), WINDOW) for state in STATES]
    place, after = _place(cursor)
    if place >= len(windows):
        raise Refused("cursor_expired", "the cursor names a page beyond the end")
    start, state = windows[place]
    query = _window(start, min(start + WINDOW, until), state, "updated_at")
    rows, following = await client.pages(query, after)
    named = tuple(mapping.named(row) for row in rows)
    if following:
        return named, f"{place} {following}"
    return named, f"{place + 1} " if place + 1 < len(windows) else ""


def _place(cursor: str) -> tuple[int, str]:
    number, _, after = cursor.partition(" ")
    if not number:
        return 0, ""
    if not (number.isascii() and number.isdigit()):
        raise Refused("cursor_expired", "the cursor is not one of ours")
    return int(number), after


def _window(start: int, end: int, state: str, by: str) -> dict[str, str]:
    query = {"from": mapping.moment(start), "to": mapping.moment(end), "filter": by}
    return {**query, "state": state} if state else query


async def _recent(client: Client, start: int, end: int) -> Any:
    for state in STATES:
        after = ""
        for _ in range(_MOST_PAGES):
            rows, after = await client.pages(_window(start, end, state, "created_at"), after)
            for row in rows:
                if isinstance(row, dict):
                    yield row
            if not after:
                break


async def _details(client: Client, which: dict[str, str]) -> list[mapping.Row]:
    """The rows that the details show: one, several, or none."""
    reply = await client.call(Call("GET", "/warehouse/return/details", query=which))
    rows = list(_rows(reply.value))
    if rows or reply.value == []:
        return rows
    if reply.status == 404:
        return []
    if reply.status == 200 and (errors.is_refusal(reply.value) or reply.value in (None, {}, False)):
        code, told = errors.words(reply.value)
        if _FAULT.search(f"{code} {told}".lower()):
            raise Unavailable(f"Loop answered: {told or code}")
        return []  # nothing matches: HTTP 200 with an error body
    if reply.status >= 400:
        refused = errors.refused(reply.value, reply.status)
        if refused.code in _NOT_THERE:
            return []
        raise refused
    raise WireDrift("details of a return: neither a return nor an error", msgspec.json.encode(reply.value))


def _rows(value: Any) -> Iterator[mapping.Row]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and mapping.text(each.get("id")):
            yield each


async def _notes(client: Client, return_id: str) -> list[str]:
    reply = await client.call(Call("GET", f"/warehouse/return/{return_id}/notes"))
    if reply.status in (404, 422):  # how it says that there are none
        return []
    rows = reply.value.get("notes") if isinstance(reply.value, dict) else reply.value
    if not isinstance(rows, list):
        if errors.is_refusal(reply.value):
            return []
        raise WireDrift("notes of a return: not a list", msgspec.json.encode(reply.value))
    return [mapping.text(row.get("content")) for row in rows if isinstance(row, dict)]


def _spellings(order_name: str) -> tuple[str, ...]:
    """An order's name as the store writes it, and without the number sign that some accounts leave out."""
    return tuple(dict.fromkeys((order_name, _plain(order_name))))


def _plain(order_name: Any) -> str:
    return mapping.text(order_name).lstrip("#")


def _of(rows: list[mapping.Row], order_name: str) -> Iterator[mapping.Row]:
    """The rows of this very order, should the vendor take names loosely."""
    return (row for row in rows if _plain(row.get("order_name")) == _plain(order_name))
