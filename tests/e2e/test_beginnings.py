"""Cases that begin with us, through the REST API and against the simulated channel; its books say what happened."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.facts import Seen
from backhaul.domain.steps import View
from tests.e2e.books import check_books, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

CREATE = "POST return_refund/returns"
DONE = ("accepted", "refunded", "closed")
CANCEL = "POST return_refund/cancellations"


async def _order(stage: Stage, status: str = "DELIVERED", units: int = 2, copy: bool = True) -> dict[str, Any]:
    lines = [{"sku": stage.shop.described["skus"][0], "quantity": units}]
    values: dict[str, Any] = {"copy": {"style": "source_identifier"}} if copy else {}
    placed: dict[str, Any] = await stage.control.place_order(stage.shop.channel_id, lines, status=status, **values)
    return placed


async def _start(stage: Stage, placed: dict[str, Any], kind: str = "refund", **more: Any) -> UUID:
    body = {"order_id": placed["id"], "kind": kind, **more}
    return UUID(json.loads(await stage.post(f"/shops/{stage.shop.id}/starts", body))["id"])


async def _case(stage: Stage, case_id: UUID) -> dict[str, Any] | None:
    row = await stage.hub.pool.fetchrow(
        """
        select o.id, o.channel_id, o.status, o.view, o.body from return_case c
        join return_case o on o.id = coalesce(c.merged_into, c.id) where c.id = $1
        """,
        case_id,
    )
    if row is None or row["body"] is None:
        return None
    view, seen = msgspec.json.decode(row["view"], type=View), msgspec.json.decode(row["body"], type=Seen)
    return {**dict(row), "view": view, "seen": seen}


async def _until(stage: Stage, case_id: UUID, status: str, seconds: float = 15.0) -> dict[str, Any]:
    last: list[Any] = [None]

    async def look() -> dict[str, Any] | None:
        last[0] = await _case(stage, case_id)
        return last[0] if last[0] is not None and last[0]["status"] == status else None

    try:
        found: dict[str, Any] = await stage.until(look, seconds, status)
    except AssertionError as error:
        lines = await stage.hub.pool.fetch("select who, text from history where case_id = $1 order by id", case_id)
        raise AssertionError(f"{error}: {last[0]}\n{[tuple(each) for each in lines]}") from None
    return found


async def _reason(stage: Stage, case_id: UUID) -> str:
    """The first reason that the channel allows."""
    found = await _until(stage, case_id, "to_confirm")
    return str(found["view"].questions[0].reasons[0][0])


async def _confirmed(stage: Stage, placed: dict[str, Any], kind: str, units: int = 0, **more: Any) -> UUID:
    """Ask, choose the first reason and so many lines of the order (none: all), see the sum, confirm it."""
    case_id = await _start(stage, placed, kind)
    reason = await _reason(stage, case_id)
    known = await _case(stage, case_id)
    assert known is not None
    lines = [line.id for line in known["seen"].order.lines[:units]]
    body = {"order_id": placed["id"], "kind": kind, "reason_key": reason, "lines": lines, **more}
    await stage.post(f"/cases/{case_id}/start", body)

    async def priced() -> str | None:
        found = await _case(stage, case_id)
        assert found is not None
        lane, total = found["view"].lanes["decision"], found["view"].money.expected
        asked = found["seen"].quoted is not None and found["seen"].quoted.reason_key == reason
        return total.text() if asked and lane.state == "to_confirm" and total is not None else None

    total = await stage.until(priced, 15.0, "the sum")
    await stage.post(f"/cases/{case_id}/confirm-start", {"total": total})
    return case_id


async def _played(stage: Stage, case_id: UUID, placed: dict[str, Any], seconds: float = 20.0) -> Return:
    """The case as the tests of buyers' cases play it, once it has its name."""

    async def named() -> str | None:
        found = await _case(stage, case_id)
        return found["channel_id"] if found else None

    rid = await stage.until(named, seconds, "the channel's id")
    return Return(stage, stage.shop, rid, placed)


