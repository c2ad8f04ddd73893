"""Pages of a seeded database: what they show, what they refuse, and that text never becomes code."""

from __future__ import annotations

import codecs
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest

from backhaul.domain.channel import ActionDue, Answerable, Goods, Instead, WayBack
from backhaul.domain.said import Said, Verdict
from backhaul.domain.words import Action, Actor, Condition, Disposition, Kind, ShippedBy, Stage
from backhaul.web import rendering
from backhaul.web.access import COOKIE
from backhaul.work.logins import CallbackResult
from tests.web import seeding
from tests.web.conftest import Web

TEMPLATES = Path(rendering.ROOT) / "templates"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Links(HTMLParser):
    """Collects what a page leads to, and every element's attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= set(found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag in ("a", "link") and found.get("href"):
            self.links.add(str(found["href"]))
        if tag == "script" and found.get("src"):
            self.links.add(str(found["src"]))
        if tag == "form" and found.get("method") == "post":
            self.forms.add(str(found.get("action", "")))


def read(html: str) -> Links:
    parser = Links()
    parser.feed(html)
    return parser


async def test_every_page_renders_and_every_link_leads_somewhere(web: Web) -> None:
    await web.sign_in()
    named = await seeding.lively(web.pool, rows=6)
    todo = ["/", "/?tab=answer", "/exceptions", "/history", "/connections", "/returns.csv"]
    todo += [f"/cases/{key}" for name, key in named.items() if name not in ("us", "uk", "uk_login")]
    seen: set[str] = set()
    forms: set[str] = set()
    while todo:
        path = todo.pop().partition("#")[0]
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        answer = await web.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            page = read(answer.text)
            assert len(page.ids) == len(set(page.ids)), f"{path}: an id stands twice"
            menu = answer.text.partition('<nav aria-label="Main">')[2].partition("</nav>")[0]
            assert menu.count('aria-current="page"') == 1, f"{path}: which of the menu it is"
            todo += page.links
            forms |= page.forms
    assert len(seen) > 30
    routes = {re.sub(r"\{[^}]+\}", "X", route.path) for route in web.app.routes}
    for form in forms:
        general = re.sub(r"[0-9a-f-]{36}", "X", form.replace("/tiktok_shop", "/X"))
        assert general in routes, f"no route takes {form}"


async def test_the_grid_shows_its_ten_columns(web: Web) -> None:
    await web.sign_in()
    named = await seeding.lively(web.pool, rows=0)
    html = (await web.get("/")).text
    heads = re.findall(r'<th scope="col">([^<]+)</th>', html)
    assert heads == [
        "Return", "Order", "Account", "Type", "Status", "On the channel", "Reason", "Requested", "Updated",
        "Next action",
    ]  # fmt: skip
    row = html[html.index(f'id="r-{named["refund"]}"') :]
    row = row[: row.index("</tr>")]
    text = unescape(re.sub(r"<[^>]+>", "", row))
    for part in ("Kiln & Co US", "Refund only", "Requested", "RETURN_OR_REFUND_REQUEST_PENDING", "Does not fit"):
        assert part in text
    assert "Answer refund" in text
    assert "data-copy=" in row
    assert re.search(r'data-deadline="\d+" data-clock="0 0 1"', row)
    assert 'title="ecom_order_delivered_refund_reason_size"' in row


async def test_a_simulated_shop_counts_down_by_its_own_clock(web: Web) -> None:
    await web.sign_in()
    named = await seeding.lively(web.pool, rows=0)
    html = (await web.get(f"/cases/{named['observed']}")).text
    assert f'data-clock="{float(seeding.NOW)} {float(seeding.NOW)} 60.0"' in html


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("tab=answer", 5),
        ("tab=inspect", 3),
        ("tab=exceptions", 3),
        ("kind=refund", 1),
        ("status=in_transit", 1),
        ("due=4h", 1),
        ("q=9400111899223344556677", 1),
        ("q=nothing", 0),
    ],
)
async def test_views_and_filters(web: Web, query: str, count: int) -> None:
    await web.sign_in()
    await seeding.lively(web.pool, rows=0)
    html = (await web.get(f"/?{query}")).text
    assert html.count('class="row-link') == count


@pytest.mark.parametrize(
    "query", ["tab=x", "kind=x", "due=x", "sort=x", "after=x", "before=1.x", "shop=x", "after=9e9.1"]
)
async def test_an_address_that_makes_no_sense_is_said(web: Web, query: str) -> None:
    await web.sign_in()
    answer = await web.get(f"/?{query}")
    assert answer.status_code == 422
    assert "</html>" in answer.text


async def test_three_causes_of_an_empty_grid_have_three_messages(web: Web) -> None:
    await web.sign_in()
    html = (await web.get("/")).text
    assert "No account is connected" in html
    texts = {
        "never_connected": "nobody has given consent yet",
        "expired": "authorisation has expired",
        "disabled": "a person switched it off",
    }
    for state, text in texts.items():
        await web.pool.execute("delete from connection")
        key = await seeding.connection(web.pool, "Kiln", state=state)
        html = (await web.get("/")).text
        assert text in html
        assert f"/connections#c-{key}" in html
        assert not any(other in html for name, other in texts.items() if name != state)


async def test_a_case_shows_lanes_money_and_what_to_do(web: Web) -> None:
    await web.sign_in()
    named = await seeding.lively(web.pool, rows=0)
    html = (await web.get(f"/cases/{named['answer']}")).text
    for part in ("Decision", "Money", "Parcel", "Stock", "Commerce records", "Approve return", "Reject return",
                 "buyer keeps item", "The item was used", "54.98 USD", "24 hours are left"):  # fmt: skip
        assert part in html
    html = (await web.get(f"/cases/{named['paid']}")).text
    assert "has no payment to book the refund on" in html
    assert "https://admin.shopify.com/store/kiln/orders/1" in html
    html = (await web.get(f"/cases/{named['missing']}")).text
    assert "Link this order" in html
    assert "#1007" in html
    html = (await web.get(f"/cases/{named['observed']}")).text
    assert "Mark on the commerce order" in html
    assert "What would be sent" in html
    assert (await web.get(f"/cases/{named['us']}")).status_code == 404


async def test_an_exchange_shows_what_is_wanted_and_waits_for_the_goods(web: Web) -> None:
    await web.sign_in()
    shop = await seeding.shop(web.pool)
    back = WayBack(ShippedBy.CHANNEL)
    due = (ActionDue(Action.ANSWER_EXCHANGE, seeding.NOW + 9 * seeding.HOUR),)
    asked = await seeding.put(web.pool, shop, seeding.channel_case(kind=Kind.EXCHANGE, way_back=back, due=due))
    html = (await web.get(f"/cases/{asked}")).text
    assert "The channel does not say it here" in html
    assert "made when it is approved" in html
    sent = seeding.channel_case(Stage.COMPLETED, Kind.EXCHANGE, way_back=back)
    instead = Instead((Goods("9", "MUG-GREEN", "Stoneware mug, green"),), "5769999")
    case = await seeding.put(web.pool, shop, sent, seen={"instead": instead})
    html = (await web.get(f"/cases/{case}")).text
    for text in ("Sent instead", "Stoneware mug, green", "MUG-GREEN", "5769999", "Awaiting parcel", "not received"):
        assert text in html, text
    assert "All 2 have arrived" in html
    word = await web.sign_in()
    answer = await web.post(f"/cases/{case}/received", {"csrf": word, "unit": ["u1", "u2"]})
    assert answer.status_code == 303, answer.text
    kind, body = (await web.commands())[-1]
    assert (kind, list(body)) == ("receive", ["u1", "u2"])
    shown = (await web.get(f"/api/v1/cases/{case}", headers=await web.token())).json()["instead"]
    assert shown == {
        "goods": [{"sku_id": "9", "sku": "MUG-GREEN", "name": "Stoneware mug, green"}],
        "order_id": "5769999",
    }
    replaced = seeding.channel_case(Stage.COMPLETED, Kind.REPLACEMENT)
    html = (await web.get(f"/cases/{await seeding.put(web.pool, shop, replaced)}")).text
    assert "the same once more" in html
    assert "no goods come back" in html
    assert "It came back all the same" in html


async def test_a_case_says_who_began_it_and_what_may_be_answered(web: Web) -> None:
    await web.sign_in()
    shop = await seeding.shop(web.pool)
    case = seeding.channel_case(started_by=Actor.SYSTEM)
    no = "the type does not match"
    answers = [Answerable("approve_return", True), Answerable("reject_return", True)]
    answers += [Answerable(each, False, "25020004", no) for each in ("accept_parcel", "refuse_parcel")]
    key = await seeding.put(web.pool, shop, case, answerable=tuple(answers))
    text = " ".join(re.sub(r"<[^>]+>", " ", (await web.get(f"/cases/{key}")).text).split())
    assert "Begun on the channel" in text
    assert "Asked for it on the channel" not in text
    assert "May be answered Approve return, Reject return" in text
    assert f"Not now Accept parcel, Refuse parcel: {no} (25020004)" in text
    asked = await seeding.put(web.pool, shop, seeding.channel_case())
    assert "Asked for it on the channel" in (await web.get(f"/cases/{asked}")).text


async def test_related_cases_are_linked(web: Web) -> None:
    await web.sign_in()
    us = await seeding.shop(web.pool)
    first = seeding.channel_case(Stage.CANCELLED, order_id="777")
    one = await seeding.put(web.pool, us, first)
    two = await seeding.put(web.pool, us, seeding.channel_case(order_id="778", previous_id=first.id))
    other = await seeding.put(web.pool, us, seeding.channel_case(order_id="777"))
    html = (await web.get(f"/cases/{two}")).text
    assert f"/cases/{one}" in html
    assert "earlier version" in html
    assert f"/cases/{other}" not in html
    assert f"/cases/{other}" in (await web.get(f"/cases/{one}")).text


async def test_hostile_text_stays_text(web: Web) -> None:
    await web.sign_in()
    us = await seeding.shop(web.pool, HOSTILE)
    unit = seeding.channel_case().units[0]
    case = seeding.channel_case(
        reason_text=HOSTILE, reason_key=HOSTILE, raw_status=HOSTILE, raw_kind=HOSTILE, unread={HOSTILE: HOSTILE},
        units=(type(unit)(HOSTILE, "l1", "s", HOSTILE, HOSTILE),),
    )  # fmt: skip
    known = seeding.missing_order()
    order = seeding.commerce_order()
    bad = type(order)(order.id, HOSTILE, "USD", 1, order.lines, admin_url="javascript:alert(1)")
    key = await seeding.put(
        web.pool, us, case, seen={**known, "commerce": bad},
        said=Said(verdicts={HOSTILE: Verdict(Condition.DAMAGED, Disposition.NOT_RESTOCKED, HOSTILE, 1, HOSTILE)}),
    )  # fmt: skip
    await seeding.tell(web.pool, us, key, seeding.NOW, HOSTILE, "x", HOSTILE)
    for path in (
        "/",
        f"/cases/{key}",
        "/exceptions",
        "/history",
        "/connections",
        f"/shops/{us}/live",
        f"/?q={HOSTILE}",
    ):
        page = read((await web.get(path)).text)
        assert not any(name.startswith("on") for name in page.attributes), path
        assert "img" not in page.tags, path
        assert not any(link.startswith("javascript:") for link in page.links), path
        assert page.tags.count("script") <= 3, path


async def test_headers_forbid_code_in_pages(web: Web) -> None:
    await web.sign_in()
    for path in ("/", "/nope", "/signin", "/healthz", "/static/app.css", "/schema/openapi.json"):
        answer = await web.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await web.get("/")).headers["cache-control"] == "no-store"


def test_no_template_has_code_or_style_in_it() -> None:
    sources = {path.name: path.read_text() for path in TEMPLATES.glob("*.html")}
    assert len(sources) > 15
    for name, text in sources.items():
        assert not re.search(r"\son[a-z]+\s*=", text), name
        assert not re.search(r"\sstyle\s*=|<style", text), name
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), name
        assert "hx-on" not in text, name
        assert "hx-vals='js" not in text, name
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), name
        assert "|safe" not in text, name


async def test_htmx_gets_the_page_without_its_frame(web: Web) -> None:
    await web.sign_in()
    await seeding.lively(web.pool, rows=0)
    whole, part = await web.get("/"), await web.get("/", headers={"hx-request": "true"})
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert '<main id="main"' in part.text
    assert "<title>All returns" in part.text
    assert "hx-request" in part.headers["vary"].lower()


async def test_deciding_goes_through_the_real_command(web: Web) -> None:
    csrf = await web.sign_in()
    named = await seeding.lively(web.pool, rows=0)
    path = f"/cases/{named['answer']}/decision"
    form = {"csrf": csrf, "action": "answer_return", "round": "1", "decision": "reject_return"}
    refused = await web.post(path, form)
    assert refused.status_code == 422
    assert "needs a reason" in refused.text
    done = await web.post(path, {**form, "reason_key": "seller_reject_used", "comment": "Worn."})
    assert done.status_code == 303
    said = await web.commands()
    assert [kind for kind, _ in said] == ["vote"]
    assert said[0][1]["reason_key"] == "seller_reject_used"
    assert said[0][1]["by"] == "Dana"
    shown = await web.get(done.headers["location"])
    assert "your answer is on its way" in shown.text
    assert "your answer is on its way" not in (await web.get(done.headers["location"])).text
    late = await web.post(path, {**form, "round": "4", "reason_key": "x"}, headers={"hx-request": "true"})
    assert late.status_code == 409
    assert late.text.startswith('<p class="notice bad"')


@pytest.mark.parametrize(
    ("path", "form", "text"),
    [
        ("decision", {"action": "answer_return", "round": "1", "decision": "burn"}, "is none of"),
        ("decision", {"action": "answer_return", "round": "x", "decision": "approve_return"}, "whole number"),
        ("received", {}, "at least one unit"),
        ("inspection", {"unit": "u1", "condition:u1": "sellable", "disposition:u1": "sell"}, "is none of"),
        ("inspection", {"unit": "u1"}, "at least one unit"),
        ("label", {"tracking_number": "1"}, "choose a file"),
        ("link-order", {}, "is missing"),
        ("waive", {"lane": "decision"}, "cannot be waived"),
    ],
)
async def test_forms_say_what_is_wrong(web: Web, path: str, form: dict[str, str], text: str) -> None:
    csrf = await web.sign_in()
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    answer = await web.post(f"/cases/{key}/{path}", {"csrf": csrf, **form})
    assert answer.status_code == 422
    assert text in unescape(answer.text)
    assert await web.commands() == []


async def test_an_error_leads_back_to_the_page_of_its_form(web: Web) -> None:
    form = {"csrf": await web.sign_in(), "booker": "the neighbour"}
    us = await seeding.shop(web.pool)
    link = '<a class="button primary" href="{}">Back to the form</a>'
    for referer, target in (
        ("http://hub.test/connections", "/connections"),
        ("http://hub.test/start?shop=7", "/start?shop=7"),
        ("https://elsewhere.test/connections", None),
        ("", None),
    ):
        answer = await web.post(f"/shops/{us}/booker", form, headers={"referer": referer})
        assert answer.status_code == 422
        shown = unescape(answer.text)
        assert (link.format(target) in shown) if target else ("Back to the form" not in shown)
        assert "To the returns" in shown


async def test_a_place_is_shown_by_its_name(web: Web) -> None:
    form = {"csrf": await web.sign_in(), "location": "gid://shopify/Location/1"}
    us = await seeding.shop(web.pool, location="gid://shopify/Location/77")
    assert ">77</span>" in (await web.get("/connections")).text  # chosen before names were kept
    assert (await web.post(f"/shops/{us}/location", form | {"location": "gid://attic"})).status_code == 422
    done = await web.post(f"/shops/{us}/location", form)
    assert done.headers["location"] == f"/connections#s-{us}"
    assert ">Main warehouse</span>" in (await web.get("/connections")).text
    assert "chose where restocked units go: Main warehouse" in (await web.get("/history")).text


async def test_inspection_and_label(web: Web) -> None:
    csrf = await web.sign_in("warehouse")
    named = await seeding.lively(web.pool, rows=0)
    verdict = {"csrf": csrf, "unit": ["u1", "u2"], "condition:u1": "sellable", "disposition:u1": "restock"}
    assert (await web.post(f"/cases/{named['inspect']}/inspection", verdict)).status_code == 303
    form = {"csrf": csrf, "tracking_number": "1Z999", "carrier_id": "c1", "document": "label"}
    path = f"/cases/{named['label']}/label"
    wrong = await web.post(path, form, files={"file": ("label.pdf", b"<html>", "application/pdf")})
    assert wrong.status_code == 422
    right = await web.post(path, form, files={"file": ("../la/bel.pdf", b"%PDF-1.4 made by us", "application/pdf")})
    assert right.status_code == 303, right.text
    assert [kind for kind, _ in await web.commands()] == ["inspect", "label"]
    html = (await web.get(f"/cases/{named['label']}")).text
    [link] = re.findall(r'href="(/cases/[^"]+/files/[^"]+)"', html)
    file = await web.get(link)
    assert file.content == b"%PDF-1.4 made by us"
    assert b"made by us" not in await web.pool.fetchval("select bytes from attachment")
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.headers["content-type"] == "application/octet-stream"


async def test_going_live_needs_a_word_on_the_open_cases(web: Web) -> None:
    csrf = await web.sign_in()
    named = await seeding.lively(web.pool, rows=0)
    assert "Go live and take over all 2" in (await web.get(f"/shops/{named['uk']}/live")).text
    silent = await web.post(f"/shops/{named['uk']}/mode", {"csrf": csrf, "mode": "live"})
    assert silent.status_code == 422
    assert await web.pool.fetchval("select mode from shop where id = $1", named["uk"]) == "observe"
    done = await web.post(f"/shops/{named['uk']}/mode", {"csrf": csrf, "mode": "live", "take": "none"})
    assert done.status_code == 303
    assert await web.pool.fetchval("select mode from shop where id = $1", named["uk"]) == "live"


async def test_policy_form_round_trip(web: Web) -> None:
    csrf = await web.sign_in()
    us = await seeding.shop(web.pool)
    form = {
        "csrf": csrf, "default:answer_refund": "approve", "reasons:answer_refund": "",
        "default:answer_return": "reject", "reasons:answer_return": "a, b", "default:judge_parcel": "leave",
        "lead_min": "90", "last_min": "5", "warn_hours": "6, 24, 1", "inspect_days": "10",
        "accept_parcel": "ask", "reasons": "worn = color\n\nbroken=defective",
        "desk_reasons": "worn = Quality / Used before\nlate=Too late", "desk_fallback": "Something else",
        "default:answer_replacement": "leave", "default:answer_exchange": "leave",
        "default:answer_cancellation": "approve", "bad_parcel": "refuse", "on_mixed": "approve", "portal": "start",
        "rules": '[[rules]]\nname = "cheap"\nbelow = "10.00 USD"\nanswer = "keep_item"\n',
    }  # fmt: skip
    path = f"/shops/{us}/policy"
    assert (await web.post(path, form)).status_code == 303
    html = unescape((await web.get(path)).text)
    assert "version 1, by Dana" in html
    assert 'value="24, 6, 1"' in html
    assert 'value="a, b"' in html
    assert "worn = color" in html
    assert "worn = Quality / Used before\nlate = Too late" in html
    assert 'value="Something else"' in html
    assert 'below = "10.00 USD"' in html
    assert '<option value="refuse" selected>' in html
    assert '<option value="start" selected>' in html
    for name, wrong in (
        ("lead_min", "0"),
        ("last_min", "90"),
        ("warn_hours", "x"),
        ("reasons", "worn"),
        ("desk_reasons", "worn = Quality / "),
        ("accept_parcel", ""),
        ("portal", "always"),
        ("rules", "[[rules"),
        ("rules", "lead_s = 5"),
        ("rules", '[[rules]]\nname = "cheap"\nbelow = "10 dollars"\nanswer = "approve"'),
    ):
        answer = await web.post(path, {**form, name: wrong})
        assert answer.status_code == 422, name
    assert await web.pool.fetchval("select count(*) from policy") == 1


async def test_connections_form_comes_from_the_manifest(web: Web) -> None:
    csrf = await web.sign_in()
    html = (await web.get("/connections/new/tiktok_shop")).text
    assert 'name="app_secret" type="password"' in html
    assert "/callback/tiktok_shop" in html
    assert (await web.get("/connections/new/nobody")).status_code == 404
    form = {"csrf": csrf, "title": "Kiln", "app_key": "k", "app_secret": "very-secret", "environment": "live"}
    wrong = await web.post("/connections/new/tiktok_shop", {**form, "app_key": "wrong"})
    assert wrong.status_code == 422
    assert "did not take the credentials" in wrong.text
    assert "very-secret" not in wrong.text
    far = {**form, "environment": "simulated", "api_base": "http://169.254.169.254/latest"}
    assert (await web.post("/connections/new/tiktok_shop", far)).status_code == 422
    far = {**form, "environment": "simulated", "control": "http://169.254.169.254"}
    assert (await web.post("/connections/new/tiktok_shop", far)).status_code == 422
    near = {**form, "environment": "simulated", "api_base": "http://127.0.0.1:9/", "control": "http://127.0.0.1:8/"}
    assert (await web.post("/connections/new/tiktok_shop", near)).status_code == 303
    [added] = web.outside.added
    assert added[2] == {"app_key": "k", "app_secret": "very-secret"}
    assert added[6:] == ("http://127.0.0.1:9", "", "http://127.0.0.1:8")


async def test_consent_there_and_back(web: Web) -> None:
    csrf = await web.sign_in()
    key = await seeding.connection(web.pool, "Kiln", state="never_connected")
    page = await web.post(f"/connections/{key}/login", {"csrf": csrf})
    assert web.outside.consent in unescape(page.text)
    jump = await web.post(f"/connections/{key}/login", {"csrf": csrf}, headers={"hx-request": "true"})
    assert jump.headers["hx-redirect"] == web.outside.consent
    assert web.outside.began == ["Dana", "Dana"]
    back = await web.get("/callback/tiktok_shop?code=c&state=s")
    assert back.status_code == 303
    assert web.outside.callbacks == [("tiktok_shop", {"code": "c", "state": "s"}, "Dana", False)]
    web.outside.result = CallbackResult(False, "Several wait.", None, ((key, "Kiln"),))
    choose = await web.get("/callback/tiktok_shop?code=c")
    assert f'name="connection" value="{key}"' in choose.text
    web.outside.result = CallbackResult(True, "Kiln is connected.", key)
    done = await web.post("/callback/tiktok_shop", {"csrf": csrf, "code": "c", "connection": str(key)})
    assert done.headers["location"] == f"/connections#c-{key}"
    assert web.outside.callbacks[-1][1:] == ({"code": "c", "connection": str(key)}, "Dana", True)


async def test_credentials_are_changed_without_being_shown(web: Web) -> None:
    csrf = await web.sign_in()
    key = await seeding.connection(web.pool, "Kiln")
    path = f"/connections/{key}/credentials"
    assert f'href="{path}"' in (await web.get("/connections")).text
    html = (await web.get(path)).text
    assert 'name="app_secret" type="password"' in html
    assert 'value="' not in html.partition('name="app_key"')[2].partition("</form>")[0]
    assert (await web.post(path, {"csrf": csrf, "app_key": "", "app_secret": ""})).status_code == 422
    wrong = await web.post(path, {"csrf": csrf, "app_secret": "wrong"})
    assert wrong.status_code == 422
    assert "did not take the credentials" in wrong.text
    done = await web.post(path, {"csrf": csrf, "app_key": " ", "app_secret": "very-new"})
    assert done.headers["location"] == f"/connections#c-{key}"
    assert web.outside.added == [("again", key, "Dana", {"app_secret": "very-new"})]
    gone = path.replace(str(key), str(UUID(int=1)))
    assert (await web.get(gone)).status_code == 404


async def test_a_login_without_a_consent_page_is_made_at_once(web: Web) -> None:
    csrf = await web.sign_in()
    key = await seeding.connection(web.pool, "Kiln", state="expired")
    web.outside.consent = ""
    await web.post(f"/connections/{key}/login", {"csrf": csrf})
    assert web.outside.added == [("again", key, "Dana", {})]


async def test_csv_holds_the_filtered_grid_and_no_formulas(web: Web) -> None:
    await web.sign_in()
    us = await seeding.shop(web.pool)
    await seeding.put(web.pool, us, seeding.channel_case(reason_text="=HYPERLINK(1)"))
    await seeding.put(web.pool, us, seeding.channel_case(Stage.CANCELLED))
    answer = await web.get("/returns.csv?tab=answer")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(codecs.BOM_UTF8)
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert ",'=HYPERLINK(1)," in lines[1]
    assert ",54.98,USD," in lines[1]


async def test_a_chosen_theme_is_kept(web: Web) -> None:
    await web.sign_in()
    token = web.client.cookies[COOKIE]
    for theme, shown in (("dark", True), ("evil", False)):
        web.client.cookies.clear()
        web.client.cookies.set(COOKIE, token)
        web.client.cookies.set("theme", theme)
        assert (f'data-theme="{theme}"' in (await web.get("/")).text) is shown


async def test_a_case_that_was_never_read_has_a_page(web: Web) -> None:
    await web.sign_in()
    us = await seeding.shop(web.pool)
    key = await web.pool.fetchval(
        "insert into return_case (id, shop_id, channel_kind, channel_id) values (gen_random_uuid(), $1, 'return', '9') "
        "returning id",
        us,
    )
    page = await web.get(f"/cases/{key}")
    assert page.status_code == 200
    assert "Not looked at yet" in page.text
    assert "New" in (await web.get("/")).text


class Controls(HTMLParser):
    """Counts controls that nothing names, and headings of the first rank."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = 0
        self.nameless: list[str] = []
        self.first = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.labels += tag == "label"
        self.first += tag == "h1"
        control = tag in ("select", "textarea") or (tag == "input" and found.get("type") != "hidden")
        if control and not self.labels and not found.get("aria-label"):
            self.nameless.append(str(found))

    def handle_endtag(self, tag: str) -> None:
        self.labels -= tag == "label"


async def test_screen_readers_get_names_and_one_heading(web: Web) -> None:
    await web.sign_in()
    named = await seeding.lively(web.pool, rows=2)
    paths = ["/", "/exceptions", "/history", "/connections", "/connections/new/tiktok_shop"]
    paths += [f"/shops/{named['us']}/policy", f"/shops/{named['uk']}/live"]
    paths += [f"/cases/{named[name]}" for name in ("answer", "label", "inspect", "missing", "paid", "observed")]
    for path in paths:
        parser = Controls()
        parser.feed((await web.get(path)).text)
        assert parser.nameless == [], path
        assert parser.first == 1, path
