"""Reads whose answers have other shapes than the usual one; bodies are made up in the vendor's form."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from backhaul.connectors.loop import vendor
from backhaul.kit.http import Answer
from backhaul.ports.errors import Refused, Unavailable, WireDrift
from backhaul.ports.factory import Login, Vendor
from tests.connectors.loop import bodies
from tests.connectors.loop.conftest import Budget

NEXT = "https://api.loopreturns.com/api/2026-10/warehouse/return/list?cursor=abc&pageSize=250"
DAY = 86_400


class Script:
    """Answers by path, in order; keeps path and query of what it was asked."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def request(self, method: str, url: str, **_: Any) -> Answer:
        parts = urlsplit(url)
        name = parts.path.rpartition("/")[2]
        self.asked.append((name, dict(parse_qsl(parts.query))))
        answer = self.answers[name].pop(0)
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        return Answer(status, {}, value if isinstance(value, bytes) else json.dumps(value).encode(), 0.0)


def connect(script: Script) -> Any:
    async def access() -> str:
        return "made-up"

    made_by: Vendor = vendor
    return made_by.connect(Login(settings={"api_key": "made-up"}, access=access), script, Budget(), time.time)


async def test_one_return_with_its_notes() -> None:
    script = Script(details=[bodies.details()], notes=[{"notes": [{"id": 1, "content": "seen"}, {"content": None}]}])
    found = await connect(script).desk_return(str(bodies.RETURN_ID))
    assert (found.id, found.notes) == (str(bodies.RETURN_ID), ("seen",))


@pytest.mark.parametrize("notes", [(422, "false"), (422, b"false"), (404, b""), {"errors": "none"}, []])
async def test_a_return_without_notes(notes: Any) -> None:
    found = await connect(Script(details=[bodies.details()], notes=[notes])).desk_return(str(bodies.RETURN_ID))
    assert found.notes == ()


async def test_notes_that_cannot_be_read_are_not_none() -> None:
    with pytest.raises(WireDrift):
        await connect(Script(details=[bodies.details()], notes=[{"pages": 3}])).desk_return(str(bodies.RETURN_ID))


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": {"message": "No return was found.", "code": "NOT_FOUND"}},
        {"errors": "Return not found."},
        {"message": "Return not found."},
        (404, {"errors": {"code": "ORDER_NOT_FOUND"}}),
        (404, b"<html>"),
        (422, {"errors": {"code": "ORDER_NOT_FOUND"}}),
        [],
        None,
        {},
    ],
)
async def test_nothing_matches(answer: Any) -> None:
    assert await connect(Script(details=[answer])).desk_return("5") is None
    assert await connect(Script(details=[answer, answer])).desk_returns("#1001") == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": {"code": "UNEXPECTED_ERROR", "message": "An unexpected error occurred."}},
        {"errors": "Unauthorized."},
        {"message": "Server Error"},
    ],
)
async def test_a_fault_with_status_200_is_not_taken_for_nothing(answer: Any) -> None:
    with pytest.raises(Unavailable):
        await connect(Script(details=[answer])).desk_return("5")
    with pytest.raises(Unavailable):
        await connect(Script(details=[answer])).desk_returns("#1001")


@pytest.mark.parametrize("answer", ["nope", 5, {"sparkles": 1}, b"<html>"])
async def test_what_is_neither_a_return_nor_a_no(answer: Any) -> None:
    with pytest.raises(WireDrift):
        await connect(Script(details=[answer])).desk_return("5")


async def test_another_return_than_was_asked_for_is_none() -> None:
    assert await connect(Script(details=[bodies.details()])).desk_return("5") is None


async def test_details_that_show_several() -> None:
    script = Script(details=[[bodies.details(), bodies.details(id=2)]], list=[[], [], []])
    assert {each.id for each in await connect(script).desk_returns("#1001")} == {str(bodies.RETURN_ID), "2"}


async def test_an_order_of_a_similar_name_is_another_order() -> None:
    script = Script(details=[bodies.details(order_name="#10011"), bodies.details(order_name="EU1001")])
    assert await connect(script).desk_returns("#1001") == ()


async def test_an_order_that_is_known_without_its_sign() -> None:
    script = Script(details=[{"errors": "none"}, bodies.details(order_name="1001")], list=[[], [], []])
    assert len(await connect(script).desk_returns("#1001")) == 1
    assert [query.get("order_name") for name, query in script.asked if name == "details"] == ["#1001", "1001"]


async def test_every_state_is_asked_for_and_windows_are_cut() -> None:
    script = Script(list=[{"returns": [], "nextPageUrl": None}] * 6)
    connector, cursor, since = connect(script), "", 1_790_000_000
    for _ in range(6):
        page, cursor = await connector.changed_desk_returns(since, since + 150 * DAY, cursor)
        assert page == ()
    assert cursor == ""
    asked = [(query.get("state"), query["from"], query["to"]) for _, query in script.asked]
    assert [state for state, _, _ in asked] == [None, "cancelled", "review"] * 2
    assert {query["filter"] for _, query in script.asked} == {"updated_at"}
    assert asked[0][2] == asked[3][1]  # the second window begins where the first ends
    assert {query["paginate"] for _, query in script.asked} == {"true"}


async def test_the_next_page_is_where_loop_says() -> None:
    first = {"returns": [bodies.listed()], "nextPageUrl": NEXT}
    script = Script(list=[first, {"returns": [bodies.listed(id="9", provider_order_id=None)]}])
    page, cursor = await connect(script).changed_desk_returns(0, 5)
    assert page == ((str(bodies.RETURN_ID), f"gid://shopify/Order/{bodies.ORDER}"),)
    page, cursor = await connect(script).changed_desk_returns(0, 5, cursor)
    assert page == (("9", ""),)
    assert cursor
    assert script.asked[1][1] == {"cursor": "abc", "pageSize": "250"}


async def test_the_shape_without_pages() -> None:
    page, cursor = await connect(Script(list=[[bodies.listed()]])).changed_desk_returns(0, 5)
    assert len(page) == 1
    assert cursor


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_page_that_is_no_longer_there(status: int) -> None:
    script = Script(list=[{"returns": [], "nextPageUrl": NEXT}, (status, {"message": "no"})])
    _, cursor = await connect(script).changed_desk_returns(0, 5)
    with pytest.raises(Refused) as caught:
        await connect(script).changed_desk_returns(0, 5, cursor)
    assert caught.value.code == "cursor_expired"


async def test_a_list_that_is_refused_or_no_list() -> None:
    with pytest.raises(Refused, match="invalid"):
        await connect(Script(list=[(422, {"message": "The date is invalid."})])).changed_desk_returns(0, 5)
    with pytest.raises(WireDrift):
        await connect(Script(list=[{"returns": {"a": 1}}])).changed_desk_returns(0, 5)
    with pytest.raises(WireDrift):
        await connect(Script(list=[{"returns": [3]}])).changed_desk_returns(0, 5)
    with pytest.raises(Unavailable):
        await connect(Script(list=[(502, b"")])).changed_desk_returns(0, 5)


@pytest.mark.parametrize("cursor", ["nonsense", "-1 ", "99 ", "٣ "])
async def test_a_cursor_that_is_not_ours(cursor: str) -> None:
    with pytest.raises(Refused) as caught:
        await connect(Script()).changed_desk_returns(0, 5, cursor)
    assert caught.value.code == "cursor_expired"
