"""Who may do what: sessions for people, bearer tokens for programs, roles, and protection against forged forms."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Guard

from backhaul.kit.crypto import same
from backhaul.store import sessions
from backhaul.store.sessions import Person
from backhaul.web.services import Services
from backhaul.web.words import RIGHTS

COOKIE = "backhaul_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Asked: TypeAlias = Request[Person, str, State]
Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


def services_of(connection: Connection) -> Services:
    """What the wiring handed in."""
    services: Services = connection.app.state["services"]
    return services


class SessionAuthentication(AbstractAuthenticationMiddleware):
    """Lets in whoever has a session."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        token = connection.cookies.get(COOKIE, "")
        person = await sessions.session(services_of(connection).pool, token) if token else None
        if person is None:
            raise NotAuthorizedException("Sign in first.")
        return AuthenticationResult(user=person, auth=token)


class TokenAuthentication(AbstractAuthenticationMiddleware):
    """Lets in whoever shows an API token."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        person = None
        if scheme.lower() == "bearer" and token:
            person = await sessions.token_owner(services_of(connection).pool, token.strip())
        if person is None:
            raise NotAuthorizedException(
                "Send an API token: Authorization: Bearer <token>.", headers={"WWW-Authenticate": "Bearer"}
            )
        return AuthenticationResult(user=person, auth="")


def may(person: Person, right: str) -> bool:
    """Whether a person has a right."""
    return person.role in RIGHTS[right]


def needs(right: str) -> Guard:
    """A guard that lets through only roles with this right."""

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        if not may(connection.user, right):
            raise PermissionDeniedException(f"Your role ({connection.user.role}) does not allow this.")

    guard.__doc__ = f"Only roles with the right {right}."
    return guard


def same_site(request: Asked) -> None:
    """Refuse what another site's page sends."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "")
    public = urlsplit(services_of(request).base_url).netloc
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc not in (host, public)):
        raise PermissionDeniedException("This form came from another site and was not carried out.")


async def check_form(request: Asked) -> None:
    """Before every handler of the dashboard: what changes something must carry the session's own word."""
    if request.method in SAFE:
        return
    same_site(request)
    given = request.headers.get("x-csrf-token", "")
    if not given:
        form = await request.form()
        value = form.get("csrf", "")
        given = value if isinstance(value, str) else ""
    if not same(given, request.user.csrf):
        raise PermissionDeniedException("This form is out of date. Go back, reload the page and try again.")
