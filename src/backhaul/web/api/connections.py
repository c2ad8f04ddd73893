"""Connections: list, add, consent, log in again, check, disable."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody

from backhaul.store import connection_pages
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.api.commands import command
from backhaul.web.api.shapes import CallbackOrder, CheckLine, ConnectionItem, ConnectionOrder, Done, LoginOrder
from backhaul.web.dashboard.connections import loopback, missing_scopes
from backhaul.web.problems import BadInput


class ConsentAddress(msgspec.Struct, frozen=True):
    """Where the owner gives consent; empty when the vendor asks for none."""

    url: str


@get("/connections", tags=["connections"])
async def connections(request: Asked) -> list[ConnectionItem]:
    """All connections."""
    services = services_of(request)
    own = ("missing_scopes", "webhook_address")
    names = [name for name in ConnectionItem.__struct_fields__ if name not in own]
    return [
        ConnectionItem(
            **{name: getattr(card, name) for name in names},
            missing_scopes=list(missing_scopes(services.manifest(card.vendor), card)),
            webhook_address=services.webhook_address(card.webhook_key),
        )
        for card in await connection_pages.cards(services.pool)
    ]


@post("/connections", guards=[needs("configure")], status_code=201, tags=["connections"])
async def add(request: Asked, data: JSONBody[ConnectionOrder]) -> Done:
    """Try credentials and keep them."""

    async def run() -> Done:
        if data.environment not in ("live", "simulated"):
            raise BadInput("environment is live or simulated.")
        simulated = data.environment == "simulated"
        if not simulated and (data.api_base or data.auth_base or data.control):
            raise BadInput("Only a simulated connection has addresses of its own.")
        found = await services_of(request).logins.add(
            data.vendor,
            data.title,
            data.settings,
            data.environment,
            request.user.name,
            shop_id=data.shop,
            api_base=loopback(data.api_base),
            auth_base=loopback(data.auth_base),
            control=loopback(data.control),
        )
        return Done(id=found)

    return await command(request, run, Done)


async def _known(request: Asked, connection_id: UUID) -> None:
    if not await connection_pages.cards(services_of(request).pool, connection_id):
        raise NotFoundException


@post("/connections/{connection_id:uuid}/consent", guards=[needs("configure")], status_code=200, tags=["connections"])
async def consent(request: Asked, connection_id: FromPath[UUID]) -> ConsentAddress:
    """Where the owner gives consent."""
    await _known(request, connection_id)
    return ConsentAddress(await services_of(request).logins.consent_url(connection_id, request.user.name))


@post("/connections/{connection_id:uuid}/login", guards=[needs("configure")], status_code=200, tags=["connections"])
async def login(request: Asked, connection_id: FromPath[UUID], data: JSONBody[LoginOrder]) -> Done:
    """Log in anew, with changed settings if any are named: they are kept when the vendor takes them. Where the owner
    has to consent, that is another step."""

    async def run() -> Done:
        await services_of(request).logins.again(connection_id, request.user.name, data.settings)
        return Done(id=connection_id)

    await _known(request, connection_id)
    return await command(request, run, Done)


@post("/callback/{vendor:str}", guards=[needs("configure")], status_code=200, tags=["connections"])
async def callback(request: Asked, vendor: FromPath[str], data: JSONBody[CallbackOrder]) -> Done:
    """Hand in what the vendor's redirect carried, for whoever gives consent without a browser session here."""
    if services_of(request).manifest(vendor) is None:
        raise NotFoundException
    result = await services_of(request).logins.callback(vendor, data.params, request.user.name, confirmed=True)
    if not result.ok:
        waiting = ", ".join(f"{key} ({title})" for key, title in result.choose)
        raise BadInput(f"{result.text} {'Name one as connection: ' + waiting if waiting else ''}".strip())
    return Done(id=result.connection_id, text=result.text)


@post("/connections/{connection_id:uuid}/check", guards=[needs("configure")], status_code=200, tags=["connections"])
async def check(request: Asked, connection_id: FromPath[UUID]) -> list[CheckLine]:
    """Try a connection."""
    await _known(request, connection_id)
    return [CheckLine(ok, text) for ok, text in await services_of(request).logins.check(connection_id)]


@post("/connections/{connection_id:uuid}/disable", guards=[needs("configure")], status_code=200, tags=["connections"])
async def disable(request: Asked, connection_id: FromPath[UUID]) -> Done:
    """Switch a connection off."""

    async def run() -> Done:
        await services_of(request).logins.disable(connection_id, request.user.name)
        return Done()

    await _known(request, connection_id)
    return await command(request, run, Done)


ROUTES = [connections, add, consent, login, callback, check, disable]
