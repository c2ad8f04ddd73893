"""The description of the API (OpenAPI), as files; no viewer that would load code from elsewhere."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The kind of error, the same for each status"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, for a person"},
        "instance": {"type": "string"},
        "todo": {"type": "string", "description": "What to do, where a login did not work"},
        "errors": {"description": "Which fields could not be read, with 400"},
    },
}
MONEY = {
    "type": "array",
    "description": 'Minor units and the currency, such as [1250, "USD"]',
    "prefixItems": [{"type": "integer"}, {"type": "string"}],
    "minItems": 2,
    "maxItems": 2,
}
STATUSES = (
    "A problem: 400 could not be read, 401 no token or not a valid one, 403 the token's role may not, 404 there is no "
    "such thing, 409 no longer possible, 413 too large, 422 does not fit, 502 the vendor could not be asked, 503 the "
    "database does not answer (try again)."
)


def openapi(version: str) -> OpenAPIConfig:
    """The description of the API under ``/schema``."""
    return OpenAPIConfig(
        title="Backhaul",
        version=version or "0",
        description=(
            "Times are Unix seconds by the shop's clock, amounts are in minor units of their currency. "
            "Commands take an Idempotency-Key: a repeat with the same key gets the first answer. "
            "Errors are problem documents (RFC 9457)."
        ),
        path="/schema",
        render_plugins=[_Json(path=["/", "/openapi.json"]), _Yaml()],
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        use_handler_docstrings=True,
    )


class _Json(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _as_sent(openapi_schema))


class _Yaml(YamlRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _as_sent(openapi_schema))


def _as_sent(schema: dict[str, Any]) -> dict[str, Any]:
    """With our errors in place of the framework's, whose shape we do not send, and money as the pair that it is."""
    reference = {"$ref": "#/components/schemas/Problem"}
    answer = {"description": STATUSES, "content": {"application/problem+json": {"schema": reference}}}
    paths = {
        path: {
            method: {
                **operation,
                "responses": {
                    **{status: each for status, each in operation["responses"].items() if status < "400"},
                    "default": answer,
                },
            }
            for method, operation in methods.items()
        }
        for path, methods in schema["paths"].items()
    }
    components = schema["components"]
    schemas = {**components["schemas"], "Problem": PROBLEM, "Money": MONEY}
    return {**schema, "paths": paths, "components": {**components, "schemas": schemas}}
