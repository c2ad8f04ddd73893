"""A merchant's policy: typed, dated, and kept by each case in the version that was in force when it opened."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backhaul.domain.reasons import OTHER, DeskReason
from backhaul.domain.rules import Rule
from backhaul.domain.words import Action, Decision

HOUR = 3600
DAY = 24 * HOUR


class Default(StrEnum):
    """What happens when nobody has answered shortly before the channel's deadline."""

    APPROVE = "approve"
    REJECT = "reject"
    LEAVE = "leave"  # the channel decides, usually by approving


class AcceptParcel(StrEnum):
    """When goods that came back are accepted, which makes the channel pay."""

    ON_DELIVERY = "on_delivery"
    ON_INSPECTION = "on_inspection"
    ASK = "ask"


class BadParcel(StrEnum):
    """What is done with a parcel of which an inspector found no unit as it should be."""

    ASK = "ask"  # goods that came damaged go back damaged: who is to blame no verdict says
    REFUSE = "refuse"  # with the reason that fits what was found


class FromPortal(StrEnum):
    """What is done with a return that a buyer asks for in the shop's portal."""

    ASK = "ask"  # a person confirms the channel's sum, or declines
    START = "start"  # it is started once the channel says a sum; a refund without goods is always asked about


class DeadlineRule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The default answer to one action. ``reasons`` are channel reason keys in order of preference, for REJECT."""

    default: Default
    reasons: tuple[str, ...] = ()


APPROVALS = {
    Action.ANSWER_REFUND: Decision.APPROVE_REFUND,
    Action.ANSWER_RETURN: Decision.APPROVE_RETURN,
    Action.JUDGE_PARCEL: Decision.ACCEPT_PARCEL,
    Action.ANSWER_REPLACEMENT: Decision.APPROVE_REPLACEMENT,
    Action.ANSWER_EXCHANGE: Decision.APPROVE_EXCHANGE,
    Action.ANSWER_CANCELLATION: Decision.APPROVE_CANCELLATION,
}
REJECTS = {
    Action.ANSWER_REFUND: Decision.REJECT_REFUND,
    Action.ANSWER_RETURN: Decision.REJECT_RETURN,
    Action.JUDGE_PARCEL: Decision.REFUSE_PARCEL,
    Action.ANSWER_REPLACEMENT: Decision.REJECT_REPLACEMENT,
    Action.ANSWER_EXCHANGE: Decision.REJECT_EXCHANGE,
    Action.ANSWER_CANCELLATION: Decision.REJECT_CANCELLATION,
}


def _rules() -> dict[Action, DeadlineRule]:
    return {
        Action.ANSWER_REFUND: DeadlineRule(Default.LEAVE),
        Action.ANSWER_RETURN: DeadlineRule(Default.APPROVE),
        Action.JUDGE_PARCEL: DeadlineRule(Default.LEAVE),
        Action.ANSWER_REPLACEMENT: DeadlineRule(Default.LEAVE),
        Action.ANSWER_EXCHANGE: DeadlineRule(Default.LEAVE),
        # Until the clock runs out the order may still be shipped, which refuses the cancellation.
        Action.ANSWER_CANCELLATION: DeadlineRule(Default.LEAVE),
    }


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the hub may do by itself. The defaults pay nobody without a person except where silence would pay too."""

    version: int = 1
    on_deadline: dict[Action, DeadlineRule] = msgspec.field(default_factory=_rules)
    accept_parcel: AcceptParcel = AcceptParcel.ON_INSPECTION
    lead_s: int = HOUR  # the default answer is given this long before the deadline
    last_attempt_s: int = 5 * 60  # and tried once more, whatever backs off, this long before it
    warn_hours: tuple[int, ...] = (24, 12, 4, 1)
    inspect_within_s: int = 14 * DAY  # uninspected goods end as not restocked this long after they arrived
    rules: tuple[Rule, ...] = ()  # the first that fits answers without a person
    bad_parcel: BadParcel = BadParcel.ASK
    on_mixed: Default = Default.LEAVE  # nobody has answered for a parcel of which some units are fine
    reasons: dict[str, str] = {}  # channel reason key -> commerce reason id; the rest by `reasons.commerce_reason`
    desk_reasons: dict[str, DeskReason] = {}  # channel reason key -> the desk's; the rest by `reasons.desk_reason`
    desk_fallback: DeskReason = OTHER  # what the desk is told for a reason that nothing maps
    portal: FromPortal = FromPortal.ASK

    def rule(self, action: Action) -> DeadlineRule:
        """The default answer to an action; LEAVE where the policy says nothing."""
        return self.on_deadline.get(action, DeadlineRule(Default.LEAVE))
