"""Sends webhooks as the vendors do: a queue for each address, a time-out, retries on the virtual clock, then silence.

Messages go only to addresses of this machine or of private networks: a simulator that could post to the internet could
reach a real account by accident.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import random
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.moods import Moods

TIKTOK_RETRIES = (120.0, 1800.0, 10800.0, 43200.0)
_LOG_LENGTH = 20_000
_SENDERS_PER_ADDRESS = 16
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".test", ".invalid", ".example")


class RealAddressRefused(ValueError):
    """The address does not look like one of a simulated installation."""


def require_local_address(address: str) -> None:
    """Raises RealAddressRefused unless the URL points at this machine, a private network or a reserved test name."""
    try:
        host = (urlsplit(address).hostname or "").lower()
    except ValueError:
        host = ""
    if not host:
        raise RealAddressRefused(f"no host in {address!r}")
    if not host.isascii():  # the client turns full stops and digits of other scripts into plain ones: a public name
        raise RealAddressRefused(f"{host!r} does not look simulated: write it in plain letters")
    ip = _ip(host)
    if ip is None:
        if host == "localhost" or host.endswith(_LOCAL_SUFFIXES) or "." not in host:
            return
        raise RealAddressRefused(
            f"{host} does not look simulated: the simulator only talks to this machine, private networks and test names"
        )
    if not (ip.is_loopback or ip.is_private or ip.is_link_local):
        raise RealAddressRefused(f"{host} is a public address: the simulator never posts there")


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host's text stands for in any of its spellings; None for a name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        try:  # 134744072, 0x8080808 and 8.8.2056 lead to 8.8.8.8
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(ip, "ipv4_mapped", None) or ip


@dataclass(slots=True)
class Message:
    """One webhook to deliver. `body` is sent byte by byte; `accepts` says which HTTP statuses end the matter."""

    vendor: str
    topic: str
    address: str
    message_id: str
    body: bytes
    headers: Mapping[str, str]
    subject: str = ""
    retries: tuple[float, ...] = TIKTOK_RETRIES
    timeout: float = 3.0
    accepts: Callable[[int], bool] = field(default=lambda status: status == 200)
    given_up: Callable[[], object] | None = None
    """Called when the last repeat has failed too."""


@dataclass(slots=True)
class Delivery:
    """What became of one message: `queued`, `waiting` (for a retry), `delivered`, `refused`, `lost`."""

    message: Message
    created_at: float
    number: int = field(default_factory=itertools.count(1).__next__)
    state: str = "queued"
    mood: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """The delivery as the control API shows it."""
        return {
            "vendor": self.message.vendor,
            "topic": self.message.topic,
            "address": self.message.address,
            "message_id": self.message.message_id,
            "subject": self.message.subject,
            "created_at": self.created_at,
            "state": self.state,
            "mood": self.mood,
            "attempts": self.attempts,
        }


class WebhookDelivery:
    """Delivers messages; `start` before use, `stop` at the end. `send` may be called from any clock callback."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, moods: Moods) -> None:
        self._clock = clock
        self._rng = rng
        self._moods = moods
        self._queues: dict[str, asyncio.Queue[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._held: dict[str, Delivery] = {}
        self._open = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.log: deque[Delivery] = deque(maxlen=_LOG_LENGTH)
        self.counts: dict[str, int] = {"created": 0, "attempts": 0, "delivered": 0, "refused": 0, "lost": 0}

    async def start(self) -> None:
        """Opens the HTTP client."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)

    async def stop(self) -> None:
        """Drops what is queued and closes the HTTP client."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(self, message: Message) -> Delivery:
        """Queues one message, or does to it what a mood wants."""
        require_local_address(message.address)
        delivery = Delivery(message, self._clock.now())
        self.log.append(delivery)
        self.counts["created"] += 1
        mood = self._moods.strike(
            message.vendor,
            message.topic,
            ("webhook_lost", "webhook_duplicate", "webhook_late", "webhook_reorder"),
        )
        kind = delivery.mood = mood.kind if mood is not None else ""
        if mood is None:
            self._release(delivery)
        elif kind == "webhook_lost":
            delivery.state = "lost"
            self.counts["lost"] += 1
        elif kind == "webhook_late":
            self._clock.after(mood.number("seconds", 900.0), lambda: self._enqueue(delivery))
        elif kind == "webhook_reorder":
            # Held back until the next message to the same address has gone, or for a while when none comes.
            self._held[message.address] = delivery
            self._clock.after(mood.number("seconds", 60.0), lambda: self._unhold(message.address, delivery))
        else:
            for _ in range(1 + int(mood.number("copies", 1))):
                self._enqueue(delivery)
        return delivery

    def pending(self) -> int:
        """How many deliveries are queued or being sent right now, retries that wait for their time left out."""
        return self._open

    def _release(self, delivery: Delivery) -> None:
        self._enqueue(delivery)
        held = self._held.pop(delivery.message.address, None)
        if held is not None:
            self._enqueue(held)

    def _unhold(self, address: str, delivery: Delivery) -> None:
        if self._held.get(address) is delivery:
            del self._held[address]
            self._enqueue(delivery)

    def _enqueue(self, delivery: Delivery) -> None:
        address = delivery.message.address
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = asyncio.Queue()
            for _ in range(_SENDERS_PER_ADDRESS):
                task = asyncio.get_running_loop().create_task(self._sender(queue))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._open += 1
        self.idle.clear()
        queue.put_nowait(delivery)

    async def _sender(self, queue: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await queue.get()
            try:
                await self._attempt(delivery)
            finally:
                self._open -= 1
                if not self._open:
                    self.idle.set()

    async def _attempt(self, delivery: Delivery) -> None:
        message = delivery.message
        attempt: dict[str, Any] = {"at": self._clock.now(), "status": None, "error": None}
        delivery.attempts.append(attempt)
        self.counts["attempts"] += 1
        assert self._session is not None, "start() first"
        try:
            async with self._session.post(
                message.address,
                data=message.body,
                headers=dict(message.headers),
                timeout=aiohttp.ClientTimeout(total=message.timeout),
                allow_redirects=False,
            ) as answer:
                attempt["status"] = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            attempt["error"] = type(error).__name__
        status = attempt["status"]
        if delivery.state in ("delivered", "refused"):
            return  # a duplicate of a message that had already arrived
        if isinstance(status, int) and message.accepts(status):
            delivery.state = "delivered" if 200 <= status < 300 else "refused"
            self.counts[delivery.state] += 1
            return
        failures = len(delivery.attempts)
        if failures > len(message.retries):
            delivery.state = "lost"
            self.counts["lost"] += 1
            if message.given_up is not None:
                message.given_up()
            return
        delivery.state = "waiting"
        self._clock.after(message.retries[failures - 1], lambda: self._enqueue(delivery))
