"""What the standard library, which reads TOML, does not do: writing it, and telling on which line something stands."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

Place = tuple[str | int, ...]  # the keys and indexes on the way to a value

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def write(values: Mapping[str, Any]) -> str:
    """The text of a table of texts, whole numbers, booleans, lists of these, tables and lists of tables."""
    return "\n".join(_table(values, ())).strip() + "\n"


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_key(name)} = {_value(value)}" for name, value in values.items() if not _nested(value)]
    for name, value in values.items():
        below = (*path, name)
        heading = ".".join(_key(part) for part in below)
        if isinstance(value, Mapping):
            lines += ["", f"[{heading}]", *_table(value, below)]
        elif _nested(value):
            for each in value:
                lines += ["", f"[[{heading}]]", *_table(each, below)]
    return lines


def _nested(value: Any) -> bool:
    listed = isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping) or listed


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def lines_of(text: str) -> dict[Place, int]:
    """The line, counted from 1, of every key, list item and table of a text that tomllib has accepted."""
    return _Lines(text.replace("\r\n", "\n")).of_all()


class _Lines:
    """A walk through a valid text. It need not judge: tomllib has done so."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)
        self._found: dict[Place, int] = {(): 1}
        self._lists: dict[Place, int] = {}

    def of_all(self) -> dict[Place, int]:
        table: Place = ()
        self._blank()
        while self._at < len(self._text):
            line = self._line()
            if self._text[self._at] == "[":
                table = self._heading(line)
            else:
                self._pair(table)
            self._blank()
        return self._found

    def _heading(self, line: int) -> Place:
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        keys = self._keys()
        self._at = self._text.index("]", self._at) + (2 if is_list else 1)
        place: Place = ()
        for number, key in enumerate(keys):
            place = (*place, key)
            if is_list and number == len(keys) - 1:
                self._lists[place] = self._lists.get(place, -1) + 1
            self._found.setdefault(place, line)
            if place in self._lists:
                place = (*place, self._lists[place])
        self._found[place] = line
        return place

    def _pair(self, table: Place) -> None:
        line, place = self._line(), table
        for key in self._keys():
            place = (*place, key)
            self._found.setdefault(place, line)
        self._at = self._text.index("=", self._at) + 1
        self._value(place)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._spaces()
            if self._text[self._at] in "\"'":
                start = self._at
                self._quoted()
                keys.append(str(next(iter(tomllib.loads(f"{self._text[start : self._at]} = 1")))))
            else:
                found = re.compile(r"[A-Za-z0-9_-]+").match(self._text, self._at)
                assert found is not None
                keys.append(found.group())
                self._at = found.end()
            self._spaces()
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, place: Place) -> None:
        self._spaces()
        first = self._text[self._at]
        if first in "\"'":
            self._quoted()
        elif first in "[{":
            self._nested(place, "]" if first == "[" else "}")
        else:
            found = re.compile(r"[^,\]}#\n]*").match(self._text, self._at)
            assert found is not None
            self._at = found.end()

    def _nested(self, place: Place, end: str) -> None:
        self._at += 1
        index = 0
        self._blank()
        while self._text[self._at] != end:
            if end == "]":
                self._found[(*place, index)] = self._line()
                self._value((*place, index))
                index += 1
            else:
                self._pair(place)
            self._blank()
            if self._text[self._at] == ",":
                self._at += 1
                self._blank()
        self._at += 1

    def _quoted(self) -> None:
        quote = self._text[self._at]
        mark = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        escaped = r"(?:\\.|(?!%s).)*" if quote == '"' else r"(?:(?!%s).)*"
        # Up to two more quotes may stand right before the closing three.
        closing = mark + quote + "{0,2}" if len(mark) == 3 else mark
        found = re.compile(mark + escaped % mark + closing, re.DOTALL).match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _spaces(self) -> None:
        while self._text.startswith((" ", "\t"), self._at):
            self._at += 1

    def _blank(self) -> None:
        found = re.compile(r"(?:[ \t\n]|#[^\n]*)*").match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _line(self) -> int:
        at, line = self._counted
        self._counted = (self._at, line + self._text.count("\n", at, self._at))
        return self._counted[1]
