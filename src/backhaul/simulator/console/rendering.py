"""Templates, and how times, amounts and states are written on the pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from backhaul.kit.text import span
from backhaul.simulator import money
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons

ROOT = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATIC = {path.name: path.read_bytes() for path in (ROOT / "static").iterdir() if path.suffix in _TYPES}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TONES = {
    "good": m.RESHIPPED
    | m.REFUNDED_INSTEAD
    | {m.COMPLETE, m.SUCCESS, m.CANCEL_COMPLETE, "DELIVERED", "COMPLETED", "PAID", "RETURNED"},
    "warn": m.REQUESTED
    | {m.AWAITING_RESPONSE, m.CANCEL_PENDING, "waiting", "queued", "PARTIALLY_REFUNDED", "RETURN_REQUESTED"},
    "bad": {m.REJECTED, m.PARCEL_REJECTED, m.REPLACEMENT_REJECTED, "lost", "refused"},
    "info": {
        m.AWAITING_SHIP,
        m.SHIPPED,
        "IN_TRANSIT",
        "AWAITING_SHIPMENT",
        "AWAITING_COLLECTION",
        "IN_PROGRESS",
        "OPEN",
    },
}
_TONE_OF = {status: tone for tone, statuses in _TONES.items() for status in statuses} | {"delivered": "good"}


@lru_cache(maxsize=16)
def asset(name: str) -> str:
    """The address of a file of ours, which changes with its content."""
    return f"/static/{name}?v={hashlib.sha256(STATIC[name]).hexdigest()[:12]}"


def static(request: web.Request) -> web.Response:
    """One of the files."""
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=STATIC[name], content_type=_TYPES[Path(name).suffix], headers=headers)


def moment(at: float | None) -> str:
    """A virtual time, to the second, UTC; an en dash for none."""
    return "–" if not at else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def words(text: str) -> str:
    """A state of the vendor as a person reads it; the vendor's own word stands beside it."""
    return text.replace("_", " ").capitalize()


def tone(status: str) -> str:
    """The colour of a state."""
    return str(_TONE_OF.get(status, ""))


def pretty(value: Any) -> str:
    """JSON as a person reads it; a text that is no JSON stays as it is."""
    found: Any = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            return value
    return json.dumps(found, indent=2, ensure_ascii=False, default=str)


def amount(minor: int | None, currency: str) -> str:
    """An amount with its currency."""
    return "–" if minor is None else f"{money.text(minor, currency)} {currency}"


def query(path: str, values: Mapping[str, Any]) -> str:
    """A path with a query; empty values are left out."""
    kept = {name: value for name, value in values.items() if value not in ("", None, 0, False)}
    return f"{path}?{urlencode(kept)}" if kept else path


ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters.update(
    moment=moment, span=span, words=words, tone=tone, pretty=pretty, amount=amount, reason=reasons.text
)
ENVIRONMENT.globals.update(asset=asset, query=query)


def page(template: str, **values: Any) -> web.Response:
    """A page."""
    text = ENVIRONMENT.get_template(template).render(**values)
    return web.Response(text=text, content_type="text/html", headers=HEADERS)
