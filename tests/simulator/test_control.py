"""The control API, the order connector, the crowd, seeded history and the process helper, from outside."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from backhaul.simulator.buyers import Temper
from backhaul.simulator.order_connector import STYLES
from backhaul.simulator.process import ControlClient, ControlError, SimulatorProcess
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.world import ShopSpec
from tests.patience import patient
from tests.simulator.wire import START, Wire

DOMAIN = "sim-one.myshopify.com"
SHOP_SPECS = [ShopSpec(name="One", commerce_domain=DOMAIN), ShopSpec(name="Two", region="GB")]


async def test_everything_a_client_needs_is_described(sim: Simulator, control: ControlClient) -> None:
    described = await control.describe()
    assert set(described["addresses"]) == {"tiktok", "shopify", "loop", "control", "console"}
    first, second = described["shops"]
    assert described["app"]["app_key"].startswith("sim_")
    assert first["commerce"]["domain"] == DOMAIN
    assert "sim_" in first["commerce"]["client_secret"]
    assert second["commerce"] is None
    added = await control.add_shop(name="Three", region="DE", switches={"uneven_money": False})
    assert (added["currency"], len((await control.describe())["shops"])) == ("EUR", 3)
    changed = await control.change_shop(added["id"], switches={"batch_model": True})
    assert (changed["switches"]["batch_model"], changed["switches"]["uneven_money"]) == (True, False)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/shops", {"region": "XX"}, 400),
        ("POST", "/shops", {"switches": {"no_such": 1}}, 400),
        ("POST", "/shops", {"no_such": 1}, 400),
        ("POST", "/shops", {"switches": {"rate_per_second": "many"}}, 400),
        ("POST", "/shops", {"clocks": {"judge_parcel": "soon"}}, 400),
        ("POST", "/shops", {"past_orders": "many"}, 400),
        ("POST", "/shops", {"connector": {"late_share": "half"}}, 400),
        ("POST", "/shops", {"connector": {"late_share": 10**400}}, 400),
        ("POST", "/shops", {"connector": {"no_such": 1}}, 400),
        ("POST", "/shops", {"connector": 5}, 400),
        ("POST", "/shops", {"switches": [1]}, 400),
        ("POST", "/buyers", {"per_minute": "many"}, 400),
        ("POST", "/moods", {"kind": "no_such"}, 400),
        ("POST", "/moods", {"kind": "slow", "probability": "often"}, 400),
        ("POST", "/moods", {"kind": "slow", "params": {"seconds": -1}}, 400),
        ("POST", "/moods", {"kind": "slow", "params": {"second": 1}}, 400),
        ("POST", "/moods", {"kind": "slow", "times": 0}, 400),
        ("POST", "/clock", {"step_seconds": -1}, 400),
        ("POST", "/clock", {"step_seconds": 1e300}, 400),
        ("POST", "/clock", {"step_seconds": "nan"}, 400),
        ("POST", "/clock", {"step_seconds": 10**400}, 400),
        ("POST", "/clock", {"set": 1e12}, 400),
        ("POST", "/clock", {"rate": 1e300}, 400),
        ("POST", "/clock", {"rate": "nan"}, 400),
        ("POST", "/clock", {}, 400),
        ("POST", "/buyers", {"no_such": 1}, 400),
        ("PATCH", "/app", {"redirect_url": "https://merchant.com/callback"}, 400),
        ("POST", "/returns", {"order_id": "404"}, 404),
        ("POST", "/returns/404/ship", {}, 404),
        ("GET", "/returns/404", None, 404),
    ],
)
async def test_senseless_commands_are_refused(
    control: ControlClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    with pytest.raises(ControlError) as refused:
        await control.call(method, path, body)
    assert refused.value.status == status
    assert "None" not in str(refused.value)
    assert (await control.call("GET", "/clock"))["now"] == START
    assert (await control.call("GET", "/moods"))["moods"] == []


async def test_a_form_of_a_web_page_does_nothing(sim: Simulator) -> None:
    url = sim.addresses["control"] + "/clock"
    async with aiohttp.ClientSession() as session, session.post(url, data='{"step_seconds": 5}') as answer:
        assert answer.status == 400
    assert sim.clock.now() == START


async def test_a_mood_may_leave_out_what_it_does_not_say(control: ControlClient) -> None:
    said = {"kind": "slow", "times": None, "vendor": "loop", "params": {"seconds": 0.5}}
    made = await control.call("POST", "/moods", said)
    assert (made["times"], made["vendor"], made["params"]) == (None, "loop", {"seconds": 0.5})


async def test_one_return_played_through_the_control_api(sim: Simulator, control: ControlClient) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    order = await control.place_order(shop_id, [{"sku": "MUG-GRN", "quantity": 2, "price": 1000, "tax": 80}])
    assert order["total"] == 2 * 1080 + 499
    case = await control.ask_return(order["id"], units=1, shipment="PLATFORM")
    assert (case["status"], case["total"]) == (m.PENDING, 1080)
    with pytest.raises(ControlError) as refused:
        await control.act(case["id"], "deliver")
    assert refused.value.status == 409
    await control.act(case["id"], "decide", decision="APPROVE_RETURN")
    await control.act(case["id"], "ship", tracking_number="9400X")
    await control.act(case["id"], "deliver")
    await control.step(48 * 3600)
    await control.step(1200)
    found = await control.get_return(case["id"])
    assert (found["status"], found["wire"]["return_tracking_number"]) == (m.COMPLETE, "9400X")
    books = (await control.books(shop_id, case["id"]))["shops"][shop_id]
    assert [(entry["decision"], entry["actor"]) for entry in books["decisions"]] == [
        ("APPROVE_RETURN", "SELLER_CENTER"),
        ("DEADLINE_EXPIRED", "SYSTEM"),
    ]
    assert [entry["amount"] for entry in books["refunds"]] == [1080]
    assert list(books["returns"]) == [case["id"]]


async def test_orders_are_copied_in_every_known_form(sim: Simulator, control: ControlClient) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    for style in STYLES:
        lines: list[dict[str, Any]] = [{"sku": "MUG-GRN", "quantity": 2}, {"sku": "LIP-MNT"}]
        order = await control.place_order(shop_id, lines, copy={"style": style})
        copied = sim.commerce.order(DOMAIN, order["commerce_id"])
        places = [copied.name, copied.source_identifier, copied.note, *copied.tags]
        places += [attribute.value for attribute in copied.custom_attributes]
        assert sum(order["id"] in (place or "") for place in places) == 1, style
        assert copied.source_name == "tiktok"
        assert [(line.sku, line.quantity) for line in copied.lines] == [("MUG-GRN", 2), ("LIP-MNT", 1)]
        assert copied.total_minor == order["total"]
        assert not order["wire"].get("external_orders")
    wrong = await control.place_order(shop_id, [{"sku": "MUG-GRN"}], copy={"style": "note", "wrong_sku": True})
    assert sim.commerce.order(DOMAIN, wrong["commerce_id"]).lines[0].sku == "OLD-MUG-GRN"
    late = await control.place_order(shop_id, copy={"style": "tag", "delay_seconds": 3600})
    never = await control.place_order(shop_id, copy=False)
    await control.step(3600)
    assert (await control.call("GET", f"/orders/{late['id']}"))["commerce_id"]
    assert (await control.call("GET", f"/orders/{never['id']}"))["commerce_id"] is None
    assert (await control.copy_order(never["id"], style="name"))["commerce_id"]


async def test_the_connectors_own_habits(sim: Simulator, control: ControlClient) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    await control.change_shop(shop_id, connector={"style": "name", "delay_seconds": 60, "external_references": True})
    waiting = await control.place_order(shop_id, status="AWAITING_SHIPMENT")
    assert waiting["commerce_id"] is None
    await control.step(60)
    made = sim.commerce.order(DOMAIN, (await control.call("GET", f"/orders/{waiting['id']}"))["commerce_id"])
    assert made.name == waiting["id"]
    assert all(line.unfulfilled_quantity for line in made.lines)
    await control.advance_order(waiting["id"], "IN_TRANSIT")
    assert not any(line.unfulfilled_quantity for line in made.lines)
    references = sim.channel.world.orders[waiting["id"]].external
    assert references[0]["id"] == str(made.number_id)
    assert [pair["origin_id"] for pair in references[0]["line_items"]] == waiting["line_ids"]
    await control.change_shop(shop_id, connector={"missing_share": 1.0})
    lost = await control.place_order(shop_id)
    await control.step(10 * 86400)
    assert (await control.call("GET", f"/orders/{lost['id']}"))["commerce_id"] is None


async def test_a_past_in_mixed_states_and_without_webhooks(sim: Simulator, control: ControlClient) -> None:
    shop = next(iter(sim.channel.world.shops.values()))
    sim.app.webhook_address = "http://127.0.0.1:9/hook"
    world = sim.channel.world
    world.auth.grant(sim.app, world.auth.sellers[shop.seller_id])
    ids = await control.seed_history(shop.id, 300, 60, open_share=0.2)
    cases = [world.returns[return_id] for return_id in ids]
    counts = Counter(case.status for case in cases)
    assert set(counts) == {m.PENDING, m.COMPLETE, m.CANCELLED}
    assert counts[m.PENDING] == 60
    now = sim.clock.now()
    assert now == START
    assert all(case.created_at <= case.updated_at <= now for case in cases)
    assert min(case.created_at for case in cases) < now - 30 * 86400
    assert all(case.due_at > now for case in cases if case.status == m.PENDING)
    assert (await control.books())["webhooks"]["created"] == 0
    paid = {entry["return_id"]: entry["amount"] for entry in sim.books.of(shop.id).refunds}
    assert paid == {case.id: case.amounts.total for case in cases if case.status == m.COMPLETE}
    assert len(sim.commerce.shops[DOMAIN].orders) == 300
    assert {case.order.status for case in cases} == {"DELIVERED", "COMPLETED"}


async def test_churn_moves_open_cases(sim: Simulator, control: ControlClient) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    await control.seed_history(shop_id, 40, 30, open_share=1.0)
    before = {case.id: (case.status, case.updated_at) for case in sim.channel.world.returns.values()}
    await control.step(10)
    moved = await control.churn(shop_id, 25)
    assert len(set(moved)) == 25
    for return_id in moved:
        case = sim.channel.world.returns[return_id]
        assert case.updated_at == int(sim.clock.now())
        assert (case.status, case.updated_at) != before[return_id]


async def test_webhooks_by_hand(sim: Simulator, control: ControlClient) -> None:
    world = sim.channel.world
    shop_id = next(iter(world.shops))
    sim.app.webhook_address = "http://127.0.0.1:9/hook"
    world.auth.grant(sim.app, world.auth.sellers[world.shops[shop_id].seller_id])
    order = await control.place_order(shop_id)
    case = await control.ask_return(order["id"])
    for body in ({"return_id": case["id"]}, {"order_id": order["id"]}, {"shop_id": shop_id, "envelope": {"type": 999}}):
        assert (await control.call("POST", "/webhooks/emit", {**body, "copies": 7}))["sent"] == 7
    await control.settle()
    states = Counter(delivery.state for delivery in sim.delivery.log)
    assert states["waiting"] == len(sim.delivery.log)  # nobody listens there


async def test_revoking_tells_and_then_refuses(
    sim: Simulator, control: ControlClient, session: aiohttp.ClientSession
) -> None:
    wire = Wire(sim, next(iter(sim.channel.world.shops.values())), session)
    await control.revoke(wire.shop.id)
    assert (await wire.search()).code == 105001
    refused = (await control.log())["requests"][0]
    assert (refused["code"], refused["path"]) == (105001, "/return_refund/202602/returns/search")
    assert (await control.tokens(wire.shop.id))["access_token"].startswith("sim_access_")


async def test_other_people_work_in_commerce(sim: Simulator, control: ControlClient) -> None:
    shop_id = next(iter(sim.channel.world.shops))
    order = await control.place_order(shop_id, [{"sku": "MUG-GRN"}], copy={"style": "note"})
    body = {"domain": DOMAIN, "order": order["commerce_id"]}
    await control.call("POST", "/commerce/return", body)
    await control.call("POST", "/commerce/refund", body)
    books = (await control.books())["commerce"][DOMAIN]["orders"][order["commerce_id"]]
    assert (len(books["returns"]), len(books["refunds"])) == (1, 1)


async def test_the_crowd_plays_every_kind_to_its_end(sim: Simulator, control: ControlClient) -> None:
    await control.start_buyers(per_minute=60, limit=150, dispute_share=0.9)
    for shop in sim.channel.world.shops.values():
        shop.switches.shipments = ("PLATFORM", "BUYER_ARRANGE")
    await control.step(3600)
    world = sim.channel.world
    assert len(world.orders) == 150
    for number, case in enumerate(list(world.returns.values())):
        if number % 3 == 0 and case.status == m.PENDING:
            sim.channel.aftersales.move(case, "reject", "SELLER")
    await control.step(40 * 86400)
    assert {case.type for case in world.returns.values()} == {"REFUND", "RETURN_AND_REFUND", "REPLACEMENT"}
    assert {case.status for case in world.returns.values()} <= m.ENDED | {m.REPLACEMENT_REJECTED}
    assert {"SUPPORT_BUYER", "SUPPORT_SELLER"} <= {case.arbitration for case in world.returns.values()}
    assert world.cancellations
    paid = Counter(entry.get("return_id") for shop_id in world.shops for entry in sim.books.of(shop_id).refunds)
    assert all(paid[case.id] == 1 for case in world.returns.values() if case.status == m.COMPLETE)
    assert max(paid[case.id] for case in world.returns.values()) == 1
    assert (await control.call("GET", "/buyers"))["counts"]["withdrawn"] > 0


@pytest.mark.parametrize(("rate", "most"), [(0.0, 100), (1.0, 1)])
async def test_a_month_that_passes_at_once_brings_no_months_crowd(rate: float, most: int) -> None:
    """Buyers come by the wall clock: their number is bounded whatever the jump, and open cases still come to an end."""
    async with Simulator(seed=7, shops=[ShopSpec(name="One")], rate=rate, start=START) as sim:
        shop = next(iter(sim.channel.world.shops.values()))
        waiting = sim.history.seed(shop, 50, 30, open_share=1.0)
        sim.buyers.start(Temper(per_minute=1.0))
        sim.clock.step(30 * 86400)
        assert 1 <= sim.buyers.counts["orders"] <= most
        assert all(sim.channel.world.returns[each].status in m.ENDED for each in waiting)
        before = sim.buyers.counts["orders"]
        sim.clock.step(600)  # and they go on coming afterwards
        assert sim.buyers.counts["orders"] > before
        assert sim.books.problems == []


@pytest.mark.parametrize("about", [True, False])
async def test_a_buyer_goes_on_with_what_the_seller_began_for_them(
    sim: Simulator, control: ControlClient, about: bool
) -> None:
    """As long as a crowd is about; otherwise whoever plays does it."""
    shop = next(iter(sim.channel.world.shops.values()))
    if about:
        sim.buyers.start(Temper(per_minute=0.001, limit=0, withdraw_share=0.0))
    order = sim.channel.world.orders[(await control.place_order(shop.id, [{"sku": "MUG-GRN"}]))["id"]]
    case = sim.channel.aftersales.request(order, "RETURN_AND_REFUND", order.lines, role="SELLER", shipment="PLATFORM")
    assert case.status == m.AWAITING_SHIP
    await control.step(3 * 86400)
    assert bool(case.shipped_at) is about


async def test_the_same_seed_gives_the_same_world() -> None:
    def play(seed: int) -> list[str]:
        sim = Simulator(seed=seed, shops=[ShopSpec(name="One")], rate=0, start=START)
        shop = next(iter(sim.channel.world.shops.values()))
        sim.history.seed(shop, 20, 30)
        return [shop.id, shop.cipher, *(f"{case.id} {case.status}" for case in sim.channel.world.returns.values())]

    assert play(3) == play(3)
    assert play(3) != play(4)


async def test_the_process_comes_up_answers_and_ends_with_its_owner() -> None:
    simulator = SimulatorProcess(seed=5, rate=0, shops=[{"commerce_domain": DOMAIN}])
    async with simulator:
        assert simulator.ready["simulated"] is True
        before = (await simulator.control.clock())["now"]
        assert (await simulator.control.step(100))["now"] == pytest.approx(before + 100)
        pid = simulator.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.control


async def test_wrong_arguments_end_with_code_2() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backhaul.simulator",
        "--shop",
        '{"region": "XX"}',
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    _, text = await process.communicate()
    assert process.returncode == 2
    assert b"the simulator plays" in text
    assert b"Traceback" not in text


async def test_the_process_ends_when_its_owner_is_killed() -> None:
    program = (
        "import asyncio, sys\n"
        "from backhaul.simulator.process import SimulatorProcess\n"
        "async def main():\n"
        "    simulator = SimulatorProcess(rate=0)\n"
        "    await simulator.start()\n"
        "    sys.stdout.write(f'{simulator.pid}\\n'); sys.stdout.flush()\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    os.kill(pid, 0)
    owner.kill()
    await owner.wait()
    async with asyncio.timeout(patient(10)):
        while _alive(pid):
            await asyncio.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Where nobody reaps orphans, an ended process stays as a zombie.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
