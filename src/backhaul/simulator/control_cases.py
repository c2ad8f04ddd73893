"""The part of the control API about orders, returns, cancellations, webhooks and other people's work in commerce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from backhaul.simulator.buyers import Temper
from backhaul.simulator.order_connector import STYLES, Habits
from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.asking import return_button
from backhaul.simulator.tiktok.decisions import APPROVALS, REJECTIONS
from backhaul.simulator.tiktok.model import Line, Order, Return
from backhaul.simulator.tiktok.sales import units_from
from backhaul.simulator.tiktok.shapes import cancellation_shape, order_shape, return_shape

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

Found = TypeVar("Found")


def found(things: Mapping[str, Found], key: str) -> Found:
    """The thing with this id. Raises LookupError with a readable text."""
    try:
        return things[key]
    except KeyError:
        raise LookupError(f"nothing here has the id {key!r}") from None


def answer(data: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(data), status=status, content_type="application/json")


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object. Raises ValueError for anything else."""
    raw = await request.read()
    if not raw:
        return {}
    # A web page cannot send this type across origins without being asked first, so it cannot play with the simulator.
    if request.content_type != "application/json":
        raise ValueError("send application/json")
    value = msgspec.json.decode(raw)
    if not isinstance(value, dict):
        raise ValueError("send a JSON object")
    return value


