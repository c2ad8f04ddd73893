"""Logins that run out, are renewed at a bad moment, are refused, and come back."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from backhaul.store import shops
from backhaul.work.logins import LoginRefused
from backhaul.work.vendors import open_settings, open_tokens
from tests.e2e.books import check_books, decisions
from tests.e2e.conftest import Opener
from tests.e2e.stage import Stage

DAY = 86400


async def _state(stage: Stage) -> str:
    state: str = await stage.hub.pool.fetchval("select state from connection where id = $1", stage.shop.channel_login)
    return state


async def test_a_token_that_ran_out_while_nobody_worked(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        await stage.step(8 * DAY)
        stage.start_worker()
        case = await stage.ask("REFUND")
        await case.approve()
        await case.until_ended()
        await check_books(stage)
        assert await _state(stage) == "connected"


@pytest.mark.parametrize("refused", [False, True])
async def test_a_crash_between_the_renewal_and_its_storing(opener: Opener, refused: bool) -> None:
    """The vendor has renewed the login, and the answer died with its process: the stored refresh token is tried again.
    Where the vendor has put a new one in its place, only the owner can help."""
    async with opener(workers=0, spec={"switches": {"rotate_refresh_token": refused}}) as stage:
        row = await shops.connection(stage.hub.pool, stage.shop.channel_login)
        assert row is not None
        tokens = open_tokens(stage.hub.vendors.vault, row)
        assert tokens is not None
        app = stage.sim.ready["app"]
        query = {
            "app_key": app["app_key"], "app_secret": app["app_secret"], "refresh_token": tokens.refresh,
            "grant_type": "refresh_token",
        }  # fmt: skip
        async with stage.http.get(f"{app['token_base']}/api/v2/token/refresh", params=query) as answer:
            assert (await answer.json())["code"] == 0
        await stage.step(8 * DAY)
        stage.start_worker()
        case = await stage.ask("REFUND")
        if refused:

            async def expired() -> bool:
                return await _state(stage) == "expired"

            await stage.until(expired, 15.0, "the end of the login")
            await stage.consent(stage.shop)
        await case.approve()
        await case.until_ended()
        await check_books(stage)
        assert await _state(stage) == "connected"


async def test_a_login_that_is_withdrawn_and_given_again(opener: Opener) -> None:
    """Everything of the channel waits, what is decided meanwhile too, and all of it goes on by itself."""
    async with opener() as stage:
        cases = [await stage.ask("REFUND") for _ in range(3)]
        for case in cases:
            await case.asked()
        await stage.control.revoke(stage.shop.channel_id)

        async def expired() -> bool:
            return await _state(stage) == "expired"

        await stage.sync()
        await stage.until(expired, 10.0, "the pause")
        for case in cases:
            await case.approve()
        await asyncio.sleep(1.0)
        for case in cases:
            assert decisions(await case.books()) == []
        open_now = await stage.hub.pool.fetch("select key from exception where closed_at is null and case_id is null")
        assert [row["key"] for row in open_now] == ["login"]
        await stage.consent(stage.shop)
        for case in cases:
            await case.until_ended()
            assert decisions(await case.books()) == ["APPROVE_REFUND"]
        await check_books(stage)
        assert await stage.hub.pool.fetchval("select count(*) from exception where closed_at is null") == 0


async def test_credentials_that_are_changed_are_kept_only_when_they_are_taken(opener: Opener) -> None:
    async with opener(workers=0) as stage:
        logins, vendors = stage.hub.logins, stage.hub.vendors
        cards = {each.vendor: each.id for each in await shops.connections(stage.hub.pool)}
        shopify, channel = cards["shopify"], cards["tiktok_shop"]

        async def kept(connection_id: UUID) -> dict[str, str]:
            return open_settings(vendors.vault, await vendors.row(connection_id, fresh=True))

        before = await kept(shopify)
        with pytest.raises(LoginRefused, match="did not take"):
            await logins.again(shopify, "Dana", {"client_secret": "sim_another"})
        with pytest.raises(LoginRefused, match="no setting called sparkle"):
            await logins.again(shopify, "Dana", {"sparkle": "1"})
        assert await kept(shopify) == before
        assert (await vendors.row(shopify, fresh=True)).state == "connected"

        await logins.disable(shopify, "Dana")
        await logins.again(shopify, "Dana", {"old_client_secrets": "sim_before"})
        assert await kept(shopify) == {**before, "old_client_secrets": "sim_before"}
        assert (await vendors.row(shopify, fresh=True)).state == "connected"
        links = await shops.links(stage.hub.pool)
        assert [link.shop_id for link in links if link.connection_id == shopify] == [stage.shop.id]

        # Where the owner consents, settings that can work at all are kept, and the login goes on.
        with pytest.raises(LoginRefused, match="did not take"):
            await logins.again(channel, "Dana", {"app_secret": "real-looking"})
        await logins.again(channel, "Dana", {"locale": "de-DE"})
        assert (await kept(channel))["locale"] == "de-DE"
        assert (await vendors.row(channel, fresh=True)).state == "connected"
