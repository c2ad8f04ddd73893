"""The console over HTTP: every page, every button, and what it tells somebody whose call was refused."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import aiohttp
import pytest

from backhaul.simulator.console import forms
from backhaul.simulator.moods import Mood
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok import reasons
from backhaul.simulator.tiktok.decisions import Decision
from backhaul.simulator.tiktok.sales import Unit
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import RETURNS, START, Wire, signature

DOMAIN = "sim-console.myshopify.com"
SHOP_SPECS = [ShopSpec(name="One & <two>", commerce_domain=DOMAIN), ShopSpec(name="Three", region="GB")]


class Browser:
    """Opens pages and sends their forms as a browser without scripts does."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        self.base, self.session = sim.addresses["console"], session
        self.text, self.path = "", ""

    async def open(self, path: str, status: int = 200) -> str:
        async with self.session.get(self.base + path) as answer:
            assert answer.status == status, path
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            self.text, self.path = await answer.text(), path
        return self.text

    async def press(self, button: str, **typed: str) -> str:
        """Sends the form of the open page that has a button of this name, with some fields filled in."""
        for form in re.findall(
            r"<form method=\"post\".*?</form>|<form class[^>]*method=\"post\".*?</form>", self.text, re.S
        ):
            if re.search(rf"<button[^>]*>{re.escape(button)}</button>", form):
                break
        else:
            raise AssertionError(f"no button {button!r} on {self.path}")
        fields: dict[str, Any] = {}
        for tag in re.findall(r"<input[^>]*>", form):
            name = re.search(r'name="([^"]*)"', tag)
            value = re.search(r'value="([^"]*)"', tag)
            if name and 'type="checkbox"' not in tag and 'type="file"' not in tag:
                fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
        for name, options in re.findall(r"<select name=\"([^\"]*)\">(.*?)</select>", form, re.S):
            chosen = re.search(r"<option(?: value=\"([^\"]*)\")?[^>]* selected[^>]*>([^<]*)", options) or re.search(
                r"<option(?: value=\"([^\"]*)\")?[^>]*>([^<]*)", options
            )
            assert chosen is not None
            fields[name] = html.unescape(chosen.group(2) if chosen.group(1) is None else chosen.group(1))
        assert set(typed) <= set(fields), fields
        action = re.search(r'action="([^"]*)"', form)
        assert action is not None
        async with self.session.post(self.base + action.group(1), data=fields | typed, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            return await self.open(answer.headers["Location"])

    def notice(self) -> tuple[str, str]:
        found = re.search(r'<p class="notice (\w+)" role="status">(.*?)</p>', self.text)
        assert found is not None
        return found.group(1), html.unescape(found.group(2))


@pytest.fixture
def browser(sim: Simulator, session: aiohttp.ClientSession) -> Browser:
    return Browser(sim, session)


async def test_every_page_opens(sim: Simulator, wire: Wire, browser: Browser) -> None:
    case = wire.ask()
    cancelled = sim.channel.cancellations.request(wire.order(status="AWAITING_SHIPMENT"))
    await wire.search()
    sim.moods.add(Mood("slow", probability=0.5, params={"seconds": 0.0}))
    paths = ["/", "/orders", "/returns", "/cancellations", "/stores", "/desks", "/requests", "/webhooks", "/moods"]
    paths += [f"/shops/{shop_id}" for shop_id in sim.channel.world.shops]
    paths += [f"/orders/{case.order.id}", f"/returns/{case.id}", f"/cancellations/{cancelled.id}"]
    paths += [f"/returns?shop={wire.shop.id}&status={case.status}&open=1&q={case.id}", "/orders?q=jkt&page=1"]
    for path in paths:
        text = await browser.open(path)
        assert "<two>" not in text, path
        assert not re.search(r"<(script|style)>|style=|\son\w+=", text), path
        assert not re.search(r'(src|href)="(https?:)?//(?!127\.0\.0\.1)', text), path
    await browser.open("/returns/404", 404)
    await browser.open("/nowhere", 404)


async def test_a_person_plays_a_return_from_the_order_to_the_money(sim: Simulator, browser: Browser) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    await browser.open(f"/shops/{shop_id}")
    await browser.press(
        "Place the order", **{"lines.0.quantity:whole": "2", "lines.2.sku": "LIP-MNT", "copy.style": "tag"}
    )
    assert browser.notice() == ("good", "The order is placed.")
    (order,) = sim.channel.world.orders.values()
    assert [line.product.seller_sku for line in order.lines] == ["JKT-BLU-M"] * 2 + ["LIP-MNT"]
    await browser.press("Ask", **{"units:whole": "2", "kind": "RETURN_AND_REFUND", "shipment": "PLATFORM"})
    (case,) = sim.channel.world.returns.values()
    assert (case.status, len(case.lines)) == (m.PENDING, 2)
    await browser.press("Approve return")
    await browser.press("Send the parcel", tracking_number="9400X")
    await browser.press("Deliver the parcel")
    assert (case.tracking_number, case.delivered_at) == ("9400X", START)
    await browser.press("Approve received package")
    await browser.press("Let 1 day pass")
    assert case.status == m.COMPLETE
    assert "The return has ended." in browser.text
    await browser.press("Refund", **{"amount:whole": "100"})
    assert browser.notice()[0] == "good"
    (store_order,) = sim.commerce.shops[DOMAIN].orders.values()
    assert store_order.refunded_minor == 100
    actors = [row["actor"] for row in sim.books.of(shop_id).decisions]
    assert actors == ["SELLER_CENTER", "SELLER_CENTER"]


async def test_the_return_button_is_led_to_the_merchant(sim: Simulator, wire: Wire, browser: Browser) -> None:
    order = wire.order(status="DELIVERED")
    await browser.open(f"/orders/{order.id}")
    assert "The app opens TikTok's own form" in browser.text
    await browser.open(f"/shops/{wire.shop.id}")
    await browser.press("Save the address", **{"redirect.address:line": "http://h/{order}?z={postcode}"})
    assert browser.notice() == (
        "bad",
        "Not done: 400: unknown placeholder {postcode}; known: {order} and {zip}",
    )
    address = {"redirect.address:line": "http://127.0.0.1:1/portal?order={order}&zip={zip}"}
    await browser.press("Save the address", **address)
    await browser.open(f"/orders/{order.id}")
    assert "is not allow-listed" in browser.text
    await browser.open(f"/shops/{wire.shop.id}")
    await browser.press("Save the address", **{"redirect.allowed:json": "true"})
    assert "leads to the merchant" in browser.text
    await browser.open(f"/orders/{order.id}")
    link = f"http://127.0.0.1:1/portal?order={order.id}&zip={order.buyer.postal_code}"
    assert f'href="{html.escape(link)}"' in browser.text
    await browser.open(f"/shops/{wire.shop.id}")
    await browser.press("Save the address", **{"redirect.address:line": ""})
    await browser.open(f"/orders/{order.id}")
    assert "has no address for its buyers" in browser.text
    waiting = wire.order(status="AWAITING_SHIPMENT")
    assert "shows no return button" in await browser.open(f"/orders/{waiting.id}")


async def test_refusals_offers_disputes_and_edits(sim: Simulator, wire: Wire, browser: Browser) -> None:
    case = wire.ask()
    await browser.open(f"/returns/{case.id}")
    await browser.press("Offer it", **{"partial_refund.amount": "1.00"})
    assert case.status == m.AWAITING_RESPONSE
    await browser.press("Refuse the offer")
    await browser.press("Reject return")
    assert case.status == m.REJECTED
    await browser.press("Dispute the refusal")
    await browser.press("Side with the buyer")
    assert (case.status, case.arbitration) == (m.AWAITING_SHIP, "SUPPORT_BUYER")
    other = wire.ask()
    await browser.open(f"/returns/{other.id}")
    await browser.press("Edit the request", kind="REFUND")
    assert other.next_id in browser.text
    assert sim.channel.world.returns[other.next_id].type == "REFUND"


async def test_cancelling_an_order(sim: Simulator, wire: Wire, browser: Browser) -> None:
    order = wire.order(status="AWAITING_SHIPMENT")
    await browser.open(f"/orders/{order.id}")
    await browser.press("Ask to cancel the order")
    (case,) = sim.channel.world.cancellations.values()
    assert case.status == m.CANCEL_PENDING
    await browser.press("Keep the order after all")
    assert case.status == m.CANCEL_CANCELLED


async def test_what_cannot_be_done_is_said_and_nothing_happens(sim: Simulator, wire: Wire, browser: Browser) -> None:
    case = wire.ask()
    text = await browser.open(f"/returns/{case.id}")
    sim.channel.aftersales.withdraw(case)  # meanwhile
    browser.text = text
    await browser.press("Approve return")
    tone, notice = browser.notice()
    assert (tone, notice[:13]) == ("bad", "Not done: 409")
    assert sim.books.of(wire.shop.id).decisions == []
    await browser.open("/clock")
    await browser.press("Jump", **{"set:moment": "tomorrow"})
    assert browser.notice() == ("bad", "Not done: set: 'tomorrow' is not a moment such as 2026-11-27 14:30")


async def test_the_clock(sim: Simulator, browser: Browser) -> None:
    await browser.open("/clock")
    await browser.press("+6 h")
    await browser.press("Step", **{"step_seconds:seconds": "2d"})
    assert sim.clock.now() == START + 6 * 3600 + 2 * 86400
    await browser.press("An hour a minute")
    assert sim.clock.rate == 60
    await browser.press("Let them come", **{"per_minute:number": "3"})
    assert sim.buyers.temper is not None
    await browser.press("Nobody more")
    assert sim.buyers.temper is None


async def test_moods_are_added_drawn_loaded_and_removed(
    sim: Simulator, browser: Browser, session: aiohttp.ClientSession
) -> None:
    await browser.open("/moods")
    await browser.press(
        "Add", kind="rate_limit", vendor="shopify", **{"params.retry_after:number": "3", "times:whole": "2"}
    )
    (rule,) = sim.moods.rules()
    assert (rule.kind, rule.vendor, rule.times, rule.params) == ("rate_limit", "shopify", 2, {"retry_after": 3})
    await browser.press("Remove")
    assert sim.moods.rules() == []
    await browser.press("Draw", seed="5")
    assert sim.moods.rules()
    await browser.press("Good weather again")
    assert sim.moods.rules() == []
    for text, tone in (("[[moods]]\nkind = 'slow'\n", "good"), ("\nmood = 1\n", "bad")):
        form = aiohttp.FormData({"call": "POST /moods/file", "back": "/moods"})
        form.add_field("text", text.encode(), filename="day.toml", content_type="application/toml")
        async with session.post(browser.base + "/do", data=form, allow_redirects=False) as answer:
            await browser.open(answer.headers["Location"])
        assert browser.notice()[0] == tone
    assert browser.notice()[1].startswith("Not done: 400: day.toml:2: unknown key 'mood'; expected one of")
    assert [rule.kind for rule in sim.moods.rules()] == ["slow"]


async def _why(sim: Simulator, browser: Browser) -> dict[str, tuple[str, str]]:
    """What the page of the latest request says it expected and got."""
    number = sim.books.requests[-1]["number"]
    text = await browser.open(f"/requests/{number}")
    assert f"/requests/{number}" in await browser.open("/requests?only=refused")
    rows = re.findall(
        r'data-name="What"><strong>(.*?)</strong></td><td data-name="Expected"[^>]*>(.*?)</td>'
        r'<td data-name="Came"[^>]*>(.*?)</td>',
        text,
        re.S,
    )
    return {html.unescape(what): (html.unescape(wanted), html.unescape(got)) for what, wanted, got in rows}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("no body", "the body was left out"),
        ("upper", "that signature is right, but in upper case"),
        ("other form", "a JSON body was signed in another form than it was sent in"),
        ("secret", ""),
    ],
)
async def test_a_wrong_signature_is_explained(wire: Wire, browser: Browser, mistake: str, said: str) -> None:
    raw = b'{ "locale": "en" }'
    query = wire.query(RETURNS, {}, raw)
    secret = wire.sim.app.app_secret
    query["sign"] = {
        "no body": signature(secret, RETURNS, query),
        "upper": query["sign"].upper(),
        "other form": signature(secret, RETURNS, query, b'{"locale":"en"}'),
        "secret": signature("sim_another", RETURNS, query, raw),
    }[mistake]
    headers = {"x-tts-access-token": wire.token, "Content-Type": "application/json"}
    assert (await wire.send("POST", RETURNS, query, raw, headers)).code == 106001
    why = await _why(wire.sim, browser)
    right = wire.query(RETURNS, {"timestamp": query["timestamp"]}, raw)["sign"]
    assert why["sign, HMAC-SHA256 in lower-case hex"] == (right, query["sign"])
    wanted, _ = why["text to sign"]
    assert wanted.startswith("{app_secret}" + RETURNS + "app_key" + wire.sim.app.app_key)
    assert wanted.endswith('{ "locale": "en" }{app_secret}')
    assert why.get("what gives the signature that came", ("–", "")) == ("–", said)
    assert wire.token not in browser.text
    assert secret not in browser.text


