"""The return calls: search, records, decisions, reasons, eligibility, starting a case, labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backhaul.simulator import money
from backhaul.simulator.tiktok import bodies, paging, reasons, states
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.aftersales import Aftersales
from backhaul.simulator.tiktok.asking import amounts, require_open, seller_may_start
from backhaul.simulator.tiktok.cancellations import Cancellations
from backhaul.simulator.tiktok.decisions import APPROVALS, CHECKED, REJECTIONS, Decisions, meaning
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.labels import Labels
from backhaul.simulator.tiktok.model import Line, Order, Return
from backhaul.simulator.tiktok.shapes import older_return, refund_amount, return_shape
from backhaul.simulator.tiktok.world import World

SCOPE = "seller.return_refund.basic"
OLD, NEW = "202309", "202602"
_FILTERS: dict[str, Callable[[Return], str]] = {
    "return_types": lambda case: case.type,
    "buyer_user_ids": lambda case: case.order.buyer.user_id,
    "arbitration_status": lambda case: case.arbitration or "",
    "seller_proposed_return_type": lambda case: "PARTIAL_REFUND" if case.partial is not None else "",
}
_CANCEL_CHECKS = ("APPROVE_REQUEST_CANCEL", "REJECT_REQUEST_CANCEL")


def chosen_lines(order: Order, body: dict[str, Any]) -> list[Line]:
    """The units a seller's call means: by line id, by line reference, by SKU and quantity, or all of them."""
    wanted = list(body.get("order_line_item_ids") or [])
    wanted += [str(item.get("order_line_item_id")) for item in body.get("order_line_list") or []]
    by_id = {line.id: line for line in order.lines}
    if wanted:
        unknown = [line_id for line_id in wanted if line_id not in by_id]
        if unknown:
            raise ApiError(25001001, f"invalid parameter order_line_item_ids: {unknown[0]}")
        return [by_id[line_id] for line_id in dict.fromkeys(wanted)]
    skus = body.get("skus")
    if not skus:
        return list(order.lines)
    lines: list[Line] = []
    for sku in skus:
        free = [
            line
            for line in order.lines
            if line.product.sku_id == str(sku.get("sku_id")) and line not in lines and not line.refunded
        ]
        quantity = int(sku.get("quantity", 0))
        if quantity < 1 or quantity > len(free):
            raise ApiError(25005011, "refund quantity exceeds the refundable quantity")
        lines += free[:quantity]
    return lines


