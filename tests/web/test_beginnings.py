"""The forms for cases that begin with us."""

from __future__ import annotations

import time
from html import unescape
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.channel import ChannelOrder, ChannelOrderLine
from backhaul.domain.facts import Facts, Seen
from backhaul.domain.money import Money
from backhaul.domain.plan import plan
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said
from backhaul.domain.starts import Quote, Start, Startable
from backhaul.domain.steps import View
from backhaul.domain.terms import Mode, ShopTerms
from backhaul.domain.words import Kind
from backhaul.store import cases
from backhaul.work import notes
from backhaul.work.beginnings import begin
from tests.web import seeding
from tests.web.conftest import Web

ORDER = "576461413038785752"


async def _opened(web: Web, shop: UUID) -> UUID:
    answer = await web.post(
        "/start", {"csrf": await web.sign_in(), "shop": str(shop), "order_id": ORDER, "kind": "refund"}
    )
    assert answer.status_code == 303
    return UUID(answer.headers["location"].rpartition("/")[2])


async def _answered(web: Web, case_id: UUID, start: Start) -> None:
    """The worker has asked the channel: what its run would write, made by the real plan."""
    lines = (
        ChannelOrderLine("l1", "s1", "MUG-BLUE", "Stoneware mug, blue", Money(2499, "USD")),
        ChannelOrderLine("l2", "s2", "BOWL-L", "Serving bowl, large", Money(3999, "USD")),
    )
    seen = Seen(
        order=ChannelOrder(ORDER, "DELIVERED", 1, 1, "USD", lines=lines),
        startable=(Startable(start.kind, ("l1", "l2"), True, reasons=(("seller_refund_damaged", ""),)),),
        quote=Quote(Money(6498, "USD")) if start.reason_key else None,
        quoted=start,
        start_at=int(time.time()),
    )
    terms = ShopTerms(Mode.LIVE, 1)
    facts = Facts(str(case_id), "", seen, Said(start=start), (), terms, nameless=True)
    made = plan(facts, Policy(), int(time.time()))
    view = View(made.lanes, made.questions, made.troubles, money=made.money, status=made.status, observing=False)
    await web.pool.execute(
        "update return_case set body = $2, view = $3, status = $4, total = 6498, currency = 'USD' where id = $1",
        case_id, msgspec.json.encode(seen), msgspec.json.encode(view), made.status,
    )  # fmt: skip


async def test_a_case_is_asked_for_shown_confirmed_and_closed(web: Web) -> None:
    shop = await seeding.shop(web.pool)
    case_id = await _opened(web, shop)
    path = f"/cases/{case_id}"
    csrf = await web.sign_in()
    assert "<h1>New refund</h1>" in (await web.get(path)).text
    start = (await cases.said(web.pool, case_id)).start
    assert start is not None
    await _answered(web, case_id, start)
    html = unescape((await web.get(path)).text)
    assert "Stoneware mug, blue" in html
    assert "Seller refund damaged" in html
    form = {"csrf": csrf, "kind": "refund", "line": "l1", "reason_key": "seller_refund_damaged", "amount": "12.50"}
    assert (await web.post(f"{path}/start", form)).status_code == 303
    start = (await cases.said(web.pool, case_id)).start
    assert start is not None
    assert (start.lines, start.amount) == (("l1",), Money(1250, "USD"))
    await _answered(web, case_id, start)
    html = unescape((await web.get(path)).text)
    assert "Refund 12.50 USD" in html
    assert "Asked for it on the channel" not in html
    assert (await web.post(f"{path}/confirm-start", {"csrf": csrf, "total": "64.98"})).status_code == 409
    assert (await web.post(f"{path}/confirm-start", {"csrf": csrf, "total": "12.50"})).status_code == 303
    confirmed = (await cases.said(web.pool, case_id)).confirmed
    assert confirmed is not None
    assert confirmed.total == Money(1250, "USD")
    assert (await web.post(f"{path}/withdraw", {"csrf": csrf})).status_code == 303


