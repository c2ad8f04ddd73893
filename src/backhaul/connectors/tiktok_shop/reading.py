"""Pure: a row of an answer into its shape, whatever types the channel gives its texts and numbers today."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from backhaul.ports.errors import WireDrift

Row = dict[str, Any]
Shape = TypeVar("Shape", bound=msgspec.Struct)
_LONGEST_SHOWN = 200


def shape(row: Any, kind: type[Shape], what: str) -> Shape:
    """The row in its shape; WireDrift with the row when it does not fit."""
    try:
        return shaped(row, kind)
    except msgspec.ValidationError as error:
        raise WireDrift(f"{what}: {error}", msgspec.json.encode(row)) from None


def shaped(row: Any, shape: type[Shape]) -> Shape:
    """The row in its shape; numbers may come as text, ids as numbers, absent fields as null. Raises
    msgspec.ValidationError."""
    try:
        return msgspec.convert(row, shape, strict=False)
    except msgspec.ValidationError:
        return msgspec.convert(_plainly(row), shape, strict=False)


def _plainly(value: Any) -> Any:
    """Without nulls, and whole numbers as the texts that every field takes."""
    if isinstance(value, dict):
        return {name: _plainly(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_plainly(part) for part in value if part is not None]
    return plain(value) or value


def plain(value: Any) -> str:
    """A text, or a whole number as one; "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def unknown_fields(row: dict[str, Any], shape: type[msgspec.Struct], prefix: str = "") -> dict[str, str]:
    """The fields of a row that its shape does not declare, as short JSON texts."""
    known = shape.__struct_fields__
    return {
        prefix + name: msgspec.json.encode(value).decode()[:_LONGEST_SHOWN]
        for name, value in row.items()
        if name not in known
    }
