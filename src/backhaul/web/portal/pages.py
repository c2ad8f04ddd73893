"""Find an order, ask for a return, see what became of it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from backhaul.domain.portal import LANGUAGE, Mistake, Offer, Portal, Unit, given, reasons_for, units_of
from backhaul.domain.words import Kind
from backhaul.kit.crypto import same
from backhaul.kit.ids import secret_token
from backhaul.ports.errors import VendorError
from backhaul.store import pages, portal, sessions
from backhaul.store.pages import Shop
from backhaul.store.portal import Visit
from backhaul.web.access import COOKIE, Asked, services_of
from backhaul.web.forms import check_label
from backhaul.web.portal import words
from backhaul.web.portal.frame import (
    GIVEN_COOKIE,
    GIVEN_S,
    PATH,
    VISIT_COOKIE,
    check_site,
    cookie,
    field,
    open_given,
    seal_given,
    sent,
    show,
    visit_cookie,
)
from backhaul.web.problems import BadInput
from backhaul.work.case_command import CommandRefused
from backhaul.work.portal import MOST_WORDS, Closed, Found, Locked

LARGEST_FORM = 50_000  # bytes


class _Place(msgspec.Struct, frozen=True):
    """The shop whose portal it is."""

    shop: Shop
    settings: Portal
    channel: str  # as people call it
    preview: bool = False  # closed, and shown to somebody of the shop

    @property
    def path(self) -> str:
        return f"{PATH}/{self.shop.id}"


async def _place(request: Asked, shop_id: UUID, *, preview: bool = False) -> _Place:
    """Raises :class:`Closed` for a shop without an open portal; ``preview``: unless its own people ask."""
    services = services_of(request)
    shop = next((each for each in await pages.shops(services.pool) if each.id == shop_id), None)
    settings = await services.buyers.settings(shop_id)
    own = preview and await sessions.session(services.pool, request.cookies.get(COOKIE, "")) is not None
    if shop is None or not (settings.open or own):
        raise Closed
    manifest = services.manifest(shop.vendor or "")
    return _Place(shop, settings, manifest.title if manifest else "TikTok Shop", not settings.open)


class _Typed(msgspec.Struct, frozen=True):
    """What a buyer has typed into the form for a return. Nothing of it is checked: it is only shown again."""

    kind: str = ""
    units: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""


NOTHING = _Typed()


def _typed(form: FormMultiDict) -> _Typed:
    units = tuple(each for each in form.getall("unit", []) if isinstance(each, str))
    return _Typed(field(form, "kind"), units, field(form, "reason"), field(form, "note"))


def _go(place: _Place, path: str = "", **parameters: Any) -> Response[None]:
    return Response(None, status_code=303, headers={"location": f"{place.path}{path}"}, **parameters)


def _find_page(
    request: Asked,
    place: _Place,
    order: str,
    code: str,
    *,
    problem: str = "",
    status: int = 200,
    visit: Visit | None = None,
    typed: _Typed = NOTHING,
) -> Response[str]:
    wanted, known = _wanted(request), place.settings.texts
    language = words.language(request.headers.get("accept-language", ""), wanted, known)
    return show(
        "find.html", request, status=status, place=place, texts=words.texts(known, language, place.channel),
        language=language or "en", wanted=wanted, order=order, code=code, problem=problem, visit=visit, typed=typed,
    )  # fmt: skip


def _wanted(request: Asked) -> str:
    """The language that the address asks for; empty for none, and for what is no language."""
    asked = request.query_params.get("lang", "").lower().replace("_", "-")
    return asked if LANGUAGE.fullmatch(asked) else ""


@get("/", include_in_schema=False)
async def find(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """The form. What the address carries is taken out of it and stands in the form."""
    place, services = await _place(request, shop_id, preview=True), services_of(request)
    order, code = given(request.query_params.multi_items())
    if not place.preview:
        await portal.looked_at(services.pool, shop_id, bool(order and code))
    named = [name for name in request.query_params if given([(name, "1")]) != ("", "")]
    if named:
        wanted = _wanted(request)
        sealed = seal_given(services.commands.vault, str(shop_id), order, code)
        cookies = [cookie(request, GIVEN_COOKIE, sealed, GIVEN_S)] if order or code else []
        return _go(place, f"?lang={wanted}" if wanted else "", cookies=cookies)
    order, code = open_given(services.commands.vault, str(shop_id), request.cookies.get(GIVEN_COOKIE, ""))
    return _find_page(request, place, order, code, visit=await _visit(request, shop_id))


@post("/", include_in_schema=False)
async def look_up(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Look the order up. A wrong answer shows the form again with what was typed. Whoever was sent back here in the
    middle of asking brings along what they had typed, and gets it back once the order is theirs again."""
    check_site(request)
    place, services = await _place(request, shop_id), services_of(request)
    form = await sent(request)
    order, code, typed = field(form, "order", 200), field(form, "zip", 200), _typed(form)
    client = request.client.host if request.client else ""
    try:
        found = await services.buyers.look_up(shop_id, order, code, client)
        done = await _found(request, place, found.token, typed) if isinstance(found, Found) else None
    except VendorError:
        problem = words.AWAY.format(channel=place.channel)
        answer = _find_page(request, place, order, code, problem=problem, status=503, typed=typed)
        answer.headers["retry-after"] = "5"
        return answer
    if isinstance(found, Found) and done is not None:
        done.set_cookie(visit_cookie(request, found.token))
        done.delete_cookie(GIVEN_COOKIE, path=PATH)
        return done
    if isinstance(found, Locked):
        problem = words.locked(found.left_s)
        answer = _find_page(request, place, order, code, problem=problem, status=429, typed=typed)
        answer.headers["retry-after"] = str(found.left_s)
        return answer
    text = words.MISTAKE[found] if isinstance(found, Mistake) else words.NOT_FOUND
    problem = text.format(channel=place.channel)
    return _find_page(request, place, order, code, problem=problem, status=422, typed=typed)


