"""Staged uploads: a place to put a file, and the address under which it is then known."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from .act import Act
from .errors import refuse

_RESOURCES = ("RETURN_LABEL", "FILE", "BULK_MUTATION_VARIABLES")


def create(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """stagedUploadsCreate; the target lies on the simulator itself."""
    targets = []
    for place, data in enumerate(args["input"]):
        if data["resource"] not in _RESOURCES:
            raise refuse(["input", str(place), "resource"], "Resource is not simulated")
        key = f"{act.shop.rng.getrandbits(96):024x}"
        method = data.get("httpMethod") or "PUT"
        act.shop.files[key] = {
            "filename": data["filename"],
            "mime_type": data["mimeType"],
            "resource": data["resource"],
            "method": method,
            "content": None,
        }
        url = f"{act.base_url}/staged/{act.shop.domain}/{key}/{data['filename']}"
        parameters = [{"name": "content_type", "value": data["mimeType"]}, {"name": "acl", "value": "private"}]
        if method == "POST":
            parameters.append({"name": "key", "value": key})
        targets.append({"url": url, "resourceUrl": url, "parameters": parameters})
    return {"stagedTargets": targets}
