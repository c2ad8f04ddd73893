"""Errors in the words, codes and paths of the vendor's server, as far as those are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, GraphQLError
from graphql.language import Node


def entry(error: GraphQLError, code: str, path: list[str] | None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"message": error.message}
    if error.locations:
        found["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if path is not None:
        found["path"] = path
    found["extensions"] = {"code": code, **more}
    return found


def execution(error: GraphQLError) -> dict[str, Any]:
    found = error.formatted
    result: dict[str, Any] = {"message": found["message"]}
    if "locations" in found:
        result["locations"] = found["locations"]
    if "path" in found:
        result["path"] = found["path"]
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    result["extensions"] = dict(found.get("extensions") or {"code": "INTERNAL_SERVER_ERROR"})
    return result


# The library's words, the vendor's code, the vendor's words, and what the extensions call the parts.
_RULES = (
    (
        re.compile(r"Cannot query field '(\w+)' on type '(\w+)'"),
        "undefinedField",
        "Field '{0}' doesn't exist on type '{1}'",
        ("fieldName", "typeName"),
    ),
    (
        re.compile(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'"),
        "argumentNotAccepted",
        "Field '{2}' doesn't accept argument '{0}'",
        ("argumentName", "typeName", "name"),
    ),
    (
        re.compile(r"Field '(\w+)' argument '(\w+)' of type '([^']+)' is required"),
        "missingRequiredArguments",
        "Field '{0}' is missing required arguments: {1}",
        ("name", "arguments", "type"),
    ),
    (
        re.compile(r"Field '(\w+)' of type '([^']+)' must have a selection of subfields"),
        "selectionMismatch",
        "Field must have selections (field '{0}' returns {1} but has no selections)",
        ("nodeName", "typeName"),
    ),
    (
        re.compile(r"Unknown type '(\w+)'"),
        "undefinedType",
        "{0} isn't a defined input type",
        ("typeName",),
    ),
    (
        re.compile(r"Variable '\$(\w+)' is not defined"),
        "variableNotDefined",
        "Variable ${0} is used but not declared",
        ("variableName",),
    ),
    (
        re.compile(r"Variable '\$(\w+)' is never used"),
        "variableNotUsed",
        "Variable ${0} is declared but not used",
        ("variableName",),
    ),
    (
        re.compile(r"Unknown directive '@(\w+)'"),
        "undefinedDirective",
        "Directive @{0} is not defined",
        ("directiveName",),
    ),
)


def validation(error: GraphQLError, document: DocumentNode) -> dict[str, Any]:
    """A validation error in the words of the vendor's server, with the path to the place in the query."""
    path = _path(document, error.nodes[0]) if error.nodes else None
    for pattern, code, text, names in _RULES:
        found = pattern.search(error.message)
        if found is not None:
            values = found.groups()
            made = entry(error, code, path, **dict(zip(names, values, strict=True)))
            made["message"] = text.format(*values)
            return made
    return entry(error, "argumentLiteralsIncompatible", path)


def _path(document: DocumentNode, wanted: Node) -> list[str]:
    def walk(node: Any, trail: list[str]) -> list[str] | None:
        label = trail
        if node.kind == "operation_definition":
            name = f" {node.name.value}" if node.name else ""
            label = [*trail, f"{node.operation.value}{name}"]
        elif node.kind == "fragment_definition":
            label = [*trail, f"fragment {node.name.value}"]
        elif node.kind in ("field", "argument", "object_field"):
            label = [*trail, node.alias.value if node.kind == "field" and node.alias else node.name.value]
        elif node.kind == "inline_fragment":
            label = [*trail, f"... on {node.type_condition.name.value}" if node.type_condition else "..."]
        if node is wanted:
            return label
        for key in node.keys:
            value = getattr(node, key, None)
            for child in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(child, Node):
                    found = walk(child, label)
                    if found is not None:
                        return found
        return None

    return walk(document, []) or []


_VARIABLE = re.compile(r"Variable '\$(\w+)' got invalid value (.*?)(?: at '([^']+)')?; (.*)", re.DOTALL)
_REQUIRED = re.compile(
    r"Variable '\$(\w+)' of (?:required|non-null) type '[^']+' (?:was not provided|must not be null)"
)


def variable(error: GraphQLError, variables: Mapping[str, Any]) -> dict[str, Any]:
    """A refused variable as INVALID_VARIABLE with its problems, as the vendor lists them."""
    if error.extensions and error.extensions.get("code"):
        return entry(error, str(error.extensions["code"]), None)
    name, path, why = "", [], error.message
    found = _VARIABLE.search(error.message)
    if found is not None:
        name, why = found.group(1), found.group(4)
        path = [int(p) if p.isdigit() else p for p in re.findall(r"\w+", found.group(3) or "")[1:]]
        missing = re.match(r"Field '(\w+)' of required type '[^']+' was not provided", why)
        if missing is not None:
            path, why = [*path, missing.group(1)], "Expected value to not be null"
    else:
        required = _REQUIRED.search(error.message)
        if required is not None:
            name, why = required.group(1), "Expected value to not be null"
    where = f" for {'.'.join(str(part) for part in path)}" if path else ""
    made = entry(
        error,
        "INVALID_VARIABLE",
        None,
        value=variables.get(name),
        problems=[{"path": path, "explanation": why}],
    )
    made["message"] = f"Variable ${name} was provided invalid value{where} ({why})"
    return made
