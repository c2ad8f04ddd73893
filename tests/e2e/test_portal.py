"""A buyer asks for a return in the shop's portal, from the app's button to the money; the simulator's books judge."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from backhaul.domain.policy import FromPortal, Policy
from backhaul.rehearsal.browser import Browser
from backhaul.rehearsal.pages import Form, Page
from backhaul.store import case_page, portal
from backhaul.work.portal_guide import ticks
from tests.e2e.books import check_books, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

PATIENCE = 60.0


class Shopper:
    """A buyer with a browser without script."""

    def __init__(self, stage: Stage, browser: Browser) -> None:
        self.stage, self.browser = stage, browser
        self.address = f"{stage.base}/portal/{stage.shop.id}"

    async def open(self, address: str) -> Page:
        """A page that is there."""
        page = await self.browser.open(address)
        assert page.status == 200, page.text
        return page

    async def send(self, page: Page, form: Form) -> Page:
        """Send a form; the page that follows."""
        page = await self.browser.send(page, form)
        assert page.status == 200, page.text
        return page

    async def reads(self, words: str) -> None:
        """Look at the order again until the page says so."""

        async def said() -> bool:
            return words in (await self.open(f"{self.address}/order")).text

        await self.stage.until(said, PATIENCE, f"“{words}” in the portal")

    async def ask(self, address: str) -> None:
        """From the app's button to the request for the first unit."""
        page = await self.open(address)
        assert urlsplit(page.address).query == ""
        found = page.form("order", "zip")
        assert found.fields["order"].value
        assert found.fields["zip"].value
        page = await self.send(page, found)
        form = page.form("kind", "unit", "reason")
        form.pick("unit", [form.fields["unit"].choices[0].value])
        if form.fields["reason"].kind == "select":
            form.pick("reason", [next(each.value for each in form.fields["reason"].choices if each.value)])
        await self.send(page, form)


async def _opened(stage: Stage) -> tuple[dict[str, Any], str]:
    """A delivered order of two units in a shop whose portal is open; where the app's return button leads."""
    await stage.hub.commands.portal.set_open(stage.shop.id, True, "owner")
    address = f"{stage.base}/portal/{stage.shop.id}?order={{order}}&zip={{zip}}"
    await stage.control.change_shop(stage.shop.channel_id, redirect={"allowed": True, "address": address})
    lines = [{"sku": stage.shop.described["skus"][0], "quantity": 2}]
    placed = await stage.control.place_order(
        stage.shop.channel_id, lines, status="DELIVERED", copy={"style": "source_identifier"}
    )
    leads = await stage.control.return_button(placed["id"])
    assert leads is not None
    return placed, leads


async def _named(stage: Stage, placed: dict[str, Any]) -> Return:
    async def name() -> str | None:
        found: str | None = await stage.hub.pool.fetchval(
            "select channel_id from return_case where order_id = $1 and channel_id is not null", placed["id"]
        )
        return found

    return Return(stage, stage.shop, await stage.until(name, PATIENCE, "the channel's id"), placed)


@pytest.mark.parametrize("policy", list(FromPortal))
async def test_a_buyer_returns_an_item_through_the_portal(opener: Opener, policy: FromPortal) -> None:
    async with opener(policy=Policy(portal=policy)) as stage, Browser() as browser:
        placed, leads = await _opened(stage)
        shopper = Shopper(stage, browser)
        await shopper.ask(leads)
        if policy is FromPortal.ASK:
            await _confirm(stage, placed)
        case = await _named(stage, placed)
        await case.until_recorded()
        await shopper.reads("Send the items back now.")
        await case.ship_and_deliver()
        await case.until(lambda row: row.next_action, "the parcel", PATIENCE)
        await shopper.reads("Your parcel has arrived.")
        await case.inspect()
        await case.until_ended(PATIENCE)
        await shopper.reads("Your money has been paid back")
        await check_books(stage)
        books = await stage.control.books()
        started = books["shops"][stage.shop.channel_id]["started"]
        assert [each["order_id"] for each in started] == [placed["id"]]
        (record,) = live_returns(await case.order())
        assert [(one["type"], one["quantity"]) for one in record["dispositions"]] == [("RESTOCKED", 1)]
        progress = await portal.progress(stage.hub.pool, stage.shop.id)
        assert progress.filled_at is not None
        assert progress.channel_id == case.rid
        steps = ticks(await portal.settings(stage.hub.pool, stage.shop.id), progress, "TikTok Shop")
        assert [each.name for each in steps if each.done] == ["opened", "filled", "found", "asked", "known"]


async def _confirm(stage: Stage, placed: dict[str, Any]) -> None:
    """A person sees the buyer's request with the channel's sum, and confirms it."""

    async def waiting() -> Any:
        return await stage.hub.pool.fetchrow(
            "select id from return_case where order_id = $1 and status = 'to_confirm'", placed["id"]
        )

    row = await stage.until(waiting, PATIENCE, "the question")
    shown = await case_page.case(stage.hub.pool, row["id"])
    assert shown is not None
    assert shown.view.questions[0].text.startswith("A buyer asked for this in the portal.")
    assert shown.view.money.expected is not None
    await stage.post(f"/cases/{row['id']}/confirm-start", {"total": shown.view.money.expected.text()})
