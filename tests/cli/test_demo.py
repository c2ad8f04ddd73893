"""The demo: it comes up with buyers, it keeps its data, and nothing of it outlives it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.store import embedded
from tests.cli.runs import COMMAND, backhaul, children, environment, is_alive
from tests.patience import patient

LINE = re.compile(r"(http://127\.0\.0\.1:\d+)/signin/(\S+)")


class Demo:
    """A running demo."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "demo", "--port", "0"], env=environment(data), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = LINE.search(self.line)
        assert found, self.line + (self.process.communicate(timeout=30)[1] if self.process.poll() is not None else "")
        self.base = found[1]
        self.pids = children(self.process.pid)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=40)
        return self.process.returncode


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o711)
    yield tmp_path
    embedded.destroy(tmp_path / "demo")


def gone(pids: list[int], seconds: float = 20.0) -> bool:
    end = time.monotonic() + patient(seconds)
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def cases(data: Path, demo: Demo) -> dict[str, str]:
    """The cases that the hub shows, each with where it stands."""
    token = backhaul(data / "demo", "token", "create", "test", "--role", "read-only").stdout.strip()
    asked = urllib.request.Request(f"{demo.base}/api/v1/cases", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return {case["id"]: case["status"] for case in json.load(answer)["cases"]}


def led_to_portal(data: Path, demo: Demo) -> bool:
    """Whether a buyer who presses “Return” in the app stands in the hub's portal, with the order filled in."""
    ports = json.loads((data / "demo" / "ports.json").read_text(encoding="utf-8"))
    control = f"http://127.0.0.1:{ports['control']}"
    placing = urllib.request.Request(f"{control}/orders", b"{}", {"content-type": "application/json"}, method="POST")
    with urllib.request.urlopen(placing, timeout=10) as answer:
        order = json.load(answer)["id"]
    with urllib.request.urlopen(f"{control}/orders/{order}/return_button", timeout=10) as answer:
        address = json.load(answer)["address"]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(address, timeout=10) as page:
        return bool(address.startswith(demo.base) and f'value="{order}"' in page.read().decode())


def test_the_demo_shows_returns_keeps_them_and_ends_with_all_its_processes(data: Path) -> None:
    demo = Demo(data)
    try:
        assert len(demo.pids) == 3, "the simulator, serve and work"
        found: dict[str, str] = {}
        end = time.monotonic() + patient(40)
        while not {"requested", "to_confirm"} <= set(found.values()) and time.monotonic() < end:
            found = cases(data, demo)
            time.sleep(0.5)
        assert "requested" in found.values(), "buyers come by themselves"
        assert "to_confirm" in found.values(), "and some by the portal"
        assert led_to_portal(data, demo), "the app's return button leads to the portal, which knows the order"
        second = backhaul(data, "demo")
        assert second.returncode == 2
        assert "running already" in second.stderr
    finally:
        code = demo.stop()
    assert code == 0
    assert gone(demo.pids, 1.0)
    again = Demo(data)
    try:
        assert set(found) <= set(cases(data, again)), "a second start keeps the data"
        assert led_to_portal(data, again), "and the button leads to where the hub is now"
        again.process.kill()  # nobody is left to say goodbye
        again.process.communicate(timeout=30)
        assert gone(again.pids)
    finally:
        again.process.kill()
