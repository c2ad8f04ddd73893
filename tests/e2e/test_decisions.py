"""Every decision beyond the plain ones, from the request to the end. The simulator's books judge."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.money import Money
from backhaul.domain.policy import BadParcel, Policy
from backhaul.domain.rules import Answer, Rule
from backhaul.domain.words import Decision, Kind
from tests.e2e.books import check_books, decisions, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

HOUR = 3600
BRITISH = {"region": "GB"}


async def cancellation(stage: Stage, **order: Any) -> Return:
    """A buyer wants to cancel an order that was not shipped yet."""
    values = {"status": "AWAITING_SHIPMENT", "copy": {"style": "source_identifier"}, **order}
    placed = await stage.control.place_order(stage.shop.channel_id, values.pop("lines", []), **values)
    made = await stage.control.ask_cancellation(placed["id"])
    return Return(stage, stage.shop, made["id"], placed, "cancellation")


# -- replacements and exchanges ---------------------------------------------------------------------------------------


async def test_a_replacement_is_sent(stage: Stage) -> None:
    case = await stage.ask("REPLACEMENT")
    await case.approve()
    await case.until_ended()
    await check_books(stage)
    books = await case.books()
    assert (decisions(books), books["refunds"]) == (["APPROVE_REPLACEMENT"], [])
    assert await case.order() == {}, "nothing to write where nothing was paid"


async def test_a_replaced_item_that_comes_back_all_the_same_is_put_back(stage: Stage) -> None:
    case = await stage.ask("REPLACEMENT")
    await case.approve()
    await case.until_ended()
    await case.receive()
    await case.until(lambda row: row.lane("stock") == "to_inspect", "the question what became of it")
    await case.until_recorded()
    await case.inspect()
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    (record,) = order["returns"]
    assert (record["status"], order["refunds"]) == ("CLOSED", [])
    assert {each["type"] for each in record["dispositions"]} == {"RESTOCKED"}


async def test_a_replacement_that_is_out_of_stock_is_refunded_instead(stage: Stage) -> None:
    sku = stage.shop.described["skus"][0]
    case = await stage.ask("REPLACEMENT", order={"lines": [{"sku": sku, "quantity": 1}]})
    await case.until(lambda row: row.seen.answerable, "what the channel takes")  # while there is stock yet
    await stage.control.set_stock(stage.shop.channel_id, sku, 0)
    await case.approve()
    await case.until_trouble("refused")
    row = await case.until(lambda row: row.view.questions, "the question anew")
    assert row.view.questions[0].options[0] is Decision.REFUND_INSTEAD
    await case.decide(Decision.REFUND_INSTEAD)
    await case.until_ended()
    await check_books(stage)
    assert decisions(await case.books()) == ["ISSUE_REPLACEMENT_REFUND"]
    assert (await case.order())["refunded_minor"] == (await case.state())["total"] > 0


async def test_a_replacement_is_refused(stage: Stage) -> None:
    case = await stage.ask("REPLACEMENT")
    reason = await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    await check_books(stage)
    (row,) = (await case.books())["decisions"]
    assert (row["decision"], row["reject_reason"]) == ("REJECT_REPLACEMENT", reason)


async def test_an_exchange_is_answered_with_the_words_that_the_channel_names(stage: Stage) -> None:
    approved, refunded = [await stage.ask("EXCHANGE") for _ in range(2)]
    await approved.until(lambda row: row.view.questions, "the question")
    await approved.decide(Decision.APPROVE_EXCHANGE)
    await refunded.decide(Decision.REFUND_EXCHANGE)
    await refunded.until_ended()
    await approved.until(lambda row: row.status == "awaiting_parcel", "the wait for the goods")
    await approved.until_recorded()
    await check_books(stage)
    assert decisions(await approved.books()) == ["APPROVE_EXCHANGE"]
    assert decisions(await refunded.books()) == ["ISSUE_EXCHANGE_REFUND"]
    assert (await refunded.order())["refunded_minor"] == (await refunded.state())["total"] > 0


async def test_the_goods_of_an_exchange_come_home_and_no_money_is_booked(stage: Stage) -> None:
    case = await stage.ask("EXCHANGE")
    await case.until(lambda row: row.view.questions, "the question")
    await case.decide(Decision.APPROVE_EXCHANGE)
    await case.until_recorded()
    await case.ship_and_deliver()
    await case.receive()
    row = await case.until(lambda row: row.lane("stock") == "to_inspect", "the question what became of them")
    assert row.status == "accepted"
    async with stage.http.get(
        f"{stage.base}/api/v1/cases", params={"tab": "inspect"}, headers={"Authorization": f"Bearer {stage._token}"}
    ) as answer:
        assert [each["channel_id"] for each in (await answer.json())["cases"]] == [case.rid]
    await case.inspect()
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    (record,) = order["returns"]
    assert (record["status"], order["refunds"]) == ("CLOSED", [])
    assert {each["type"] for each in record["dispositions"]} == {"RESTOCKED"}
    assert sum(each["quantity"] for each in record["dispositions"]) == sum(one["quantity"] for one in record["lines"])


async def test_an_exchange_whose_words_are_others_is_left_to_seller_center(opener: Opener) -> None:
    async with opener(spec={"switches": {"exchange_words": ("YES", "MONEY", "NO")}}) as stage:
        case = await stage.ask("EXCHANGE")
        trouble = await case.until_trouble("console")
        assert trouble["console"]
        assert trouble["deadline"] == (await case.state())["deadline"]
        await case.act("decide", decision="APPROVE_EXCHANGE")
        await case.until(lambda row: row.status == "awaiting_parcel", "the answer that was given there")
        await check_books(stage)
        assert decisions(await case.books()) == []


# -- cancellations ----------------------------------------------------------------------------------------------------


async def test_a_cancellation_is_approved_booked_and_its_units_released(opener: Opener) -> None:
    async with opener(spec=BRITISH) as stage:
        sku = stage.shop.described["skus"][0]
        case = await cancellation(stage, lines=[{"sku": sku, "quantity": 2}])
        await case.approve()
        await case.until_ended()
        await check_books(stage)
        assert decisions(await case.books()) == ["APPROVE_REQUEST_CANCEL"]
        order = await case.order()
        assert order["refunded_minor"] == order["received_minor"] > 0
        (refund,) = order["refunds"]
        assert {(line["restock_type"], line["restocked"]) for line in refund["lines"]} == {("CANCEL", True)}


async def test_a_cancellation_is_refused_with_a_reason(opener: Opener) -> None:
    async with opener(spec=BRITISH) as stage:
        case = await cancellation(stage)
        reason = await case.reject()
        await case.until_ended()
        await check_books(stage)
        (row,) = (await case.books())["decisions"]
        assert (row["decision"], row["reject_reason"]) == ("REJECT_REQUEST_CANCEL", reason)
        assert await case.order() == {}


async def test_in_the_united_states_shipping_refuses_a_cancellation(stage: Stage) -> None:
    case = await cancellation(stage)
    row = await case.until(lambda row: row.view.questions, "the question")
    (question,) = row.view.questions
    assert question.options == (Decision.APPROVE_CANCELLATION,)
    assert "ship the order" in question.text
    await stage.control.call("POST", f"/orders/{case.order_id}/advance", {"status": "AWAITING_COLLECTION"})
    await case.until_ended()
    await check_books(stage)
    assert decisions(await case.books()) == []


async def test_an_order_cancelled_before_commerce_knew_it_is_no_exception(opener: Opener) -> None:
    async with opener(spec=BRITISH) as stage:
        case = await cancellation(stage, copy=False)
        await case.approve()
        row = await case.until(lambda row: row.lane("money") == "paid", "the payment")
        assert (row.view.troubles, row.ended) == ((), False)
        await stage.step(73 * HOUR)
        row = await case.until_ended()
        assert row.view.troubles == ()
        await check_books(stage, unbooked=[case.rid])


# -- offers and rules -------------------------------------------------------------------------------------------------


def part_of(total: int, share: float = 0.5) -> dict[str, str]:
    return {"amount": f"{int(total * share) / 100:.2f}", "currency": "USD"}


@pytest.mark.parametrize("kind", ["REFUND", "RETURN_AND_REFUND"])
async def test_an_offer_is_taken(stage: Stage, kind: str) -> None:
    case = await stage.ask(kind)
    total = (await case.state())["total"]
    await case.decide(Decision.OFFER_PARTIAL, offer=part_of(total))
    row = await case.until(lambda row: row.status == "offered", "the offer")
    assert not row.ended, "waiting for the buyer is no end"
    await case.act("respond_offer", accept=True)
    await case.until_ended()
    await check_books(stage)
    order = await case.order()
    assert order["refunded_minor"] == total // 2
    assert live_returns(order) == [], "the goods are kept"


async def test_an_offer_is_turned_down_and_the_next_answer_is_of_a_new_review(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    total = (await case.state())["total"]
    await case.decide(Decision.OFFER_PARTIAL, offer=part_of(total))
    await case.until(lambda row: row.status == "offered", "the offer")
    await case.act("respond_offer", accept=False)
    row = await case.until(lambda row: row.view.questions, "the question anew")
    assert "turned the offer" in row.view.questions[0].text
    assert row.view.questions[0].round == 2
    await case.decide(Decision.OFFER_PARTIAL, offer=part_of(total, 0.75))
    await case.until(lambda row: row.status == "offered", "the second offer")
    await case.act("respond_offer", accept=True)
    await case.until_ended()
    await check_books(stage)
    assert decisions(await case.books()) == ["OFFER_PARTIAL_REFUND"] * 2
    assert (await case.order())["refunded_minor"] == int(total * 0.75)


async def test_an_offer_of_everything_is_no_offer(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    row = await case.asked()
    body = {
        "action": row.next_action, "decision": "offer_partial", "round": 1,
        "offer": part_of((await case.state())["total"], 1.0),
    }  # fmt: skip
    await stage.post(f"/cases/{row.id}/decision", body, expect=422)
    assert decisions(await case.books()) == []


async def test_rules_answer_without_a_person(opener: Opener) -> None:
    rules = (
        Rule("money only", Answer.OFFER_PARTIAL, kinds=(Kind.REFUND,), offer="40%"),
        Rule("after an offer", Answer.APPROVE, kinds=(Kind.REFUND,), offer_refused=True),
        Rule("the rest stays", Answer.KEEP_ITEM, kinds=(Kind.RETURN,), below="9999.00 USD"),
    )
    async with opener(policy=Policy(rules=rules)) as stage:
        kept, offered = await stage.ask(), await stage.ask("REFUND")
        await kept.until_ended()
        await offered.until(lambda row: row.status == "offered", "the offer")
        await offered.act("respond_offer", accept=False)
        await offered.until_ended()
        await check_books(stage)
        assert (await kept.books())["decisions"][0]["buyer_keep_item"] is True
        assert decisions(await offered.books()) == ["OFFER_PARTIAL_REFUND", "APPROVE_REFUND"]
        assert (await offered.order())["refunded_minor"] == (await offered.state())["total"]


# -- verdicts ---------------------------------------------------------------------------------------------------------


async def test_a_parcel_without_a_good_unit_is_refused_for_what_was_found(opener: Opener) -> None:
    async with opener(policy=Policy(bad_parcel=BadParcel.REFUSE)) as stage:
        case = await stage.ask()
        await case.to_inspection()
        await case.inspect("damaged", "not_restocked")
        await case.until(lambda row: row.status == "parcel_rejected", "the refusal")
        await check_books(stage)
        row = (await case.books())["decisions"][-1]
        assert row["decision"] == "REJECT_RECEIVED_PACKAGE"
        assert row["reject_reason"] == "reverse_reject_return_parcel_reason_5"


async def test_a_part_is_refunded_after_receipt_where_the_shop_has_that_choice(opener: Opener) -> None:
    async with opener(spec={"switches": {"batch_model": True}}) as stage:
        case = await stage.ask()
        await case.to_inspection()
        await case.inspect("damaged", "not_restocked")
        await case.until(
            lambda row: any(Decision.REFUND_PART in one.options for one in row.view.questions), "the choice"
        )
        part = Money((await case.state())["total"] // 2, "USD")
        await case.decide(Decision.REFUND_PART, offer={"amount": part.text(), "currency": part.currency})
        await case.until_ended()
        await check_books(stage)
        assert decisions(await case.books())[-1] == "APPROVE_RECEIVED_PACKAGE"
        assert (await case.order())["refunded_minor"] == part.minor
        (record,) = live_returns(await case.order())
        assert [one["type"] for one in record["dispositions"]] == ["NOT_RESTOCKED"]


async def test_a_mixed_parcel_is_a_question_with_its_money(stage: Stage) -> None:
    case = await stage.ask(order={"lines": [{"sku": stage.shop.described["skus"][0], "quantity": 2}]})
    await case.to_inspection()
    await case.inspect("sellable", "restock", "damaged")
    row = await case.until(
        lambda row: any(each.pays for each in row.view.questions), "the question with the money of each answer"
    )
    question = next(each for each in row.view.questions if each.pays)
    total = (await case.state())["total"]
    assert [amount.minor for _, amount in question.pays] == [total, 0]
    await case.decide(Decision.ACCEPT_PARCEL)
    await case.until_ended()
    await check_books(stage)
    (record,) = live_returns(await case.order())
    assert sorted(one["type"] for one in record["dispositions"]) == ["NOT_RESTOCKED", "RESTOCKED"]