async def test_other_refusals_of_the_channel_are_explained(wire: Wire, other: Wire, browser: Browser) -> None:
    sim = wire.sim
    late = {"timestamp": str(int(time.time()) - 4000)}
    await wire.call("GET", "/authorization/202309/shops", query=late, cipher=False)
    window, got = (await _why(sim, browser))["timestamp, Unix seconds"]
    assert got == late["timestamp"]
    assert int(window.split(" to ")[0]) > int(got)
    await wire.call("POST", RETURNS, {"locale": "en"}, {"shop_cipher": other.shop.cipher})
    assert (await _why(sim, browser))["shop_cipher of this token"] == (wire.shop.cipher, other.shop.cipher)
    wire.grant.scopes = ("seller.order.info",)
    await wire.search()
    assert (await _why(sim, browser))["scopes of the token"] == ("seller.return_refund.basic", "seller.order.info")
    wire.renew()
    case = wire.ask()
    sim.channel.aftersales.withdraw(case)
    await wire.approve(case, "APPROVE_RETURN")
    assert (await _why(sim, browser))["the return as it is"] == ("–", f"RETURN_AND_REFUND, {m.CANCELLED}")
    await wire.call("GET", "/return_refund/202602/returns/search")
    assert (await _why(sim, browser))["code 36009010"][0] == "another HTTP method for this path"


