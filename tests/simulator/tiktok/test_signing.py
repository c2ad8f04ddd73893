"""The simulator's signatures against the published vectors."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from backhaul.simulator.tiktok.signing import request_signature, webhook_signature
from tests.skips import needs_spec

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "specs" / "tiktok-signing-vectors.json"


def _vectors(part: str) -> list[Any]:
    if not VECTORS.exists():
        return []
    return list(json.loads(VECTORS.read_text(encoding="utf-8"))[part]["vectors"])


needs_vectors = needs_spec("tiktok-signing-vectors.json")


@needs_vectors
@pytest.mark.parametrize("vector", _vectors("request_signing"), ids=lambda vector: str(vector["id"]))
def test_request_vectors(vector: dict[str, Any]) -> None:
    signed = request_signature(
        vector["app_secret"],
        vector["request_path"],
        [(key, value) for key, value in vector["query_parameters_decoded_in_wire_order"]],
        base64.b64decode(vector["body_bytes_base64"]),
        vector["content_type_header"],
    )
    assert signed == vector["expected_sign"]


@needs_vectors
@pytest.mark.parametrize("vector", _vectors("webhook_signature"), ids=lambda vector: str(vector["id"]))
def test_webhook_vectors(vector: dict[str, Any]) -> None:
    body = base64.b64decode(vector["body_bytes_base64"])
    signed = webhook_signature(vector["app_key"], vector["app_secret"], body)
    assert (signed == vector["authorization_header_received"]) is vector["receiver_must_accept"]
    assert signed == vector.get("correct_signature", signed)