class ReturnApi:
    """Handlers of the return endpoints."""

    def __init__(
        self, world: World, aftersales: Aftersales, decisions: Decisions, cancellations: Cancellations, labels: Labels
    ) -> None:
        self._world = world
        self._aftersales = aftersales
        self._decisions = decisions
        self._cancellations = cancellations
        self._labels = labels

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        both, first = (OLD, NEW), (OLD,)
        every = (OLD, "202512", NEW)
        rows: list[tuple[str, tuple[str, ...], str, Any, bool, Any]] = [
            ("POST", both, "returns/search", self.search, False, bodies.SearchReturns),
            ("POST", both, "returns", self.create, True, bodies.StartReturn),
            ("GET", first, "returns/{return_id}/records", self.records, False, None),
            ("POST", first, "returns/{return_id}/approve", self.approve, True, bodies.Decide),
            ("POST", first, "returns/{return_id}/reject", self.reject, True, bodies.Decide),
            ("GET", first, "reject_reasons", self.reject_reasons, False, None),
            ("GET", ("202601",), "decision_eligibility", self.decision_eligibility, False, None),
            ("GET", every, "orders/{order_id}/aftersale_eligibility", self.aftersale_eligibility, False, None),
            ("POST", both, "refunds/calculate", self.calculate, False, bodies.Calculate),
        ]
        upload = Endpoint(
            "POST", "return_refund", ("202405",), "returns/shipping_documents", SCOPE, self._labels.upload, form=True
        )
        return [upload] + [
            Endpoint(method, "return_refund", versions, rest, SCOPE, handler, keyed=keyed, body=body)
            for method, versions, rest, handler, keyed, body in rows
        ]

    def search(self, call: Call) -> dict[str, Any]:
        """Search returns."""
        page = paging.asked(call, smallest=10, largest=50, default=10, order="ASC")
        world, index = self._world, self._world.indexes[call.shop.id].returns
        ids, orders = paging.words(call, "return_ids"), paging.words(call, "order_ids")
        only = None if ids is None else set(ids)
        if orders is not None:
            of_orders = {case_id for order_id in orders for case_id in world.returns_of_order.get(order_id, ())}
            only = of_orders if only is None else only & of_orders
        asked = {name: paging.words(call, name) for name in _FILTERS}
        tests = [(_FILTERS[name], frozenset(values)) for name, values in asked.items() if values is not None]
        returns = world.returns

        def fits(return_id: str) -> bool:
            case = returns[return_id]
            return all(actual(case) in values for actual, values in tests)

        test = fits if tests else None
        found, token = paging.turn(
            call, page, index, statuses=paging.words(call, "return_status"), only=only, fits=test
        )
        rows = [self._shape(call, world.returns[return_id]) for return_id in found.ids]
        return {"total_count": found.total, "next_page_token": token, "return_orders": rows}

    def _shape(self, call: Call, case: Return) -> dict[str, Any]:
        shape = case.stale if case.stale is not None else return_shape(case)
        if call.version == OLD:
            shape = older_return(shape)
        return shape

    def records(self, call: Call) -> dict[str, Any]:
        """History of a return."""
        return {"records": self._world.return_of(call.shop, call.args["return_id"]).records}

    def approve(self, call: Call) -> dict[str, Any]:
        """Approve a step of a return."""
        return self._decide(call, APPROVALS)

    def reject(self, call: Call) -> dict[str, Any]:
        """Reject a step of a return."""
        return self._decide(call, REJECTIONS)

    def _decide(self, call: Call, allowed: tuple[str, ...]) -> dict[str, Any]:
        case = self._world.return_of(call.shop, call.args["return_id"])
        decision = self._decisions.read(case, call.json, allowed)
        key = call.query.get("idempotency_key", "")
        self._decisions.decide(case, decision, key=key, request_id=call.request_id)
        return {}

    def reject_reasons(self, call: Call) -> dict[str, Any]:
        """Reasons a case may be refused with now."""
        case_id = call.query.get("return_or_cancel_id", "")
        if case_id in self._world.cancellations:
            case = self._world.cancellation_of(call.shop, case_id)
            keys = reasons.keys(call.shop.market.reasons, "CANCEL", "SELLER_REJECT_REQUEST")
            return {"reasons": _named(keys if case.status == m.CANCEL_PENDING else ())}
        return {"reasons": _named(self._decisions.reject_reasons(self._world.return_of(call.shop, case_id)))}

    def decision_eligibility(self, call: Call) -> dict[str, Any]:
        """Which decisions a case allows now. Code and reason are filled now and then although a decision is allowed."""
        case_id = call.query.get("return_or_cancel_id", "")
        asked = [name for name in call.query.get("check_decisions", "").split(",") if name]
        words = call.shop.switches.exchange_words
        known = [*_CANCEL_CHECKS, *CHECKED]
        for name in asked:
            if name not in known and name not in words:
                raise ApiError(25001001, f"invalid parameter check_decisions: {name}")
        case = self._world.returns.get(case_id)
        if case is not None and case.type == states.EXCHANGE:
            known += words
        rows: list[dict[str, Any]] = []
        for name in asked or known:
            refusal, keys = self._asked_decision(call, case_id, meaning(call.shop, name))
            row: dict[str, Any] = {"decision": name, "eligible": refusal is None}
            if refusal is not None:
                row["ineligible_code"], row["ineligible_reason"] = refusal.code, refusal.message
            elif name.startswith("APPROVE"):
                row["ineligible_code"], row["ineligible_reason"] = 25011014, "reverse status cannot reject receive"
            row["available_reject_reasons"] = _named(keys if refusal is None else ())
            rows.append(row)
        return {"decisions": rows}

    def _asked_decision(self, call: Call, case_id: str, name: str) -> tuple[ApiError | None, tuple[str, ...]]:
        mismatch = ApiError(25020004, "decision does not match the reverse type")
        if case_id in self._world.cancellations:
            cancellation = self._world.cancellation_of(call.shop, case_id)
            if name not in _CANCEL_CHECKS:
                return mismatch, ()
            approve = name == "APPROVE_REQUEST_CANCEL"
            keys = () if approve else reasons.keys(call.shop.market.reasons, "CANCEL", "SELLER_REJECT_REQUEST")
            return self._cancellations.refusal(cancellation, approve), keys
        case = self._world.return_of(call.shop, case_id)
        if name in _CANCEL_CHECKS:
            return mismatch, ()
        keys = self._decisions.reject_reasons(case) if name in REJECTIONS else ()
        return self._decisions.refusal(case, name), keys

    def create(self, call: Call) -> dict[str, Any]:
        """Start a case as seller; it is not reviewed again."""
        body, shop = call.json, call.shop
        order = self._world.order_of(shop, str(body.get("order_id", "")))
        kind, reason = body.get("return_type"), body.get("return_reason")
        if kind not in (states.REFUND, states.RETURN) or not isinstance(reason, str) or not reason:
            raise ApiError(25001001, "invalid parameter return_type or return_reason")
        lines = chosen_lines(order, body)
        require_open(self._world, order, lines)
        if not seller_may_start(order, kind):
            raise ApiError(25001003, "order status does not allow this operation")
        _check_seller_reason(order, kind, reason)
        whole, _ = amounts(order, lines)
        total = None
        if body.get("refund_total") is not None:
            try:
                total = money.minor(str(body["refund_total"]), shop.currency)
            except ValueError:
                raise ApiError(25001001, "invalid parameter refund_total") from None
            if total > whole.total or body.get("currency", shop.currency) != shop.currency:
                raise ApiError(25005005, "refund amount exceeds the refundable amount")
        case = self._aftersales.request(
            order,
            kind,
            lines,
            reason,
            role="SELLER",
            shipment="PLATFORM" if body.get("shipment_type", "PLATFORM") == "PLATFORM" else "BUYER_ARRANGE",
            refund_total=total,
        )
        self._world.books.of(shop.id).started.append(
            {
                "return_id": case.id,
                "order_id": order.id,
                "actor": "SELLER",
                "reason": reason,
                "at": self._world.clock.now(),
                "idempotency_key": call.query.get("idempotency_key", ""),
            }
        )
        return {"return_id": case.id, "return_status": case.status}

    def calculate(self, call: Call) -> dict[str, Any]:
        """What would be refunded; changes nothing."""
        order = self._world.order_of(call.shop, str(call.json.get("order_id", "")))
        if call.json.get("request_type") not in ("CANCEL", "REFUND", "RETURN_AND_REFUND"):
            raise ApiError(25001001, "invalid parameter request_type")
        whole, _ = amounts(order, chosen_lines(order, call.json))
        return {"order_refund_amount": refund_amount(call.shop, whole)}

    def aftersale_eligibility(self, call: Call) -> dict[str, Any]:
        """Which cases may be opened on an order, per SKU and request type."""
        order = self._world.order_of(call.shop, call.args["order_id"])
        user = call.query.get("initiate_aftersale_user", "SELLER")
        kinds = [kind for kind in call.query.get("request_types", "").split(",") if kind]
        if user not in ("SELLER", "BUYER"):
            raise ApiError(25001001, "invalid parameter initiate_aftersale_user")
        by_sku: dict[str, list[Line]] = {}
        for line in order.lines:
            by_sku.setdefault(line.product.sku_id, []).append(line)
        return {
            "sku_eligibility": [
                {
                    "sku_id": sku_id,
                    "line_item_eligibility": [
                        self._line_eligibility(order, lines, kind, user)
                        for kind in kinds or ["CANCEL", "REFUND", "RETURN_AND_REFUND"]
                    ],
                }
                for sku_id, lines in by_sku.items()
            ]
        }

    def _line_eligibility(self, order: Order, lines: list[Line], kind: str, user: str) -> dict[str, Any]:
        shop = order.shop
        row: dict[str, Any] = {
            "request_type": kind,
            "order_line_items_ids": [line.id for line in lines],
            "order_line_list": [{"order_line_item_id": line.id} for line in lines],
            "eligible": True,
            "available_reason_names": [],
        }
        try:
            if kind == "CANCEL":
                if order.status not in ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT"):
                    raise ApiError(25001003, "order status does not allow this operation")
            else:
                require_open(self._world, order, lines)
                if user == "SELLER" and not seller_may_start(order, kind):
                    raise ApiError(25001003, "order status does not allow this operation")
        except ApiError as error:
            row.update(eligible=False, ineligible_code=error.code, ineligible_reason=error.message)
            return row
        row["available_reason_names"] = list(reasons.keys(shop.market.reasons, kind, user, order.status))
        return row


def _named(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": key, "text": reasons.text(key)} for key in keys]


def _check_seller_reason(order: Order, kind: str, key: str) -> None:
    market = order.shop.market.reasons
    if key in reasons.keys(market, kind, "SELLER", order.status):
        return
    if reasons.retired(market, key):
        raise ApiError(25001020, "reason is deprecated")
    if key not in reasons.all_keys(market):
        raise ApiError(25001014, "reason does not exist")
    if key in reasons.keys(market, kind, "SELLER"):
        raise ApiError(25001021, "reason does not match the order status")
    raise ApiError(25001015, "reason cannot be used by seller")
