"""A shop's switches: observe or live with a preview, gateways, location, booker, sync."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from backhaul.domain.terms import Booker, DeskOpens, DeskTerms, Mode, Payer
from backhaul.domain.words import ANSWERS
from backhaul.store import connection_pages, pages
from backhaul.store.pages import Shop
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, local, page, render
from backhaul.work.audit import audit as audit_shop


async def shop_of(request: Asked, shop_id: UUID) -> Shop:
    """The shop of an address."""
    shops = await pages.shops(services_of(request).pool)
    found = next((shop for shop in shops if shop.id == shop_id), None)
    if found is None:
        raise NotFoundException
    return found


@get("/shops/{shop_id:uuid}/live", include_in_schema=False)
async def preview(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """What going live would mean, before anybody does it."""
    shop = await shop_of(request, shop_id)
    found = await connection_pages.preview(services_of(request).pool, shop_id)
    return await page(request, "golive.html", shop=shop, preview=found, answers=tuple(ANSWERS))


@post("/shops/{shop_id:uuid}/mode", guards=[needs("configure")], include_in_schema=False)
async def mode(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Observe or live; on going live, which open cases are taken over."""
    form = await request.form()
    wanted = forms.choice(form, "mode", Mode, "Mode")
    take = forms.text(form, "take")
    if wanted is Mode.LIVE and take not in ("all", "none", "chosen"):
        raise BadInput("Say what becomes of the open cases: take over all, none, or chosen ones.")
    commands, by = services_of(request).commands, request.user.name
    await shop_of(request, shop_id)
    chosen = _chosen(forms.texts(form, "case"))
    await commands.shops.set_mode(shop_id, wanted, by)
    if wanted is Mode.OBSERVE:
        return go(request, "/connections", "The shop observes now: nothing is sent any more.", "info")
    taken = 0
    if take == "all":
        taken = await commands.shops.take_over(shop_id, None, by)
    elif take == "chosen" and chosen:
        taken = await commands.shops.take_over(shop_id, chosen, by)
    return go(request, "/connections", f"The shop is live. {taken} open cases taken over.")


@post("/shops/{shop_id:uuid}/take-over", guards=[needs("configure")], include_in_schema=False)
async def take_over(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Take over open cases of a live shop."""
    form = await request.form()
    chosen = _chosen(forms.texts(form, "case"))
    if not chosen and forms.text(form, "take") != "all":
        raise BadInput("Choose at least one case.")
    taken = await services_of(request).commands.shops.take_over(shop_id, chosen or None, request.user.name)
    return go(request, f"/shops/{shop_id}/live", f"{taken} cases taken over.")


def _chosen(values: list[str]) -> list[UUID]:
    try:
        return [UUID(value) for value in values]
    except ValueError:
        raise BadInput("One of the chosen cases is no case.") from None


@post("/shops/{shop_id:uuid}/gateway", guards=[needs("configure")], include_in_schema=False)
async def gateway(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """A person's word that a payment method moves no money."""
    form = await request.form()
    name = forms.text(form, "gateway", "The payment method", limit=100, required=True)
    await services_of(request).commands.shops.confirm_gateway(shop_id, name, request.user.name)
    return go(request, local(forms.text(form, "back") or "/connections"), f"“{name}” is confirmed: it moves no money.")


@get("/shops/{shop_id:uuid}/locations", guards=[needs("configure")], include_in_schema=False)
async def locations(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """The places stock can go back to, asked of the commerce system when the form is looked at."""
    shop = await shop_of(request, shop_id)
    found = await services_of(request).lookups.locations(shop_id)
    return Response(render("_locations.html", locations=found, shop=shop), media_type="text/html")


@post("/shops/{shop_id:uuid}/location", guards=[needs("configure")], include_in_schema=False)
async def location(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Where restocked units go."""
    value = forms.text(await request.form(), "location", "The place", limit=200, required=True)
    services = services_of(request)
    place, name = await services.lookups.location(shop_id, value)
    await services.commands.shops.set_location(shop_id, place, request.user.name, name)
    return go(request, f"/connections#s-{shop_id}", f"Restocked units go to {name}.")


@post("/shops/{shop_id:uuid}/booker", guards=[needs("configure")], include_in_schema=False)
async def booker(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Who books refunds in commerce."""
    value = forms.choice(await request.form(), "booker", Booker, "Who books")
    await services_of(request).commands.shops.set_booker(shop_id, value, request.user.name)
    return go(request, f"/connections#s-{shop_id}", "Who books refunds is set.")


@post("/shops/{shop_id:uuid}/payer", guards=[needs("configure")], include_in_schema=False)
async def payer(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Who pays the buyer."""
    value = forms.choice(await request.form(), "payer", Payer, "Who pays")
    await services_of(request).commands.shops.set_payer(shop_id, value, request.user.name)
    return go(request, f"/connections#s-{shop_id}", "Who pays the buyer is set.")


@post("/shops/{shop_id:uuid}/desk", guards=[needs("configure")], include_in_schema=False)
async def desk(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """How the shop works with its returns desk."""
    form = await request.form()
    terms = DeskTerms(
        "",
        opens=forms.choice(form, "opens", DeskOpens, "When a return is opened"),
        labels=forms.text(form, "labels") == "yes",
        writes_records=forms.text(form, "writes_records") == "yes",
        moves_stock=forms.text(form, "moves_stock") == "yes",
        reject_reasons=tuple(forms.text(form, "reject_reasons", "The reasons", limit=2000).split()),
        carriers=_pairs(forms.text(form, "carriers", "The carriers", limit=4000)),
    )
    services = services_of(request)
    unchecked = await services.lookups.check_reasons(shop_id, terms.reject_reasons)
    await services.commands.shops.set_desk(shop_id, terms, request.user.name)
    return go(request, f"/connections#s-{shop_id}", f"How the shop works with its desk is set. {unchecked}".rstrip())


def _pairs(text: str) -> dict[str, str]:
    """Lines of "the desk's name = the channel's name"."""
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, sign, carrier = line.partition("=")
        if not (sign and name.strip() and carrier.strip()):
            raise BadInput(f"Carriers: write “name in the desk = name at the channel”, not “{line.strip()[:60]}”.")
        found[name.strip()] = carrier.strip()
    return found


@get("/shops/{shop_id:uuid}/audit", include_in_schema=False)
async def audit(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """What costs returns, and where to change it."""
    shop, services = await shop_of(request, shop_id), services_of(request)
    findings = await audit_shop(services.pool, services.vendors, shop_id)
    return await page(request, "audit.html", shop=shop, findings=findings)


@post("/shops/{shop_id:uuid}/writers-off", guards=[needs("configure")], include_in_schema=False)
async def writers_off(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """A person's word that no other program writes any more."""
    await shop_of(request, shop_id)
    await services_of(request).commands.shops.answer_writers(shop_id, request.user.name)
    return go(request, f"/shops/{shop_id}/audit", "Backhaul writes returns and refunds again.")


@post("/shops/{shop_id:uuid}/sync", guards=[needs("decide")], include_in_schema=False)
async def sync(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """Read what changed now. A comfort: it happens by itself."""
    await services_of(request).commands.shops.sync_now(shop_id, request.user.name)
    return go(request, f"/?shop={shop_id}", "Reading what changed. New returns appear by themselves.", "info")


ROUTES = [preview, mode, take_over, gateway, locations, location, booker, payer, desk, audit, writers_off, sync]
