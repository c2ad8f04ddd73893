"""The buyers' pages: what an address carries leaves it, guesses tell nothing, a return is asked for once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import structlog

from backhaul.domain.channel import ChannelOrder, ChannelOrderLine, WayBack
from backhaul.domain.money import Money
from backhaul.domain.portal import Standing, Texts
from backhaul.domain.said import Label
from backhaul.domain.starts import Startable
from backhaul.domain.words import Kind, Stage
from backhaul.ports.errors import Unavailable, VendorError
from backhaul.rehearsal.pages import Form, read
from backhaul.store import cases, commands, portal
from backhaul.web.portal.words import STANDING, language
from backhaul.work import files, notes
from tests.web import seeding
from tests.web.conftest import BASE, Web

ORDER, CODE = "576461413038785752", "90001"


@dataclass
class Channel:
    """An order of two mugs and a bowl."""

    trouble: list[Exception] = field(default_factory=list)
    reads: int = 0
    name: str = "Mug, <blue>"

    async def order(self, order_id: str) -> ChannelOrder | None:
        self.reads += 1
        if self.trouble:
            raise self.trouble.pop(0)
        lines = (
            ChannelOrderLine("l1", "s1", "MUG-BLUE", self.name, Money(2499, "USD")),
            ChannelOrderLine("l2", "s1", "MUG-BLUE", self.name, Money(2499, "USD")),
            ChannelOrderLine("l3", "s2", "BOWL-L", "Serving bowl", Money(3999, "USD")),
        )
        found = ChannelOrder(ORDER, "DELIVERED", 1, 1, "USD", lines=lines, postal_code=CODE)
        return found if order_id == ORDER else None

    async def startable(self, order_id: str, kind: Kind) -> tuple[Startable, ...]:
        if self.trouble:
            raise self.trouble.pop(0)
        return (
            Startable(kind, ("l1", "l2"), True, reasons=(("broken", "It is <broken>"), ("late", ""))),
            Startable(kind, ("l3",), False, "25001011", "The time is over."),
        )


@dataclass
class Buyer:
    """A browser without script."""

    web: Web
    shop: UUID
    path: str
    channel: Channel

    async def get(self, more: str = "", **headers: str) -> httpx.Response:
        return await self.web.get(f"{self.path}{more}", headers=headers)

    async def look_up(self, order: str = ORDER, code: str = CODE, **headers: str) -> httpx.Response:
        return await self.web.post(self.path, {"order": order, "zip": code}, headers=headers)

    async def form(self, more: str = "") -> Form:
        return form_of(await self.get(f"/order{more}"), "kind", "unit", "reason")

    async def ask(self, form: Form, **changes: Any) -> httpx.Response:
        sent = {name: field.value for name, field in form.fields.items()}
        return await self.web.post(form.action, {**sent, "unit": ["l1"], "reason": "broken", **changes})


@pytest.fixture
async def buyer(web: Web) -> Buyer:
    """Somebody before the open portal of a shop."""
    shop = await seeding.shop(web.pool)
    await web.services.commands.portal.set_open(shop, True, "dana")
    channel = Channel()
    web.outside.channel = channel
    return Buyer(web, shop, f"/portal/{shop}", channel)


def form_of(answer: httpx.Response, *names: str) -> Form:
    """The form with these fields, as a browser without script reads it."""
    return read(answer.text, answer.status_code, str(answer.url)).form(*names)


def offered(form: Form, name: str) -> list[str]:
    """What can be picked."""
    return [each.value for each in form.fields[name].choices]


def typed(answer: httpx.Response) -> tuple[str, str]:
    """What stands in the fields for order number and postal code."""
    fields = form_of(answer, "order", "zip").fields
    return fields["order"].value, fields["zip"].value


def filled(answer: httpx.Response) -> tuple[set[str], str, str]:
    """What is chosen and typed in the form for a return."""
    form = form_of(answer, "kind", "unit", "reason")
    chosen = set(re.findall(r'name="unit" value="([^"]*)" checked', answer.text))
    reason = re.search(r'<option value="([^"]*)" selected', answer.text)
    return chosen, reason[1] if reason else "", form.fields["note"].value


def text_of(answer: httpx.Response) -> str:
    """What a person reads, with blanks made one."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


