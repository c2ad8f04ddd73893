"""Whether a value that comes from outside (a script, a form, a file) is of the kind of a setting."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any


def checked(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for fields of a dataclass. Raises ValueError for an unknown name and for a value of another kind than the
    field's default."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__.lower()} must be an object, not {values!r}")
    known = {each.name: each for each in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"unknown {kind.__name__.lower()}: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    found: dict[str, Any] = {}
    for name, value in values.items():
        usual, may_be_none = known[name].default, "None" in str(known[name].type)
        free = usual is MISSING or usual is None  # nothing to compare with: the class judges for itself
        found[name] = value if free or (value is None and may_be_none) else fitting(name, value, usual)
    return found


def fitting(name: str, value: Any, usual: Any) -> Any:
    """The value as the kind of the usual one; a list becomes a tuple of texts. Raises ValueError."""
    if isinstance(usual, tuple):
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} must be a list of texts, not {value!r}")
        return tuple(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(usual, float) and is_number and abs(value) <= sys.float_info.max:
        return float(value)
    if type(value) is not type(usual):
        raise ValueError(f"{name} must be {_WORDS[type(usual)]}, not {value!r}")
    return value


_WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
