"""Connections: one card a login, forms from the vendors' own declarations, consent and its way back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from backhaul.kit.http import on_this_machine
from backhaul.ports.manifest import Manifest
from backhaul.store import connection_pages, pages
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, page, safe_link
from backhaul.work.logins import LoginRefused


def missing_scopes(manifest: Manifest | None, card: connection_pages.Card) -> dict[str, str]:
    """Rights a connected login lacks, and why they are needed. A vendor that names no rights lacks none."""
    if manifest is None or card.state != "connected":
        return {}
    return {scope: manifest.scopes[scope] for scope in manifest.missing(card.granted_scopes)}


@get("/connections", include_in_schema=False)
async def index(request: Asked) -> Response[str]:
    """All cards."""
    services = services_of(request)
    shops = await pages.shops(services.pool)
    cards = await connection_pages.cards(services.pool)
    gateways = {shop.id: await connection_pages.waiting_gateways(services.pool, shop.id) for shop in shops}
    return await page(
        request,
        "connections.html",
        shops=shops,
        cards=cards,
        gateways=gateways,
        vendors=services.vendors,
        missing={card.id: missing_scopes(services.manifest(card.vendor), card) for card in cards},
        address_of=services.webhook_address,
        card_of={card.id: card for card in cards},
    )


def _manifest(request: Asked, vendor: str) -> Manifest:
    found = services_of(request).manifest(vendor)
    if found is None:
        raise NotFoundException
    return found


@get("/connections/new/{vendor:str}", guards=[needs("configure")], include_in_schema=False)
async def new(request: Asked, vendor: FromPath[str]) -> Response[str]:
    """The form of a vendor, made from its manifest."""
    return await _form(request, _manifest(request, vendor), {}, "", "")


async def _form(
    request: Asked, manifest: Manifest, values: dict[str, str], problem: str, todo: str, status: int = 200
) -> Response[str]:
    services = services_of(request)
    return await page(
        request,
        "connect.html",
        status=status,
        manifest=manifest,
        values=values,
        problem=problem,
        todo=todo,
        callback=services.callback_address(manifest.vendor),
    )


def loopback(address: str) -> str:
    """A simulator's address: it never leaves this machine."""
    if not address:
        return ""
    if not on_this_machine(address):
        raise BadInput("A simulated connection needs an address on this machine, such as http://127.0.0.1:8481.")
    return address.rstrip("/")


@post("/connections/new/{vendor:str}", guards=[needs("configure")], include_in_schema=False)
async def add(request: Asked, vendor: FromPath[str]) -> Response[Any]:
    """Try the credentials, keep them, and go on to consent where the vendor asks for it."""
    manifest = _manifest(request, vendor)
    form = await request.form()
    values = {field.name: forms.text(form, field.name, field.label, limit=2000) for field in manifest.fields}
    values |= {
        name: forms.text(form, name) for name in ("title", "environment", "api_base", "auth_base", "control", "shop")
    }
    try:
        lacking = [field.label for field in manifest.fields if field.required and not values[field.name]]
        if lacking:
            raise BadInput(f"Still missing: {', '.join(lacking)}.")
        if values["environment"] not in ("live", "simulated"):
            raise BadInput("Choose whether this is the real vendor or a simulator.")
        simulated = values["environment"] == "simulated"
        settings = {field.name: values[field.name] for field in manifest.fields if values[field.name]}
        found = await services_of(request).logins.add(
            vendor,
            values["title"] or manifest.title,
            settings,
            values["environment"],
            request.user.name,
            shop_id=UUID(values["shop"]) if values["shop"] else None,
            api_base=loopback(values["api_base"]) if simulated else "",
            auth_base=loopback(values["auth_base"]) if simulated else "",
            control=loopback(values["control"]) if simulated else "",
        )
    except (BadInput, LoginRefused, ValueError) as error:
        if request.headers.get("hx-request") == "true":
            raise
        shown = {name: value for name, value in values.items() if not _secret(manifest, name)}
        todo = error.todo if isinstance(error, LoginRefused) else ""
        text = error.text if isinstance(error, LoginRefused) else str(error)
        return await _form(request, manifest, shown, text, todo, 422)
    return go(request, f"/connections#c-{found}", f"{values['title'] or manifest.title} is added.")


def _secret(manifest: Manifest, name: str) -> bool:
    return any(field.name == name and field.secret for field in manifest.fields)


