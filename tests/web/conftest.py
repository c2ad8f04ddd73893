"""The application on a database of its own, with real commands and a stand-in for what reaches vendors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar

from backhaul.domain.words import Party
from backhaul.kit.crypto import Vault
from backhaul.kit.ids import uuid7
from backhaul.ports.manifest import Field, Manifest, Proof
from backhaul.store import sessions
from backhaul.store.db import Pool, open_pool
from backhaul.web.access import COOKIE
from backhaul.web.services import Services
from backhaul.work.commands import Commands
from backhaul.work.intake import Intake
from backhaul.work.logins import CallbackResult, LoginRefused, Logins
from backhaul.work.lookups import Lookups
from backhaul.work.portal import Buyers
from backhaul.work.vendors import Vendors
from tests.applications import application

BASE = "http://hub.test"

MANIFEST = Manifest(
    vendor="tiktok_shop", title="TikTok Shop", role=Party.CHANNEL, api_version="1", docs="https://docs.test/",
    proof=Proof.SIMULATED, abilities=frozenset(), effects={},
    fields=(Field("app_key", "App key", "From the app's page."), Field("app_secret", "App secret", "", secret=True)),
    scopes={"seller.order.info": "to read orders", "seller.return": "to read returns"}, webhooks=("RETURN",),
    budget_per_s=10, money_units="decimal string", consent=True,
)  # fmt: skip


@dataclass
class Outside:
    """Stands in for intake, logins and look-ups: keeps what it was asked, answers what a test set."""

    webhook_status: int = 200
    fails: Exception | None = None
    received: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    added: list[tuple[Any, ...]] = field(default_factory=list)
    consent: str = "https://vendor.test/consent?state=s"
    result: CallbackResult = field(default_factory=lambda: CallbackResult(True, "Kiln is connected."))
    began: list[str] = field(default_factory=list)
    callbacks: list[tuple[str, dict[str, str], str, bool]] = field(default_factory=list)
    channel: Any = None

    async def webhook(self, key: str, raw: bytes, headers: Mapping[str, str]) -> int:
        if self.fails is not None:
            raise self.fails
        self.received.append((key, raw, dict(headers)))
        return self.webhook_status

    async def consent_url(self, connection_id: UUID, by: str) -> str:
        self.began.append(by)
        return self.consent

    async def callback(
        self, vendor: str, params: Mapping[str, str], by: str, *, confirmed: bool = False
    ) -> CallbackResult:
        self.callbacks.append((vendor, dict(params), by, confirmed))
        return self.result

    async def add(
        self,
        vendor: str,
        title: str,
        settings: Mapping[str, str],
        environment: str,
        by: str,
        shop_id: UUID | None = None,
        api_base: str = "",
        auth_base: str = "",
        control: str = "",
    ) -> UUID:
        if settings.get("app_key") == "wrong":
            raise LoginRefused("TikTok Shop did not take the credentials.", "Compare them with Partner Center.")
        self.added.append((vendor, title, dict(settings), environment, by, shop_id, api_base, auth_base, control))
        return uuid7()

    async def again(self, connection_id: UUID, by: str, values: Mapping[str, str] | None = None) -> None:
        if "wrong" in (values or {}).values():
            raise LoginRefused("TikTok Shop did not take the credentials.")
        self.added.append(("again", connection_id, by, dict(values or {})))

    async def disable(self, connection_id: UUID, by: str) -> None:
        self.added.append(("disable", connection_id, by))

    async def check(self, connection_id: UUID) -> list[tuple[bool, str]]:
        return [(True, "The login works."), (False, "A right is missing.")]

    async def carriers(self, case_id: UUID) -> list[tuple[str, str]]:
        return [("c1", "USPS")]

    async def locations(self, shop_id: UUID) -> list[tuple[str, str]]:
        return [("gid://shopify/Location/1", "Main warehouse")]

    async def location(self, shop_id: UUID, wanted: str) -> tuple[str, str]:
        return await Lookups.location(cast("Lookups", self), shop_id, wanted)


@dataclass(frozen=True)
class Selling:
    """Stands in for the vendors of a shop: the channel is the one that a test set."""

    pool: Pool
    vault: Vault
    outside: Outside

    async def channel(self, connections: Mapping[str, UUID], shop_id: UUID) -> Any:
        return self.outside.channel


@dataclass
class Web:
    """The running application as a test uses it."""

    app: Litestar
    client: httpx.AsyncClient
    pool: Pool
    outside: Outside
    services: Services

    async def sign_in(self, role: str = "owner", name: str = "Dana") -> str:
        """A session in the client's cookies; the word its forms must carry."""
        opened = await sessions.sign_in(self.pool, await sessions.make_link(self.pool, name, role))
        assert opened is not None
        self.client.cookies.clear()
        self.client.cookies.set(COOKIE, opened[0])
        return opened[1].csrf

    async def token(self, role: str = "owner", name: str = "robot") -> dict[str, str]:
        """Headers of an API token."""
        return {"authorization": f"Bearer {await sessions.make_token(self.pool, name, role)}"}

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, follow_redirects=False, **more)

    async def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        return await self.client.post(path, data=data, follow_redirects=False, **more)

    async def commands(self) -> list[tuple[str, dict[str, Any]]]:
        """What people have said, as it was stored."""
        rows = await self.pool.fetch("select kind, body from command order by seq")
        return [(row["kind"], msgspec.json.decode(row["body"])) for row in rows]


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """The application started; in a task of its own, as a fixture's end may run in another task than its beginning."""
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with app.lifespan():
            started.set()
            await over.wait()

    task = asyncio.create_task(run())
    await started.wait()
    try:
        yield
    finally:
        over.set()
        await task


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on the test's own database."""
    found = await open_pool(database, 5)
    yield found
    await found.close()


@pytest.fixture
async def web(pool: Pool) -> AsyncIterator[Web]:
    """The application and a client that speaks to it without a socket."""
    outside, vault = Outside(), Vault({b"\0\0\0\1": bytes(range(32))})
    services = Services(
        pool=pool,
        commands=Commands(pool, vault),
        intake=cast("Intake", outside),
        logins=cast("Logins", outside),
        lookups=cast("Lookups", outside),
        buyers=Buyers(cast("Vendors", Selling(pool, vault, outside))),
        vendors={"tiktok_shop": MANIFEST},
        base_url=BASE,
        version="1.2.3",
    )
    with application(services) as app:
        transport = httpx.ASGITransport(cast("Any", app))
        async with running(app), httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Web(app, client, pool, outside, services)