async def test_the_whole_way_without_script(buyer: Buyer) -> None:
    page = await buyer.get()
    assert page.status_code == 200
    assert "TikTok Shop order number" in page.text
    assert "e-mail address does not work" in text_of(page)
    assert "<script" not in page.text
    assert "set-cookie" not in page.headers  # a stranger gets none

    found = await buyer.look_up(code="90001-4321")
    assert (found.status_code, found.headers["location"]) == (303, f"{buyer.path}/order")
    cookie = found.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/portal" in cookie

    page = await buyer.get("/order")
    assert "Mug, &lt;blue&gt;" in page.text
    assert "The time is over." in page.text
    assert "It is &lt;broken&gt;" in page.text
    assert "Another reason" in page.text
    form = await buyer.form()
    assert offered(form, "unit") == ["l1", "l2"]
    assert offered(form, "reason") == ["", "broken", "late"]

    sent = await buyer.ask(form, note="It came <broken>.")
    assert sent.status_code == 303
    case = UUID(sent.headers["location"].rpartition("#c-")[2])
    start = (await cases.said(buyer.web.pool, case)).start
    assert start is not None
    assert (start.kind, start.lines, start.reason_key, start.by) == (Kind.RETURN, ("l1",), "broken", "buyer")
    assert start.buyer
    assert notes.read(buyer.web.services.commands.vault, buyer.shop, start) == "It came <broken>."
    shown = text_of(await buyer.get("/order"))
    assert "We have your request" in shown
    assert "under way or done" in shown

    again = await buyer.ask(form, note="It came <broken>.")
    assert again.headers["location"] == sent.headers["location"]
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 1


async def test_a_declined_request_shows_the_shops_words_and_may_be_asked_again(buyer: Buyer) -> None:
    await buyer.look_up()
    sent = await buyer.ask(await buyer.form())
    case = UUID(sent.headers["location"].rpartition("#c-")[2])
    await buyer.web.services.commands.beginnings.decline(case, "A final sale, <sorry>.", "dana")
    page = await buyer.get("/order")
    assert "Declined" in page.text
    assert "A final sale, &lt;sorry&gt;." in page.text
    assert offered(await buyer.form(), "unit") == ["l1", "l2"]


ADDRESSES = (
    (f"order={ORDER}&zip={CODE}", ORDER, CODE),
    (f"order_id={ORDER}&postal_code=SW1A%201AA", ORDER, "SW1A 1AA"),
    (f"orderNumber={ORDER}&postCode={CODE}&utm_source=x", ORDER, CODE),
    (f"order_number={ORDER}&zipcode=%7Bzip%7D", ORDER, ""),
    ("order={order}&zip={zip}", "", ""),
    ("orderId=%5BORDER%5D&zip_code=$ZIP", "", ""),
    ("order=%22%3E%3Cscript%3E&zip=1", '"><script>', "1"),
)


async def test_what_an_address_carries_leaves_it_and_stands_in_the_form(buyer: Buyer) -> None:
    for query, order, code in ADDRESSES:
        buyer.web.client.cookies.clear()
        moved = await buyer.get(f"?{query}")
        assert (moved.status_code, moved.headers["location"]) == (303, buyer.path), query
        cookie = moved.headers.get("set-cookie", "")
        assert bool(cookie) == bool(order or code), query
        assert not cookie or (ORDER not in cookie and CODE not in cookie and "httponly" in cookie.lower())
        page = await buyer.get()
        assert typed(page) == (order, code), query
        assert "<script>" not in page.text


async def test_what_was_carried_is_forgotten_once_the_order_is_found(buyer: Buyer) -> None:
    await buyer.get(f"?order={ORDER}&zip={CODE}")
    await buyer.look_up()
    assert typed(await buyer.get()) == ("", "")


async def test_a_cookie_that_is_not_ours_is_nothing(buyer: Buyer) -> None:
    for value in ("x", "AAAA", "é"):
        page = await buyer.web.get(buyer.path, headers={"cookie": f"backhaul_portal_given={value}".encode()})
        assert page.status_code == 200
    other = await seeding.shop(buyer.web.pool, "Other")
    await buyer.web.services.commands.portal.set_open(other, True, "dana")
    await buyer.get(f"?order={ORDER}&zip={CODE}")
    assert ORDER not in (await buyer.web.get(f"/portal/{other}")).text
    await buyer.look_up()
    assert (await buyer.web.get(f"/portal/{other}/order")).status_code == 403


