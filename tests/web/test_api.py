"""The REST API: what pages do, with bearer tokens, cursors, problem documents and repeat-safe commands."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from backhaul.domain.words import Stage
from tests.web import seeding
from tests.web.conftest import Web


async def test_cases_by_cursor(web: Web) -> None:
    headers = await web.token()
    us = await seeding.shop(web.pool)
    keys = [await seeding.put(web.pool, us, seeding.channel_case()) for _ in range(5)]
    found: list[str] = []
    cursor = ""
    for _ in range(5):
        page = (await web.get(f"/api/v1/cases?limit=2&cursor={cursor}", headers=headers)).json()
        found += [case["id"] for case in page["cases"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [str(key) for key in keys]
    for query in ("limit=0", "limit=201", "tab=x", "cursor=x"):
        answer = await web.get(f"/api/v1/cases?{query}", headers=headers)
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


async def test_one_case_with_everything(web: Web) -> None:
    headers = await web.token()
    named = await seeding.lively(web.pool, rows=0)
    case = (await web.get(f"/api/v1/cases/{named['answer']}", headers=headers)).json()
    assert case["case"]["status"] == "requested"
    assert case["view"]["lanes"]["decision"]["state"] == "waiting"
    assert case["view"]["lanes"]["money"]["terminal"] is False, "what stands at its default is shown too"
    assert case["view"]["money"]["expected"] == [5498, "USD"]
    assert case["view"]["questions"][0]["options"] == ["approve_return", "keep_item", "offer_partial", "reject_return"]
    assert [unit["sku"] for unit in case["units"]] == ["MUG-BLUE", "MUG-SAND"]
    assert case["raw"]["status"] == "RETURN_OR_REFUND_REQUEST_PENDING"
    assert len(case["history"]) == 5
    missing = (await web.get(f"/api/v1/cases/{named['missing']}", headers=headers)).json()
    assert missing["candidates"][0]["order_id"] == "gid://shopify/Order/7"
    reader = await web.token("warehouse", "scanner")
    assert (await web.get(f"/api/v1/cases/{named['answer']}", headers=reader)).json()["raw"] is None
    assert (await web.get(f"/api/v1/cases/{uuid4()}", headers=headers)).status_code == 404


async def test_lists(web: Web) -> None:
    headers = await web.token()
    named = await seeding.lively(web.pool, rows=0)
    shops = (await web.get("/api/v1/shops", headers=headers)).json()
    assert {shop["mode"] for shop in shops} == {"live", "observe"}
    connections = (await web.get("/api/v1/connections", headers=headers)).json()
    assert {each["state"] for each in connections} == {"connected", "expired", "never_connected"}
    assert all(each["webhook_address"].startswith("http://hub.test/hooks/") for each in connections)
    assert not any("secret" in name or "token" in name for each in connections for name in each)
    first = (await web.get("/api/v1/exceptions?limit=1", headers=headers)).json()
    rest = (await web.get(f"/api/v1/exceptions?cursor={first['next']}", headers=headers)).json()
    assert len(first["exceptions"]) == 1
    assert len({each["id"] for each in first["exceptions"] + rest["exceptions"]}) == 4
    one = (await web.get(f"/api/v1/history?limit=2&shop={named['us']}", headers=headers)).json()
    two = (await web.get(f"/api/v1/history?cursor={one['next']}", headers=headers)).json()
    assert len(one["history"]) + len(two["history"]) == 5
    counts = (await web.get(f"/api/v1/counts?shop={named['uk']}", headers=headers)).json()
    assert counts["tabs"]["all"] == 2
    preview = (await web.get(f"/api/v1/shops/{named['uk']}/preview", headers=headers)).json()
    assert preview["open"] == 2


async def test_a_command_and_its_repeats(web: Web) -> None:
    headers = {**await web.token(), "idempotency-key": "k-1"}
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    path = f"/api/v1/cases/{key}/decision"
    body = {"action": "answer_return", "decision": "approve_return", "round": 1}
    answers = await asyncio.gather(*(web.client.post(path, json=body, headers=headers) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await web.commands()) == 1
    other = await web.client.post(path, json={**body, "comment": "x"}, headers=headers)
    assert other.status_code == 422
    assert "used before" in other.json()["detail"]
    somebody = {**await web.token(name="second"), "idempotency-key": "k-1"}
    assert (await web.client.post(path, json=body, headers=somebody)).status_code == 202
    assert len(await web.commands()) == 2


async def test_a_refused_command_leaves_its_key_free(web: Web) -> None:
    headers = {**await web.token(), "idempotency-key": "k-2"}
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    path = f"/api/v1/cases/{key}/decision"
    wrong = {"action": "answer_return", "decision": "reject_return"}
    assert (await web.client.post(path, json=wrong, headers=headers)).status_code == 422
    right = {**wrong, "reason_key": "seller_reject_used"}
    assert (await web.client.post(path, json=right, headers=headers)).status_code == 202
    gone = await web.client.post(
        f"/api/v1/cases/{uuid4()}/decision", json={**wrong, "reason_key": "a"}, headers=headers
    )
    assert gone.status_code == 422, "the key is taken by the first answer"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("decision", {"action": "answer_return", "decision": "burn"}),
        ("decision", {"decision": "approve_return"}),
        ("inspection", {"verdicts": [{"unit": "u1", "condition": "nice", "disposition": "restock"}]}),
        ("received", {"units": "u1"}),
        ("label", {"name": "x", "content": "!!", "tracking_number": "1"}),
    ],
)
async def test_bodies_of_another_shape(web: Web, path: str, body: dict[str, Any]) -> None:
    us = await seeding.shop(web.pool)
    key = await seeding.put(web.pool, us, seeding.channel_case())
    answer = await web.client.post(f"/api/v1/cases/{key}/{path}", json=body, headers=await web.token())
    assert answer.status_code == 400
    assert answer.json()["title"]
    assert await web.commands() == []


async def test_commands_on_a_case(web: Web) -> None:
    headers = await web.token()
    named = await seeding.lively(web.pool, rows=0)
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("inspect", "received", {"units": ["u2"]}),
        ("inspect", "inspection", {
            "verdicts": [{"unit": "u1", "condition": "damaged", "disposition": "not_restocked"}]
        }),
        ("missing", "link-order", {"commerce_order_id": "gid://shopify/Order/7"}),
        ("missing", "waive", {"lane": "records"}),
        ("label", "label", {
            "name": "a.pdf", "content": base64.b64encode(b"%PDF-1.4").decode(), "tracking_number": "1Z",
            "carrier_id": "c1",
        }),
    ]  # fmt: skip
    for name, path, body in calls:
        answer = await web.client.post(f"/api/v1/cases/{named[name]}/{path}", json=body, headers=headers)
        assert answer.status_code == 202, (path, answer.text)
    assert [kind for kind, _ in await web.commands()] == ["receive", "inspect", "link_order", "waive", "label"]
    trouble = await web.pool.fetchval("select id from exception where key = 'order'")
    assert (await web.client.post(f"/api/v1/exceptions/{trouble}/retry", headers=headers)).status_code == 202
    assert (await web.client.post(f"/api/v1/exceptions/{uuid4()}/retry", headers=headers)).status_code == 404


async def test_shop_switches(web: Web) -> None:
    headers = await web.token()
    named = await seeding.lively(web.pool, rows=0)
    base = f"/api/v1/shops/{named['uk']}"
    for path, body in (
        ("gateways", {"gateway": "tiktok"}),
        ("location", {"location": "gid://shopify/Location/1"}),
        ("booker", {"booker": "nobody"}),
        ("aliases", {"channel_sku": "A", "commerce_sku": "B"}),
        ("mode", {"mode": "live"}),
    ):
        answer = await web.client.post(f"{base}/{path}", json=body, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
    taken = await web.client.post(f"{base}/take-over", json={"cases": None}, headers=headers)
    assert taken.json()["count"] == 2
    row = await web.pool.fetchrow("select mode, booker, location, safe_gateways from shop where id = $1", named["uk"])
    assert tuple(row) == ("live", "nobody", "gid://shopify/Location/1", ["tiktok"])
    unknown = await web.client.post(f"{base}/location", json={"location": "The attic"}, headers=headers)
    assert unknown.status_code == 422
    assert unknown.json()["detail"] == "There is no place “The attic”. Those there are: Main warehouse."
    by_name = await web.client.post(f"{base}/location", json={"location": "main WAREHOUSE"}, headers=headers)
    assert by_name.status_code == 200
    shops = {each["id"]: each for each in (await web.get("/api/v1/shops", headers=headers)).json()}
    shown = shops[str(named["uk"])]
    assert (shown["location"], shown["location_name"]) == ("gid://shopify/Location/1", "Main warehouse")
    policy = (await web.get(f"{base}/policy", headers=headers)).json()
    assert (policy["version"], policy["lead_s"], policy["accept_parcel"]) == (0, 3600, "on_inspection")
    put = await web.client.put(f"{base}/policy", json={"lead_s": 7200}, headers=headers)
    assert put.status_code == 200
    assert (await web.get(f"{base}/policy", headers=headers)).json()["lead_s"] == 7200
    assert (await web.get(f"/api/v1/shops/{uuid4()}/policy", headers=headers)).status_code == 404
    assert (await web.client.put(f"{base}/policy", json={"lead_s": "soon"}, headers=headers)).status_code == 400


async def test_connections(web: Web) -> None:
    headers = await web.token()
    key = await seeding.connection(web.pool)
    order = {"vendor": "tiktok_shop", "settings": {"app_key": "k", "app_secret": "s"}}
    assert (await web.client.post("/api/v1/connections", json=order, headers=headers)).status_code == 201
    refused = await web.client.post(
        "/api/v1/connections", json={**order, "settings": {"app_key": "wrong"}}, headers=headers
    )
    assert refused.status_code == 422
    assert refused.json()["todo"] == "Compare them with Partner Center."
    far = {**order, "environment": "simulated", "api_base": "http://example.com"}
    assert (await web.client.post("/api/v1/connections", json=far, headers=headers)).status_code == 422
    for bad in ({"control": "http://127.0.0.1:8"}, {"environment": "simulated", "control": "http://example.com"}):
        assert (await web.client.post("/api/v1/connections", json=order | bad, headers=headers)).status_code == 422
    near = {**order, "environment": "simulated", "control": "http://127.0.0.1:8/"}
    assert (await web.client.post("/api/v1/connections", json=near, headers=headers)).status_code == 201
    assert web.outside.added[-1][-1] == "http://127.0.0.1:8"
    assert (await web.client.post(f"/api/v1/connections/{key}/consent", headers=headers)).json()["url"]
    assert (await web.client.post(f"/api/v1/connections/{uuid4()}/consent", headers=headers)).status_code == 404
    login = f"/api/v1/connections/{key}/login"
    assert (await web.client.post(login, json={"settings": {"app_secret": "new"}}, headers=headers)).status_code == 200
    assert web.outside.added[-1] == ("again", key, "robot", {"app_secret": "new"})
    assert (await web.client.post(login, json={"settings": {"app_key": "wrong"}}, headers=headers)).status_code == 422
    assert (await web.client.post(login.replace(str(key), str(uuid4())), json={}, headers=headers)).status_code == 404
    checked = (await web.client.post(f"/api/v1/connections/{key}/check", headers=headers)).json()
    assert [each["ok"] for each in checked] == [True, False]
    call = await web.client.post("/api/v1/callback/tiktok_shop", json={"params": {"code": "c"}}, headers=headers)
    assert call.status_code == 200
    assert web.outside.callbacks == [("tiktok_shop", {"code": "c"}, "robot", True)]


async def test_the_description_names_every_call(web: Web) -> None:
    schema = (await web.get("/schema/openapi.json")).json()
    assert schema["info"]["version"] == "1.2.3"
    described = set(schema["paths"])
    served = {route.path for route in web.app.routes if route.path.startswith("/api/")}
    assert len(served) > 25
    assert {path.count("/") for path in described} == {path.count("/") for path in served}
    assert len(described) == len(served)
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "<script" not in (await web.get("/schema")).text


async def test_answers_are_what_the_description_says(web: Web) -> None:
    named = await seeding.lively(web.pool, rows=0)
    headers = await web.token()
    schema = (await web.get("/schema/openapi.json")).json()
    calls = [(path, path) for path, each in schema["paths"].items() if "get" in each and "{" not in path]
    one = "/api/v1/cases/{case_id}"
    calls += [(one, one.format(case_id=key)) for name, key in named.items() if name not in ("us", "uk", "uk_login")]
    calls += [
        (path, path.format(shop_id=named["us"])) for path in schema["paths"] if path.endswith(("/portal", "/policy"))
    ]
    assert len(calls) > 15
    for described, path in calls:
        answer = await web.get(path, headers=headers)
        wanted = schema["paths"][described]["get"]["responses"][str(answer.status_code)]["content"]
        rules = {**wanted["application/json"]["schema"], "components": schema["components"]}
        jsonschema.Draft202012Validator(rules).validate(answer.json())


async def test_errors_are_described_as_they_are_sent(web: Web) -> None:
    schema = (await web.get("/schema/openapi.json")).json()
    operations = [each for methods in schema["paths"].values() for each in methods.values()]
    assert {status for each in operations for status in each["responses"]} == {"200", "201", "202", "default"}
    described = schema["components"]["schemas"]["Problem"]
    headers = await web.token()
    for path in ("cases?limit=0", "cases?tab=x", "nothing"):
        sent = (await web.get(f"/api/v1/{path}", headers=headers)).json()
        assert set(described["required"]) <= set(sent) <= set(described["properties"])


async def test_unknown_addresses_and_methods(web: Web) -> None:
    headers = await web.token()
    gone = await web.get("/api/v1/nothing", headers=headers)
    assert gone.status_code == 404
    assert gone.headers["content-type"] == "application/problem+json"
    wrong = await web.client.delete("/api/v1/cases", headers=headers)
    assert wrong.status_code == 405
    assert (await web.get("/api/v1/cases/not-an-id", headers=headers)).status_code == 404


async def test_a_stage_shows_in_both_worlds(web: Web) -> None:
    headers = await web.token()
    us = await seeding.shop(web.pool)
    await seeding.put(web.pool, us, seeding.channel_case(Stage.UNKNOWN, raw_status="NEW_WORD_2027"))
    page = (await web.get("/api/v1/cases", headers=headers)).json()
    assert page["cases"][0]["raw_status"] == "NEW_WORD_2027"
    await web.sign_in()
    assert "NEW_<wbr>WORD_<wbr>2027" in (await web.get("/")).text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "truncated"),
        ('{"vendor": "caf\u00e9"}'.encode("latin-1"), "no text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=["cut", "latin", "deep"],
)
async def test_a_body_that_is_no_json_is_told_as_that(web: Web, body: bytes, said: str) -> None:
    headers = {**await web.token(), "content-type": "application/json"}
    answer = await web.client.post("/api/v1/connections", content=body, headers=headers)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
