"""Every error a person or program can provoke, as a clear page or as a problem document (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from backhaul.ports.errors import VendorError
from backhaul.store.db import AWAY, UNSTORABLE
from backhaul.store.idempotency import KeyReused
from backhaul.web.access import Asked
from backhaul.web.rendering import bare, local, notice_fragment
from backhaul.work.commands import CommandRefused
from backhaul.work.logins import LoginRefused

log = structlog.get_logger(__name__)
DATABASE_AWAY = "The database does not answer. Nothing was lost; try again in a moment."
TITLES = {
    400: "That request could not be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "There is nothing here",
    405: "Not this way",
    409: "That is no longer possible",
    413: "Too large",
    422: "That does not fit",
    502: "The other side did not answer",
    500: "Something went wrong inside Backhaul",
    503: "Not available right now",
}


class BadInput(Exception):
    """What a person or program sent cannot be used; the text says why."""


def explain(error: Exception) -> tuple[int, str, dict[str, Any]]:
    """Status, text and further members of an error."""
    if isinstance(error, CommandRefused):
        return error.status, error.text, {}
    if isinstance(error, LoginRefused):
        return 422, error.text, {"todo": error.todo}
    if isinstance(error, BadInput):
        return 422, str(error), {}
    if isinstance(error, KeyReused):
        return 422, "This Idempotency-Key was used before, for another request.", {}
    if isinstance(error, ValidationException):
        return 400, error.detail, {"errors": error.extra} if error.extra else {}
    if isinstance(error, HTTPException):
        return error.status_code, _detail(error), {}
    if isinstance(error, VendorError):
        return 502, f"The vendor could not be asked: {error}", {}
    if isinstance(error, AWAY):
        return 503, DATABASE_AWAY, {}
    if isinstance(error, UNSTORABLE):
        return 422, "A text holds a character that cannot be stored.", {}
    log.error("request failed", exc_info=error)
    return 500, "The cause is in the log of the serve process.", {}


def _detail(error: HTTPException) -> str:
    if error.status_code == 404:
        return "It may have been removed, or the address is mistyped."
    return error.detail


def problem(request: Asked, error: Exception) -> Response[bytes]:
    """The error as a problem document."""
    status, text, more = explain(error)
    body = {
        "type": "about:blank",
        "title": TITLES.get(status) or _phrase(status),
        "status": status,
        "detail": text,
        "instance": request.url.path,
        **more,
    }
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 503:
        headers["retry-after"] = "2"
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/problem+json", headers=headers
    )


def error_page(request: Asked, error: Exception) -> Response[Any]:
    """The error as a page, or as a notice above the page when htmx asked."""
    status, text, more = explain(error)
    todo = str(more.get("todo", ""))
    asked_by_htmx = request.headers.get("hx-request") == "true"
    if status == 401:
        back = request.url.path if request.method == "GET" else "/"
        target = f"/signin?next={quote(back)}"
        if asked_by_htmx:
            return Response(None, status_code=200, headers={"hx-redirect": target})
        return Response(None, status_code=303, headers={"location": target})
    if asked_by_htmx:
        return Response(
            notice_fragment(f"{text} {todo}".strip()),
            status_code=status,
            media_type="text/html",
            headers={"hx-push-url": "false"},
        )
    title = TITLES.get(status) or _phrase(status)
    return bare(request, "error.html", status=status, title=title, text=text, todo=todo, back=_form_of(request))


def _form_of(request: Asked) -> str:
    """The page of ours whose form was sent; empty when the browser does not say, or nothing was sent."""
    came = urlsplit(request.headers.get("referer", ""))
    if request.method == "GET" or came.netloc != request.headers.get("host", ""):
        return ""
    return local(f"{came.path}?{came.query}" if came.query else came.path)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def either(request: Asked, error: Exception) -> Response[Any]:
    """A problem document for programs, a page for people."""
    for_programs = request.url.path.startswith(("/api/", "/hooks/", "/schema", "/metrics", "/healthz", "/readyz"))
    return problem(request, error) if for_programs else error_page(request, error)


HANDLERS: ExceptionHandlersMap = {Exception: either, HTTPException: either}