async def test_refusals_of_the_store_are_explained(
    sim: Simulator, browser: Browser, session: aiohttp.ClientSession
) -> None:
    base = f"{sim.addresses['shopify']}/{DOMAIN}/admin/api/2026-10/graphql.json"
    token = sim.commerce.static_token(DOMAIN)
    async with session.post(base, json={"query": "{ shop { name } }"}, headers={"X-Shopify-Access-Token": "nothing"}):
        wanted, got = (await _why(sim, browser))["header X-Shopify-Access-Token"]
        assert ("static one" in wanted, got) == (True, "nothing")
    headers = {"X-Shopify-Access-Token": token}
    async with session.post(base, json={"query": "{ shop { nam } }"}, headers=headers) as answer:
        assert answer.status == 200
        wanted, got = (await _why(sim, browser))["line 1, column 10"]
        assert wanted.startswith("a field of Shop: ")
        assert "name" in wanted
        assert "'nam' doesn't exist" in got
        assert token not in browser.text
    refund = 'mutation { refundCreate(input: {orderId: "gid://shopify/Order/1"}) @idempotent(key: "k")'
    refund += " { userErrors { field message } } }"
    async with session.post(base, json={"query": refund}, headers=headers) as answer:
        assert (await answer.json())["data"]["refundCreate"]["userErrors"]
        assert any(what.startswith("userErrors") for what in await _why(sim, browser))


