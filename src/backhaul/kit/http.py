"""One hardened HTTP client: bounded in time, size and connections, and honest about what may have left.

It follows no redirect, keeps no cookie, reads no proxy from the environment and never repeats a request that is not
safe to repeat. What it cannot know it says: :class:`NotSent` means no byte of the request left this process;
:class:`AnswerLost` means some may have. Everything else, whatever its status, is an :class:`Answer`.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import SimpleNamespace, TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from backhaul.kit.text import mask_headers, mask_url, truncate

log = logging.getLogger(__name__)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def on_this_machine(address: str) -> bool:
    """Whether it is an http or https address of this very machine, without a user's name in it."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
    return loopback and parts.scheme in ("http", "https") and parts.username is None


class TransportError(Exception):
    """A request without an answer. The text holds no secret."""


class NotSent(TransportError):
    """No byte of the request left: bad address, no connection, no free connection in time, or past its ``dead_at``."""


class AnswerLost(TransportError):
    """The request may have arrived, and its answer is not known: time-out, broken connection, answer too large."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said, whatever it said."""

    status: int
    headers: Mapping[str, str]
    """Found in any case; of a header sent twice, the first."""
    body: bytes
    seconds: float
    """From asking to the last byte."""

    def __repr__(self) -> str:
        return f"Answer({self.status}, {mask_headers(self.headers)}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished request as metrics and logs may see it: nothing secret in it."""

    method: str
    host: str
    url: str
    outcome: str
    """The status as text, ``not sent`` or ``answer lost``."""
    seconds: float


class HttpClient:
    """Use as an async context manager, one per process; safe for any number of concurrent requests."""

    def __init__(
        self,
        *,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        max_answer: int = 16 * 1024 * 1024,
        per_host: int = 100,
        total: int = 1000,
        user_agent: str = "backhaul",
        now: Callable[[], float] = time.time,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        """``timeout``: seconds for a whole exchange; ``max_answer``: bytes unpacked; ``now`` judges ``dead_at``."""
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._max_answer = max_answer
        self._limits = (per_host, total)
        self._user_agent = user_agent
        self._now = now
        self._on_exchange = on_exchange
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(self._before_bytes_leave)
        per_host, total = self._limits
        self._session = aiohttp.ClientSession(
            # Short-lived idle connections: a write on one that the server just closed would be an answer lost.
            connector=aiohttp.TCPConnector(limit=total, limit_per_host=per_host, keepalive_timeout=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            skip_auto_headers=("Content-Type",),
            trace_configs=[trace],
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; harmless when repeated."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        dead_at: float | None = None,
        timeout: float | None = None,
        max_answer: int | None = None,
    ) -> Answer:
        """Send exactly these bytes to exactly this URL (already encoded; nothing is re-quoted, so signatures hold).

        ``dead_at``: Unix seconds after which nothing may leave any more; asked again right before the bytes do.
        Raises :class:`NotSent` or :class:`AnswerLost`. A cancelled request may have been sent.
        """
        if self._session is None:
            raise RuntimeError("the HTTP client is closed")
        state = _State(dead_at, method.upper() in _SAFE_METHODS)
        begun = time.perf_counter()
        outcome = "cancelled"
        try:
            answer = await self._exchange(method, url, headers or {}, body, state, timeout, max_answer, begun)
            outcome = str(answer.status)
            return answer
        except NotSent:
            outcome = "not sent"
            raise
        except AnswerLost:
            outcome = "answer lost"
            raise
        finally:
            self._report(method, url, outcome, time.perf_counter() - begun)

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        state: _State,
        timeout: float | None,
        max_answer: int | None,
        begun: float,
    ) -> Answer:
        assert self._session is not None
        _check_url(url)
        self._check_alive(state)
        limits = aiohttp.ClientTimeout(total=timeout or self._timeout, connect=self._connect_limit(state))
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=limits,
                trace_request_ctx=state,
            ) as response:
                content = await _read(response, max_answer or self._max_answer)
                return Answer(response.status, response.headers, content, time.perf_counter() - begun)
        except TransportError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = _reason(error)
            if state.leaving:
                raise AnswerLost(reason) from None
            raise NotSent(reason) from None

    def _connect_limit(self, state: _State) -> float:
        if state.dead_at is None:
            return self._connect_timeout
        return max(0.001, min(self._connect_timeout, state.dead_at - self._now()))

    def _check_alive(self, state: _State) -> None:
        if state.dead_at is not None and self._now() >= state.dead_at:
            text = "too late: the time in which this request could be sent is over"
            raise AnswerLost(text) if state.leaving else NotSent(text)

    async def _before_bytes_leave(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        """Called with the connection in hand and nothing written yet; what is raised here closes it."""
        state: _State = context.trace_request_ctx
        if state.leaving and not state.safe:
            # aiohttp repeats PUT and DELETE by itself when a kept connection turns out dead; we do not.
            raise AnswerLost("the connection broke while the request was being sent")
        self._check_alive(state)
        state.leaving = True

    def _report(self, method: str, url: str, outcome: str, seconds: float) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s: %s in %.0f ms", method, mask_url(url), outcome, seconds * 1000)
        if self._on_exchange is not None:
            self._on_exchange(Exchange(method, urlsplit(url).hostname or "", mask_url(url), outcome, seconds))


@dataclass(slots=True)
class _State:
    dead_at: float | None
    safe: bool
    leaving: bool = False


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise NotSent(f"not an address to send to: {truncate(mask_url(url), 200)}")


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            response.close()
            raise AnswerLost(f"status {response.status}, but the answer is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _reason(error: Exception) -> str:
    # aiohttp puts the whole URL, query and all, into some of its texts.
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host}:{error.port} ({truncate(_cause(error.os_error), 200)})"
    if isinstance(error, TimeoutError):
        return "time is up"
    if isinstance(error, aiohttp.InvalidURL):
        return "not an address to send to"
    return type(error).__name__


def _cause(error: OSError) -> str:
    # asyncio puts the address into the text once more. A look-up's and TLS' numbers are their own.
    if isinstance(error, ssl.SSLError | socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
