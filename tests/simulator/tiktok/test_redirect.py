"""Where the return button of the buyer's app leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backhaul.simulator import snapshot
from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.redirect import Redirect
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START

ADDRESS = "http://127.0.0.1:8480/portal/7?order={order}&zip={zip}"
SHOP_SPECS = [ShopSpec(name="One"), ShopSpec(name="Two", region="GB")]


def test_values_are_percent_encoded() -> None:
    redirect = Redirect().change({"allowed": True, "address": ADDRESS})
    assert redirect.filled("5766", "LS1 4AP").endswith("?order=5766&zip=LS1%204AP")
    odd = redirect.filled("5766", "a&b=c/#é+%")
    assert parse_qs(urlsplit(odd).query) == {"order": ["5766"], "zip": ["a&b=c/#é+%"]}
    # A value that looks like a placeholder is a value.
    assert parse_qs(urlsplit(redirect.filled("{zip}", "1")).query)["order"] == ["{zip}"]


@pytest.mark.parametrize(
    "address",
    [
        "https://returns.merchant.com/tiktok/{order}/{zip}",  # a link that is shown; nothing goes there
        "http://[::1]:8480/portal/7?o={order}",
        "https://returns.merchant.com/",
        "  http://127.0.0.1/{zip}?order={order}&again={order}#{zip} ",
    ],
)
def test_any_address_that_a_browser_can_open_is_taken(address: str) -> None:
    assert Redirect(allowed=True).change({"address": address}).filled("1", "2").startswith("http")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"address": "portal/7?order={order}"}, "must begin with http:// or https://"),
        ({"address": "javascript:alert({order})"}, "must begin with http:// or https://"),
        ({"address": "http:///portal"}, "must begin with http:// or https:// and a host"),
        ({"address": "http://h/?order={order_id}"}, r"unknown placeholder \{order_id\}; known: \{order\} and \{zip\}"),
        ({"address": "http://h/?order={}"}, r"unknown placeholder \{\}"),
        ({"address": "http://h/?order={order"}, "no counterpart"),
        ({"address": "http://h/?order={{order}}"}, "no counterpart"),
        ({"address": "http://{order}.h/"}, "behind the host"),
        ({"address": "http://h/a b"}, "no spaces"),
        ({"address": "http://h/a\nb"}, "no spaces"),
        ({"address": "http://h:port/"}, "is not an address"),
        ({"address": "http://[h/"}, "is not an address"),
        ({"address": 7}, "must be a text"),
        ({"allowed": "no"}, "true or false"),
        ({"allow": True}, "unknown: allow; a redirect has allowed, address"),
        ("http://h/", "is an object with allowed, address"),
    ],
)
def test_a_mistake_is_told_in_words(values: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Redirect(allowed=True, address=ADDRESS).change(values)


async def test_the_button_leads_away_only_where_the_channel_allows_it_and_an_address_is_there(
    sim: Simulator, control: ControlClient
) -> None:
    _, shop = sim.channel.world.shops.values()
    order = await control.place_order(shop.id, [{"sku": "MUG-GRN"}])
    postal_code = sim.channel.world.orders[order["id"]].buyer.postal_code
    assert await control.return_button(order["id"]) is None
    await control.change_shop(shop.id, redirect={"address": ADDRESS})
    assert await control.return_button(order["id"]) is None
    changed = await control.change_shop(shop.id, redirect={"allowed": True})
    assert changed["redirect"] == {"allowed": True, "address": ADDRESS}
    address = await control.return_button(order["id"])
    assert address is not None
    assert " " in postal_code
    assert parse_qs(urlsplit(address).query) == {"order": [order["id"]], "zip": [postal_code]}
    other = await control.place_order(next(iter(sim.channel.world.shops)), [{"sku": "MUG-GRN"}])
    assert await control.return_button(other["id"]) is None
    await control.change_shop(shop.id, redirect={"address": ""})
    assert await control.return_button(order["id"]) is None


async def test_a_mistake_changes_nothing_of_the_shop(sim: Simulator, control: ControlClient) -> None:
    shop = next(iter(sim.channel.world.shops.values()))
    with pytest.raises(ControlError, match="unknown placeholder"):
        await control.change_shop(shop.id, redirect={"address": "http://h/{no}"}, switches={"batch_model": True})
    with pytest.raises(ControlError, match="400"):
        await control.change_shop(shop.id, redirect="http://h/")
    assert (shop.redirect, shop.switches.batch_model) == (Redirect(), False)


@pytest.mark.parametrize("status", ["AWAITING_SHIPMENT", "COMPLETED"])
async def test_an_order_that_cannot_go_back_has_no_button(sim: Simulator, control: ControlClient, status: str) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    await control.change_shop(shop_id, redirect={"allowed": True, "address": ADDRESS})
    order = await control.place_order(shop_id, [{"sku": "MUG-GRN"}], status=status)
    with pytest.raises(ControlError) as refused:
        await control.return_button(order["id"])
    assert refused.value.status == 409


async def test_a_shop_may_open_with_a_redirect_and_a_saved_one_keeps_it(tmp_path: Path) -> None:
    spec = ShopSpec.of({"name": "One", "redirect": {"allowed": True, "address": ADDRESS}})
    before = Simulator(seed=7, shops=[spec], rate=0, start=START)
    assert before.describe()["shops"][0]["redirect"] == {"allowed": True, "address": ADDRESS}
    path = tmp_path / "state"
    snapshot.save(before, path)
    after = Simulator(seed=1, rate=0)
    snapshot.load(after, path)
    (shop,) = after.channel.world.shops.values()
    assert shop.redirect == Redirect(True, ADDRESS)