async def test_a_mood_is_not_blamed_on_the_client(wire: Wire, browser: Browser) -> None:
    wire.sim.moods.add(Mood("cut_after", "tiktok", times=1))
    with pytest.raises(aiohttp.ClientError):
        await wire.search()
    text = await browser.open(f"/requests/{wire.sim.books.requests[-1]['number']}")
    assert "A mood did this, not the client: cut_after." in text
    assert "no answer" in await browser.open("/requests?only=moods")


async def test_webhooks_are_shown_with_their_attempts(wire: Wire, browser: Browser) -> None:
    wire.sim.app.webhook_address = "http://127.0.0.1:9/"
    case = wire.ask()
    await wire.sim.delivery.idle.wait()
    text = await browser.open(f"/webhooks?q={case.id}")
    (number,) = re.findall(r'href="/webhooks/(\d+)"', text)
    text = await browser.open(f"/webhooks/{number}")
    assert "ClientConnectorError" in text
    assert case.id in text
    assert "2 min, 30 min, 3 h 0 min, 12 h 0 min" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.attacker.com"},
    ],
)
@pytest.mark.parametrize("listener", ["console", "control"])
async def test_other_pages_cannot_steer_it(
    sim: Simulator, session: aiohttp.ClientSession, headers: dict[str, str], listener: str
) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    sim.channel.world.auth.grant(sim.app, sim.channel.world.auth.sellers[sim.channel.world.shops[shop_id].seller_id])
    path = "/do" if listener == "console" else f"/shops/{shop_id}/revoke"
    data = {"call": f"POST /shops/{shop_id}/revoke"} if listener == "console" else None
    async with session.post(sim.addresses[listener] + path, data=data, headers=headers) as answer:
        assert answer.status == 403
    assert sim.channel.world.auth.live_grants(shop_id)


