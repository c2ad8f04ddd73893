"""Shops whose channel takes an answer for each unit. The simulator's books judge."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.policy import APPROVALS, REJECTS, BadParcel, Policy
from backhaul.domain.terms import Capability
from backhaul.domain.words import Action, Decision
from backhaul.store import shops
from backhaul.work import sweep
from tests.e2e.books import check_books, decisions, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return, Row
from tests.e2e.stage import Stage


async def capability(stage: Stage) -> Capability | None:
    """What the hub has found of the shop."""
    return (await shops.capabilities(stage.hub.pool, stage.shop.id)).get("line_level")


async def found(stage: Stage, has: bool) -> Capability:
    """Wait until the hub knows it."""

    async def look() -> Capability | None:
        known = await capability(stage)
        return known if known is not None and known.has is has else None

    answer: Capability = await stage.until(look, 15, f"the capability {has}")
    return answer


async def test_what_a_shop_can_do_is_found_out_and_found_out_again(opener: Opener) -> None:
    async with opener() as stage:
        assert "refuses to search" in (await found(stage, False)).evidence
        await stage.control.change_shop(stage.shop.channel_id, switches={"batch_model": True})
        await stage.ask()
        assert "event" in (await found(stage, True)).evidence, "an event tells before the next day's search"
        await stage.control.change_shop(stage.shop.channel_id, switches={"batch_model": False})
        await stage.step(sweep.DETECT_S + 60)
        await stage.sync()
        assert "refuses to search" in (await found(stage, False)).evidence


async def test_the_search_alone_finds_it_and_people_see_why(opener: Opener) -> None:
    async with opener(spec={"switches": {"batch_model": True}}) as stage:
        known = await found(stage, True)
        assert known.at > 0
        headers = {"Authorization": f"Bearer {stage._token}"}
        async with stage.http.get(f"{stage.base}/api/v1/shops", headers=headers) as answer:
            shown: list[dict[str, Any]] = await answer.json()
        assert shown[0]["capabilities"]["line_level"]["has"] is True
        assert shown[0]["capabilities"]["line_level"]["evidence"] == known.evidence


async def test_where_the_channel_names_it_people_see_what_is_sent_instead(opener: Opener) -> None:
    async with opener(spec={"switches": {"batch_model": True}}) as stage:
        await found(stage, True)
        case = await stage.ask("EXCHANGE")
        row = await case.until(lambda row: row.seen.instead, "what the buyer wants")
        assert row.seen.instead is not None
        names = ", ".join(each.text for each in row.seen.instead.goods)
        await case.until(
            lambda row: any(each.text == f"The buyer wants instead: {names}." for each in row.view.questions),
            "the question with its name",
        )
        await case.decide(Decision.APPROVE_EXCHANGE)
        row = await case.until(lambda row: row.seen.instead and row.seen.instead.order_id, "the new order")
        made = row.seen.instead.order_id  # type: ignore[union-attr]
        assert (await stage.control.call("GET", f"/orders/{made}"))["id"] == made
        headers = {"Authorization": f"Bearer {stage._token}"}
        async with stage.http.get(f"{stage.base}/api/v1/cases/{row.id}", headers=headers) as answer:
            assert (await answer.json())["instead"]["order_id"] == made


# -- answers for single units -----------------------------------------------------------------------------------------

SPLITS = {"switches": {"batch_model": True, "split_units": True}}


async def mixed(stage: Stage, units: int = 2) -> Return:
    """A return of units of one SKU whose parcel has arrived: one unit is fine, the others are not."""
    case = await stage.ask(order={"lines": [{"sku": stage.shop.described["skus"][0], "quantity": units}]})
    await case.to_inspection()
    await case.inspect("sellable", "restock", *["damaged"] * (units - 1))
    return case


async def apart(stage: Stage, case: Return) -> Return:
    """The case that some of its units have become; no other return is in this world."""
    query = {"shop": stage.shop.channel_id}
    books = await stage.control.call("GET", "/books", query=query)
    (other,) = {
        row["return_id"] for row in books["shops"][stage.shop.channel_id]["decisions"] if row["return_id"] != case.rid
    }
    return Return(stage, stage.shop, other, {"id": case.order_id})


async def by_unit(case: Return) -> Row:
    """Wait for the question with an answer for each unit."""
    return await case.until(
        lambda row: any(each.units and each.suggested for each in row.view.questions), "the question for each unit"
    )


async def test_each_unit_gets_what_was_found_of_it(opener: Opener) -> None:
    async with opener(spec=SPLITS) as stage:
        await found(stage, True)
        case = await mixed(stage)
        row = await by_unit(case)
        question = next(each for each in row.view.questions if each.units)
        assert question.suggested is Decision.BY_UNIT
        part = dict(question.pays)[Decision.BY_UNIT].minor
        assert 0 < part < (await case.state())["total"]
        units = [
            {"unit": each.unit, "decision": each.suggested, "reason_key": each.suggested_reason}
            for each in question.units
        ]
        body = {"action": Action.JUDGE_PARCEL, "decision": Decision.BY_UNIT, "round": question.round, "units": units}
        await stage.post(f"/cases/{row.id}/decision", body)
        await case.until(lambda row: row.status == "parcel_rejected", "the refusal of what is left")
        other = await apart(stage, case)
        await other.until_ended()
        assert decisions(await other.books())[-1:] == ["APPROVE_RECEIVED_PACKAGE"]
        assert decisions(await case.books())[-1:] == ["REJECT_RECEIVED_PACKAGE"]
        await case.act("arbitrate", outcome="IN_PROGRESS")
        await case.act("arbitrate", outcome="SUPPORT_SELLER")
        await case.until_ended()
        await check_books(stage)
        order = await case.order()
        assert order["refunded_minor"] == part == (await other.state())["total"]
        (record,) = live_returns(order)
        assert sorted(one["type"] for one in record["dispositions"]) == ["NOT_RESTOCKED", "RESTOCKED"]
        assert record["status"] == "CLOSED"


async def test_the_policy_answers_for_each_unit_by_itself(opener: Opener) -> None:
    async with opener(spec=SPLITS, policy=Policy(bad_parcel=BadParcel.REFUSE)) as stage:
        await found(stage, True)
        case = await mixed(stage, 3)
        await case.until(lambda row: row.status == "parcel_rejected", "the refusal of what is left")
        other = await apart(stage, case)
        row = await other.until_ended()
        await check_books(stage)
        assert row.seen.channel is not None
        assert (len(row.seen.channel.units), row.seen.origin) == (1, case.rid)


async def test_units_that_the_channel_keeps_together_get_one_answer(opener: Opener) -> None:
    async with opener(spec={"switches": {"batch_model": True}}, policy=Policy(bad_parcel=BadParcel.REFUSE)) as stage:
        await found(stage, True)
        case = await mixed(stage)
        await case.until_trouble("refused")
        row = await case.until(lambda row: row.view.questions, "the question for the whole parcel")
        (question,) = row.view.questions
        assert Decision.BY_UNIT not in question.options
        total = (await case.state())["total"]
        assert {Decision.ACCEPT_PARCEL: total, Decision.REFUSE_PARCEL: 0}.items() <= {
            decision: amount.minor for decision, amount in question.pays
        }.items()
        await case.decide(Decision.ACCEPT_PARCEL)
        await case.until_ended()
        await check_books(stage)
        assert (await case.order())["refunded_minor"] == total


@pytest.mark.parametrize("mood", ["timeout_before", "timeout_after"])
async def test_an_answer_for_units_that_is_lost_takes_effect_once(opener: Opener, mood: str) -> None:
    async with opener(spec=SPLITS) as stage:
        await found(stage, True)
        case = await mixed(stage)
        row = await by_unit(case)
        question = next(each for each in row.view.questions if each.units)
        await stage.control.add_mood(
            mood, vendor="tiktok", endpoint="POST /return_refund/202606/aftersales/review", times=1
        )
        units = [
            {"unit": each.unit, "decision": each.suggested, "reason_key": each.suggested_reason}
            for each in question.units
        ]
        body = {"action": Action.JUDGE_PARCEL, "decision": Decision.BY_UNIT, "round": question.round, "units": units}
        await stage.post(f"/cases/{row.id}/decision", body)
        await case.until(lambda row: row.status == "parcel_rejected", "the refusal of what is left", 30)
        other = await apart(stage, case)
        await other.until_ended()
        await check_books(stage)


# -- answers to a request ---------------------------------------------------------------------------------------------


async def requested(stage: Stage, kind: str = "RETURN_AND_REFUND") -> tuple[Return, Row]:
    """A request for two units of one SKU, and the question with an answer for each."""
    case = await stage.ask(kind, order={"lines": [{"sku": stage.shop.described["skus"][0], "quantity": 2}]})
    return case, await case.until(lambda row: any(each.units for each in row.view.questions), "the question")


async def answer_each(stage: Stage, row: Row) -> None:
    """The first unit is approved, the other rejected with a reason of the channel."""
    question = next(each for each in row.view.questions if each.units)
    assert question.action is not None
    first, second = question.units
    units = [
        {"unit": first.unit, "decision": APPROVALS[question.action]},
        {"unit": second.unit, "decision": REJECTS[question.action], "reason_key": second.reasons[0][0]},
    ]
    body = {"action": question.action, "decision": Decision.BY_UNIT, "round": question.round, "units": units}
    await stage.post(f"/cases/{row.id}/decision", body)


@pytest.mark.parametrize("mood", ["", "timeout_before", "timeout_after"])
async def test_one_unit_of_a_request_is_approved_and_the_other_rejected(opener: Opener, mood: str) -> None:
    async with opener(spec=SPLITS) as stage:
        await found(stage, True)
        case, row = await requested(stage)
        if mood:
            endpoint = "POST /return_refund/202606/aftersales/review"
            await stage.control.add_mood(mood, vendor="tiktok", endpoint=endpoint, times=1)
        await answer_each(stage, row)
        await case.until(lambda row: row.status == "request_rejected", "the rejection of what is left", 30)
        other = await apart(stage, case)
        await other.until_recorded()
        assert decisions(await other.books())[-1:] == ["APPROVE_RETURN"]
        (rejected,) = [each for each in (await case.books())["decisions"] if each["decision"] == "REJECT_RETURN"]
        assert rejected["reject_reason"]
        await other.ship_and_deliver()
        await other.asked(Action.JUDGE_PARCEL)
        await other.inspect()
        await other.until_ended()
        await check_books(stage)
        order = await case.order()
        assert order["refunded_minor"] == (await other.state())["total"]
        (record,) = live_returns(order)
        assert [line["quantity"] for line in record["lines"]] == [1]


async def test_one_unit_is_refunded_without_goods_and_the_other_is_not(opener: Opener) -> None:
    async with opener(spec=SPLITS) as stage:
        await found(stage, True)
        case, row = await requested(stage, "REFUND")
        await answer_each(stage, row)
        await case.until(lambda row: row.status == "request_rejected", "the rejection of what is left")
        other = await apart(stage, case)
        row = await other.until_ended()
        assert row.seen.origin == case.rid, "what people said of the whole request holds for it too"
        assert decisions(await other.books())[-1:] == ["APPROVE_REFUND"]
        await check_books(stage)
        order = await case.order()
        assert order["refunded_minor"] == (await other.state())["total"]
        assert live_returns(order) == []


async def test_a_shop_without_the_model_gives_a_request_one_answer(opener: Opener) -> None:
    async with opener() as stage:
        await found(stage, False)
        case = await stage.ask(order={"lines": [{"sku": stage.shop.described["skus"][0], "quantity": 2}]})
        row = await case.until(lambda row: any(each.reasons for each in row.view.questions), "the question")
        (question,) = row.view.questions
        assert Decision.BY_UNIT not in question.options
        assert not question.units
        assert row.seen.channel is not None
        units = [{"unit": each.id, "decision": Decision.APPROVE_RETURN} for each in row.seen.channel.units]
        body = {"action": question.action, "decision": Decision.BY_UNIT, "round": question.round, "units": units}
        await stage.post(f"/cases/{row.id}/decision", body, expect=422)
        await case.reject()
        await case.until(lambda row: row.status == "request_rejected", "the rejection")
        assert decisions(await case.books()) == ["REJECT_RETURN"]
