"""Where a live connection speaks to, without speaking to it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backhaul.connectors.loop import vendor
from backhaul.kit.http import Answer
from backhaul.ports.errors import Refused, Unavailable
from backhaul.ports.factory import Login, Vendor
from tests.connectors.loop.conftest import Budget


class Recorder:
    """Answers what it is given and keeps what it was asked."""

    def __init__(self, *bodies: bytes, status: int = 200) -> None:
        self.bodies, self.status = list(bodies), status
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def request(self, method: str, url: str, *, headers: dict[str, str], **more: Any) -> Answer:
        self.asked.append((method, url, headers))
        return Answer(self.status, {}, self.bodies.pop(0), 0.0)


def connect(recorder: Recorder, key: str = "made-up", stored: str = "made-up") -> Any:
    async def access() -> str:
        return stored

    made_by: Vendor = vendor
    return made_by.connect(Login(settings={"api_key": key}, access=access), recorder, Budget(), time.time)


async def test_calls_go_to_loop_in_the_version_we_know() -> None:
    recorder = Recorder(*[b'{"errors":{"message":"No return was found."}}'] * 2)
    assert await connect(recorder).desk_returns("#1001") == ()
    (method, url, headers), (_, again, _) = recorder.asked
    address = "https://api.loopreturns.com/api/2026-10/warehouse/return/details?order_name="
    assert (method, url, again) == ("GET", address + "%231001", address + "1001")
    assert headers["X-Authorization"] == "made-up"
    assert "Authorization" not in headers


async def test_the_rights_are_tried_there_with_calls_that_change_nothing() -> None:
    lists = (b"[]", b"{}", b'{"webhooks":[]}')
    recorder = Recorder(*lists, b'{"errors":[{"code":"order-not-found"}]}', b'{"webhooks":[{"id":1,"shop_id":65432}]}')
    (info,) = await connect(recorder).shops()
    assert info.name == "Loop account 65432"
    assert {url.partition("/api/")[0] for _, url, _ in recorder.asked} == {"https://api.loopreturns.com"}
    assert [method for method, _, _ in recorder.asked] == ["GET", "GET", "GET", "POST", "GET"]


async def test_a_simulator_s_key_is_not_sent() -> None:
    recorder = Recorder()
    with pytest.raises(Refused):
        await connect(recorder, stored="sim_key").desk_returns("#1001")
    with pytest.raises(Refused):
        connect(recorder, key="sim_key")
    assert recorder.asked == []


async def test_a_page_of_another_host_is_not_followed() -> None:
    page = b'{"returns":[],"nextPageUrl":"https://elsewhere.example.com/api/2026-10/warehouse/return/list?cursor=2"}'
    recorder = Recorder(page)
    with pytest.raises(Exception, match="another host"):
        await connect(recorder).changed_desk_returns(1, 2)
    assert len(recorder.asked) == 1


async def test_a_fault_of_loop_is_no_missing_right() -> None:
    with pytest.raises(Unavailable):
        await connect(Recorder(b"", status=503)).exchange("")
