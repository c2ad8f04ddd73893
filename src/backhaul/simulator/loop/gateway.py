"""The HTTP face of the desk: version in the path, key, scope, limit, moods, the log; then the operation itself.

Everything is checked in the order the vendor is thought to check it. Refusals are written to the log with their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from backhaul.simulator import faults, seen
from backhaul.simulator.limits import SlidingWindow
from backhaul.simulator.loop import errors
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.hooks import VENDOR
from backhaul.simulator.loop.model import Desk, Key
from backhaul.simulator.loop.world import SIM, LoopWorld

_VERSIONS = ("2026-10", "2026-07", "unstable", "v1")
_OLDEST = "v1"
_REFUSE_IN_200 = ("/details", "/process", "/remove", "/cancel", "/close", "/flag")
HAL = "application/prs.hal-forms+json"
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Call:
    """One admitted request. `here` is the address of the API in the version that was asked for."""

    world: LoopWorld
    desk: Desk
    key: Key
    version: str
    here: str
    args: dict[str, int]
    query: dict[str, str]
    json: dict[str, Any]
    accept: str
    text_ids: bool

    @property
    def hal(self) -> bool:
        """Whether forms are answered in the newer way: always from 2026-10 on, before it when it is asked for."""
        return self.version in ("2026-10", "unstable") or HAL in self.accept


@dataclass(slots=True)
class Answer:
    """What an operation answers when it is not just a value with 200."""

    status: int
    body: Any = None
    media: str = "application/json"
    headers: dict[str, str] | None = None


Handler = Callable[[Call], Any]


@dataclass(slots=True, frozen=True)
class Operation:
    """One operation. `family` says how a missing scope is told: `returns`, `forbidden` (403) or at the `gateway`."""

    method: str
    path: str
    handler: Handler
    scope: str
    family: str = "gateway"


class Gateway:
    """Checks, routes, answers and logs every call."""

    def __init__(self, world: LoopWorld, operations: list[Operation]) -> None:
        self._world = world
        self.operations = operations
        self._routes = [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[0-9]+)", each.path)), each) for each in operations]
        self._minute = SlidingWindow(60.0)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        version, rest = _split(request.rel_url.path)
        moods, value = self._world.moods, request.headers.get("X-Authorization", "")
        try:
            operation, args = self._route(request.method, rest)
            name = f"{operation.method} {operation.path}"
            seen.note(endpoint=name, message="Success")
            if faults.revoked(moods, VENDOR, name):
                self._world.drop_key(value)
            trouble = await faults.before(moods, VENDOR, name, request)
            if trouble is not None:
                return self._refuse(Refused(trouble.status, {"message": trouble.text}), request, trouble.headers)
            call = self._admit(request, operation, version, args, await request.read())
            if operation.path.endswith(_REFUSE_IN_200) and moods.strike(VENDOR, name, ("nested_error",)) is not None:
                raise errors.coded("Something went wrong. Please try again.", "UNEXPECTED_ERROR")
            answer = self._serve(operation, call)
        except Refused as refused:
            return self._refuse(refused, request)
        except web.HTTPException:
            raise  # a mood has cut the connection
        except Exception as error:
            self._world.books.problems.append(f"loop {request.method} {rest}: {error!r}")
            return self._refuse(Refused(500, {"message": "Server Error"}), request)
        await faults.after(moods, VENDOR, name, request)
        answer.body = faults.changed(moods, VENDOR, name, answer.body)
        return _respond(answer)

    def _route(self, method: str, rest: str) -> tuple[Operation, dict[str, int]]:
        known = False
        for pattern, operation in self._routes:
            found = pattern.fullmatch(rest)
            if found is not None:
                known = True
                if operation.method == method:
                    return operation, {name: int(value) for name, value in found.groupdict().items()}
        raise errors.bare(
            "The method is not supported for this route." if known else "Not Found", 405 if known else 404
        )

    def _admit(
        self, request: web.Request, operation: Operation, version: str, args: dict[str, int], body: bytes
    ) -> Call:
        value = request.headers.get("X-Authorization", "")
        known = self._world.key(value)
        if known is None:
            wanted = f"a key of this simulator ({SIM}...), with no word before it"
            seen.expected("header X-Authorization", wanted, seen.masked("authorization", value) or "nothing")
            raise errors.gateway()
        desk, key = known
        seen.note(desk=desk.domain)
        if not self._minute.allow(key.value, desk.settings.calls_per_minute):
            seen.expected("calls a minute of this key", f"at most {desk.settings.calls_per_minute}")
            raise errors.bare("Too Many Attempts.", 429)  # [inferred]: the words; no Retry-After is known
        if operation.scope and operation.scope not in key.scopes:
            seen.expected("scope of the key", operation.scope, ", ".join(key.scopes) or "none")
            if operation.family == "forbidden":
                raise errors.bare("Forbidden", 403)
            raise errors.no_scope() if operation.family == "returns" else errors.gateway()
        endpoint = f"{operation.method} {operation.path}"
        desk.calls[endpoint] = desk.calls.get(endpoint, 0) + 1
        base = f"{request.scheme}://{request.host}/api"
        return Call(
            self._world,
            desk,
            key,
            version or _OLDEST,
            f"{base}/{version}" if version else base,
            args,
            dict(request.query),
            _object(body),
            request.headers.get("Accept", ""),
            request.headers.get("X-Loop-Global-Identifier-Type") == "string",
        )

    @staticmethod
    def _serve(operation: Operation, call: Call) -> Answer:
        value = operation.handler(call)
        return value if isinstance(value, Answer) else Answer(200, value)

    def _refuse(self, refused: Refused, request: web.Request, headers: Mapping[str, str] | None = None) -> web.Response:
        # A refusal that rides on HTTP 200 is one all the same.
        seen.note(code=refused.status if refused.status != 200 else "REFUSED", message=refused.text)
        known = self._world.key(request.headers.get("X-Authorization", ""))
        if known is not None:
            known[0].refused.append(
                {
                    "at": self._world.clock.now(),
                    "method": request.method,
                    "path": request.rel_url.path,
                    "status": refused.status,
                    "message": refused.text,
                }
            )
        return _respond(Answer(refused.status, refused.body, refused.media, dict(headers or {})))


def application(gateway: Gateway, files: list[web.RouteDef]) -> web.Application:
    """The whole HTTP application: the API, and the files that its answers point at."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.add_routes([*files, web.route("*", "/api/{rest:.*}", gateway.handle)])
    return app


def _split(path: str) -> tuple[str, str]:
    """Version and rest of a path; the version is empty when none is named."""
    _, _, tail = path.partition("/api")
    for version in _VERSIONS:
        if tail.startswith(f"/{version}/"):
            return version, tail[len(version) + 1 :]
    return "", tail


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested without end
        raise errors.bare("The body is not JSON.", 400) from None
    if not isinstance(value, dict):
        # PHP writes an empty object as an empty list, and so do its clients.
        if value == []:
            return {}
        raise errors.bare("The body must be a JSON object.", 400)
    return value


def _respond(answer: Answer) -> web.Response:
    if answer.status == 204:
        return web.Response(status=204, headers=answer.headers)
    return web.Response(
        status=answer.status, body=_encode(answer.body), content_type=answer.media, headers=answer.headers
    )
