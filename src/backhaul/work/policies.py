"""Policies as text that a merchant keeps in a file: TOML or JSON, with a mistake told by its place (in TOML with its
line) and with what was expected there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from backhaul.domain.policy import Policy
from backhaul.domain.rules import Rule, problems
from backhaul.kit import toml

LONGEST = 200_000  # characters of a policy
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_LINE = re.compile(r"\bline (\d+)\b")


class BadPolicy(ValueError):
    """A text that is no policy. The message says where and why; `line` counts from 1, 0 where none is known."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text, line)
        self.text, self.line = text, line

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}" if self.line else self.text


def written(policy: Policy, form: str = "toml") -> str:
    """The policy as text, what stands at its default left out; its number is given by the hub and is no part of it."""
    values = _filled(msgspec.to_builtins(policy))
    values.pop("version", None)
    if form == "json":
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    return toml.write(values)


def written_rules(rules: tuple[Rule, ...]) -> str:
    """The rules alone, as TOML."""
    return toml.write({"rules": msgspec.to_builtins(rules)}) if rules else ""


def read(text: str, form: str = "toml") -> Policy:
    """The policy of a text; what it leaves out is the default. Raises :class:`BadPolicy`."""
    values = _parsed(text, form)
    lines = toml.lines_of(text) if form == "toml" else {}
    try:
        policy = msgspec.convert(values, Policy)
    except msgspec.ValidationError as error:
        place = _place(values, str(error))
        raise BadPolicy(_told(str(error), place), _line(lines, place)) from None
    try:
        return checked(policy)
    except BadPolicy as error:
        raise BadPolicy(error.text, _line(lines, _where(policy, error.text))) from None


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a TOML text that holds nothing else. Raises :class:`BadPolicy`."""
    values = _parsed(text, "toml")
    strange = [name for name in values if name != "rules"]
    if strange:
        line = _line(toml.lines_of(text), (strange[0],))
        raise BadPolicy(f"“{strange[0][:40]}” is no rule: every rule begins with a line [[rules]].", line)
    return read(text).rules


def checked(policy: Policy) -> Policy:
    """The policy, when it makes sense. Raises :class:`BadPolicy`."""
    if policy.last_attempt_s >= policy.lead_s:
        raise BadPolicy("The last attempt has to come after the first.")
    found = problems(policy.rules)
    if found:
        raise BadPolicy(" ".join(found))
    return policy


def _parsed(text: str, form: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise BadPolicy(f"A policy has at most {LONGEST} characters.")
    try:
        values = json.loads(text) if form == "json" else tomllib.loads(text)
    except ValueError as error:
        found = _LINE.search(str(error))
        raise BadPolicy(f"This is no {form.upper()}: {error}.", int(found[1]) if found else 0) from None
    except RecursionError:
        raise BadPolicy(f"This is no {form.upper()} of a policy.") from None
    if not isinstance(values, dict):
        raise BadPolicy("A policy is a table of names and values.")
    return values


def _place(values: Any, text: str) -> toml.Place:
    """Where msgspec found the mistake of which it writes this. It does not name keys of maps: they are found by trying
    each entry alone."""
    what, _, path = text.rpartition(" - at ") if " - at " in text else (text, "", "")
    place: toml.Place = ()
    for name, index in _STEP.findall(path):
        place += (name,) if name else _culprit(values, place) if index == "..." else (int(index),)
    if path.startswith("`key`"):
        place += _culprit(values, place)
    unknown = re.search(r"unknown field `(.+)`$", what)
    return (*place, unknown[1]) if unknown else place


def _culprit(values: Any, place: toml.Place) -> toml.Place:
    """The first entry of the map at this place that is refused."""
    for key, value in _at(values, place).items():
        alone: Any = {key: value}
        for step in reversed(place):  # maps stand in tables only, so no list has to be built anew
            alone = {step: alone}
        try:
            msgspec.convert(alone, Policy)
        except msgspec.ValidationError:
            return (key,)
    return ()


def _at(values: Any, place: toml.Place) -> Any:
    for step in place:
        values = values[step]
    return values


def _told(text: str, place: toml.Place) -> str:
    """The mistake for a person, who counts rules from 1; with what was expected where msgspec does not say it."""
    what = text.partition(" - at ")[0]
    of_key = " - at `key`" in text
    if "unknown field" in what:
        place = place[:-1]
    missing = re.search(r"missing required field `(.+)`$", what)
    within = (*place, missing[1]) if missing else place[:-1] if of_key else place
    names = ", ".join(_expected(within, of_key=of_key))
    expected = f"; expected one of {names}" if names and not what.startswith("Expected") else ""
    if place[:1] == ("rules",) and len(place) > 1:
        words = [f"rule {int(place[1]) + 1}", *(str(step) for step in place[2:3])]
        return f"{', '.join(words)}: {what}{expected}."
    path = ".".join(str(step) for step in place)
    return f"{path}: {what}{expected}." if path else f"{what}{expected}."


def _expected(place: toml.Place, *, of_key: bool) -> Iterator[str]:
    """The words that may stand at this place of a policy, or as keys there; none where it is no choice."""
    kind: inspect.Type = inspect.type_info(Policy)
    for step in place:
        if isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == step)
        elif isinstance(kind, inspect.DictType):
            kind = kind.value_type
        elif isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
    if of_key and isinstance(kind, inspect.DictType):
        kind = kind.key_type
    if isinstance(kind, inspect.EnumType):
        yield from (str(each.value) for each in kind.cls if each.value != "unknown")  # ours, for a vendor's new words
    elif isinstance(kind, inspect.StructType):
        yield from sorted(field.encode_name for field in kind.fields)


def _where(policy: Policy, text: str) -> toml.Place:
    """The place of what :func:`checked` says: the first rule that makes no sense, and the field that it names."""
    for number in range(len(policy.rules)):
        if problems(policy.rules[: number + 1]):
            named = re.search(r": (\w+):", text)
            return ("rules", number, named[1]) if named else ("rules", number)
    return ("last_attempt_s",)


def _line(lines: Mapping[toml.Place, int], place: toml.Place) -> int:
    """The line of a place, or of the nearest around it; the first one for the text as a whole."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 0)


def _filled(value: Any) -> Any:
    """Without members that say nothing, which TOML cannot write."""
    if isinstance(value, dict):
        return {name: _filled(each) for name, each in value.items() if each is not None}
    return [_filled(each) for each in value] if isinstance(value, list | tuple) else value
