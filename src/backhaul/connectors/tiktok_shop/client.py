"""URLs, signature, budget, clock skew, paging: one call in, the envelope's data out, or one of the five errors."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from backhaul.connectors.tiktok_shop import errors
from backhaul.connectors.tiktok_shop.reading import Row, shape, shaped
from backhaul.connectors.tiktok_shop.settings import Settings
from backhaul.connectors.tiktok_shop.wire import Envelope, Page, TokenData
from backhaul.kit.crypto import hmac_sha256_hex
from backhaul.kit.http import Answer, AnswerLost, NotSent
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import (
    NeedsReauth,
    OutcomeUnknown,
    Refused,
    Unavailable,
    VendorError,
    WireDrift,
)
from backhaul.ports.factory import Spend

RETURNS = "seller.return_refund.basic"  # the right that most calls need
_JSON = "application/json"
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_UNSIGNED = ("sign", "access_token")


class Http(Protocol):
    """The part of :class:`backhaul.kit.http.HttpClient` that is used."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        dead_at: float | None = None,
        timeout: float | None = None,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request before it is signed. ``api`` names its budget, ``scope`` the right it needs, ``write`` says whether
    something may happen by it, ``of_shop`` whether it takes the shop's cipher."""

    api: str
    method: str
    path: str
    query: Mapping[str, str]
    scope: str
    body: bytes = b""
    content_type: str = _JSON
    write: bool = False
    of_shop: bool = True


def sign(path: str, query: Mapping[str, str], body: bytes, content_type: str, secret: str) -> str:
    """The signature of a request: HMAC-SHA256, lower-case hex, over path, sorted decoded query and the exact body bytes
    between two copies of the secret. A multipart body takes no part."""
    pairs = "".join(name + query[name] for name in sorted(query) if name not in _UNSIGNED)
    message = (secret + path + pairs).encode()
    if not content_type.lower().startswith("multipart/form-data"):
        message += body
    return hmac_sha256_hex(secret, message + secret.encode())


