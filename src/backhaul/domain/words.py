"""The field's words, neutral of any vendor. A vendor's own word is always kept beside them."""

from __future__ import annotations

from enum import StrEnum


class Party(StrEnum):
    """Who may change a return, and whom we read."""

    CHANNEL = "channel"
    COMMERCE = "commerce"
    DESK = "desk"
    CARRIER = "carrier"
    WAREHOUSE = "warehouse"


class Kind(StrEnum):
    """What the buyer (or seller) asked for."""

    RETURN = "return"  # goods come back, money goes out
    REFUND = "refund"  # money without goods
    REPLACEMENT = "replacement"
    EXCHANGE = "exchange"
    CANCELLATION = "cancellation"
    UNKNOWN = "unknown"


# New goods go to the buyer in a new order; no money does.
RESHIPPED = frozenset({Kind.REPLACEMENT, Kind.EXCHANGE})


class Stage(StrEnum):
    """Where the channel says the case stands."""

    REQUESTED = "requested"  # waits for an answer
    OFFERED = "offered"  # waits for the buyer's answer to a partial refund
    AWAITING_SHIPMENT = "awaiting_shipment"  # approved, the buyer is to send the goods
    SHIPPED = "shipped"
    REQUEST_REJECTED = "request_rejected"  # not an end: the buyer may dispute
    PARCEL_REJECTED = "parcel_rejected"  # likewise
    ACCEPTED = "accepted"  # the channel will pay
    COMPLETED = "completed"  # the channel has paid, or the replacement is made
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # a word we do not know: shown, never final


ENDED = frozenset({Stage.COMPLETED, Stage.CANCELLED})
APPROVED = frozenset({Stage.AWAITING_SHIPMENT, Stage.SHIPPED, Stage.ACCEPTED, Stage.COMPLETED})


class Action(StrEnum):
    """What the channel waits for the seller to do."""

    ANSWER_REFUND = "answer_refund"
    ANSWER_RETURN = "answer_return"
    JUDGE_PARCEL = "judge_parcel"
    ANSWER_REPLACEMENT = "answer_replacement"
    ANSWER_EXCHANGE = "answer_exchange"
    ANSWER_CANCELLATION = "answer_cancellation"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    """An answer to the channel."""

    APPROVE_REFUND = "approve_refund"
    REJECT_REFUND = "reject_refund"
    APPROVE_RETURN = "approve_return"
    REJECT_RETURN = "reject_return"
    KEEP_ITEM = "keep_item"  # refund, the buyer keeps the goods
    ACCEPT_PARCEL = "accept_parcel"
    REFUSE_PARCEL = "refuse_parcel"
    BY_UNIT = "by_unit"  # each unit gets one of the answers around this one
    REFUND_PART = "refund_part"  # the parcel is taken, and a part of the refund paid
    OFFER_PARTIAL = "offer_partial"
    APPROVE_REPLACEMENT = "approve_replacement"
    REFUND_INSTEAD = "refund_instead"
    REJECT_REPLACEMENT = "reject_replacement"
    APPROVE_EXCHANGE = "approve_exchange"
    REFUND_EXCHANGE = "refund_exchange"  # money instead of the exchange
    REJECT_EXCHANGE = "reject_exchange"
    APPROVE_CANCELLATION = "approve_cancellation"
    REJECT_CANCELLATION = "reject_cancellation"


REJECTIONS = frozenset(
    {
        Decision.REJECT_REFUND,
        Decision.REJECT_RETURN,
        Decision.REFUSE_PARCEL,
        Decision.REJECT_REPLACEMENT,
        Decision.REJECT_EXCHANGE,
        Decision.REJECT_CANCELLATION,
    }
)

# Answers whose words the channel has not published: sent only when the channel itself names them for this very case.
INFERRED = frozenset(
    {
        Decision.APPROVE_EXCHANGE,
        Decision.REFUND_EXCHANGE,
        Decision.REJECT_EXCHANGE,
        Decision.REFUND_PART,
        Decision.BY_UNIT,
    }
)

# Answers that carry an amount.
WITH_AMOUNT = frozenset({Decision.OFFER_PARTIAL, Decision.REFUND_PART})

# Money in place of what the buyer asked for.
INSTEAD = {
    Decision.APPROVE_REPLACEMENT: Decision.REFUND_INSTEAD,
    Decision.APPROVE_EXCHANGE: Decision.REFUND_EXCHANGE,
}

