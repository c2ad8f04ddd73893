"""The channel's front door: every check in the order the channel makes it, one envelope for every answer.

path, method, version, app key, timestamp, signature, token, scope, shop cipher, rate limit, and only then the business.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from backhaul.simulator import faults, seen
from backhaul.simulator.limits import SlidingWindow
from backhaul.simulator.tiktok import why
from backhaul.simulator.tiktok.auth import SIM, App, Grant
from backhaul.simulator.tiktok.bodies import check, without_nulls
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.model import Shop
from backhaul.simulator.tiktok.signing import may_be_unsigned, request_signature, same
from backhaul.simulator.tiktok.world import Remembered, World

_PAST, _FUTURE = 300, 30
_FORM_LIMIT = 12 * 1024 * 1024
_KEY_LENGTH = 255
_Handler = Callable[["Call"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation.

    `versions` are the ones alive, `keyed` says that it honours `idempotency_key`, `body` names the types of its fields.
    """

    method: str
    domain: str
    versions: tuple[str, ...]
    rest: str
    scope: str | None
    handler: _Handler
    shop: bool = True
    keyed: bool = False
    form: bool = False
    body: Any = None


@dataclass(slots=True)
class Call:
    """One request that passed the gate."""

    world: World
    endpoint: Endpoint
    version: str
    path: str
    args: dict[str, str]
    query: dict[str, str]
    body: bytes
    request_id: str
    app: App
    grant: Grant
    shop_or_none: Shop | None
    parts: dict[str, Part] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)

    @property
    def shop(self) -> Shop:
        """The shop of a shop-level call."""
        assert self.shop_or_none is not None
        return self.shop_or_none

    def number(self, name: str, default: int | None, low: int, high: int) -> int:
        """A whole number of the query within bounds, also when it is written as text."""
        raw = self.query.get(name)
        if raw is None:
            if default is None:
                raise ApiError(25001001, f"parameter {name} is required")
            return default
        if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
            raise ApiError(25001001, f"invalid parameter {name}: {low} to {high}")
        return int(raw)

    def ids(self, name: str, most: int) -> list[str]:
        """A comma-joined list of the query."""
        found = [item for item in self.query.get(name, "").split(",") if item]
        if not found or len(found) > most:
            raise ApiError(25001001, f"invalid parameter {name}: 1 to {most} values")
        return found


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    filename: str | None
    content: bytes


