"""Errors as a buyer reads them: what happened in plain words, and nothing of the shop's own pages."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from backhaul.ports.errors import VendorError
from backhaul.store.db import AWAY
from backhaul.web.access import Asked
from backhaul.web.portal.frame import message
from backhaul.web.problems import BadInput, either, explain
from backhaul.web.security import PORTAL
from backhaul.work.case_command import CommandRefused
from backhaul.work.portal import Closed

GONE = (
    "This page is not open",
    "The address is not complete, or the shop takes no returns here. Ask for your return in the app where you bought "
    "it.",
)
AWAY_TEXT = "Please try again", "Something we need does not answer right now. Nothing was lost: try again in a moment."


def sorry(request: Asked, error: Exception) -> Response[Any]:
    """The page for an error."""
    if isinstance(error, Closed) or (isinstance(error, HTTPException) and error.status_code == 404):
        return message(request, 404, *GONE)
    again = request.url.path.removesuffix("/leave")  # a page for all that can be sent
    if isinstance(error, (VendorError, *AWAY)):
        return message(request, 503, *AWAY_TEXT, again=again)
    status, text, _ = explain(error)
    if status >= 500:
        ours = "It is our fault, not yours. Try again in a moment."
        return message(request, status, "Something went wrong", ours, again=again)
    said = text if isinstance(error, (CommandRefused, BadInput, HTTPException)) else "This could not be read."
    return message(request, status, "That did not work", said, again=again)


def dispatch(request: Asked, error: Exception) -> Response[Any]:
    """A buyer's page for buyers; for all others what they get anyway."""
    return sorry(request, error) if request.url.path.startswith(PORTAL) else either(request, error)


HANDLERS: ExceptionHandlersMap = {Exception: dispatch, HTTPException: dispatch}
