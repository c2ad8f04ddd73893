"""Returns and cancellations: lists, and one case with everything a person may do to it now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from backhaul.simulator.console import desks
from backhaul.simulator.console.paging import page
from backhaul.simulator.control_cases import found
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons, states
from backhaul.simulator.tiktok.decisions import APPROVALS, REJECTIONS
from backhaul.simulator.tiktok.model import Cancellation, Return
from backhaul.simulator.tiktok.shapes import cancellation_shape, return_shape

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_HOOKS = 200


class CasePages:
    """Pages of cases."""

    def __init__(self, simulator: Simulator, render: Callable[..., web.Response]) -> None:
        self._sim = simulator
        self._world = simulator.channel.world
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/returns", self.returns),
            web.get("/returns/{return_id}", self.one),
            web.get("/cancellations", self.cancellations),
            web.get("/cancellations/{cancel_id}", self.cancellation),
        ]

    async def returns(self, request: web.Request) -> web.Response:
        """Returns, newest first."""

        def fits(row: Return, filters: dict[str, str]) -> bool:
            return (
                filters["shop"] in ("", row.shop.id)
                and filters["status"] in ("", row.status)
                and filters["type"] in ("", row.type)
                and (filters["open"] != "1" or row.status not in m.ENDED)
                and (not filters["q"] or filters["q"] in (row.id, row.order.id, row.tracking_number))
            )

        rows = reversed(self._world.returns.values())
        listed = page(request, rows, ("shop", "status", "type", "open", "q"), fits)
        known = sorted({status for indexes in self._world.indexes.values() for status in indexes.returns.statuses()})
        return self._render(
            request,
            "returns.html",
            page=listed,
            shops=self._world.shops.values(),
            statuses=known,
            types=states.TYPES,
            now=self._sim.clock.now(),
        )

    async def one(self, request: web.Request) -> web.Response:
        """One return: its state, its clock, its history, and the buttons of everybody who can move it."""
        case = found(self._world.returns, request.match_info["return_id"])
        books = self._sim.books.of(case.shop.id)
        decisions = [row for row in books.decisions if row.get("return_id") == case.id]
        refunds = [row for row in books.refunds if row.get("return_id") == case.id]
        store, loop = self._store(case), self._sim.loop.world
        desk = loop.desks.get(loop.of_shop.get(case.shop.id, ""))
        return self._render(
            request,
            "return.html",
            desk=desk,
            desk_returns=[] if desk is None or store is None else desks.of_order(desk, store["order"].number_id),
            case=case,
            now=self._sim.clock.now(),
            records=case.records,
            decisions=decisions,
            refunds=refunds,
            can=self._can(case),
            store=store,
            hooks=self._hooks(case.id, case.order.id),
            reason=reasons.text(case.reason),
            wire=return_shape(case),
        )

    def _can(self, case: Return) -> dict[str, Any]:
        """What is possible now, by whom."""
        decide = self._sim.channel.decisions

        def allows(cause: str) -> bool:
            return states.allows(cause, case.type, case.status)

        disputed = case.arbitration == "IN_PROGRESS"
        waits_for_label = case.shipment == "SELLER" and case.label is None
        return {
            "ship": allows("buyer_shipped") and not waits_for_label,
            "waits_for_label": case.status == m.AWAITING_SHIP and waits_for_label,
            "withdraw": allows("withdraw"),
            "edit": case.status == m.PENDING,
            "respond": case.status == m.AWAITING_RESPONSE,
            "dispute": allows("arbitration_buyer") and not case.arbitration,
            "deliver": case.status == m.SHIPPED and not case.delivered_at,
            "quick_refund": allows("quick_refund"),
            "judge": disputed,
            "approvals": [name for name in APPROVALS if decide.refusal(case, name) is None],
            "rejections": [name for name in REJECTIONS if decide.refusal(case, name) is None],
            "reasons": [(key, reasons.text(key)) for key in decide.reject_reasons(case)],
            "ended": case.status in m.ENDED,
        }

    def _store(self, case: Return) -> dict[str, Any] | None:
        """The order in the commerce system, when it has been copied there."""
        gid, domain = self._sim.connector.copy_of(case.order.id), case.shop.commerce_domain
        if gid is None or domain is None:
            return None
        order = self._sim.commerce.order(domain, gid)
        return {"domain": domain, "id": gid, "order": order, "currency": order.presentment_currency_code}

    def _hooks(self, *subjects: str) -> list[Any]:
        mine = (each for each in reversed(self._sim.delivery.log) if each.message.subject in subjects)
        return [each for each, _ in zip(mine, range(_HOOKS), strict=False)][:8]

    async def cancellations(self, request: web.Request) -> web.Response:
        """Cancellations, newest first."""

        def fits(row: Cancellation, filters: dict[str, str]) -> bool:
            return (
                filters["shop"] in ("", row.shop.id)
                and filters["status"] in ("", row.status)
                and (not filters["q"] or filters["q"] in (row.id, row.order.id))
            )

        listed = page(request, reversed(self._world.cancellations.values()), ("shop", "status", "q"), fits)
        statuses = (m.CANCEL_PENDING, m.CANCEL_SUCCESS, m.CANCEL_CANCELLED, m.CANCEL_COMPLETE)
        return self._render(
            request,
            "cancellations.html",
            page=listed,
            shops=self._world.shops.values(),
            statuses=statuses,
            now=self._sim.clock.now(),
        )

    async def cancellation(self, request: web.Request) -> web.Response:
        """One cancellation."""
        case = found(self._world.cancellations, request.match_info["cancel_id"])
        refusals = reasons.keys(case.shop.market.reasons, "CANCEL", "SELLER_REJECT_REQUEST")
        books = self._sim.books.of(case.shop.id)
        return self._render(
            request,
            "cancellation.html",
            case=case,
            now=self._sim.clock.now(),
            pending=case.status == m.CANCEL_PENDING,
            refusals=[(key, reasons.text(key)) for key in refusals],
            decisions=[row for row in books.decisions if row.get("cancel_id") == case.id],
            refunds=[row for row in books.refunds if row.get("cancel_id") == case.id],
            hooks=self._hooks(case.id, case.order.id),
            reason=reasons.text(case.reason),
            wire=cancellation_shape(case, older=False),
        )
