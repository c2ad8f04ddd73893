"""The generated part of the scenarios' reference page: who can do what, the rows, and the stories that are there.

`python -m backhaul.simulator.scenario.page docs/reference/scenarios.md` writes it anew.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from backhaul.simulator.scenario.reading import read_all
from backhaul.simulator.scenario.rows import ROWS
from backhaul.simulator.scenario.vocabulary import ACTS

BEGIN = "<!-- generated from here on -->"


def generated() -> str:
    """Everything below the mark."""
    return "\n".join((BEGIN, "", *_acts(), *_rows(), *_stories(), ""))


def _acts() -> Iterator[str]:
    yield "## Who can do what"
    yield ""
    yield "| by | do | |"
    yield "| --- | --- | --- |"
    for (by, do), (says, fields) in ACTS.items():
        told = [
            f"`{name}`{'' if field.needed else ' (may be left out)'}: {field.says}"
            + (f" ({', '.join(field.choices)})" if field.choices else "")
            for name, field in fields.items()
        ]
        yield f"| {by} | `{do}` | {'. '.join([says, *told])} |"
    yield ""


def _rows() -> Iterator[str]:
    covered: dict[str, list[str]] = defaultdict(list)
    for scenario in read_all():
        for row in scenario.covers:
            covered[row].append(scenario.name)
    yield "## Rows of the state tables"
    yield ""
    yield "| Row | Played by |"
    yield "| --- | --- |"
    for row in ROWS:
        yield f"| {row} | {', '.join(covered[row])} |"
    yield ""


def _stories() -> Iterator[str]:
    yield "## The stories"
    yield ""
    yield "| Name | Story |"
    yield "| --- | --- |"
    for scenario in read_all():
        yield f"| `{scenario.name}` | **{scenario.title}.** {scenario.story} |"


def main() -> None:
    """Writes the generated part of a page anew."""
    page = Path(sys.argv[1])
    head = page.read_text(encoding="utf-8").partition(BEGIN)[0]
    page.write_text(head + generated(), encoding="utf-8")


if __name__ == "__main__":
    main()
