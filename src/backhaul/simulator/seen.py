"""Every request a vendor saw: what came, what was answered, which moods struck, and, for a refusal, what was expected.

`watching` is a middleware of each vendor's listener; what happens inside one request is noted with `note` and
`expected`. Notes are kept raw and made readable only when somebody looks: a busy simulator writes thousands of them
a second that nobody reads.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from backhaul.simulator.books import Books
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.moods import Mood

_KEPT_BYTES = 4_000
_SHOWN_OF_SECRET = 12
# Headers that tell a client's author something; all others are noise of libraries and proxies.
_HEADERS = re.compile(r"content-type|accept|user-agent|authorization|retry-after|host|x-(?!forwarded).*", re.IGNORECASE)
_SECRET = re.compile(r".*(token|secret|authorization|password).*|refresh_token|auth_code|code", re.IGNORECASE)
_IN_BODY = re.compile(r'("(?:[a-z_]*(?:token|secret|password)|code)"\s*:\s*")([^"]{12})[^"]+(")', re.IGNORECASE)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_current: ContextVar[dict[str, Any] | None] = ContextVar("seen", default=None)
_numbers = itertools.count(1)


def watching(books: Books, clock: SimulatedClock, vendor: str) -> Any:
    """The middleware that enters each request of this vendor's listener into the books."""

    @web.middleware
    async def watch(request: web.Request, handler: _Handler) -> web.StreamResponse:
        entry: dict[str, Any] = {
            "number": next(_numbers),
            "vendor": vendor,
            "at": clock.now(),
            "method": request.method,
            "path": request.rel_url.raw_path,
            "query": request.rel_url.raw_query_string,
            "shop_id": None,
            "code": 0,
            "message": "",
            "status": None,
            "headers": request.headers,
            "body": b"",
            "answer": b"",
            "moods": [],
            "expected": [],
        }
        books.requests.append(entry)
        mark, started = _current.set(entry), time.perf_counter()
        try:
            if request.content_type != "multipart/form-data":
                entry["body"] = (await request.read())[:_KEPT_BYTES]
            response = await handler(request)
        except web.HTTPException as refused:
            _ended(entry, refused.status, (refused.text or "").encode())
            raise
        else:
            body = response.body if isinstance(response, web.Response) else b""
            _ended(entry, response.status, body if isinstance(body, bytes) else b"")
            return response
        finally:
            entry["seconds"] = time.perf_counter() - started
            _current.reset(mark)

    return watch


def _ended(entry: dict[str, Any], status: int, body: bytes) -> None:
    # A cut connection carries no status: the client hears nothing.
    silent = any(kind.startswith(("timeout_", "cut_")) for kind in entry["moods"])
    entry["status"] = None if silent else status
    entry["answer"] = b"" if silent else body[:_KEPT_BYTES]


def note(**values: Any) -> None:
    """Notes something about the request that is being served: `shop_id`, `code`, `message`, `endpoint`, ..."""
    entry = _current.get()
    if entry is not None:
        entry.update(values)


def expected(what: str, wanted: str, got: str = "") -> None:
    """Notes why the request that is being served is refused: what was looked at, what was wanted there, what came."""
    entry = _current.get()
    if entry is not None:
        entry["expected"].append({"what": what, "expected": wanted, "got": got})


def struck(mood: Mood, vendor: str, endpoint: str) -> None:
    """Notes a mood on the request that is being served; what happens to webhooks stands with the webhooks."""
    entry = _current.get()
    if entry is not None and not mood.kind.startswith("webhook_"):
        entry["moods"].append(mood.kind)


def describe(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as the control API and the console show it, secrets shortened."""
    headers = entry.get("headers") or {}
    shown = {name: masked(name, value) for name, value in headers.items() if _HEADERS.fullmatch(name)}
    query = {name: masked(name, value) for name, value in parse_qsl(str(entry.get("query", "")), True)}
    answer, body = _text(entry.get("answer")), _text(entry.get("body"))
    return {**entry, "headers": shown, "query": query, "body": body, "answer": answer}


def masked(name: str, value: str) -> str:
    """A value that may be a secret: its beginning is enough to recognise it."""
    if _SECRET.fullmatch(name) and len(value) > _SHOWN_OF_SECRET:
        return f"{value[:_SHOWN_OF_SECRET]}…"
    return value


def refused(entry: dict[str, Any]) -> bool:
    """Whether the vendor said no, or failed."""
    status = entry.get("status")
    return entry.get("code") not in (0, "", None) or status is None or status >= 400


def _text(raw: Any) -> str:
    if not isinstance(raw, bytes):
        return str(raw or "")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        if error.start < len(raw) - 4:
            return f"({len(raw)} bytes that are no text)"
        text = raw[: error.start].decode()  # cut within a character
    return _IN_BODY.sub(r"\1\2…\3", text)
