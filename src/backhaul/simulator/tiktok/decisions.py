"""What the seller's app may decide, and what the channel answers when the state forbids it.

`refusal` is the one truth: the decision calls and the eligibility calls ask the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backhaul.simulator import money
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons, states
from backhaul.simulator.tiktok.aftersales import Aftersales
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.model import Case, Return, Shop
from backhaul.simulator.tiktok.reshipments import in_stock
from backhaul.simulator.tiktok.world import World

APPROVALS = (
    "APPROVE_REFUND",
    "APPROVE_RETURN",
    "APPROVE_RECEIVED_PACKAGE",
    "APPROVE_REPLACEMENT",
    "ISSUE_REPLACEMENT_REFUND",
    "OFFER_PARTIAL_REFUND",
    "DIRECT_REFUND",
    "APPROVE_EXCHANGE",
    "ISSUE_EXCHANGE_REFUND",
)
REJECTIONS = ("REJECT_REFUND", "REJECT_RETURN", "REJECT_RECEIVED_PACKAGE", "REJECT_REPLACEMENT", "REJECT_EXCHANGE")
# Decisions about exchanges, by what they mean; a shop's switch says what the API calls them.
EXCHANGE = ("APPROVE_EXCHANGE", "ISSUE_EXCHANGE_REFUND", "REJECT_EXCHANGE")
CHECKED = tuple(name for name in (*APPROVALS, *REJECTIONS) if name not in ("OFFER_PARTIAL_REFUND", *EXCHANGE))

# decision -> (types it fits, cause in the state table, code when the status forbids it)
_RULES: dict[str, tuple[tuple[str, ...], str, int]] = {
    "APPROVE_REFUND": ((states.REFUND,), "approve", 25011012),
    "APPROVE_RETURN": ((states.RETURN,), "approve", 25011012),
    "DIRECT_REFUND": ((states.RETURN,), "keep_item", 25011012),
    "APPROVE_RECEIVED_PACKAGE": ((states.RETURN,), "goods_accepted", 25011013),
    "APPROVE_REPLACEMENT": ((states.REPLACEMENT,), "approve", 25011012),
    "ISSUE_REPLACEMENT_REFUND": ((states.REPLACEMENT,), "refund_instead", 25011012),
    "OFFER_PARTIAL_REFUND": ((states.REFUND, states.RETURN), "offer", 25011032),
    "REJECT_REFUND": ((states.REFUND,), "reject", 25011011),
    "REJECT_RETURN": ((states.RETURN,), "reject", 25011011),
    "REJECT_RECEIVED_PACKAGE": ((states.RETURN,), "goods_rejected", 25011014),
    "REJECT_REPLACEMENT": ((states.REPLACEMENT,), "reject", 25011011),
    "APPROVE_EXCHANGE": ((states.EXCHANGE,), "approve", 25011012),
    "ISSUE_EXCHANGE_REFUND": ((states.EXCHANGE,), "refund_instead", 25011012),
    "REJECT_EXCHANGE": ((states.EXCHANGE,), "reject", 25011011),
}
_TEXTS = {
    25011011: "reverse status cannot reject",
    25011012: "reverse status cannot approve",
    25011013: "reverse status cannot approve receive",
    25011014: "reverse status cannot reject receive",
    25011032: "reverse status cannot offer partial refund",
}
_APPROVED = frozenset({m.SUCCESS, m.COMPLETE, m.AWAITING_SHIP})
_PARCEL = ("APPROVE_RECEIVED_PACKAGE", "REJECT_RECEIVED_PACKAGE")


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision call, read from its body."""

    name: str
    keep_item: bool = False
    partial: int | None = None
    reject_reason: str = ""
    comment: str = ""
    image_ids: tuple[str, ...] = ()