MISTAKES = (
    ("jo@example.com", CODE, "An e-mail address does not work here"),
    ("#1004", CODE, "looks like a number of our own"),
    ("", CODE, "Type your order number"),
    (ORDER, "", "Type the postal code"),
    ("<b>576461413038785752</b>", CODE, "This is no order number"),
    ("5" * 199, CODE, "This is no order number"),
)


async def test_what_cannot_be_looked_up_gets_a_helpful_answer(buyer: Buyer) -> None:
    for order, code, told in MISTAKES:
        page = await buyer.look_up(order, code)
        assert page.status_code == 422, told
        assert told in text_of(page)
        assert typed(page) == (order, code)
        assert "<b>" not in page.text
    assert buyer.channel.reads == 0


async def test_a_wrong_code_and_no_such_order_are_the_same_page(buyer: Buyer) -> None:
    wrong = await buyer.look_up(ORDER, "10000")
    absent = await buyer.look_up("576461413038785753", "10000")
    assert wrong.status_code == absent.status_code == 422
    assert wrong.text.replace(ORDER, "") == absent.text.replace("576461413038785753", "")
    assert "set-cookie" not in wrong.headers


async def test_too_many_guesses_are_locked_with_the_time_that_is_left(buyer: Buyer) -> None:
    for _ in range(5):
        await buyer.look_up(ORDER, "10000")
    locked = await buyer.look_up()
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 3600
    assert "too many tries" in text_of(locked)
    assert buyer.channel.reads == 5


@pytest.mark.parametrize("error", [Unavailable("busy"), OSError("the database went away")])
async def test_a_side_that_does_not_answer_loses_nothing(buyer: Buyer, error: Exception) -> None:
    buyer.channel.trouble = [error]
    page = await buyer.look_up()
    assert page.status_code == 503
    assert "Nothing was lost" in text_of(page)
    assert "retry-after" in page.headers
    if not isinstance(error, VendorError):
        assert f'href="{buyer.path}">Try again' in page.text
    else:
        assert typed(page) == (ORDER, CODE)
    assert (await buyer.look_up()).status_code == 303
    buyer.channel.trouble = [error]
    page = await buyer.get("/order")
    assert page.status_code == 503
    assert f'href="{buyer.path}/order"' in page.text
    assert (await buyer.get("/order")).status_code == 200


async def test_an_error_of_our_own_says_so_without_its_cause(buyer: Buyer) -> None:
    buyer.channel.trouble = [RuntimeError("secret cause")]
    page = await buyer.look_up()
    assert page.status_code == 500
    assert "It is our fault" in text_of(page)
    assert "secret cause" not in page.text


async def test_a_closed_portal_and_none_at_all_are_one_page(buyer: Buyer) -> None:
    await buyer.web.services.commands.portal.set_open(buyer.shop, False, "dana")
    pages = [
        await buyer.get(),
        await buyer.look_up(),
        await buyer.get("/order"),
        await buyer.web.get(f"/portal/{uuid4()}"),
        await buyer.web.get("/portal/none"),
        await buyer.get("/nothing/here"),
    ]
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert "takes no returns here" in text_of(pages[0])
    assert "To the returns" not in pages[0].text


async def test_the_shops_own_people_see_a_closed_portal(buyer: Buyer) -> None:
    await buyer.web.services.commands.portal.set_open(buyer.shop, False, "dana")
    await buyer.web.sign_in()
    page = await buyer.get()
    assert page.status_code == 200
    assert "Preview" in page.text
    assert (await portal.progress(buyer.web.pool, buyer.shop)).opened_at is None


async def test_a_visit_that_has_ended_begins_again(buyer: Buyer) -> None:
    await buyer.look_up()
    form = await buyer.form()
    await buyer.web.pool.execute("update portal_visit set ends_at = now()")
    for page in (await buyer.get("/order"), await buyer.ask(form), await buyer.get(f"/label/{uuid4()}")):
        assert page.status_code == 403
        assert "visit has ended" in text_of(page)


