"""The oracle itself: what must not happen makes it fail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.books import check_books
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage


async def _refund_by_other(case: Return, **more: Any) -> None:
    body = {"domain": case.shop.domain, "order": await case.copied(), **more}
    await case.stage.control.call("POST", "/commerce/refund", body)


@pytest.mark.parametrize("restock", [False, True])
async def test_a_refund_that_the_channel_never_paid_is_seen(stage: Stage, restock: bool) -> None:
    case = await stage.ask()
    await case.asked()
    await check_books(stage)
    await _refund_by_other(case, restock=restock)
    with pytest.raises(AssertionError):
        await check_books(stage)


async def test_a_payment_that_was_never_booked_is_seen(opener: Opener) -> None:
    async with opener(gateway=False) as stage:
        case = await stage.ask("REFUND")
        await case.approve()
        await case.until_trouble("gateway")
        with pytest.raises(AssertionError):
            await check_books(stage)
        await _refund_by_other(case, amount=(await case.state())["total"] - 1)
        with pytest.raises(AssertionError):
            await check_books(stage)


async def test_money_that_moves_is_seen(opener: Opener) -> None:
    async with opener(spec={"connector": {"gateway": "shopify_payments", "delay_seconds": 0.0}}) as stage:
        case = await stage.ask("REFUND")
        await case.approve()
        await case.until_trouble("moves_money")
        await _refund_by_other(case, amount=(await case.state())["total"])
        with pytest.raises(AssertionError):
            await check_books(stage)
