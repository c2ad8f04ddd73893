"""The channel's words and ours. Every word the vendor documents or live data has shown; anything else is UNKNOWN.

Several pages of the vendor spell one state differently (CANCEL and CANCELLED, one or two underscores): :func:`normal`
takes the underscores, the tables the rest.
"""

from __future__ import annotations

from typing import NamedTuple

from backhaul.domain.words import Action, Actor, Condition, Decision, Document, Kind, ShippedBy, Stage


def normal(word: str) -> str:
    """A word of an enumeration without stray blanks and doubled underscores."""
    word = word.strip()
    while "__" in word:
        word = word.replace("__", "_")
    return word


KINDS = {
    "REFUND": Kind.REFUND,
    "RETURN_AND_REFUND": Kind.RETURN,
    "REPLACEMENT": Kind.REPLACEMENT,
    "EXCHANGE": Kind.EXCHANGE,
}

STATUSES = {
    "RETURN_OR_REFUND_REQUEST_PENDING": Stage.REQUESTED,
    "REFUND_OR_RETURN_REQUEST_REJECT": Stage.REQUEST_REJECTED,
    "AWAITING_BUYER_SHIP": Stage.AWAITING_SHIPMENT,
    "BUYER_SHIPPED_ITEM": Stage.SHIPPED,
    "REJECT_RECEIVE_PACKAGE": Stage.PARCEL_REJECTED,
    "RETURN_OR_REFUND_REQUEST_SUCCESS": Stage.ACCEPTED,
    "RETURN_OR_REFUND_REQUEST_CANCEL": Stage.CANCELLED,
    "RETURN_OR_REFUND_REQUEST_CANCELLED": Stage.CANCELLED,
    "RETURN_OR_REFUND_REQUEST_COMPLETE": Stage.COMPLETED,
    "AWAITING_BUYER_RESPONSE": Stage.OFFERED,
    # the overview page's words for the same states
    "REQUEST_SUCCESS": Stage.ACCEPTED,
    "REQUEST_REJECTED": Stage.REQUEST_REJECTED,
    "RECEIVE_REJECTED": Stage.PARCEL_REJECTED,
    "RETURN_OR_REFUND_CANCEL": Stage.CANCELLED,
    # replacement and exchange (the latter seen in live data only)
    "REPLACEMENT_REQUEST_PENDING": Stage.REQUESTED,
    "REPLACEMENT_REQUEST_REJECT": Stage.REQUEST_REJECTED,
    "REPLACEMENT_REQUEST_REFUND_SUCCESS": Stage.COMPLETED,
    "REPLACEMENT_REQUEST_CANCEL": Stage.CANCELLED,
    "REPLACEMENT_REQUEST_COMPLETE": Stage.COMPLETED,
    "EXCHANGE_REQUEST_PENDING": Stage.REQUESTED,
    "EXCHANGE_REQUEST_REJECT": Stage.REQUEST_REJECTED,
    "EXCHANGE_REQUEST_REFUND_SUCCESS": Stage.COMPLETED,
    "EXCHANGE_REQUEST_CANCEL": Stage.CANCELLED,
    "EXCHANGE_REQUEST_COMPLETE": Stage.COMPLETED,
    # the line-level model of 2026: a finished review does not say which way it went, so it is known and yet no stage
    "INIT": Stage.REQUESTED,
    "PENDING_REQUEST_REVIEW": Stage.REQUESTED,
    "REQUEST_REVIEW_COMPLETED": Stage.UNKNOWN,
    "RMA_CREATED": Stage.AWAITING_SHIPMENT,
    "AWAITING_BUYER_RETURN": Stage.AWAITING_SHIPMENT,
    "PENDING_PACKAGE_REVIEW": Stage.SHIPPED,
    "PACKAGE_REVIEW_COMPLETED": Stage.UNKNOWN,
}

CANCEL_STATUSES = {
    "CANCELLATION_REQUEST_PENDING": Stage.REQUESTED,
    "CANCELLATION_REQUEST_SUCCESS": Stage.ACCEPTED,
    "CANCELLATION_REQUEST_CANCEL": Stage.CANCELLED,
    "CANCELLATION_REQUEST_CANCELLED": Stage.CANCELLED,
    "CANCELLATION_REQUEST_COMPLETE": Stage.COMPLETED,
}

# Statuses that say that money has gone back, and not merely that it will.
PAID_STATUSES = frozenset(
    {
        "RETURN_OR_REFUND_REQUEST_COMPLETE",
        "REPLACEMENT_REQUEST_REFUND_SUCCESS",
        "EXCHANGE_REQUEST_REFUND_SUCCESS",
        "CANCELLATION_REQUEST_COMPLETE",
    }
)

# Money that went out in place of the goods that were asked for.
PAID_INSTEAD = frozenset({"REPLACEMENT_REQUEST_REFUND_SUCCESS", "EXCHANGE_REQUEST_REFUND_SUCCESS"})

ACTIONS = {
    "SELLER_RESPOND_REFUND": Action.ANSWER_REFUND,
    "SELLER_RESPOND_RETURN": Action.ANSWER_RETURN,
    "SELLER_RESPOND_RECEIVE_PACKAGE": Action.JUDGE_PARCEL,
    "SELLER_RESPOND_REPLACEMENT": Action.ANSWER_REPLACEMENT,
    "SELLER_RESPOND_EXCHANGE": Action.ANSWER_EXCHANGE,
    "SELLER_RESPOND_CANCEL": Action.ANSWER_CANCELLATION,
}

ACTORS = {"BUYER": Actor.BUYER, "SELLER": Actor.SELLER, "OPERATOR": Actor.PLATFORM, "SYSTEM": Actor.SYSTEM}

