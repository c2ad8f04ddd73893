"""Pages from templates. All text is escaped; a name a template does not know is an error, not a blank."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from markupsafe import Markup

from backhaul.domain.matching import found_by, place
from backhaul.domain.money import Money
from backhaul.kit.text import span
from backhaul.store import pages
from backhaul.store.pages import Shop
from backhaul.web import words
from backhaul.web.access import Asked, may, services_of

ROOT = Path(__file__).parent
STATIC = ROOT / "static"
THEMES = ("light", "dark")
NOTICE = "backhaul_notice"


@lru_cache(maxsize=256)
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a file of ours, which changes with its content."""
    return f"/static/{name}?v={_version(name)}"


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """A time zone; UTC for a name we do not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def money(value: Money | int | None, currency: str | None = None) -> str:
    """An amount with its currency; an en dash for none."""
    if value is None or (isinstance(value, int) and not currency):
        return "–"
    return str(Money(value, currency or "") if isinstance(value, int) else value)


def when(
    value: float | datetime | None,
    shop: Shop | None,
    *,
    day: bool = False,
    named: bool = False,
    real: float | None = None,
) -> Markup:
    """A moment in the shop's time and zone, with UTC on hover. ``day``: without the hour; ``named``: with the zone.
    ``real`` is now: a moment of another year says which."""
    if value is None or value == 0:
        return Markup('<span class="faint">–</span>')
    if isinstance(value, datetime):  # the database's own clock, which a simulated shop does not live by
        value = shop.now(value.timestamp()) if shop else value.timestamp()
    moment = datetime.fromtimestamp(value, UTC)
    local = moment.astimezone(zone(shop.time_zone if shop else "UTC"))
    this = datetime.fromtimestamp(shop.now(real) if shop else real, local.tzinfo).year if real else local.year
    shown = f"{local:%-d %b %Y}" if day or local.year != this else f"{local:%-d %b}"
    if not day:
        shown += f", {local:%H:%M}"
    if named:
        name = f"{local:%Z}"
        shown += f" {name}" if name.isalpha() else f" UTC{name}"
    title = f"{local:%Y-%m-%d %H:%M:%S %Z}\n{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"), title, shown
    )


@jinja2.pass_context
def _when(context: jinja2.runtime.Context, value: float | datetime | None, shop: Shop | None, **how: bool) -> Markup:
    """As pages call it: they know what time it is."""
    return when(value, shop, real=context.get("real"), **how)


def countdown(deadline: int | None, shop: Shop | None, real: float) -> Markup:
    """What is left until a deadline by the shop's clock; the page's script lets it run on."""
    if deadline is None:
        return Markup("")
    left = deadline - (shop.now(real) if shop else real)
    clock = shop.clock if shop and shop.clock else None
    tone = "over" if left <= 0 else "near" if left < 4 * 3600 else "soon" if left < 24 * 3600 else "far"
    epoch = f"{clock.epoch_real} {clock.epoch_virtual} {clock.rate}" if clock else "0 0 1"
    local = datetime.fromtimestamp(deadline, UTC).astimezone(zone(shop.time_zone if shop else "UTC"))
    return Markup(
        '<time class="countdown {}" datetime="{}" title="{}" data-deadline="{}" data-clock="{}">{}</time>'
    ).format(
        tone,
        datetime.fromtimestamp(deadline, UTC).isoformat(),
        f"{local:%a %-d %b %Y, %H:%M %Z}\n{datetime.fromtimestamp(deadline, UTC):%Y-%m-%d %H:%M} UTC",
        deadline,
        epoch,
        f"{span(left)} over" if left <= 0 else span(left),
    )


def safe_link(address: str) -> str:
    """An address that a vendor gave, if it is a web address; else nothing, so that it is no link."""
    try:
        return address if urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def local(target: str) -> str:
    """A path on this site; anything else becomes the front page."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain else "/"


def breakable(text: str) -> Markup:
    """A vendor's long word that may break at its underscores."""
    return Markup("_<wbr>").join(text.split("_"))