async def test_what_a_buyer_asked_for_is_declined_on_its_page(web: Web) -> None:
    csrf = await web.sign_in()
    shop = await seeding.shop(web.pool)
    note = notes.seal(web.services.commands.vault, shop, ORDER, "It <broke>.")
    start = Start(Kind.RETURN, ORDER, "buyer", 1, ("l1",), "seller_refund_damaged", buyer=True, note=note)
    async with web.pool.acquire() as connection, connection.transaction():
        case_id = await begin(connection, shop, start)
    await _answered(web, case_id, start)
    html = (await web.get(f"/cases/{case_id}")).text
    assert "A buyer asks for it" in html
    assert "A buyer asked for this in the portal." in html
    assert "It &lt;broke&gt;." in html
    token = await web.token()
    assert (await web.get(f"/api/v1/cases/{case_id}", headers=token)).json()["note"] == "It <broke>."
    assert f'action="/cases/{case_id}/decline"' in html
    assert f'action="/cases/{case_id}/withdraw"' not in html
    found = (await web.get(f"/?q={ORDER}")).text
    assert str(case_id) in found
    for words in ("a\0b", "\u202eab"):
        refused = await web.client.post(f"/api/v1/cases/{case_id}/decline", json={"words": words}, headers=token)
        assert refused.status_code == 422
    for words in ("", "x" * 501):
        assert (await web.post(f"/cases/{case_id}/decline", {"csrf": csrf, "words": words})).status_code == 422
    assert (await web.post(f"/cases/{case_id}/decline", {"csrf": csrf, "words": "Final sale."})).status_code == 303
    assert (await cases.said(web.pool, case_id)).declined == "Final sale."
    assert "the buyer reads: Final sale." in (await web.get(f"/cases/{case_id}")).text


async def test_a_start_says_what_it_needs(web: Web) -> None:
    form = {"csrf": await web.sign_in(), "order_id": ORDER, "kind": "refund"}
    shop = await seeding.shop(web.pool)
    for changed, text in (
        ({}, "The account is missing."),
        ({"shop": "Kiln"}, "The account: “Kiln” is none that Backhaul knows."),
        ({"shop": str(shop), "kind": "exchange"}, "What: “exchange” is none of refund, return, cancellation."),
        ({"shop": str(shop), "kind": ""}, "What: choose one of refund, return, cancellation."),
    ):
        answer = await web.post("/start", form | changed)
        assert answer.status_code == 422
        assert text in unescape(answer.text)
    arrived = await web.post("/receive", {"csrf": form["csrf"], "code": "1ZNOBODY"})
    assert arrived.status_code == 422
    assert "The account is missing." in arrived.text
    assert await web.pool.fetchval("select count(*) from return_case") == 0


async def test_a_second_start_on_the_same_order_names_the_first(web: Web) -> None:
    shop = await seeding.shop(web.pool)
    case_id = await _opened(web, shop)
    form = {"csrf": await web.sign_in(), "shop": str(shop), "order_id": ORDER, "kind": "return"}
    answer = await web.post("/start", form)
    assert answer.status_code == 409
    assert str(case_id) in answer.text


async def test_a_parcels_code_finds_its_return_or_opens_a_case(web: Web) -> None:
    shop = await seeding.shop(web.pool)
    csrf = await web.sign_in()
    known = await seeding.put(web.pool, shop, seeding.channel_case())
    channel_id = await web.pool.fetchval("select channel_id from return_case where id = $1", known)
    assert f"/cases/{known}" in (await web.get(f"/receive?code={channel_id}")).text
    assert "No return is on file" in (await web.get("/receive?code=1ZNOBODY")).text
    form = {"csrf": csrf, "shop": str(shop), "code": "1ZNOBODY", "note": "two mugs"}
    answer = await web.post("/receive", form)
    assert answer.status_code == 303
    assert answer.headers["location"] in (await web.get("/receive?code=1ZNOBODY")).text
    refused = await web.post("/receive", {**form, "code": channel_id})
    assert refused.status_code == 422


@pytest.mark.parametrize(("status", "next_"), [("to_confirm", "Confirm"), ("blind", "Take care of goods")])
async def test_what_waits_for_a_person_and_has_no_deadline_stands_among_what_needs_an_answer(
    web: Web, status: str, next_: str
) -> None:
    shop = await seeding.shop(web.pool)
    case_id = await _opened(web, shop)
    assert str(case_id) not in (await web.get("/?tab=answer")).text  # it is not known yet what it waits for
    await web.pool.execute("update return_case set status = $2 where id = $1", case_id, status)
    row = (await web.get("/?tab=answer")).text.partition(f'id="r-{case_id}"')[2].partition("</tr>")[0]
    assert f'<span class="next">{next_}</span>' in row
