"""Small things with text: shortening, digits, and hiding what nobody may read in a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote_plus, unquote_plus

MASK = "***"

# A name that has one of these words in it names a secret; a word too much only hides a harmless value.
_SECRET_NAME = re.compile(
    r"token|secret|sign|passw|passphrase|auth|cookie|hmac|credential|api.?key|app.?key|code|^key$", re.I
)


class Secret:
    """A text that shows in no log, error or repr; :meth:`reveal` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


def truncate(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, the last of them an ellipsis when something was left out."""
    if limit < 1:
        raise ValueError("a limit is at least 1")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def span(seconds: float) -> str:
    """A length of time in its two largest units; the pages' scripts follow the same rule."""
    left = int(abs(seconds))
    days, hours, minutes = left // 86400, left // 3600 % 24, left // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{left} s"


def digits(text: str) -> str:
    """Only the characters 0 to 9 of ``text``, in order."""
    return "".join(c for c in text if c in "0123456789")


def is_secret_name(name: str) -> bool:
    """Whether a header, parameter or field of this name is taken to hold a secret."""
    return _SECRET_NAME.search(name) is not None


def mask_url(url: str) -> str:
    """``url`` with user info and the values of secret query parameters hidden; the rest is as it was."""
    head, question, query = url.partition("?")
    head = re.sub(r"(?<=://)[^/@]*@", MASK + "@", head)
    if not question:
        return head
    query, hash_, fragment = query.partition("#")
    return head + question + "&".join(_mask_pair(pair) for pair in query.split("&")) + hash_ + fragment


def _mask_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if value and is_secret_name(unquote_plus(name)):
        return name + equals + quote_plus(MASK, safe="*")
    return pair


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` with the values of secret ones hidden."""
    return {name: MASK if is_secret_name(name) else value for name, value in headers.items()}
