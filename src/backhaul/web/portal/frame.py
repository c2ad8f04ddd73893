"""What every page of the portal has: the frame, the cookies, and the check that a form is ours."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response
from litestar.datastructures import Cookie, FormMultiDict
from litestar.enums import RequestEncodingType
from litestar.exceptions import PermissionDeniedException

from backhaul.kit.crypto import CryptoError, Vault
from backhaul.web.access import Asked, services_of
from backhaul.web.forms import typed
from backhaul.web.problems import BadInput
from backhaul.web.rendering import render, theme_of
from backhaul.work.portal import VISIT

VISIT_COOKIE, GIVEN_COOKIE = "backhaul_portal", "backhaul_portal_given"
GIVEN_S = 600
PATH = "/portal"


def show(template: str, request: Asked, *, status: int = 200, **context: Any) -> Response[str]:
    """A page."""
    body = render(f"portal/{template}", theme=theme_of(request.cookies), **context)
    return Response(body, media_type="text/html", status_code=status, headers={"vary": "accept-language, cookie"})


def message(request: Asked, status: int, title: str, text: str, *, again: str = "") -> Response[str]:
    """A page that says one thing; ``again`` is the address of a link on which it can be tried once more."""
    page = show("message.html", request, status=status, title=title, text=text, again=again)
    if status == 503:
        page.headers["retry-after"] = "5"
    return page


def cookie(request: Asked, name: str, value: str, lasts_s: int) -> Cookie:
    """A cookie of the portal: read by no script, and sent to no other page of ours."""
    return Cookie(
        name, path=PATH, value=value, max_age=lasts_s, httponly=True, secure=services_of(request).secure,
        samesite="lax",
    )  # fmt: skip


def visit_cookie(request: Asked, token: str) -> Cookie:
    """The cookie of somebody who has found an order."""
    return cookie(request, VISIT_COOKIE, token, int(VISIT.total_seconds()))


def seal_given(vault: Vault, shop: str, order: str, code: str) -> str:
    """What an address carried, for the next page only and for nobody else to read."""
    sealed = vault.encrypt(msgspec.json.encode([order, code]), f"portal/{shop}/given".encode())
    return base64.urlsafe_b64encode(sealed).decode()


def open_given(vault: Vault, shop: str, value: str) -> tuple[str, str]:
    """Order number and postal code of such a cookie; empty when there is none, or it is not ours."""
    try:
        raw = vault.decrypt(base64.urlsafe_b64decode(value.encode()), f"portal/{shop}/given".encode())
    except (CryptoError, binascii.Error, ValueError):
        return "", ""
    order, code = msgspec.json.decode(raw, type=tuple[str, str])
    return order, code


def check_site(request: Asked) -> None:
    """Refuse what another site's page sends. Our pages tell nobody where a form comes from, so that its origin is
    "null"; browsers say in another header that it is ours."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "null")
    ours = (request.headers.get("host", ""), urlsplit(services_of(request).base_url).netloc)
    if site not in ("same-origin", "none") or (origin != "null" and urlsplit(origin).netloc not in ours):
        raise PermissionDeniedException("This form came from another site and was not carried out.")


async def sent(request: Asked) -> FormMultiDict:
    """What a form of ours sends; none has files, and so none is of another kind."""
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        raise BadInput("This is no form of this page.")
    return await request.form()


def field(form: FormMultiDict, name: str, limit: int = 500) -> str:
    """A field as it was typed, of what is too long the beginning."""
    value = form.get(name, "")
    return typed(value)[:limit] if isinstance(value, str) else ""
