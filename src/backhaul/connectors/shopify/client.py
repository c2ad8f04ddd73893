"""Address, token, budget of points. One document, one call; trouble comes out as one of the five errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from backhaul.connectors.shopify import errors
from backhaul.connectors.shopify.operations import Operation, operation
from backhaul.connectors.shopify.settings import GRAPHQL_PATH, TOKEN_PATH, ShopifySettings, check_place, of_simulator
from backhaul.connectors.shopify.wire import Envelope, SearchWarning, TokenAnswer
from backhaul.connectors.shopify.writes import body
from backhaul.kit.http import AnswerLost, HttpClient, NotSent
from backhaul.ports.connector import Tokens
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, WireDrift
from backhaul.ports.factory import Spend

T = TypeVar("T")
API = "graphql"

# Points a document is charged before it runs; the tests hold them against the simulator's count. The vendor's own
# count may differ and is taken over from its first answer.
_WRITE, _READ = 12.0, 30.0
_POINTS = {
    "order": 80.0,
    "order_lines": 35.0,
    "order_money": 45.0,
    "order_returns": 85.0,
    "return_reverse_orders": 50.0,
    "returnable": 50.0,
    "reverse_deliveries": 40.0,
    "scan_orders": 75.0,
}


def points(document: Operation) -> float:
    """What a document is expected to be charged."""
    return _POINTS.get(document.file, _WRITE if document.write else _READ)


class Client:
    """Calls one shop."""

    def __init__(
        self,
        settings: ShopifySettings,
        http: HttpClient,
        spend: Spend,
        access: Callable[[], Awaitable[str]],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._http = http
        self._spend = spend
        self._access = access
        self._clock = clock
        self._points: dict[str, float] = {}

    async def read(
        self, file: str, variables: Mapping[str, object], shape: type[T], *, tolerate: tuple[str, ...] = ()
    ) -> tuple[T, tuple[SearchWarning, ...]]:
        """The data of a query and what the vendor did not understand of its search."""
        document = operation(file)
        answer = await self._call(document, body(document, variables), None)
        failed = errors.top_error(answer, write=False, tolerate=tolerate)
        if failed is not None:
            raise failed
        if answer.empty:
            raise WireDrift(f"{document.name}: an answer without data")
        try:
            data = msgspec.json.decode(answer.data, type=shape)
        except msgspec.ValidationError as error:
            raise WireDrift(f"{document.name}: {error}", bytes(answer.data)) from error
        searches = (answer.extensions.search if answer.extensions else None) or []
        return data, tuple(warning for each in searches for warning in each.warnings or ())

    async def write(self, document: Operation, raw: bytes, dead_at: float | None = None) -> Envelope:
        """Send a mutation's exact bytes; the answer still has its errors in it."""
        return await self._call(document, raw, dead_at)

    async def put(self, url: str, content: bytes, content_type: str, dead_at: float) -> None:
        """Send a file to a place that the vendor named. No token goes with it; a simulated shop's files stay on this
        machine, a real one's go out encrypted only."""
        check_place(self._settings, url)
        try:
            answer = await self._http.request(
                "PUT", url, headers={"content-type": content_type}, body=content, dead_at=dead_at
            )
        except NotSent as error:
            raise Unavailable(f"not sent: {error}") from None
        except AnswerLost as error:
            raise OutcomeUnknown(f"the answer was lost: {error}") from None
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"the place for files answered with status {answer.status}")
        if answer.status >= 300:
            raise Refused(str(answer.status), f"the place for files refused the file with status {answer.status}")

    async def _call(self, document: Operation, raw: bytes, dead_at: float | None) -> Envelope:
        token = await self._token()
        cost = self._points.get(document.file) or points(document)
        await self._spend.take(API, cost)
        try:
            answer = await self._http.request(
                "POST",
                self._settings.api_base + GRAPHQL_PATH,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "X-Shopify-Access-Token": token,
                },
                body=raw,
                dead_at=dead_at,
            )
        except NotSent as error:
            raise Unavailable(str(error)) from error
        except AnswerLost as error:
            if document.write:
                raise OutcomeUnknown(f"{document.name}: {error}") from error
            raise Unavailable(str(error)) from error
        if answer.status == 429:
            self._spend.learn(API, refused=True)
        read = errors.envelope(answer.status, answer.headers, answer.body, write=document.write, now=self._clock())
        self._learn(document, read, cost)
        return read

    def _learn(self, document: Operation, answer: Envelope, taken: float) -> None:
        cost = answer.extensions.cost if answer.extensions else None
        throttled = isinstance(answer.errors, list) and any(each.code == "THROTTLED" for each in answer.errors)
        if cost is None:
            if throttled:
                self._spend.learn(API, refused=True)
            return
        if cost.requested_query_cost > 0:
            self._points[document.file] = cost.requested_query_cost
        status = cost.throttle_status
        self._spend.learn(
            API,
            available=status.currently_available if status else None,
            restore_per_s=status.restore_rate if status else None,
            refused=throttled,
            back=max(0.0, taken - cost.actual_query_cost) if cost.actual_query_cost is not None else 0.0,
        )

    async def _token(self) -> str:
        token = await self._access()
        if not token:
            raise NeedsReauth("there is no access token for this shop")
        if of_simulator(token) is not self._settings.simulated:
            raise Refused("settings", "this access token belongs to another world: simulated and live are kept apart")
        return token

    async def token(self) -> Tokens:
        """A new access token for the app's own credentials (client-credentials grant); asking again is harmless."""
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.reveal(),
        }
        asked_at = self._clock()
        try:
            answer = await self._http.request(
                "POST",
                settings.auth_base + TOKEN_PATH,
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                body=urlencode(form).encode(),
            )
        except (NotSent, AnswerLost) as error:
            raise Unavailable(str(error)) from error
        if answer.status != 200:
            raise errors.token_error(answer.status, answer.headers, answer.body, asked_at)
        try:
            given = msgspec.json.decode(answer.body, type=TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WireDrift(f"not a token answer: {error}") from error  # the body may hold a token: it is not kept
        if of_simulator(given.access_token) is not settings.simulated:
            raise Refused("settings", "the token that came back belongs to another world")
        return Tokens(
            access=given.access_token,
            access_expires_at=int(asked_at) + given.expires_in if given.expires_in else None,
            scopes=tuple(scope for scope in given.scope.replace(" ", ",").split(",") if scope),
            account=settings.domain,
        )
