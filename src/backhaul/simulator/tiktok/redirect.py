"""Where the return button of the buyer's app leads: to the channel's own form, or, for shops that the channel has
allow-listed, to an address of the merchant's with the order's number and postal code in it.

One source tells of it (a guide of Pipe17 with Loop); the vendor publishes neither placeholders nor coding. Here they
are `{order}` and `{zip}`, and values are percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import quote, urlsplit

PLACEHOLDERS = ("order", "zip")
_KNOWN = "{order} and {zip}"
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the channel has allowed a shop, and what the merchant has typed into the channel's proxy app."""

    allowed: bool = False
    address: str = ""

    @property
    def on(self) -> bool:
        """Whether buyers are sent away."""
        return self.allowed and bool(self.address)

    def change(self, values: Any) -> Self:
        """Another one with some values changed. Raises ValueError, in words, for a template nobody can be sent to."""
        known = [each.name for each in fields(self)]
        if not isinstance(values, Mapping):
            raise ValueError(f"a redirect is an object with {', '.join(known)}")
        if unknown := sorted(values.keys() - set(known)):
            raise ValueError(f"unknown: {', '.join(unknown)}; a redirect has {', '.join(known)}")
        if not isinstance(values.get("allowed", False), bool):
            raise ValueError("allowed must be true or false")
        if "address" in values:
            values = {**values, "address": _checked(values["address"])}
        return replace(self, **values)

    def filled(self, order: str, postal_code: str) -> str:
        """The address for one order."""
        values = {"order": order, "zip": postal_code}
        return _FIELD.sub(lambda found: quote(values[found.group(1)], safe=""), self.address)


def _checked(address: Any) -> str:
    if not isinstance(address, str):
        raise ValueError("the address must be a text")
    text = address.strip()
    if not text:
        return ""
    for name in _FIELD.findall(text):
        if name not in PLACEHOLDERS:
            raise ValueError(f"unknown placeholder {{{name}}}; known: {_KNOWN}")
    if set(_FIELD.sub("", text)) & set("{}"):
        raise ValueError(f"a brace of {text!r} has no counterpart; placeholders are {_KNOWN}")
    if re.search(r"\s", text) or not text.isprintable():
        raise ValueError("the address must have no spaces and no control characters; write %20 for a space")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"the address must begin with http:// or https:// and a host, found {text!r}")
    if "{" in parts.netloc:
        raise ValueError("a placeholder may stand behind the host only")
    return text
