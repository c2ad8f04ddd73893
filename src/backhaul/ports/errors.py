"""The five errors a connector may raise; each says who must act.

::

    VendorError
    ├── Unavailable      nothing happened; the loop tries again later
    ├── OutcomeUnknown   a write whose answer was lost; the loop looks before it repeats
    ├── NeedsReauth      the connection is paused until its owner logs in again
    ├── Refused          the vendor said no; it goes on the case
    └── WireDrift        not the shape we know; parked with the raw body, for a developer
"""

from __future__ import annotations


class VendorError(Exception):
    """Any trouble with a vendor. Always one of the five below."""


class Unavailable(VendorError):
    """Nothing happened at the vendor. ``retry_after`` is in seconds, None when the vendor did not say."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text, retry_after)
        self.text = text
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.text


class OutcomeUnknown(VendorError):
    """A write left, or may have left, and its answer was lost."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NeedsReauth(VendorError):
    """The login has ended or was withdrawn, or lacks a right. ``missing`` names scopes, if that is the cause."""

    def __init__(self, text: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(text, missing)
        self.text = text
        self.missing = missing

    def __str__(self) -> str:
        return self.text


class Refused(VendorError):
    """The vendor said no. ``code`` is the vendor's own; ``already`` marks "already in that state", which only a read
    may turn into success; ``field`` is where the vendor points."""

    def __init__(self, code: str, text: str, *, already: bool = False, field: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.already = already
        self.field = field

    def __str__(self) -> str:
        return f"{self.text} ({self.code})" if self.code else self.text


class WireDrift(VendorError):
    """An answer or event of a shape we do not know. ``raw`` is kept, so that nothing is lost."""

    def __init__(self, text: str, raw: bytes = b"") -> None:
        super().__init__(text, raw)
        self.text = text
        self.raw = raw

    def __str__(self) -> str:
        return self.text