async def _started(stage: Stage) -> list[dict[str, Any]]:
    books = await stage.control.books()
    started: list[dict[str, Any]] = books["shops"][stage.shop.channel_id]["started"]
    return started


async def test_a_refund_of_the_sellers_is_started_once_paid_and_booked(stage: Stage) -> None:
    placed = await _order(stage)
    case_id = await _confirmed(stage, placed, "refund")
    case = await _played(stage, case_id, placed)
    await case.until_ended()
    books = await check_books(stage)
    assert [each["order_id"] for each in await _started(stage)] == [placed["id"]]
    assert [each["return_id"] for each in books["shops"][stage.shop.channel_id]["refunds"]] == [case.rid]
    assert await stage.hub.pool.fetchval("select count(*) from return_case where merged_into is null") == 1


async def test_part_of_a_line_is_refunded_and_the_rest_stays(stage: Stage) -> None:
    placed = await _order(stage)
    case = await _played(stage, await _confirmed(stage, placed, "refund", units=1, amount="1.00"), placed)
    await case.until_ended()
    await check_books(stage)
    assert [each["amount"] for each in (await case.books())["refunds"]] == [100]
    assert (await case.order())["refunded_minor"] == 100


async def test_a_return_of_the_sellers_goes_its_whole_way(stage: Stage) -> None:
    placed = await _order(stage)
    case = await _played(stage, await _confirmed(stage, placed, "return"), placed)
    await case.until_recorded()
    await case.ship_and_deliver()
    await case.until(lambda row: row.next_action, "the parcel")
    await case.inspect()
    await case.until_ended()
    await check_books(stage)
    (record,) = live_returns(await case.order())
    assert [(one["type"], one["quantity"]) for one in record["dispositions"]] == [("RESTOCKED", 2)]


async def test_an_order_is_cancelled_by_the_seller(stage: Stage) -> None:
    placed = await _order(stage, "AWAITING_SHIPMENT")
    case = await _played(stage, await _confirmed(stage, placed, "cancellation"), placed)
    case.kind = "cancellation"
    await case.until(lambda row: row.status in ("accepted", "refunded", "closed"), "the cancellation")
    order = await stage.control.call("GET", f"/orders/{placed['id']}")
    assert order["status"] == "CANCELLED"


async def test_a_key_makes_repeats_one_case_and_a_sum_known_beforehand_needs_nobody(stage: Stage) -> None:
    placed = await _order(stage)
    asked = await _start(stage, placed)
    reason = await _reason(stage, asked)
    await stage.post(f"/cases/{asked}/withdraw")
    await _until(stage, asked, "withdrawn")
    total = await _total(stage, placed, reason)
    headers = {"Authorization": f"Bearer {stage._token}", "Idempotency-Key": "oms-77"}
    body = {"order_id": placed["id"], "kind": "refund", "reason_key": reason, "expect": total}
    ids = set()
    for _ in range(3):
        address = f"{stage.base}/api/v1/shops/{stage.shop.id}/starts"
        async with stage.http.post(address, json=body, headers=headers) as answer:
            ids.add((await answer.json())["id"])
    (only,) = ids
    case = await _played(stage, UUID(only), placed)
    await case.until_ended()
    assert len(await _started(stage)) == 1
    await check_books(stage)


async def _total(stage: Stage, placed: dict[str, Any], reason: str) -> str:
    case_id = await _start(stage, placed, reason_key=reason)

    async def priced() -> str | None:
        found = await _case(stage, case_id)
        total = found["view"].money.expected if found else None
        return total.text() if total is not None else None

    total: str = await stage.until(priced, 15.0, "the sum")
    await stage.post(f"/cases/{case_id}/withdraw")
    await _until(stage, case_id, "withdrawn")
    return total


async def test_what_the_channel_does_not_allow_is_told_and_nothing_is_started(stage: Stage) -> None:
    placed = await _order(stage, "AWAITING_SHIPMENT")
    case_id = await _start(stage, placed)
    found = await _until(stage, case_id, "not_started")
    assert [trouble.key for trouble in found["view"].troubles] == ["not_startable"]
    assert await _started(stage) == []


