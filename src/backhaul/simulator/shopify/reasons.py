"""Return reasons: the numbered definitions that all shops share, and the older enum words."""

from __future__ import annotations

from dataclasses import dataclass

from .ids import gid


@dataclass(slots=True, frozen=True)
class ReasonDefinition:
    number: int
    handle: str
    name: str
    deleted: bool = False

    KIND = "ReturnReasonDefinition"

    @property
    def id(self) -> str:
        return gid("ReturnReasonDefinition", self.number)


_HANDLES = {
    1: "unknown",
    2: "changed-my-mind",
    3: "item-not-as-described",
    4: "received-the-wrong-item",
    5: "other-reason",
    6: "damaged-or-defective",
    7: "too-small",
    8: "too-big",
    9: "style",
    10: "color",
    24: "arrived-late",
    60: "condition",
    220: "size",
    308: "breaks-easily",
    329: "damaged-packaging",
    339: "duplicate-order",
}
DEFINITIONS = {
    number: ReasonDefinition(number, handle, handle.replace("-", " ").capitalize())
    for number, handle in _HANDLES.items()
}
BY_WORD = {
    "UNKNOWN": 1,
    "UNWANTED": 2,
    "NOT_AS_DESCRIBED": 3,
    "WRONG_ITEM": 4,
    "OTHER": 5,
    "DEFECTIVE": 6,
    "SIZE_TOO_SMALL": 7,
    "SIZE_TOO_LARGE": 8,
    "STYLE": 9,
    "COLOR": 10,
}
_WORDS = {number: word for word, number in BY_WORD.items()}


def word_of(definition: ReasonDefinition | None) -> str:
    """The older enum word of a definition; what has none is OTHER."""
    if definition is None:
        return "UNKNOWN"
    return _WORDS.get(definition.number, "OTHER")