class CaseControl:
    """Handlers about single objects."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._world = simulator.channel.world

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.post("/orders", self.place),
            web.get("/orders/{order_id}", self.order),
            web.post("/orders/{order_id}/advance", self.advance),
            web.post("/orders/{order_id}/copy", self.copy),
            web.post("/orders/{order_id}/address", self.address),
            web.get("/orders/{order_id}/return_button", self.return_button),
            web.post("/shops/{shop_id}/stock", self.stock),
            web.post("/returns", self.ask),
            web.get("/returns", self.returns),
            web.get("/returns/{return_id}", self.one_return),
            web.post("/returns/{return_id}/{action}", self.act),
            web.post("/cancellations", self.ask_cancel),
            web.post("/cancellations/{cancel_id}/withdraw", self.keep),
            web.post("/cancellations/{cancel_id}/decide", self.answer_cancel),
            web.post("/webhooks/emit", self.emit),
            web.post("/commerce/refund", self.commerce_refund),
            web.post("/commerce/return", self.commerce_return),
        ]

    # -- orders -------------------------------------------------------------------------------------------------------

    async def place(self, request: web.Request) -> web.Response:
        """Places an order: `shop_id`, `lines[]{sku, quantity, price, tax, ...}`, `status`, `shipping_fee`, ...

        `copy` says what the order connector does with it: a style of its own with `style`, `delay_seconds` and
        `wrong_sku`, or false for never; left out, the shop's habits decide.
        """
        body, sim = await body_of(request), self._sim
        shop = found(self._world.shops, str(body.get("shop_id") or next(iter(self._world.shops), "")))
        lines = body.get("lines") or [{"sku": shop.catalogue[0].seller_sku}]
        options: dict[str, Any] = {
            name: body[name]
            for name in ("status", "shipping_fee", "created_at", "shipping_type", "fulfillment_type", "is_sample")
            if name in body
        }
        for name in ("replaces", "exchange_of"):
            if name in body:
                options[name] = found(self._world.orders, str(body[name]))
        copy = body.get("copy")
        sim.connector.suspended = copy is not None
        try:
            order = sim.channel.sales.place(shop, units_from(sim.channel.sales, shop, lines), **options)
        finally:
            sim.connector.suspended = False
        if isinstance(copy, dict):
            self._copy_as_told(order, copy)
        return answer(self._order(order), 201)

    def _copy_as_told(self, order: Order, copy: dict[str, Any]) -> None:
        wrong_sku, delay = bool(copy.get("wrong_sku", False)), float(copy.get("delay_seconds", 0.0))
        habits = self._sim.connector.habits.get(order.shop.id, Habits())
        style = str(copy.get("style", "source_identifier"))
        if style not in STYLES:
            raise ValueError(f"unknown style {style!r}; known: {', '.join(STYLES)}")
        self._sim.connector.copy_later(order, style, delay, wrong_sku=wrong_sku, habits=habits)

    async def order(self, request: web.Request) -> web.Response:
        """One order."""
        return answer(self._order(found(self._world.orders, request.match_info["order_id"])))

    async def advance(self, request: web.Request) -> web.Response:
        """Moves an order on: `status`."""
        order, body = found(self._world.orders, request.match_info["order_id"]), await body_of(request)
        self._sim.channel.sales.advance(order, str(body.get("status", "")))
        return answer(self._order(order))

    async def copy(self, request: web.Request) -> web.Response:
        """The order connector copies an order now: `style`, `wrong_sku`."""
        order, body = found(self._world.orders, request.match_info["order_id"]), await body_of(request)
        self._copy_as_told(order, body)
        return answer(self._order(order))

    async def address(self, request: web.Request) -> web.Response:
        """The buyer corrects the address: `street`, `city`, `state`, `postal_code`, `phone`."""
        order, body = found(self._world.orders, request.match_info["order_id"]), await body_of(request)
        self._sim.channel.sales.change_address(order, **{name: str(value) for name, value in body.items()})
        return answer(self._order(order))

    async def return_button(self, request: web.Request) -> web.Response:
        """What the buyer gets who presses "Return" in the app: `leads_to` is `merchant` with the `address` to open, or
        `channel`, whose own form is filled in with a POST to /returns. 409 when the app shows no such button."""
        order = found(self._world.orders, request.match_info["order_id"])
        address = return_button(self._world, order)
        return answer({"leads_to": "channel" if address is None else "merchant", "address": address})

    def _order(self, order: Order) -> dict[str, Any]:
        return {
            "id": order.id,
            "shop_id": order.shop.id,
            "status": order.status,
            "total": order.total,
            "line_ids": [line.id for line in order.lines],
            "commerce_id": self._sim.connector.copy_of(order.id),
            "commerce_name": self._sim.connector.name_of(order.id),
            "wire": order_shape(order, self._sim.clock.now(), detail=True),
        }

    async def stock(self, request: web.Request) -> web.Response:
        """How many of `sku` the channel has to sell: `stock`. A replacement needs one for each unit."""
        shop, body = found(self._world.shops, request.match_info["shop_id"]), await body_of(request)
        product = self._sim.channel.sales.product(shop, str(body["sku"]))
        self._world.stock_changed(shop, product, int(body["stock"]))
        return answer({"sku": product.seller_sku, "stock": product.stock})

    # -- returns ------------------------------------------------------------------------------------------------------

    async def ask(self, request: web.Request) -> web.Response:
        """A buyer asks: `order_id`, `kind`, `line_ids` or `units`, `reason`, `shipment`, `auto_approve`, ...

        `exchange_for` names what an exchange is to bring, one SKU for each unit.

        `batch` true makes one request with a return for each SKU, as in shops with the batch model. With `follow`
        (settings of buyers) the buyer goes on by itself.
        """
        body = await body_of(request)
        order = found(self._world.orders, str(body.get("order_id", "")))
        combine = body.get("combine_with")
        if body.get("batch"):
            cases = self._sim.channel.aftersales.request_batch(
                order,
                str(body.get("kind", states.RETURN)),
                _lines(order, body),
                body.get("reason"),
                shipment=body.get("shipment"),
                auto_approve=bool(body.get("auto_approve", False)),
            )
            return answer({"returns": [self._return(case) for case in cases]}, 201)
        case = self._sim.channel.aftersales.request(
            order,
            str(body.get("kind", states.RETURN)),
            _lines(order, body),
            body.get("reason"),
            role=str(body.get("role", "BUYER")),
            shipment=body.get("shipment"),
            document=str(body.get("document", "SHIPPING_LABEL")),
            auto_approve=bool(body.get("auto_approve", False)),
            quick_refund=bool(body.get("quick_refund", False)),
            combine_with=None if combine is None else found(self._world.returns, str(combine)),
            note=str(body.get("note", "")),
            exchange_for=[
                self._sim.channel.sales.product(order.shop, str(sku)) for sku in body.get("exchange_for", ())
            ],
        )
        if "follow" in body:
            self._sim.buyers.follow(case, Temper.of(dict(body["follow"])))
        return answer(self._return(case), 201)

    async def returns(self, request: web.Request) -> web.Response:
        """Ids and states of returns: `shop`, `status`."""
        shop_id, status = request.query.get("shop"), request.query.get("status")
        rows = [
            {"id": case.id, "shop_id": case.shop.id, "type": case.type, "status": case.status}
            for case in self._world.returns.values()
            if shop_id in (None, case.shop.id) and status in (None, case.status)
        ]
        return answer({"returns": rows})

    async def one_return(self, request: web.Request) -> web.Response:
        """One return."""
        return answer(self._return(found(self._world.returns, request.match_info["return_id"])))

    async def act(self, request: web.Request) -> web.Response:
        """What happens to a return next; the action is the last part of the path."""
        case, body = found(self._world.returns, request.match_info["return_id"]), await body_of(request)
        aftersales, action = self._sim.channel.aftersales, request.match_info["action"]
        result = case
        if action == "ship":
            aftersales.ship(case, body.get("tracking_number"))
        elif action == "deliver":
            aftersales.deliver(case)
        elif action == "withdraw":
            aftersales.withdraw(case)
        elif action == "edit":
            result = aftersales.edit(case, _lines(case.order, body), body.get("reason"), body.get("kind"))
        elif action == "arbitrate":
            aftersales.arbitrate(case, str(body.get("outcome", "IN_PROGRESS")))
        elif action == "quick_refund":
            aftersales.quick_refund(case)
        elif action == "respond_offer":
            aftersales.answer_offer(case, accept=bool(body.get("accept", True)))
        elif action == "decide":
            self._decide_in_seller_center(case, body)
        else:
            raise LookupError(f"no action {action!r}")
        return answer(self._return(result))

    def _decide_in_seller_center(self, case: Return, body: dict[str, Any]) -> None:
        """A person decides in Seller Center, beside the hub."""
        decisions = self._sim.channel.decisions
        decision = decisions.read(case, body, (*APPROVALS, *REJECTIONS), by_api=False)
        decisions.decide(case, decision, key="", request_id="", actor="SELLER_CENTER")

    def _return(self, case: Return) -> dict[str, Any]:
        return {**self._state(case), "wire": return_shape(case)}

    @staticmethod
    def _state(case: Return) -> dict[str, Any]:
        return {
            "id": case.id,
            "shop_id": case.shop.id,
            "order_id": case.order.id,
            "type": case.type,
            "status": case.status,
            "total": case.amounts.total,
            "currency": case.shop.currency,
            "action_due": case.due_action,
            "deadline": case.due_at,
            "refunded_at": case.refunded_at,
            "delivered_at": case.delivered_at,
            "shipment": case.shipment,
            "has_label": case.label is not None,
            "replacement_order_id": case.replacement_order_id,
            "passed": list(case.passed),
        }

    def states(self, shop_id: str, case_id: str | None) -> dict[str, dict[str, Any]]:
        """State of the returns of a shop, as the books show them."""
        return {
            case.id: self._state(case)
            for case in self._world.returns.values()
            if case.shop.id == shop_id and case_id in (None, case.id)
        }

    def cancellation_states(self, shop_id: str, case_id: str | None) -> dict[str, dict[str, Any]]:
        """State of the cancellations of a shop, as the books show them."""
        return {
            case.id: {
                "id": case.id,
                "order_id": case.order.id,
                "status": case.status,
                "total": case.amounts.total,
                "passed": list(case.passed),
            }
            for case in self._world.cancellations.values()
            if case.shop.id == shop_id and case_id in (None, case.id)
        }

    # -- cancellations ------------------------------------------------------------------------------------------------

    async def ask_cancel(self, request: web.Request) -> web.Response:
        """A buyer asks to cancel `order_id`; with `role` SYSTEM the platform cancels."""
        body = await body_of(request)
        order = found(self._world.orders, str(body.get("order_id", "")))
        cancellations, role = self._sim.channel.cancellations, str(body.get("role", "BUYER"))
        if role == "BUYER":
            case = cancellations.request(order, body.get("reason"))
        elif role in ("SYSTEM", "OPERATOR"):
            reason = str(body.get("reason", "platform_cancel"))
            case = cancellations.by_seller(order, order.lines, reason, role=role)
        else:
            raise ValueError("role must be BUYER, SYSTEM or OPERATOR")
        wire = cancellation_shape(case, older=False)
        return answer({"id": case.id, "status": case.status, "total": case.amounts.total, "wire": wire}, 201)

    async def keep(self, request: web.Request) -> web.Response:
        """The buyer wants the order after all."""
        case = found(self._world.cancellations, request.match_info["cancel_id"])
        self._sim.channel.cancellations.withdraw(case)
        return answer({"id": case.id, "status": case.status})

    async def answer_cancel(self, request: web.Request) -> web.Response:
        """A person answers in Seller Center: `approve` true or false, with `reject_reason` when it is no."""
        case, body = found(self._world.cancellations, request.match_info["cancel_id"]), await body_of(request)
        if body.get("approve"):
            self._sim.channel.cancellations.approve(case, {}, "SELLER_CENTER")
        else:
            reason = str(body.get("reject_reason", ""))
            self._sim.channel.decisions.check_reason(case, "CANCEL", reason, parcel=False)
            self._sim.channel.cancellations.reject(case, {"reject_reason": reason}, "SELLER_CENTER")
        return answer({"id": case.id, "status": case.status})

    # -- webhooks and other people ------------------------------------------------------------------------------------

    async def emit(self, request: web.Request) -> web.Response:
        """Sends a webhook by hand: of `return_id`, `cancel_id` or `order_id`, or an `envelope` as given with `shop_id`.

        `copies` sends the same notification several times.
        """
        body, events = await body_of(request), self._world.events
        copies = int(body.get("copies", 1))
        if "envelope" in body:
            shop = found(self._world.shops, str(body.get("shop_id", "")))
            return answer({"sent": events.emit_raw(shop, dict(body["envelope"]), "", copies)})
        if "return_id" in body:
            sent = events.return_changed(found(self._world.returns, str(body["return_id"])), copies)
        elif "cancel_id" in body:
            sent = events.cancellation_changed(found(self._world.cancellations, str(body["cancel_id"])), copies)
        else:
            sent = events.order_changed(found(self._world.orders, str(body.get("order_id", ""))), copies)
        return answer({"sent": sent})

    async def commerce_refund(self, request: web.Request) -> web.Response:
        """Somebody else refunds in the commerce system: `domain`, `order`, `amount`, `quantities`, `restock`."""
        body = await body_of(request)
        made = self._sim.commerce.refund_by_other(
            str(body["domain"]),
            str(body["order"]),
            amount_minor=body.get("amount"),
            quantities=body.get("quantities"),
            note=body.get("note"),
            restock=bool(body.get("restock", False)),
        )
        return answer({"id": made.id}, 201)

    async def commerce_return(self, request: web.Request) -> web.Response:
        """Somebody else opens a return in the commerce system: `domain`, `order`, `quantities`, `close`."""
        body = await body_of(request)
        made = self._sim.commerce.return_by_other(
            str(body["domain"]),
            str(body["order"]),
            quantities=body.get("quantities"),
            requested=bool(body.get("requested", False)),
            close=bool(body.get("close", False)),
        )
        return answer({"id": made.id}, 201)


def _lines(order: Order, body: dict[str, Any]) -> Sequence[Line]:
    """Units by `line_ids`, or the first `units` of the order, or all."""
    if "line_ids" in body:
        by_id = {line.id: line for line in order.lines}
        return [found(by_id, str(line_id)) for line_id in body["line_ids"]]
    if "units" in body:
        count = int(body["units"])
        if not 1 <= count <= len(order.lines):
            raise ValueError(f"units must lie between 1 and {len(order.lines)}")
        return order.lines[:count]
    return order.lines
