"""A shop's portal for buyers: how it is set, and how far it has come."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get, post, put
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody

from backhaul.domain.portal import Texts
from backhaul.store import pages
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.api.commands import done
from backhaul.web.api.shapes import Done, PortalKinds, PortalOpen, PortalRedirect, PortalWords, full
from backhaul.work.portal_guide import Guide, guide


@get("/shops/{shop_id:uuid}/portal", tags=["shops"])
async def portal(request: Asked, shop_id: FromPath[UUID]) -> Response[Guide]:
    """How the buyer portal is set, its addresses, the words that ask the channel for its redirect, and the steps of a
    test return."""
    services = services_of(request)
    shop = next((each for each in await pages.shops(services.pool) if each.id == shop_id), None)
    if shop is None:
        raise NotFoundException
    manifest = services.manifest(shop.vendor or "")
    found = await guide(services.pool, shop, services.base_url, manifest.title if manifest else "The channel")
    return Response(full(found))


@post("/shops/{shop_id:uuid}/portal/open", guards=[needs("configure")], status_code=200, tags=["shops"])
async def set_open(request: Asked, shop_id: FromPath[UUID], data: JSONBody[PortalOpen]) -> Done:
    """Open the portal to buyers, or close it."""
    return await done(request, lambda commands, by: commands.portal.set_open(shop_id, data.open, by))


@post("/shops/{shop_id:uuid}/portal/kinds", guards=[needs("configure")], status_code=200, tags=["shops"])
async def set_kinds(request: Asked, shop_id: FromPath[UUID], data: JSONBody[PortalKinds]) -> Done:
    """What buyers may ask for."""
    return await done(request, lambda commands, by: commands.portal.set_kinds(shop_id, data.kinds, by))


@put("/shops/{shop_id:uuid}/portal/texts/{language:str}", guards=[needs("configure")], tags=["shops"])
async def set_texts(
    request: Asked, shop_id: FromPath[UUID], language: FromPath[str], data: JSONBody[PortalWords]
) -> Done:
    """The shop's own words in a language; all empty takes the language away."""
    said = Texts(data.title, data.introduction, data.help)
    return await done(request, lambda commands, by: commands.portal.set_texts(shop_id, language, said, by))


@post("/shops/{shop_id:uuid}/portal/redirect", guards=[needs("configure")], status_code=200, tags=["shops"])
async def set_redirect(request: Asked, shop_id: FromPath[UUID], data: JSONBody[PortalRedirect]) -> Done:
    """Note how far the channel's redirect is."""
    return await done(request, lambda commands, by: commands.portal.set_redirect(shop_id, data.state, by))


ROUTES = [portal, set_open, set_kinds, set_texts, set_redirect]
