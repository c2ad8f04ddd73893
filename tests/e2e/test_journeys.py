"""One return each way, from the request to the end, with webhooks on. The simulator's books judge."""

from __future__ import annotations

import asyncio

import pytest

from backhaul.domain.words import Action, Decision
from backhaul.simulator.order_connector import STYLES
from tests.e2e.books import check_books, decisions, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

HOUR = 3600


async def test_a_return_with_the_channels_label(stage: Stage) -> None:
    case = await stage.ask(order={"lines": [{"sku": stage.shop.described["skus"][0], "quantity": 2}]})
    await case.to_end()
    await check_books(stage)
    books, order = await case.books(), await case.order()
    assert decisions(books) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
    assert books["refunds"][0]["amount"] == order["refunded_minor"]
    assert [each["status"] for each in live_returns(order)] == ["CLOSED"]
    (record,) = live_returns(order)
    assert [(one["type"], one["quantity"]) for one in record["dispositions"]] == [("RESTOCKED", 2)]
    assert [one["number"] for one in record["tracking"]] == [(await case.state())["wire"]["return_tracking_number"]]


async def test_a_return_with_the_sellers_label(stage: Stage) -> None:
    case = await stage.ask(shipment="SELLER")
    await case.approve()
    tracking = await case.give_label()
    await case.until_books(lambda books: books["labels"], "the label")
    await case.until(lambda row: row.lane("parcel") == "label_ready", "the read-back of the label")
    await case.until_recorded()
    await case.send_back()
    await case.inspect("damaged", "not_restocked")
    await case.decide(Decision.ACCEPT_PARCEL)
    await case.until_ended()
    await check_books(stage)
    (record,) = live_returns(await case.order())
    assert [one["number"] for one in record["tracking"]] == [tracking]
    assert all("/staged/" in one["label"] for one in record["tracking"]), "the label's file is not shown in commerce"
    assert [one["type"] for one in record["dispositions"]] == ["NOT_RESTOCKED"]
    assert len((await case.books())["labels"]) == 1


