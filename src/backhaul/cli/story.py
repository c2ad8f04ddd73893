"""One return from request to settled books, played through the public REST API and judged by it and the simulator's
books alone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from backhaul.cli import running
from backhaul.cli.installation import BY, Installation
from backhaul.cli.judge import ENDED, Told, complaints
from backhaul.cli.running import Problem
from backhaul.domain.money import Money
from backhaul.rehearsal.api import Api
from backhaul.store import sessions

RATE = 30.0
MOST_S = 90.0
LABEL = b"%PDF-1.4\n% a made-up return label\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
TRACKING = "9400100000000000000001"


class Teller:
    """Says what happens, with the seconds it took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        running.out.print(f"{time.monotonic() - self._began:6.1f} s  {text}", markup=False)


async def play(here: Installation) -> tuple[list[str], bytes]:
    """Play it and judge it: what is wrong (nothing when all is well), and what it was judged by, as JSON."""
    token = await sessions.make_token(here.hub.pool, BY, "owner")
    say = Teller()
    async with Api(here.base, token, "story") as api:
        try:
            async with asyncio.timeout(MOST_S):
                case_id, told = await _lifecycle(here, api, say)
        except TimeoutError:
            raise Problem(f"the return did not end within {MOST_S:.0f} s") from None
        await here.control.settle()
        case, books = await api.get(f"/cases/{case_id}"), await here.control.books()
    found = complaints(case, books, told)
    for text in found:
        say(f"WRONG: {text}")
    if not found:
        amount = Money(told.total, told.currency)
        say(f"judged by the REST API and the simulator's books: {amount} asked, paid, booked once; nothing else moved")
    return found, msgspec.json.encode({"case": case, "books": books, "told": told})


async def _lifecycle(here: Installation, api: Api, say: Teller) -> tuple[str, Told]:
    control = here.control
    world = await control.describe()
    shop = world["shops"][0]
    lines = [{"sku": shop["skus"][0], "quantity": 2}, {"sku": shop["skus"][3], "quantity": 1}]
    order = await control.place_order(shop["id"], lines, status="DELIVERED", copy={"style": "tag_text"})
    asked = await control.ask_return(order["id"], shipment="SELLER", auto_approve=False)
    amount = Money(asked["total"], asked["currency"])
    say(f"a buyer asks to return 3 units for {amount}: return {asked['id']} of order {order['id']}")

    case_id = await _appears(api, asked["id"])
    (heard,) = [each for each in await api.get("/connections") if each["role"] == "channel"]
    if not heard["last_heard_at"]:
        raise Problem("the hub knows the return, but not from a webhook")
    say("the channel's webhook has arrived; the case is on the dashboard")
    question = await _question(api, case_id, "approve_return")
    case = await _until(api, case_id, "the match in commerce", lambda case: case["case"]["commerce_order_id"])
    say(f"matched with commerce order {case['case']['commerce_order_name']}")

    await api.post(f"/cases/{case_id}/decision", {**question, "decision": "approve_return"})
    await _channel(control, asked["id"], lambda state: state["status"] == "AWAITING_BUYER_SHIP", "the approval")
    say("approved by the REST API; the channel has taken it")

    await _until(api, case_id, "the question for a label", lambda case: _asks(case, "label"))
    carriers = await api.get(f"/cases/{case_id}/carriers")
    label = {
        "name": "label.pdf", "content": _base64(LABEL), "tracking_number": TRACKING,
        "carrier_id": carriers[0][0], "carrier_name": carriers[0][1],
    }  # fmt: skip
    await api.post(f"/cases/{case_id}/label", label)
    await _channel(control, asked["id"], lambda state: state["has_label"], "the label")
    say(f"label uploaded once: {carriers[0][1]} {TRACKING}")

    await control.act(asked["id"], "ship")
    say("the buyer ships")
    await control.act(asked["id"], "deliver")
    case = await _until(api, case_id, "the delivery", lambda case: case["case"]["status"] == "delivered")
    say("the parcel is delivered; the hub knows")

    units = [unit["unit_id"] for unit in case["units"]]
    await api.post(f"/cases/{case_id}/received", {"units": units})
    verdicts = [{"unit": unit, "condition": "sellable", "disposition": "restock"} for unit in units]
    await api.post(f"/cases/{case_id}/inspection", {"verdicts": verdicts})
    done = lambda state: state["status"] not in ("BUYER_SHIPPED_ITEM", "AWAITING_BUYER_SHIP")  # noqa: E731
    await _channel(control, asked["id"], done, "the acceptance")
    say(f"{len(units)} units received and inspected: sellable; the hub has accepted the parcel")

    await control.step(3600)
    await _channel(control, asked["id"], lambda state: state["status"] == ENDED, "the payment")
    say(f"the channel has paid {amount}")
    await _until(api, case_id, "the end", lambda case: case["case"]["ended"])
    say("booked in commerce without moving money, stock put back, return closed")
    told = Told(
        return_id=asked["id"],
        shop_id=shop["id"],
        store=shop["commerce"]["domain"],
        commerce_order=order["commerce_id"],
        total=asked["total"],
        currency=asked["currency"],
        label_sha256=hashlib.sha256(LABEL).hexdigest(),
        tracking=TRACKING,
        skus=dict(Counter(unit["sku"] for unit in case["units"])),
        decisions=("APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"),
    )
    return case_id, told


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def _appears(api: Api, return_id: str) -> str:
    while True:
        found = await api.get("/cases", q=return_id)
        if found["cases"]:
            return str(found["cases"][0]["id"])
        await asyncio.sleep(0.05)


async def _until(api: Api, case_id: str, what: str, fine: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The case once it is as wanted."""
    case: dict[str, Any] = {}

    async def look() -> Any:
        nonlocal case
        case = await api.get(f"/cases/{case_id}")
        return fine(case)

    try:
        await _poll(look)
    except TimeoutError:
        troubles = "; ".join(each["text"] for each in case.get("exceptions", ()))
        status = case.get("case", {}).get("status")
        raise Problem(f"waited too long for {what}: the case stands at {status}. {troubles}") from None
    return case


async def _channel(control: Any, return_id: str, fine: Callable[[dict[str, Any]], Any], what: str) -> None:
    """Until the simulated channel's return is as wanted."""

    async def look() -> Any:
        return fine(await control.get_return(return_id))

    try:
        await _poll(look)
    except TimeoutError:
        state = (await control.get_return(return_id))["status"]
        raise Problem(f"waited too long for {what}: on the channel the return stands at {state}") from None


async def _poll(look: Callable[[], Awaitable[Any]], seconds: float = 25.0) -> None:
    end = time.monotonic() + seconds
    while not await look():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.1)


def _asks(case: dict[str, Any], kind: str) -> bool:
    return any(question["kind"] == kind for question in case["view"].get("questions", ()))


async def _question(api: Api, case_id: str, decision: str) -> dict[str, Any]:
    """The open question that a decision answers, as the API wants it named."""
    found: list[dict[str, Any]] = []

    def asked(case: dict[str, Any]) -> bool:
        found[:] = [each for each in case["view"].get("questions", ()) if decision in each.get("options", ())]
        return bool(found)

    await _until(api, case_id, "the channel's question", asked)
    return {"action": found[0]["action"], "round": found[0].get("round", 1)}
