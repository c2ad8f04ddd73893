"""Reads the simulator's own files (TOML: moods, scenarios), so that a mistake names its file, its line and what was
expected there.

`read_toml` gives a Table. Every table knows its place in the file; its readers (`text`, `number`, `flag`, `table`,
`tables`, ...) say what is wrong by raising FileMistake, and so does `fail` for what only the caller can judge.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from backhaul.kit.toml import Place, lines_of

_SYNTAX = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)\s*$")
_REQUIRED: Any = object()


class FileMistake(ValueError):
    """A file says something that makes no sense. `line` counts from 1; 0 when it is about the file as a whole."""

    def __init__(self, path: str, line: int, text: str) -> None:
        super().__init__(path, line, text)
        self.path, self.line, self.text = path, line, text

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file: its values, and where they stand."""

    path: str
    values: Mapping[str, Any]
    place: Place
    lines: Mapping[Place, int]

    @property
    def line(self) -> int:
        """The line on which the table begins."""
        return self._line(self.place)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def line_of(self, *keys: str | int) -> int:
        """The line of a key, or of an item of a list; of the nearest table around it when it is not there."""
        return self._line((*self.place, *keys))

    def fail(self, key: str | Place | None, text: str) -> NoReturn:
        """Raises FileMistake at this key (or path of keys and indexes), or at the table itself."""
        keys: Place = () if key is None else (key,) if isinstance(key, str) else key
        raise FileMistake(self.path, self.line_of(*keys), text)

    def only(self, keys: Collection[str]) -> None:
        """Refuses every key that is not among these."""
        for key in self.values:
            if key not in keys:
                self.fail(key, f"unknown key {key!r}; expected one of {', '.join(sorted(keys))}")

    def text(self, key: str, default: str | None = _REQUIRED, *, among: Collection[str] = ()) -> Any:
        """A text, not empty; with `among` one of these words."""
        wanted = f"one of {', '.join(sorted(among))}" if among else "a text"
        value = self._get(key, default, wanted)
        if key in self.values and (not isinstance(value, str) or not value.strip() or (among and value not in among)):
            self._wrong(key, wanted)
        return value

    def number(
        self, key: str, default: float | None = _REQUIRED, *, low: float = float("-inf"), high: float = float("inf")
    ) -> Any:
        """A number between two bounds."""
        return self._counted(key, default, "a number", (int, float), low, high)

    def whole(
        self, key: str, default: int | None = _REQUIRED, *, low: float = float("-inf"), high: float = float("inf")
    ) -> Any:
        """A whole number between two bounds."""
        return self._counted(key, default, "a whole number", (int,), low, high)

    def flag(self, key: str, default: bool | None = _REQUIRED) -> Any:
        """True or false."""
        value = self._get(key, default, "true or false")
        if key in self.values and not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value

    def texts(self, key: str, default: Iterable[str] = _REQUIRED, *, among: Collection[str] = ()) -> list[str]:
        """A list of texts, each one of `among` when that is given."""
        wanted = "a list of texts"
        value = self._get(key, default, wanted)
        if key in self.values:
            if not isinstance(value, list):
                self._wrong(key, wanted)
            for index, each in enumerate(value):
                if not isinstance(each, str) or (among and each not in among):
                    choices = f"one of {', '.join(sorted(among))}" if among else "a text"
                    self.fail((key, index), f"expected {choices} in {key!r}, found {each!r}")
        return list(value)

    def table(self, key: str, default: Mapping[str, Any] | None = _REQUIRED) -> Table:
        """A table within this one."""
        value = self._get(key, default, "a table")
        if not isinstance(value, Mapping):
            self._wrong(key, "a table")
        return Table(self.path, value, (*self.place, key), self.lines)

    def tables(self, key: str) -> list[Table]:
        """The tables of a list; none when the key is not there."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self._wrong(key, f"tables, each under [[{key}]]")
        return [Table(self.path, each, (*self.place, key, index), self.lines) for index, each in enumerate(value)]

    def _counted(self, key: str, default: Any, kind: str, types: tuple[type, ...], low: float, high: float) -> Any:
        wanted = kind
        if low > float("-inf") and high < float("inf"):
            wanted = f"{kind} from {low:g} to {high:g}"
        elif low > float("-inf"):
            wanted = f"{kind} of {low:g} or more"
        value = self._get(key, default, wanted)
        fits = isinstance(value, types) and not isinstance(value, bool)
        # Written so that NaN, which compares with nothing, is refused too.
        if key in self.values and not (fits and low <= value <= high):
            self._wrong(key, wanted)
        return value

    def _get(self, key: str, default: Any, wanted: str) -> Any:
        if key in self.values:
            return self.values[key]
        if default is _REQUIRED:
            self.fail(None, f"{key!r} is missing; expected {wanted}")
        return default

    def _wrong(self, key: str, wanted: str) -> NoReturn:
        self.fail(key, f"expected {wanted} for {key!r}, found {self.values[key]!r}")

    def _line(self, place: Place) -> int:
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_toml(path: Path) -> Table:
    """The file as a table. Raises FileMistake when it cannot be read or is no TOML."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileMistake(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise FileMistake(str(path), raw.count(b"\n", 0, error.start) + 1, "expected text in UTF-8") from None
    return read_text(text, str(path))


def read_text(text: str, name: str) -> Table:
    """The same from a text that has been read already; `name` stands for the file in complaints."""
    text = text.replace("\r\n", "\n")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.search(str(error))
        line = int(found.group(1)) if found and found.group(1) else text.count("\n") + 1
        raise FileMistake(name, line, f"expected TOML: {_SYNTAX.sub('', str(error))}") from None
    return Table(name, values, (), lines_of(text))
