"""Shops: their switches and their policy."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody

from backhaul.domain.policy import Policy
from backhaul.domain.terms import DeskTerms
from backhaul.store import connection_pages, pages
from backhaul.store import shops as shop_store
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.api.commands import command, done
from backhaul.web.api.shapes import (
    AliasOrder,
    BookerOrder,
    DeskOrder,
    Done,
    GatewayOrder,
    LocationOrder,
    ModeOrder,
    PayerOrder,
    ShopItem,
    TakeOverOrder,
    full,
)
from backhaul.work.audit import Finding
from backhaul.work.audit import audit as audit_shop


@get("/shops", tags=["shops"])
async def shops(request: Asked) -> list[ShopItem]:
    """All shops."""
    services = services_of(request)
    real = services.clock()
    names = [name for name in ShopItem.__struct_fields__ if name != "now"]
    return [
        ShopItem(**{name: getattr(shop, name) for name in names}, now=int(shop.now(real)))
        for shop in await pages.shops(services.pool)
    ]


@get("/shops/{shop_id:uuid}/preview", tags=["shops"])
async def preview(request: Asked, shop_id: FromPath[UUID]) -> connection_pages.Preview:
    """What would be sent if the shop went live now."""
    return await connection_pages.preview(services_of(request).pool, shop_id)


@post("/shops/{shop_id:uuid}/mode", guards=[needs("configure")], status_code=200, tags=["shops"])
async def mode(request: Asked, shop_id: FromPath[UUID], data: JSONBody[ModeOrder]) -> Done:
    """Observe or live."""
    return await done(request, lambda commands, by: commands.shops.set_mode(shop_id, data.mode, by))


@post("/shops/{shop_id:uuid}/take-over", guards=[needs("configure")], status_code=200, tags=["shops"])
async def take_over(request: Asked, shop_id: FromPath[UUID], data: JSONBody[TakeOverOrder]) -> Done:
    """Take open cases over into live; ``count`` says how many."""
    return await done(
        request, lambda commands, by: commands.shops.take_over(shop_id, data.cases, by), lambda taken: Done(count=taken)
    )


@post("/shops/{shop_id:uuid}/gateways", guards=[needs("configure")], status_code=200, tags=["shops"])
async def gateways(request: Asked, shop_id: FromPath[UUID], data: JSONBody[GatewayOrder]) -> Done:
    """Confirm that a payment method moves no money."""
    return await done(request, lambda commands, by: commands.shops.confirm_gateway(shop_id, data.gateway, by))


@get("/shops/{shop_id:uuid}/locations", guards=[needs("configure")], tags=["shops"])
async def locations(request: Asked, shop_id: FromPath[UUID]) -> list[tuple[str, str]]:
    """Places (id, name) that restocked units may go to."""
    return list(await services_of(request).lookups.locations(shop_id))


@post("/shops/{shop_id:uuid}/location", guards=[needs("configure")], status_code=200, tags=["shops"])
async def location(request: Asked, shop_id: FromPath[UUID], data: JSONBody[LocationOrder]) -> Done:
    """Where restocked units go: a place of the commerce system by its id or its name."""

    async def run() -> Done:
        services = services_of(request)
        place, name = await services.lookups.location(shop_id, data.location)
        await services.commands.shops.set_location(shop_id, place, request.user.name, name)
        return Done()

    return await command(request, run, Done)


@post("/shops/{shop_id:uuid}/booker", guards=[needs("configure")], status_code=200, tags=["shops"])
async def booker(request: Asked, shop_id: FromPath[UUID], data: JSONBody[BookerOrder]) -> Done:
    """Who books refunds."""
    return await done(request, lambda commands, by: commands.shops.set_booker(shop_id, data.booker, by))


@post("/shops/{shop_id:uuid}/payer", guards=[needs("configure")], status_code=200, tags=["shops"])
async def payer(request: Asked, shop_id: FromPath[UUID], data: JSONBody[PayerOrder]) -> Done:
    """Who pays the buyer."""
    return await done(request, lambda commands, by: commands.shops.set_payer(shop_id, data.payer, by))


@post("/shops/{shop_id:uuid}/desk", guards=[needs("configure")], status_code=200, tags=["shops"])
async def desk(request: Asked, shop_id: FromPath[UUID], data: JSONBody[DeskOrder]) -> Done:
    """How the shop works with its returns desk. Reasons that the channel does not take are refused; ``text`` names
    those that could not be checked."""
    terms = DeskTerms(
        "",
        opens=data.opens,
        labels=data.labels,
        writes_records=data.writes_records,
        moves_stock=data.moves_stock,
        reject_reasons=tuple(data.reject_reasons),
        carriers=data.carriers,
    )

    async def run() -> Done:
        services = services_of(request)
        unchecked = await services.lookups.check_reasons(shop_id, terms.reject_reasons)
        await services.commands.shops.set_desk(shop_id, terms, request.user.name)
        return Done(text=unchecked)

    return await command(request, run, Done)


@post("/shops/{shop_id:uuid}/writers-off", guards=[needs("configure")], status_code=200, tags=["shops"])
async def writers_off(request: Asked, shop_id: FromPath[UUID]) -> Done:
    """The other program that wrote returns and refunds is switched off now: the hub writes again."""
    return await done(request, lambda commands, by: commands.shops.answer_writers(shop_id, by))


@get("/shops/{shop_id:uuid}/audit", tags=["shops"])
async def audit(request: Asked, shop_id: FromPath[UUID]) -> list[Finding]:
    """What in the shop's desk, settings and other programs costs returns, and where to change it; worst first."""
    services = services_of(request)
    try:
        return list(await audit_shop(services.pool, services.vendors, shop_id))
    except LookupError:
        raise NotFoundException from None


