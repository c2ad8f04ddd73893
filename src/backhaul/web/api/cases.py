"""Commands on one case."""

from __future__ import annotations

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from backhaul.domain.channel import UnitAnswer
from backhaul.domain.money import Money
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.api.commands import done
from backhaul.web.api.shapes import (
    Amount,
    DecisionOrder,
    Done,
    InspectionOrder,
    LabelOrder,
    LaneOrder,
    LineLink,
    OrderLink,
    PictureOrder,
    UnitsOrder,
)
from backhaul.web.forms import amount, check_label

# Base64 makes a file a third longer.
LABEL_LIMIT = 14_000_000


def _amount(given: Amount | None) -> Money | None:
    return amount(given.amount, given.currency) if given is not None else None


@post("/cases/{case_id:uuid}/decision", guards=[needs("decide")], status_code=202, tags=["cases"])
async def decide(request: Asked, case_id: FromPath[UUID], data: JSONBody[DecisionOrder]) -> Done:
    """Answer what the channel waits for."""
    return await done(
        request,
        lambda commands, by: commands.decide(
            case_id,
            action=data.action,
            round=data.round,
            decision=data.decision,
            by=by,
            reason_key=data.reason_key,
            comment=data.comment,
            evidence=data.evidence,
            bare=data.without_pictures,
            offer=_amount(data.offer),
            units=[UnitAnswer(each.unit, each.decision, each.reason_key, _amount(each.offer)) for each in data.units],
        ),
    )


@post(
    "/cases/{case_id:uuid}/evidence",
    guards=[needs("decide")],
    status_code=201,
    tags=["cases"],
    request_max_body_size=LABEL_LIMIT,
)
async def evidence(request: Asked, case_id: FromPath[UUID], data: JSONBody[PictureOrder]) -> Done:
    """Keep a picture that a rejection may name by its ``id``."""
    return await done(
        request,
        lambda commands, by: commands.add_evidence(case_id, name=data.name, content=data.content, by=by),
        lambda picture: Done(id=picture),
    )


@post("/cases/{case_id:uuid}/received", guards=[needs("warehouse")], status_code=202, tags=["cases"])
async def receive(request: Asked, case_id: FromPath[UUID], data: JSONBody[UnitsOrder]) -> Done:
    """Units that arrived."""
    return await done(request, lambda commands, by: commands.receive(case_id, data.units, by))


@post("/cases/{case_id:uuid}/inspection", guards=[needs("warehouse")], status_code=202, tags=["cases"])
async def inspect(request: Asked, case_id: FromPath[UUID], data: JSONBody[InspectionOrder]) -> Done:
    """A verdict per unit. Nothing else moves stock."""
    verdicts = [(each.unit, each.condition, each.disposition, each.note) for each in data.verdicts]
    return await done(request, lambda commands, by: commands.inspect(case_id, verdicts, by))


@post(
    "/cases/{case_id:uuid}/label",
    guards=[needs("warehouse")],
    status_code=202,
    tags=["cases"],
    request_max_body_size=LABEL_LIMIT,
)
async def label(request: Asked, case_id: FromPath[UUID], data: JSONBody[LabelOrder]) -> Done:
    """A label that a person made. It is sent once and cannot be corrected."""
    check_label(data.content)
    return await done(
        request,
        lambda commands, by: commands.upload_label(
            case_id,
            name=data.name,
            content=data.content,
            tracking_number=data.tracking_number,
            carrier_id=data.carrier_id,
            carrier_name=data.carrier_name,
            document=data.document,
            by=by,
        ),
    )


@get("/cases/{case_id:uuid}/carriers", guards=[needs("warehouse")], tags=["cases"])
async def carriers(request: Asked, case_id: FromPath[UUID]) -> list[tuple[str, str]]:
    """Carriers (id, name) that a label of this case may name."""
    return list(await services_of(request).lookups.carriers(case_id))


@post("/cases/{case_id:uuid}/link-order", guards=[needs("repair")], status_code=202, tags=["cases"])
async def link_order(request: Asked, case_id: FromPath[UUID], data: JSONBody[OrderLink]) -> Done:
    """Say which commerce order this is."""
    return await done(request, lambda commands, by: commands.link_order(case_id, data.commerce_order_id, by))


@post("/cases/{case_id:uuid}/link-line", guards=[needs("repair")], status_code=202, tags=["cases"])
async def link_line(request: Asked, case_id: FromPath[UUID], data: JSONBody[LineLink]) -> Done:
    """Say which commerce line a unit is."""
    return await done(request, lambda commands, by: commands.link_line(case_id, data.unit, data.commerce_line_id, by))


@post("/cases/{case_id:uuid}/waive", guards=[needs("repair")], status_code=202, tags=["cases"])
async def waive(request: Asked, case_id: FromPath[UUID], data: JSONBody[LaneOrder]) -> Done:
    """Settle the case without one of its lanes."""
    return await done(request, lambda commands, by: commands.waive(case_id, data.lane, by))


@post("/exceptions/{exception_id:uuid}/retry", guards=[needs("repair")], status_code=202, tags=["exceptions"])
async def retry(request: Asked, exception_id: FromPath[UUID]) -> Done:
    """Try again now."""
    return await done(request, lambda commands, by: commands.retry(exception_id, by))


ROUTES = [decide, evidence, receive, inspect, label, carriers, link_order, link_line, waive, retry]
