"""Bad days, by switch: what goes wrong, where, how often. Seeded, so that the same run goes wrong in the same way.

A rule names a vendor, an endpoint (shell pattern over `METHOD /path` or a webhook topic), a kind and a probability;
`times` limits how often it strikes. Kinds and where they strike:

before the effect   rate_limit, unavailable, error_before, timeout_before, slow
after the effect    error_after, timeout_after, cut_after
between             auto_approve (the seller's own automation decides just before a decision of the client)
in the answer       unknown_word, unknown_field, nested_error
in the search       index_lag (params: seconds, virtual), page_token_expired
in the webhook      webhook_duplicate, webhook_late (params: seconds), webhook_reorder, webhook_lost,
                    webhook_no_id, webhook_double_underscore, webhook_pretty, webhook_seller_level
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = frozenset(
    {
        "rate_limit",
        "unavailable",
        "error_before",
        "timeout_before",
        "slow",
        "error_after",
        "timeout_after",
        "cut_after",
        "auto_approve",
        "unknown_word",
        "unknown_field",
        "nested_error",
        "index_lag",
        "page_token_expired",
        "webhook_duplicate",
        "webhook_late",
        "webhook_reorder",
        "webhook_lost",
        "webhook_no_id",
        "webhook_double_underscore",
        "webhook_pretty",
        "webhook_seller_level",
    }
)


@dataclass(slots=True)
class Mood:
    """One rule. `vendor` is `tiktok`, `shopify` or `*`; `times` None means for ever."""

    kind: str
    vendor: str = "*"
    endpoint: str = "*"
    probability: float = 1.0
    times: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown mood {self.kind!r}; known: {', '.join(sorted(KINDS))}")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError("probability must lie between 0 and 1")

    def number(self, name: str, default: float) -> float:
        """A numeric parameter of this rule."""
        return float(self.params.get(name, default))

    def describe(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        return {
            "kind": self.kind,
            "vendor": self.vendor,
            "endpoint": self.endpoint,
            "probability": self.probability,
            "times": self.times,
            "params": self.params,
            "struck": self.struck,
        }


class Moods:
    """All rules now in force. Without rules nothing is drawn from the random source and nothing goes wrong."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rules: list[Mood] = []

    def add(self, mood: Mood) -> Mood:
        """Puts a rule in force."""
        self._rules.append(mood)
        return mood

    def clear(self, kind: str | None = None) -> None:
        """Takes all rules away, or those of one kind."""
        self._rules = [] if kind is None else [rule for rule in self._rules if rule.kind != kind]

    def rules(self) -> list[Mood]:
        """The rules in force."""
        return list(self._rules)

    def strike(self, vendor: str, endpoint: str, kinds: Iterable[str]) -> Mood | None:
        """Draws once for each fitting rule and returns the first that strikes."""
        if not self._rules:
            return None
        wanted = frozenset(kinds)
        for rule in self._rules:
            if rule.kind not in wanted or (rule.times is not None and rule.times <= 0):
                continue
            if rule.vendor not in ("*", vendor) or not fnmatchcase(endpoint, rule.endpoint):
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            rule.struck += 1
            return rule
        return None
