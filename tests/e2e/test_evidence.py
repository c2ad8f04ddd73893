"""Pictures that go with a rejection, from the REST API to the channel's books."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backhaul.connectors.tiktok_shop import vendor
from backhaul.domain.words import Action, Decision
from tests.connectors.channel_suite import PICTURE
from tests.e2e.books import check_books
from tests.e2e.conftest import Opener
from tests.e2e.play import Return, Row
from tests.e2e.stage import Stage

UPLOAD = "POST product/images/upload"


async def _ready(case: Return) -> Row:
    return await case.until(
        lambda row: row.next_action and any(each.reasons for each in row.view.questions), "the reasons"
    )


async def _reject(stage: Stage, case: Return, pictures: list[bytes], bare: bool = False) -> Row:
    row = await _ready(case)
    question = next(each for each in row.view.questions if each.reasons)
    ids = []
    for number, content in enumerate(pictures):
        body = {"name": f"{number}.png", "content": base64.b64encode(content).decode()}
        ids.append(json.loads(await stage.post(f"/cases/{row.id}/evidence", body))["id"])
    answer: dict[str, Any] = {
        "action": row.next_action, "decision": Decision.REJECT_REFUND, "round": row.seen.round[Action.ANSWER_REFUND],
        "reason_key": question.reasons[0][0], "evidence": ids, "without_pictures": bare,
    }  # fmt: skip
    await stage.post(f"/cases/{row.id}/decision", answer)
    return row


async def _decision(case: Return) -> list[list[str]]:
    return [each["image_ids"] for each in (await case.books())["decisions"]]


@pytest.mark.parametrize("mood", ["", "timeout_before", "error_after", "rate_limit"])
async def test_a_rejection_with_pictures(opener: Opener, mood: str) -> None:
    async with opener() as stage:
        if mood:
            await stage.control.add_mood(mood, vendor="tiktok", endpoint=UPLOAD, times=1)
        case = await stage.ask("REFUND")
        row = await _reject(stage, case, [PICTURE, PICTURE + b"second"])
        await case.until(lambda row: row.status == "request_rejected", "the rejection", 40)
        books = await check_books(stage)
        kept = {each["uri"]: each["sha256"] for each in books["shops"][stage.shop.channel_id]["evidence"]}
        (named,) = await _decision(case)
        wanted = [hashlib.sha256(content).hexdigest() for content in (PICTURE, PICTURE + b"second")]
        assert [kept[uri] for uri in named] == wanted
        files = await stage.hub.pool.fetchval("select count(*) from attachment where case_id = $1", row.id)
        assert files == 2


async def test_without_the_right_it_asks_and_goes_without_pictures_when_told_so(stage: Stage) -> None:
    rights = [scope for scope in vendor.manifest.scopes if scope != "seller.product.basic"]
    state = await stage.hub.logins.consent_url(stage.shop.channel_login, "owner")
    code = await stage.control.authorize(stage.shop.channel_id, rights)
    given = {"code": code, "state": parse_qs(urlsplit(state).query)["state"][0]}
    await stage.hub.logins.callback("tiktok_shop", given, "owner")
    case = await stage.ask("REFUND")
    await _reject(stage, case, [PICTURE])
    trouble = await case.until_trouble("evidence:")
    assert "seller.product.basic" in trouble["text"]
    assert await _decision(case) == []
    await _reject(stage, case, [PICTURE], bare=True)
    await case.until(lambda row: row.status == "request_rejected", "the rejection")
    assert await _decision(case) == [[]]


async def test_what_is_no_picture_is_refused_at_once(stage: Stage) -> None:
    case = await stage.ask("REFUND")
    row = await _ready(case)
    body = {"name": "x.png", "content": base64.b64encode(b"%PDF-1.4").decode()}
    await stage.post(f"/cases/{row.id}/evidence", body, expect=422)
