"""A page as a browser without scripts reads it, and the forms that it sends."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backhaul.rehearsal.browser import Browser
from backhaul.rehearsal.pages import NotOffered, read

HTML = """<!doctype html><html><head><title>Not seen</title><style>p{color:red}</style></head><body>
<h1>Return &amp; refund</h1><p>Two <b>units</b>
of it.</p><p>More</p>
<a href="/help?a=1&amp;b=2">Get <i>help</i></a>
<form method="post" action="/send">
<input type="hidden" name="csrf" value="a&quot;b">
<label>Order <input name="order" maxlength="5" value="17"></label>
<label><input type="checkbox" name="unit" value="1" checked> A rain   jacket</label>
<label><input type="checkbox" name="unit" value="2"> A mug</label>
<label><input type="checkbox" name="unit" value="3" disabled> A lamp</label>
<input type="radio" name="kind" value="return"><input type="radio" name="kind" value="refund">
<select name="reason"><option value="">Choose</option><option value="late">Too <b>late</b></option></select>
<textarea name="note">old
words</textarea>
<input name="locked" value="x" disabled>
<fieldset disabled><input name="shut" value="y"></fieldset>
<input name="open" value="z">
<button name="go" value="back">Back</button><button type="button">Nothing</button><button>Send it</button>
</form><script>var x = "<p>no</p>"</script></body></html>"""


def test_what_a_person_sees_and_can_do() -> None:
    page = read(HTML, 200, "http://h/p")
    assert page.text.split("\n")[:3] == ["Return & refund", "Two units of it.", "More"]
    assert "Not seen" not in page.text
    assert "var x" not in page.text
    assert page.links == (("/help?a=1&b=2", "Get help"),)
    form = page.form("order", "unit")
    boxes = form.fields["unit"].choices
    assert [(each.value, each.text, each.picked, each.usable) for each in boxes] == [
        ("1", "A rain jacket", True, True),
        ("2", "A mug", False, True),
        ("3", "A lamp", False, False),
    ]
    assert [(each.value, each.text) for each in form.fields["reason"].choices] == [("", "Choose"), ("late", "Too late")]
    assert form.sent("Send it") == [
        ("csrf", 'a"b'), ("order", "17"), ("unit", "1"), ("reason", ""), ("note", "old\nwords"), ("open", "z"),
    ]  # fmt: skip
    form.type("order", "18")
    form.pick("unit", ["2"])
    form.pick("kind", ["refund"])
    form.pick("reason", ["late"])
    assert form.sent("Back") == [
        ("csrf", 'a"b'), ("order", "18"), ("unit", "2"), ("kind", "refund"), ("reason", "late"),
        ("note", "old\nwords"), ("open", "z"), ("go", "back"),
    ]  # fmt: skip


def test_what_a_page_does_not_offer_cannot_be_done() -> None:
    page = read(HTML, 200, "http://h/p")
    form = page.form()
    for wrong in (
        lambda: form.pick("unit", ["3"]),
        lambda: form.pick("reason", ["early"]),
        lambda: form.pick("size", ["1"]),
        lambda: form.type("order", "123456"),
        lambda: form.type("csrf", "mine"),
        lambda: form.type("unit", "1"),
        lambda: form.type("shut", "1"),
        lambda: form.sent("Pay"),
        lambda: page.form("order", "zip"),
    ):
        with pytest.raises(NotOffered):
            wrong()
    assert not page.has("zip")


async def test_a_browser_follows_keeps_cookies_and_sends_forms() -> None:
    heard: list[tuple[str, ...]] = []

    async def first(request: web.Request) -> web.Response:
        answer = web.Response(status=303, headers={"Location": "/two"})
        answer.set_cookie("visit", "7", path="/two", httponly=True)
        return answer

    async def second(request: web.Request) -> web.Response:
        policy = {"Referrer-Policy": request.query.get("policy", "no-referrer")}
        text = f'{request.cookies.get("visit")}<form method="post"><input name="a" value="&amp; é"><button>Go</button>'
        return web.Response(text=text, content_type="text/html", headers=policy)

    async def sent(request: web.Request) -> web.Response:
        form = await request.post()
        heard.append((request.headers["origin"], request.headers["sec-fetch-site"], str(form["a"])))
        return web.Response(status=400, text="<p>No</p>", content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/one", first), web.get("/two", second), web.post("/two", sent)])
    async with TestServer(application) as server, Browser() as browser:
        page = await browser.open(str(server.make_url("/one")))
        assert (page.status, page.address, page.text) == (200, str(server.make_url("/two")), "7")
        answer = await browser.send(page, page.form("a"), "Go")
        assert (answer.status, answer.text) == (400, "No")
        page = await browser.open(str(server.make_url("/two?policy=same-origin")))
        await browser.send(page, page.form("a"))
        here = str(server.make_url("/")).rstrip("/")
    # A page that tells nobody where it is has its forms sent without an origin: a server that insists on one is wrong.
    assert heard == [("null", "same-origin", "& é"), (here, "same-origin", "& é")]