RETURN_METHODS = {
    "SELLER_SHIPPED": ShippedBy.SELLER,
    "SELLER_ARRANGE": ShippedBy.SELLER,  # outside the vendor's own list, but in its sample
    "BUYER_SHIPPED": ShippedBy.BUYER,
    "BUYER_ARRANGE": ShippedBy.BUYER,
    "PLATFORM_SHIPPED": ShippedBy.CHANNEL,
}

SHIPMENT_TYPES = {"PLATFORM": ShippedBy.CHANNEL, "BUYER_ARRANGE": ShippedBy.BUYER}

DOCUMENTS = {
    "SHIPPING_LABEL": Document.LABEL,
    "QR_CODE": Document.QR_CODE,
    "QR_CODE_NBNL": Document.QR_CODE_NO_BOX,
}

# The channel's word -> ours, for reading what may be decided.
DECISIONS = {
    "APPROVE_REFUND": Decision.APPROVE_REFUND,
    "REJECT_REFUND": Decision.REJECT_REFUND,
    "APPROVE_RETURN": Decision.APPROVE_RETURN,
    "REJECT_RETURN": Decision.REJECT_RETURN,
    "DIRECT_REFUND": Decision.KEEP_ITEM,
    "APPROVE_RECEIVED_PACKAGE": Decision.ACCEPT_PARCEL,
    "REJECT_RECEIVED_PACKAGE": Decision.REFUSE_PARCEL,
    "OFFER_PARTIAL_REFUND": Decision.OFFER_PARTIAL,
    "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG": Decision.REFUND_PART,
    "APPROVE_REPLACEMENT": Decision.APPROVE_REPLACEMENT,
    "ISSUE_REPLACEMENT_REFUND": Decision.REFUND_INSTEAD,
    "REJECT_REPLACEMENT": Decision.REJECT_REPLACEMENT,
    # of these only ISSUE_EXCHANGE_REFUND is documented (for the line-level model); the others are its fellows' spelling
    "APPROVE_EXCHANGE": Decision.APPROVE_EXCHANGE,
    "ISSUE_EXCHANGE_REFUND": Decision.REFUND_EXCHANGE,
    "REJECT_EXCHANGE": Decision.REJECT_EXCHANGE,
    "APPROVE_REQUEST_CANCEL": Decision.APPROVE_CANCELLATION,
    "REJECT_REQUEST_CANCEL": Decision.REJECT_CANCELLATION,
}

# What an inspector found -> the channel's reason for refusing a parcel.
PARCEL_REASONS = {
    Condition.WRONG_ITEM: "reverse_reject_return_parcel_reason_1",
    Condition.NOT_ELIGIBLE: "reverse_reject_return_parcel_reason_2",
    Condition.INCOMPLETE: "reverse_reject_return_parcel_reason_3",
    Condition.MISSING: "reverse_reject_return_parcel_reason_4",
    Condition.DAMAGED: "reverse_reject_return_parcel_reason_5",
}

# Ours -> the channel's, for sending. KEEP_ITEM uses the older spelling, which more sources confirm.
SENT_AS = {ours: theirs for theirs, ours in DECISIONS.items()} | {Decision.KEEP_ITEM: "APPROVE_RETURN"}

# An answer of the line-level model for some lines of a request, or of a parcel.
SENT_FOR_LINES = {
    Decision.APPROVE_REFUND: "APPROVE_REQUEST",
    Decision.APPROVE_RETURN: "APPROVE_REQUEST",
    Decision.APPROVE_REPLACEMENT: "APPROVE_REQUEST",
    Decision.APPROVE_EXCHANGE: "APPROVE_REQUEST",
    Decision.REJECT_REFUND: "REJECT_REQUEST",
    Decision.REJECT_RETURN: "REJECT_REQUEST",
    Decision.REJECT_REPLACEMENT: "REJECT_REQUEST",
    Decision.REJECT_EXCHANGE: "REJECT_REQUEST",
    Decision.REFUND_INSTEAD: "REFUND_INSTEAD",
    Decision.REFUND_EXCHANGE: "REFUND_INSTEAD",
    Decision.OFFER_PARTIAL: "OFFER_PARTIAL_REFUND",
    Decision.ACCEPT_PARCEL: "APPROVE_RETURN_PACKAGE",
    Decision.REFUSE_PARCEL: "REJECT_RETURN_PACKAGE",
    Decision.REFUND_PART: "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG",
}


class Market(NamedTuple):
    """What a region code implies. State of November 2026; the channel's answers name neither."""

    currency: str
    time_zone: str


MARKETS = {
    "US": Market("USD", "America/Los_Angeles"),
    "GB": Market("GBP", "Europe/London"),
    "UK": Market("GBP", "Europe/London"),
    "IE": Market("EUR", "Europe/Dublin"),
    "DE": Market("EUR", "Europe/Berlin"),
    "FR": Market("EUR", "Europe/Paris"),
    "IT": Market("EUR", "Europe/Rome"),
    "ES": Market("EUR", "Europe/Madrid"),
    "ID": Market("IDR", "Asia/Jakarta"),
    "MY": Market("MYR", "Asia/Kuala_Lumpur"),
    "PH": Market("PHP", "Asia/Manila"),
    "SG": Market("SGD", "Asia/Singapore"),
    "TH": Market("THB", "Asia/Bangkok"),
    "VN": Market("VND", "Asia/Ho_Chi_Minh"),
    "JP": Market("JPY", "Asia/Tokyo"),
    "BR": Market("BRL", "America/Sao_Paulo"),
    "MX": Market("MXN", "America/Mexico_City"),
}

# Where the list of carriers has to be asked for from one region to another (since 26 March 2026).
EU_MARKETS = frozenset({"DE", "FR", "IT", "ES", "IE", "AT", "BE", "NL", "PL", "PT"})
