"""One return's page and what a person does there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from backhaul.domain.channel import UnitAnswer
from backhaul.domain.words import REJECTIONS, WITH_AMOUNT, Action, Condition, Decision, Disposition
from backhaul.store import beginnings, case_page
from backhaul.web import forms, words
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.dashboard.timeline import timeline
from backhaul.web.problems import BadInput
from backhaul.web.rendering import go, page, render
from backhaul.work import files, notes
from backhaul.work.commands import LANES

LABEL_LIMIT = 10_500_000  # bytes, of a file and what is around it
MOST_PICTURES = 6


@get("/cases/{case_id:uuid}", include_in_schema=False)
async def show(request: Asked, case_id: FromPath[UUID]) -> Response[str]:
    """The page."""
    services = services_of(request)
    standing = await beginnings.standing(services.pool, case_id)
    if standing != case_id:
        return Response("", status_code=303, headers={"location": f"/cases/{standing}"})
    found = await case_page.case(services.pool, case_id)
    if found is None:
        raise NotFoundException
    note = notes.read(services.commands.vault, found.row.shop_id, found.said.start)
    return await page(request, "case.html", case=found, note=note, events=timeline(found))


@get("/cases/{case_id:uuid}/carriers", guards=[needs("warehouse")], include_in_schema=False)
async def carriers(request: Asked, case_id: FromPath[UUID]) -> Response[str]:
    """The carriers a label may name, asked of the channel when somebody is about to upload one."""
    found = await services_of(request).lookups.carriers(case_id)
    return Response(render("_carriers.html", carriers=found), media_type="text/html")


def _back(request: Asked, case_id: UUID, text: str) -> Response[None]:
    return go(request, f"/cases/{case_id}", text)


@post(
    "/cases/{case_id:uuid}/decision",
    guards=[needs("decide")],
    include_in_schema=False,
    request_max_body_size=MOST_PICTURES * LABEL_LIMIT,
)
async def decide(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Approve, reject with a reason, offer a part of the refund, or let the buyer keep the item."""
    form = await request.form()
    decision = forms.choice(form, "decision", Decision, "Decision")
    units = _unit_answers(form) if decision is Decision.BY_UNIT else []
    offered = forms.text(form, "offer", "Amount", limit=20, required=decision in WITH_AMOUNT)
    commands, evidence = services_of(request).commands, forms.texts(form, "evidence")
    if units and not any(each.decision in REJECTIONS for each in units):
        evidence = []  # pictures that are kept come ticked, for the case that something is refused
    for name, content in await forms.files(form, "picture", "Pictures", MOST_PICTURES):
        evidence.append(str(await commands.add_evidence(case_id, name=name, content=content, by=request.user.name)))
    await commands.decide(
        case_id,
        action=forms.choice(form, "action", Action, "Action"),
        round=forms.whole(form, "round", "Round", 1, 1000),
        decision=decision,
        by=request.user.name,
        reason_key=forms.text(form, "reason_key"),
        comment=forms.text(form, "comment", "Comment", limit=1000),
        offer=forms.amount(offered, forms.text(form, "currency")) if offered else None,
        evidence=evidence,
        bare=bool(forms.text(form, "bare")),
        units=units,
    )
    return _back(request, case_id, f"{words.DECISION.get(decision, decision)}: your answer is on its way.")


def _unit_answers(form: FormMultiDict) -> list[UnitAnswer]:
    """The answer chosen for each unit, with the reason or the amount that belongs to it."""
    answers = []
    for unit in forms.texts(form, "unit"):
        if not forms.text(form, f"answer:{unit}"):
            raise BadInput("Choose an answer for each unit.")
        decision = forms.choice(form, f"answer:{unit}", Decision, "Answer for a unit")
        reason = forms.text(form, f"reason:{unit}") if decision in REJECTIONS else ""
        part = forms.text(form, f"offer:{unit}", "Amount", limit=20) if decision in WITH_AMOUNT else ""
        offer = forms.amount(part, forms.text(form, "currency")) if part else None
        answers.append(UnitAnswer(unit, decision, reason, offer))
    return answers


