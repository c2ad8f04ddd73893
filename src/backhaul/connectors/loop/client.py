"""Address, key, budget, paging: one call in, the vendor's answer out, or one of the five errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from backhaul.connectors.loop import errors
from backhaul.connectors.loop.errors import NotLetIn, Reply
from backhaul.connectors.loop.settings import LoopSettings, of_simulator
from backhaul.kit.http import AnswerLost, HttpClient, NotSent
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, WireDrift
from backhaul.ports.factory import Spend

API = "calls"  # one budget for the whole key
KEY_HEADER = "X-Authorization"
RETURNS, DRAFTS, WRITE_DRAFTS, HOOKS = "returns", "draft_returns:read", "draft_returns:write", "developer_tools"
_PAGE = 250  # the largest page is disputed: 500 or 750
_NO_ORDER = "backhaul-checks-a-right"  # an order that nobody has


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``where`` is a path below the API's version, or an address that the vendor gave. ``scope`` is the
    right it needs; ``write`` says whether something that counts may happen by it."""

    method: str
    where: str
    scope: str = RETURNS
    query: Mapping[str, str] | None = None
    body: bytes | None = None
    write: bool = False


class Client:
    """Speaks for one account."""

    def __init__(
        self, settings: LoopSettings, http: HttpClient, spend: Spend, access: Callable[[], Awaitable[str]]
    ) -> None:
        self._settings = settings
        self._http = http
        self._spend = spend
        self._access = access

    async def call(self, call: Call, dead_at: float | None = None, key: str = "") -> Reply:
        """The answer to a call, refusals still in it."""
        try:
            return await self._exchange(call, dead_at, key)
        except NotLetIn as closed:
            works = call.scope != RETURNS and await self._key_works(key)
            raise errors.not_let_in(call.scope, works, closed.text) from None

    async def rights(self, key: str) -> tuple[str, ...]:
        """The rights of a key, each tried by a call that changes nothing. Raises NeedsReauth when it has none."""
        given = []
        for call in PROBES:
            try:
                reply = await self._exchange(call, None, key)
            except NotLetIn:
                continue
            if reply.status >= 400 and errors.refused(reply.value, reply.status).code == "no_draft_returns":
                continue
            given.append(call.scope)
        if not given:
            raise NeedsReauth("Loop does not accept this key. Copy it again from Developer tools in Loop's admin.")
        return tuple(given)

    async def pages(self, query: Mapping[str, str], after: str = "") -> tuple[list[Any], str]:
        """A page of the list of returns and where the next one is (empty at the end)."""
        wanted = {**query, "paginate": "true", "pageSize": str(_PAGE)}
        call = Call("GET", after) if after else Call("GET", "/warehouse/return/list", query=wanted)
        reply = await self.call(call)
        if isinstance(reply.value, list):  # the shape without paging
            return reply.value, ""
        if reply.status != 200 or not isinstance(reply.value, dict) or "returns" not in reply.value:
            if reply.status in (400, 404, 410, 422) and after:
                raise Refused("cursor_expired", "the page is no longer there")
            raise errors.refused(reply.value, reply.status)
        rows = reply.value["returns"]
        if not isinstance(rows, list):
            raise WireDrift("list of returns: not a list", msgspec.json.encode(rows))
        following = reply.value.get("nextPageUrl") or ""
        return rows, self.relative(str(following)) if following else ""

    def url(self, where: str) -> str:
        """The full address of a path or of an address the vendor gave. Raises WireDrift for another host's: our key
        goes to the vendor alone."""
        if where.startswith("/") and not where.startswith(("//", "/api/")):
            return self._settings.base + where
        full = urljoin(self._settings.base + "/", where)
        parts = urlsplit(full)
        if f"{parts.scheme}://{parts.netloc}" != self._settings.origin:
            raise WireDrift(f"Loop names an address of another host: {parts.scheme}://{parts.netloc}")
        return full

    def relative(self, address: str) -> str:
        """An address the vendor gave, without its host."""
        parts = urlsplit(self.url(address))
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    async def _key_works(self, key: str) -> bool:
        try:
            await self._exchange(PROBES[0], None, key)
        except NotLetIn:
            return False
        return True

    async def _exchange(self, call: Call, dead_at: float | None, key: str) -> Reply:
        key = key or await self._access()
        if not key:
            raise NeedsReauth("there is no API key for this account")
        if of_simulator(key) is not self._settings.simulated:
            raise Refused("settings", "this API key belongs to another world: simulated and live are kept apart")
        url = self.url(call.where)
        if call.query:
            url += "?" + urlencode(call.query)
        headers = {KEY_HEADER: key, "Accept": "application/json, application/prs.hal-forms+json"}
        if call.method in ("POST", "PUT"):
            headers["Content-Type"] = "application/json"
        await self._spend.take(API)
        try:
            answer = await self._http.request(call.method, url, headers=headers, body=call.body, dead_at=dead_at)
        except NotSent as error:
            raise Unavailable(f"not sent: {error}") from error
        except AnswerLost as error:
            raise (OutcomeUnknown if call.write else Unavailable)(f"the answer was lost: {error}") from error
        if answer.status == 429:
            self._spend.learn(API, refused=True)
        return errors.read(answer.status, answer.headers, answer.body, write=call.write)


def body(value: Any) -> bytes:
    """The exact bytes of a JSON request."""
    return msgspec.json.encode(value, order="deterministic")


# A right -> a call that needs it and changes nothing. The last begins a draft of an order that is not there.
PROBES = (
    Call("GET", "/warehouse/return/list", RETURNS, {"paginate": "true", "pageSize": "1"}),
    Call("GET", "/draft-returns", DRAFTS),
    Call("GET", "/webhooks", HOOKS),
    Call(
        "POST",
        "/draft-returns",
        WRITE_DRAFTS,
        body=body({"order_name": _NO_ORDER, "secondary_input": "0", "is_gift": False}),
    ),
)
