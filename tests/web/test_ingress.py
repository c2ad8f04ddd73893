"""Webhooks: raw bytes in, 200 only for what is stored, bounded in size, 503 while the database is away."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backhaul.store.db import open_pool
from tests.web.conftest import Web

BODY = b'{"a" : 1,  "b":"\xc3\xa9"}'


async def test_the_raw_bytes_arrive_untouched(web: Web) -> None:
    answer = await web.client.post("/hooks/k1", content=BODY, headers={"authorization": "sig", "X-Thing": "Y"})
    assert answer.status_code == 200
    [(key, raw, headers)] = web.outside.received
    assert (key, raw) == ("k1", BODY)
    assert headers["authorization"] == "sig"
    assert headers["x-thing"] == "Y"


@pytest.mark.parametrize("status", [200, 401, 404])
async def test_the_intakes_word_is_the_answer(web: Web, status: int) -> None:
    web.outside.webhook_status = status
    assert (await web.client.post("/hooks/k1", content=BODY)).status_code == status


async def test_a_body_over_a_megabyte_is_refused_before_it_is_read(web: Web) -> None:
    assert (await web.client.post("/hooks/k1", content=b"x" * 1_000_000)).status_code == 200
    answer = await web.client.post("/hooks/k1", content=b"x" * 1_000_001)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(web.outside.received) == 1


async def test_a_body_without_length_is_counted_while_it_comes(web: Web) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(40):
            sent += 100_000
            yield b"x" * 100_000

    answer = await web.client.post("/hooks/k1", content=endless())
    assert answer.status_code == 413
    assert web.outside.received == []


@pytest.mark.parametrize(
    "error", [OSError("refused"), asyncpg.ConnectionDoesNotExistError("gone"), asyncpg.TooManyConnectionsError("full")]
)
async def test_database_away_is_503_and_never_200(web: Web, error: Exception) -> None:
    web.outside.fails = error
    answer = await web.client.post("/hooks/k1", content=BODY)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    web.outside.fails = None
    assert (await web.client.post("/hooks/k1", content=BODY)).status_code == 200


async def test_a_fault_of_ours_is_500(web: Web) -> None:
    web.outside.fails = RuntimeError("secret detail")
    answer = await web.client.post("/hooks/k1", content=BODY)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


async def test_pages_say_503_while_the_database_is_away(web: Web) -> None:
    csrf = await web.sign_in()
    headers = await web.token()
    web.pool.terminate()
    page = await web.get("/")
    assert page.status_code == 503
    assert "database does not answer" in page.text
    assert (await web.post("/signout", {"csrf": csrf})).status_code == 503
    call = await web.get("/api/v1/cases", headers=headers)
    assert call.status_code == 503
    assert call.json()["status"] == 503
    assert (await web.get("/healthz")).status_code == 200
    ready = await web.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "does not answer"
    metrics = await web.get("/metrics")
    assert metrics.status_code == 200
    assert "backhaul_database_up 0.0" in metrics.text


async def test_a_pool_without_server_says_away() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError):
            await open_pool(f"postgresql://x@127.0.0.1:{taken.getsockname()[1]}/x", 1)


async def test_readiness_needs_a_worker_and_no_stuck_job(web: Web) -> None:
    first = await web.get("/readyz")
    assert first.status_code == 503
    assert "worker" in first.json()["checks"]["worker"]
    await web.pool.execute("insert into worker (id, pid, host) values (gen_random_uuid(), 1, 'here')")
    assert (await web.get("/readyz")).status_code == 200
    await web.pool.execute("update worker set oldest_job_s = 61")
    stuck = await web.get("/readyz")
    assert stuck.status_code == 503
    assert "held" in stuck.json()["checks"]["jobs"]
    await web.pool.execute("update worker set oldest_job_s = 0, beat_at = now() - interval '61 seconds'")
    assert (await web.get("/readyz")).status_code == 503
