"""How commands are run: a repeat with the same Idempotency-Key gets the first answer and no second effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from backhaul.kit.crypto import sha256_hex
from backhaul.store.idempotency import once
from backhaul.web.access import Asked, services_of
from backhaul.web.problems import BadInput

T = TypeVar("T")
LONGEST = 200


async def command(request: Asked, run: Callable[[], Awaitable[T]], shape: type[T]) -> T:
    """Run a command, once per key. The key counts for the token's owner only."""
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        return await run()
    if len(key) > LONGEST:
        raise BadInput(f"An Idempotency-Key has at most {LONGEST} characters.")
    body = await request.body()

    async def encoded() -> bytes:
        return msgspec.json.encode(await run())

    answer = await once(
        services_of(request).pool,
        f"{request.user.name}\n{key}",
        f"{request.method} {request.url.path} {sha256_hex(body)}",
        encoded,
    )
    return msgspec.json.decode(answer, type=shape)