@post("/shops/{shop_id:uuid}/aliases", guards=[needs("repair")], status_code=200, tags=["shops"])
async def aliases(request: Asked, shop_id: FromPath[UUID], data: JSONBody[AliasOrder]) -> Done:
    """Which commerce SKU a channel SKU stands for."""
    return await done(
        request, lambda commands, by: commands.shops.add_alias(shop_id, data.channel_sku, data.commerce_sku, by)
    )


@post("/shops/{shop_id:uuid}/sync", guards=[needs("decide")], status_code=202, tags=["shops"])
async def sync(request: Asked, shop_id: FromPath[UUID]) -> Done:
    """Read what changed now."""
    return await done(request, lambda commands, by: commands.shops.sync_now(shop_id, by))


async def _known(request: Asked, shop_id: UUID) -> None:
    if not any(shop.id == shop_id for shop in await pages.shops(services_of(request).pool)):
        raise NotFoundException


@get("/shops/{shop_id:uuid}/policy", tags=["shops"])
async def policy(request: Asked, shop_id: FromPath[UUID]) -> Response[Policy]:
    """The policy in force; version 0 are the defaults."""
    await _known(request, shop_id)
    return Response(full(await shop_store.policy(services_of(request).pool, shop_id)))


@put("/shops/{shop_id:uuid}/policy", guards=[needs("configure")], tags=["shops"])
async def set_policy(request: Asked, shop_id: FromPath[UUID], data: JSONBody[Policy]) -> Response[Policy]:
    """A new version of the policy; its number is given, not taken."""

    async def run() -> Policy:
        await _known(request, shop_id)
        version = await services_of(request).commands.shops.set_policy(shop_id, data, request.user.name)
        return msgspec.structs.replace(data, version=version)

    return Response(full(await command(request, run, Policy)))


ROUTES = [
    shops, preview, mode, take_over, gateways, locations, location, booker, payer, desk, writers_off, audit, aliases,
    sync, policy, set_policy,
]  # fmt: skip