async def test_what_was_typed_outlives_the_visit(buyer: Buyer) -> None:
    await buyer.look_up()
    form = await buyer.form()
    await buyer.web.pool.execute("update portal_visit set ends_at = now()")
    note = 'It came\n"><script>broken'
    page = await buyer.ask(form, unit=["l1", "l2"], note=note)
    assert page.status_code == 403
    assert "stays" in text_of(page)
    assert typed(page) == (ORDER, "")
    assert "Mug" not in page.text  # nothing of the order before it is proven again
    for code, status in (("10000", 422), ("", 422)):
        page = await again(buyer, page, code)
        assert page.status_code == status
        assert "<script>" not in page.text
    buyer.channel.trouble = [Unavailable("busy")]
    page = await again(buyer, page, CODE)
    assert page.status_code == 503
    page = await again(buyer, page, CODE)
    assert page.status_code == 200
    assert "not sent yet" in text_of(page)
    assert filled(page) == ({"l1", "l2"}, "broken", note)
    assert "<script>" not in page.text
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 0
    sent = await buyer.ask(form_of(page, "kind", "unit", "reason"), note=note)
    assert sent.status_code == 303
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 1


async def test_what_was_typed_is_kept_when_the_channel_fails_after_the_look_up(buyer: Buyer) -> None:
    await buyer.look_up()
    form = await buyer.form()
    await buyer.web.pool.execute("update portal_visit set ends_at = now()")
    page = await buyer.ask(form, note="torn")
    startable = buyer.channel.startable

    async def away(order_id: str, kind: Kind) -> tuple[Startable, ...]:
        raise Unavailable("busy")

    buyer.channel.startable = away  # type: ignore[method-assign]
    page = await again(buyer, page, CODE)
    assert page.status_code == 503
    buyer.channel.startable = startable  # type: ignore[method-assign]
    assert filled(await again(buyer, page, CODE)) == ({"l1"}, "broken", "torn")


async def again(buyer: Buyer, page: httpx.Response, code: str) -> httpx.Response:
    """The order proven once more, on the form of this page with all that it holds."""
    form = form_of(page, "order", "zip")
    carried = {name: field.value for name, field in form.fields.items()}
    units = re.findall(r'type="hidden" name="unit" value="([^"]*)"', page.text)
    return await buyer.web.post(form.action, {**carried, "unit": units, "zip": code})


async def test_no_page_is_a_dead_end(buyer: Buyer) -> None:
    for answer in (await buyer.get("/leave"), await buyer.web.client.put(f"{buyer.path}/leave")):
        assert answer.status_code == 405
        assert f'href="{buyer.path}">Try again' in answer.text


async def test_leaving_takes_the_visit_from_this_device(buyer: Buyer) -> None:
    await buyer.look_up()
    assert f"Go on with order {ORDER}" in text_of(await buyer.get())
    assert (await buyer.web.post(f"{buyer.path}/leave")).status_code == 303
    assert (await buyer.get("/order")).status_code == 403
    assert "Go on with order" not in text_of(await buyer.get())


async def test_forms_of_other_sites_are_not_carried_out(buyer: Buyer) -> None:
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site", "origin": "null"}):
        assert (await buyer.look_up(**headers)).status_code == 403
    assert buyer.channel.reads == 0
    assert (await buyer.look_up(origin="null", **{"sec-fetch-site": "same-origin"})).status_code == 303
    form = await buyer.form()
    refused = await buyer.ask(form, csrf="another", note="too <small>")
    assert refused.status_code == 403
    assert "looked up again" in text_of(refused)
    assert filled(refused) == ({"l1"}, "broken", "too <small>")
    assert "too <small>" not in refused.text
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 0


async def test_a_form_of_an_order_before_leads_back_to_that_order(buyer: Buyer) -> None:
    await buyer.look_up()
    page = await buyer.ask(await buyer.form(), csrf="another", order="576000000000000001", unit=["m7"], note="torn")
    assert page.status_code == 403
    assert typed(page) == ("576000000000000001", "")
    assert "looked up another order" in text_of(page)
    assert f"Go on with order {ORDER}" in text_of(page)
    carried = form_of(page, "order", "zip").fields
    assert (carried["unit"].value, carried["note"].value) == ("m7", "torn")
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 0


async def test_only_forms_of_these_pages_are_read(buyer: Buyer) -> None:
    head = b'Content-Disposition: form-data; name="order"\r\nContent-Type: text/plain; charset=nope'
    part = b"--a\r\n" + head + b"\r\n\r\n1\r\n--a--\r\n"
    for kind, body in (("multipart/form-data; boundary=a", part), ("application/json", b"{}"), ("", b"order=1&zip=1")):
        page = await buyer.web.client.post(buyer.path, content=body, headers={"content-type": kind})
        assert page.status_code == 422, kind
        assert "no form of this page" in text_of(page)