def fingerprint(value: Any) -> str:
    """Changes when the value does."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]


_ICONS = {
    "copy": "M9 9h10v10H9zM5 15V5h10",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "alert": "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3",
    "search": "M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM16 16l4 4",
    "refresh": "M20 11a8 8 0 0 0-14.5-3.5L4 9M4 4v5h5M4 13a8 8 0 0 0 14.5 3.5L20 15M20 20v-5h-5",
    "download": "M12 4v11M7 10.5l5 5 5-5M5 20h14",
    "external": "M14 5h5v5M19 5l-8 8M11 6H6a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-5",
    "contrast": "M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17",
    "plus": "M12 5v14M5 12h14",
}


def icon(name: str) -> Markup:
    """A drawing that says nothing to a screen reader: the text beside it does."""
    return Markup(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{}"/></svg>'
    ).format(name, _ICONS[name])


def address(path: str, parameters: Mapping[str, str], **changed: str) -> str:
    """A path with query parameters, some of them changed; empty ones are left out."""
    merged = {**parameters, **changed}
    query = urlencode({name: value for name, value in merged.items() if value})
    return f"{path}?{query}" if query else path


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        asset=asset, money=money, when=_when, countdown=countdown, span=span, words=words, plain=words.plain,
        pair=words.pair, safe_link=safe_link, fingerprint=fingerprint, address=address, icon=icon, breakable=breakable,
        found_by=found_by,
    )  # fmt: skip
    environment.filters["place"] = place
    return environment


TEMPLATES = _environment()


def render(template: str, **context: Any) -> str:
    """A template with what it shows."""
    return TEMPLATES.get_template(template).render(**context)


def theme_of(cookies: Mapping[str, str]) -> str:
    """The theme a person chose; empty: as the system does."""
    chosen = cookies.get("theme", "")
    return chosen if chosen in THEMES else ""


async def page(request: Asked, template: str, *, status: int = 200, **context: Any) -> Response[str]:
    """A page for somebody who is signed in. What htmx asks for comes without the frame around it."""
    services = services_of(request)
    shops = context.pop("shops", None) or await pages.shops(services.pool)
    partial = request.headers.get("hx-request") == "true" and "hx-history-restore-request" not in request.headers
    notice = _read_notice(request.cookies.get(NOTICE, ""))
    body = render(
        template,
        layout="partial.html" if partial else "base.html",
        person=request.user,
        can=lambda right: may(request.user, right),
        console=lambda shop: services.console(shop.vendor, shop.market) if shop else "",
        shops=shops,
        shop_of={shop.id: shop for shop in shops},
        real=services.clock(),
        path=request.url.path,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        theme=theme_of(request.cookies),
        notice=notice,
        open_exceptions=await pages.open_exceptions(services.pool),
        simulated=any(shop.clock for shop in shops),
        **context,
    )
    answer = Response(body, media_type=MediaType.HTML, status_code=status, headers={"vary": "hx-request"})
    if notice:
        answer.delete_cookie(NOTICE)
    return answer


def go(request: Asked, target: str, text: str = "", tone: str = "good") -> Response[None]:
    """After a form: on to another page, which shows ``text`` once."""
    cookies = []
    if text:
        value = base64.urlsafe_b64encode(msgspec.json.encode([tone, text[:600]])).decode()
        cookies.append(
            Cookie(NOTICE, value=value, max_age=60, httponly=True, secure=services_of(request).secure, samesite="lax")
        )
    return Response(None, status_code=303, headers={"location": target}, cookies=cookies)


def _read_notice(value: str) -> tuple[str, str] | None:
    if not value:
        return None
    try:
        tone, text = msgspec.json.decode(base64.urlsafe_b64decode(value), type=tuple[str, str])
    except (ValueError, msgspec.MsgspecError):
        return None
    return (tone if tone in ("good", "bad", "info") else "info"), text


def bare(request: Asked, template: str, *, status: int = 200, **context: Any) -> Response[str]:
    """A page outside the dashboard's frame: signing in, and errors."""
    body = render(template, theme=theme_of(request.cookies), **context)
    return Response(body, media_type=MediaType.HTML, status_code=status)


def notice_fragment(text: str) -> str:
    """A refusal as htmx puts it above the page."""
    return f'<p class="notice bad" role="alert">{html.escape(text)}</p>'
