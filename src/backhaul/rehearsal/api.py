"""The hub's REST API, as anybody's program uses it."""

from __future__ import annotations

from typing import Any

import aiohttp


class ApiRefused(Exception):
    """The API said no; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status, self.text = status, text

    def __str__(self) -> str:
        return f"{self.status} {self.text}"


class Api:
    """A client with a token. Every order carries a key of its own."""

    def __init__(self, base: str, token: str, name: str = "rehearsal") -> None:
        self._base = f"{base}/api/v1"
        self._session = aiohttp.ClientSession(
            headers={"authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=30)
        )
        self._name = name
        self._keys = 0

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str) -> Any:
        """Read."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Order something."""
        self._keys += 1
        return await self._call("POST", path, json=body, headers={"idempotency-key": f"{self._name}-{self._keys}"})

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            return await self._once(method, path, **options)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            # The server closes a connection that was idle for a while; its key keeps an order from counting twice.
            return await self._once(method, path, **options)

    async def _once(self, method: str, path: str, **options: Any) -> Any:
        async with self._session.request(method, self._base + path, **options) as answer:
            if answer.status >= 400:
                raise ApiRefused(answer.status, f"{method} {path}: {(await answer.text())[:300]}")
            return await answer.json()
