"""The documents we send, one file an operation, loaded once.

An operation is sent with the fragments it uses and nothing else, in one line.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec


class Operation(msgspec.Struct, frozen=True):
    """A document. ``name`` is the operation's name in it; ``write`` tells a mutation."""

    file: str
    name: str
    text: str
    write: bool


@cache
def operation(file: str) -> Operation:
    """The operation of a file of this folder, by its name without the ending."""
    text = _squeezed(file)
    head = re.match(r"(query|mutation) (\w+)", text)
    if head is None:
        raise ValueError(f"{file}.graphql does not begin with a named operation")
    used: dict[str, None] = {}
    _collect(text, used)
    return Operation(file, head[2], " ".join([text, *(_fragments()[name] for name in used)]), head[1] == "mutation")


def _collect(text: str, used: dict[str, None]) -> None:
    for name in re.findall(r"\.\.\.(\w+)", text):  # an inline fragment has a space before its type
        if name not in used:
            used[name] = None
            _collect(_fragments()[name], used)


@cache
def _fragments() -> dict[str, str]:
    parts = re.split(r"\s*(?=\bfragment \w+ on )", _squeezed("fragments"))
    return {part.split()[1]: part for part in parts if part}


def _squeezed(file: str) -> str:
    text = files(__package__).joinpath(f"{file}.graphql").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return " ".join(" ".join(lines).split())
