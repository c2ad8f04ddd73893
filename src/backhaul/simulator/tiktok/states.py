"""The after-sales state tables: which cause moves a case of which type from where to where."""

from __future__ import annotations

from backhaul.simulator.tiktok import model as m

REFUND = "REFUND"
RETURN = "RETURN_AND_REFUND"
REPLACEMENT = "REPLACEMENT"
EXCHANGE = "EXCHANGE"
TYPES = (REFUND, RETURN, REPLACEMENT, EXCHANGE)
FIRST = {REPLACEMENT: m.REPLACEMENT_PENDING, EXCHANGE: m.EXCHANGE_PENDING}

MOVES: dict[str, dict[tuple[str, str], str]] = {
    "approve": {
        (REFUND, m.PENDING): m.SUCCESS,
        (RETURN, m.PENDING): m.AWAITING_SHIP,
        (REPLACEMENT, m.REPLACEMENT_PENDING): m.REPLACEMENT_COMPLETE,
        (EXCHANGE, m.EXCHANGE_PENDING): m.EXCHANGE_COMPLETE,
    },
    "keep_item": {(RETURN, m.PENDING): m.SUCCESS},
    "reject": {
        (REFUND, m.PENDING): m.REJECTED,
        (RETURN, m.PENDING): m.REJECTED,
        (REPLACEMENT, m.REPLACEMENT_PENDING): m.REPLACEMENT_REJECTED,
        (EXCHANGE, m.EXCHANGE_PENDING): m.EXCHANGE_CANCELLED,
    },
    "refund_instead": {
        (REPLACEMENT, m.REPLACEMENT_PENDING): m.REPLACEMENT_REFUNDED,
        (EXCHANGE, m.EXCHANGE_PENDING): m.EXCHANGE_REFUNDED,
    },
    "withdraw": {
        (REFUND, m.PENDING): m.CANCELLED,
        (RETURN, m.PENDING): m.CANCELLED,
        (RETURN, m.AWAITING_SHIP): m.CANCELLED,
        (REPLACEMENT, m.REPLACEMENT_PENDING): m.REPLACEMENT_CANCELLED,
        (EXCHANGE, m.EXCHANGE_PENDING): m.EXCHANGE_CANCELLED,
    },
    "offer": {(REFUND, m.PENDING): m.AWAITING_RESPONSE, (RETURN, m.PENDING): m.AWAITING_RESPONSE},
    "offer_accepted": {(REFUND, m.AWAITING_RESPONSE): m.SUCCESS, (RETURN, m.AWAITING_RESPONSE): m.SUCCESS},
    "offer_refused": {(REFUND, m.AWAITING_RESPONSE): m.PENDING, (RETURN, m.AWAITING_RESPONSE): m.PENDING},
    "buyer_shipped": {(RETURN, m.AWAITING_SHIP): m.SHIPPED},
    "not_shipped": {(RETURN, m.AWAITING_SHIP): m.CANCELLED},
    "quick_refund": {(RETURN, m.AWAITING_SHIP): m.SUCCESS, (RETURN, m.SHIPPED): m.SUCCESS},
    "goods_accepted": {(RETURN, m.SHIPPED): m.SUCCESS},
    "goods_rejected": {(RETURN, m.SHIPPED): m.PARCEL_REJECTED},
    "arbitration_buyer": {
        (REFUND, m.REJECTED): m.SUCCESS,
        (RETURN, m.REJECTED): m.AWAITING_SHIP,
        (RETURN, m.PARCEL_REJECTED): m.SUCCESS,
        (REPLACEMENT, m.REPLACEMENT_REJECTED): m.REPLACEMENT_COMPLETE,
    },
    "arbitration_refund": {(REPLACEMENT, m.REPLACEMENT_REJECTED): m.REPLACEMENT_REFUNDED},
    "arbitration_seller": {
        (REFUND, m.REJECTED): m.CANCELLED,
        (RETURN, m.REJECTED): m.CANCELLED,
        (RETURN, m.PARCEL_REJECTED): m.CANCELLED,
        (REPLACEMENT, m.REPLACEMENT_REJECTED): m.REPLACEMENT_CANCELLED,
    },
    "no_dispute": {
        (REFUND, m.REJECTED): m.CANCELLED,
        (RETURN, m.REJECTED): m.CANCELLED,
        (RETURN, m.PARCEL_REJECTED): m.CANCELLED,
    },
    "paid": {(REFUND, m.SUCCESS): m.COMPLETE, (RETURN, m.SUCCESS): m.COMPLETE},
}
STATUSES = frozenset({m.PENDING, *FIRST.values(), *(to for moves in MOVES.values() for to in moves.values())})


class IllegalMove(ValueError):
    """The state table has no such move."""


def target(cause: str, kind: str, status: str) -> str:
    """Where a cause takes a case. Raises IllegalMove when the table has no such move."""
    try:
        return MOVES[cause][(kind, status)]
    except KeyError:
        raise IllegalMove(f"{cause} does not apply to {kind} in {status}") from None


def allows(cause: str, kind: str, status: str) -> bool:
    """Whether the table has such a move."""
    return (kind, status) in MOVES[cause]