# Which answers fit which question, the usual one first. What is not here is answered in the channel's console.
ANSWERS: dict[Action, tuple[Decision, ...]] = {
    Action.ANSWER_REFUND: (
        Decision.APPROVE_REFUND,
        Decision.OFFER_PARTIAL,
        Decision.BY_UNIT,
        Decision.REJECT_REFUND,
    ),
    Action.ANSWER_RETURN: (
        Decision.APPROVE_RETURN,
        Decision.KEEP_ITEM,
        Decision.OFFER_PARTIAL,
        Decision.BY_UNIT,
        Decision.REJECT_RETURN,
    ),
    Action.JUDGE_PARCEL: (
        Decision.ACCEPT_PARCEL,
        Decision.BY_UNIT,
        Decision.REFUND_PART,
        Decision.REFUSE_PARCEL,
    ),
    Action.ANSWER_REPLACEMENT: (
        Decision.APPROVE_REPLACEMENT,
        Decision.REFUND_INSTEAD,
        Decision.BY_UNIT,
        Decision.REJECT_REPLACEMENT,
    ),
    Action.ANSWER_EXCHANGE: (
        Decision.APPROVE_EXCHANGE,
        Decision.REFUND_EXCHANGE,
        Decision.BY_UNIT,
        Decision.REJECT_EXCHANGE,
    ),
    Action.ANSWER_CANCELLATION: (Decision.APPROVE_CANCELLATION, Decision.REJECT_CANCELLATION),
}

# What a read of the channel shows once a decision has taken effect. COMPLETED and ACCEPTED may follow at once.
LEADS_TO: dict[Decision, frozenset[Stage]] = {
    Decision.APPROVE_REFUND: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REJECT_REFUND: frozenset({Stage.REQUEST_REJECTED}),
    Decision.APPROVE_RETURN: frozenset({Stage.AWAITING_SHIPMENT, Stage.SHIPPED, Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REJECT_RETURN: frozenset({Stage.REQUEST_REJECTED}),
    Decision.KEEP_ITEM: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.ACCEPT_PARCEL: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REFUSE_PARCEL: frozenset({Stage.PARCEL_REJECTED}),
    Decision.REFUND_PART: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.OFFER_PARTIAL: frozenset({Stage.OFFERED, Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.APPROVE_REPLACEMENT: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REFUND_INSTEAD: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REJECT_REPLACEMENT: frozenset({Stage.REQUEST_REJECTED}),
    Decision.APPROVE_EXCHANGE: frozenset(
        {Stage.AWAITING_SHIPMENT, Stage.SHIPPED, Stage.ACCEPTED, Stage.COMPLETED},
    ),
    Decision.REFUND_EXCHANGE: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    Decision.REJECT_EXCHANGE: frozenset({Stage.REQUEST_REJECTED, Stage.CANCELLED}),  # no word for it has been seen
    Decision.APPROVE_CANCELLATION: frozenset({Stage.ACCEPTED, Stage.COMPLETED}),
    # A cancellation that was refused looks like one that the buyer withdrew: the order goes on either way.
    Decision.REJECT_CANCELLATION: frozenset({Stage.CANCELLED, Stage.REQUEST_REJECTED}),
}


class Actor(StrEnum):
    """Who started or decided something on the channel."""

    BUYER = "buyer"
    SELLER = "seller"
    PLATFORM = "platform"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class ShippedBy(StrEnum):
    """Who arranges the way back of the goods."""

    CHANNEL = "channel"  # the channel makes the label
    SELLER = "seller"  # we upload the label
    BUYER = "buyer"  # the buyer enters a tracking number
    UNKNOWN = "unknown"


class Document(StrEnum):
    """What the buyer shows at the counter."""

    LABEL = "label"
    QR_CODE = "qr_code"
    QR_CODE_NO_BOX = "qr_code_no_box"
    NONE = "none"
    UNKNOWN = "unknown"


class Disposition(StrEnum):
    """What becomes of a unit that came back. Only an inspection or the end of the wait for one sets it."""

    RESTOCK = "restock"
    NOT_RESTOCKED = "not_restocked"
    MISSING = "missing"


class Condition(StrEnum):
    """What the inspector found."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    INCOMPLETE = "incomplete"  # parts of it are missing
    NOT_ELIGIBLE = "not_eligible"  # fine, but not to be returned
    MISSING = "missing"