UNFIT: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"unit": []}, 422, "Choose at least one item."),
    ({"unit": ["l3"]}, 409, "cannot be asked for any more"),
    ({"unit": ["l1", "strange"]}, 409, "cannot be asked for any more"),
    ({"reason": ""}, 422, "Choose a reason."),
    ({"reason": "made_up"}, 422, "does not fit"),
    ({"note": "x" * 400}, 422, "longer than 300"),
)


async def test_what_does_not_fit_is_said_beside_what_was_chosen(buyer: Buyer) -> None:
    await buyer.look_up()
    form = await buyer.form()
    for changes, status, told in UNFIT:
        page = await buyer.ask(form, **changes)
        assert page.status_code == status, told
        assert told in text_of(page)
        shown = page.text.partition(f'id="{urlsplit(form.action).fragment}">')[2]  # where the browser goes to
        assert told in shown.partition("</p>")[0]
        if "unit" not in changes:
            assert 'value="l1" checked' in page.text
    for wrong in ({"kind": "refund"}, {"kind": ""}, {"once": ""}, {"once": "\0"}):
        assert (await buyer.ask(form, **wrong)).status_code == 422
    assert await buyer.web.pool.fetchval("select count(*) from return_case") == 0


async def test_refunds_without_goods_where_the_shop_allows_them(buyer: Buyer) -> None:
    await buyer.web.services.commands.portal.set_kinds(buyer.shop, [Kind.RETURN, Kind.REFUND], "dana")
    await buyer.look_up()
    assert 'href="' + buyer.path + '/order?kind=refund#new"' in (await buyer.get("/order")).text
    form = await buyer.form("?kind=refund")
    assert form.fields["kind"].value == "refund"
    sent = await buyer.ask(form, note="\r\n".join(["x" * 29] * 10))  # 299 characters, as the browser counts them
    assert sent.status_code == 303
    start = (await cases.said(buyer.web.pool, UUID(sent.headers["location"].rpartition("#c-")[2]))).start
    assert start is not None
    assert start.kind is Kind.REFUND


async def test_the_shops_words_in_the_buyers_language(buyer: Buyer) -> None:
    settings = buyer.web.services.commands.portal
    await settings.set_texts(buyer.shop, "de", Texts("Retoure <hier>", "Zwei\nZeilen", "Hilfe"), "dana")
    await settings.set_texts(buyer.shop, "en", Texts("Send it to us"), "dana")
    german = await buyer.get(**{"accept-language": "fr;q=0.2, de-CH, en;q=0.5"})
    assert 'lang="de"' in german.text
    assert "Retoure &lt;hier&gt;" in german.text
    assert "Send it to us" in (await buyer.get(**{"accept-language": "en-GB"})).text
    assert "Retoure" in (await buyer.get("?lang=de")).text
    form = form_of(await buyer.get("?lang=de"), "order", "zip")
    assert "Retoure" in (await buyer.web.post(form.action, {"order": ORDER, "zip": "10000"})).text  # a mistake keeps it
    kept = await buyer.get(f"?lang=de&order={ORDER}")
    assert kept.headers["location"] == f"{buyer.path}?lang=de"
    assert (await buyer.get(f"?lang=pt_BR&order={ORDER}")).headers["location"] == f"{buyer.path}?lang=pt-br"
    evil = await buyer.get(f"?lang=%0d%0ax&order={ORDER}")
    assert evil.headers["location"] == buyer.path


@pytest.mark.parametrize(
    ("accepted", "wanted", "found"),
    [
        ("", "", ""),
        ("de", "", "de"),
        ("pt", "", "pt-br"),
        ("pt-PT", "", "pt-br"),
        ("en, de;q=0.9", "", ""),
        ("fr, de;q=0", "", ""),
        ("fr, de;q=x, pt-br;q=0.1", "", "pt-br"),
        ("de", "pt-br", "pt-br"),
        ("de", "xx", "de"),
        (";;;,,q=,", "", ""),
    ],
)
def test_the_language_that_a_browser_asks_for_first(accepted: str, wanted: str, found: str) -> None:
    assert language(accepted, wanted, {"de": Texts("a"), "pt-br": Texts("b")}) == found


