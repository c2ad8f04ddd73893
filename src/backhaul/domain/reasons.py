"""Channel reason keys to the commerce system's reasons.

Keys are opaque and grow without notice, so this maps by the words inside a key and always has an answer; a merchant's
own map in the policy comes first. Handles are those of Shopify's public taxonomy of return reasons.
"""

from __future__ import annotations

FALLBACK = "other-reason"

# First hit wins; the more telling word stands first.
WORDS: tuple[tuple[str, str], ...] = (
    ("missing", "other-reason"),  # the taxonomy has no word for it; the note keeps the channel's text
    ("not_received", "other-reason"),
    ("wrong", "received-the-wrong-item"),
    ("not_match", "item-not-as-described"),
    ("no_match", "item-not-as-described"),
    ("description", "item-not-as-described"),
    ("counterfeit", "item-not-as-described"),
    ("small", "too-small"),
    ("large", "too-big"),
    ("big", "too-big"),
    ("size", "size"),
    ("damage", "damaged-or-defective"),
    ("defect", "damaged-or-defective"),
    ("quality", "damaged-or-defective"),
    ("broken", "damaged-or-defective"),
    ("not_work", "damaged-or-defective"),
    ("late", "arrived-late"),
    ("delay", "arrived-late"),
    ("no_need", "changed-my-mind"),
    ("no_longer", "changed-my-mind"),
    ("not_need", "changed-my-mind"),
    ("changed", "changed-my-mind"),
    ("color", "color"),
    ("colour", "color"),
    ("style", "style"),
    ("duplicate", "duplicate-order"),
)


def commerce_reason(key: str, text: str, own: dict[str, str]) -> tuple[str, str]:
    """The commerce reason of a channel reason: (id or handle, how it was found: "policy", "word" or "fallback")."""
    if key in own:
        return own[key], "policy"
    haystack = f"{key} {text}".lower().replace(" ", "_").replace("-", "_").replace("'", "")
    for word, handle in WORDS:
        if word in haystack:
            return handle, "word"
    return FALLBACK, "fallback"
