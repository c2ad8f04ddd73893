"""How commands are run: a repeat with the same Idempotency-Key gets the first answer and no second effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from backhaul.kit.crypto import sha256_hex
from backhaul.store.idempotency import once
from backhaul.web.access import Asked, services_of
from backhaul.web.api.shapes import Done
from backhaul.web.problems import BadInput
from backhaul.work.commands import Commands

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


async def done(
    request: Asked, act: Callable[[Commands, str], Awaitable[T]], answer: Callable[[T], Done] = lambda _: Done()
) -> Done:
    """Run what ``act`` asks of the hub's commands in the name of whoever sent the request; ``answer`` says what came
    of it."""

    async def run() -> Done:
        return answer(await act(services_of(request).commands, request.user.name))

    return await command(request, run, Done)
