"""The seller's side of a scenario, over the hub's REST API alone."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from backhaul.rehearsal.api import Api, ApiRefused
from backhaul.simulator import money
from backhaul.simulator.scenario.judging import Shown
from backhaul.simulator.scenario.model import Act
from backhaul.simulator.scenario.vocabulary import KINDS
from backhaul.simulator.scenario.world import NAMELESS, Cast, Mishap, NotYet, Play

PDF = b"%PDF-1.4\n% a made-up return label\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
APPROVALS = ("approve_refund", "approve_return", "approve_replacement", "approve_exchange", "approve_cancellation")
REJECTIONS = ("reject_refund", "reject_return", "reject_replacement", "reject_exchange", "reject_cancellation")


class RestSeller:
    """Does what a story says, by the API."""

    def __init__(self, api: Api, shop_ids: dict[str, str]) -> None:
        self._api = api
        self._shop_ids = shop_ids  # the channel's id of a shop -> ours
        self._known: dict[str, str] = {}  # the channel's id of a case -> ours
        self._begun: dict[str, dict[str, Any]] = {}  # our id of a case that the seller begins -> what was asked for

    async def act(self, play: Play, act: Act) -> None:
        """One act. Raises NotYet while the hub does not offer it, Mishap when it refuses what it offers."""
        if act.do in ("policy", "nothing"):
            return
        doing: Callable[[Play, Act], Awaitable[None]] = getattr(self, f"_{act.do}")
        try:
            await doing(play, act)
        except ApiRefused as error:
            if error.status in (400, 401, 403):
                raise Mishap(f"{act}: the hub refused: {error}") from error
            raise NotYet(f"{act}: {error}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Mishap(f"{act}: the hub did not answer: {str(error) or type(error).__name__}") from error

    async def shown(self, play: Play, case: str) -> Shown | None:
        """What the hub shows of a case, in short. Raises Mishap when it cannot be asked."""
        found = await self.detail(play.cases[case])
        if found is None:
            return None
        return Shown(
            found["case"]["status"],
            found["case"]["ended"],
            tuple(each["key"] for each in found["exceptions"]),
            tuple(each["kind"] for each in found["view"]["questions"]),
            tuple(each["text"] for each in found["exceptions"]),
        )

    async def detail(self, case: Cast) -> dict[str, Any] | None:
        """Everything the hub shows of a case; None when it does not know it. Raises Mishap when it cannot be asked."""
        try:
            return await self._detail(case)
        except (ApiRefused, aiohttp.ClientError, TimeoutError) as error:
            raise Mishap(f"{case.name}: the hub cannot show it: {str(error) or type(error).__name__}") from error

    async def _detail(self, case: Cast) -> dict[str, Any] | None:
        """A case that the seller has begun gets the channel's id as soon as the hub shows it."""
        if case.nameless:
            found = dict(await self._api.get(f"/cases/{case.id.removeprefix(NAMELESS)}"))
            if found["case"]["channel_id"]:
                case.id = found["case"]["channel_id"]
                self._known[case.id] = found["case"]["id"]
            return found
        if case.id not in self._known:
            found = (await self._api.get("/cases", q=case.id, tab="all"))["cases"]
            mine = [each for each in found if each["channel_id"] == case.id]
            if not mine:
                return None
            self._known[case.id] = mine[0]["id"]
        return dict(await self._api.get(f"/cases/{self._known[case.id]}"))

    # -- answers

    async def _approve(self, play: Play, act: Act) -> None:
        await self._answer(play, act, APPROVALS)

    async def _reject(self, play: Play, act: Act) -> None:
        await self._answer(play, act, REJECTIONS)

    async def _keep_item(self, play: Play, act: Act) -> None:
        await self._answer(play, act, ("keep_item",))

    async def _refund_instead(self, play: Play, act: Act) -> None:
        await self._answer(play, act, ("refund_instead", "refund_exchange"))

    async def _accept(self, play: Play, act: Act) -> None:
        await self._answer(play, act, ("accept_parcel",))

    async def _refuse(self, play: Play, act: Act) -> None:
        await self._answer(play, act, ("refuse_parcel",))

    async def _offer(self, play: Play, act: Act) -> None:
        await self._answer(play, act, ("offer_partial",))

    async def _answer(self, play: Play, act: Act, decisions: tuple[str, ...]) -> None:
        """Answers the question that one of these decisions fits."""
        found = await self._case(play, act)
        question, decision = _fitting(found, decisions)
        if question is None:
            raise NotYet(f"{act}: the hub does not ask")
        body: dict[str, Any] = {
            "action": question["action"],
            "round": question["round"],
            "decision": decision,
            "comment": act.values.get("comment", ""),
        }
        if decision == "offer_partial":
            currency = play.shop["currency"]
            body["offer"] = {"amount": money.text(act.values["amount"], currency), "currency": currency}
        if decision in REJECTIONS or decision == "refuse_parcel":
            body["reason_key"] = act.values.get("reason") or self._first_reason(act, question)
        body["evidence"] = [
            (await self._order(found, "evidence", _picture(number)))["id"]
            for number in range(1, act.values.get("pictures", 0) + 1)
        ]
        await self._order(found, "decision", body)

    @staticmethod
    def _first_reason(act: Act, question: dict[str, Any]) -> str:
        if not question["reasons"]:
            raise NotYet(f"{act}: the hub does not know yet which reasons the channel takes")
        return str(question["reasons"][0][0])

    # -- cases that the seller begins

    async def _start(self, play: Play, act: Act) -> None:
        """Only says what is wanted; the channel is asked by the hub, and a person has to confirm the sum."""
        kind = next(name for name, word in KINDS.items() if word == act.values["kind"])
        lines = [play.order["line_ids"][number - 1] for number in act.values.get("units", ())]
        body: dict[str, Any] = {"order_id": play.order["id"], "kind": kind, "lines": lines}
        if "amount" in act.values:
            body["amount"] = money.text(act.values["amount"], play.shop["currency"])
        if "reason" in act.values:
            body["reason_key"] = act.values["reason"]
        if act.case in play.cases:
            path = f"/cases/{play.case_of(act).id.removeprefix(NAMELESS)}/start"
        else:
            path = f"/shops/{self._shop_ids[play.shop['id']]}/starts"
        # A part is asked for with its reason, on which the sum may depend: both follow when the reasons are known.
        first = body if "reason_key" in body else {name: body[name] for name in ("order_id", "kind", "lines")}
        made = await self._api.post(path, first)
        play.cases[act.case] = Cast(act.case, NAMELESS + made["id"], str(act.values["kind"]), 0)
        self._begun[made["id"]] = body

    async def _confirm(self, play: Play, act: Act) -> None:
        """What a buyer has asked for may have been started by the policy: then there is nothing to confirm."""
        found = await self._case(play, act)
        if not play.case_of(act).nameless:
            return
        case_id = found["case"]["id"]
        body = self._begun.get(case_id)  # none where a buyer has said what for
        question = next((each for each in found["view"]["questions"] if each["kind"] == "start"), None)
        if question is None:
            raise NotYet(f"{act}: the hub does not ask whether to start it")
        if body is not None and not body.get("reason_key"):
            body["reason_key"] = self._first_reason(act, question)
            await self._api.post(f"/cases/{case_id}/start", body)
            raise NotYet(f"{act}: the channel is asked what it comes to")
        total = found["view"]["money"]["expected"]
        if total is None:
            raise NotYet(f"{act}: the sum is not known yet")
        play.case_of(act).total = total[0]
        currency = play.shop["currency"]
        await self._api.post(f"/cases/{case_id}/confirm-start", {"total": money.text(total[0], currency)})

    async def _decline(self, play: Play, act: Act) -> None:
        await self._order(await self._case(play, act), "decline", {"words": act.values["comment"]})

    async def case_of_buyer(self, play: Play, name: str) -> Cast | None:
        """The case of a story's order that the hub has and the story does not know yet; None when there is none."""
        known = {self._known.get(each.id, each.id.removeprefix(NAMELESS)) for each in play.cases.values()}
        rows = (await self._api.get("/cases", q=play.order["id"], tab="all"))["cases"]
        fresh = [row for row in rows if row["order_id"] == play.order["id"] and row["id"] not in known]
        return Cast(name, NAMELESS + fresh[0]["id"], KINDS[fresh[0]["kind"]], 0) if fresh else None

    async def _arrive(self, play: Play, act: Act) -> None:
        body = {"code": f"RETURNED-{play.order['id'][-6:]}", "order_id": play.order["id"]}
        made = await self._api.post(f"/shops/{self._shop_ids[play.shop['id']]}/arrivals", body)
        play.cases[act.case] = Cast(act.case, NAMELESS + made["blind"], "REFUND", 0)

    # -- goods

    async def _label(self, play: Play, act: Act) -> None:
        found = await self._case(play, act)
        asked = any(each["kind"] == "label" for each in found["view"]["questions"])
        if not asked and not any(each["lane"] == "parcel" for each in found["exceptions"]):
            raise NotYet(f"{act}: the hub asks for no label")
        carriers = await self._api.get(f"/cases/{found['case']['id']}/carriers")
        wanted = act.values.get("carrier", "")
        carrier = next((each for each in carriers if wanted in (each[0], each[1])), [wanted, wanted])
        if not wanted:
            if not carriers:
                raise NotYet(f"{act}: the hub does not know yet which carriers the channel takes")
            carrier = carriers[0]
        body = {
            "name": "label.pdf",
            "content": base64.b64encode(PDF).decode(),
            "tracking_number": act.values.get("tracking") or f"1Z{play.case_of(act).id[-14:]}",
            "carrier_id": carrier[0],
            "carrier_name": carrier[1],
        }
        await self._order(found, "label", body)

    async def _receive(self, play: Play, act: Act) -> None:
        found = await self._case(play, act)
        await self._order(found, "received", {"units": _units(play, act, found)})

    async def _inspect(self, play: Play, act: Act) -> None:
        found = await self._case(play, act)
        verdict = {"condition": act.values["condition"], "disposition": act.values["disposition"]}
        verdicts = [{"unit": unit, **verdict} for unit in _units(play, act, found)]
        await self._order(found, "inspection", {"verdicts": verdicts})

    # -- repairs

    async def _link_sku(self, play: Play, act: Act) -> None:
        body = {"channel_sku": act.values["sku"], "commerce_sku": act.values["commerce_sku"]}
        await self._api.post(f"/shops/{self._shop_ids[play.shop['id']]}/aliases", body)

    async def _link_order(self, play: Play, act: Act) -> None:
        found = await self._case(play, act)
        await self._order(found, "link-order", {"commerce_order_id": play.order["commerce_id"]})

    async def _confirm_gateway(self, play: Play, act: Act) -> None:
        gateway = play.scenario.shop.connector.get("gateway", "TikTok Shop")
        await self._api.post(f"/shops/{self._shop_ids[play.shop['id']]}/gateways", {"gateway": gateway})

    async def _retry(self, play: Play, act: Act) -> None:
        found = await self._case(play, act)
        for each in found["exceptions"]:
            if each["key"].startswith(act.values.get("key", "")):
                await self._api.post(f"/exceptions/{each['id']}/retry", {})
                return
        # On a bad day it may have been tried for the first time when nothing refused it any more.
        done = {f"refused:{each['kind']}" for each in found["effects"] if each["state"] in ("accepted", "confirmed")}
        if act.values.get("key") not in done:
            raise NotYet(f"{act}: the hub shows no such exception")

    async def _waive(self, play: Play, act: Act) -> None:
        await self._order(await self._case(play, act), "waive", {"lane": act.values["lane"]})

    async def _case(self, play: Play, act: Act) -> dict[str, Any]:
        found = await self._detail(play.case_of(act))
        if found is None:
            raise NotYet(f"{act}: the hub does not know the case")
        return found

    async def _order(self, found: dict[str, Any], what: str, body: dict[str, Any]) -> Any:
        return await self._api.post(f"/cases/{found['case']['id']}/{what}", body)


def _picture(number: int) -> dict[str, str]:
    """A picture of one grey dot, each number in its own shade."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes((0, number)))), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return {"name": f"goods-{number}.png", "content": base64.b64encode(content).decode()}


def _fitting(found: dict[str, Any], decisions: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    for question in found["view"]["questions"]:
        for decision in decisions:
            if decision in question["options"]:
                return question, decision
    return None, ""


def _units(play: Play, act: Act, found: dict[str, Any]) -> list[str]:
    """The hub's units of the case that an act is about; a story counts the units of its order."""
    lines = play.order["line_ids"]
    wanted = {lines[number - 1] for number in act.values["units"]} if "units" in act.values else set(lines)
    return [each["unit_id"] for each in found["units"] if each["order_line_id"] in wanted]