async def test_a_form_leads_back_to_the_console_only(sim: Simulator, session: aiohttp.ClientSession) -> None:
    for back in ("http://evil.example/", "//evil.example/", "javascript:alert(1)"):
        data = {"call": "POST /clock", "back": back, "step_seconds:number": "1"}
        url = sim.addresses["console"] + "/do"
        async with session.post(url, data=data, allow_redirects=False) as answer:
            assert answer.headers["Location"].startswith("/?said=")


def test_fields_of_forms() -> None:
    fields = [("a", " x "), ("b:number", "1.5"), ("c:flag", "1"), ("d:list", "u, v"), ("e.f:seconds", "6h"), ("g", "")]
    fields += [("rows.0.sku", "A"), ("rows.1.sku", ""), ("rows.2.sku", "B"), ("h:json", "false")]
    assert forms.body(fields) == {
        "a": "x",
        "b": 1.5,
        "c": True,
        "d": ["u", "v"],
        "e": {"f": 21600.0},
        "rows": [{"sku": "A"}, {"sku": "B"}],
        "h": False,
    }
    for field, complaint in (
        ("n:whole", "n: 'x' is not a whole number"),
        ("s:seconds", "s: 'x' is not a span of time"),
    ):
        with pytest.raises(ValueError, match=complaint):
            forms.body([(field, "x")])


async def test_loop_staff_play_a_return(sim: Simulator, wire: Wire, browser: Browser) -> None:
    shop = sim.add_shop(ShopSpec(name="Desk", commerce_domain="sim-desk.myshopify.com", desk="loop"))
    desk = sim.loop.world.desk(shop.id)
    order = sim.channel.sales.place(shop, [Unit(sim.channel.sales.product(shop, "MUG-GRN"))], status="DELIVERED")
    case = sim.channel.aftersales.request(order, "RETURN_AND_REFUND", order.lines, shipment="PLATFORM")
    assert "not in a store" in await browser.open(f"/returns/{case.id}")
    sim.connector.copy(order, "tag")
    await browser.open(f"/desks/{desk.domain}")
    await browser.press("Save", **{"photo_required:json": "true", "final_sale_skus:set": "A, B"})
    assert (desk.settings.photo_required, desk.settings.final_sale_skus) == (True, ("A", "B"))
    await browser.press("Save", **{"photo_required:json": "false", "final_sale_skus:set": ""})
    assert (desk.settings.photo_required, desk.settings.final_sale_skus) == (False, ())
    await browser.press("Make it", name="reader", **{"scopes:list": "returns"})
    assert [key.scopes for key in desk.keys if key.name == "reader"] == [("returns",)]
    await browser.press("Open it")
    (made,) = desk.returns.values()
    await browser.press("Add", content="hello")
    await browser.press("Make a label")
    sim.clock.step(60)
    await browser.open(f"/desks/{desk.domain}/returns/{made.id}")
    await browser.press("Scan the parcel")
    await browser.press("Deliver it")
    await browser.press("Grade", condition="damaged", disposition="discard")
    assert [line.condition for line in made.lines] == ["damaged"]
    await browser.press("Process")
    sim.clock.step(60)
    assert (made.was_processed, [note["content"] for note in made.notes]) == (True, ["hello"])
    await browser.open(f"/desks/{desk.domain}/returns/{made.id}")
    assert "The return has ended." in browser.text
    assert str(made.id) in await browser.open("/desks?state=closed")
    assert f"/desks/{desk.domain}/returns/{made.id}" in await browser.open(f"/returns/{case.id}")
    await browser.open(f"/desks/{desk.domain}/returns/1", 404)
    await browser.open(f"/shops/{shop.id}")


