"""Returns of a shop whose returns desk stands beside the hub's own. The simulator's books judge."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from backhaul.domain.terms import Booker, DeskOpens, DeskTerms
from backhaul.domain.words import Decision
from tests.e2e import desk
from tests.e2e.books import check_books, decisions, live_returns
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
    await desk.opened(case)
    books = await case.until_books(lambda books: books["labels"], "the desk's label at the channel")
    await case.send_back()
    assert (await desk.desk_books(stage))["refunds"] == [], "no refund before the channel's acceptance"
    await case.decide(Decision.ACCEPT_PARCEL)
    await case.until(lambda row: row.lane("desk") == "processed" and row.lane("money") == "settled", "the refund")
    there = await desk.desk_books(stage)
    assert [each["tracking_number"] for each in there["labels"]] == [books["labels"][0]["tracking_number"]]
    assert len(desk.acts(there, "open")) == len(desk.acts(there, "process")) == len(there["refunds"]) == 1
    await desk.settled_but_for_shipping(case)
    assert len(live_returns(await case.order())) == 1, "the desk wrote the return, and nobody else"


async def test_nothing_that_is_stored_of_a_whole_journey_shows_the_buyers_postal_code(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask(shipment="SELLER")
    await case.approve()
    await desk.opened(case)
    await case.until_books(lambda books: books["labels"], "the desk's label at the channel")
    await case.send_back()
    await case.decide(Decision.ACCEPT_PARCEL)
    await case.until(lambda row: row.lane("money") == "settled", "the refund")
    buyer = (await stage.control.call("GET", f"/orders/{case.order_id}"))["wire"]["recipient_address"]
    code = re.compile(rf"(?<!\d){re.escape(buyer['postal_code'])}(?!\d)")
    pool, seen = stage.hub.pool, 0
    for table in await pool.fetch("select tablename from pg_tables where schemaname = 'public'"):
        for row in await pool.fetch(f'select * from "{table[0]}"'):
            for name, value in row.items():
                text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                assert not code.search(text), f"{table[0]}.{name}"
                seen += 1
    assert seen > 500
    assert buyer["postal_code"].isdigit(), "not masked"


async def test_a_verdict_of_the_desks_staff_is_decided_on_the_channel_first(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask()
    await case.approve()
    await desk.opened(case)
    await case.send_back()
    await desk.staff(case, "grade", condition="sellable", disposition="restock")
    await case.until(lambda row: row.status in ("accepted", "refunded", "closed"), "the acceptance by inspection")
    await case.until_ended()
    assert decisions(await case.books()) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
    (record,) = live_returns(await case.order())
    assert [(one["type"], one["quantity"]) for one in record["dispositions"]] == [("RESTOCKED", 1)]
    await desk.settled_but_for_shipping(case)


async def test_a_desk_that_processes_by_itself_is_told_of_and_accepted(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask()
    await case.approve()
    await desk.opened(case)
    await desk.staff(case, "process")
    await case.until_trouble("desk_early")
    await case.ship_and_deliver()
    await case.until(lambda row: row.lane("money") == "settled", "the refund")
    assert decisions(await case.books()) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
    there = await desk.desk_books(stage)
    assert len(there["refunds"]) == 1
    await desk.settled_but_for_shipping(case)


async def test_where_the_hub_books_the_desks_return_is_closed_without_a_refund(stage: Stage) -> None:
    await desk.set_up(stage, Booker.HUB)
    case = await stage.ask()
    await case.approve()
    await desk.opened(case)
    await case.from_parcel_to_end()
    await check_books(stage)
    there = await desk.desk_books(stage)
    assert there["refunds"] == []
    assert len(desk.acts(there, "close")) == 1
    assert len(live_returns(await case.order())) == 1


async def test_a_refusal_by_a_workflow_is_on_the_case_and_the_hub_goes_on_when_it_is_waived(stage: Stage) -> None:
    await desk.set_up(stage, Booker.HUB)
    await stage.control.change_desk(stage.shop.domain, photo_required=True)
    case = await stage.ask()
    await case.approve()
    trouble = await case.until_trouble("refused:open_desk_return")
    assert "photo" in trouble["text"].lower()
    assert await desk.returns_at(stage) == []
    row = await case.row()
    assert row is not None
    await stage.post(f"/cases/{row.id}/waive", {"lane": "desk"})
    await case.until_recorded()
    await case.from_parcel_to_end()
    await check_books(stage)


async def test_a_refusal_whose_cause_is_mended_is_tried_again(stage: Stage) -> None:
    await desk.set_up(stage)
    await stage.control.change_desk(stage.shop.domain, photo_required=True)
    case = await stage.ask()
    await case.approve()
    trouble = await case.until_trouble("refused:open_desk_return")
    await stage.control.change_desk(stage.shop.domain, photo_required=False)
    await stage.post(f"/exceptions/{trouble['id']}/retry")
    await desk.opened(case)
    assert len(desk.acts(await desk.desk_books(stage), "open")) == 1


async def test_a_cancellation_in_the_desk_is_an_alarm_and_a_new_return_there_is_adopted(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask()
    await case.approve()
    there = await desk.opened(case)
    await desk.staff(case, "cancel")
    await case.until_trouble("desk_cancelled")
    assert (await case.state())["wire"]["return_status"] == "AWAITING_BUYER_SHIP"
    fresh = await stage.control.open_desk_return(stage.shop.domain, there["order"])
    await case.until(lambda row: row.seen.desk and row.seen.desk.id == str(fresh["id"]), "the new return")
    await case.until(lambda row: not row.view.troubles, "the end of the alarm")


async def test_the_buyers_cancellation_calls_the_desks_return_off(stage: Stage) -> None:
    await desk.set_up(stage)
    case = await stage.ask()
    await case.approve()
    await desk.opened(case)
    await case.act("withdraw")
    await case.until_ended()
    (there,) = await desk.returns_at(stage)
    assert there["state"] == "cancelled"
    assert live_returns(await case.order()) == []


async def test_on_request_a_return_waits_in_the_desk_for_the_channels_answer(stage: Stage) -> None:
    await desk.set_up(stage, terms=DeskTerms("loop", opens=DeskOpens.REQUESTED))
    case = await stage.ask()
    await desk.opened(case)
    assert decisions(await case.books()) == []
    await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    (there,) = await desk.returns_at(stage)
    assert there["state"] == "open"
    assert there["refund"] > 0
    assert (await desk.desk_books(stage))["refunds"] == []


async def test_a_return_that_stands_in_the_desk_already_is_adopted(stage: Stage) -> None:
    await desk.set_up(stage)
    placed = await stage.control.place_order(
        stage.shop.channel_id, [], status="DELIVERED", copy={"style": "source_identifier"}
    )
    made = await stage.control.open_desk_return(stage.shop.domain, "#1001")
    case = await stage.ask_of(placed, "RETURN_AND_REFUND")
    await case.approve()
    assert (await desk.opened(case))["id"] == made["id"]
    assert len(await desk.returns_at(stage)) == 1