@post("/connections/{connection_id:uuid}/login", guards=[needs("configure")], include_in_schema=False)
async def login(request: Asked, connection_id: FromPath[UUID]) -> Response[Any]:
    """To the vendor's consent page, or at once with the stored credentials where there is none. A form may not lead to
    another site under our policy, so the browser is sent there by htmx, or by a link where there is none."""
    logins = services_of(request).logins
    target = safe_link(await logins.consent_url(connection_id, request.user.name))
    if not target:
        await logins.again(connection_id, request.user.name)
        return go(request, f"/connections#c-{connection_id}", "Logged in: this vendor asks for no consent page.")
    if request.headers.get("hx-request") == "true":
        return Response(None, status_code=200, headers={"hx-redirect": target})
    return await page(request, "consent.html", target=target)


async def _card(request: Asked, connection_id: UUID) -> tuple[connection_pages.Card, Manifest]:
    found = await connection_pages.cards(services_of(request).pool, connection_id)
    if not found:
        raise NotFoundException
    return found[0], _manifest(request, found[0].vendor)


@get("/connections/{connection_id:uuid}/credentials", guards=[needs("configure")], include_in_schema=False)
async def credentials(request: Asked, connection_id: FromPath[UUID]) -> Response[str]:
    """The form that changes what a connection logs in with; secrets are never shown."""
    card, manifest = await _card(request, connection_id)
    return await page(request, "credentials.html", card=card, manifest=manifest, problem="", todo="")


@post("/connections/{connection_id:uuid}/credentials", guards=[needs("configure")], include_in_schema=False)
async def change(request: Asked, connection_id: FromPath[UUID]) -> Response[Any]:
    """Try other credentials and keep them if they are taken; what was left empty stays as it is."""
    card, manifest = await _card(request, connection_id)
    form = await request.form()
    given = {field.name: forms.text(form, field.name, field.label, limit=2000) for field in manifest.fields}
    changed = {name: value for name, value in given.items() if value}
    try:
        if not changed:
            raise BadInput("Nothing was filled in.")
        await services_of(request).logins.again(connection_id, request.user.name, changed)
    except (BadInput, LoginRefused) as error:
        if request.headers.get("hx-request") == "true":
            raise
        text, todo = (error.text, error.todo) if isinstance(error, LoginRefused) else (str(error), "")
        return await page(
            request, "credentials.html", status=422, card=card, manifest=manifest, problem=text, todo=todo
        )
    return go(request, f"/connections#c-{connection_id}", f"{card.title} has new credentials.")


@get("/callback/{vendor:str}", guards=[needs("configure")], include_in_schema=False)
async def callback(request: Asked, vendor: FromPath[str]) -> Response[Any]:
    """Where the vendor sends the owner back to. Any page can lead a browser here, so that a code is exchanged at once
    only with the state of a login that this person began; otherwise they are asked first."""
    params = {name: request.query_params[name] for name in request.query_params if name not in ("csrf", "connection")}
    return await _finish(request, vendor, params, confirmed=False)


@post("/callback/{vendor:str}", guards=[needs("configure")], include_in_schema=False)
async def chosen(request: Asked, vendor: FromPath[str]) -> Response[Any]:
    """The same, after a person said that it was meant, and for which connection."""
    form = await request.form()
    params = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"}
    return await _finish(request, vendor, params, confirmed=True)


async def _finish(request: Asked, vendor: str, params: dict[str, str], *, confirmed: bool) -> Response[Any]:
    manifest = _manifest(request, vendor)
    result = await services_of(request).logins.callback(vendor, params, request.user.name, confirmed=confirmed)
    if result.choose:
        return await page(
            request, "choose.html", choose=result.choose, params=params, manifest=manifest, text=result.text
        )
    anchor = f"#c-{result.connection_id}" if result.connection_id else ""
    return go(request, f"/connections{anchor}", result.text, "good" if result.ok else "bad")


@post("/connections/{connection_id:uuid}/disable", guards=[needs("configure")], include_in_schema=False)
async def disable(request: Asked, connection_id: FromPath[UUID]) -> Response[Any]:
    """Switch a connection off."""
    await services_of(request).logins.disable(connection_id, request.user.name)
    return go(request, f"/connections#c-{connection_id}", "The connection is disabled.", "info")


@post("/connections/{connection_id:uuid}/check", guards=[needs("configure")], include_in_schema=False)
async def check(request: Asked, connection_id: FromPath[UUID]) -> Response[str]:
    """Try the connection step by step and say what works."""
    services = services_of(request)
    found = await connection_pages.cards(services.pool, connection_id)
    if not found:
        raise NotFoundException
    results = await services.logins.check(connection_id)
    return await page(request, "check.html", card=found[0], results=results)


ROUTES = [index, new, add, login, credentials, change, callback, chosen, disable, check]
