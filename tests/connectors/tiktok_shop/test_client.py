"""The client against a scripted server on loopback: what leaves, and what an answer becomes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backhaul.connectors.tiktok_shop import vendor
from backhaul.connectors.tiktok_shop.client import sign
from backhaul.connectors.tiktok_shop.connector import TikTokShopConnector
from backhaul.domain.effects import Decide
from backhaul.domain.words import Action, Decision, Stage
from backhaul.kit.http import HttpClient
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift
from backhaul.ports.factory import Login
from tests.connectors.tiktok_shop.bodies import a_cancellation, a_return, an_order

KEY, SECRET, TOKEN, CIPHER = "sim_app_1", "sim_secret_1", "sim_access_1", "cipher-1"
RETURN = "4035300000000000201"


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]


def _answer(status: int, text: str, headers: dict[str, str] | None) -> Callable[[web.Request], web.StreamResponse]:
    return lambda _: web.Response(status=status, text=text, headers=headers)


@dataclass
class Script:
    """Answers in turn; the last one again and again."""

    answers: list[Callable[[web.Request], web.StreamResponse]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def say(self, *datas: Any, status: int = 200, headers: dict[str, str] | None = None, code: int = 0) -> None:
        for data in datas:
            text = json.dumps({"code": code, "message": "told", "request_id": "r-1", "data": data})
            self.answers.append(_answer(status, text, headers))

    def say_raw(self, text: str, status: int = 200) -> None:
        self.answers.append(_answer(status, text, None))

    def hang_up(self) -> None:
        def cut(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.answers.append(cut)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query = {name: values[0] for name, values in parse_qs(request.query_string, keep_blank_values=True).items()}
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path, query, body, headers))
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(request)


@dataclass
class Purse:
    """Counts what is spent."""

    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    urgent: bool = False

    async def take(self, api: str, cost: float = 1.0) -> None:
        self.taken.append(api)

    def learn(
        self,
        api: str,
        *,
        available: float | None = None,
        restore_per_s: float | None = None,
        refused: bool = False,
        back: float = 0.0,
    ) -> None:
        if refused:
            self.refused.append(api)


class Tokens:
    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    async def __call__(self) -> str:
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def purse() -> Purse:
    return Purse()


@pytest.fixture
async def base(script: Script) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", script.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(timeout=5) as client:
        yield client


def connect(base: str, http: HttpClient, purse: Purse, *tokens: str, **settings: str) -> TikTokShopConnector:
    values = {"app_key": KEY, "app_secret": SECRET, "service_id": "777", **settings}
    login = Login(values, Tokens(*(tokens or (TOKEN,))), "7495", CIPHER, api_base=base, auth_base=base)
    return vendor.connect(login, http, purse, time.time)


@pytest.fixture
def shop(base: str, http: HttpClient, purse: Purse) -> TikTokShopConnector:
    return connect(base, http, purse)


WANTED = Decide(RETURN, Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN)


async def decide(shop: TikTokShopConnector, dead_in: float = 30) -> str:
    prepared = shop.prepare(WANTED, "key-1")
    return (await shop.perform(WANTED, prepared, dead_at=time.time() + dead_in)).text


# ---- what leaves ----------------------------------------------------------------------------------------------------


async def test_one_return_is_searched_by_its_id(shop: TikTokShopConnector, script: Script, purse: Purse) -> None:
    script.say({"return_orders": [a_return()], "next_page_token": "", "total_count": 1})
    case = await shop.case("return", RETURN)
    assert case is not None
    assert (case.id, case.stage) == (RETURN, Stage.REQUESTED)
    (seen,) = script.seen
    assert (seen.method, seen.path) == ("POST", "/return_refund/202602/returns/search")
    assert seen.body == b'{"return_ids":["4035300000000000201"],"locale":"en-US"}'
    assert seen.query["page_size"] == "10"
    assert seen.headers["x-tts-access-token"] == TOKEN
    assert seen.headers["content-type"] == "application/json"
    assert purse.taken == ["POST /return_refund/202602/returns/search"]


async def test_every_call_of_a_shop_is_stamped_and_signed(shop: TikTokShopConnector, script: Script) -> None:
    script.say({})
    await decide(shop)
    (seen,) = script.seen
    signature = seen.query.pop("sign")
    assert abs(int(seen.query["timestamp"]) - time.time()) < 5
    assert {**seen.query, "timestamp": ""} == {
        "app_key": KEY,
        "shop_cipher": CIPHER,
        "idempotency_key": "key-1",
        "timestamp": "",
    }
    assert seen.path == f"/return_refund/202309/returns/{RETURN}/approve"
    assert signature == sign(seen.path, seen.query, seen.body, "application/json", SECRET)


async def test_a_read_has_no_body_and_the_list_of_shops_no_cipher(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"shops": [{"id": "7495", "cipher": "c", "name": "n", "region": "US", "seller_type": "LOCAL"}]})
    (found,) = await shop.shops()
    assert (found.id, found.key, found.currency, found.time_zone) == ("7495", "c", "USD", "America/Los_Angeles")
    (seen,) = script.seen
    assert (seen.method, seen.path, seen.body) == ("GET", "/authorization/202309/shops", b"")
    assert "shop_cipher" not in seen.query
    assert "content-type" not in seen.headers


async def test_the_budget_of_an_api_is_one_for_all_cases(
    shop: TikTokShopConnector, script: Script, purse: Purse
) -> None:
    script.say({})
    await decide(shop)
    await shop.records(RETURN)
    assert purse.taken == [
        "POST /return_refund/202309/returns/{id}/approve",
        "GET /return_refund/202309/returns/{}/records",
    ]


async def test_nothing_leaves_after_dead_at(shop: TikTokShopConnector, script: Script) -> None:
    script.say({})
    with pytest.raises(Unavailable):
        await decide(shop, dead_in=-1)
    assert script.seen == []


async def test_a_shop_without_its_cipher_makes_no_call(
    base: str, http: HttpClient, purse: Purse, script: Script
) -> None:
    login = Login({"app_key": KEY, "app_secret": SECRET}, Tokens(TOKEN), api_base=base)
    with pytest.raises(NeedsReauth, match="cipher"):
        await vendor.connect(login, http, purse, time.time).records(RETURN)
    assert script.seen == []


async def test_an_id_that_is_none_makes_no_call(shop: TikTokShopConnector, script: Script) -> None:
    with pytest.raises(Refused):
        await shop.records("1/../../x")
    assert script.seen == []


# ---- what an answer becomes -----------------------------------------------------------------------------------------


async def test_an_accepted_decision_names_the_request(shop: TikTokShopConnector, script: Script) -> None:
    script.say({})
    assert await decide(shop) == "APPROVE_RETURN accepted by TikTok Shop (request r-1)"


async def test_a_refused_decision_with_status_200(shop: TikTokShopConnector, script: Script) -> None:
    script.say(None, code=25020010)
    with pytest.raises(Refused) as caught:
        await decide(shop)
    assert (caught.value.code, caught.value.already) == ("25020010", True)


async def test_part_failures_in_an_answer_of_code_zero(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"errors": [{"code": "25020004", "message": "no"}]})
    with pytest.raises(Refused, match="25020004"):
        await decide(shop)


async def test_a_lost_answer_is_unknown_for_a_write_and_nothing_for_a_read(
    shop: TikTokShopConnector, script: Script
) -> None:
    script.hang_up()
    with pytest.raises(OutcomeUnknown):
        await decide(shop)
    with pytest.raises(Unavailable):
        await shop.case("return", RETURN)


@pytest.mark.parametrize(("status", "text"), [(500, ""), (502, "<html>"), (200, "<html>"), (404, "<html>")])
async def test_an_answer_without_an_envelope_leaves_a_write_unknown(
    shop: TikTokShopConnector, script: Script, status: int, text: str
) -> None:
    script.say_raw(text, status)
    with pytest.raises(OutcomeUnknown):
        await decide(shop)
    with pytest.raises((Unavailable, WireDrift)):
        await shop.case("return", RETURN)


async def test_no_connection_means_nothing_happened(http: HttpClient, purse: Purse) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        shop = connect(f"http://127.0.0.1:{closed.getsockname()[1]}", http, purse)
        with pytest.raises(Unavailable):
            await decide(shop)


@pytest.mark.parametrize(("code", "status"), [(36009002, 429), (36009002, 200), (0, 429)])
async def test_too_many_requests_is_told_to_the_budget(
    shop: TikTokShopConnector, script: Script, purse: Purse, code: int, status: int
) -> None:
    if code:
        script.say(None, code=code, status=status)
    else:
        script.say_raw("slow down", status)
    with pytest.raises(Unavailable):
        await decide(shop)
    assert purse.refused == ["POST /return_refund/202309/returns/{id}/approve"]


@pytest.mark.parametrize("code", [105001, 105002])
async def test_a_refused_token_that_was_renewed_meanwhile_is_tried_once_more(
    base: str, http: HttpClient, purse: Purse, script: Script, code: int
) -> None:
    script.say(None, code=code, status=401)
    script.say({})
    await decide(connect(base, http, purse, "sim_old", "sim_new"))
    assert [seen.headers["x-tts-access-token"] for seen in script.seen] == ["sim_old", "sim_new"]


async def test_an_expired_token_that_was_not_renewed_needs_a_login(shop: TikTokShopConnector, script: Script) -> None:
    script.say(None, code=105002)
    with pytest.raises(NeedsReauth):
        await decide(shop)
    assert len(script.seen) == 1


async def test_a_missing_right_is_named(shop: TikTokShopConnector, script: Script) -> None:
    script.say(None, code=105005, status=403)
    with pytest.raises(NeedsReauth) as caught:
        await shop.order("1")
    assert caught.value.missing == ("seller.order.info",)


async def test_a_clock_that_is_off_is_corrected_by_the_date_of_the_refusal(
    base: str, http: HttpClient, purse: Purse, script: Script
) -> None:
    ahead = time.time() + 3600
    text = json.dumps({"code": 36009004, "message": "timestamp is out of the accepted window"})
    script.answers.append(
        lambda _: web.Response(status=400, text=text, headers={"Date": formatdate(ahead, usegmt=True)})
    )
    script.say({})
    shop = connect(base, http, purse)
    with pytest.raises(Unavailable):
        await decide(shop)
    await decide(shop)
    assert abs(int(script.seen[1].query["timestamp"]) - ahead) < 5


# ---- reads ----------------------------------------------------------------------------------------------------------


async def test_pages_of_changes_go_on_with_the_same_filters(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"return_orders": [a_return()], "next_page_token": "next==", "total_count": 2})
    script.say({"return_orders": [a_return(return_id="2")], "next_page_token": ""})
    first = await shop.changed("return", 100, 200)
    second = await shop.changed("return", 100, 200, first.cursor)
    assert ([c.id for c in first.cases], first.cursor, first.total) == ([RETURN], "next==", 2)
    assert ([c.id for c in second.cases], second.cursor) == (["2"], "")
    one, two = script.seen
    assert one.body == two.body == b'{"update_time_ge":100,"update_time_lt":200,"locale":"en-US"}'
    assert (one.query["page_size"], one.query["sort_field"], one.query["sort_order"]) == ("50", "update_time", "ASC")
    assert "page_token" not in one.query
    assert two.query["page_token"] == "next=="


async def test_an_expired_cursor_is_said_so_and_a_wrong_filter_is_not(
    shop: TikTokShopConnector, script: Script
) -> None:
    script.say(None, code=25001001)
    with pytest.raises(Refused) as caught:
        await shop.changed("return", 1, 2, "old")
    assert caught.value.code == "cursor_expired"
    with pytest.raises(Refused) as caught:
        await shop.changed("return", 1, 2)
    assert caught.value.code == "25001001"


async def test_a_bad_row_does_not_hide_its_neighbours(shop: TikTokShopConnector, script: Script) -> None:
    bad = a_return(return_id="2", refund_amount={"currency": "USD", "refund_total": "0.001"})
    script.say({"return_orders": [a_return(), bad]})
    page = await shop.changed("return", 1, 2)
    assert [(c.id, c.stage) for c in page.cases] == [(RETURN, Stage.REQUESTED), ("2", Stage.UNKNOWN)]
    with pytest.raises(WireDrift):
        await shop.case("return", "2")


async def test_a_row_without_an_id_is_drift(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"return_orders": [{"order_id": "1"}]})
    with pytest.raises(WireDrift):
        await shop.changed("return", 1, 2)


async def test_cancellations_have_their_own_search(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"cancellations": [a_cancellation()]})
    assert await shop.case("cancellation", a_cancellation()["cancel_id"]) is not None
    assert script.seen[0].path == "/return_refund/202602/cancellations/search"
    assert json.loads(script.seen[0].body)["cancel_ids"] == [a_cancellation()["cancel_id"]]
    assert await shop.case("cancellation", "another") is None


async def test_reasons_the_eligibility_leaves_out_are_fetched(shop: TikTokShopConnector, script: Script) -> None:
    decisions = [{"decision": "APPROVE_RETURN", "eligible": False}, {"decision": "REJECT_RETURN", "eligible": True}]
    script.say({"decisions": decisions}, {"reasons": [{"name": "r1", "text": "Reason"}]})
    answers = {answer.decision: answer for answer in await shop.answerable(RETURN)}
    assert answers[Decision.REJECT_RETURN].reasons == (("r1", "Reason"),)
    assert answers[Decision.APPROVE_RETURN].reasons == ()
    assert [seen.path for seen in script.seen] == [
        "/return_refund/202601/decision_eligibility",
        "/return_refund/202309/reject_reasons",
    ]
    assert script.seen[1].query["return_or_cancel_id"] == RETURN


async def test_reasons_that_came_along_are_not_fetched_again(shop: TikTokShopConnector, script: Script) -> None:
    row = {"decision": "REJECT_RETURN", "eligible": True, "available_reject_reasons": [{"name": "r", "text": "t"}]}
    script.say({"decisions": [row]})
    (answer,) = await shop.answerable(RETURN)
    assert answer.reasons == (("r", "t"),)
    assert len(script.seen) == 1


async def test_an_order_and_none(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"orders": [an_order()]})
    order = await shop.order("576600000000000101")
    assert order is not None
    assert script.seen[0].query["ids"] == "576600000000000101"
    assert await shop.order("1") is None


async def test_references_of_each_platform(base: str, http: HttpClient, purse: Purse, script: Script) -> None:
    script.say({"external_orders": [{"id": "55", "platform": "SHOPIFY", "line_items": []}]}, {})
    found = await connect(base, http, purse, platforms="shopify, magento").external_references("5766")
    assert [(one.platform, one.order_id) for one in found] == [("SHOPIFY", "55")]
    assert [seen.query["platform"] for seen in script.seen] == ["SHOPIFY", "MAGENTO"]


async def test_carriers_of_an_order(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"orders": [an_order()]}, {"shipping_providers": [{"id": "1", "name": "USPS"}]})
    assert await shop.carriers("576600000000000101") == (("1", "USPS"),)
    assert script.seen[1].path == "/logistics/202309/delivery_options/7100000000000000001/shipping_providers"
    assert "buyer_region" not in script.seen[1].query


async def test_carriers_in_the_eu_are_asked_for_from_region_to_region(
    shop: TikTokShopConnector, script: Script
) -> None:
    order = an_order(recipient_address={"postal_code": "04109", "region_code": "DE"})
    houses = [{"id": "1"}, {"id": "7200000000000000001", "address": {"region_code": "PL"}}]
    script.say({"orders": [order]}, {"warehouses": houses}, {"shipping_providers": []})
    assert await shop.carriers("576600000000000101") == ()
    query = script.seen[2].query
    assert (query["buyer_region"], query["warehouse_region"]) == ("DE", "PL")


async def test_an_order_shipped_by_the_channel_has_no_carriers(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"orders": [an_order()]})
    script.say(None, code=21008117)
    assert await shop.carriers("576600000000000101") == ()


# ---- log-in ---------------------------------------------------------------------------------------------------------

TOKENS = {
    "access_token": "sim_a",
    "access_token_expire_in": 1786000000,
    "refresh_token": "sim_r",
    "refresh_token_expire_in": 1796000000,
    "open_id": "open",
    "seller_name": "Shop of Ada",
    "granted_scopes": ["seller.order.info"],
}


async def test_a_code_becomes_tokens(shop: TikTokShopConnector, script: Script) -> None:
    script.say(TOKENS)
    tokens = await shop.exchange("the code")
    assert (tokens.access, tokens.refresh, tokens.account) == ("sim_a", "sim_r", "Shop of Ada")
    assert (tokens.access_expires_at, tokens.refresh_expires_at) == (1786000000, 1796000000)
    assert tokens.scopes == ("seller.order.info",)
    (seen,) = script.seen
    assert (seen.method, seen.path) == ("GET", "/api/v2/token/get")
    assert seen.query == {
        "app_key": KEY,
        "app_secret": SECRET,
        "auth_code": "the code",
        "grant_type": "authorized_code",
    }


async def test_a_refresh_token_becomes_tokens(shop: TikTokShopConnector, script: Script) -> None:
    script.say(TOKENS)
    assert (await shop.refresh("sim_old")).refresh == "sim_r"
    assert script.seen[0].path == "/api/v2/token/refresh"
    assert (script.seen[0].query["refresh_token"], script.seen[0].query["grant_type"]) == ("sim_old", "refresh_token")


@pytest.mark.parametrize("code", ["", "null"])
async def test_a_consent_that_was_refused(shop: TikTokShopConnector, code: str) -> None:
    with pytest.raises(Refused, match="auth_denied"):
        await shop.exchange(code)


async def test_no_secret_is_in_any_error_of_a_log_in(
    shop: TikTokShopConnector, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    script.say({"access_token": TOKENS["access_token"]})
    script.say(None, code=36004003)
    script.say_raw('{"access_token":"sim_a"', 200)
    script.hang_up()
    for _ in range(4):
        with pytest.raises(VendorError) as caught:
            await shop.refresh("sim_refresh_me")
        error: BaseException | None = caught.value
        while error is not None:
            shown = f"{error!r} {error} {error.args} {vars(error)}"
            assert not any(word in shown for word in (SECRET, "sim_a", "sim_refresh_me"))
            error = error.__cause__ or error.__context__
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("backhaul"))
    assert "/api/v2/token/refresh" in ours
    assert SECRET not in ours
    assert "sim_refresh_me" not in ours


async def test_the_consent_link(base: str, http: HttpClient, purse: Purse) -> None:
    link = connect(base, http, purse).consent_url("st&te")
    assert link == f"{base}/open/authorize?service_id=777&state=st%26te"
    older = connect(base, http, purse, service_id="").consent_url("s")
    assert older == f"{base}/oauth/authorize?app_key={KEY}&state=s"


# ---- webhooks -------------------------------------------------------------------------------------------------------


async def test_each_topic_is_subscribed_and_refused_ones_are_named(shop: TikTokShopConnector, script: Script) -> None:
    script.say({"webhooks": []})
    for topic in shop.manifest.webhooks:
        script.say({}, code=98001004 if topic == "RMA_STATUS_UPDATE" else 0)
    refused = await shop.subscribe("http://127.0.0.1:1/hooks/x")
    assert len(refused) == 1
    assert refused[0].startswith("RMA_STATUS_UPDATE: ")
    listed, *asked = script.seen
    assert listed.method == "GET"
    assert [json.loads(seen.body)["event_type"] for seen in asked] == list(shop.manifest.webhooks)
    assert {seen.method for seen in asked} == {"PUT"}
    assert json.loads(asked[0].body)["address"] == "http://127.0.0.1:1/hooks/x"
    assert unquote(asked[0].path) == "/event/202309/webhooks"


async def test_a_topic_that_comes_here_already_is_not_subscribed_again(
    shop: TikTokShopConnector, script: Script
) -> None:
    first, second, *others = shop.manifest.webhooks
    here, elsewhere = "http://127.0.0.1:1/hooks/x", "http://127.0.0.1:1/hooks/y"
    rows = [{"event_type": each, "address": here} for each in others]
    script.say({"webhooks": [*rows, {"event_type": second, "address": elsewhere}]})
    script.say({})
    script.say({})
    assert await shop.subscribe(here) == ()
    assert [json.loads(seen.body)["event_type"] for seen in script.seen[1:]] == [first, second]


@pytest.mark.parametrize("answer", [({}, 98001004), ({"webhooks": [{"topic": 1}]}, 0)], ids=["refused", "strange"])
async def test_where_the_list_cannot_be_read_all_topics_are_asked_for(
    shop: TikTokShopConnector, script: Script, answer: tuple[dict[str, Any], int]
) -> None:
    script.say(answer[0], code=answer[1])
    for _ in shop.manifest.webhooks:
        script.say({})
    assert await shop.subscribe("http://127.0.0.1:1/hooks/x") == ()
    assert [json.loads(seen.body)["event_type"] for seen in script.seen[1:]] == list(shop.manifest.webhooks)


async def test_an_address_the_channel_would_never_reach_is_refused_at_once(http: HttpClient, purse: Purse) -> None:
    real = vendor.connect(Login({"app_key": "k", "app_secret": "s"}, Tokens("t")), http, purse, time.time)
    for address in ("http://hub.example/x", "https://hub.example:8443/x", "https://hub.example/" + "x" * 255):
        with pytest.raises(Refused):
            await real.subscribe(address)