async def test_a_refund_without_goods(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    await case.approve()
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    assert order["refunded_minor"] == (await case.state())["total"] > 0
    assert order["returns"] == []
    assert decisions(await case.books()) == ["APPROVE_REFUND"]


async def test_a_rejection_that_the_buyer_accepts(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    reason = await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    row = await case.row()
    assert row is not None
    assert not row.ended, "a rejection is no end"
    await stage.step(49 * HOUR)
    await case.until_ended()
    books = await check_books(stage)
    assert [each["reject_reason"] for each in (await case.books())["decisions"]] == [reason]
    assert books["shops"][stage.shop.channel_id]["refunds"] == []


@pytest.mark.parametrize("kind", ["REFUND", "RETURN_AND_REFUND"])
async def test_a_rejection_that_arbitration_turns_round(stage: Stage, kind: str) -> None:
    case = await stage.ask(kind)
    await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    await case.act("arbitrate", outcome="IN_PROGRESS")
    await case.until(lambda row: row.seen.channel and row.seen.channel.dispute, "the dispute")
    await case.act("arbitrate", outcome="SUPPORT_BUYER")
    if kind == "RETURN_AND_REFUND":
        await case.until_recorded()
        await case.send_back()
        await case.inspect()
    await case.until_ended()
    await check_books(stage)
    assert (await case.order())["refunded_minor"] == (await case.state())["total"]


@pytest.mark.parametrize("kind", ["REFUND", "RETURN_AND_REFUND"])
async def test_a_rejection_that_arbitration_upholds(stage: Stage, kind: str) -> None:
    case = await stage.ask(kind)
    await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    await case.act("arbitrate", outcome="IN_PROGRESS")
    await case.act("arbitrate", outcome="SUPPORT_SELLER")
    await case.until_ended()
    books = await check_books(stage)
    assert books["shops"][stage.shop.channel_id]["refunds"] == []
    assert live_returns(await case.order()) == []


async def test_the_buyer_keeps_the_item(stage: Stage) -> None:
    case = await stage.ask()
    await case.decide(Decision.KEEP_ITEM)
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    assert order["refunded_minor"] == (await case.state())["total"]
    assert live_returns(order) == []
    assert (await case.books())["decisions"][0]["buyer_keep_item"] is True


async def test_a_request_withdrawn_before_any_answer(stage: Stage) -> None:
    case = await stage.ask()
    await case.asked()
    await case.act("withdraw")
    await case.until_ended()
    await check_books(stage)
    assert decisions(await case.books()) == []
    assert live_returns(await case.order()) == []


async def test_a_return_withdrawn_after_it_was_written_into_commerce(stage: Stage) -> None:
    case = await stage.ask()
    await case.approve()
    await case.until_recorded()
    await case.act("withdraw")
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    assert order["refunds"] == []
    assert live_returns(order) == []
    assert len(order["returns"]) == 1


async def test_a_return_that_the_channel_approves_by_itself(stage: Stage) -> None:
    case = await stage.ask(auto_approve=True)
    await case.until_recorded()
    await case.from_parcel_to_end()
    await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_RECEIVED_PACKAGE"]


async def test_a_quick_refund_before_the_parcel_arrives(stage: Stage) -> None:
    case = await stage.ask(quick_refund=True)
    await case.approve()
    await case.until_recorded()
    await case.act("ship")
    await case.until(lambda row: row.lane("money") == "settled", "the booking")
    row = await case.row()
    assert row is not None
    assert not row.ended, "the goods are still on their way"
    await case.act("deliver")
    await case.receive()
    await case.inspect()
    await case.until_ended()
    await check_books(stage)
    (record,) = live_returns(await case.order())
    assert record["status"] == "CLOSED"
    assert [one["type"] for one in record["dispositions"]] == ["RESTOCKED"]


async def test_a_parcel_that_is_refused(stage: Stage) -> None:
    case = await stage.ask()
    await case.to_inspection()
    await case.inspect("wrong_item", "not_restocked")
    await case.reject()
    await case.until(lambda row: row.status == "parcel_rejected", "the refusal")
    await stage.step(49 * HOUR)
    await case.until_ended()
    books = await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_RETURN", "REJECT_RECEIVED_PACKAGE"]
    assert books["shops"][stage.shop.channel_id]["refunds"] == []


async def test_a_buyer_who_never_ships(stage: Stage) -> None:
    case = await stage.ask()
    await case.approve()
    await case.until_recorded()
    await stage.step(15 * 24 * HOUR)
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    assert order["refunds"] == []
    assert live_returns(order) == []


async def test_two_returns_in_one_parcel(stage: Stage) -> None:
    skus = stage.shop.described["skus"]
    placed = await stage.control.place_order(
        stage.shop.channel_id, [{"sku": skus[0]}, {"sku": skus[1]}], status="DELIVERED", copy={"style": "tag"}
    )
    first = await stage.ask_of(placed, "RETURN_AND_REFUND", line_ids=placed["line_ids"][:1])
    second = await stage.ask_of(placed, "RETURN_AND_REFUND", line_ids=placed["line_ids"][1:], combine_with=first.rid)
    for case in (first, second):
        await case.approve()
        await case.until_recorded()
    await first.act("ship")
    await first.act("deliver")
    for case in (first, second):
        await case.asked(Action.JUDGE_PARCEL)
        await case.inspect()
        await case.until_ended()
    await check_books(stage)
    order = await first.order()
    assert [each["status"] for each in live_returns(order)] == ["CLOSED", "CLOSED"]
    assert len(order["refunds"]) == 2


async def test_a_request_that_the_buyer_edits(stage: Stage) -> None:
    sku = stage.shop.described["skus"][0]
    old = await stage.ask(order={"lines": [{"sku": sku, "quantity": 2}]})
    await old.asked()
    edited = await old.act("edit", units=1)
    new = Return(stage, stage.shop, edited["id"], {"id": old.order_id, "commerce_id": old.commerce_id})
    await new.to_end()
    await old.until_ended()
    await check_books(stage)
    assert decisions(await old.books()) == []
    (record,) = live_returns(await new.order())
    assert sum(line["quantity"] for line in record["lines"]) == 1


# -- what the merchant has to mend ------------------------------------------------------------------------------------


async def test_an_order_that_comes_late_into_commerce(stage: Stage) -> None:
    case = await stage.ask("REFUND", order={"copy": False})
    await case.approve()
    trouble = await case.until_trouble("order")
    assert (trouble["waits_kind"], trouble["waits_id"]) == ("order", case.order_id)
    await case.until(lambda row: row.seen.link.tries >= 2, "the second search, after which the next is minutes away")
    await stage.control.copy_order(case.order_id, style="source_identifier")
    await case.until_ended(10.0)
    await check_books(stage)


@pytest.mark.parametrize("whole", [True, False])
async def test_an_order_that_a_person_links(stage: Stage, whole: bool) -> None:
    case = await stage.ask("REFUND", order={"copy": False})
    other = await stage.ask("REFUND")
    await case.approve()
    trouble = await case.until_trouble("order")
    order_id = await other.copied()
    body = {"commerce_order_id": order_id if whole else order_id.rpartition("/")[2]}
    await stage.post(f"/cases/{trouble['case_id']}/link-order", body)
    await other.asked()
    await case.until(lambda row: row.seen.commerce and row.seen.commerce.id == order_id, "the linked order")
    row = await case.until(lambda row: row.view.troubles or row.ended, "what comes of it")
    assert not any(each.key == "fault" for each in row.view.troubles)


async def test_an_order_that_a_person_links_and_that_is_not_there(stage: Stage) -> None:
    case = await stage.ask("REFUND", order={"copy": False})
    await case.approve()
    trouble = await case.until_trouble("order")
    await stage.post(f"/cases/{trouble['case_id']}/link-order", {"commerce_order_id": "gid://shopify/Order/1"})
    await asyncio.sleep(2.0)
    found = await stage.hub.pool.fetch(
        "select key from exception where case_id = $1 and closed_at is null", trouble["case_id"]
    )
    assert [each["key"] for each in found] == ["order"]
    await stage.control.copy_order(case.order_id, style="source_identifier")
    await stage.post(f"/cases/{trouble['case_id']}/link-order", {"commerce_order_id": await case.copied()})
    await case.until_ended()
    await check_books(stage)


async def test_a_sku_that_matches_nothing(stage: Stage) -> None:
    skus = stage.shop.described["skus"]
    lines = [{"sku": skus[0]}, {"sku": skus[1]}]
    case = await stage.ask("REFUND", order={"lines": lines, "copy": {"style": "tag", "wrong_sku": True}})
    await case.approve()
    trouble = await case.until_trouble("lines")
    assert (trouble["waits_kind"], trouble["waits_id"]) == ("sku", skus[0])
    body = {"channel_sku": skus[0], "commerce_sku": f"OLD-{skus[0]}"}
    await stage.post(f"/shops/{stage.shop.id}/aliases", body)
    await case.until_ended()
    await check_books(stage)


async def test_a_gateway_that_nobody_has_confirmed(opener: Opener) -> None:
    async with opener(gateway=False) as stage:
        case = await stage.ask("REFUND")
        await case.approve()
        trouble = await case.until_trouble("gateway")
        assert (trouble["waits_kind"], trouble["waits_id"]) == ("gateway", "TikTok Shop")
        await check_books(stage, unbooked=[case.rid])
        assert (await case.order()).get("refunds", []) == []
        await stage.post(f"/shops/{stage.shop.id}/gateways", {"gateway": "TikTok Shop"})
        await case.until_ended()
        await check_books(stage)


async def test_a_gateway_that_moves_money_is_never_booked_on(opener: Opener) -> None:
    async with opener(spec={"connector": {"gateway": "shopify_payments", "delay_seconds": 0.0}}) as stage:
        case = await stage.ask("REFUND")
        await case.approve()
        await case.until_trouble("moves_money")
        await stage.hub.commands.shops.sync_now(stage.shop.id, "clerk")
        await asyncio.sleep(0.5)
        await check_books(stage, unbooked=[case.rid])
        assert (await case.order()).get("refunds", []) == []


# -- what somebody else did before us ---------------------------------------------------------------------------------


async def _lines(case: Return) -> dict[str, int]:
    """Units per SKU of the whole order, once the hub has read it."""
    row = await case.until(lambda row: row.seen.commerce, "the commerce order")
    assert row.seen.commerce is not None
    return {line.sku: line.quantity for line in row.seen.commerce.lines}


async def test_somebody_elses_refund_is_adopted(opener: Opener) -> None:
    async with opener(gateway=False) as stage:
        case = await stage.ask("REFUND")
        await case.approve()
        await case.until_trouble("gateway")
        body = {"domain": stage.shop.domain, "order": await case.copied(), "quantities": await _lines(case)}
        await stage.control.call("POST", "/commerce/refund", {**body, "amount": (await case.state())["total"]})
        await stage.post(f"/shops/{stage.shop.id}/gateways", {"gateway": "TikTok Shop"})
        await case.until_ended()
        await check_books(stage)
        assert [each["by"] for each in (await case.order())["refunds"]] != ["app"]


async def test_somebody_elses_return_is_adopted(stage: Stage) -> None:
    case = await stage.ask()
    quantities = await _lines(case)
    body = {"domain": stage.shop.domain, "order": await case.copied(), "quantities": quantities}
    await stage.control.call("POST", "/commerce/return", body)
    await case.approve()
    await case.until(lambda row: row.lane("records") == "adopted", "the adoption")
    await case.from_parcel_to_end()
    await check_books(stage)
    assert [each["by"] for each in (await case.order())["returns"]] != ["app"]


async def test_the_channels_order_id_is_found_wherever_connectors_write_it(stage: Stage) -> None:
    cases = []
    for style in STYLES:
        cases.append(await stage.ask("REFUND", order={"copy": {"style": style}}))
    for case in cases:
        await case.approve()
    for case in cases:
        await case.until_ended(30.0)
    await check_books(stage)


async def test_the_channels_own_reference_to_the_order(opener: Opener) -> None:
    async with opener(spec={"switches": {"external_references": True}}) as stage:
        case = await stage.ask("REFUND", order={"copy": {"style": "note"}})
        await case.approve()
        row = await case.until_ended()
        assert row.seen.link.how == "the channel's external reference"
        await check_books(stage)
