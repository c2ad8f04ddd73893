"""Starts the simulator as a process of its own and talks to its control API. For tests, benches and the demo."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

_READY_SECONDS = 30.0
_LINE_LIMIT = 4 * 1024 * 1024


class ControlError(Exception):
    """The control API refused; `code` is the channel's code when the channel would have refused."""

    def __init__(self, status: int, text: str, code: int | None) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.code = code


class ControlClient:
    """A client of the control API. Use as an async context manager, or call `close`."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ControlClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the HTTP client."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """One call. Raises ControlError when it is refused, and when the simulator does not answer (503)."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        sent = dict(body or {}) if method != "GET" else None
        try:
            async with self._session.request(method, self.base + path, json=sent, params=query) as response:
                if response.content_type != "application/json":
                    raise ControlError(response.status, (await response.text())[:300], None)
                value = await response.json()
        except aiohttp.ClientConnectionError as error:
            raise ControlError(503, f"the simulator does not answer: {error}", None) from error
        if response.status >= 400:
            raise ControlError(response.status, str(value.get("error")), value.get("code"))
        return value

    # -- time ---------------------------------------------------------------------------------------------------------

    async def clock(self) -> dict[str, float]:
        """`now`, `rate`, `epoch_real`, `epoch_virtual`."""
        return dict(await self.call("GET", "/clock"))

    async def set_rate(self, rate: float) -> dict[str, float]:
        """Changes the speed of virtual time."""
        return dict(await self.call("POST", "/clock", {"rate": rate}))

    async def step(self, seconds: float) -> dict[str, float]:
        """Moves virtual time on, with everything due on the way."""
        return dict(await self.call("POST", "/clock", {"step_seconds": seconds}))

    # -- shops --------------------------------------------------------------------------------------------------------

    async def describe(self) -> dict[str, Any]:
        """Addresses and credentials."""
        return dict(await self.call("GET", "/"))

    async def change_app(self, **values: Any) -> dict[str, Any]:
        """Sets `redirect_url`, `webhook_address`, `scopes` of the partner app."""
        return dict(await self.call("PATCH", "/app", values))

    async def add_shop(self, **values: Any) -> dict[str, Any]:
        """Opens a shop: `name`, `region`, `commerce_domain`, `switches`, `clocks`, `connector`."""
        return dict(await self.call("POST", "/shops", values))

    async def change_shop(self, shop_id: str, **values: Any) -> dict[str, Any]:
        """Changes `switches`, `connector`, `redirect`, `active`."""
        return dict(await self.call("PATCH", f"/shops/{shop_id}", values))

    async def authorize(self, shop_id: str, scopes: Sequence[str] | None = None) -> str:
        """A fresh authorisation code."""
        body = {} if scopes is None else {"scopes": list(scopes)}
        return str((await self.call("POST", f"/shops/{shop_id}/authorize", body))["code"])

    async def tokens(self, shop_id: str) -> dict[str, Any]:
        """Authorises at once and returns the token answer."""
        return dict(await self.call("POST", f"/shops/{shop_id}/authorize", {"tokens": True}))

    async def revoke(self, shop_id: str) -> None:
        """The seller withdraws the authorisation."""
        await self.call("POST", f"/shops/{shop_id}/revoke")

    # -- orders and cases ---------------------------------------------------------------------------------------------

    async def place_order(self, shop_id: str, lines: Sequence[Mapping[str, Any]] = (), **values: Any) -> dict[str, Any]:
        """Places an order; see the control API for `status`, `copy` and the rest."""
        return dict(await self.call("POST", "/orders", {"shop_id": shop_id, "lines": list(lines), **values}))

    async def set_stock(self, shop_id: str, sku: str, stock: int) -> dict[str, Any]:
        """How many of a SKU the channel has; a replacement or exchange needs some."""
        return dict(await self.call("POST", f"/shops/{shop_id}/stock", {"sku": sku, "stock": stock}))

    async def advance_order(self, order_id: str, status: str) -> dict[str, Any]:
        """Moves an order on."""
        return dict(await self.call("POST", f"/orders/{order_id}/advance", {"status": status}))

    async def copy_order(self, order_id: str, **values: Any) -> dict[str, Any]:
        """The order connector copies an order now: `style`, `wrong_sku`."""
        return dict(await self.call("POST", f"/orders/{order_id}/copy", values))

    async def return_button(self, order_id: str) -> str | None:
        """The merchant's address to which the app's return button leads; None for the channel's own form."""
        answer = await self.call("GET", f"/orders/{order_id}/return_button")
        return None if answer["address"] is None else str(answer["address"])

    async def ask_return(self, order_id: str, kind: str = "RETURN_AND_REFUND", **values: Any) -> dict[str, Any]:
        """A buyer asks for a return."""
        return dict(await self.call("POST", "/returns", {"order_id": order_id, "kind": kind, **values}))

    async def get_return(self, return_id: str) -> dict[str, Any]:
        """What the simulator knows of a return."""
        return dict(await self.call("GET", f"/returns/{return_id}"))

    async def act(self, return_id: str, action: str, **values: Any) -> dict[str, Any]:
        """ship, deliver, withdraw, edit, arbitrate, quick_refund, respond_offer or decide."""
        return dict(await self.call("POST", f"/returns/{return_id}/{action}", values))

    async def ask_cancellation(self, order_id: str, **values: Any) -> dict[str, Any]:
        """A buyer asks to cancel an order."""
        return dict(await self.call("POST", "/cancellations", {"order_id": order_id, **values}))

    # -- the desk ------------------------------------------------------------------------------------------------------

    async def change_desk(self, shop: str, **settings: Any) -> dict[str, Any]:
        """Changes settings and workflows of the desk of a shop (id) or a store (domain)."""
        return dict(await self.call("PATCH", f"/loop/{shop}", settings))

    async def desk_returns(self, shop: str) -> list[dict[str, Any]]:
        """All returns of a desk."""
        return list((await self.call("GET", f"/loop/{shop}/returns"))["returns"])

    async def open_desk_return(self, shop: str, order: str, **values: Any) -> dict[str, Any]:
        """Desk staff (or the shopper in the portal) opens a return: `skus`, `reason`, `outcome`."""
        return dict(await self.call("POST", f"/loop/{shop}/returns", {"order": order, **values}))

    async def desk_act(self, shop: str, return_id: int, action: str, **values: Any) -> dict[str, Any]:
        """Desk staff or the carrier act on a return: process, cancel, close, flag, unflag, grade, label, scan, ..."""
        return dict(await self.call("POST", f"/loop/{shop}/returns/{return_id}/{action}", values))

    # -- weather, crowd, past -----------------------------------------------------------------------------------------

    async def add_mood(self, kind: str, **values: Any) -> dict[str, Any]:
        """Puts a mood in force: `vendor`, `endpoint`, `probability`, `times`, `params`."""
        return dict(await self.call("POST", "/moods", {"kind": kind, **values}))

    async def clear_moods(self) -> None:
        """Good weather again."""
        await self.call("DELETE", "/moods")

    async def start_buyers(self, **temper: Any) -> dict[str, Any]:
        """Lets buyers come; `per_minute` 0 stops them."""
        return dict(await self.call("POST", "/buyers", temper))

    async def seed_history(self, shop_id: str, count: int, days: float, **values: Any) -> list[str]:
        """A past for a shop; returns the ids of the returns."""
        body = {"shop_id": shop_id, "count": count, "days": days, **values}
        return list((await self.call("POST", "/seed_history", body))["return_ids"])

    async def churn(self, shop_id: str, count: int, *, tell: bool = True) -> list[str]:
        """Moves open cases one step on."""
        body = {"shop_id": shop_id, "count": count, "tell": tell}
        return list((await self.call("POST", "/churn", body))["return_ids"])

    # -- the oracle ---------------------------------------------------------------------------------------------------

    async def books(self, shop_id: str | None = None, case_id: str | None = None) -> dict[str, Any]:
        """The books, whole or of one shop or case."""
        query = {name: value for name, value in (("shop", shop_id), ("case", case_id)) if value is not None}
        return dict(await self.call("GET", "/books", query=query))

    async def log(self, limit: int = 100) -> dict[str, Any]:
        """The latest requests and webhooks, newest first."""
        return dict(await self.call("GET", "/log", query={"limit": str(limit)}))

    async def settle(self, seconds: float = 20.0) -> None:
        """Waits until no webhook is under way."""
        await self.call("POST", "/settle", {"seconds": seconds})


