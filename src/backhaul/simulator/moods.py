"""Bad days, by switch: what goes wrong, where, how often. Seeded, so that the same run goes wrong in the same way.

A rule names a vendor, an endpoint (shell pattern over `METHOD /path`, a GraphQL root field or a webhook topic), a kind
and a probability; `times` limits how often it strikes. Kinds and where they strike:

before the effect   rate_limit (params: retry_after), unavailable, error_before, timeout_before, cut_before, slow,
                    token_revoked
after the effect    error_after, timeout_after, cut_after
between             auto_approve (the seller's own automation decides just before a decision of the client)
in the answer       unknown_word, unknown_field (params: deep), numbers_as_strings, ids_as_numbers, nested_error
in the search       index_lag (params: seconds, virtual), page_token_expired
in the webhook      webhook_duplicate, webhook_late (params: seconds), webhook_reorder, webhook_lost,
                    webhook_no_id, webhook_double_underscore, webhook_pretty, webhook_seller_level
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

VENDORS = ("tiktok", "shopify", "loop")
_ALL = frozenset(VENDORS)
_CHANNEL = frozenset({"tiktok"})
# Kind -> the vendors at which it can happen.
KINDS: Mapping[str, frozenset[str]] = {
    "rate_limit": _ALL,
    "unavailable": _ALL,
    "error_before": _ALL,
    "timeout_before": _ALL,
    "cut_before": _ALL,
    "slow": _ALL,
    "token_revoked": _ALL,
    "error_after": _ALL,
    "timeout_after": _ALL,
    "cut_after": _ALL,
    "auto_approve": _CHANNEL,
    "unknown_word": _ALL,
    "unknown_field": _ALL,
    # A GraphQL server checks every value against its schema: there a number never turns into a text.
    "numbers_as_strings": frozenset({"tiktok", "loop"}),
    "ids_as_numbers": frozenset({"tiktok", "loop"}),
    "nested_error": _ALL,
    "index_lag": _ALL,
    "page_token_expired": _CHANNEL,
    "webhook_duplicate": _ALL,
    "webhook_late": _ALL,
    "webhook_reorder": _ALL,
    "webhook_lost": _ALL,
    "webhook_no_id": _CHANNEL,
    "webhook_double_underscore": _CHANNEL,
    "webhook_pretty": _CHANNEL,
    "webhook_seller_level": _CHANNEL,
}
# What a drawn mix may hold, and how likely it holds it. Left out is what only a person can put right (token_revoked) or
# what has to show as an exception (unknown_word): under those a story need not end as it does on a good day.
MIX: Mapping[str, float] = {
    "rate_limit": 0.4,
    "unavailable": 0.3,
    "error_before": 0.3,
    "timeout_before": 0.2,
    "cut_before": 0.3,
    "slow": 0.2,
    "error_after": 0.4,
    "timeout_after": 0.2,
    "cut_after": 0.4,
    "unknown_field": 0.2,
    "numbers_as_strings": 0.2,
    "ids_as_numbers": 0.2,
    "index_lag": 0.3,
    "page_token_expired": 0.2,
    "webhook_duplicate": 0.4,
    "webhook_late": 0.3,
    "webhook_reorder": 0.4,
    "webhook_lost": 0.4,
    "webhook_no_id": 0.2,
    "webhook_pretty": 0.2,
}
_LEAST, _MOST = 0.02, 0.15
_OFTEN = 0.4  # of webhooks, which there are fewer of than calls
_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "slow": {"seconds": 0.3},
    "timeout_before": {"seconds": 0.7},
    "timeout_after": {"seconds": 0.7},
    "webhook_late": {"seconds": 600.0},
    "webhook_reorder": {"seconds": 60.0},
    "webhook_duplicate": {"copies": 2},
    "index_lag": {"seconds": 30.0},
}


@dataclass(slots=True)
class Mood:
    """One rule. `vendor` is one of VENDORS or `*`; `times` None means for ever."""

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
        if self.vendor not in ("*", *VENDORS):
            raise ValueError(f"unknown vendor {self.vendor!r}; known: *, {', '.join(VENDORS)}")
        if self.vendor != "*" and self.vendor not in KINDS[self.kind]:
            known = ", ".join(each for each in VENDORS if each in KINDS[self.kind])
            raise ValueError(f"{self.kind} does not happen at {self.vendor}, only at {known}")
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
    """All rules now in force. Without rules nothing is drawn from the random source and nothing goes wrong.

    `counts` says how often each kind struck at each vendor, also of rules that are gone; `on_strike` hears of each.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rules: list[Mood] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.on_strike: Callable[[Mood, str, str], None] | None = None

    @staticmethod
    def mix(seed: int | str, chances: Mapping[str, float] = MIX) -> list[Mood]:
        """A day's moods, drawn from a seed: each kind is part of it with its chance, at a probability of its own.

        There is always at least one. The same seed gives the same day.
        """
        rng = random.Random(f"mix/{seed}")
        kinds = [kind for kind, chance in sorted(chances.items()) if rng.random() < chance]
        if not kinds and any(chances.values()):
            kinds = [rng.choice(sorted(kind for kind, chance in chances.items() if chance > 0))]
        day: list[Mood] = []
        for kind in kinds:
            most = _OFTEN if kind.startswith("webhook_") else _MOST
            params = dict(_PARAMS.get(kind, {}))
            if kind == "rate_limit" and rng.random() < 0.5:
                params["retry_after"] = 1.0
            day.append(Mood(kind, probability=round(rng.uniform(_LEAST, most), 3), params=params))
        return day

    def add(self, mood: Mood) -> Mood:
        """Puts a rule in force."""
        self._rules.append(mood)
        return mood

    def remove(self, index: int) -> None:
        """Takes one rule away, by its place in `rules`. Raises LookupError."""
        if not 0 <= index < len(self._rules):
            raise LookupError(f"there is no mood number {index}")
        del self._rules[index]

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
            if rule.vendor not in ("*", vendor) or vendor not in KINDS[rule.kind]:
                continue
            if not fnmatchcase(endpoint, rule.endpoint):
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            rule.struck += 1
            self.counts[vendor, rule.kind] += 1
            if self.on_strike is not None:
                self.on_strike(rule, vendor, endpoint)
            return rule
        return None
