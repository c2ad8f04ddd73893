"""Draft returns: forms that differ from shop to shop, both ways of writing them, and what a workflow does to them."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator

from .desk import HAL, DeskClient, fill


@pytest.mark.parametrize("forms", ["plain", "named", "stepwise"])
async def test_a_client_that_follows_the_forms_gets_through(client: DeskClient, desk: Desk, forms: str) -> None:
    desk.settings.change({"forms": forms})
    each = await client.create(client.order("MUG-GRN", "LIP-MNT"), "LIP-MNT", reason="Missing parts")
    (line,) = each.lines
    assert (line.unit.sku, line.parent_reason, line.reason, line.outcome) == (
        "LIP-MNT",
        "Quality",
        "Missing parts",
        "refund",
    )


async def test_field_names_by_heart_work_in_one_shop_and_not_in_another(client: DeskClient, desk: Desk) -> None:
    document = (await client.begin(client.order())).body
    items = (await client.call("GET", f"/draft-returns/{document['draft_return']['id']}/order/items")).body["items"]
    known = fill(document["_templates"]["add-returning-item"], items, "refund", "Defective")
    desk.settings.change({"forms": "named"})
    refused = await client.call("POST", document["_links"]["add-returning-item"]["href"], known)
    assert (refused.status, len(refused.body["errors"])) == (422, 1)
    assert refused.body["draft_return"]["returning_items"] == []
    assert "add-returning-item" in refused.body["_links"]


async def test_submit_is_offered_only_when_it_can_be_done(client: DeskClient) -> None:
    document = (await client.begin(client.order())).body
    draft_id = document["draft_return"]["id"]
    early = await client.call("POST", f"/draft-returns/{draft_id}/submit")
    assert (early.status, early.body["errors"][0]["code"]) == (422, "action-not-available")
    assert "finalize-items" not in document["_links"]
    added = (await client.fill_item(document, "MUG-GRN")).body
    assert "submit-draft-return" not in added["_links"]
    final = (await client.call("POST", added["_links"]["finalize-items"]["href"])).body
    assert "submit-draft-return" in final["_links"]
    assert "add-returning-item" not in final["_links"]
    done = (await client.call("POST", final["_links"]["submit-draft-return"]["href"])).body
    assert (done["draft_return"]["state"], set(done["_links"])) == ("submitted", {"self"})
    again = await client.call("POST", f"/draft-returns/{draft_id}/submit")
    assert again.status == 422


async def test_an_order_without_an_address_wants_one(sim: Simulator, client: DeskClient) -> None:
    order = client.order()
    assert order.shipping_address is not None
    order.shipping_address.address1 = None
    document = (await client.fill_item((await client.begin(order)).body, "MUG-GRN")).body
    final = (await client.call("POST", document["_links"]["finalize-items"]["href"])).body
    assert "submit-draft-return" not in final["_links"]
    wanted = [each["name"] for each in final["_templates"]["set-address"]["properties"] if each["required"]]
    href = final["_links"]["set-address"]["href"]
    assert (await client.call("POST", href, {"zip": "10001"})).body["errors"][0]["code"] == "invalid-address"
    given = await client.call("POST", href, {**dict.fromkeys(wanted, "x"), "country_code": "US"})
    assert "submit-draft-return" in given.body["_links"]


@pytest.mark.parametrize(("lookup", "fits"), [("zip", "zip"), ("email", "email"), ("phone", "phone"), ("any", "email")])
async def test_the_second_input_must_fit(client: DeskClient, desk: Desk, lookup: str, fits: str) -> None:
    desk.settings.change({"lookup": lookup})
    order = client.order()
    assert order.shipping_address is not None
    order.shipping_address.phone = "+1 (555) 010-9999"
    second = {"zip": order.shipping_address.zip, "email": order.email, "phone": "15550109999"}[fits]
    assert (await client.begin(order, second)).status == 200
    wrong = await client.begin(order, "nothing like it")
    assert (wrong.status, wrong.body["errors"][0]["code"]) == (422, "order-not-found")
    name = {"order_name": order.name.lstrip("#"), "secondary_input": second}
    assert (await client.call("POST", "/draft-returns", name)).status == 200


async def test_older_versions_write_links_unless_forms_are_asked_for(sim: Simulator, client: DeskClient) -> None:
    order = client.order()
    for version, asked, newer in (
        ("/2026-10", False, True),
        ("/unstable", False, True),
        ("/2026-07", False, False),
        ("/v1", False, False),
        ("", False, False),
        ("/v1", True, True),
    ):
        client.api = f"{sim.addresses['loop']}/api{version}"
        headers = {"Accept": HAL} if asked else {}
        assert order.shipping_address is not None
        body = {"order_name": order.name, "secondary_input": order.shipping_address.zip}
        reply = await client.call("POST", "/draft-returns", body, headers=headers)
        assert ("_templates" in reply.body, "links" in reply.body) == (newer, not newer), version
        assert (reply.media == HAL) is newer
        entry = await client.call("GET", "/draft-returns", headers=headers)
        assert entry.status == (200 if newer else 422)
        links = reply.body.get("links") or [{"href": reply.body["_links"]["self"]["href"]}]
        assert all(each["href"].startswith(client.api + "/draft-returns/") for each in links)
    assert entry.body["_templates"]["initialize"]["properties"][0]["name"] == "order_name"


async def test_reasons_are_two_levels_and_case_counts(client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"forms": "named", "reasons": {"Quality": ["defective", "Defective"], "Fit": ["Too small"]}})
    document = (await client.begin(client.order())).body
    tree = document["context"]["return_reasons"]
    assert [(each["name"], [child["name"] for child in each["children"]]) for each in tree] == [
        ("Quality", ["defective", "Defective"]),
        ("Fit", ["Too small"]),
    ]
    good: dict[str, Any] = {
        each["name"]: each["value"]
        for each in document["_templates"]["add-returning-item"]["properties"]
        if "value" in each
    }
    item = document["context"]["items_eligible_to_return"][0]["order_line_item_id"]
    good |= {"line_item": str(item), "outcome": "refund"}
    href = document["_links"]["add-returning-item"]["href"]
    for parent, child in (("Quality", "DEFECTIVE"), ("quality", "Defective"), ("Fit", "Defective"), ("", "")):
        refused = await client.call("POST", href, {**good, "parent_reason": parent, "reason": child})
        assert refused.body["errors"][0]["code"] == "invalid-return-reason"
    taken = await client.call("POST", href, {**good, "parent_reason": "Quality", "reason": "defective"})
    assert taken.body["draft_return"]["returning_items"][0]["reason"]["name"] == "defective"


async def test_pieces_can_be_taken_out_again_and_drafts_given_up(client: DeskClient) -> None:
    document = (await client.begin(client.order("MUG-GRN", "MUG-GRN"))).body
    one = (await client.fill_item(document, "MUG-GRN")).body
    two = (await client.fill_item(one, "MUG-GRN")).body
    ids = [each["order_line_item_id"] for each in two["draft_return"]["returning_items"]]
    assert len(set(ids)) == 2
    assert "add-returning-item" not in two["_links"]
    less = (await client.call("DELETE", two["_links"]["remove-returning-item"]["href"])).body
    assert len(less["draft_return"]["returning_items"]) == 1
    gone = (await client.call("POST", less["_links"]["cancel-draft-return"]["href"])).body
    assert gone["draft_return"]["state"] == "cancelled"
    assert (await client.call("GET", "/draft-returns/1")).status == 404
