"""A day's moods as a file.

seed = 7                    # of the mix; any text or number

[[moods]]                   # rules that are always part of the day
kind = "rate_limit"
vendor = "shopify"          # all vendors when left out
endpoint = "refund*"        # everywhere when left out
probability = 0.25          # always when left out
times = 3                   # for ever when left out
params = { retry_after = 2 }

[mix]                       # kind = how likely it is part of the day; how often it then strikes is drawn too
error_after = 0.5
webhook_lost = 1.0
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backhaul.simulator.files import Table, read_text, read_toml
from backhaul.simulator.moods import KINDS, VENDORS, Mood, Moods

_KEYS = ("kind", "vendor", "endpoint", "probability", "times", "params")
_PARAMS = {"seconds": (0.0, 1e9), "retry_after": (0.0, 86400.0), "copies": (1.0, 100.0)}


def read(path: Path) -> list[Mood]:
    """The moods of a file. Raises FileMistake with file, line and what was expected."""
    return _moods(read_toml(path))


def parse(text: str, name: str) -> list[Mood]:
    """The same from the text of a file."""
    return _moods(read_text(text, name))


def one(values: Mapping[str, Any]) -> Mood:
    """A mood that comes in no file: its fields, None where nothing is said. Raises FileMistake without a line."""
    said = {key: value for key, value in values.items() if value is not None}
    return _mood(Table("mood", said, (), {(): 0}))


def _moods(table: Table) -> list[Mood]:
    table.only(("seed", "moods", "mix"))
    found = [_mood(each) for each in table.tables("moods")]
    if "mix" in table:
        mix = table.table("mix")
        mix.only(KINDS)
        chances = {kind: mix.number(kind, low=0, high=1) for kind in mix.values}
        found += Moods.mix(_seed(table), chances)
    elif "seed" in table:
        found += Moods.mix(_seed(table))
    if not found and "mix" not in table:
        table.fail(None, "expected at least one [[moods]], a [mix] or a seed")
    return found


def _seed(table: Table) -> int | str:
    value = table.values.get("seed", 1)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        table.fail("seed", f"expected a whole number or a text for 'seed', found {value!r}")
    return value


def _mood(table: Table) -> Mood:
    table.only(_KEYS)
    kind = table.text("kind", among=tuple(KINDS))
    vendor = table.text("vendor", "*", among=("*", *VENDORS))
    if vendor != "*" and vendor not in KINDS[kind]:
        known = ", ".join(each for each in VENDORS if each in KINDS[kind])
        table.fail("vendor", f"expected one of {known} for 'vendor', as {kind} does not happen at {vendor}")
    return Mood(
        kind,
        vendor,
        table.text("endpoint", "*"),
        table.number("probability", 1.0, low=0, high=1),
        table.whole("times", None, low=1),
        _params(table.table("params", {})),
    )


def _params(table: Table) -> dict[str, object]:
    table.only((*_PARAMS, "deep", "fields"))
    values: dict[str, object] = {
        name: table.number(name, low=low, high=high) for name, (low, high) in _PARAMS.items() if name in table
    }
    if "deep" in table:
        values["deep"] = table.flag("deep")
    if "fields" in table:
        values["fields"] = table.texts("fields")
    return values
