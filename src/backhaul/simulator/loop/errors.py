"""The desk's refusals. It has at least five forms of them, and some ride on HTTP 200."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A refusal: HTTP status and the body as it goes out."""

    def __init__(self, status: int, body: Any, media: str = "application/json") -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.media = media

    @property
    def text(self) -> str:
        """The words of it, for the log and the control API."""
        return _words(self.body) or str(self.body)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        for name in ("message", "content", "error", "errors"):
            if name in value:
                return _words(value[name])
    return ""


def gateway() -> Refused:
    """An unknown key, or a key without the scope, at the gateway."""
    return Refused(401, {"error": {"code": "401", "http_code": "GEN-UNAUTHORIZED", "message": "Unauthorized."}})


def no_scope() -> Refused:
    """A valid key without the scope, as the returns API says it."""
    return Refused(401, {"errors": "Unauthorized."})


def coded(message: str, code: str = "UNPROCESSABLE_RETURN", status: int = 200) -> Refused:
    """An object of message and code, usually on HTTP 200."""
    return Refused(status, {"errors": {"message": message, "code": code}})


def bare(message: str, status: int = 200) -> Refused:
    """A bare message."""
    return Refused(status, {"message": message})


def content(message: str) -> Refused:
    """The form that refused cancellations have."""
    return Refused(200, {"content": message})


def invalid(name: str, message: str) -> Refused:
    """A field that does not pass."""
    return Refused(422, {"message": message, "errors": {name: [message]}})