async def _found(request: Asked, place: _Place, token: str, typed: _Typed) -> Response[Any]:
    """On to the order; with something typed at once, as no address can carry it there."""
    visit = await services_of(request).buyers.visit(place.shop.id, token) if typed != NOTHING else None
    return (
        await _order_page(request, place, visit, typed, told=words.KEPT) if visit is not None else _go(place, "/order")
    )


async def _visit(request: Asked, shop_id: UUID) -> Visit | None:
    return await services_of(request).buyers.visit(shop_id, request.cookies.get(VISIT_COOKIE, ""))


def _ended(
    request: Asked, place: _Place, order: str = "", typed: _Typed = NOTHING, visit: Visit | None = None
) -> Response[str]:
    """Not visiting that order any more; ``visit``: another one instead."""
    why = words.ANOTHER if visit is not None else words.ENDED
    problem = why if typed == NOTHING else f"{why} {words.STAYS}"
    return _find_page(request, place, order, "", problem=problem, status=403, visit=visit, typed=typed)


@get("/order", include_in_schema=False)
async def order(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """What became of the order's returns, and the form for another."""
    place = await _place(request, shop_id)
    visit = await _visit(request, shop_id)
    return await _order_page(request, place, visit) if visit is not None else _ended(request, place)


async def _order_page(
    request: Asked,
    place: _Place,
    visit: Visit,
    typed: _Typed = NOTHING,
    *,
    problem: str = "",
    told: str = "",
    status: int = 200,
) -> Response[str]:
    buyers, kinds = services_of(request).buyers, place.settings.kinds
    offer = await buyers.offer(visit, kinds)
    cases, taken = await buyers.cases(visit)
    units = {kind: units_of(offer, kind, taken) for kind in kinds}
    kind = _kind(typed.kind or request.query_params.get("kind", ""), units)
    free = [unit.id for unit in units[kind] if unit.why is None]
    return show(
        "order.html", request, status=status, place=place, visit=visit, cases=cases, kind=kind, kinds=kinds,
        units=units[kind], names={unit.id: unit.name for unit in units[kind]}, free=free,
        reasons=_reasons(offer, kind, free), problem=problem, told=told, once=secret_token(),
        chosen=typed.units or (free if len(units[kind]) == 1 else []), reason=typed.reason, note=typed.note,
        said=words, longest=MOST_WORDS,
    )  # fmt: skip


def _kind(wanted: str, units: dict[Kind, tuple[Unit, ...]]) -> Kind:
    """The kind that is asked for, else the first of which something may be."""
    named = next((kind for kind in units if kind.value == wanted), None)
    return named or next(
        (kind for kind, found in units.items() if any(each.why is None for each in found)), next(iter(units))
    )


def _reasons(offer: Offer, kind: Kind, free: list[str]) -> list[tuple[str, str]]:
    """The reasons to choose from, in words."""
    found = reasons_for(offer, kind, free)
    return [(key, text or "Another reason") for key, text in found]


@post("/order", include_in_schema=False)
async def ask(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Ask for it. What does not fit is said on the same page, with what was chosen."""
    check_site(request)
    place = await _place(request, shop_id)
    visit, form = await _visit(request, shop_id), await sent(request)
    typed = _typed(form)
    asked_of = field(form, "order", 200)
    if visit is None or asked_of not in ("", visit.order_id):
        return _ended(request, place, asked_of, typed, visit)
    if not same(field(form, "csrf"), visit.csrf):  # of an earlier visit, or not ours: nothing is asked for by it
        return await _order_page(request, place, visit, typed, problem=words.RENEWED, status=403)
    kind = next((each for each in place.settings.kinds if each.value == field(form, "kind")), None)
    once = field(form, "once", 100)
    if kind is None or not re.fullmatch(r"[\w-]+", once, re.ASCII):
        raise BadInput("That is not offered here.")
    try:
        case_id = await services_of(request).buyers.ask(
            shop_id,
            request.cookies.get(VISIT_COOKIE, ""),
            once=once,
            kind=kind,
            lines=list(typed.units),
            reason=typed.reason,
            note=typed.note,
        )
    except CommandRefused as error:
        return await _order_page(request, place, visit, typed, problem=error.text, status=error.status)
    return _go(place, f"/order#c-{case_id}")


@post("/leave", include_in_schema=False)
async def leave(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """End the visit on this device."""
    check_site(request)
    place = await _place(request, shop_id)
    answer = _go(place)
    answer.delete_cookie(VISIT_COOKIE, path=PATH)
    answer.delete_cookie(GIVEN_COOKIE, path=PATH)
    return answer


@get("/label/{case_id:uuid}", include_in_schema=False)
async def label(request: Asked, shop_id: FromPath[UUID], case_id: FromPath[UUID]) -> Response[Any]:
    """The label of one of the order's returns, to save or print; where there is none (any more), how it stands now."""
    place = await _place(request, shop_id)
    visit = await _visit(request, shop_id)
    if visit is None:
        return _ended(request, place)
    found = await services_of(request).buyers.label(visit, case_id)
    if found is None:
        return _go(place, "/order")
    mime = check_label(found[1])
    ending = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}[mime]
    return Response(
        found[1], media_type=mime, headers={"content-disposition": f'attachment; filename="return-label.{ending}"'}
    )


ROUTES = [
    Router(
        PATH + "/{shop_id:uuid}",
        route_handlers=[find, look_up, order, ask, leave, label],
        request_max_body_size=LARGEST_FORM,
        include_in_schema=False,
    )
]
