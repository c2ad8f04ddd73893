"""Cases that begin with us: refunds, returns and cancellations by the seller, and goods without a return on file."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from backhaul.domain.words import Kind
from backhaul.store import grid
from backhaul.web.access import Asked, needs, services_of
from backhaul.web.api.commands import command, done
from backhaul.web.api.shapes import Done


class StartOrder(msgspec.Struct, frozen=True):
    """What is to be started on an order of the channel: a refund, a return or a cancellation. No ``lines`` mean the
    whole order; ``amount`` is a part of what the channel would refund. ``expect`` confirms the sum beforehand: it is
    started without asking anybody if the channel says exactly this. Sums are decimal numbers in the shop's currency."""

    order_id: str
    kind: Kind
    lines: list[str] = []
    reason_key: str = ""
    amount: str = ""
    expect: str = ""


class TotalOrder(msgspec.Struct, frozen=True):
    """The sum that was seen and is wanted."""

    total: str


class DeclineOrder(msgspec.Struct, frozen=True):
    """What the buyer who asked for it reads, 500 characters at most."""

    words: str


class ArrivalOrder(msgspec.Struct, frozen=True):
    """Goods that arrived. ``code``: a tracking number, return id, order id or combined return's id."""

    code: str
    order_id: str = ""
    note: str = ""


class Arrival(msgspec.Struct, frozen=True):
    """The cases the goods may be of; or, where none is on file, the ``blind`` case that was opened for them."""

    cases: list[UUID]
    blind: UUID | None = None


class ChannelOrderOrder(msgspec.Struct, frozen=True):
    """The channel's order that goods are of."""

    order_id: str


@post("/shops/{shop_id:uuid}/starts", guards=[needs("decide")], status_code=202, tags=["cases"])
async def start(request: Asked, shop_id: FromPath[UUID], data: JSONBody[StartOrder]) -> Done:
    """Open a case that is to be started on an order; ``id`` is its. What the channel allows, and for how much, shows on
    the case; nothing is started before the sum was confirmed. With an Idempotency-Key repeats are one case."""
    return await done(
        request,
        lambda commands, by: commands.beginnings.start(
            shop_id,
            kind=data.kind,
            order_id=data.order_id,
            by=by,
            lines=data.lines,
            reason_key=data.reason_key,
            amount=data.amount,
            expect=data.expect,
        ),
        lambda case_id: Done(id=case_id),
    )


@post("/cases/{case_id:uuid}/start", guards=[needs("decide")], status_code=202, tags=["cases"])
async def change(request: Asked, case_id: FromPath[UUID], data: JSONBody[StartOrder]) -> Done:
    """Ask for something else on a case that is not started yet, or for the first time on one of goods without a
    return."""
    return await done(
        request,
        lambda commands, by: commands.beginnings.change(
            case_id,
            kind=data.kind,
            by=by,
            lines=data.lines,
            reason_key=data.reason_key,
            amount=data.amount,
            expect=data.expect,
            order_id=data.order_id,
        ),
        lambda _: Done(id=case_id),
    )


@post("/cases/{case_id:uuid}/confirm-start", guards=[needs("decide")], status_code=202, tags=["cases"])
async def confirm(request: Asked, case_id: FromPath[UUID], data: JSONBody[TotalOrder]) -> Done:
    """Start it, for this sum."""
    return await done(
        request, lambda commands, by: commands.beginnings.confirm(case_id, data.total, by), lambda _: Done(id=case_id)
    )


@post("/cases/{case_id:uuid}/withdraw", guards=[needs("decide")], status_code=202, tags=["cases"])
async def withdraw(request: Asked, case_id: FromPath[UUID]) -> Done:
    """Close a case that was not started."""
    return await done(
        request, lambda commands, by: commands.beginnings.withdraw(case_id, by), lambda _: Done(id=case_id)
    )


@post("/cases/{case_id:uuid}/decline", guards=[needs("decide")], status_code=202, tags=["cases"])
async def decline(request: Asked, case_id: FromPath[UUID], data: JSONBody[DeclineOrder]) -> Done:
    """Close a case that a buyer asked for in the portal, and tell the buyer why. Nothing is started."""
    return await done(
        request, lambda commands, by: commands.beginnings.decline(case_id, data.words, by), lambda _: Done(id=case_id)
    )


@post("/shops/{shop_id:uuid}/arrivals", guards=[needs("warehouse")], status_code=202, tags=["cases"])
async def arrival(request: Asked, shop_id: FromPath[UUID], data: JSONBody[ArrivalOrder]) -> Arrival:
    """Goods arrived: the cases on file for the code, or a new case for goods without a return."""

    async def run() -> Arrival:
        services = services_of(request)
        found = await grid.find(services.pool, data.code.strip(), [shop_id])
        if found:
            return Arrival(found)
        blind = await services.commands.beginnings.arrived(
            shop_id, code=data.code, by=request.user.name, order_id=data.order_id, note=data.note
        )
        return Arrival([], blind)

    return await command(request, run, Arrival)


@post("/cases/{case_id:uuid}/channel-order", guards=[needs("warehouse")], status_code=202, tags=["cases"])
async def channel_order(request: Asked, case_id: FromPath[UUID], data: JSONBody[ChannelOrderOrder]) -> Done:
    """Say which order goods without a return are of."""
    return await done(
        request,
        lambda commands, by: commands.beginnings.name_order(case_id, data.order_id, by),
        lambda _: Done(id=case_id),
    )


ROUTES = [start, change, confirm, withdraw, decline, arrival, channel_order]
