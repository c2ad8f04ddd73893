"""An answer for each unit of a parcel: by the page's form and by REST, right and wrong."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from backhaul.domain.channel import ActionDue
from backhaul.domain.said import Said, Verdict
from backhaul.domain.words import Action, Condition, Disposition, Stage
from tests.kit.test_pictures import PNG
from tests.web import seeding
from tests.web.conftest import Web

FORM = {"action": "judge_parcel", "round": "1", "decision": "by_unit", "currency": "USD", "unit": ["u1", "u2"]}
ORDER = {"action": "judge_parcel", "decision": "by_unit", "round": 1}
ACCEPTED = {"unit": "u1", "decision": "accept_parcel"}
REFUSED = {"unit": "u2", "decision": "refuse_parcel", "reason_key": "seller_reject_used"}


def part(amount: str, currency: str = "USD") -> dict[str, Any]:
    return {"unit": "u2", "decision": "refund_part", "offer": {"amount": amount, "currency": currency}}


# -- the form


async def test_the_form_suggests_what_the_inspection_amounts_to(web: Web) -> None:
    await web.sign_in()
    us = await seeding.shop(web.pool)
    verdicts = {
        "u1": Verdict(Condition.SELLABLE, Disposition.RESTOCK, "Dana", seeding.NOW),
        "u2": Verdict(Condition.DAMAGED, Disposition.NOT_RESTOCKED, "Dana", seeding.NOW),
    }
    key = await seeding.by_unit(web.pool, us, Said(verdicts=verdicts))
    html = unescape((await web.get(f"/cases/{key}")).text)
    assert '<option value="accept_parcel" selected>Accept</option>' in html
    assert '<option value="refuse_parcel" selected>Refuse</option>' in html
    assert '<option value="seller_reject_used" title="seller_reject_used" selected>The item was used</option>' in html
    assert "Part, if one is paid: 1.00 USD to 20.00 USD" in html


async def test_the_forms_answers_are_one_vote(web: Web) -> None:
    csrf = await web.sign_in()
    us = await seeding.shop(web.pool)
    key = await seeding.by_unit(web.pool, us)
    # What belongs to another answer than the chosen one is not taken along.
    chosen = {
        "answer:u1": "accept_parcel", "reason:u1": "seller_reject_wrong", "offer:u1": "3.00",
        "answer:u2": "refund_part", "offer:u2": "12,50",
    }  # fmt: skip
    done = await web.post(f"/cases/{key}/decision", {**FORM, "csrf": csrf, **chosen})
    assert done.status_code == 303
    ((kind, said),) = await web.commands()
    assert (kind, said["decision"], said["by"]) == ("vote", "by_unit", "Dana")
    assert said["units"] == [
        {"unit": "u1", "decision": "accept_parcel"},
        {"unit": "u2", "decision": "refund_part", "offer": [1250, "USD"]},
    ]


async def test_kept_pictures_go_with_what_is_refused_and_with_nothing_else(web: Web) -> None:
    csrf = await web.sign_in()
    us = await seeding.shop(web.pool)
    key = await seeding.by_unit(web.pool, us)
    kept = str(await web.services.commands.add_evidence(key, name="torn.png", content=PNG, by="Dana"))
    html = (await web.get(f"/cases/{key}")).text
    offered = html.partition('name="decision" value="by_unit"')[2].partition("</form>")[0]
    assert f'name="evidence" value="{kept}" checked' in offered
    assert 'name="bare"' in offered
    path, form = f"/cases/{key}/decision", {**FORM, "csrf": csrf, "evidence": kept, "bare": "yes"}
    accepted = await web.post(path, {**form, "answer:u1": "accept_parcel", "answer:u2": "accept_parcel"})
    assert accepted.status_code == 303
    answers = {"answer:u1": "accept_parcel", "answer:u2": "refuse_parcel", "reason:u2": "seller_reject_used"}
    assert (await web.post(path, {**form, **answers})).status_code == 303
    votes = [said for kind, said in await web.commands() if kind == "vote"]
    assert [vote.get("evidence", []) for vote in votes] == [[], [kept]]
    assert votes[1]["bare"]


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"answer:u1": "accept_parcel"}, "Choose an answer for each unit."),
        ({"answer:u1": "accept_parcel", "answer:u2": "burn"}, "“burn” is none of"),
        (
            {"answer:u1": "accept_parcel", "answer:u2": "refuse_parcel"},
            "mug, sand: a refusal needs a reason.",
        ),
        ({"answer:u1": "accept_parcel", "answer:u2": "refund_part"}, "needs its amount"),
        ({"answer:u1": "accept_parcel", "answer:u2": "refund_part", "offer:u2": "a lot"}, "“a lot” is no amount"),
        ({"answer:u1": "refund_part", "offer:u1": "2", "answer:u2": "accept_parcel"}, "does not take “refund_part”"),
    ],
)
async def test_a_form_that_does_not_fit_says_so(web: Web, answers: dict[str, str], text: str) -> None:
    csrf = await web.sign_in()
    us = await seeding.shop(web.pool)
    key = await seeding.by_unit(web.pool, us)
    answer = await web.post(f"/cases/{key}/decision", {**FORM, "csrf": csrf, **answers})
    assert answer.status_code == 422
    assert text in unescape(answer.text)
    assert await web.commands() == []


# -- REST


async def test_answers_by_rest(web: Web) -> None:
    us = await seeding.shop(web.pool)
    key = await seeding.by_unit(web.pool, us)
    body = {**ORDER, "units": [ACCEPTED, REFUSED], "comment": "Worn."}
    answer = await web.client.post(f"/api/v1/cases/{key}/decision", json=body, headers=await web.token())
    assert answer.status_code == 202
    ((_, said),) = await web.commands()
    assert [each["unit"] for each in said["units"]] == ["u1", "u2"]


@pytest.mark.parametrize(
    ("changed", "status", "text"),
    [
        ({}, 422, "Answers for single units go with “by_unit”, one for each unit."),
        ({"units": [ACCEPTED, ACCEPTED]}, 422, "one for each unit"),
        ({"decision": "accept_parcel", "units": [ACCEPTED]}, 422, "Answers for single units go with “by_unit”"),
        ({"action": "answer_return", "units": [ACCEPTED, REFUSED]}, 409, "does not wait for this answer any more"),
        ({"action": "answer_cancellation", "units": [ACCEPTED, REFUSED]}, 422, "does not answer “answer_cancellation”"),
        ({"units": [ACCEPTED]}, 422, "There is no answer for Stoneware mug, sand."),
        ({"units": [ACCEPTED, {**REFUSED, "unit": "u9"}]}, 422, "There is no answer for Stoneware mug, sand."),
        ({"units": [ACCEPTED, {**REFUSED, "reason_key": ""}]}, 422, "mug, sand: a refusal needs a reason."),
        ({"units": [ACCEPTED, {**REFUSED, "reason_key": "ugly"}]}, 422, "does not accept the reason “ugly”"),
        ({"units": [ACCEPTED, {"unit": "u2", "decision": "keep_item"}]}, 422, "does not take “keep_item”"),
        ({"units": [ACCEPTED, {"unit": "u2", "decision": "refund_part"}]}, 422, "needs its amount"),
        ({"units": [ACCEPTED, part("20.01")]}, 422, "allows a part from 1.00 USD to 20.00 USD; 20.01 USD is none"),
        ({"units": [ACCEPTED, part("0.99")]}, 422, "0.99 USD is none"),
        ({"units": [ACCEPTED, part("5.00", "EUR")]}, 422, "5.00 EUR is none"),
        ({"units": [ACCEPTED, part("five")]}, 422, "“five” is no amount of USD"),
        ({"units": [ACCEPTED, REFUSED], "evidence": ["nothing"]}, 404, "Not a picture of this case"),
        ({"units": [ACCEPTED, part("5.00")], "evidence": ["nothing"]}, 422, "Pictures go with a rejection only."),
        ({"units": [ACCEPTED, {"unit": "u2", "decision": "burn"}]}, 400, ""),
        ({"units": [{"decision": "accept_parcel"}]}, 400, ""),
        ({"units": "all"}, 400, ""),
        ({"units": [ACCEPTED, REFUSED], "round": 2}, 409, "new review"),
    ],
)
async def test_answers_that_do_not_fit_are_refused_whole(
    web: Web, changed: dict[str, Any], status: int, text: str
) -> None:
    us = await seeding.shop(web.pool)
    key = await seeding.by_unit(web.pool, us)
    answer = await web.client.post(
        f"/api/v1/cases/{key}/decision", json={**ORDER, **changed}, headers=await web.token()
    )
    assert answer.status_code == status, answer.text
    assert text in answer.json()["detail"]
    assert await web.commands() == []


async def test_a_channel_that_answers_for_whole_parcels_takes_none_for_units(web: Web) -> None:
    us = await seeding.shop(web.pool)
    due = (ActionDue(Action.JUDGE_PARCEL, seeding.NOW + 3600, "SELLER_RESPOND_RECEIVE_PACKAGE"),)
    key = await seeding.put(web.pool, us, seeding.channel_case(Stage.SHIPPED, due=due))
    body = {**ORDER, "units": [ACCEPTED, REFUSED]}
    answer = await web.client.post(f"/api/v1/cases/{key}/decision", json=body, headers=await web.token())
    assert answer.status_code == 422
    assert "has not said that it takes answers for single units" in answer.json()["detail"]
