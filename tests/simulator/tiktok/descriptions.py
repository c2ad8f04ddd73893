"""The independent description of the channel's API, and what an answer has that is not in it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.skips import SPECS

FILE = "tiktok-shop.openapi.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def spec() -> dict[str, Any]:
    return dict(yaml.load((SPECS / FILE).read_text(encoding="utf-8"), Loader=LOADER))


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    rooted = {**schema, "components": spec()["components"]}
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(rooted).iter_errors(value)]


def unknown_fields(schema: dict[str, Any], value: Any, path: str = "$") -> list[str]:
    """Fields the description does not have: a misspelt field would pass every other check."""
    while "$ref" in schema:
        schema = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, list):
        return [found for item in value for found in unknown_fields(schema.get("items", {}), item, path + "[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    missing = [f"{path}.{name}" for name in value if name not in schema["properties"]]
    return missing + [
        found
        for name, item in value.items()
        if name in schema["properties"]
        for found in unknown_fields(schema["properties"][name], item, f"{path}.{name}")
    ]


def answer_schema(path: str, method: str) -> dict[str, Any]:
    content = spec()["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    return dict(content["schema"])


def answer_problems(path: str, method: str, body: dict[str, Any]) -> list[str]:
    """What is wrong with a whole answer of an operation."""
    schema = answer_schema(path, method)
    data_schema = schema["allOf"][1]["properties"].get("data", {}) if "allOf" in schema else {}
    return problems(schema, body) + unknown_fields(data_schema, body.get("data"))
