"""The door of the desk: keys and scopes, versions, the limit, moods, and what is written down about a refusal."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from backhaul.simulator import seen
from backhaul.simulator.loop.model import SCOPES, Desk
from backhaul.simulator.moods import Mood
from backhaul.simulator.server import Simulator

from .desk import DeskClient

GATEWAY = {"error": {"code": "401", "http_code": "GEN-UNAUTHORIZED", "message": "Unauthorized."}}


def latest(sim: Simulator) -> dict[str, Any]:
    return seen.describe(sim.books.requests[-1])


@pytest.mark.parametrize(
    "headers", [{"X-Authorization": "real_key"}, {"X-Authorization": ""}, {"X-Authorization": "Bearer KEY"}]
)
async def test_only_a_bare_key_of_this_simulator_opens(
    sim: Simulator, client: DeskClient, headers: dict[str, str]
) -> None:
    sent = {name: value.replace("KEY", client.key) for name, value in headers.items()}
    reply = await client.call("GET", "/webhooks", headers=sent)
    assert (reply.status, reply.body) == (401, GATEWAY)
    assert (await client.call("GET", "/webhooks", headers={**sent, "Authorization": client.key})).status == 401
    (expected,) = latest(sim)["expected"]
    assert expected["what"] == "header X-Authorization"
    assert client.key not in str(latest(sim))


CALLS = [
    ("GET", "/warehouse/return/list", "returns", {"errors": "Unauthorized."}),
    ("POST", "/warehouse/return/1/process", "returns", {"errors": "Unauthorized."}),
    ("POST", "/order/link", "orders", {"errors": "Unauthorized."}),
    ("GET", "/orders", "orders", GATEWAY),
    ("GET", "/webhooks", "developer_tools", GATEWAY),
    ("GET", "/destinations", "destinations:read", GATEWAY),
    ("POST", "/destinations", "destinations:write", GATEWAY),
    ("GET", "/draft-returns", "draft_returns:read", GATEWAY),
    ("POST", "/draft-returns", "draft_returns:write", GATEWAY),
    ("GET", "/label-requests", "label_requests:read", GATEWAY),
    ("POST", "/label-requests/1/errors", "label_requests:write", GATEWAY),
    ("POST", "/labels", "labels:write", GATEWAY),
]


@pytest.mark.parametrize(("method", "path", "scope", "body"), CALLS)
async def test_a_missing_scope_is_told_as_a_wrong_key_is(
    sim: Simulator, client: DeskClient, desk: Desk, method: str, path: str, scope: str, body: Any
) -> None:
    client.key = sim.loop.world.add_key(desk, "poor", tuple(each for each in SCOPES if each != scope)).value
    reply = await client.call(method, path, {})
    assert (reply.status, reply.body) == (401, body)
    assert latest(sim)["expected"][0]["expected"] == scope
    client.key = sim.loop.world.add_key(desk, "just that", (scope,)).value
    assert (await client.call(method, path, {})).status != 401


async def test_regenerating_without_the_scope_is_forbidden(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    client.key = sim.loop.world.add_key(desk, "poor", ("orders",)).value
    assert (await client.call("POST", "/returns/1/labels/regenerate")).status == 403


async def test_versions(sim: Simulator, client: DeskClient) -> None:
    for version, status in (
        ("/2026-10", 200),
        ("/2026-07", 200),
        ("/unstable", 200),
        ("/v1", 200),
        ("", 200),
        ("/2025-01", 404),
    ):
        client.api = f"{sim.addresses['loop']}/api{version}"
        assert (await client.call("GET", "/warehouse/return/list")).status == status, version
    client.api = f"{sim.addresses['loop']}/api/v1"
    assert (await client.call("PATCH", "/warehouse/return/list")).status == 405
    assert (await client.call("GET", "/warehouse/return/listing")).status == 404


async def test_so_many_calls_a_minute_and_key(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    statuses = [(await client.call("GET", "/webhooks")).status for _ in range(desk.settings.calls_per_minute)]
    assert set(statuses) == {200}
    reply = await client.call("GET", "/webhooks")
    assert (reply.status, "Retry-After" in reply.headers) == (429, False)
    assert list(reply.body) == ["message"]
    client.key = sim.loop.world.add_key(desk, "another", SCOPES).value
    assert (await client.call("GET", "/webhooks")).status == 200


async def test_bodies_that_are_none(client: DeskClient) -> None:
    headers = {"X-Authorization": client.key, "Content-Type": "application/json"}
    none = [b"{", b'"text"', b'{"url":"\xff"}', b"[" * 100_000]
    for raw, status in (*((each, 400) for each in none), (b"[]", 422), (b"", 422), (b"{}", 422)):
        async with client.session.post(f"{client.api}/webhooks", data=raw, headers=headers) as answer:
            assert answer.status == status, raw[:20]


async def test_moods_strike_before_and_after_the_effect(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    each = await client.create(client.order())
    path = f"/warehouse/return/{each.id}/flag"
    for kind, status in (("rate_limit", 429), ("unavailable", 503), ("error_before", 500)):
        sim.moods.add(Mood(kind, "loop", times=1))
        assert (await client.call("POST", path)).status == status
        assert each.state == "open"
    sim.moods.add(Mood("cut_before", "loop", times=1))
    with pytest.raises(aiohttp.ClientError):
        await client.call("POST", path)
    assert each.state == "open"
    sim.moods.add(Mood("cut_after", "loop", times=1))
    with pytest.raises(aiohttp.ClientError):
        await client.call("POST", path)
    assert each.state == "review"
    sim.moods.add(Mood("error_after", "loop", "POST */close", times=1))
    with pytest.raises(aiohttp.ContentTypeError):
        await (await _close(client, each.id)).json()
    assert each.state == "closed"


async def _close(client: DeskClient, return_id: int) -> aiohttp.ClientResponse:
    url = f"{client.api}/warehouse/return/{return_id}/close"
    return await client.session.post(url, headers={"X-Authorization": client.key})


async def test_moods_of_answers(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    each = await client.create(client.order())
    query = {"return_id": str(each.id)}
    for kind in ("unknown_field", "unknown_word", "numbers_as_strings"):
        sim.moods.add(Mood(kind, "loop", "GET /warehouse/return/details", times=1))
    detail = (await client.call("GET", "/warehouse/return/details", **query)).body
    assert "sim_new_field" in detail
    assert (detail["state"], detail["id"]) == ("SIM_SOMETHING_NEW", str(each.id))
    sim.moods.add(Mood("token_revoked", "loop", times=1))
    assert (await client.call("GET", "/webhooks")).status == 401
    assert (await client.call("GET", "/webhooks")).status == 401
    assert desk.keys == []
    assert sim.describe()["shops"][0]["desk"]["key"] == ""


async def test_the_operation_itself_is_never_at_fault(sim: Simulator, client: DeskClient) -> None:
    """Every operation with nothing, nonsense and an id that is not there: refused, and no problem in the books."""
    for operation in sim.loop.gateway.operations:
        path = operation.path
        for name in ("return_id", "draft_id", "line_id", "question_id", "id"):
            path = path.replace(f"{{{name}}}", "1")
        for body in (None, {}, {"address": 1, "rate": 1, "url": [], "name": 5, "content": 1, "order_name": []}):
            reply = await client.call(operation.method, path, None if operation.method == "GET" else body)
            assert reply.status < 500 or reply.body == {"message": "The last destination stays."}, (path, reply.body)
    assert sim.books.problems == []