class Gateway:
    """Checks, routes, answers and books every call to the API host."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_domain: dict[str, list[tuple[re.Pattern[str], Endpoint]]] = {}
        self._second = SlidingWindow(1.0)
        self._hour = SlidingWindow(3600.0)
        self._numbers = itertools.count(1)
        self._encoder = msgspec.json.Encoder()

    def add(self, endpoints: list[Endpoint]) -> None:
        """Opens operations."""
        for endpoint in endpoints:
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.rest))
            self._by_domain.setdefault(endpoint.domain, []).append((pattern, endpoint))

    def endpoints(self) -> list[Endpoint]:
        """All that is served, in the order of the paths."""
        found = (endpoint for known in self._by_domain.values() for _, endpoint in known)
        return sorted(found, key=lambda each: (each.domain, each.rest, each.method))

    def operations(self) -> list[tuple[str, str]]:
        """What is served, as method and path with its version."""
        return [
            (endpoint.method, f"/{endpoint.domain}/{version}/{endpoint.rest}")
            for known in self._by_domain.values()
            for _, endpoint in known
            for version in endpoint.versions
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        started = time.time()
        number = next(self._numbers)
        request_id = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime(started))}SIM{number:019X}"
        path = request.rel_url.raw_path
        entry: dict[str, Any] = {"request_id": request_id, "shop_id": None}
        seen.note(request_id=request_id, message="Success")
        try:
            endpoint, version, args = self._route(request.method, path)
        except ApiError as error:
            return self._refuse(error, entry, number)
        name = f"{request.method} {endpoint.domain}/{endpoint.rest}"
        seen.note(endpoint=name)
        if faults.revoked(self._world.moods, VENDOR, name):
            self._withdraw(request)
        trouble = await faults.before(self._world.moods, VENDOR, name, request)
        if trouble is not None:
            code = {429: 36009002, 503: 36009003}.get(trouble.status, 36009003)
            return self._refuse(ApiError(code, trouble.text, trouble.status), entry, number, trouble.headers)
        body = await request.read()
        parts = read_form(request.headers.get("Content-Type", ""), body) if endpoint.form else {}
        try:
            call = self._admit(request, endpoint, version, args, path, body, parts, request_id, entry)
            data = self._serve(call)
        except ApiError as error:
            case = self._world.returns.get(args.get("return_id", ""))
            if case is not None:
                seen.expected("the return as it is", "", f"{case.type}, {case.status}")
            return self._refuse(error, entry, number)
        except Exception as error:
            self._world.books.problems.append(f"{name}: {error!r}")
            return self._refuse(ApiError(36009003, "internal error", 500), entry, number)
        await faults.after(self._world.moods, VENDOR, name, request)
        data = faults.changed(self._world.moods, VENDOR, name, data)
        return self._answer(200, {"code": 0, "message": "Success", "request_id": request_id, "data": data})

    # -- the checks, in their order -----------------------------------------------------------------------------------

    def _route(self, method: str, path: str) -> tuple[Endpoint, str, dict[str, str]]:
        domain, _, tail = path.lstrip("/").partition("/")
        version, _, rest = tail.partition("/")
        fitting = [
            (endpoint, found.groupdict())
            for pattern, endpoint in self._by_domain.get(domain, [])
            if (found := pattern.fullmatch(rest)) is not None
        ]
        if not fitting:
            raise ApiError(36009009, "Invalid path, the path does not exist")
        of_version = [item for item in fitting if version in item[0].versions]
        if not of_version and not any(item[0].method == method for item in fitting):
            raise ApiError(36009010, "Invalid method")
        if not of_version:
            raise ApiError(36009014, f"Invalid API version {version}")
        for endpoint, args in of_version:
            if endpoint.method == method:
                return endpoint, version, args
        raise ApiError(36009010, "Invalid method")

    def _admit(
        self,
        request: web.Request,
        endpoint: Endpoint,
        version: str,
        args: dict[str, str],
        path: str,
        body: bytes,
        parts: dict[str, Part],
        request_id: str,
        entry: dict[str, Any],
    ) -> Call:
        pairs = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
        query = dict(pairs)
        app = self._app(query.get("app_key"))
        self._timestamp(query.get("timestamp"))
        sign = query.get("sign")
        if not sign:
            raise ApiError(36009004, "parameter sign is required")
        media = request.headers.get("Content-Type")
        signed = [body, b""] if may_be_unsigned(request.method, body) else [body]
        if not any(same(sign, request_signature(app.app_secret, path, pairs, part, media)) for part in signed):
            why.signature(app.app_secret, path, pairs, body, media, sign)
            raise ApiError(106001, "signature is invalid")
        self._content_type(request, endpoint, body)
        grant = self._world.auth.check(app, request.headers.get("x-tts-access-token"))
        if endpoint.scope is not None and endpoint.scope not in grant.scopes:
            seen.expected("scopes of the token", endpoint.scope, ", ".join(grant.scopes))
            raise ApiError(105005, f"access denied, scope {endpoint.scope} is required")
        shop = self._shop(endpoint, grant, query)
        entry["shop_id"] = shop.id if shop is not None else None
        seen.note(shop_id=entry["shop_id"])
        self._limit(endpoint, app, shop)
        books = self._world.books.of(entry["shop_id"])
        books.calls += 1
        books.by_endpoint[f"{endpoint.method} {endpoint.domain}/{endpoint.rest}"] += 1
        call = Call(self._world, endpoint, version, path, args, query, body, request_id, app, grant, shop, parts)
        if body and not endpoint.form:
            call.json = without_nulls(_json_object(body))
            if endpoint.body is not None:
                check(call.json, endpoint.body, 25001001 if endpoint.domain == "return_refund" else 98001004)
        return call

    def _app(self, app_key: str | None) -> App:
        if not app_key:
            raise ApiError(36009004, "parameter app_key is required")
        app = self._world.auth.apps.get(app_key)
        if app is None:
            seen.expected("app_key", " or ".join(self._world.auth.apps), app_key)
            hint = "" if app_key.startswith(SIM) else ": this is a simulator, app keys of real apps are refused"
            raise ApiError(36009004, f"app_key is invalid{hint}")
        return app

    def _timestamp(self, text: str | None) -> None:
        if not text or not text.isascii() or not text.isdigit():
            raise ApiError(36009004, "parameter timestamp is required, Unix seconds")
        now = time.time() + self.skew()
        if not now - _PAST <= int(text) <= now + _FUTURE:
            seen.expected("timestamp, Unix seconds", f"{now - _PAST:.0f} to {now + _FUTURE:.0f}", text)
            raise ApiError(36009004, "timestamp is out of the accepted window")

    def _withdraw(self, request: web.Request) -> None:
        """The seller withdraws the authorisation behind this call, a moment before it arrives."""
        grant = self._world.auth.behind(request.headers.get("x-tts-access-token"))
        if grant is not None and not grant.revoked:
            self._world.events.authorisation_ended(grant, "the seller withdrew the authorization")
            self._world.auth.revoke(grant)

    def skew(self) -> float:
        """How far the gateway's clock is off, in seconds (the largest of all shops' switches)."""
        return max((shop.switches.clock_skew_seconds for shop in self._world.shops.values()), default=0.0, key=abs)

    @staticmethod
    def _content_type(request: web.Request, endpoint: Endpoint, body: bytes) -> None:
        media = request.content_type
        wanted = "multipart/form-data" if endpoint.form else "application/json"
        if (endpoint.form or body) and media != wanted:
            seen.expected("header Content-Type", wanted, request.headers.get("Content-Type", "(none)"))
        if endpoint.form and media != "multipart/form-data":
            raise ApiError(36009022, "content type must be multipart/form-data")
        if not endpoint.form and body and media != "application/json":
            raise ApiError(36009023, "content type must be application/json")
        if len(body) > _FORM_LIMIT:
            raise ApiError(36009021, "body is too large")

    def _shop(self, endpoint: Endpoint, grant: Grant, query: dict[str, str]) -> Shop | None:
        cipher = query.get("shop_cipher")
        if not endpoint.shop:
            if cipher is not None:
                raise ApiError(36009004, "unexpected parameter shop_cipher")
            return None
        if not cipher:
            raise ApiError(106013, "shop_cipher is required")
        shop = self._world.shop_by_cipher(cipher)
        if shop is None or shop.id not in grant.shop_ids:
            known = [self._world.shops[shop_id].cipher for shop_id in grant.shop_ids]
            seen.expected("shop_cipher of this token", " or ".join(known), cipher)
            raise ApiError(101000, "shop_cipher does not match the access token")
        if not shop.active:
            raise ApiError(105001, "shop is inactive")
        return shop

    def _limit(self, endpoint: Endpoint, app: App, shop: Shop | None) -> None:
        key = (endpoint.method, endpoint.domain, endpoint.rest, app.app_key, shop.id if shop else "")
        per_second = shop.switches.rate_per_second if shop else 50
        per_hour = shop.switches.calls_per_hour if shop else 0
        fits = self._second.allow(key, per_second)
        if fits and per_hour and shop is not None:
            fits = self._hour.allow(shop.id, per_hour)
        if not fits:
            self._world.books.of(shop.id if shop else None).limited += 1
            raise ApiError(36009002, "too many requests")

    # -- the business -------------------------------------------------------------------------------------------------

    def _serve(self, call: Call) -> dict[str, Any]:
        key = call.query.get("idempotency_key") if call.endpoint.keyed else None
        if key is None:
            return call.endpoint.handler(call)
        if len(key) > _KEY_LENGTH:
            raise ApiError(25001001, f"invalid parameter idempotency_key: at most {_KEY_LENGTH} characters")
        place = (call.app.app_key, call.shop.id, call.path, key)
        digest = hashlib.sha256(call.body).digest()
        now = self._world.clock.now()
        known = self._world.remembered.get(place)
        if known is not None and known.at + call.shop.switches.key_memory_seconds > now:
            if known.body != digest:
                raise ApiError(25001001, "idempotency_key was used with another body")
            self._world.books.of(call.shop.id).repeats += 1
            return known.data
        data = call.endpoint.handler(call)
        # Only what happened is remembered: a call that was refused may be tried again under the same key.
        self._world.remembered[place] = Remembered(digest, data, now)
        return data

    # -- the answers --------------------------------------------------------------------------------------------------

    def _refuse(
        self, error: ApiError, entry: dict[str, Any], number: int, headers: dict[str, str] | None = None
    ) -> web.Response:
        seen.note(code=error.code, message=error.message)
        why.code(error.code)
        self._world.books.of(entry["shop_id"]).refused[str(error.code)] += 1
        statuses = error.statuses()
        body: dict[str, Any] = {"code": error.code, "message": error.message, "request_id": entry["request_id"]}
        if number % 3 == 0:
            body["data"] = None
        elif number % 3 == 1:
            body["data"] = {}
        return self._answer(statuses[number % len(statuses)], body, headers)

    def _answer(self, status: int, body: dict[str, Any], more: dict[str, str] | None = None) -> web.Response:
        headers = dict(more or {})
        skew = self.skew()
        if skew:
            headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + skew))
        return web.Response(
            status=status, body=self._encoder.encode(body), content_type="application/json", headers=headers
        )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested without end
        raise ApiError(36009004, "body is not JSON") from None
    if not isinstance(value, dict):
        raise ApiError(36009004, "body is not a JSON object")
    return value


def read_form(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of a multipart/form-data body by name; empty when it is not one."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        return {}
    parts: dict[str, Part] = {}
    for block in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:]:
        head, found, content = block.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if block.startswith(b"--") or not found:
            continue
        described = BytesParser().parsebytes(head, headersonly=True)
        name = described.get_param("name", header="Content-Disposition")
        if isinstance(name, str):
            parts[name] = Part(described.get_filename(), content)
    return parts
