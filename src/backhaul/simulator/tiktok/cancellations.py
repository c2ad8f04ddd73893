"""Cancellations: asked for by the buyer, done by seller or platform, ended by shipping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons
from backhaul.simulator.tiktok.asking import amounts
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Cancellation, CaseLine, Line, Order
from backhaul.simulator.tiktok.sales import Sales
from backhaul.simulator.tiktok.world import World

_BUYER_MAY = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT")
_SELLER_MAY = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION")


class Cancellations:
    """The state machine of cancellations."""

    def __init__(self, world: World, sales: Sales) -> None:
        self._world = world
        self._sales = sales

    def request(self, order: Order, reason: str | None = None) -> Cancellation:
        """The buyer asks to cancel the whole order; a UK order on hold, or one shipped too late, is let go at once."""
        late = order.shop.market.cancel_until_handover and order.status == "AWAITING_COLLECTION"
        if order.status not in _BUYER_MAY and not late:
            raise ApiError(25001003, "order status does not allow this operation")
        case = self._open(order, order.lines, "BUYER_CANCEL", "BUYER", reason, m.CANCEL_PENDING)
        world = self._world
        order.request_cancel_at = case.created_at
        world.due(
            case,
            "SELLER_RESPOND_CANCEL",
            order.shop.clocks.answer_cancellation,
            lambda: self.time_is_up(case),
        )
        world.cancellation_changed(case)
        world.order_changed(order, tell=False)
        if _let_go_at_once(order, world.clock.now()):
            self._accept(case, "SYSTEM", {})
        return case

    def by_seller(
        self, order: Order, lines: Sequence[Line], reason: str, *, role: str = "SELLER", whole: bool = True
    ) -> Cancellation:
        """Seller or system cancels; such a case starts as accepted. Not protected against repeats."""
        shop = order.shop
        if order.status in ("COMPLETED", "CANCELLED"):
            raise ApiError(25001051, "order is completed or cancelled")
        if order.status not in _SELLER_MAY:
            raise ApiError(25001045, "order has been shipped and cannot be intercepted")
        if not whole and shop.market.region not in ("US", "GB"):
            raise ApiError(25005010, "cancelling single items is not supported")
        if role == "SELLER":
            self._check_seller_reason(order, reason)
        if any(line.case_id or line.status == "CANCELLED" for line in lines):
            raise ApiError(25001011, "another aftersale is in progress")
        case = self._open(order, lines, "CANCEL", role, reason, m.CANCEL_SUCCESS)
        self._settle(case)
        if not case.replenish:
            # The channel takes the seller's word that there is nothing left to sell.
            for line in lines:
                self._world.stock_changed(shop, line.product, 0)
        self._world.books.of(shop.id).started.append(
            {"cancel_id": case.id, "order_id": order.id, "actor": role, "reason": reason, "at": self._world.clock.now()}
        )
        return case

    def refusal(self, case: Cancellation, approve: bool) -> ApiError | None:
        """What the channel says to an answer now; None when it is allowed."""
        if case.type != "BUYER_CANCEL":
            return ApiError(25020004, "decision does not match the reverse type")
        if case.status == m.CANCEL_CANCELLED:
            return ApiError(25020009, "reverse order has been cancelled")
        if case.status != m.CANCEL_PENDING:
            return ApiError(25011012, "status cannot approve") if approve else ApiError(25020010, "already approved")
        return None

    def approve(self, case: Cancellation, entry: dict[str, Any], actor: str = "SELLER") -> None:
        """The seller accepts."""
        refusal = self.refusal(case, True)
        if refusal is not None:
            raise refusal
        self._accept(case, actor, entry)

    def reject(self, case: Cancellation, entry: dict[str, Any], actor: str = "SELLER") -> None:
        """The seller refuses; the reason has been checked before."""
        refusal = self.refusal(case, False)
        if refusal is not None:
            raise refusal
        self._book(case, "REJECT_REQUEST_CANCEL", actor, entry)
        self._end(case)

    def withdraw(self, case: Cancellation) -> None:
        """The buyer changes their mind."""
        if case.status != m.CANCEL_PENDING:
            raise ApiError(25011012, "status cannot be withdrawn")
        self._end(case)

    def shipped(self, order: Order) -> None:
        """Shipping an order refuses an open request by itself."""
        case = self._pending(order)
        if case is not None:
            self._book(case, "SHIPPED", "SYSTEM", {})
            self._end(case)

    def time_is_up(self, case: Cancellation) -> None:
        """The clock of a case has run out: an open request is accepted, an accepted one paid."""
        if case.status == m.CANCEL_PENDING:
            self._accept(case, "SYSTEM", {})
        elif case.status == m.CANCEL_SUCCESS:
            self._pay(case)

    def _open(
        self, order: Order, lines: Sequence[Line], kind: str, role: str, reason: str | None, status: str
    ) -> Cancellation:
        world, market = self._world, order.shop.market.reasons
        if kind == "BUYER_CANCEL" and order.request_cancel_at and self._pending(order):
            raise ApiError(25001011, "another aftersale is in progress")
        fitting = reasons.keys(market, "CANCEL", "BUYER", order.status)
        whole, parts = amounts(order, lines)
        if order.status == "UNPAID":
            whole.subtotal = whole.shipping = whole.tax = whole.total = 0
        now = world.clock.seconds()
        case = Cancellation(
            id=world.ids.decimal("4041", 19),
            order=order,
            lines=[
                CaseLine(
                    world.ids.decimal("4042", 19),
                    line,
                    part,
                    tuple(world.ids.decimal("4043", 19) for _ in line.product.components),
                )
                for line, part in zip(lines, parts, strict=True)
            ],
            status=status,
            role=role,
            reason=reason or (world.rng.choice(fitting) if fitting else "other"),
            amounts=whole,
            created_at=now,
            updated_at=now,
            type=kind,
            replenish="out_of_stock" not in (reason or ""),
        )
        world.cancellations[case.id] = case
        world.cancellations_of_order.setdefault(order.id, []).append(case.id)
        return case

    def _pending(self, order: Order) -> Cancellation | None:
        cases = (self._world.cancellations[key] for key in self._world.cancellations_of_order.get(order.id, ()))
        return next((case for case in cases if case.status == m.CANCEL_PENDING), None)

    def _accept(self, case: Cancellation, role: str, entry: dict[str, Any]) -> None:
        self._book(case, "DEADLINE_EXPIRED" if role == "SYSTEM" else "APPROVE_REQUEST_CANCEL", role, entry)
        case.status = m.CANCEL_SUCCESS
        self._settle(case)

    def _settle(self, case: Cancellation) -> None:
        world = self._world
        world.stop_clock(case)
        self._sales.cancel(case.order, [item.line for item in case.lines], case.role, case.reason)
        if case.order.package_id and case.order.status != "CANCELLED" and not world.quiet:
            world.events.parcel_split(case.order)
        world.cancellation_changed(case)
        world.due(case, None, case.shop.clocks.refund_lag, lambda: self.time_is_up(case))

    def _pay(self, case: Cancellation) -> None:
        world, shop = self._world, case.shop
        world.stop_clock(case)
        case.status = m.CANCEL_COMPLETE
        case.refunded_at = world.clock.seconds()
        if case.amounts.total:
            world.books.of(shop.id).refunds.append(
                {
                    "cancel_id": case.id,
                    "order_id": case.order.id,
                    "amount": case.amounts.total,
                    "currency": shop.currency,
                    "at": world.clock.now(),
                }
            )
        world.cancellation_changed(case)

    def _end(self, case: Cancellation) -> None:
        self._world.stop_clock(case)
        case.status = m.CANCEL_CANCELLED
        case.order.request_cancel_at = 0
        self._world.cancellation_changed(case)
        self._world.order_changed(case.order, tell=False)

    def _book(self, case: Cancellation, decision: str, role: str, entry: dict[str, Any]) -> None:
        self._world.books.of(case.shop.id).decisions.append(
            {
                "cancel_id": case.id,
                "decision": decision,
                "actor": role,
                "at": self._world.clock.now(),
                "from": case.status,
                **entry,
            }
        )

    def _check_seller_reason(self, order: Order, key: str) -> None:
        market = order.shop.market.reasons
        if key in reasons.keys(market, "CANCEL", "SELLER", order.status):
            return
        if key not in reasons.all_keys(market):
            raise ApiError(25001014, "reason does not exist")
        if key in reasons.keys(market, "CANCEL", "SELLER"):
            raise ApiError(25001021, "reason does not match the order status")
        raise ApiError(25001015, "reason cannot be used by seller")


def _let_go_at_once(order: Order, now: float) -> bool:
    """Unpaid orders, UK orders on hold, and US orders that the seller has not shipped in time."""
    region = order.shop.market.region
    overdue = order.status == "AWAITING_SHIPMENT" and now > order.ship_by
    return order.status == "UNPAID" or (order.status == "ON_HOLD" and region == "GB") or (region == "US" and overdue)
