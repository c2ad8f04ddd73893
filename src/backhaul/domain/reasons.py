"""Channel reason keys to the commerce system's reasons.

Keys are opaque and grow without notice, so this maps by the words inside a key and always has an answer; a merchant's
own map in the policy comes first. Handles are those of Shopify's public taxonomy of return reasons.
"""

from __future__ import annotations

import re

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