@post("/cases/{case_id:uuid}/received", guards=[needs("warehouse")], include_in_schema=False)
async def receive(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Units that arrived."""
    units = forms.texts(await request.form(), "unit")
    if not units:
        raise BadInput("Choose at least one unit.")
    await services_of(request).commands.receive(case_id, units, request.user.name)
    return _back(request, case_id, f"{len(units)} received.")


@post("/cases/{case_id:uuid}/inspection", guards=[needs("warehouse")], include_in_schema=False)
async def inspect(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """A verdict for each unit that has a condition chosen."""
    form = await request.form()
    verdicts = []
    for unit in forms.texts(form, "unit"):
        if not forms.text(form, f"condition:{unit}"):
            continue
        condition = forms.choice(form, f"condition:{unit}", Condition, "Condition")
        disposition = forms.choice(form, f"disposition:{unit}", Disposition, "What becomes of it")
        verdicts.append((unit, condition, disposition, forms.text(form, f"note:{unit}", "Note")))
    if not verdicts:
        raise BadInput("Choose a condition for at least one unit.")
    await services_of(request).commands.inspect(case_id, verdicts, request.user.name)
    return _back(request, case_id, f"{len(verdicts)} inspected.")


@post(
    "/cases/{case_id:uuid}/label",
    guards=[needs("warehouse")],
    include_in_schema=False,
    request_max_body_size=LABEL_LIMIT,
)
async def label(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """A label that a person made."""
    form = await request.form()
    name, content = await forms.file(form, "file", "Label")
    forms.check_label(content)
    carrier_id = forms.text(form, "carrier_id")
    await services_of(request).commands.upload_label(
        case_id,
        name=name,
        content=content,
        tracking_number=forms.text(form, "tracking_number", "Tracking number", limit=100, required=True),
        carrier_id=carrier_id,
        carrier_name=forms.text(form, "carrier_name", "Carrier", limit=100, required=not carrier_id),
        document=forms.text(form, "document") or "label",
        by=request.user.name,
    )
    return _back(request, case_id, "The label is on its way to the buyer.")


@post("/cases/{case_id:uuid}/link-order", guards=[needs("repair")], include_in_schema=False)
async def link_order(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Say which commerce order this is."""
    form = await request.form()
    order = forms.text(form, "commerce_order_id", "The commerce order", limit=200, required=True)
    await services_of(request).commands.link_order(case_id, order, request.user.name)
    return _back(request, case_id, "The order is linked, and read now.")


@post("/cases/{case_id:uuid}/link-line", guards=[needs("repair")], include_in_schema=False)
async def link_line(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Say which commerce line a unit is, once or for good."""
    form = await request.form()
    commands, by = services_of(request).commands, request.user.name
    line = forms.text(form, "commerce_line_id", "The order line", limit=200, required=True)
    sku, alias = forms.text(form, "channel_sku", limit=200), forms.text(form, "remember", limit=200)
    await commands.link_line(case_id, forms.text(form, "unit", "The unit", required=True), line, by)
    if sku and alias:
        await commands.shops.add_alias(forms.key(form, "shop", "The account"), sku, alias, by)
    return _back(request, case_id, "Line linked.")


@post("/cases/{case_id:uuid}/waive", guards=[needs("repair")], include_in_schema=False)
async def waive(request: Asked, case_id: FromPath[UUID]) -> Response[Any]:
    """Settle the case without one of its lanes."""
    lane = forms.text(await request.form(), "lane", "The lane", required=True)
    if lane not in LANES:
        raise BadInput(f"The {lane[:40]} lane cannot be waived.")
    await services_of(request).commands.waive(case_id, lane, request.user.name)
    return _back(request, case_id, f"{words.LANE[lane]}: waived.")


@get("/cases/{case_id:uuid}/files/{file_id:uuid}", include_in_schema=False)
async def file(request: Asked, case_id: FromPath[UUID], file_id: FromPath[UUID]) -> Response[bytes]:
    """A stored file. It is always downloaded: what was uploaded is never shown as a page of ours."""
    services = services_of(request)
    found = await files.read(services.pool, services.commands.vault, file_id, case_id)
    if found is None:
        raise NotFoundException
    return Response(
        found[1],
        media_type="application/octet-stream",
        headers={
            "content-disposition": f'attachment; filename="{"".join(c for c in found[0] if c.isalnum() or c in "._-")}"'
        },
    )


ROUTES = [show, carriers, decide, receive, inspect, label, link_order, link_line, waive, file]
