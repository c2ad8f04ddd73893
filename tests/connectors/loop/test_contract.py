"""Every request of ours against the independent description of the API."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from backhaul.connectors.loop.webhooks import TOPIC_OF
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.kit.http import Answer, HttpClient
from tests.connectors.desk_suite import DeskSuite
from tests.connectors.loop.conftest import Stage
from tests.skips import needs_spec

SPEC = Path(__file__).resolve().parents[4] / "shared" / "specs" / "loop.openapi.yaml"
pytestmark = needs_spec("loop.openapi.yaml")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
suite = DeskSuite()
# Steps that a form may lead to; the description names only those that every return takes.
OF_FORMS = re.compile(r"/draft-returns/\d+/(credit-type|returning-items/\d+/user-input/\d+)")


@lru_cache(maxsize=1)
def spec() -> dict[str, Any]:
    return dict(yaml.load(SPEC.read_text(encoding="utf-8"), Loader=LOADER))


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation that a request is, None when the description has none."""
    for described, methods in spec()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[0-9]+", described), path):
            found: dict[str, Any] | None = methods.get(method.lower())
            return found
    return None


def problems(method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
    """What the description does not allow of a request."""
    found = operation(method, path)
    if found is None:
        return [] if OF_FORMS.fullmatch(path) else [f"{method} {path} is not described"]
    parameters = {each["name"]: each for each in found.get("parameters", ()) if each.get("in") == "query"}
    wrong = [f"{method} {path}: no parameter {name}" for name in query if name not in parameters]
    for name, value in query.items():
        kinds = parameters.get(name, {}).get("schema", {})
        if kinds.get("enum") and value not in kinds["enum"]:
            wrong.append(f"{method} {path}: {name}={value}")
        if kinds.get("type") == "integer" and not kinds.get("minimum", 0) <= int(value) <= kinds.get("maximum", 10**18):
            wrong.append(f"{method} {path}: {name}={value}")
    if "requestBody" in found:
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        rooted = {**schema, "components": spec()["components"]}
        given = {} if body is None else body
        wrong += [f"{method} {path}: {each.message}" for each in Draft202012Validator(rooted).iter_errors(given)]
        if body is None and found["requestBody"].get("required"):
            wrong.append(f"{method} {path}: no body")
    elif body is not None and "draft-returns" not in path:
        wrong.append(f"{method} {path}: a body that is not described")
    return wrong


@pytest.mark.parametrize("forms", ["plain", "named", "stepwise"])
async def test_all_we_ask_is_described(stage: Stage, forms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, dict[str, str], Any]] = []
    request = HttpClient.request

    async def noted(self: HttpClient, method: str, url: str, *, body: bytes | None = None, **more: Any) -> Answer:
        parts = urlsplit(url)
        version, _, path = parts.path.removeprefix("/api").partition("2026-10")
        assert version == "/"
        asked.append((method, path, dict(parse_qsl(parts.query)), json.loads(body) if body else None))
        return await request(self, method, url, body=body, **more)

    monkeypatch.setattr(HttpClient, "request", noted)
    stage.desk.settings.change({"forms": forms, "questions": ["Why?"], "questions_answerable": True})
    await stage.connector.shops()
    await stage.connector.subscribe(stage.address())
    next(iter(stage.desk.subscriptions.values())).status = "inactive"
    await stage.connector.subscribe(stage.address().replace("/hooks/", "/moved/hooks/"))
    sold = await stage.order(4)
    await stage.connector.desk_offer(sold.name, sold.secondary)
    for kind in (ProcessDeskReturn, CloseDeskReturn, CancelDeskReturn, RequestDeskLabel):
        await suite.do(stage, kind(await suite.opened(stage, sold)))
    return_id = stage.by_staff(await stage.order())
    await suite.do(stage, NoteDeskReturn(return_id, "x", "seen"))
    await stage.connector.desk_return(return_id)
    await stage.connector.desk_returns(sold.name)
    await stage.connector.changed_desk_returns(stage.now() - 86_400, stage.now())
    assert [found for each in asked for found in problems(*each)] == []
    assert len({(method, re.sub(r"\d+", "{}", path)) for method, path, _, _ in asked}) >= 16


def test_every_pair_of_topic_and_trigger_is_described() -> None:
    schemas = spec()["components"]["schemas"]
    assert set(TOPIC_OF) <= set(schemas["WebhooksTriggerEnum"]["enum"])
    assert set(TOPIC_OF.values()) <= set(schemas["WebhooksTopicEnum"]["enum"])


def test_a_request_that_is_not_described_is_found() -> None:
    assert problems("GET", "/warehouse/return/list", {"page_size": "5"}, None)
    assert problems("GET", "/warehouse/return/list", {"pageSize": "5000"}, None)
    assert problems("GET", "/warehouse/return/list", {"state": "gone"}, None)
    assert problems("POST", "/webhooks", {}, {"topic": "returns", "trigger": "return.created", "url": "http://x"})
    assert problems("POST", "/warehouse/return/5/note", {}, None)
    assert problems("POST", "/warehouse/return/5/reject", {}, None)
    assert problems("PATCH", "/webhooks/5", {}, None)