def meaning(shop: Shop, word: str) -> str:
    """What a word of the API means; empty for an exchange word that this shop's API does not have."""
    if word in shop.switches.exchange_words:
        return EXCHANGE[shop.switches.exchange_words.index(word)]
    return "" if word in EXCHANGE else word


class Decisions:
    """The seller's side of returns."""

    def __init__(self, world: World, aftersales: Aftersales) -> None:
        self._world = world
        self._aftersales = aftersales

    def refusal(self, case: Return, name: str) -> ApiError | None:
        """What the channel says to this decision now; None when it is allowed."""
        types, cause, code = _RULES[name]
        if case.arbitration == "IN_PROGRESS":
            return ApiError(25011010, "reverse order is in arbitration")
        if case.type not in types:
            return ApiError(25020004, "decision does not match the reverse type")
        if case.status in m.WITHDRAWN:
            return ApiError(25020009, "reverse order has been cancelled")
        if case.status == m.AWAITING_RESPONSE:
            return ApiError(25007007, "a negotiation is in progress")
        if name in _PARCEL:
            return self._parcel_refusal(case, name, code)
        if name in REJECTIONS and (case.status in m.RESHIPPED or case.status in _APPROVED):
            return ApiError(25020010, "reverse order has been approved")
        if not states.allows(cause, case.type, case.status):
            return ApiError(code, _TEXTS[code])
        refused_when_short = case.shop.switches.without_stock == "refused"
        if name in ("APPROVE_REPLACEMENT", "APPROVE_EXCHANGE") and refused_when_short and not in_stock(case):
            return ApiError(25020003, "the goods to be sent are out of stock")
        if name == "OFFER_PARTIAL_REFUND" and len({item.line.product.sku_id for item in case.lines}) > 1:
            return ApiError(25005021, "partial refund supports a single sku only")
        return None

    def _parcel_refusal(self, case: Return, name: str, code: int) -> ApiError | None:
        accept = name == "APPROVE_RECEIVED_PACKAGE"
        if case.order.fulfillment_type == "FULFILLMENT_BY_TIKTOK":
            return ApiError(25011026, "fulfilled by platform, receipt is handled by platform")
        if not accept and case.quick_refund:
            return ApiError(25011025, "quick refund order cannot reject receive")
        if not accept and case.status in (m.SUCCESS, m.COMPLETE):
            return ApiError(25020011, "package has been received")
        arrived = case.delivered_at > 0 or case.shop.switches.early_receipt
        if case.status != m.SHIPPED or not arrived:
            return ApiError(code, _TEXTS[code])
        return None

    def read(self, case: Return, body: dict[str, Any], allowed: tuple[str, ...], *, by_api: bool = True) -> Decision:
        """The decision in a body. Raises ApiError for anything the channel would not understand."""
        word = body.get("decision")
        name = meaning(case.shop, str(word)) if by_api else word
        if name not in allowed:
            raise ApiError(25001001, f"invalid parameter decision: {word!r}")
        comment = body.get("comment", "")
        reason = body.get("reject_reason", "")
        keep = body.get("buyer_keep_item", False)
        if not isinstance(comment, str) or not isinstance(reason, str) or not isinstance(keep, bool):
            raise ApiError(25001001, "invalid parameter type")
        if keep and name != "APPROVE_RETURN":
            raise ApiError(25001001, "invalid parameter buyer_keep_item for this decision")
        images = self.image_ids(case, body)
        partial = self._partial(case, body) if name == "OFFER_PARTIAL_REFUND" else None
        return Decision(str(name), keep, partial, reason, comment, images)

    def image_ids(self, case: Case, body: dict[str, Any]) -> tuple[str, ...]:
        """Evidence pictures of a rejection; each must have been uploaded before."""
        images = body.get("images") or []
        if not isinstance(images, list):
            raise ApiError(25001001, "invalid parameter images")
        known = self._world.images.get(case.shop.seller_id, set())
        ids = tuple(str(image.get("image_id", "")) if isinstance(image, dict) else "" for image in images)
        for image_id in ids:
            if image_id not in known:
                raise ApiError(25001001, f"invalid parameter images: {image_id!r} is not an uploaded picture")
        return ids

    def _partial(self, case: Return, body: dict[str, Any]) -> int:
        offer = body.get("partial_refund")
        if not isinstance(offer, dict) or offer.get("currency") != case.shop.currency:
            raise ApiError(25001001, "invalid parameter partial_refund")
        try:
            amount = money.minor(str(offer.get("amount")), case.shop.currency)
        except ValueError:
            raise ApiError(25001001, "invalid parameter partial_refund.amount") from None
        if amount <= 0:
            raise ApiError(25005020, "partial refund is not possible with this amount")
        if amount >= case.amounts.total:
            raise ApiError(25005005, "refund amount exceeds the refundable amount")
        return amount

    def check_reason(self, case: Case, case_kind: str, key: str, *, parcel: bool) -> None:
        """Refuses a reject reason that is not in force for this case."""
        market = case.shop.market.reasons
        use = "SELLER_REJECT_PARCEL" if parcel else "SELLER_REJECT_REQUEST"
        if not key:
            raise ApiError(25001001, "parameter reject_reason is required")
        if key in reasons.keys(market, case_kind, use):
            return
        if reasons.retired(market, key):
            raise ApiError(25001020, "reason is deprecated")
        if key not in reasons.all_keys(market):
            raise ApiError(25001014, "reason does not exist")
        uses = ("SELLER_REJECT_PARCEL", "SELLER_REJECT_REQUEST")
        rejection = any(key in reasons.keys(market, case_kind, other) for other in uses)
        if rejection:
            raise ApiError(25001016, "reason does not match the action")
        raise ApiError(25001057, "reason is of another type")

    def reject_reasons(self, case: Return) -> tuple[str, ...]:
        """Keys the seller may refuse this case with now."""
        use = "SELLER_REJECT_PARCEL" if case.status == m.SHIPPED else "SELLER_REJECT_REQUEST"
        return reasons.keys(case.shop.market.reasons, case.type, use)

    def decide(
        self,
        case: Return,
        decision: Decision,
        *,
        key: str,
        request_id: str,
        actor: str = "SELLER",
        apart: bool = False,
    ) -> None:
        """Carries a decision out, or raises what the channel says. `apart`: of units that have just become a case of
        their own, which the seller's automation, made for whole parcels, does not meet."""
        if actor == "SELLER" and not apart:
            self._automation(case, decision.name)
        name = decision.name
        refusal = self.refusal(case, name)
        if refusal is not None:
            raise refusal
        if name in REJECTIONS:
            self.check_reason(case, case.type, decision.reject_reason, parcel=name == "REJECT_RECEIVED_PACKAGE")
        cause = "keep_item" if decision.keep_item else _RULES[name][1]
        if cause == "approve":
            cause = self._aftersales.approval(case)
        self._world.hold(case)
        if cause == "keep_item":
            case.keep_item = True
        if decision.partial is not None:
            case.partial = decision.partial
        entry = {
            "idempotency_key": key,
            "request_id": request_id,
            "reject_reason": decision.reject_reason,
            "comment": decision.comment,
            "image_ids": list(decision.image_ids),
            "buyer_keep_item": decision.keep_item,
            "partial_refund": decision.partial,
        }
        self._aftersales.move(case, cause, actor, decision=name, entry=entry, note=decision.comment)

    def _automation(self, case: Return, name: str) -> None:
        """By mood: a rule of the seller in Seller Center decides a moment before the app does."""
        if self._world.moods.strike(VENDOR, name, ("auto_approve",)) is None:
            return
        cause = "goods_accepted" if case.status == m.SHIPPED else "approve"
        if states.allows(cause, case.type, case.status):
            self._aftersales.move(case, cause, "AUTOMATION", decision="AUTOMATION_APPROVE")
