"""A shop's portal for buyers, as its people set it: open or closed, what may be asked for, the shop's own words, how
far the channel's redirect is, and a test."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from backhaul.domain.portal import KINDS, LIMITS, Redirect, Texts
from backhaul.store import shops as shop_store
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.dashboard.shops import shop_of
from backhaul.web.portal import words
from backhaul.web.rendering import go, page
from backhaul.work.portal_guide import guide


@get("/shops/{shop_id:uuid}/portal", include_in_schema=False)
async def show(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """How the portal is set, and what is left to do."""
    shop, services = await shop_of(request, shop_id), services_of(request)
    manifest = services.manifest(shop.vendor or "")
    channel = manifest.title if manifest else "The channel"
    found = await guide(services.pool, shop, services.base_url, channel)
    policy = await shop_store.policy(services.pool, shop_id)
    return await page(
        request, "portal_settings.html", shop=shop, guide=found, portal=found.settings, policy=policy, kinds=KINDS,
        limits=LIMITS, states=tuple(Redirect), ours=words.texts({}, "", channel),
    )  # fmt: skip


def _back(request: Asked, shop_id: UUID, text: str) -> Response[Any]:
    return go(request, f"/shops/{shop_id}/portal", text)


@post("/shops/{shop_id:uuid}/portal/open", guards=[needs("configure")], include_in_schema=False)
async def set_open(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Open the portal, or close it."""
    wanted = forms.text(await request.form(), "open") == "yes"
    await services_of(request).commands.portal.set_open(shop_id, wanted, request.user.name)
    return _back(request, shop_id, "The portal is open." if wanted else "The portal is closed.")


@post("/shops/{shop_id:uuid}/portal/kinds", guards=[needs("configure")], include_in_schema=False)
async def set_kinds(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """What buyers may ask for."""
    form = await request.form()
    kinds = [kind for kind in KINDS if kind.value in forms.texts(form, "kind")]
    await services_of(request).commands.portal.set_kinds(shop_id, kinds, request.user.name)
    return _back(request, shop_id, "What buyers may ask for is set.")


@post("/shops/{shop_id:uuid}/portal/texts", guards=[needs("configure")], include_in_schema=False)
async def set_texts(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """The shop's own words in a language."""
    form = await request.form()
    language = forms.text(form, "language", "The language", limit=20, required=True)
    said = {name: forms.text(form, name, f"The {name}", limit=2 * limit) for name, limit in LIMITS.items()}
    await services_of(request).commands.portal.set_texts(shop_id, language, Texts(**said), request.user.name)
    done = "kept" if any(said.values()) else "removed"
    return _back(request, shop_id, f"The words in “{language}” are {done}.")


@post("/shops/{shop_id:uuid}/portal/redirect", guards=[needs("configure")], include_in_schema=False)
async def set_redirect(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """How far the channel's redirect is."""
    state = forms.choice(await request.form(), "state", Redirect, "The redirect")
    await services_of(request).commands.portal.set_redirect(shop_id, state, request.user.name)
    return _back(request, shop_id, "How far the redirect is, is noted.")


ROUTES = [show, set_open, set_kinds, set_texts, set_redirect]
