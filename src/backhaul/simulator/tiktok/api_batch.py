"""The batch return model of 2026: requests, parcels (RMAs) and line-level reviews, for shops that have it switched on.

A request holds a return for each SKU, and the returns of one request travel in one parcel. Different decisions for
units of the same SKU are refused, as the vendor restricts them at first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from backhaul.simulator import money
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons, states
from backhaul.simulator.tiktok.aftersales import Aftersales
from backhaul.simulator.tiktok.api_returns import SCOPE
from backhaul.simulator.tiktok.decisions import Decision, Decisions
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.model import Amounts, Return
from backhaul.simulator.tiktok.shapes import amount, return_shape
from backhaul.simulator.tiktok.world import World

_FIELDS = ("LINE_ITEMS", "SKU_RETURN_REQUESTS", "RETURN_MERCHANDISE_AUTHORIZATIONS")
_AFTER_RECEIPT = "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG"
# action -> decision by type of return
_ACTIONS: dict[str, dict[str, str]] = {
    "APPROVE_REQUEST": {
        states.REFUND: "APPROVE_REFUND",
        states.RETURN: "APPROVE_RETURN",
        states.REPLACEMENT: "APPROVE_REPLACEMENT",
        states.EXCHANGE: "APPROVE_EXCHANGE",
    },
    "REJECT_REQUEST": {
        states.REFUND: "REJECT_REFUND",
        states.RETURN: "REJECT_RETURN",
        states.REPLACEMENT: "REJECT_REPLACEMENT",
        states.EXCHANGE: "REJECT_EXCHANGE",
    },
    "APPROVE_RETURN_PACKAGE": {states.RETURN: "APPROVE_RECEIVED_PACKAGE"},
    "REJECT_RETURN_PACKAGE": {states.RETURN: "REJECT_RECEIVED_PACKAGE"},
    "REFUND_INSTEAD": {states.REPLACEMENT: "ISSUE_REPLACEMENT_REFUND", states.EXCHANGE: "ISSUE_EXCHANGE_REFUND"},
    "OFFER_PARTIAL_REFUND": {states.REFUND: "OFFER_PARTIAL_REFUND", states.RETURN: "OFFER_PARTIAL_REFUND"},
    _AFTER_RECEIPT: {states.RETURN: "APPROVE_RECEIVED_PACKAGE"},
}
_PARCEL_ACTIONS = frozenset({"APPROVE_RETURN_PACKAGE", "REJECT_RETURN_PACKAGE", _AFTER_RECEIPT})


class BatchApi:
    """Handlers of the batch endpoints."""

    def __init__(self, world: World, aftersales: Aftersales, decisions: Decisions) -> None:
        self._world = world
        self._aftersales = aftersales
        self._decisions = decisions
        self._remembered: dict[tuple[str, str], tuple[bytes, float]] = {}

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        area = "return_refund"
        return [
            Endpoint("POST", area, ("202603",), "aftersales/search", SCOPE, self.search_requests),
            Endpoint("POST", area, ("202604",), "rma/search", SCOPE, self.search_parcels),
            Endpoint("POST", area, ("202603", "202606"), "aftersales/review", SCOPE, self.review),
            Endpoint("GET", area, ("202606",), "review_decision", SCOPE, self.review_decision),
        ]

    # -- searching ----------------------------------------------------------------------------------------------------

    def search_requests(self, call: Call) -> dict[str, Any]:
        """After-sales requests. Without whitelisted fields only ids and statuses come back."""
        wanted = self._whitelist(call, _FIELDS)
        filters = call.json.get("filters") or {}
        rows = []
        for request_id, cases in self._groups(call, lambda case: case.request_id).items():
            status = _request_status(cases)
            if not _fits(
                filters,
                aftersales_request_ids=[request_id],
                aftersales_request_statuses=[status],
                return_types=[case.type for case in cases],
                main_order_ids=[case.order.id for case in cases],
                buyer_ids=[case.order.buyer.user_id for case in cases],
            ):
                continue
            row: dict[str, Any] = {"id": request_id, "status": status, **self._contents(cases, wanted)}
            if "RETURN_MERCHANDISE_AUTHORIZATIONS" in wanted:
                parcels = _grouped([case for case in cases if case.rma_id], lambda case: case.rma_id)
                row["return_merchandise_authorizations"] = [
                    self._parcel(rma_id, parts, wanted) for rma_id, parts in parcels.items()
                ]
            rows.append(row)
        return self._page(call, rows, "aftersales_requests")

    def search_parcels(self, call: Call) -> dict[str, Any]:
        """Return parcels."""
        wanted = self._whitelist(call, _FIELDS[:2])
        filters = call.json.get("filters") or {}
        rows = []
        for rma_id, cases in self._groups(call, lambda case: case.rma_id).items():
            row = self._parcel(rma_id, cases, wanted)
            if _fits(
                filters,
                rma_ids=[rma_id],
                statuses=[row["status"]],
                package_ids=[row["package_id"]],
                aftersales_request_ids=[case.request_id for case in cases],
                main_order_ids=[case.order.id for case in cases],
            ):
                rows.append(row)
        return self._page(call, rows, "return_merchandise_authorizations")

    def _require(self, call: Call) -> None:
        if not call.shop.switches.batch_model:
            raise ApiError(25020005, "no permission: the shop does not have the batch return model")

    def _whitelist(self, call: Call, known: tuple[str, ...]) -> set[str]:
        self._require(call)
        wanted = call.json.get("whitelisted_data_fields") or []
        if not isinstance(wanted, list) or set(wanted) - set(known):
            raise ApiError(25001001, "invalid parameter whitelisted_data_fields")
        return set(wanted)

    def _groups(self, call: Call, key: Callable[[Return], str]) -> dict[str, list[Return]]:
        return _grouped([case for case in self._world.returns.values() if case.shop is call.shop and key(case)], key)

    def _page(self, call: Call, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
        paging = call.json.get("pagination") or {}
        size, token = paging.get("page_size", 10), paging.get("page_token") or "0"
        if not isinstance(size, int) or not 1 <= size <= 50 or not str(token).isdigit():
            raise ApiError(25001001, "invalid parameter pagination")
        start = int(token)
        more = str(start + size) if start + size < len(rows) else ""
        return {name: rows[start : start + size], "total_count": len(rows), "next_page_token": more}

    def _parcel(self, rma_id: str, cases: list[Return], wanted: set[str]) -> dict[str, Any]:
        return {
            "id": rma_id,
            "package_id": f"{rma_id[:-1]}0",
            "aftersales_request_id": cases[0].request_id,
            "status": _parcel_status(cases),
            **self._contents(cases, wanted),
        }

    def _contents(self, cases: list[Return], wanted: set[str]) -> dict[str, Any]:
        contents: dict[str, Any] = {}
        if "LINE_ITEMS" in wanted:
            contents["line_items"] = [
                {
                    "return_line_item_id": item.id,
                    "sku_id": item.line.product.sku_id,
                    "main_order_id": case.order.id,
                    "sku_return_request_id": case.id,
                }
                for case in cases
                for item in case.lines
            ]
        if "SKU_RETURN_REQUESTS" in wanted:
            contents["sku_return_requests"] = [_sku_request(case) for case in cases]
        return contents

    # -- deciding -----------------------------------------------------------------------------------------------------

    def review_decision(self, call: Call) -> dict[str, Any]:
        """What may be decided about each line now, with the band of a partial refund after receipt."""
        self._require(call)
        if not call.query.get("seller_id", "").isdigit():
            raise ApiError(25001001, "parameter seller_id is required, a number")
        case = self._world.return_of(call.shop, call.query.get("return_or_cancel_id", ""))
        keys = [{"name": key, "text": reasons.text(key)} for key in self._decisions.reject_reasons(case)]
        lines = []
        for item in case.lines:
            rows: list[dict[str, Any]] = []
            for action, decisions in _ACTIONS.items():
                if case.type not in decisions:
                    continue
                refusal = self._decisions.refusal(case, decisions[case.type])
                row: dict[str, Any] = {"decision": action, "eligible": refusal is None}
                if refusal is not None:
                    row |= {"ineligible_code": refusal.code, "ineligible_reason": refusal.message}
                elif action.startswith("REJECT"):
                    row["available_reject_reasons"] = keys
                elif action == _AFTER_RECEIPT:
                    low, high = _band(item.amounts.total)
                    row["partial_refund_amount_range"] = {
                        "min_amount": amount(call.shop, low),
                        "max_amount": amount(call.shop, high),
                        "currency": call.shop.currency,
                    }
                rows.append(row)
            lines.append({"return_line_item_id": item.id, "decisions": rows})
        return {"line_items": lines, "request_log_id": call.request_id, "errors": []}

    def review(self, call: Call) -> dict[str, Any]:
        """Decides line by line. Part failures come with code 0 and a list; when everything fails, so does the call."""
        self._require(call)
        asked = call.json.get("aftersales_request_decisions")
        if not isinstance(asked, list) or not asked:
            raise ApiError(98001004, "invalid parameter aftersales_request_decisions")
        errors: list[ApiError] = []
        done = 0
        for item in asked:
            for decision in item.get("line_item_decisions") or [{}]:
                try:
                    if self._world.moods.strike(VENDOR, "review", ("nested_error",)) is not None:
                        raise ApiError(25001028, "reverse order is being processed")
                    self._one(call, item, decision)
                    done += 1
                except ApiError as error:
                    errors.append(error)
        if errors and not done:
            raise errors[0]
        return {"errors": [{"code": str(error.code), "message": error.message} for error in errors]}

    def _one(self, call: Call, item: dict[str, Any], decision: dict[str, Any]) -> None:
        action = str(decision.get("action"))
        if action not in _ACTIONS or item.get("request_id_type") not in ("AFTERSALES", "RMA"):
            raise ApiError(98001004, "invalid parameter action or request_id_type")
        if (item["request_id_type"] == "RMA") is not (action in _PARCEL_ACTIONS):
            raise ApiError(25020004, "decision does not match the request type")
        cases = self._cases(call, item, decision)
        key = str(item.get("idempotency_key") or "")
        digest = hashlib.sha256(msgspec.json.encode(item, order="sorted")).digest()
        known = self._remembered.get((call.shop.id, key)) if key else None
        if known is not None and known[1] + call.shop.switches.key_memory_seconds > self._world.clock.now():
            if known[0] != digest:
                raise ApiError(25001001, "idempotency_key was used with another body")
            if all(self._settled(case, action) for case in cases):
                self._world.books.of(call.shop.id).repeats += 1
                return
        for case in cases:
            self._decide(call, case, action, decision, key)
        if key:
            self._remembered[(call.shop.id, key)] = (digest, self._world.clock.now())

    def _cases(self, call: Call, item: dict[str, Any], decision: dict[str, Any]) -> list[Return]:
        """The returns whose lines are named; each must be named whole."""
        request_id, by_parcel = str(item.get("request_id")), item["request_id_type"] == "RMA"
        named = {str(line.get("return_line_item_id")) for line in decision.get("line_items") or []}
        cases = [
            case
            for case in self._world.returns.values()
            if case.shop is call.shop and request_id == (case.rma_id if by_parcel else case.request_id)
        ]
        touched = [case for case in cases if named & {line.id for line in case.lines}]
        if not touched or named - {line.id for case in touched for line in case.lines}:
            raise ApiError(25007006, "reverse order or line does not exist")
        if any({line.id for line in case.lines} - named for case in touched):
            raise ApiError(25020003, "units of one SKU cannot be decided differently")
        return touched

    def _decide(self, call: Call, case: Return, action: str, decision: dict[str, Any], key: str) -> None:
        name = _ACTIONS[action].get(case.type)
        if name is None:
            raise ApiError(25020004, "decision does not match the reverse type")
        partial = None
        if "PARTIAL" in action:
            partial = self._partial(case, decision)
        if action == _AFTER_RECEIPT and partial is not None:
            refusal = self._decisions.refusal(case, name)
            if refusal is not None:
                raise refusal
            self._world.hold(case)
            case.partial, case.amounts = partial, Amounts(partial, 0, 0, partial)
        made = Decision(
            name,
            bool(decision.get("buyer_keep_item", False)),
            partial if name == "OFFER_PARTIAL_REFUND" else None,
            str(decision.get("reject_reason", "")),
            str(decision.get("comment", "")),
        )
        self._decisions.decide(case, made, key=key, request_id=call.request_id)

    def _partial(self, case: Return, decision: dict[str, Any]) -> int:
        asked = decision.get("partial_refund_amount")
        try:
            value = money.minor(str((asked or {}).get("partial_refund_total")), case.shop.currency)
        except (ValueError, AttributeError):
            raise ApiError(98001004, "invalid parameter partial_refund_amount") from None
        low, high = _band(case.amounts.total)
        if not low <= value <= high:
            raise ApiError(25005020, "partial refund is not possible with this amount")
        return value

    @staticmethod
    def _settled(case: Return, action: str) -> bool:
        """Whether the state shows that an earlier, equal decision went through."""
        if action in _PARCEL_ACTIONS:
            return case.status != m.SHIPPED
        return case.status not in m.REQUESTED


def _grouped(cases: list[Return], key: Callable[[Return], str]) -> dict[str, list[Return]]:
    groups: dict[str, list[Return]] = {}
    for case in cases:
        groups.setdefault(key(case), []).append(case)
    return groups


def _fits(filters: dict[str, Any], **actual: list[str]) -> bool:
    return all(not filters.get(name) or set(filters[name]) & set(values) for name, values in actual.items())


def _band(total: int) -> tuple[int, int]:
    """What may be refunded in part: a tenth to nine tenths."""
    return max(1, total // 10), max(1, total * 9 // 10)


def _request_status(cases: list[Return]) -> str:
    pending = any(case.status in m.REQUESTED or case.status == m.AWAITING_RESPONSE for case in cases)
    return "PENDING_REQUEST_REVIEW" if pending else "REQUEST_REVIEW_COMPLETED"


def _parcel_status(cases: list[Return]) -> str:
    if any(case.status == m.SHIPPED and case.delivered_at for case in cases):
        return "PENDING_PACKAGE_REVIEW"
    if any(case.status in (m.AWAITING_SHIP, m.SHIPPED) for case in cases):
        return "AWAITING_BUYER_RETURN"
    return "PACKAGE_REVIEW_COMPLETED"


def _sku_request(case: Return) -> dict[str, Any]:
    shape = return_shape(case)
    same = (
        "return_id",
        "order_id",
        "return_type",
        "return_status",
        "return_reason",
        "return_reason_text",
        "arbitration_status",
        "role",
        "shipment_type",
        "handover_method",
        "return_tracking_number",
        "return_provider_id",
        "return_provider_name",
        "is_quick_refund",
        "seller_next_action_response",
        "return_line_items",
        "refund_amount",
        "create_time",
        "update_time",
    )
    row = {name: shape[name] for name in same if name in shape}
    row["buyer_keep_item"] = case.keep_item
    if case.partial is not None:
        currency = case.shop.currency
        row["partial_refund_amount"] = {"partial_refund_total": amount(case.shop, case.partial), "currency": currency}
    if case.replacement_order_id:
        row["reshipment_order_id"] = case.replacement_order_id
    if case.exchange_for:
        row["exchange_order_lines"] = [
            {
                "sku_id": product.sku_id,
                "sku_name": product.variant,
                "product_name": product.title,
                "seller_sku_name": product.seller_sku,
            }
            for product in case.exchange_for
        ]
    return row