async def test_what_browsers_and_search_engines_are_told(buyer: Buyer) -> None:
    for page in (await buyer.get(), await buyer.look_up(), await buyer.get("/order"), await buyer.get("/nowhere")):
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert page.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not re.search(r'(?:src|href|action)="(?!/)', page.text)  # nothing of anybody else
    assert (await buyer.web.get("/signin")).headers["referrer-policy"] == "same-origin"


async def test_nothing_of_the_buyer_stands_in_a_log(buyer: Buyer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs() as told:
        await buyer.get(f"?order={ORDER}&zip={CODE}")
        await buyer.look_up(ORDER, "98765")
        buyer.channel.trouble = [Unavailable("busy"), RuntimeError("broken")]
        await buyer.look_up()
        await buyer.look_up()
        await buyer.look_up()
        await buyer.ask(await buyer.form())
    assert any(line["event"] == "request failed" for line in told)
    written = repr([{**line, "exc_info": repr(line.get("exc_info"))} for line in told])
    written += "".join(each.getMessage() for each in caplog.records if each.name != "httpx")  # the test's own client
    assert not [value for value in (ORDER, CODE, "98765") if value in written]


async def test_a_form_that_is_far_too_large_is_refused_as_a_buyers_page(buyer: Buyer) -> None:
    page = await buyer.web.post(buyer.path, {"order": "1" * 60_000})
    assert page.status_code == 413
    assert "To the returns" not in page.text


async def _returned(buyer: Buyer, stage: Stage, **changes: Any) -> UUID:
    """A return of the order that the channel shows."""
    way_back = changes.pop("way_back", WayBack())
    case = seeding.channel_case(stage, order_id=ORDER, due=(), way_back=way_back, **changes)
    return await seeding.put(buyer.web.pool, buyer.shop, case)


async def test_what_became_of_it_in_a_buyers_words(buyer: Buyer) -> None:
    sent = await _returned(buyer, Stage.SHIPPED, way_back=WayBack(tracking_number="1Z999", carrier_name="UPS"))
    await _returned(buyer, Stage.COMPLETED)
    await buyer.look_up()
    page = await buyer.get("/order")
    text = text_of(page)
    assert "Your parcel is on its way to the shop." in text
    assert "UPS 1Z999" in text
    assert "Your money has been paid back." in text
    assert "54.98" in text
    assert 'aria-current="step"' in page.text
    assert f'id="c-{sent}"' in page.text
    assert "There is nothing more to ask for" in text
    assert "Dana" not in text


def test_every_standing_is_said_in_words() -> None:
    assert STANDING.keys() == set(Standing)


async def test_the_label_is_had_by_the_orders_buyer_alone(buyer: Buyer) -> None:
    case = await _returned(buyer, Stage.AWAITING_SHIPMENT)
    await buyer.look_up()
    assert "is in the app of TikTok Shop" in text_of(await buyer.get("/order"))
    vault, pool, attachment = buyer.web.services.commands.vault, buyer.web.pool, uuid4()
    content = b"%PDF-1.4 label"
    await files.keep(pool, vault, attachment, buyer.shop, case, name="x.pdf", content=content, by="dana")
    label = Label(str(attachment), "hash", "1Z", "7", "dana", 1, carrier_name="UPS")
    async with pool.acquire() as connection:
        await commands.add(connection, case, buyer.shop, "label", msgspec.json.encode(label), "dana", 1)
    assert f'href="{buyer.path}/label/{case}"' in (await buyer.get("/order")).text
    found = await buyer.get(f"/label/{case}")
    assert (found.content, found.headers["content-type"]) == (content, "application/pdf")
    assert found.headers["content-disposition"] == 'attachment; filename="return-label.pdf"'
    assert (await buyer.get(f"/label/{uuid4()}")).headers["location"] == f"{buyer.path}/order"
    await pool.execute("update return_case set order_id = 'another' where id = $1", case)
    assert (await buyer.get(f"/label/{case}")).headers["location"] == f"{buyer.path}/order"


async def test_over_tls_cookies_are_kept_to_it(buyer: Buyer) -> None:
    assert "secure" not in (await buyer.look_up()).headers["set-cookie"].lower()
    object.__setattr__(buyer.web.services, "base_url", BASE.replace("http:", "https:"))
    assert "secure" in (await buyer.look_up()).headers["set-cookie"].lower()
