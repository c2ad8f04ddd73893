"""Workflows that block returns made by the API, one by one: how each refuses, and that a tag keeps it from an order."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator

from .desk import DeskClient

DAY = 86400


async def refusal(client: DeskClient, order: Any) -> str:
    """How far a client gets that follows the forms: the code of the first refusal, or nothing."""
    begun = await client.begin(order)
    context = begun.body["context"]
    if not context["items_eligible_to_return"]:
        return str(context["items_not_eligible_to_return"][0]["ineligibility_code"])
    added = await client.fill_item(begun.body, "MUG-GRN")
    if added.status != 200:
        return str(added.body["errors"][0]["code"])
    finished = await client.finish(added.body)
    return str(finished.body["errors"][0]["code"]) if finished.status != 200 else ""


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"photo_required": True}, "image-upload-required"),
        ({"questions": ["Was it worn?"]}, "user-input-required"),
        ({"minimum_value_minor": 1_000_000}, "below-minimum-order-value"),
        ({"final_sale_skus": ["MUG-GRN"]}, "final-sale"),
        ({"outcomes": ["exchange", "store-credit"]}, "outcome-not-available"),
        ({"countries": ["CA"]}, "returns-unavailable-for-order"),
    ],
)
async def test_a_workflow_refuses_until_a_tag_spares_the_order(
    client: DeskClient, desk: Desk, settings: dict[str, Any], code: str
) -> None:
    assert await refusal(client, client.order()) == ""
    order = client.order()
    desk.settings.change(settings)
    assert await refusal(client, order) == code
    assert len(desk.returns) == 1
    desk.settings.change({"rules_for_tag": "direct"})
    assert await refusal(client, order) == ""
    other = client.order()
    other.tags = ["Direct"]
    assert await refusal(client, other) == code


async def test_the_window_is_shorter_than_the_channels(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"window_days": 14})
    order = client.order()
    assert await refusal(client, order) == ""
    late = client.order()
    sim.clock.step(15 * DAY)
    assert await refusal(client, late) == "outside-return-window"
    eligibility = await client.call("POST", "/orders/return-eligibility", {"order_name": late.name})
    (item,) = eligibility.body["return_eligibility"]["items"]
    assert (item["eligible"], item["ineligibility_code"]) == (False, "outside-return-window")


async def test_a_question_that_the_api_can_answer(client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"questions": ["Was it worn?", "Is the box there?"], "questions_answerable": True})
    document = (await client.fill_item((await client.begin(client.order())).body, "MUG-GRN")).body
    for _ in range(2):
        href = document["_links"]["add-returning-item-user-input"]["href"]
        assert (await client.call("POST", href, {})).status == 422
        document = (await client.call("POST", href, {"value": "no"})).body
    assert "add-returning-item-user-input" not in document["_links"]
    assert (await client.finish(document)).body["draft_return"]["return_id"] in desk.returns


async def test_fees_make_the_refund_smaller_than_the_channels(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    for settings, fee in (
        ({"handling_fee_percent": 10}, "percent"),
        ({"handling_fee_percent": 0, "handling_fee_minor": 500}, "fixed"),
    ):
        desk.settings.change(settings)
        each = await client.create(client.order())
        worth = each.worth("refund")
        assert each.fee == (round(worth / 10) if fee == "percent" else 500)
        await client.call("POST", f"/warehouse/return/{each.id}/process")
        sim.clock.step(10)
        assert each.refunds[0]["amount"] == worth - each.fee


async def test_a_workflow_may_send_every_new_return_to_review(client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"flag_new": True})
    each = await client.create(client.order())
    assert each.state == "review"
    listed = await client.call("GET", "/warehouse/return/list")
    assert listed.body == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"no_such": 1},
        {"lookup": "name"},
        {"window_days": -1},
        {"window_days": "60"},
        {"outcomes": ["voucher"]},
        {"questions": "one"},
        {"reasons": {}},
        {"reasons": {"Fit": []}},
        {"photo_required": 1},
    ],
)
async def test_senseless_settings_change_nothing(desk: Desk, wrong: dict[str, Any]) -> None:
    before = desk.settings.describe()
    with pytest.raises(ValueError, match=next(iter(wrong))):
        desk.settings.change({"restock": True, **wrong})
    assert desk.settings.describe() == before
