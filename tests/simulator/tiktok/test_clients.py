"""Other people's clients sign and send differently; the ones that are known to work with the channel work here."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest

from tests.simulator.wire import RETURNS, Reply, Wire, signature

ORDERS = "/order/202309/orders/search"
JSON = "application/json"


async def _send(
    wire: Wire, path: str, sent: bytes, signed: bytes, query: dict[str, str] | None = None, **options: Any
) -> Reply:
    """A call that sends some bytes and has signed those or others."""
    full = wire.query(path, query or {}, signed)
    headers = {"x-tts-access-token": wire.token, "Content-Type": options.get("media", JSON)}
    return await wire.send(options.get("method", "POST"), path, full, sent, headers)


@pytest.mark.parametrize("version", ["202309", "202602"])
@pytest.mark.parametrize("signed", [b"{}", b""])
async def test_the_empty_object_signed_or_not(wire: Wire, version: str, signed: bytes) -> None:
    wire.ask()
    reply = await _send(wire, f"/return_refund/{version}/returns/search", b"{}", signed)
    assert (reply.code, reply.data["total_count"]) == (0, 1)


async def test_nothing_else_may_be_left_out_of_the_signature(wire: Wire) -> None:
    for sent in (b'{"locale":"en"}', b"{ }", b"[]"):
        assert (await _send(wire, RETURNS, sent, b"")).code == 106001, sent
    assert (await _send(wire, RETURNS, b"{}", b'{"locale":"en"}')).code == 106001


async def test_no_body_at_all(wire: Wire) -> None:
    wire.ask()
    assert (await _send(wire, RETURNS, b"", b"")).data["total_count"] == 1


@pytest.mark.parametrize("signed", [b'{"a": 1}', b""])
async def test_a_get_with_a_body(wire: Wire, signed: bytes) -> None:
    reply = await _send(wire, "/logistics/202309/warehouses", b'{"a": 1}', signed, method="GET")
    assert reply.code == 0


async def test_json_written_again_with_blanks_and_escapes(wire: Wire) -> None:
    value = {"locale": "en", "order_ids": ["é"]}
    blanks, compact = json.dumps(value).encode(), json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert (await _send(wire, RETURNS, blanks, blanks)).code == 0
    assert (await _send(wire, RETURNS, compact, compact)).code == 0
    # What is signed has to be what is sent, whichever it is.
    assert (await _send(wire, RETURNS, compact, blanks)).code == 106001


@pytest.mark.parametrize("media", [JSON, "application/json; charset=utf-8", "Application/JSON"])
async def test_spellings_of_the_content_type(wire: Wire, media: str) -> None:
    raw = b'{"locale":"en"}'
    assert (await _send(wire, RETURNS, raw, raw, media=media)).code == 0


async def test_lists_extra_and_empty_parameters(wire: Wire) -> None:
    ids = [wire.order().id for _ in range(2)]
    path = "/order/202507/orders"
    for extra in ({}, {"version": "202507"}, {"shop_id": wire.shop.id, "Zebra": "1", "_x": "2"}, {"empty": ""}):
        query = {"ids": ",".join(ids), **extra}
        reply = await _send(wire, path, b"", b"", query, method="GET")
        assert [order["id"] for order in reply.data["orders"]] == ids


async def test_the_token_in_the_query_is_not_signed(wire: Wire) -> None:
    full = wire.query(ORDERS, {"page_size": "10"}, b"{}")
    full["access_token"] = wire.token
    headers = {"x-tts-access-token": wire.token, "Content-Type": JSON}
    assert (await wire.send("POST", ORDERS, full, b"{}", headers)).code == 0


async def test_keys_are_sorted_by_code_unit(wire: Wire) -> None:
    """Sorting as words of a language puts small letters before capitals: such a signature is wrong."""
    query = {
        "app_key": wire.sim.app.app_key,
        "Zebra": "1",
        "page_size": "10",
        "shop_cipher": wire.shop.cipher,
        "timestamp": str(int(time.time())),
    }
    headers = {"x-tts-access-token": wire.token, "Content-Type": JSON}
    right = {**query, "sign": signature(wire.sim.app.app_secret, ORDERS, query, b"{}")}
    assert (await wire.send("POST", ORDERS, right, b"{}", headers)).code == 0
    pairs = "".join(key + query[key] for key in sorted(query, key=str.lower))
    as_words = {**query, "sign": signature(wire.sim.app.app_secret, ORDERS + pairs, {}, b"{}")}
    assert (await wire.send("POST", ORDERS, as_words, b"{}", headers)).code == 106001


async def test_a_label_for_a_parcel_instead_of_a_return(wire: Wire) -> None:
    case = wire.ask(shipment="SELLER", auto_approve=True)
    form = aiohttp.FormData()
    form.add_field("tracking_number", "1Z1")
    form.add_field("return_provider_id", next(iter(wire.shop.carriers)))
    form.add_field("return_shipping_label", b"%PDF-1.4", filename="label.pdf")
    path = "/return_refund/202405/returns/shipping_documents"
    query = {"return_ids": case.rma_id, "return_id_type": "RMA"}
    assert (await wire.upload(path, form, query)).code == 0
    assert case.label is not None
