"""Pure: which answers the channel takes for a case, for its parcel and for each of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from backhaul.connectors.tiktok_shop import wire
from backhaul.connectors.tiktok_shop.mapping import money
from backhaul.connectors.tiktok_shop.words import DECISIONS, PARCEL_REASONS, SENT_FOR_LINES
from backhaul.domain.channel import Answerable, UnitChoices
from backhaul.domain.money import Money
from backhaul.domain.words import ANSWERS, REJECTIONS, Action, Decision


def answerable(rows: Iterable[wire.DecisionEligibility]) -> tuple[Answerable, ...]:
    """What may be decided, by ``eligible`` alone. Keeping the item is sent as an approval of the return with a mark, so
    it goes with that approval unless the channel names its own word for it."""
    found = {row.decision: _answer(row) for row in rows}
    approval = found.get("APPROVE_RETURN")
    if approval is not None and "DIRECT_REFUND" not in found:
        found["DIRECT_REFUND"] = msgspec.structs.replace(approval, decision=Decision.KEEP_ITEM.value)
    return tuple(found.values())


def _answer(row: wire.DecisionEligibility) -> Answerable:
    decision = DECISIONS.get(row.decision)
    refused = not row.eligible
    return Answerable(
        decision=decision.value if decision is not None else row.decision,
        eligible=row.eligible,
        code=str(row.ineligible_code or "") if refused else "",
        text=(row.ineligible_reason or "") if refused else "",
        reasons=tuple((reason.name, reason.text) for reason in row.available_reject_reasons or ()),
        fitting=dict(PARCEL_REASONS) if decision is Decision.REFUSE_PARCEL else {},
    )


def part_refund(lines: Iterable[wire.ReviewLine], parcel_id: str) -> Answerable | None:
    """Whether a parcel may be paid in part, and between which amounts. None when the channel does not name it.

    For a parcel of one line only: whether an amount is that of each line or of all together is not published, and the
    one taken for the other would be paid several times. Of several lines each gets an answer of its own.
    """
    rows = list(lines)
    part = _part_of(rows[0]) if len(rows) == 1 else None
    if part is None:
        return None
    low, high = _band(part.partial_refund_amount_range) if part.partial_refund_amount_range else (None, None)
    if part.eligible and (low is None or high is None):
        return None
    return Answerable(
        decision=Decision.REFUND_PART.value,
        eligible=part.eligible,
        code="" if part.eligible else str(part.ineligible_code or ""),
        text="" if part.eligible else part.ineligible_reason or "",
        band=(low, high) if part.eligible and low is not None and high is not None else None,
        subject=parcel_id,
        lines=(rows[0].return_line_item_id,),
    )


def by_unit(lines: Iterable[wire.ReviewLine], action: Action, subject: str) -> Answerable | None:
    """What may be answered for each line of a request or a parcel; None when nothing may for one of them."""
    ours = {SENT_FOR_LINES[each]: each for each in ANSWERS[action] if each in SENT_FOR_LINES}
    units = tuple(_choices(line, ours) for line in lines)
    if not units or not all(each.decisions for each in units):
        return None
    return Answerable(Decision.BY_UNIT.value, True, subject=subject, units=units, fitting=dict(PARCEL_REASONS))


def _choices(line: wire.ReviewLine, ours: Mapping[str, Decision]) -> UnitChoices:
    open_now = {ours[row.decision]: row for row in line.decisions or () if row.eligible and row.decision in ours}
    refusal = next((row for decision, row in open_now.items() if decision in REJECTIONS), None)
    part = open_now.get(Decision.REFUND_PART)
    bounds = part.partial_refund_amount_range if part is not None else None
    low, high = _band(bounds) if bounds is not None else (None, None)
    return UnitChoices(
        line.return_line_item_id,
        tuple(each.value for each in open_now if each is not Decision.REFUND_PART or (low and high)),
        tuple((reason.name, reason.text) for reason in (refusal.available_reject_reasons if refusal else None) or ()),
        (low, high) if low is not None and high is not None else None,
    )


def _part_of(line: wire.ReviewLine) -> wire.LineDecision | None:
    return next((row for row in line.decisions or () if row.decision == SENT_FOR_LINES[Decision.REFUND_PART]), None)


def _band(found: wire.AmountRange) -> tuple[Money | None, Money | None]:
    return money(found.min_amount, found.currency, "least part"), money(found.max_amount, found.currency, "most part")