async def test_a_wrong_key_of_loop_is_explained(
    sim: Simulator, browser: Browser, session: aiohttp.ClientSession
) -> None:
    sim.add_shop(ShopSpec(name="Desk", commerce_domain="sim-desk.myshopify.com", desk="loop"))
    url = f"{sim.addresses['loop']}/api/2026-10/webhooks"
    async with session.get(url, headers={"X-Authorization": "Bearer sim_loop_key"}) as answer:
        assert answer.status == 401
    wanted, got = (await _why(sim, browser))["header X-Authorization"]
    assert ("with no word before it" in wanted, got) == (True, "Bearer sim_l…")


async def test_a_request_is_entered_once_whoever_it_went_to(
    sim: Simulator, wire: Wire, session: aiohttp.ClientSession
) -> None:
    await wire.call("POST", RETURNS, {"page_size": "10"}, {})
    for address in (sim.addresses["shopify"], f"{sim.addresses['loop']}/api/2026-10/webhooks"):
        async with session.get(address) as answer:
            assert answer.status >= 400
    assert [entry["vendor"] for entry in sim.books.requests] == ["tiktok", "shopify", "loop"]


async def test_a_story_is_played_step_by_step_and_judged(sim: Simulator, browser: Browser) -> None:
    assert "A return from the request to the refund" in await browser.open("/scenarios?q=request+to+the+refund")
    await browser.open("/scenarios/return_settled")
    await browser.press("Begin")
    (case_of_order,) = [order for order in sim.channel.world.orders.values() if order.shop.name.startswith("Story")]
    shop, decisions = case_of_order.shop, sim.channel.decisions
    assert sim.describe_shop(shop)["access_token"]
    await browser.press("Let it happen")
    (case,) = sim.channel.world.returns.values()
    decisions.decide(case, Decision("APPROVE_RETURN"), key="", request_id="")
    await browser.press("The client has done it")
    await browser.press("Let it happen")
    await browser.press("Let it happen")
    assert case.delivered_at == START + 48 * 3600
    decisions.decide(case, Decision("APPROVE_RECEIVED_PACKAGE"), key="", request_id="")
    while "The client has done it" in browser.text:
        await browser.press("The client has done it")
    await browser.press("Judge the end")
    # The channel's side came as it should; nobody has booked anything in the store.
    assert browser.notice() == ("bad", "It is not as it should be.")
    complaints = html.unescape(browser.text.partition("Not as it should be</h2>")[2].partition("</ul>")[0])
    assert "booked" in complaints
    assert "RETURN_OR_REFUND_REQUEST" not in complaints
    await browser.open("/scenarios/no_such", 404)
    await browser.open("/plays/9", 404)


async def test_what_is_asked_in_a_clients_portal_is_found_by_its_order(sim: Simulator, browser: Browser) -> None:
    """The console knows no portal: who presses says that the buyer was there, and the case is the one that came."""
    await browser.open("/scenarios/portal_by_postcode")
    await browser.press("Begin")
    (order,) = sim.channel.world.orders.values()
    await browser.press("The client has done it")
    assert browser.notice() == ("good", "Taken as done in the portal.")
    await browser.press("The client has done it")
    await browser.press("Let it happen")
    assert "nobody has begun the case" in browser.notice()[1]
    case = sim.channel.aftersales.request(order, "RETURN_AND_REFUND", order.lines, role="SELLER", shipment="PLATFORM")
    await browser.press("Let it happen")
    assert browser.notice() == ("good", "Carrier: scan.")
    assert case.status == m.SHIPPED


async def test_an_act_that_is_not_possible_yet_waits(sim: Simulator, browser: Browser) -> None:
    await browser.open("/scenarios/return_settled")
    await browser.press("Begin")
    await browser.press("Let it happen")
    await browser.press("The client has done it")  # which is not true
    await browser.press("Let it happen")
    text = browser.text
    assert "Not possible yet" in text
    (case,) = sim.channel.world.returns.values()
    assert case.status == m.PENDING


