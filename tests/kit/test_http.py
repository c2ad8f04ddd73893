from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from backhaul.kit.http import AnswerLost, Exchange, HttpClient, NotSent, on_this_machine

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A raw TCP server, because a real one would be too well-behaved; counts what arrives."""

    def __init__(self, answer: bytes | None, *, close: bool = True) -> None:
        self.answer = answer
        self.close = close
        self.connections = 0
        self.requests: list[bytes] = []
        self.dropped: set[int] = set()
        """Requests, counted from 0, that are answered by closing the connection."""
        self.hold = asyncio.Event()
        self.hold.set()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                await self.hold.wait()
                if len(self.requests) - 1 in self.dropped:
                    return
                if self.answer is not None:
                    writer.write(self.answer)
                    await writer.drain()
                if self.close:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        server.hold.set()
        listener.close()


def answer(status: str = "200 OK", body: bytes = b"hi", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_an_answer_is_given_whatever_its_status_and_a_redirect_is_not_followed() -> None:
    async with (
        serving(Server(answer("302 Found", b"go", "Location: /elsewhere", "X-Id: 7"))) as server,
        HttpClient() as http,
    ):
        got = await http.request("GET", server.url + "/a")
        assert (got.status, got.body, got.headers["x-id"]) == (302, b"go", "7")
        assert len(server.requests) == 1


async def test_the_bytes_are_sent_as_they_are() -> None:
    async with serving(Server(answer())) as server, HttpClient() as http:
        url = server.url + "/p%2Fq?b=2&a=%7e+x&sign=AB%20"
        await http.request("POST", url, headers={"Content-Type": "application/json"}, body=b'{"a": 1}')
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[0] == b"POST /p%2Fq?b=2&a=%7e+x&sign=AB%20 HTTP/1.1"
        assert body == b'{"a": 1}'
        assert b"cookie" not in head.lower()


async def test_a_refused_connection_and_a_wrong_address_send_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with HttpClient() as http:
        for url in (
            f"http://127.0.0.1:{port}/",
            "ftp://host/x",
            "http://",
            "/relative",
            "http://u:p@host/",
            "http://[::bad/",
        ):
            with pytest.raises(NotSent):
                await http.request("POST", url, body=b"x")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:4711", "http://localhost:1/x/", "http://[::1]:9", "HTTPS://127.9.9.9"]
)
def test_this_machine(address: str) -> None:
    assert on_this_machine(address)


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com",
     "http://127.0.0.1@example.com", "http://u:p@127.0.0.1", "ftp://127.0.0.1", "http://["],
)  # fmt: skip
def test_not_this_machine(address: str) -> None:
    assert not on_this_machine(address)


async def test_an_unknown_host_sends_nothing() -> None:
    async with HttpClient() as http:
        with pytest.raises(NotSent, match=r"no connection to nowhere\.invalid:80 \(.+\)$"):
            await http.request("POST", "http://nowhere.invalid/?access_token=abc", body=b"x")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_connection_that_breaks_after_the_request_is_an_answer_lost_and_never_a_repeat(method: str) -> None:
    async with serving(Server(None)) as server, HttpClient() as http:
        with pytest.raises(AnswerLost):
            await http.request(method, server.url, body=b"pay")
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_kept_connection_that_turns_out_dead_is_an_answer_lost_too(method: str) -> None:
    async with serving(Server(answer(), close=False)) as server, HttpClient() as http:
        server.dropped = {1}
        await http.request("GET", server.url)
        with pytest.raises(AnswerLost):
            await http.request(method, server.url, body=b"pay")
        await asyncio.sleep(0.01)
        assert len(server.requests) == 2


async def test_a_read_on_a_dead_connection_is_repeated() -> None:
    async with serving(Server(answer(), close=False)) as server, HttpClient() as http:
        server.dropped = {1}
        await http.request("GET", server.url)
        assert (await http.request("GET", server.url)).status == 200
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_slow_answer_is_lost_after_the_time_out() -> None:
    async with serving(Server(answer())) as server, HttpClient(timeout=1.0) as http:
        server.hold.clear()
        with pytest.raises(AnswerLost, match="time is up"):
            await http.request("POST", server.url, body=b"x")


async def test_a_request_that_never_got_a_connection_was_not_sent() -> None:
    async with serving(Server(answer())) as server, HttpClient(per_host=1, timeout=0.1) as http:
        server.hold.clear()
        first = asyncio.create_task(http.request("POST", server.url, body=b"1", timeout=5))
        while not server.requests:
            await asyncio.sleep(0.001)
        with pytest.raises(NotSent):
            await http.request("POST", server.url, body=b"2")
        server.hold.set()
        assert (await first).status == 200
        assert len(server.requests) == 1


async def test_nothing_is_sent_after_dead_at() -> None:
    async with serving(Server(answer())) as server, HttpClient() as http:
        with pytest.raises(NotSent, match="too late"):
            await http.request("POST", server.url, body=b"x", dead_at=time.time() - 1)
        assert server.connections == 0
        assert (await http.request("POST", server.url, body=b"x", dead_at=time.time() + 30)).status == 200


async def test_dead_at_is_asked_again_when_the_connection_is_there() -> None:
    readings = iter([0.0, 0.0, 100.0])  # at the start, for the connect limit, and with the connection in hand
    async with serving(Server(answer())) as server, HttpClient(now=lambda: next(readings)) as http:
        with pytest.raises(NotSent, match="too late"):
            await http.request("POST", server.url, body=b"x", dead_at=50)
        await asyncio.sleep(0.01)
        assert (server.connections, server.requests) == (1, [])


async def test_waiting_for_a_connection_ends_at_dead_at() -> None:
    async with serving(Server(answer())) as server, HttpClient(per_host=1) as http:
        server.hold.clear()
        first = asyncio.create_task(http.request("POST", server.url, body=b"1"))
        while not server.requests:
            await asyncio.sleep(0.001)
        with pytest.raises(NotSent):
            await http.request("POST", server.url, body=b"2", dead_at=time.time() + 0.1)
        server.hold.set()
        await first


@pytest.mark.parametrize("packed", [False, True])
async def test_a_large_answer_is_not_read_to_its_end(packed: bool) -> None:
    body = gzip.compress(bytes(5_000_000)) if packed else bytes(2_000)
    headers = ("Content-Encoding: gzip",) if packed else ()
    async with serving(Server(answer("200 OK", body, *headers))) as server, HttpClient(max_answer=1000) as http:
        with pytest.raises(AnswerLost, match="larger than 1000 bytes"):
            await http.request("GET", server.url)


async def test_connections_to_one_host_are_limited() -> None:
    async with serving(Server(answer(), close=False)) as server, HttpClient(per_host=3) as http:
        await asyncio.gather(*(http.request("GET", server.url) for _ in range(30)))
        assert server.connections <= 3
        assert len(server.requests) == 30


async def test_no_secret_reaches_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Exchange] = []
    async with serving(Server(answer("200 OK", b"", "Set-Cookie: sid=hunter2"))) as server:
        async with HttpClient(on_exchange=seen.append) as http:
            got = await http.request("GET", server.url + "/?access_token=hunter2&id=7", headers={"X-Token": "hunter2"})
        async with HttpClient(on_exchange=seen.append, now=lambda: 2.0) as http:
            with pytest.raises(NotSent) as raised:
                await http.request("GET", server.url + "/?access_token=hunter2", dead_at=1.0)
    assert "id=7" in caplog.text
    assert "hunter2" not in caplog.text + repr(seen) + repr(got) + str(raised.value)
    assert [e.outcome for e in seen] == ["200", "not sent"]
    assert seen[0].host == "127.0.0.1"
