"""Who gets in, who may do what, and what protects a signed-in person from other sites."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from backhaul.store import sessions
from backhaul.web.access import COOKIE
from backhaul.web.rendering import local
from tests.web import seeding
from tests.web.conftest import Web

# Vendors sign what they send, and a buyer's forms carry the visit's word: see the tests of these pages.
WITHOUT_SESSION = ("/hooks/", "/signin", "/portal/")


def writes(web: Web, prefix: str) -> list[tuple[str, str]]:
    """Every (method, path) that may change something, with made-up ids in place."""
    found = []
    for route in web.app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        path = re.sub(r"\{[a-z_]+:uuid\}", str(uuid4()), route.path)
        path = path.replace("{vendor:str}", "tiktok_shop").replace("{token:str}", "t").replace("{key:str}", "k")
        found += [(method, path) for method in route.methods if method not in ("GET", "HEAD", "OPTIONS")]
    return [(method, path) for method, path in found if path.startswith(prefix)]


async def test_a_link_works_once_and_only_by_its_button(web: Web) -> None:
    word = await sessions.make_link(web.pool, "Dana", "operator")
    for _ in range(3):
        looked = await web.get(f"/signin/{word}")
        assert looked.status_code == 200
        assert "Sign in as Dana" in looked.text
    used = await web.post(f"/signin/{word}?next=/exceptions")
    assert used.status_code == 303
    assert used.headers["location"] == "/exceptions"
    cookie = used.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await web.get("/")).status_code == 200
    web.client.cookies.clear()
    again = await web.post(f"/signin/{word}")
    assert again.status_code == 404
    assert "set-cookie" not in again.headers
    assert (await web.get(f"/signin/{word}")).status_code == 404


async def test_an_old_link_and_an_old_session_are_over(web: Web) -> None:
    word = await sessions.make_link(web.pool, "Dana", lasts=timedelta(seconds=-1))
    assert (await web.post(f"/signin/{word}")).status_code == 404
    await web.sign_in()
    await web.pool.execute("update session set seen_at = now() - interval '8 days'")
    assert (await web.get("/")).status_code == 303
    await web.pool.execute("update session set seen_at = now(), expires_at = now() - interval '1 second'")
    assert (await web.get("/")).status_code == 303


async def test_words_are_not_stored(web: Web) -> None:
    word = await sessions.make_link(web.pool, "Dana")
    opened = await sessions.sign_in(web.pool, word)
    token = await sessions.make_token(web.pool, "robot", "owner")
    assert opened is not None
    for table in ("signin_link", "session", "api_token"):
        text = str(await web.pool.fetch(f"select * from {table}"))
        assert not any(secret in text for secret in (word, opened[0], token))


async def test_without_a_session_every_page_leads_to_sign_in(web: Web) -> None:
    for path in ("/", "/exceptions", f"/cases/{uuid4()}", "/live", "/returns.csv"):
        answer = await web.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/signin?next=")
    swapped = await web.get("/", headers={"hx-request": "true"})
    assert swapped.headers["hx-redirect"] == "/signin?next=/"


@pytest.mark.parametrize(
    ("target", "safe"),
    [("/x?y=1", True), ("//evil.test", False), ("/\\evil.test", False), ("https://evil.test", False)],
)
def test_only_our_own_pages_follow_a_sign_in(target: str, safe: bool) -> None:
    assert local(target) == (target if safe else "/")


async def test_every_form_needs_the_sessions_own_word(web: Web) -> None:
    await web.sign_in()
    checked = [(method, path) for method, path in writes(web, "/") if not path.startswith(("/api/", *WITHOUT_SESSION))]
    assert len(checked) > 18
    for method, path in checked:
        for form in ({}, {"csrf": "wrong"}):
            answer = await web.client.request(method, path, data=form, follow_redirects=False)
            assert answer.status_code == 403, path
            assert "out of date" in answer.text, path


async def test_another_sites_form_is_refused_even_with_the_word(web: Web) -> None:
    csrf = await web.sign_in()
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        answer = await web.post("/signout", {"csrf": csrf}, headers=headers)
        assert answer.status_code == 403
    word = await sessions.make_link(web.pool, "Dana")
    assert (await web.post(f"/signin/{word}", headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await web.post("/signout", {"csrf": csrf}, headers={"origin": "http://hub.test"})).status_code == 303
    assert (await web.get("/")).status_code == 303


async def test_read_only_changes_nothing(web: Web) -> None:
    csrf = await web.sign_in("read-only")
    headers = await web.token("read-only")
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    html = (await web.get(f"/cases/{key}")).text
    assert 'action="/cases/' not in html
    assert "The channel&#39;s own words" not in html
    assert "The channel's own words" not in html
    for method, path in writes(web, "/"):
        if path.startswith((*WITHOUT_SESSION, "/signout")):
            continue
        more: dict[str, Any] = {"headers": headers} if path.startswith("/api/") else {"data": {"csrf": csrf}}
        answer = await web.client.request(method, path, follow_redirects=False, **more)
        assert answer.status_code == 403, path
        assert "read-only" in answer.text, path


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("warehouse", "received", True),
        ("warehouse", "decision", False),
        ("warehouse", "link-order", False),
        ("finance", "waive", True),
        ("finance", "decision", False),
        ("operator", "decision", True),
    ],
)
async def test_roles(web: Web, role: str, path: str, allowed: bool) -> None:
    csrf = await web.sign_in(role)
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    answer = await web.post(f"/cases/{key}/{path}", {"csrf": csrf})
    assert answer.status_code == (422 if allowed else 403)
    configure = await web.post(f"/shops/{us}/mode", {"csrf": csrf, "mode": "observe"})
    assert configure.status_code == 403


async def test_unknown_roles_are_never_given(web: Web) -> None:
    with pytest.raises(ValueError, match="no role"):
        await sessions.make_link(web.pool, "Dana", "god")
    with pytest.raises(ValueError, match="no role"):
        await sessions.make_token(web.pool, "robot", "god")


async def test_api_tokens(web: Web) -> None:
    assert (await web.get("/api/v1/shops")).status_code == 401
    await web.sign_in()
    assert (await web.get("/api/v1/shops")).status_code == 401, "a browser's session is no API token"
    headers = await web.token()
    assert (await web.get("/api/v1/shops", headers=headers)).status_code == 200
    assert await sessions.revoke_tokens(web.pool, "robot") == 1
    denied = await web.get("/api/v1/shops", headers=headers)
    assert denied.status_code == 401
    assert denied.headers["www-authenticate"] == "Bearer"
    assert denied.headers["content-type"] == "application/problem+json"
    short = await sessions.make_token(web.pool, "brief", "owner", timedelta(seconds=-1))
    assert (await web.get("/api/v1/shops", headers={"authorization": f"Bearer {short}"})).status_code == 401


async def test_a_session_is_a_cookie_of_its_own(web: Web) -> None:
    await web.sign_in()
    web.client.cookies.set(COOKIE, "made-up")
    assert (await web.get("/")).status_code == 303
