"""Opaque page tokens: where the next page starts, for which filters, and until when the token is good."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.gateway import Call
from backhaul.simulator.tiktok.index import Found, Index, Key

Row = TypeVar("Row")
_KEPT = ("sort_field", "sort_order", "payment_status", "types")


class _Token(msgspec.Struct):
    at: int
    key: str
    offset: int
    filters: str
    ends: float


@dataclass(frozen=True, slots=True)
class Page:
    """The page a call asks for."""

    size: int
    sort: str
    descending: bool
    after: Key | None
    offset: int
    filters: str


def asked(call: Call, *, smallest: int, largest: int, default: int | None, order: str) -> Page:
    """Reads page size, sorting and token of a search. Refuses tokens that are foreign, changed or too old."""
    size = call.number("page_size", default, smallest, largest)
    sort = call.query.get("sort_field", "create_time")
    direction = call.query.get("sort_order", order)
    if sort not in ("create_time", "update_time"):
        raise ApiError(25001001, "invalid parameter sort_field")
    if direction not in ("ASC", "DESC"):
        raise ApiError(25001001, "invalid parameter sort_order")
    said = {name: value for name, value in call.json.items() if name != "locale"}
    filters = _digest(call, [call.path, sort, direction, said])
    text = call.query.get("page_token")
    if not text:
        return Page(size, sort, direction == "DESC", None, 0, filters)
    token = _read(text)
    struck = call.world.moods.strike(VENDOR, f"{call.endpoint.method} {call.endpoint.rest}", ("page_token_expired",))
    if struck is not None or token.ends < time.time():
        raise ApiError(25001001, "invalid parameter page_token: expired")
    if token.filters != filters and call.shop.switches.reused_token_refused:
        raise ApiError(25001001, "invalid parameter page_token: made for another search")
    after = (token.at, token.key) if token.offset < 0 else None
    return Page(size, sort, direction == "DESC", after, max(0, token.offset), filters)


def turn(
    call: Call,
    page: Page,
    index: Index,
    *,
    statuses: list[str] | None,
    only: set[str] | None,
    fits: Callable[[str], bool] | None,
) -> tuple[Found, str]:
    """Reads one page of an index. Returns what was found and the token of the next page, empty at the end."""
    bounds = {
        field: (_moment(call, f"{field}_ge"), _moment(call, f"{field}_lt")) for field in ("create_time", "update_time")
    }
    found = index.search(
        sort=page.sort,
        descending=page.descending,
        bounds=bounds,
        statuses=statuses,
        only=only,
        fits=fits,
        after=page.after,
        offset=page.offset,
        limit=page.size,
    )
    if found.after is None:
        return found, ""
    by_offset = call.shop.switches.paging == "offset"
    token = _Token(
        found.after[0],
        found.after[1],
        page.offset + page.size if by_offset else -1,
        page.filters,
        time.time() + call.shop.switches.page_token_seconds,
    )
    return found, _write(token)


def listed(call: Call, rows: Sequence[Row], *, largest: int, default: int | None) -> tuple[Sequence[Row], str]:
    """One page of rows that are all at hand, and the token of the next; for lists that no index keeps."""
    size = call.number("page_size", default, 1, largest)
    said = [{name: value for name, value in call.query.items() if name in _KEPT}, call.json]
    start = offset_of(call, said, call.query.get("page_token"))
    end = start + size
    return rows[start:end], token_writer(call, said)(end) if end < len(rows) else ""


def offset_of(call: Call, said: Any, text: Any) -> int:
    """How many rows the pages before this one had, from a token that `token_writer` made for the same words."""
    if not text:
        return 0
    token = _read(str(text))
    if token.filters != _digest(call, [call.path, said]) and call.shop.switches.reused_token_refused:
        raise ApiError(25001001, "invalid parameter page_token: made for another search")
    if token.ends < time.time():
        raise ApiError(25001001, "invalid parameter page_token: expired")
    return max(0, token.offset)


def token_writer(call: Call, said: Any) -> Callable[[int], str]:
    """Writes tokens of pages that are counted by rows."""
    ends = time.time() + call.shop.switches.page_token_seconds
    return lambda offset: _write(_Token(0, "", offset, _digest(call, [call.path, said]), ends))


def words(call: Call, name: str) -> list[str] | None:
    """A list filter of the body; None when it is not there."""
    value = call.json.get(name)
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(25001001, f"invalid parameter {name}")
    return value


def _moment(call: Call, name: str) -> int | None:
    value = call.json.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(25001001, f"invalid parameter {name}")
    return value


def _digest(call: Call, said: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(said, order="sorted") + call.shop.id.encode()).hexdigest()[:16]


def _write(token: _Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _read(text: str) -> _Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=_Token)
    except (ValueError, RecursionError):
        raise ApiError(25001001, "invalid parameter page_token") from None
