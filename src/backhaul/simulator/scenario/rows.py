"""The rows of the channel's state tables, as scenarios name them in `covers`: which table, from where to where, by what
cause. A story that names a row has to pass through it; a test looks into the books."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import states

SEED = re.compile(r"(LOOP|PIPE|REDO|CED|RITH)-\d+$")  # a requirement's id, where a story plays a guide's test step
NEW = "new"

_WORDS = {
    "PENDING": m.PENDING,
    "REJECT": m.REJECTED,
    "AWAITING_SHIP": m.AWAITING_SHIP,
    "SHIPPED": m.SHIPPED,
    "PARCEL_REJECTED": m.PARCEL_REJECTED,
    "SUCCESS": m.SUCCESS,
    "CANCEL": m.CANCELLED,
    "COMPLETE": m.COMPLETE,
    "AWAITING_RESPONSE": m.AWAITING_RESPONSE,
}
_REPLACEMENT = {
    "PENDING": m.REPLACEMENT_PENDING,
    "REJECT": m.REPLACEMENT_REJECTED,
    "REFUND_SUCCESS": m.REPLACEMENT_REFUNDED,
    "CANCEL": m.REPLACEMENT_CANCELLED,
    "COMPLETE": m.REPLACEMENT_COMPLETE,
}
_EXCHANGE = {
    "PENDING": m.EXCHANGE_PENDING,
    "REFUND_SUCCESS": m.EXCHANGE_REFUNDED,
    "CANCEL": m.EXCHANGE_CANCELLED,
    "COMPLETE": m.EXCHANGE_COMPLETE,
}
_CANCELLATION = {
    "PENDING": m.CANCEL_PENDING,
    "SUCCESS": m.CANCEL_SUCCESS,
    "CANCELLED": m.CANCEL_CANCELLED,
    "COMPLETE": m.CANCEL_COMPLETE,
}
TABLES: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "6.1": (
        states.REFUND,
        _WORDS,
        """
        new->PENDING; PENDING->SUCCESS seller; PENDING->SUCCESS clock; PENDING->REJECT; PENDING->CANCEL;
        PENDING->AWAITING_RESPONSE; AWAITING_RESPONSE->SUCCESS; AWAITING_RESPONSE->PENDING; REJECT->SUCCESS;
        REJECT->CANCEL silence; REJECT->CANCEL arbitration; SUCCESS->COMPLETE
        """,
    ),
    "6.2": (
        states.RETURN,
        _WORDS,
        """
        new->PENDING; PENDING->AWAITING_SHIP seller; PENDING->AWAITING_SHIP clock; PENDING->AWAITING_SHIP platform;
        PENDING->SUCCESS keep; PENDING->REJECT; PENDING->CANCEL; PENDING->AWAITING_RESPONSE;
        AWAITING_RESPONSE->SUCCESS; AWAITING_RESPONSE->PENDING; AWAITING_SHIP->SHIPPED scan;
        AWAITING_SHIP->SHIPPED tracking; AWAITING_SHIP->CANCEL not shipped; AWAITING_SHIP->CANCEL withdrawn;
        AWAITING_SHIP->SUCCESS quick; SHIPPED->SUCCESS quick; SHIPPED->SUCCESS seller; SHIPPED->SUCCESS clock;
        SHIPPED->PARCEL_REJECTED; PARCEL_REJECTED->SUCCESS; PARCEL_REJECTED->CANCEL silence;
        PARCEL_REJECTED->CANCEL arbitration; REJECT->AWAITING_SHIP; REJECT->CANCEL silence;
        REJECT->CANCEL arbitration; SUCCESS->COMPLETE
        """,
    ),
    "6.3 replacement": (
        states.REPLACEMENT,
        _REPLACEMENT,
        """
        new->PENDING; PENDING->COMPLETE seller; PENDING->COMPLETE clock; PENDING->REFUND_SUCCESS; PENDING->REJECT;
        PENDING->CANCEL; REJECT->COMPLETE; REJECT->REFUND_SUCCESS; REJECT->CANCEL
        """,
    ),
    "6.3 exchange": (
        states.EXCHANGE,
        _EXCHANGE,
        "new->PENDING; PENDING->COMPLETE; PENDING->REFUND_SUCCESS; PENDING->CANCEL withdrawn; PENDING->CANCEL seller",
    ),
    "6.3 cancellation": (
        "CANCELLATION",
        _CANCELLATION,
        """
        new->PENDING; new->SUCCESS platform; PENDING->SUCCESS seller; PENDING->SUCCESS clock; SUCCESS->COMPLETE;
        PENDING->CANCELLED withdrawn; PENDING->CANCELLED seller; PENDING->CANCELLED shipped
        """,
    ),
}


def _all() -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for table, (kind, words, rows) in TABLES.items():
        for row in rows.split(";"):
            text = " ".join(row.split())
            before, _, after = text.partition(" ")[0].partition("->")
            found[f"{table} {text}"] = (kind, words.get(before, NEW), words[after])
    return found


# A row's id -> the kind of case, from which status to which.
ROWS: Mapping[str, tuple[str, str, str]] = _all()


def passed(row: str, kind: str, statuses: Sequence[str]) -> bool:
    """Whether a case of this kind that has had these statuses went through a row."""
    wanted, before, after = ROWS[row]
    return kind == wanted and (before, after) in zip((NEW, *statuses), statuses, strict=False)
