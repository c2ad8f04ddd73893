"""Returns: what buyers, carriers, clocks and the platform do to them, and what each step brings about.

Every move goes through the state table. What the seller's app does is in `decisions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reshipments, states
from backhaul.simulator.tiktok.asking import added, new_return, require_open
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Amounts, CaseLine, Line, Order, Product, Return
from backhaul.simulator.tiktok.notices import Notices
from backhaul.simulator.tiktok.sales import Sales
from backhaul.simulator.tiktok.world import World


class Aftersales:
    """The state machine of returns."""

    def __init__(self, world: World, sales: Sales) -> None:
        self._world = world
        self._sales = sales
        self._notices = Notices(world)
        self.requested: list[Callable[[Return], None]] = []

    # -- opening ------------------------------------------------------------------------------------------------------

    def request(
        self,
        order: Order,
        kind: str,
        lines: Sequence[Line],
        reason: str | None = None,
        *,
        role: str = "BUYER",
        shipment: str | None = None,
        document: str = "SHIPPING_LABEL",
        auto_approve: bool = False,
        quick_refund: bool = False,
        combine_with: Return | None = None,
        previous: Return | None = None,
        refund_total: int | None = None,
        exchange_for: Sequence[Product] = (),
        note: str = "",
    ) -> Return:
        """Opens a case for units of an order. Raises ApiError when the channel would not let it be opened.

        `exchange_for` is what an exchange is to bring, unit by unit; other variants of the same products when left out.
        """
        world = self._world
        if kind not in states.TYPES:
            raise ValueError(f"unknown return type {kind!r}")
        require_open(world, order, lines)
        if kind in states.FIRST and not order.shop.market.reships:
            raise ApiError(25001003, "replacements and exchanges are not offered in this market")
        case = new_return(world, order, kind, lines, reason, role)
        if kind == states.EXCHANGE:
            wanted = list(exchange_for) or [reshipments.other_variant(order, line) for line in lines]
            if len(wanted) != len(lines):
                raise ValueError("an exchange names one product for each unit")
            case.exchange_for = tuple(wanted)
        case.shipment = shipment or case.shipment
        case.document_type, case.quick_refund = document, quick_refund
        case.previous_id = previous.id if previous else ""
        if refund_total is not None:
            case.amounts.total = refund_total
        if combine_with is not None:
            combine_with.combined_id = combine_with.combined_id or world.ids.decimal("4039", 19)
            case.combined_id, case.request_id = combine_with.combined_id, combine_with.request_id
            world.groups.enter(combine_with)
        for line in lines:
            line.case_id = case.id
        world.enter(case)
        self._notices.record(case, role, "Request created", note=note)
        self._enter(case)
        self._notices.request(case, "PENDING_REQUEST_REVIEW")
        if combine_with is not None:
            world.return_changed(combine_with)
        self._platform_decides(case, auto_approve)
        for listener in self.requested:
            listener(case)
        return case

    def request_batch(
        self, order: Order, kind: str, lines: Sequence[Line], reason: str | None = None, **options: Any
    ) -> list[Return]:
        """What a shop with the batch model gets: one request, a return for each SKU in it, one parcel for all."""
        by_sku: dict[str, list[Line]] = {}
        for line in lines:
            by_sku.setdefault(line.product.sku_id, []).append(line)
        made: list[Return] = []
        for units in by_sku.values():
            joined = made[0] if made else None
            if joined is not None:
                options["shipment"] = joined.shipment
            made.append(self.request(order, kind, units, reason, combine_with=joined, **options))
        return made

    def _platform_decides(self, case: Return, auto_approve: bool) -> None:
        switches = case.shop.switches
        if case.role == "SELLER":
            # A case the seller started is not reviewed again.
            self.move(case, "approve", "SYSTEM", decision="SELLER_STARTED")
        elif auto_approve or case.reason in switches.auto_approve_reasons:
            self.move(case, self.approval(case), "SYSTEM", decision="AUTO_APPROVE")
        elif case.type == states.RETURN and 0 < case.amounts.total < switches.returnless_below:
            case.keep_item = True
            self.move(case, "keep_item", "SYSTEM", decision="RETURNLESS")

    # -- moving -------------------------------------------------------------------------------------------------------

    def move(
        self,
        case: Return,
        cause: str,
        role: str,
        *,
        decision: str = "",
        entry: dict[str, Any] | None = None,
        note: str = "",
    ) -> None:
        """Moves a case along the state table; books a decision when there is one. Raises states.IllegalMove."""
        status = states.target(cause, case.type, case.status)
        world = self._world
        world.hold(case)
        before = case.status
        case.status = status
        if decision:
            world.books.of(case.shop.id).decisions.append(
                {
                    "return_id": case.id,
                    "decision": decision,
                    "actor": role,
                    "at": world.clock.now(),
                    "from": before,
                    "to": status,
                    "action_due": case.due_action,
                    **(entry or {}),
                }
            )
        self._notices.record(case, role, cause.replace("_", " ").capitalize(), note=note)
        self._enter(case)
        if before in m.REQUESTED and status not in m.WITHDRAWN:
            self._notices.request(case, "REQUEST_REVIEW_COMPLETED")
        if before == m.SHIPPED:
            self._notices.parcel(case, "PACKAGE_REVIEW_COMPLETED")

    def _enter(self, case: Return) -> None:
        """What a new status brings: its clock, its consequences, and that everybody hears of it."""
        world, clocks, status = self._world, case.shop.clocks, case.status
        world.stop_clock(case)
        if status == m.PENDING:
            action = "SELLER_RESPOND_REFUND" if case.type == states.REFUND else "SELLER_RESPOND_RETURN"
            world.due(case, action, clocks.answer_request, lambda: self.time_is_up(case))
        elif status == m.REPLACEMENT_PENDING:
            action = "SELLER_RESPOND_REPLACEMENT"
            world.due(case, action, clocks.answer_replacement, lambda: self.time_is_up(case))
        elif status == m.EXCHANGE_PENDING:
            world.due(case, "SELLER_RESPOND_EXCHANGE", clocks.answer_exchange, lambda: self.time_is_up(case))
        elif status == m.AWAITING_SHIP:
            self._open_way_back(case)
            world.due(case, None, clocks.buyer_ships, lambda: self.time_is_up(case))
        elif status == m.AWAITING_RESPONSE:
            world.due(case, None, clocks.buyer_answers_offer, lambda: self.time_is_up(case))
        elif status in (m.REJECTED, m.PARCEL_REJECTED):
            world.due(case, None, clocks.buyer_disputes, lambda: self.time_is_up(case))
        elif status == m.SUCCESS or status in m.REFUNDED_INSTEAD:
            world.due(case, None, clocks.refund_lag, lambda: self.time_is_up(case))
        elif status in m.RESHIPPED:
            case.replacement_order_id = reshipments.send(world, self._sales, case).id
            if case.type == states.EXCHANGE:
                self._open_way_back(case)
        if status in m.WITHDRAWN:
            for item in case.lines:
                if item.line.case_id == case.id:
                    item.line.case_id = None
        world.return_changed(case)
        if status == m.AWAITING_SHIP:
            self._notices.parcel(case, "RMA_CREATED")

    def _open_way_back(self, case: Return) -> None:
        shared = next((part.rma_id for part in self._same_parcel(case, m.AWAITING_SHIP) if part.rma_id), "")
        case.rma_id = shared or self._world.ids.decimal("4040", 19)
        if case.shipment == "PLATFORM":
            case.provider_id = next(iter(case.shop.carriers))
            case.tracking_number = case.tracking_number or self._world.ids.decimal("9400", 22)
        self._world.groups.enter(case)

    def time_is_up(self, case: Return) -> None:
        """The clock of a case has run out; whose clock it was says what follows."""
        if case.status in m.REQUESTED:
            self.move(case, self.approval(case), "SYSTEM", decision="DEADLINE_EXPIRED")
        elif case.status == m.SHIPPED:
            self.move(case, "goods_accepted", "SYSTEM", decision="DEADLINE_EXPIRED")
        elif case.status == m.AWAITING_SHIP:
            self.move(case, "not_shipped", "SYSTEM")
        elif case.status == m.AWAITING_RESPONSE:
            self.answer_offer(case, accept=False, role="SYSTEM")
        elif case.status in (m.REJECTED, m.PARCEL_REJECTED) and case.arbitration != "IN_PROGRESS":
            self.move(case, "no_dispute", "SYSTEM")
        elif (case.status == m.SUCCESS or case.status in m.REFUNDED_INSTEAD) and not case.refunded_at:
            self.pay(case)

    @staticmethod
    def approval(case: Return) -> str:
        """The cause an approval is: with nothing left to send, a replacement or exchange is refunded instead."""
        return "approve" if reshipments.in_stock(case) else "refund_instead"

    def pay(self, case: Return) -> None:
        """Pays the buyer: the refund is booked and the case complete."""
        world, shop = self._world, case.shop
        world.hold(case)
        world.stop_clock(case)
        case.refunded_at = world.clock.seconds()
        for item in case.lines:
            item.line.refunded = True
        if case.amounts.shipping:
            case.order.shipping_refunded = True
        world.books.of(shop.id).refunds.append(
            {
                "return_id": case.id,
                "order_id": case.order.id,
                "amount": case.amounts.total,
                "currency": shop.currency,
                "at": world.clock.now(),
            }
        )
        world.journal(shop).refunded(case)
        if states.allows("paid", case.type, case.status):
            case.status = m.COMPLETE
        self._notices.record(case, "SYSTEM", "Refund succeeded")
        world.return_changed(case)
        self._notices.paid(case)

    # -- what buyer, carrier and platform do --------------------------------------------------------------------------

    def ship(self, case: Return, tracking_number: str | None = None) -> None:
        """The parcel starts its way back: a carrier scan, or a number the buyer typed in."""
        if case.shipment == "SELLER" and case.label is None:
            raise states.IllegalMove("the buyer has no label yet: the seller has not uploaded one")
        for part in self._same_parcel(case, m.AWAITING_SHIP):
            if tracking_number or not part.tracking_number:
                part.tracking_number = tracking_number or self._world.ids.decimal("9400", 22)
                part.provider_id = part.provider_id or next(iter(part.shop.carriers))
            part.shipped_at = self._world.clock.seconds()
            self._parcel_moved(part, "in_transit")
            if part.status == m.EXCHANGE_COMPLETE:
                # The goods of an exchange come back after the new ones were sent; no status tells of it.
                self._notices.record(part, "SYSTEM", "Parcel shipped")
                self._world.return_changed(part)
                continue
            self.move(part, "buyer_shipped", "SYSTEM" if part.shipment != "BUYER_ARRANGE" else "BUYER")
            if part.quick_refund:
                self.move(part, "quick_refund", "SYSTEM", decision="QUICK_REFUND")

    def deliver(self, case: Return) -> None:
        """The parcel arrives. No status tells of it: only the seller's next action appears."""
        for part in self._same_parcel(case, m.SHIPPED, m.SUCCESS, m.COMPLETE, m.EXCHANGE_COMPLETE):
            self._arrive(part)

    def _arrive(self, case: Return) -> None:
        world = self._world
        if case.delivered_at or not case.shipped_at:
            raise states.IllegalMove("only a parcel on its way can arrive")
        world.hold(case)
        case.delivered_at = world.clock.seconds()
        self._parcel_moved(case, "delivered")
        self._notices.record(case, "SYSTEM", "Parcel delivered")
        if case.status == m.SHIPPED and case.order.fulfillment_type == "FULFILLMENT_BY_TIKTOK":
            # The channel's own warehouse judges; the seller is not asked.
            world.due(case, None, 86400, lambda: self.time_is_up(case))
        elif case.status == m.SHIPPED:
            action = "SELLER_RESPOND_RECEIVE_PACKAGE"
            world.due(case, action, case.shop.clocks.judge_parcel, lambda: self.time_is_up(case))
        world.return_changed(case)
        if case.status == m.SHIPPED:
            self._notices.parcel(case, "PENDING_PACKAGE_REVIEW")

    def _parcel_moved(self, case: Return, word: str) -> None:
        for listener in self._world.parcel_moved:
            listener(case.tracking_number, word)

    def withdraw(self, case: Return) -> None:
        """The buyer changes their mind."""
        self.move(case, "withdraw", "BUYER")

    def edit(self, case: Return, lines: Sequence[Line], reason: str | None = None, kind: str | None = None) -> Return:
        """The buyer edits a pending request: it ends, and a new one takes its place."""
        self.move(case, "withdraw", "BUYER")
        new = self.request(
            case.order, kind or case.type, lines, reason or case.reason, shipment=case.shipment, previous=case
        )
        self._world.hold(case)
        case.next_id = new.id
        self._world.return_changed(case)
        return new

    def split(self, case: Return, units: Sequence[CaseLine]) -> Return:
        """Makes a return of their own of some units, so that they can be decided by themselves.

        Request, parcel and clocks stay common [inferred: how the channel shows such units is not published].
        """
        world, named = self._world, {unit.id for unit in units}
        world.hold(case)
        case.combined_id = case.combined_id or world.ids.decimal("4039", 19)
        new = replace(
            case,
            id=world.ids.decimal("4035", 19),
            lines=[unit for unit in case.lines if unit.id in named],
            amounts=added([unit.amounts for unit in units]),
            records=list(case.records),
            passed=list(case.passed),
            freight=0,  # there is still one parcel
            timer=None,
            stale=None,
            published_at=-1,
        )
        case.lines = [unit for unit in case.lines if unit.id not in named]
        case.amounts = added([unit.amounts for unit in case.lines])
        for unit in new.lines:
            unit.line.case_id = new.id
        world.groups.enter(case)
        world.enter(new)
        if case.timer is not None:
            new.timer = world.clock.schedule(case.timer.at, lambda: self.time_is_up(new))
        for part in (case, new):
            world.return_changed(part)
        return new

    def arbitrate(self, case: Return, outcome: str) -> None:
        """The buyer disputes a refusal (IN_PROGRESS), or staff decides (SUPPORT_BUYER, SUPPORT_SELLER, CLOSED)."""
        if outcome == "IN_PROGRESS":
            if not states.allows("arbitration_buyer", case.type, case.status) or case.arbitration:
                raise states.IllegalMove(f"nothing to dispute in {case.status}")
            self._world.hold(case)
            case.arbitration = "IN_PROGRESS"
            self._world.stop_clock(case)
            self._notices.record(case, "BUYER", "Dispute opened")
            self._world.return_changed(case)
            return
        if case.arbitration != "IN_PROGRESS":
            raise states.IllegalMove("no dispute is open")
        if outcome not in ("SUPPORT_BUYER", "SUPPORT_SELLER", "CLOSED"):
            raise ValueError(f"unknown outcome {outcome!r}")
        self._world.hold(case)
        case.arbitration = outcome
        cause = "arbitration_buyer" if outcome == "SUPPORT_BUYER" else "arbitration_seller"
        if cause == "arbitration_buyer" and not reshipments.in_stock(case):
            cause = "arbitration_refund"
        self.move(case, cause, "OPERATOR", decision=outcome)

    def quick_refund(self, case: Return) -> None:
        """The platform refunds before the goods are judged."""
        self._world.hold(case)
        case.quick_refund = True
        self.move(case, "quick_refund", "SYSTEM", decision="QUICK_REFUND")

    def answer_offer(self, case: Return, *, accept: bool, role: str = "BUYER") -> None:
        """The buyer takes or refuses a partial refund; silence counts as a refusal."""
        if accept:
            states.target("offer_accepted", case.type, case.status)
            self._world.hold(case)
            case.keep_item = True
            case.amounts = Amounts(case.partial or 0, 0, 0, case.partial or 0)
            self.move(case, "offer_accepted", role)
        else:
            states.target("offer_refused", case.type, case.status)
            self._world.hold(case)
            case.offer_refused = True
            self.move(case, "offer_refused", role)

    # -- smaller things -----------------------------------------------------------------------------------------------

    def _same_parcel(self, case: Return, *statuses: str) -> list[Return]:
        if not case.combined_id:
            return [case]
        parts = (self._world.returns[part_id] for part_id in self._world.groups.combined[case.combined_id])
        return [part for part in parts if part.status in statuses and not part.delivered_at] or [case]
