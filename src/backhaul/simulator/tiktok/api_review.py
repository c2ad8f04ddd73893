"""Reviews of the batch model: what may be decided about each line, and decisions line by line.

The names of the fields for reasons, comments and pictures are not published; they are called here what the older calls
call them [inferred].
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from backhaul.simulator import money
from backhaul.simulator.tiktok import bodies, reasons, states
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.aftersales import Aftersales
from backhaul.simulator.tiktok.api_batch import require_model
from backhaul.simulator.tiktok.api_returns import SCOPE
from backhaul.simulator.tiktok.decisions import EXCHANGE, Decision, Decisions
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.model import Amounts, CaseLine, Return
from backhaul.simulator.tiktok.shapes import amount
from backhaul.simulator.tiktok.world import Remembered, World

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
_CANCEL_CHECKS = ("APPROVE_REQUEST_CANCEL", "REJECT_REQUEST_CANCEL")


class ReviewApi:
    """Handlers of the review endpoints."""

    def __init__(self, world: World, aftersales: Aftersales, decisions: Decisions) -> None:
        self._world = world
        self._aftersales = aftersales
        self._decisions = decisions

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        area = "return_refund"
        return [
            Endpoint("POST", area, ("202603", "202606"), "aftersales/review", SCOPE, self.review, body=bodies.Review),
            Endpoint("GET", area, ("202606",), "review_decision", SCOPE, self.review_decision),
        ]

    def review_decision(self, call: Call) -> dict[str, Any]:
        """What may be decided about each line now, with the band of a partial refund after receipt."""
        require_model(call)
        if not call.query.get("seller_id", "").isdigit():
            raise ApiError(25001001, "parameter seller_id is required, a number")
        case = self._world.return_of(call.shop, call.query.get("return_or_cancel_id", ""))
        checks = [name for name in call.query.get("check_decisions", "").split(",") if name]
        known = {name for by_type in _ACTIONS.values() for name in by_type.values()}
        for name in checks:
            if name not in known and name not in (_AFTER_RECEIPT, "DIRECT_REFUND", *_CANCEL_CHECKS):
                raise ApiError(25001001, f"invalid parameter check_decisions: {name}")
        keys = [{"name": key, "text": reasons.text(key)} for key in self._decisions.reject_reasons(case)]
        lines = []
        for item in case.lines:
            rows: list[dict[str, Any]] = []
            for action, decisions in _ACTIONS.items():
                name = decisions.get(case.type, "")
                asked = _AFTER_RECEIPT if action == _AFTER_RECEIPT else name
                if not name or (checks and asked not in checks):
                    continue
                rows.append(self._row(case, item, action, name, keys))
            lines.append({"return_line_item_id": item.id, "decisions": rows})
        return {"line_items": lines, "request_log_id": call.request_id, "errors": []}

    def _row(self, case: Return, item: CaseLine, action: str, name: str, keys: list[dict[str, str]]) -> dict[str, Any]:
        refusal = self._decisions.refusal(case, name)
        row: dict[str, Any] = {"decision": action, "eligible": refusal is None}
        if refusal is not None:
            row |= {"ineligible_code": refusal.code, "ineligible_reason": refusal.message}
        elif action.startswith("REJECT"):
            row["available_reject_reasons"] = keys
        elif action == _AFTER_RECEIPT:
            low, high = _band(item.amounts.total)
            row["partial_refund_amount_range"] = {
                "min_amount": amount(case.shop, low),
                "max_amount": amount(case.shop, high),
                "currency": case.shop.currency,
            }
        return row

    def review(self, call: Call) -> dict[str, Any]:
        """Decides line by line. Part failures come with code 0 and a list; when everything fails, so does the call."""
        require_model(call)
        asked = call.json.get("aftersales_request_decisions")
        if not isinstance(asked, list) or not asked or not all(isinstance(item, dict) for item in asked):
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
        key = str(item.get("idempotency_key") or "")
        if len(key) > 255:
            raise ApiError(25001001, "invalid parameter idempotency_key: at most 255 characters")
        digest = hashlib.sha256(msgspec.json.encode(item, order="sorted")).digest()
        place = (call.app.app_key, call.shop.id, "review", key)
        known = self._world.remembered.get(place) if key else None
        if known is not None and known.at + call.shop.switches.key_memory_seconds > self._world.clock.now():
            if known.body != digest:
                raise ApiError(25001001, "idempotency_key was used with another body")
            if all(self._settled(case, action) for case, _ in self._named(call, item, decision)):
                self._world.books.of(call.shop.id).repeats += 1
                return
        for case, units in self._named(call, item, decision):
            if len(units) < len(case.lines) and not call.shop.switches.split_units:
                raise ApiError(25020003, "units of one SKU cannot be decided differently")
        for case, units in self._named(call, item, decision):
            self._decide(call, case, units, action, decision, key)
        if key:
            self._world.remembered[place] = Remembered(digest, {}, self._world.clock.now())

    def _named(self, call: Call, item: dict[str, Any], decision: dict[str, Any]) -> list[tuple[Return, list[CaseLine]]]:
        """The returns whose lines are named, with those lines."""
        groups, request_id = self._world.groups, str(item.get("request_id"))
        members = (groups.parcels if item["request_id_type"] == "RMA" else groups.requests).get(request_id, ())
        named = {str(line.get("return_line_item_id")) for line in decision.get("line_items") or []}
        touched: list[tuple[Return, list[CaseLine]]] = []
        for case in (self._world.returns[return_id] for return_id in members):
            units = [line for line in case.lines if line.id in named]
            if units and case.shop is call.shop:
                touched.append((case, units))
                named -= {line.id for line in units}
        if not touched or named:
            raise ApiError(25007006, "reverse order or line does not exist")
        return touched

    def _decide(
        self, call: Call, case: Return, units: list[CaseLine], action: str, decision: dict[str, Any], key: str
    ) -> None:
        name = _ACTIONS[action].get(case.type)
        if name is None or (name in EXCHANGE and not call.shop.switches.exchange_words):
            raise ApiError(25020004, "decision does not match the reverse type")
        refusal = self._decisions.refusal(case, name)
        if refusal is not None:
            raise refusal
        reason, comment = decision.get("reject_reason", ""), decision.get("comment", "")
        if not isinstance(reason, str) or not isinstance(comment, str):
            raise ApiError(98001004, "invalid parameter reject_reason or comment")
        if name.startswith("REJECT"):
            self._decisions.check_reason(case, case.type, reason, parcel=name == "REJECT_RECEIVED_PACKAGE")
        images = self._decisions.image_ids(case, decision)
        partial = self._partial(units, decision, case.shop.currency) if "PARTIAL" in action else None
        # Everything has been checked: only now may one return become two.
        apart = len(units) < len(case.lines)
        if apart:
            case = self._aftersales.split(case, units)
        if action == _AFTER_RECEIPT and partial is not None:
            self._world.hold(case)
            case.partial, case.amounts = partial, Amounts(partial, 0, 0, partial)
        made = Decision(
            name,
            bool(decision.get("buyer_keep_item", False)),
            partial if name == "OFFER_PARTIAL_REFUND" else None,
            reason,
            comment,
            images,
        )
        self._decisions.decide(case, made, key=key, request_id=call.request_id, apart=apart)

    @staticmethod
    def _partial(units: list[CaseLine], decision: dict[str, Any], currency: str) -> int:
        asked = decision.get("partial_refund_amount")
        if not isinstance(asked, dict) or asked.get("currency", currency) != currency:
            raise ApiError(98001004, "invalid parameter partial_refund_amount")
        try:
            value = money.minor(str(asked.get("partial_refund_total")), currency)
        except ValueError:
            raise ApiError(98001004, "invalid parameter partial_refund_amount") from None
        bands = [_band(unit.amounts.total) for unit in units]
        if not sum(low for low, _ in bands) <= value <= sum(high for _, high in bands):
            raise ApiError(25005020, "partial refund is not possible with this amount")
        return value

    @staticmethod
    def _settled(case: Return, action: str) -> bool:
        """Whether the state shows that an earlier, equal decision went through."""
        if action in _PARCEL_ACTIONS:
            return case.status != m.SHIPPED
        return case.status not in m.REQUESTED


def _band(total: int) -> tuple[int, int]:
    """What may be refunded of one unit in part: a tenth to nine tenths."""
    return max(1, total // 10), max(1, total * 9 // 10)
