"""Policies as text that a merchant keeps in a file: TOML or JSON, with a mistake told by its place."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import msgspec

from backhaul.domain.policy import Policy
from backhaul.domain.rules import Rule, problems
from backhaul.kit import toml

LONGEST = 200_000  # characters of a policy


class BadPolicy(ValueError):
    """A text that is no policy. The message says where and why."""


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
    try:
        policy = msgspec.convert(_parsed(text, form), Policy)
    except msgspec.ValidationError as error:
        raise BadPolicy(_place(str(error))) from None
    return checked(policy)


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a TOML text that holds nothing else. Raises :class:`BadPolicy`."""
    values = _parsed(text, "toml")
    strange = [name for name in values if name != "rules"]
    if strange:
        raise BadPolicy(f"“{strange[0][:40]}” is no rule: every rule begins with a line [[rules]].")
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
        raise BadPolicy(f"This is no {form.upper()}: {error}.") from None
    except RecursionError:
        raise BadPolicy(f"This is no {form.upper()} of a policy.") from None
    if not isinstance(values, dict):
        raise BadPolicy("A policy is a table of names and values.")
    return values


def _place(text: str) -> str:
    """msgspec counts rules from 0 and writes a path; people count from 1."""
    what, _, path = text.partition(" - at ")
    path = path.strip("`").removeprefix("$.")
    if path.startswith("rules["):
        number, _, field = path.removeprefix("rules[").partition("]")
        path = f"rule {int(number) + 1}" + (f", {field.lstrip('.')}" if field else "")
    return f"{path}: {what}." if path else f"{what}."


def _filled(value: Any) -> Any:
    """Without members that say nothing, which TOML cannot write."""
    if isinstance(value, dict):
        return {name: _filled(each) for name, each in value.items() if each is not None}
    return [_filled(each) for each in value] if isinstance(value, list | tuple) else value
