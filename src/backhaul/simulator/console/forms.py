"""From the fields of a form to a call of the control API.

A field is `path` or `path:type`; `lines.0.price:money` puts an amount into `lines[0].price`. Types: `number`, `whole`,
`flag` (a checkbox), `list` (comma-joined, or several fields of the name), `seconds` (as `90`, `15m`, `6h`, `2d`),
`moment` (UTC), `json`; `line` and `set` are a text and a list that may be empty. Other empty fields are not sent.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

_MAY_BE_EMPTY = ("line", "set")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)")


def body(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The JSON body. Raises ValueError with the name of the field that makes no sense."""
    made: dict[str, Any] = {}
    for name, text in fields:
        path, _, kind = name.partition(":")
        if not text.strip() and kind not in _MAY_BE_EMPTY:
            continue
        if "\n" not in text:  # the text of a file keeps its lines
            text = text.strip()
        try:
            value = _value(text, kind)
        except ValueError:
            raise ValueError(f"{path}: {text!r} is not {_WANTED.get(kind, 'understood')}") from None
        _put(made, path.split("."), value, several=kind == "list")
    return {name: _rows(value) for name, value in made.items()}


def _rows(value: Any) -> Any:
    """A list without the rows whose fields are all empty."""
    return [each for each in value if each != {}] if isinstance(value, list) else value


_WANTED = {
    "number": "a number",
    "whole": "a whole number",
    "seconds": "a span of time such as 90s, 15m, 6h or 2d",
    "moment": "a moment such as 2026-11-27 14:30",
    "json": "JSON",
}


def _value(text: str, kind: str) -> Any:
    match kind:
        case "number":
            return float(text)
        case "whole":
            return int(text)
        case "flag":
            return text in ("1", "on", "true")
        case "list" | "set":
            return [part.strip() for part in text.split(",") if part.strip()]
        case "json":
            return json.loads(text)
        case "seconds":
            found = _SPAN.fullmatch(text)
            if found is None:
                raise ValueError(text)
            return float(found.group(1)) * _UNITS[found.group(2)]
        case "moment":
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    return text


def _put(made: Any, path: list[str], value: Any, *, several: bool) -> None:
    for key, following in itertools.pairwise(path):
        made = _step(made, key, [] if following.isdigit() else {})
    last = path[-1]
    if several and last in made:
        made[last] += value
    else:
        made[last] = value


def _step(made: Any, key: str, empty: Any) -> Any:
    if isinstance(made, dict):
        return made.setdefault(key, empty)
    while len(made) <= int(key):
        made.append({})
    return made[int(key)]
