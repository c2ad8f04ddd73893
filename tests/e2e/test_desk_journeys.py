"""Returns of a shop whose returns desk stands beside the hub's own. The simulator's books judge."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backhaul.domain.words import Action, Decision
from tests.e2e import desk
from tests.e2e.books import check_books
from tests.e2e.conftest import Opener
from tests.e2e.stage import Stage


@pytest.fixture
async def stage(opener: Opener) -> AsyncIterator[Stage]:
    async with opener(spec=desk.SPEC) as opened:
        yield opened


async def test_from_the_approval_over_the_desks_label_to_the_settled_cent(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask(shipment="SELLER")
    await case.approve()
    there = await desk.opened(case)
    books = await case.until_books(lambda books: books["labels"], "the desk's label at the channel")
    print("LABEL", books["labels"], there)
    await case.ship_and_deliver()
    await case.asked(Action.JUDGE_PARCEL)
    await case.decide(Decision.ACCEPT_PARCEL)
    row = await case.until(lambda row: row.lane("desk") == "processed" and row.lane("money") == "settled", "the refund")
    print(row.view.lanes, await desk.desk_books(stage), (await case.order()))
    await check_books(stage)
