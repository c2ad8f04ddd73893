"""Two returns of one order with goods that look the same, which another program has opened in commerce, or is about to.
The simulator's books judge."""

from __future__ import annotations

from tests.e2e.books import check_books, live_returns
from tests.e2e.play import Return
from tests.e2e.stage import Stage


async def _two(stage: Stage, foreign: int) -> tuple[Return, Return]:
    """Two requests for one unit each of one line, of which ``foreign`` stand in commerce already."""
    sku = stage.shop.described["skus"][0]
    placed = await stage.control.place_order(
        stage.shop.channel_id, [{"sku": sku, "quantity": 2}], status="DELIVERED", copy={"style": "source_identifier"}
    )
    cases = [await stage.ask_of(placed, line_ids=[line], kind="RETURN_AND_REFUND") for line in placed["line_ids"]]
    first, second = cases
    row = await first.until(lambda row: row.seen.commerce, "the commerce order")
    assert row.seen.commerce is not None
    (line,) = row.seen.commerce.lines
    assert line.quantity == 2
    body = {"domain": stage.shop.domain, "order": await first.copied(), "quantities": {line.sku: 1}}
    for _ in range(foreign):
        await stage.control.call("POST", "/commerce/return", body)
    return first, second


async def _to_end(stage: Stage, *cases: Return) -> list[str]:
    """Both come back and pass inspection; who opened the returns in commerce, one unit on each."""
    for case in cases:
        await case.approve()
    for case in cases:
        await case.until(lambda row: row.lane("records") in ("open", "adopted"), "the return in commerce")
    for case in cases:
        await case.ship_and_deliver()
        await case.until(lambda row: row.next_action == "judge_parcel", "the parcel")
        await case.inspect()
    for case in cases:
        await case.until_ended(30.0)
    await check_books(stage)
    returns = live_returns(await cases[0].order())
    for each in returns:
        assert [one["type"] for one in each["dispositions"]] == ["RESTOCKED"]
    return sorted(each["by"] for each in returns)


async def test_each_case_adopts_a_return_of_its_own(stage: Stage) -> None:
    cases = await _two(stage, foreign=2)
    assert await _to_end(stage, *cases) == ["other", "other"]


async def test_the_case_without_a_return_opens_its_own(stage: Stage) -> None:
    cases = await _two(stage, foreign=1)
    assert await _to_end(stage, *cases) == ["app", "other"]