class Client:
    """Speaks for one shop. Safe for concurrent calls."""

    def __init__(
        self,
        settings: Settings,
        cipher: str,
        access: Callable[[], Awaitable[str]],
        http: Http,
        spend: Spend,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``now`` is the machine's clock: the gateway judges requests by wall time, whatever time the shop lives in."""
        self._settings = settings
        self._cipher = cipher
        self._access = access
        self._http = http
        self._spend = spend
        self._now = now
        self._skew = 0.0

    async def send(self, call: Call, dead_at: float | None = None) -> Envelope:
        """The envelope of a call that succeeded; raises one of the five errors."""
        if call.of_shop and not self._cipher:
            raise NeedsReauth("the shop's cipher is not known; connect the shop again")
        await self._spend.take(call.api)
        token = await self._access()
        envelope, failed = await self._exchange(call, token, dead_at)
        if failed is not None and envelope is not None and envelope.code in errors.TOKEN_REFUSED:
            # Refused at the gate, so nothing happened. If the login was renewed meanwhile: once more, with that token.
            renewed = await self._access()
            if renewed != token:
                envelope, failed = await self._exchange(call, renewed, dead_at)
        if failed is not None:
            raise failed
        assert envelope is not None
        return envelope

    async def data(self, call: Call) -> Row:
        """The ``data`` of a read; an empty one when there is none."""
        envelope = await self.send(call)
        if envelope.data is None:
            return {}
        if not isinstance(envelope.data, dict):
            raise WireDrift(f"{call.api}: data is not an object")
        return envelope.data

    async def rows(self, call: Call, name: str) -> list[Any]:
        """The list of that name in the ``data`` of a read; an empty one when there is none."""
        found = (await self.data(call)).get(name)
        if found is None:
            return []
        if not isinstance(found, list):
            raise WireDrift(f"{call.api}: {name} is not a list", msgspec.json.encode(found))
        return found

    async def search(self, call: Call, page_token: str) -> Page:
        """One page of a search. A token the channel no longer takes raises Refused("cursor_expired")."""
        try:
            return shape(await self.data(_paged(call, page_token)), Page, call.api)
        except Refused as refused:
            if page_token and refused.code in errors.PARAMETER_WRONG:
                raise Refused("cursor_expired", f"the page token is no longer taken: {refused.text}") from None
            raise

    async def token(self, path: str, query: Mapping[str, str], *, renewing: bool) -> TokenData:
        """A token call: unsigned, on its own host, with the secret in the query, so none of it goes into an error."""
        secret = self._settings.app_secret.reveal()
        full = {"app_key": self._settings.app_key, "app_secret": secret, **query}
        url = f"{self._settings.auth}{path}?{urlencode(full, quote_via=quote)}"
        try:
            answer = await self._http.request("GET", url)
        except NotSent as error:
            raise Unavailable(f"the host for log-ins was not reached: {error}") from None
        except AnswerLost as error:
            # The code or the token may be used up by now: a renewal is tried again with the old token, a code is not.
            raise (Unavailable if renewing else OutcomeUnknown)(f"the answer was lost: {error}") from None
        found = errors.read(answer.status, answer.body, write=False)
        if isinstance(found, VendorError):
            # Such a body may hold tokens: it is not kept.
            raise WireDrift(found.text) if isinstance(found, WireDrift) else found
        failed = errors.token_error(found, renewing=renewing)
        if failed is not None:
            raise failed
        try:
            return shaped(found.data, TokenData)
        except msgspec.ValidationError as error:  # names fields and types, never values
            raise WireDrift(f"token answer: {error}") from None

    async def _exchange(
        self, call: Call, token: str, dead_at: float | None
    ) -> tuple[Envelope | None, VendorError | None]:
        """What the channel said, and the error it stands for. The HTTP client promises that nothing leaves after
        ``dead_at``: it asks the clock with the connection in hand."""
        headers = {"x-tts-access-token": token}
        if call.method != "GET":
            headers["content-type"] = call.content_type
        try:
            answer = await self._http.request(
                call.method, self._url(call), headers=headers, body=call.body or None, dead_at=dead_at
            )
        except NotSent as error:
            return None, Unavailable(f"not sent: {error}")
        except AnswerLost as error:
            return None, (OutcomeUnknown if call.write else Unavailable)(f"the answer was lost: {error}")
        found = errors.read(answer.status, answer.body, write=call.write)
        envelope = found if isinstance(found, Envelope) else None
        if answer.status == 429 or (envelope is not None and envelope.code == errors.RATE_LIMITED):
            self._spend.learn(call.api, refused=True)
        if isinstance(found, VendorError):
            return None, found
        if errors.refuses_time(found):
            self._learn_time(answer.headers)
        return found, errors.judge(answer.status, found, write=call.write, scope=call.scope, raw=answer.body)

    def _url(self, call: Call) -> str:
        settings = self._settings
        query = {name: value for name, value in call.query.items() if value}  # empty ones are signed by some only
        query["app_key"] = settings.app_key
        query["timestamp"] = str(int(self._now() + self._skew))
        if call.of_shop:
            query["shop_cipher"] = self._cipher
        query["sign"] = sign(call.path, query, call.body, call.content_type, settings.app_secret.reveal())
        # The path is signed as it is written; ids in it are digits, and anything else was refused when it was built.
        return f"{settings.api}{call.path}?{urlencode(query, quote_via=quote, safe=',')}"

    def _learn_time(self, headers: Mapping[str, str]) -> None:
        # Only when the gateway refused our time: as long as it takes it, there is nothing to correct.
        try:
            theirs = parsedate_to_datetime(headers.get("Date") or "").timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        self._skew = theirs + 0.5 - self._now()  # Date has whole seconds


def call_of(prepared: Prepared, api: str, scope: str, *, of_shop: bool = True) -> Call:
    """The call of a stored request; its bytes as they were committed."""
    return Call(
        api,
        prepared.method,
        prepared.path,
        prepared.query,
        scope,
        prepared.body,
        prepared.content_type,
        write=True,
        of_shop=of_shop,
    )


def get(path: str, query: dict[str, str], scope: str, path_id: str = "") -> Call:
    """A read; ``path_id`` takes the place of ``{}`` in the path. Raises Refused when it cannot be an id."""
    if path_id and not _ID.fullmatch(path_id):
        raise Refused("id", f"{path_id[:64]!r} is no id of TikTok Shop")
    return Call(f"GET {path}", "GET", path.replace("{}", path_id), query, scope)


def _paged(call: Call, page_token: str) -> Call:
    query = {**call.query, "page_token": page_token} if page_token else call.query
    return Call(call.api, call.method, call.path, query, call.scope, call.body)