@pytest.mark.parametrize(("kind", "endpoint"), [("refund", CREATE), ("cancellation", CANCEL)])
@pytest.mark.parametrize("mood", ["timeout_before", "timeout_after", "error_after", "cut_after", "unavailable"])
async def test_whatever_is_lost_it_is_started_once(opener: Opener, kind: str, endpoint: str, mood: str) -> None:
    async with opener() as stage:
        placed = await _order(stage, "DELIVERED" if kind == "refund" else "AWAITING_SHIPMENT")
        case_id = await _start(stage, placed, kind)
        await _until(stage, case_id, "to_confirm")
        await stage.control.add_mood(mood, vendor="tiktok", endpoint=endpoint, times=1)
        again = await _reason(stage, case_id)
        await stage.post(f"/cases/{case_id}/start", {"order_id": placed["id"], "kind": kind, "reason_key": again})

        async def priced() -> str | None:
            found = await _case(stage, case_id)
            total = found["view"].money.expected if found and found["view"].lanes else None
            return total.text() if total is not None else None

        total = await stage.until(priced, 15.0, "the sum")
        await stage.post(f"/cases/{case_id}/confirm-start", {"total": total})

        async def struck() -> bool:
            return all(each["struck"] for each in (await stage.control.call("GET", "/moods"))["moods"])

        await stage.until(struck, 15.0, "the mood")
        await stage.step(70)  # a search may show it by now
        case = await _played(stage, case_id, placed, 30.0)
        case.kind = "return" if kind == "refund" else kind
        await case.until(lambda row: row.status in DONE, "the end", 20)
        books = (await stage.control.books())["shops"][stage.shop.channel_id]
        if kind == "refund":
            assert len(books["started"]) == 1
            await case.until_ended()
            await check_books(stage)
        shown = "select count(*) from return_case where merged_into is null"
        assert await stage.hub.pool.fetchval(shown) == 1


async def test_goods_without_a_return_become_a_refund_and_are_restocked(stage: Stage) -> None:
    placed = await _order(stage, units=1)
    answer = json.loads(await stage.post(f"/shops/{stage.shop.id}/arrivals", {"code": "1ZBLIND", "note": "no slip"}))
    assert answer["cases"] == []
    case_id = UUID(answer["blind"])
    await _until(stage, case_id, "blind")
    await stage.post(f"/cases/{case_id}/channel-order", {"order_id": placed["id"]})

    async def line() -> str | None:
        found: str | None = await stage.hub.pool.fetchval("select unit_id from return_line where case_id = $1", case_id)
        return found

    unit = await stage.until(line, 15.0, "the order's lines")
    verdict = {"unit": unit, "condition": "sellable", "disposition": "restock"}
    await stage.post(f"/cases/{case_id}/inspection", {"verdicts": [verdict]})
    await stage.post(f"/cases/{case_id}/start", {"order_id": placed["id"], "kind": "refund"})
    reason = await _reason(stage, case_id)
    body = {"order_id": placed["id"], "kind": "refund", "reason_key": reason}
    await stage.post(f"/cases/{case_id}/start", body)

    async def priced() -> str | None:
        found = await _case(stage, case_id)
        total = found["view"].money.expected if found else None
        return total.text() if total is not None else None

    await stage.post(f"/cases/{case_id}/confirm-start", {"total": await stage.until(priced, 15.0, "the sum")})
    case = await _played(stage, case_id, placed)
    await case.until_ended()
    await check_books(stage)
    (record,) = live_returns(await case.order())
    assert [(one["type"], one["quantity"]) for one in record["dispositions"]] == [("RESTOCKED", 1)]
    found = json.loads(await stage.post(f"/shops/{stage.shop.id}/arrivals", {"code": "1ZBLIND"}))
    assert found == {"cases": [str(case_id)], "blind": None}
