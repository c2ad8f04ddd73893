"""Pure: what an inspector's words in Loop mean to us. A merchant may write others; those mean nothing and are kept."""

from __future__ import annotations

import re

from backhaul.domain.words import Condition, Disposition

_BLANKS = re.compile(r"[^a-z]+")

# Loop's own list is nowhere published: these are the words its warehouse guides use, and plain ones for the same.
CONDITIONS = {
    "sellable": Condition.SELLABLE,
    "new": Condition.SELLABLE,
    "like new": Condition.SELLABLE,
    "good": Condition.SELLABLE,
    "damaged": Condition.DAMAGED,
    "defective": Condition.DAMAGED,
    "used": Condition.DAMAGED,
    "worn": Condition.DAMAGED,
    "unsellable": Condition.DAMAGED,
    "wrong item": Condition.WRONG_ITEM,
    "incorrect item": Condition.WRONG_ITEM,
    "missing": Condition.MISSING,
    "not received": Condition.MISSING,
}
DISPOSITIONS = {
    "restock": Disposition.RESTOCK,
    "restocked": Disposition.RESTOCK,
    "return to stock": Disposition.RESTOCK,
    "donate": Disposition.NOT_RESTOCKED,
    "discard": Disposition.NOT_RESTOCKED,
    "dispose": Disposition.NOT_RESTOCKED,
    "return to buyer": Disposition.NOT_RESTOCKED,
    "missing": Disposition.MISSING,
}


def condition(word: str) -> Condition | None:
    """What the inspector found; None for a word that means nothing to us."""
    return CONDITIONS.get(_plain(word))


def disposition(word: str) -> Disposition | None:
    """What becomes of the unit; None for a word that means nothing to us."""
    return DISPOSITIONS.get(_plain(word))


def _plain(word: str) -> str:
    return " ".join(_BLANKS.split(word.lower())).strip()
