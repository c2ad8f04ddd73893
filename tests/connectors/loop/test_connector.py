"""What is Loop's own: forms that differ, rules that refuse, rights, odd answers, pages."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backhaul.connectors.loop import reading
from backhaul.domain.desk import DeskState
from backhaul.domain.desk_effects import NoteDeskReturn, OpenDeskReturn, ProcessDeskReturn
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, WireDrift
from backhaul.simulator.loop.model import SCOPES
from backhaul.simulator.moods import Mood
from tests.connectors.desk_suite import DeskSuite, Sold
from tests.connectors.loop.conftest import Stage

NEEDED = ("returns", "draft_returns:read", "draft_returns:write", "developer_tools")
suite = DeskSuite()


async def open_return(stage: Stage, sold: Sold, units: int = 1) -> str:
    return await suite.opened(stage, sold, units)


# -- forms


@pytest.mark.parametrize("forms", ["plain", "named", "stepwise"])
async def test_the_forms_of_any_account_are_followed(stage: Stage, forms: str) -> None:
    stage.desk.settings.change({"forms": forms})
    sold = await stage.order(3)
    await open_return(stage, sold, 2)
    books = stage.books(sold)
    assert books.reasons == [("Quality", "Defective", "refund")] * 2


async def test_a_child_of_the_same_name_under_two_parents_is_the_right_one(stage: Stage) -> None:
    for forms in ("plain", "named", "stepwise"):
        stage.desk.settings.change({"forms": forms, "reasons": {"Fit": ["Other"], "Quality": ["Other", "Defective"]}})
        sold = await stage.order()
        wanted = suite.wanted(stage, sold, reason=stage.reason().__class__("Quality", "Other"))
        await suite.do(stage, wanted)
        assert stage.books(sold).reasons == [("Quality", "Other", "refund")]


async def test_the_channel_s_reason_goes_along_as_comment(stage: Stage) -> None:
    sold = await stage.order()
    return_id = int(await open_return(stage, sold))
    assert [line.comment for line in stage.desk.returns[return_id].lines] == ["Too small, says the buyer"]


async def test_a_question_that_takes_any_text_is_answered(stage: Stage) -> None:
    stage.desk.settings.change({"questions": ["What is wrong?", "Since when?"], "questions_answerable": True})
    sold = await stage.order(2)
    await open_return(stage, sold, 2)
    (draft,) = stage.desk.drafts.values()
    assert [set(line.answers.values()) for line in draft.lines] == [{"Too small, says the buyer"}] * 2


# -- rules that refuse

WORKFLOWS = [
    ({"photo_required": True}, "photo", "photos"),
    ({"questions": ["Worn?"]}, "question", "asks the shopper a question"),
    ({"minimum_value_minor": 10_000_000}, "minimum_value", "minimum order value"),
    ({"final_sale_skus": ["MUG-GRN"]}, "final_sale", "final sale"),
    ({"window_days": 0}, "window", "return window"),
    ({"outcomes": ["exchange"]}, "refund_not_offered", "exchange"),
    ({"outcomes": ["exchange", "store-credit"]}, "refund_not_offered", "store credit"),
    ({"countries": ["NZ"]}, "no_policy", "No return policy"),
    ({"lookup": "email"}, "order_not_found", "postal code"),
]


@pytest.mark.parametrize(("settings", "code", "words"), WORKFLOWS)
async def test_a_rule_of_loop_is_named(stage: Stage, settings: dict[str, Any], code: str, words: str) -> None:
    sold = await stage.order()
    stage.pass_time(60)
    before = dict(settings)
    stage.desk.settings.change(settings)
    with pytest.raises(Refused) as caught:
        await open_return(stage, sold)
    assert (caught.value.code, caught.value.already) == (code, False)
    assert words in caught.value.text
    assert stage.books(sold).returns == []
    # Followed to its end: the rule is taken away, and the same request goes through.
    fresh = type(stage.desk.settings)()
    stage.desk.settings.change({name: getattr(fresh, name) for name in before})
    await open_return(stage, sold)
    assert len(stage.books(sold).returns) == 1


async def test_rules_for_other_orders_do_not_concern_ours(stage: Stage) -> None:
    stage.desk.settings.change({"photo_required": True, "rules_for_tag": "direct-to-consumer"})
    await open_return(stage, await stage.order())


async def test_units_that_were_returned_in_the_store_alone_are_told_apart(stage: Stage) -> None:
    sold = await stage.order()
    stage.simulator.commerce.return_by_other(
        "sim-loop.myshopify.com", sold.id, quantities={sold.sku: 1}, note="by hand"
    )
    with pytest.raises(Refused) as caught:
        await open_return(stage, sold)
    assert (caught.value.code, caught.value.already) == ("already_returned", False)
    assert "look in the store" in caught.value.text


async def test_a_fee_shows_in_what_loop_would_pay(stage: Stage) -> None:
    stage.desk.settings.change({"handling_fee_percent": 10.0})
    sold = await stage.order()
    found = await stage.connector.desk_return(await open_return(stage, sold))
    assert found is not None
    assert found.total is not None
    assert found.lines[0].refund is not None
    assert found.total.minor < found.lines[0].refund.minor


# -- rights


@pytest.mark.parametrize("lacking", NEEDED[1:])
async def test_a_right_that_lacks_is_found_by_trying(stage: Stage, lacking: str) -> None:
    given = tuple(scope for scope in SCOPES if scope != lacking)
    connector = stage.connect(stage.simulator.loop.world.add_key(stage.desk, "few", given).value)
    tokens = await connector.exchange("")
    assert connector.manifest.missing(tokens.scopes) == (lacking,)
    assert stage.desk.drafts == {}
    reason = connector.manifest.scopes[lacking]
    assert ("support has to enable draft returns" in reason) == lacking.startswith("draft_returns")


async def test_a_key_that_cannot_read_returns_is_not_taken(stage: Stage) -> None:
    connector = stage.connect(stage.simulator.loop.world.add_key(stage.desk, "odd", ("developer_tools",)).value)
    with pytest.raises(NeedsReauth) as caught:
        await connector.exchange("")
    assert caught.value.missing == ("returns",)


async def test_more_rights_than_needed_do_no_harm(stage: Stage) -> None:
    assert set((await stage.connector.exchange("")).scopes) == set(NEEDED)


@pytest.mark.parametrize("lacking", ["draft_returns:read", "draft_returns:write"])
async def test_without_draft_returns_the_rest_goes_on(stage: Stage, lacking: str) -> None:
    sold = await stage.order()
    return_id = stage.by_staff(sold)
    given = tuple(scope for scope in SCOPES if scope != lacking)
    stage.connector = stage.connect(stage.simulator.loop.world.add_key(stage.desk, "few", given).value)
    with pytest.raises(Refused) as caught:
        await open_return(stage, await stage.order())
    assert (caught.value.code, caught.value.field) == ("missing_right", lacking)
    assert "support" in caught.value.text
    assert (await suite.read(stage, return_id)).id == return_id
    await suite.do(stage, ProcessDeskReturn(return_id))


async def test_without_developer_tools_there_are_no_webhooks_and_it_is_said(stage: Stage) -> None:
    stage.connector = stage.connect(stage.simulator.loop.world.add_key(stage.desk, "few", ("returns",)).value)
    with pytest.raises(Refused, match="Developer Tools"):
        await stage.connector.subscribe(stage.address())
    assert stage.subscriptions() == []


async def test_the_account_is_its_key_and_shows_its_number_once_loop_tells_it(stage: Stage) -> None:
    (before,) = await stage.connector.shops()
    await stage.connector.subscribe(stage.address())
    (after,) = await stage.connector.shops()
    assert before.id == after.id == (await stage.connector.exchange("")).account
    assert stage.desk.keys[0].value not in before.id + before.name
    assert (str(stage.desk.shop_id) in before.name, str(stage.desk.shop_id) in after.name) == (False, True)


async def test_without_a_webhook_secret_nothing_is_taken_and_it_is_said(stage: Stage) -> None:
    connector = stage.connect(stage.desk.keys[0].value)
    connector._settings = type(connector._settings)(connector._settings.base, True, connector._settings.api_key, ())
    assert "webhook secret" in " ".join(await connector.subscribe(stage.address()))
    assert not connector.verify(b"{}", {"x-loop-signature": "x"})


async def test_an_inactive_subscription_is_switched_on_and_a_wrong_pair_is_replaced(stage: Stage) -> None:
    await stage.connector.subscribe(stage.address())
    first, second, *_ = stage.desk.subscriptions.values()
    first.status, second.topic = "inactive", "giftcard"
    assert await stage.connector.subscribe(stage.address()) == ()
    ours = [each for each in stage.desk.subscriptions.values() if each.url == stage.address()]
    assert len(ours) == len(stage.connector.manifest.webhooks)
    assert {each.status for each in ours} == {"active"}
    assert first.id in stage.desk.subscriptions
    assert second.id not in stage.desk.subscriptions


# -- odd answers


@pytest.mark.parametrize("kind", ["unknown_field", "numbers_as_strings", "ids_as_numbers"])
async def test_the_whole_way_with_odd_answers(stage: Stage, kind: str) -> None:
    stage.simulator.moods.add(Mood(kind, "loop", params={"deep": True} if kind == "unknown_field" else {}))
    sold = await stage.order(2)
    return_id = await open_return(stage, sold, 2)
    await suite.do(stage, NoteDeskReturn(return_id, "x", "seen"))
    await suite.do(stage, ProcessDeskReturn(return_id))
    stage.pass_time(60)
    found = await suite.read(stage, return_id)
    assert (found.state, found.processed, found.notes, len(found.lines)) == (DeskState.CLOSED, True, ("seen",), 2)
    assert (found.order_id, {line.line_id for line in found.lines}) == (sold.id, {sold.line_id})
    assert ((return_id, sold.id),) == (await stage.connector.changed_desk_returns(stage.now() - 600, stage.now()))[0]
    assert [each.id for each in await stage.connector.desk_returns(sold.name)] == [return_id]


async def test_a_new_state_is_shown_and_final_for_nobody(stage: Stage) -> None:
    return_id = stage.by_staff(await stage.order())
    stage.simulator.moods.add(Mood("unknown_word", "loop"))
    found = await suite.read(stage, return_id)
    assert found.state is DeskState.UNKNOWN
    assert found.unread == {"state": found.raw_state}


@pytest.mark.parametrize("kind", ["error_before", "cut_before", "unavailable", "cut_after", "error_after"])
async def test_a_step_before_the_last_may_break_and_be_walked_again(stage: Stage, kind: str) -> None:
    steps = ["POST /draft-returns", "POST */returning-items", "POST */finalize-items"]
    # A read whose connection is cut is asked again at once, below us.
    for step in [*steps, *(["GET /draft-returns/*"] if "cut" not in kind else [])]:
        sold = await stage.order()
        stage.simulator.moods.add(Mood(kind, "loop", step, times=1))
        with pytest.raises(Unavailable):
            await open_return(stage, sold)
        assert stage.books(sold).returns == []
        await open_return(stage, sold)
        assert len(stage.books(sold).returns) == 1


@pytest.mark.parametrize(("kind", "made"), [("error_after", 1), ("error_before", 0)])
async def test_a_fault_of_the_last_step_leaves_it_open(stage: Stage, kind: str, made: int) -> None:
    sold = await stage.order()
    stage.simulator.moods.add(Mood(kind, "loop", "POST */submit", times=1))
    with pytest.raises(OutcomeUnknown):
        await open_return(stage, sold)
    assert len(stage.books(sold).returns) == made
    assert len(await stage.connector.desk_returns(sold.name)) == made


async def test_three_hundred_a_minute(stage: Stage) -> None:
    stage.desk.settings.change({"calls_per_minute": 2})
    sold = await stage.order()
    with pytest.raises(Unavailable) as caught:
        await open_return(stage, sold)
    assert caught.value.retry_after is None  # Loop names no time: the loop backs off by itself
    assert stage.budget.refused == 1


async def test_every_call_is_paid_for_from_one_purse(stage: Stage) -> None:
    await open_return(stage, await stage.order())
    assert stage.budget.taken == ["calls"] * sum(stage.desk.calls.values())
    manifest = stage.connector.manifest
    assert manifest.budget_burst + 60 * manifest.budget_per_s <= 300


# -- pages


async def test_changes_come_page_by_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backhaul.connectors.loop.client._PAGE", 2)
    since = stage.now()
    ids = {stage.by_staff(await stage.order()) for _ in range(5)}
    found, cursor, pages = set(), "", 0
    while pages == 0 or cursor:
        page, cursor = await stage.connector.changed_desk_returns(since, stage.now() + 1, cursor)
        assert len(page) <= 2
        found |= {return_id for return_id, _ in page}
        pages += 1
        assert pages < 20
    assert found == ids
    assert pages == 3 + 2  # three of open ones, one each of the two states that must be asked for


async def test_an_order_s_returns_behind_the_first_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backhaul.connectors.loop.client._PAGE", 1)
    sold = await stage.order(2)
    ids = {stage.by_staff(sold)}
    for _ in range(3):
        stage.by_staff(await stage.order())
    ids.add(stage.by_staff(sold))
    assert {each.id for each in await stage.connector.desk_returns(sold.name)} == ids


async def test_the_name_of_an_order_with_or_without_its_sign(stage: Stage) -> None:
    sold = await stage.order(2)
    ids = {stage.by_staff(sold), stage.by_staff(sold)}
    assert {each.id for each in await stage.connector.desk_returns(sold.name.lstrip("#"))} == ids


async def test_the_key_goes_to_no_other_host(stage: Stage) -> None:
    for where in ("https://elsewhere.example.com/api/x", "//elsewhere.example.com/x", "http://127.0.0.1:1/api/x"):
        with pytest.raises(WireDrift):
            stage.connector._client.url(where)


def test_the_window_is_shorter_than_what_loop_allows() -> None:
    assert reading.WINDOW < 120 * 86_400


async def test_a_note_that_is_too_long_is_refused_before_it_is_sent(stage: Stage) -> None:
    for text in ("", "x" * 255):
        with pytest.raises(Refused):
            stage.connector.prepare(NoteDeskReturn("1", "x", text), "key")
    sold = await stage.order()
    return_id = await open_return(stage, sold)
    await suite.do(stage, NoteDeskReturn(return_id, "x", "x" * 254))
    assert stage.books(sold).notes == ["x" * 254]


async def test_two_lines_of_one_order_with_reasons_of_their_own(stage: Stage) -> None:
    sold = await stage.order(2)
    one = suite.wanted(stage, sold).lines[0]
    other = type(one)(one.line_id, one.sku, 1, "Fit", "Too small")
    wanted = OpenDeskReturn("1", sold.id, sold.name, (one, other))
    prepared = stage.connector.prepare(wanted, "key", sold.secondary.encode())
    await stage.connector.perform(wanted, prepared, dead_at=time.time() + 60)
    assert stage.books(sold).reasons == [("Quality", "Defective", "refund"), ("Fit", "Too small", "refund")]
