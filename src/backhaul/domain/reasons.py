"""Channel reason keys to the reasons of the commerce system and of the desk.

Keys are opaque and grow without notice, so this maps by the words inside a key and always has an answer; a merchant's
own map in the policy comes first. Handles are those of Shopify's public taxonomy of return reasons. A desk's reasons
are a tree of two levels that each merchant names: they are sent in the desk's own spelling, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

FALLBACK = "other-reason"
BLANKS = re.compile(r"[^a-z0-9]+")

# First hit wins; the more telling word stands first. A word counts where it begins one ("late", not "related").
WORDS: tuple[tuple[str, str], ...] = (
    ("missing", "other-reason"),  # the taxonomy has no word for it; the note keeps the channel's text
    ("not_received", "other-reason"),
    ("missed_delivery", "arrived-late"),
    ("on_time", "arrived-late"),
    ("wrong_delivery", "other-reason"),
    ("wrong_price", "other-reason"),
    ("wrong", "received-the-wrong-item"),
    ("not_match", "item-not-as-described"),
    ("no_match", "item-not-as-described"),
    ("description", "item-not-as-described"),
    ("counterfeit", "item-not-as-described"),
    ("small", "too-small"),
    ("large", "too-big"),
    ("big", "too-big"),
    ("size", "size"),
    ("fit", "size"),
    ("quality_or_style", "item-not-as-described"),
    ("damage", "damaged-or-defective"),
    ("defect", "damaged-or-defective"),
    ("quality", "damaged-or-defective"),
    ("broken", "damaged-or-defective"),
    ("not_work", "damaged-or-defective"),
    ("expired", "damaged-or-defective"),
    ("spoiled", "damaged-or-defective"),
    ("not_frozen", "damaged-or-defective"),
    ("late", "arrived-late"),
    ("delay", "arrived-late"),
    ("no_need", "changed-my-mind"),
    ("no_longer", "changed-my-mind"),
    ("not_need", "changed-my-mind"),
    ("changed", "changed-my-mind"),
    ("suit", "changed-my-mind"),
    ("color", "color"),
    ("colour", "color"),
    ("style", "style"),
    ("duplicate", "duplicate-order"),
)


def commerce_reason(key: str, text: str, own: dict[str, str]) -> tuple[str, str]:
    """The commerce reason of a channel reason: (id or handle, how it was found: "policy", "word" or "fallback")."""
    if key in own:
        return own[key], "policy"
    haystack = "_" + "_".join(BLANKS.split(f"{key} {text}".lower().replace("'", "").replace("’", "")))
    for word, handle in WORDS:
        if f"_{word}" in haystack:
            return handle, "word"
    return FALLBACK, "fallback"


class DeskReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reason of a desk by the names the merchant gave it there; without a child where the tree has one level."""

    parent: str
    child: str = ""

    def __str__(self) -> str:
        return f"{self.parent} / {self.child}" if self.child else self.parent


OTHER = DeskReason("Other")  # the fallback of a policy that names none


class DeskMatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """The desk's reason for a channel reason. ``how`` is "policy", "word" or "fallback"; ``problem`` says why the
    merchant's own word could not be kept."""

    reason: DeskReason
    how: str
    problem: str = ""


def desk_reason(
    key: str, text: str, own: Mapping[str, DeskReason], fallback: DeskReason, known: tuple[DeskReason, ...] = ()
) -> DeskMatch:
    """The desk's reason of a channel reason. ``known`` is the desk's own list, empty where it was never seen.

    There is always an answer: a new key ends in the fallback, and so does a name that the desk does not have (any
    more), which the answer tells of. With the list at hand the desk's spelling is sent, whatever case was written."""
    problem = ""
    if key in own:
        found = _spelled(own[key], known)
        if found is not None:
            return DeskMatch(found, "policy")
        problem = f"The desk has no reason “{own[key]}”."
    guess = _alike(key, text, known)
    if guess is not None:
        return DeskMatch(guess, "word", problem)
    found = _spelled(fallback, known)
    if found is None:
        problem = problem or f"The desk has no reason “{fallback}”, the fallback."
        vague = (one for name in ("child", "parent") for one in known if _plain(getattr(one, name)).startswith("other"))
        found = next(vague, fallback)
    return DeskMatch(found, "fallback", problem)


def _spelled(wanted: DeskReason, known: tuple[DeskReason, ...]) -> DeskReason | None:
    """The reason as the desk spells it; None when its list has no such one. Without a list it is taken as written."""
    if not known or wanted in known:
        return wanted
    names = (_plain(wanted.parent), _plain(wanted.child))
    return next((one for one in known if (_plain(one.parent), _plain(one.child)) == names), None)


def _plain(name: str) -> str:
    return " ".join(BLANKS.split(name.lower().replace("'", "").replace("’", ""))).strip()


def _alike(key: str, text: str, known: tuple[DeskReason, ...]) -> DeskReason | None:
    """The desk's reason that means the same to the commerce system's taxonomy, by its own words: a child that does,
    before a parent."""
    handle, how = commerce_reason(key, text, {})
    if how == "fallback" or handle == FALLBACK:
        return None
    for name in ("child", "parent"):
        for one in known:
            if commerce_reason("", getattr(one, name), {}) == (handle, "word"):
                return one
    return None


class Coverage(msgspec.Struct, frozen=True):
    """How far a map of reasons reaches. ``cases`` counts how often a reason was given; percentages are whole, and are
    rounded down so that 100 means all."""

    keys: int
    mapped: int
    cases: int
    mapped_cases: int

    @property
    def percent(self) -> int:
        """The share of cases whose reason is mapped; all of none."""
        return 100 * self.mapped_cases // self.cases if self.cases else 100


def coverage(matches: Iterable[tuple[str, int]]) -> Coverage:
    """From (how a reason was found, how many cases gave it), one for each reason key."""
    rows = tuple(matches)
    good = [count for how, count in rows if how != "fallback"]
    return Coverage(len(rows), len(good), sum(count for _, count in rows), sum(good))
