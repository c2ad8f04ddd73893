"""Cases that begin with us: the forms to start one, and the entry for goods that arrive."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from backhaul.domain.words import Kind
from backhaul.store import grid
from backhaul.store.grid import CaseRow
from backhaul.web import forms
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, page
from backhaul.work.beginnings import KINDS, MOST_WORDS

LONGEST_ORDER = 100


@get("/start", guards=[needs("decide")], include_in_schema=False)
async def new(request: Asked) -> Response[str]:
    """The form for a case of our own. An address may name shop and order."""
    given = {name: request.query_params.get(name, "")[:LONGEST_ORDER] for name in ("shop", "order")}
    return await page(request, "start.html", given=given)


@post("/start", guards=[needs("decide")], include_in_schema=False)
async def start(request: Asked) -> Response[Any]:
    """Open the case; the channel is asked what may be started, and the rest is chosen on the case's page."""
    form = await request.form()
    case_id = await services_of(request).commands.beginnings.start(
        forms.key(form, "shop", "The account"),
        kind=forms.choice(form, "kind", Kind, "What", KINDS),
        order_id=forms.text(form, "order_id", "The order", limit=LONGEST_ORDER, required=True),
        by=request.user.name,
    )
    return go(request, f"/cases/{case_id}", "The channel is being asked what may be started.", "info")


def _changes(form: FormMultiDict) -> dict[str, Any]:
    return {
        "kind": forms.choice(form, "kind", Kind, "What", KINDS),
        "lines": forms.texts(form, "line"),
        "reason_key": forms.text(form, "reason_key"),
        "amount": forms.text(form, "amount", "The amount", limit=40),
    }


@post("/cases/{case_id:uuid}/start", guards=[needs("decide")], include_in_schema=False)
async def change(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Lines, reason and amount: the channel is asked for the sum."""
    changes = _changes(await request.form())
    await services_of(request).commands.beginnings.change(case_id, by=request.user.name, **changes)
    return go(request, f"/cases/{case_id}", "The channel is being asked for the sum.", "info")


@post("/cases/{case_id:uuid}/confirm-start", guards=[needs("decide")], include_in_schema=False)
async def confirm(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Start it for the sum that was shown."""
    total = forms.text(await request.form(), "total", "The sum", limit=40, required=True)
    await services_of(request).commands.beginnings.confirm(case_id, total, request.user.name)
    return go(request, f"/cases/{case_id}", "It is on its way to the channel.")


@post("/cases/{case_id:uuid}/withdraw", guards=[needs("decide")], include_in_schema=False)
async def withdraw(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Close a case that was not started."""
    await services_of(request).commands.beginnings.withdraw(case_id, request.user.name)
    return go(request, f"/cases/{case_id}", "The case is closed. Nothing was started.")


@post("/cases/{case_id:uuid}/decline", guards=[needs("decide")], include_in_schema=False)
async def decline(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Close a case that a buyer asked for, with words for the buyer."""
    words = forms.text(await request.form(), "words", "What the buyer reads", limit=MOST_WORDS, required=True)
    await services_of(request).commands.beginnings.decline(case_id, words, request.user.name)
    return go(request, f"/cases/{case_id}", "Declined. The buyer reads your words in the portal.")


@post("/cases/{case_id:uuid}/channel-order", guards=[needs("warehouse")], include_in_schema=False)
async def channel_order(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Which order goods without a return are of."""
    order = forms.text(await request.form(), "order_id", "The order", limit=LONGEST_ORDER, required=True)
    await services_of(request).commands.beginnings.name_order(case_id, order, request.user.name)
    return go(request, f"/cases/{case_id}", "The order is being read.", "info")


@get("/receive", guards=[needs("warehouse")], include_in_schema=False)
async def entry(request: Asked) -> Response[str]:
    """Where a parcel's code is scanned; with a code, what is on file for it."""
    services = services_of(request)
    code = request.query_params.get("code", "").strip()[:LONGEST_ORDER]
    found: tuple[CaseRow, ...] = ()
    if code:
        found = (await grid.page(services.pool, grid.Filter(search=code))).rows
    return await page(request, "receive.html", code=code, found=found)


@post("/receive", guards=[needs("warehouse")], include_in_schema=False)
async def arrived(request: Asked) -> Response[Any]:
    """Open a case for goods that have no return on file."""
    form = await request.form()
    code = forms.text(form, "code", "The code", limit=LONGEST_ORDER, required=True)
    shop_id = forms.key(form, "shop", "The account")
    services = services_of(request)
    if await grid.find(services.pool, code, [shop_id]):
        raise BadInput("A return is on file for this code: open it instead.")
    case_id = await services.commands.beginnings.arrived(
        shop_id,
        code=code,
        by=request.user.name,
        order_id=forms.text(form, "order_id", "The order", limit=LONGEST_ORDER),
        note=forms.text(form, "note", "The note", limit=500),
    )
    return go(request, f"/cases/{case_id}", "A case is open for these goods.")


ROUTES = [new, start, change, confirm, withdraw, decline, channel_order, entry, arrived]
