"""A shop's policy as a form. What the form does not show (reasons in order of preference) it keeps."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from backhaul.domain.policy import HOUR, AcceptParcel, BadParcel, DeadlineRule, Default, FromPortal, Policy
from backhaul.domain.reasons import OTHER, DeskReason, coverage, desk_reason
from backhaul.domain.rules import Rule
from backhaul.domain.words import ANSWERS
from backhaul.store import audit, connection_pages
from backhaul.store import shops as shop_store
from backhaul.store.db import Pool
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.dashboard.shops import shop_of
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, page
from backhaul.work import policies


@get("/shops/{shop_id:uuid}/policy", include_in_schema=False)
async def show(request: Asked, shop_id: FromPath[UUID]) -> Response[str]:
    """The form."""
    pool = services_of(request).pool
    shop = await shop_of(request, shop_id)
    found = await shop_store.policy(pool, shop_id)
    return await page(
        request,
        "policy.html",
        shop=shop,
        policy=found,
        versions=await connection_pages.policy_versions(pool, shop_id),
        actions=tuple(ANSWERS),
        choices=tuple(Default),
        acceptance=tuple(AcceptParcel),
        bad_parcels=tuple(BadParcel),
        from_portal=tuple(FromPortal),
        rules=policies.written_rules(found.rules),
        **await _desk_map(pool, shop_id, found),
    )


async def _desk_map(pool: Pool, shop_id: UUID, policy: Policy) -> dict[str, Any]:
    """What each of the shop's reasons is called in the desk, most frequent first, and how far the map reaches."""
    known = await audit.desk_reasons(pool, shop_id)
    rows = [
        (key, text, count, desk_reason(key, text, policy.desk_reasons, policy.desk_fallback, known))
        for key, text, count in await audit.reason_counts(pool, shop_id)
    ]
    return {
        "mapped": rows,
        "desk_known": known,
        "covered": coverage((match.how, count) for _, _, count, match in rows),
    }


def read(form: FormMultiDict, before: Policy) -> Policy:
    """The policy a form describes; raises :class:`BadInput`."""
    rules = dict(before.on_deadline)
    for action in ANSWERS:
        reasons = tuple(
            part.strip() for part in forms.text(form, f"reasons:{action}", limit=2000).split(",") if part.strip()
        )
        rules[action] = DeadlineRule(forms.choice(form, f"default:{action}", Default, "Default answer"), reasons)
    lead = forms.whole(form, "lead_min", "The default answer, minutes before the deadline,", 10, 24 * 60) * 60
    last = forms.whole(form, "last_min", "The last attempt, minutes before,", 1, 60) * 60
    if last >= lead:
        raise BadInput("The last attempt must be later than the default answer: give it fewer minutes.")
    return msgspec.structs.replace(
        before,
        on_deadline=rules,
        accept_parcel=forms.choice(form, "accept_parcel", AcceptParcel, "When a parcel is accepted"),
        rules=_rules(forms.text(form, "rules", "Rules", limit=20000)),
        bad_parcel=forms.choice(form, "bad_parcel", BadParcel, "When no unit passed inspection"),
        on_mixed=forms.choice(form, "on_mixed", Default, "When some units passed inspection"),
        portal=forms.choice(form, "portal", FromPortal, "When a buyer asks in the portal"),
        lead_s=lead,
        last_attempt_s=last,
        warn_hours=_hours(forms.text(form, "warn_hours")),
        inspect_within_s=forms.whole(form, "inspect_days", "Days for an inspection", 1, 365) * 24 * HOUR,
        reasons=_mapping(forms.text(form, "reasons", "Reasons", limit=20000)),
        **_desk_reasons(form),
    )


def _desk_reasons(form: FormMultiDict) -> dict[str, Any]:
    """What the form says of the desk's reasons; nothing where the shop has no desk, and the form does not ask."""
    if "desk_fallback" not in form:
        return {}
    said = _mapping(forms.text(form, "desk_reasons", "Reasons in the desk", limit=20000))
    return {
        "desk_reasons": {key: _desk(value) for key, value in said.items()},
        "desk_fallback": _desk(forms.text(form, "desk_fallback", "The desk's fallback", limit=200) or str(OTHER)),
    }


def _rules(text: str) -> tuple[Rule, ...]:
    try:
        return policies.read_rules(text)
    except policies.BadPolicy as error:
        raise BadInput(f"Rules: {error}") from None


def _hours(text: str) -> tuple[int, ...]:
    try:
        found = {int(part) for part in text.replace(" ", "").split(",") if part}
    except ValueError:
        raise BadInput("Warnings: write whole hours with commas, such as 24, 12, 4, 1.") from None
    if any(not 1 <= hours <= 240 for hours in found) or len(found) > 12:
        raise BadInput("Warnings lie between 1 and 240 hours ahead, twelve of them at most.")
    return tuple(sorted(found, reverse=True))


def _desk(text: str) -> DeskReason:
    parent, slash, child = (part.strip() for part in text.partition(" / "))
    if not parent or (slash and not child) or parent.endswith(" /") or parent.startswith("/ "):
        raise BadInput(f"Reasons in the desk: “{text[:60]}” is no parent / child.")
    return DeskReason(parent, child)


def _mapping(text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (key and equals and value):
            raise BadInput(f"Reasons, line {number}: write the channel's reason key = the commerce reason.")
        found[key] = value
    return found


@post("/shops/{shop_id:uuid}/policy", guards=[needs("configure")], include_in_schema=False)
async def save(request: Asked, shop_id: FromPath[UUID]) -> Response[Any]:
    """A new version; cases that are open keep the one they began with."""
    services = services_of(request)
    await shop_of(request, shop_id)
    wanted = read(await request.form(), await shop_store.policy(services.pool, shop_id))
    await services.commands.shops.set_policy(shop_id, wanted, request.user.name)
    return go(request, f"/shops/{shop_id}/policy", "The policy is saved. It holds for returns that begin from now on.")


ROUTES = [show, save]
