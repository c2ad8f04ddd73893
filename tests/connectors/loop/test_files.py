"""Label files: from the internet or from the simulator, PDFs only, and not too large."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from backhaul.connectors.loop import files
from backhaul.connectors.loop.settings import LoopSettings, read_settings
from backhaul.kit.http import Answer, HttpClient
from backhaul.ports.errors import Refused, Unavailable
from backhaul.ports.factory import Login

PDF = b"%PDF-1.4 a label"


async def no_key() -> str:
    return ""


def settings(base: str = "") -> LoopSettings:
    return read_settings(Login(settings={"api_key": "sim_key" if base else "key"}, access=no_key, api_base=base))


class Recorder:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def request(self, method: str, url: str, **more: Any) -> Answer:
        self.asked.append((url, more))
        return self.answer


@pytest.mark.parametrize("url", ["https://labels.example.com/1.pdf?X-Signature=abc", "https://1.1.1.1/1.pdf"])
async def test_from_the_internet_without_our_key(url: str) -> None:
    recorder = Recorder(Answer(200, {}, PDF, 0.0))
    assert await files.label(recorder, url, settings()) == PDF  # type: ignore[arg-type]
    ((asked, more),) = recorder.asked
    assert asked == url
    assert "headers" not in more
    assert more["max_answer"] == files.LARGEST


@pytest.mark.parametrize(
    "url",
    ["", "http://labels.example.com/1.pdf", "https://127.0.0.1/1.pdf", "https://169.254.169.254/latest/meta-data",
     "https://10.0.0.5/1", "https://[::1]/1", "https://[fd00::1]/1", "https://localhost/1", "https://intranet/1",
     "https://db.internal/1", "https://u:p@labels.example.com/1", "file:///etc/passwd", "https://[::/1", "//x.y/1",
     "https://0x7f.1/1", "https://2130706433/1",
     "https://127.1/1", "https://a.localhost/1", "https://a.b.local./1"],
)  # fmt: skip
async def test_from_nowhere_near(url: str) -> None:
    recorder = Recorder(Answer(200, {}, PDF, 0.0))
    with pytest.raises(Refused) as caught:
        await files.label(recorder, url, settings())  # type: ignore[arg-type]
    assert caught.value.code == "label_address"
    assert recorder.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 403, 404, 410])
async def test_a_link_that_has_run_out(status: int) -> None:
    with pytest.raises(Refused) as caught:
        await files.label(Recorder(Answer(status, {}, b"", 0.0)), "https://l.example.com/1", settings())  # type: ignore[arg-type]
    assert caught.value.code == "label_gone"


async def test_a_picture_is_no_label_for_the_channel() -> None:
    with pytest.raises(Refused) as caught:
        await files.label(Recorder(Answer(200, {}, b"\x89PNG", 0.0)), "https://l.example.com/1", settings())  # type: ignore[arg-type]
    assert caught.value.code == "label_type"


async def test_a_storage_that_fails_is_asked_again_later() -> None:
    with pytest.raises(Unavailable):
        await files.label(Recorder(Answer(503, {}, b"", 0.0)), "https://l.example.com/1", settings())  # type: ignore[arg-type]


@pytest.fixture
async def here() -> AsyncIterator[str]:
    async def serve(request: web.Request) -> web.Response:
        size = int(request.query.get("size", "0"))
        return web.Response(body=PDF + b"x" * size)

    app = web.Application()
    app.router.add_get("/labels/1.pdf", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_simulated_label_comes_from_its_simulator_alone(here: str) -> None:
    async with HttpClient() as http:
        assert await files.label(http, f"{here}/labels/1.pdf", settings(here)) == PDF
        for other in (settings(), settings("http://127.0.0.1:9")):
            with pytest.raises(Refused):
                await files.label(http, f"{here}/labels/1.pdf", other)
        with pytest.raises(Refused):
            await files.label(http, here + "0/labels/1.pdf", settings(here))


async def test_a_file_that_is_too_large(here: str) -> None:
    async with HttpClient() as http:
        with pytest.raises(Unavailable):
            await files.label(http, f"{here}/labels/1.pdf?size={files.LARGEST}", settings(here))
