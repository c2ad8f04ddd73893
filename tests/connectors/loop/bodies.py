"""Bodies in the vendor's shapes, made up here."""

from __future__ import annotations

from typing import Any

RETURN_ID, ORDER, LINE = 37603922, 5512000000123, 13220000000456


def _common(**more: Any) -> dict[str, Any]:
    return {
        "state": "open",
        "created_at": "2026-11-02 10:00:00",
        "updated_at": "2026-11-03 09:30:00",
        "edited_at": None,
        "total": "63.30",
        "refund": "58.30",
        "handling_fee": "5.00",
        "currency": "USD",
        "order_name": "#1001",
        "customer": "buyer@example.com",
        "carrier": "N/A",
        "tracking_number": "N/A",
        "label_status": None,
        "labels": [],
        "status_page_url": "https://made-up.example.com/#/status/1",
        "was_processed": False,
        "outcomes_processed_at": {"refund_processed": None, "exchange_processed": None, "return_processed": None},
        **more,
    }


def details(**more: Any) -> dict[str, Any]:
    """A return as the details show it."""
    line = {
        "line_item_id": 901,
        "provider_line_item_id": LINE,
        "title": "Mug",
        "sku": "MUG-RED",
        "refund": "63.30",
        "outcome": "default",
        "returned_at": None,
        "condition": None,
        "disposition": None,
        "reason": "Too small",
        "parent_reason": "Fit",
    }
    return {**_common(id=RETURN_ID, order_id=77, provider_order_id=ORDER, line_items=[line]), **more}


def listed(**more: Any) -> dict[str, Any]:
    """The same return as the list shows it."""
    line = {
        "line_item_id": "901",
        "provider_line_item_id": str(LINE),
        "title": "Mug",
        "sku": "MUG-RED",
        "refund": "63.30",
        "outcome": "refund",
        "returned_at": None,
        "return_reason": "Too small",
        "parent_return_reason": "Fit",
    }
    shown = _common(id=str(RETURN_ID), order_id="77", provider_order_id=str(ORDER), line_items=[line])
    return {**shown, "exchanges": [], "shopify_refund_object": [], **more}


def item(ident: int = 901, **more: Any) -> dict[str, Any]:
    """A piece of the order, as a draft return shows it."""
    return {
        "id": ident,
        "provider_line_item_id": LINE,
        "sku": "MUG-RED",
        "title": "Mug",
        "price": 6330,
        "available_outcomes": [{"type": "exchange"}, {"type": "refund"}],
        "return_reasons": [
            {"id": 1, "name": "Fit", "children": [{"id": 11, "name": "Too small"}, {"id": 12, "name": "Other"}]},
            {"id": 2, "name": "Quality", "children": [{"id": 21, "name": "Defective"}, {"id": 22, "name": "Other"}]},
            {"id": 3, "name": "Just so", "children": []},
        ],
        **more,
    }


def form(rel: str, *fields: dict[str, Any], path: str = "", method: str = "POST") -> tuple[str, dict[str, Any], str]:
    """A step of a draft: its name, its template, and where it goes."""
    template = {"method": method, "title": rel, "contentType": "application/json", "properties": list(fields)}
    return rel, template, f"/api/2026-10/draft-returns/43{path or '/' + rel}"


def draft(*forms: tuple[str, dict[str, Any], str], base: str = "", **more: Any) -> dict[str, Any]:
    """A draft return's answer with these steps open."""
    address = {"name": "A Buyer", "address1": "12 Oak Ave", "city": "Reno", "zip": "89501", "country_code": "US"}
    links = {rel: {"href": base + where} for rel, _, where in forms}
    return {
        "draft_return": {"id": 43, "state": "created", "return_id": None, "shipping_address": address, **more},
        "context": {"items_eligible_to_return": [{"order_line_item_id": 901}], "items_not_eligible_to_return": []},
        "_links": {"self": {"href": f"{base}/api/2026-10/draft-returns/43"}, **links},
        "_templates": {rel: template for rel, template, _ in forms},
        "client_application": None,
        "errors": [],
    }
