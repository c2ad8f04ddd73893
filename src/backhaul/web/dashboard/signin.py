"""Signing in by a one-time link, and out."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from backhaul.store import sessions
from backhaul.web.access import COOKIE, Asked, same_site, services_of
from backhaul.web.rendering import bare, local


@get("/signin", include_in_schema=False)
async def signed_out(request: Asked) -> Response[str]:
    """How to get in."""
    return bare(request, "signin.html", name=None, token="", hint=services_of(request).sign_in_hint, used=False)


@get("/signin/{token:str}", include_in_schema=False)
async def show_link(request: Asked, token: FromPath[str]) -> Response[str]:
    """A page with a button: programs that preview links only look, so they do not use the link up."""
    services = services_of(request)
    name = await sessions.link_open(services.pool, token)
    return bare(
        request,
        "signin.html",
        status=200 if name else 404,
        name=name,
        token=token,
        hint=services.sign_in_hint,
        used=name is None,
    )


@post("/signin/{token:str}", include_in_schema=False)
async def use_link(request: Asked, token: FromPath[str]) -> Response[Any]:
    """Use the link up and open a session."""
    same_site(request)
    services = services_of(request)
    opened = await sessions.sign_in(services.pool, token)
    if opened is None:
        return bare(request, "signin.html", status=404, name=None, token=token, hint=services.sign_in_hint, used=True)
    cookie = Cookie(
        COOKIE,
        value=opened[0],
        max_age=int(sessions.SESSION.total_seconds()),
        httponly=True,
        secure=services.secure,
        samesite="lax",
    )
    target = local(request.query_params.get("next", "/"))
    return Response(None, status_code=303, headers={"location": target}, cookies=[cookie])


@post("/signout", include_in_schema=False)
async def sign_out(request: Asked) -> Response[None]:
    """End the session."""
    await sessions.sign_out(services_of(request).pool, request.auth)
    answer: Response[None] = Response(None, status_code=303, headers={"location": "/signin"})
    answer.delete_cookie(COOKIE)
    return answer