async def test_orders_of_a_large_past_are_listed_and_found(sim: Simulator, browser: Browser) -> None:
    shop = sim.add_shop(ShopSpec(name="Large", commerce_domain="sim-large.myshopify.com", past_orders=3000))
    ids = re.findall(r'href="/orders/(\d+)"', await browser.open(f"/orders?shop={shop.id}"))
    assert len(ids) == 50
    assert "Older" in browser.text
    older = re.findall(r'href="/orders/(\d+)"', await browser.open(f"/orders?shop={shop.id}&page=2"))
    assert len(set(ids) | set(older)) == 100
    world = sim.channel.world
    assert sum(world.orders.made(each) for each in world.indexes[shop.id].orders.ids()) < 200
    assert older[7] in await browser.open(f"/orders?q={older[7]}")
    await browser.open(f"/orders/{older[7]}")
    assert "No orders like this" in await browser.open(f"/orders?shop={shop.id}&status=UNPAID")


async def test_a_person_answers_a_cancellation_in_seller_center(sim: Simulator, wire: Wire, browser: Browser) -> None:
    go, stay = (sim.channel.cancellations.request(wire.order(status="AWAITING_SHIPMENT")) for _ in range(2))
    await browser.open(f"/cancellations/{go.id}")
    await browser.press("Let the order go")
    assert browser.notice() == ("good", "Approved in Seller Center.")
    assert go.status == m.CANCEL_SUCCESS
    assert "Nobody waits for anybody" in browser.text
    await browser.open(f"/cancellations/{stay.id}")
    await browser.press("Refuse")
    assert browser.notice() == ("good", "Refused in Seller Center.")
    assert stay.status == m.CANCEL_CANCELLED
    key = sim.books.of(wire.shop.id).decisions[-1]["reject_reason"]
    assert f'<span class="sub">{reasons.text(key)}</span>' in browser.text
    told = [(row["cancel_id"], row["decision"], row["actor"]) for row in sim.books.of(wire.shop.id).decisions]
    assert told == [
        (go.id, "APPROVE_REQUEST_CANCEL", "SELLER_CENTER"),
        (stay.id, "REJECT_REQUEST_CANCEL", "SELLER_CENTER"),
    ]
    async with browser.session.post(
        f"{sim.addresses['control']}/cancellations/{go.id}/decide", json={"approve": True}
    ) as late:
        assert (late.status, (await late.json())["code"]) == (409, 25011012)


async def test_the_stores_show_their_orders_and_who_wrote_onto_them(
    sim: Simulator, wire: Wire, browser: Browser
) -> None:
    case, other = wire.ask(), wire.order()
    gid, second = (sim.connector.copy(order, "tag") for order in (case.order, other))
    sim.commerce.return_by_other(DOMAIN, str(gid))
    sim.commerce.refund_by_other(DOMAIN, str(gid), amount_minor=500, by="app")
    order, untouched = sim.commerce.order(DOMAIN, str(gid)), sim.commerce.order(DOMAIN, str(second))
    listed = await browser.open("/stores")
    assert order.name in listed
    assert listed.index(untouched.name) < listed.index(order.name), "the newest stands first"
    for query in (f"q={order.number_id}", f"store={DOMAIN}&status=PARTIALLY_REFUNDED", "returns=IN_PROGRESS"):
        found = await browser.open(f"/stores?{query}")
        assert order.name in found
        assert untouched.name not in found
    assert order.name not in await browser.open("/stores?status=REFUNDED")
    page = await browser.open(f"/stores/{DOMAIN}/orders/{order.number_id}")
    refunds, returns = page.index("<h2>Refunds</h2>"), page.index("<h2>Returns</h2>")
    assert "the client with the API key" in page[refunds:returns]
    assert "5.00 USD" in page[refunds:returns]
    assert "somebody else" in page[returns:]
    assert f'href="/orders/{case.order.id}"' in page
    await browser.press("Refund", **{"amount:whole": "100"})
    assert browser.notice() == ("good", "Somebody has refunded in the store.")
    assert order.refunded_minor == 600
    await browser.open(f"/orders/{case.order.id}")
    assert f'href="/stores/{DOMAIN}/orders/{order.number_id}"' in browser.text
    for path in (
        f"/stores/{DOMAIN}/orders/1",
        f"/stores/nobody/orders/{order.number_id}",
        f"/stores/{DOMAIN}/orders/x",
    ):
        await browser.open(path, 404)
