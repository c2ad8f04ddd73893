"""Webhook addresses are asked for again every day: vendors forget them, and other tools replace them."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from backhaul.domain.words import Party
from backhaul.ports.errors import NeedsReauth, Unavailable, VendorError
from backhaul.store import turns
from backhaul.store.jobs import Rank
from backhaul.work import subscribing
from tests.work.conftest import Bench

DAY = subscribing.EVERY_S
ADDRESS = "https://hub.example/hooks/key"


class _Hooks:
    """The vendor's side of a subscription."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.refused: tuple[str, ...] = ()
        self.trouble: VendorError | None = None

    async def subscribe(self, address: str) -> tuple[str, ...]:
        if self.trouble is not None:
            raise self.trouble
        self.addresses.append(address)
        return self.refused


@pytest.fixture
async def hooks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> _Hooks:
    """The channel takes subscriptions, and its login has a turn."""
    hooks = _Hooks()
    monkeypatch.setattr(bench.channel, "subscribe", hooks.subscribe, raising=False)
    async with bench.pool.acquire() as connection:
        await turns.open_turns(connection, [(await _login(bench), "login", None)])
    return hooks


async def _login(bench: Bench) -> UUID:
    found: UUID = await bench.pool.fetchval("select id from connection where role = $1", Party.CHANNEL)
    return found


async def _attend(bench: Bench) -> int:
    """One turn of the login; seconds from now to its next."""
    login = await _login(bench)
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.nudge(connection, [login], Rank.SWEEP)
    await bench.attend(login)
    return int((await bench.turn(login))["attend_at"] - time.time())


async def _asked(bench: Bench, ago: int) -> None:
    kept = {"address": ADDRESS, "refused": [], "at": int(time.time()) - ago}
    await bench.pool.execute("update connection set webhooks = $2 where id = $1", await _login(bench), kept)


async def test_after_the_login_the_next_asking_is_a_day_away(bench: Bench, hooks: _Hooks) -> None:
    hooks.refused = ("A_TOPIC: not for this shop",)
    assert await subscribing.subscribe(bench.vendors, await _login(bench), ADDRESS) == hooks.refused
    assert abs(await _attend(bench) - DAY) < 30
    assert hooks.addresses == [ADDRESS]
    kept = await bench.pool.fetchval("select webhooks from connection where id = $1", await _login(bench))
    assert (kept["address"], kept["refused"]) == (ADDRESS, list(hooks.refused))


async def test_a_day_later_the_same_address_is_asked_for_again(bench: Bench, hooks: _Hooks) -> None:
    await _asked(bench, DAY + 1)
    assert abs(await _attend(bench) - DAY) < 30
    assert hooks.addresses == [ADDRESS]
    await _attend(bench)
    assert hooks.addresses == [ADDRESS], "once a day"


async def test_a_vendor_that_does_not_answer_is_asked_within_the_hour(bench: Bench, hooks: _Hooks) -> None:
    await _asked(bench, DAY + 1)
    hooks.trouble = Unavailable("down")
    assert await _attend(bench) <= subscribing.AGAIN_S
    hooks.trouble = NeedsReauth("gone")
    assert await _attend(bench) > subscribing.AGAIN_S
    hooks.trouble = None
    await _attend(bench)
    assert hooks.addresses == [ADDRESS]


async def test_without_an_address_nothing_is_asked_for(bench: Bench, hooks: _Hooks) -> None:
    login = await _login(bench)
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.nudge(connection, [login], Rank.SWEEP)
    await bench.attend(login)
    assert hooks.addresses == []
    assert (await bench.turn(login))["attend_at"] is None
