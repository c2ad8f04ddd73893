"""Asking for a return: whether the channel takes the request, what it is worth, and the case that it becomes."""

from __future__ import annotations

from collections.abc import Sequence

from backhaul.simulator import money
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons, states
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Amounts, CaseLine, Line, Order, Return
from backhaul.simulator.tiktok.world import World

_SELLER_FAULT = ("wrong", "defective", "damaged", "not_match", "missing", "not_received", "counterfeit", "late")


def amounts(order: Order, lines: Sequence[Line]) -> tuple[Amounts, list[Amounts]]:
    """What would be refunded for these units, as a whole and unit by unit.

    The shipping fee goes back with the last units of the order. Where the shop's switch says so, tax stands outside
    the total, as in some answers seen live.
    """
    outside = order.shop.switches.tax_outside_total
    units = [Amounts(line.sale_price, 0, line.tax, line.sale_price + (0 if outside else line.tax)) for line in lines]
    rest = [line for line in order.lines if line not in lines and not line.refunded and line.status != "CANCELLED"]
    fee = 0 if rest or order.shipping_refunded else order.shipping_fee
    for unit, share in zip(units, money.split(fee, [max(1, unit.subtotal) for unit in units]), strict=True):
        unit.shipping = share
        unit.total += share
    return added(units), units


def added(units: Sequence[Amounts]) -> Amounts:
    """The sum of the money of some units."""
    return Amounts(
        sum(unit.subtotal for unit in units),
        sum(unit.shipping for unit in units),
        sum(unit.tax for unit in units),
        sum(unit.total for unit in units),
    )


def require_open(world: World, order: Order, lines: Sequence[Line]) -> None:
    """Raises what the channel answers when these units cannot be asked for."""
    if order.status in ("COMPLETED", "CANCELLED"):
        raise ApiError(25001051, "order is completed or cancelled, aftersale is not allowed")
    if order.status in ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT"):
        raise ApiError(25001003, "order status does not allow this operation")
    for line in lines:
        case = world.returns.get(line.case_id or "")
        if line.refunded or (case is not None and case.status in (m.COMPLETE, m.SUCCESS)):
            raise ApiError(25001010, "there is a finished return for this item")
        if case is not None and case.status not in m.ENDED:
            raise ApiError(25001011, "another aftersale is in progress")


def return_button(world: World, order: Order) -> str | None:
    """Where the return button of the buyer's app leads: to this address of the merchant's; None for the channel's own
    form. Raises ApiError when the app shows no such button."""
    require_open(world, order, ())
    redirect = order.shop.redirect
    return redirect.filled(order.id, order.buyer.postal_code) if redirect.on else None


def seller_may_start(order: Order, kind: str) -> bool:
    """Whether the market lets a seller start such a case in this status of the order."""
    started = order.shop.market.seller_may_start_in
    if order.status == "AWAITING_COLLECTION":
        return kind == states.REFUND and bool(started)
    return order.status in started


def new_return(world: World, order: Order, kind: str, lines: Sequence[Line], reason: str | None, role: str) -> Return:
    """The case of a request, not yet entered anywhere."""
    shop, now = order.shop, world.clock.seconds()
    used_by = "SELLER" if role == "SELLER" else "BUYER"
    market = shop.market.reasons
    fitting = reasons.keys(market, kind, used_by, order.status) or reasons.keys(market, kind, used_by)
    whole, parts = amounts(order, lines)
    bundle = [tuple(world.ids.decimal("4037", 19) for _ in line.product.components) for line in lines]
    case = Return(
        id=world.ids.decimal("4035", 19),
        order=order,
        lines=[
            CaseLine(world.ids.decimal("4036", 19), line, part, subs)
            for line, part, subs in zip(lines, parts, bundle, strict=True)
        ],
        status=states.FIRST.get(kind, m.PENDING),
        role=role,
        reason=reason or (world.rng.choice(fitting) if fitting else "other"),
        amounts=whole,
        created_at=now,
        updated_at=now,
        type=kind,
        shipment=world.rng.choice(shop.switches.shipments),
        request_id=world.ids.decimal("4038", 19),
    )
    case.freight = 0 if kind != states.RETURN else (599 if money.places(shop.currency) else 20000)
    case.freight_payer = "seller" if any(word in case.reason for word in _SELLER_FAULT) else "buyer"
    return case