async def _run(arguments: Sequence[str], stderr: int | None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backhaul.simulator",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        limit=_LINE_LIMIT,
        # A Ctrl-C at the terminal is for whoever started us; we end when that one closes our input.
        start_new_session=True,
    )


class SimulatorProcess:
    """The simulator in a process of its own, which ends with this one. Use as an async context manager.

    With `state` it goes on from that file, when it is there, and keeps it: shops and seed then come from the file.
    `ready` is the ready line (addresses, app, shops), `control` a client of the control API. What it complains about
    goes to `log`, or to our own standard error.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        rate: float = 1.0,
        start: float | None = None,
        shops: Sequence[Mapping[str, Any]] = (),
        redirect_url: str = "",
        ports: Mapping[str, int] | None = None,
        state: Path | None = None,
        log: Path | None = None,
    ) -> None:
        arguments = ["--attached", "--seed", str(seed), "--rate", str(rate), "--redirect-url", redirect_url]
        if start is not None:
            arguments += ["--start", str(start)]
        for shop in shops:
            arguments += ["--shop", json.dumps(dict(shop))]
        if state is not None:
            arguments += ["--state", str(state)]
        for name, port in (ports or {}).items():
            arguments += [f"--{name}-port", str(port)]
        self._arguments = arguments
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.ready: dict[str, Any] = {}
        self._control: ControlClient | None = None

    @property
    def control(self) -> ControlClient:
        """The control API of the running process."""
        if self._control is None:
            raise RuntimeError("the simulator is not running")
        return self._control

    @property
    def pid(self) -> int:
        """Process id of the running process."""
        if self._process is None:
            raise RuntimeError("the simulator is not running")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process and waits for its ready line. Raises RuntimeError when it does not come up."""
        complaints = None if self._log is None else os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await _run(self._arguments, complaints)
        finally:
            if complaints is not None:
                os.close(complaints)
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                line = await self._process.stdout.readline()
            self.ready = json.loads(line)
        except (TimeoutError, json.JSONDecodeError) as error:
            await self.stop()
            raise RuntimeError("the simulator did not come up") from error
        self._control = ControlClient(str(self.ready["addresses"]["control"]))

    async def stop(self) -> None:
        """Ends the process."""
        if self._control is not None:
            await self._control.close()
            self._control = None
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> SimulatorProcess:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
