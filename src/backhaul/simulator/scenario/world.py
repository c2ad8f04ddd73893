"""Plays everybody in a story but the seller, through the control API of a running simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.scenario.model import Act, Scenario
from backhaul.simulator.scenario.vocabulary import IN_THE_PORTAL

CANCELLATION = "CANCELLATION"
NAMELESS = "hub:"  # what the id of a case begins with until the channel has given it one


class NotYet(Exception):
    """The act is not possible now; it may be in a while. The text says what it waits for."""


class Mishap(Exception):
    """The act, or a look at what came of it, went wrong for good: the story cannot be played on. Others can."""


@dataclass(slots=True)
class Cast:
    """One case in play. `total` is what was asked for, in minor units."""

    name: str
    id: str
    kind: str
    total: int

    @property
    def nameless(self) -> bool:
        """Whether the channel does not know it yet: the seller has begun it, and the hub alone has it."""
        return self.id.startswith(NAMELESS)

    @property
    def is_cancellation(self) -> bool:
        """Whether it lies among the channel's cancellations and not its returns."""
        return self.kind == CANCELLATION


@dataclass(slots=True)
class Play:
    """One story being played: in which shop (as the simulator describes it), since when, and how far it is."""

    scenario: Scenario
    shop: dict[str, Any]
    begun: float = 0.0
    order: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, Cast] = field(default_factory=dict)
    done: int = 0
    checked: int = 0
    judged: bool = False
    idle: bool = False  # the seller does nothing, and what then is not possible any more is left out
    left_out: list[str] = field(default_factory=list)
    waits: str = ""  # what the next act waits for, when it could not be done in time
    complaints: list[str] = field(default_factory=list)
    broken: str = ""  # why the story could not be played to its end; not what came of it

    @property
    def next_act(self) -> Act | None:
        """The act that comes next; None when all are done."""
        acts = self.scenario.acts
        return acts[self.done] if self.done < len(acts) else None

    def case_of(self, act: Act) -> Cast:
        """The case an act is about. Raises NotYet when nobody has begun it."""
        return self.case(act.case)

    def case(self, name: str) -> Cast:
        """A case by its name in the story. Raises NotYet when nobody has begun it."""
        if name not in self.cases:
            raise NotYet(f"nobody has begun the case {name}")
        return self.cases[name]


class Shopper(Protocol):
    """The buyer on the merchant's own pages. The simulator knows none: whoever plays beside a hub does."""

    async def ask(self, play: Play, act: Act, address: str) -> Cast:
        """Follows the link that the app gives and asks there for what the act says; the case that it became. Raises
        NotYet while that is not possible, Mishap when it never will be."""
        ...

    async def look(self, play: Play, act: Act, address: str) -> None:
        """Looks there for what has become of the case. Raises NotYet while it is not as the act says."""
        ...


class World:
    """Everybody but the seller. Without a `shopper` nobody goes to a portal."""

    def __init__(self, control: ControlClient, shopper: Shopper | None = None) -> None:
        self.control = control
        self._shopper = shopper

    async def begin(self, play: Play, now: float) -> None:
        """The order of a story is placed. Raises Mishap when nobody can place it."""
        plan = play.scenario.order
        copy: Any = False
        if plan.copy is not None:
            copy = {"style": "tag", **play.scenario.shop.connector, **plan.copy}
            copy = {name: copy[name] for name in ("style", "delay_seconds", "wrong_sku") if name in copy}
            copy.setdefault("delay_seconds", 0.0)
        if not play.scenario.shop.commerce:
            copy = False
        play.begun = now
        try:
            play.order = await self.control.place_order(
                play.shop["id"],
                plan.lines,
                status=plan.status,
                shipping_fee=plan.shipping,
                fulfillment_type=plan.fulfillment,
                copy=copy,
            )
        except ControlError as error:
            raise Mishap(f"the order could not be placed: {error}") from error

    async def act(self, play: Play, act: Act) -> None:
        """Does one act. Raises NotYet when the channel or the commerce system would refuse it at this moment, Mishap
        when it makes no sense to the simulator."""
        if act.case in play.cases and play.cases[act.case].nameless and (act.by, act.do) not in IN_THE_PORTAL:
            raise NotYet(f"{act}: the channel does not know the case yet")
        try:
            await getattr(self, f"_{act.by}_{act.do}")(play, act)
        except ControlError as error:
            if error.status != 409:
                raise Mishap(f"{act}: {error}") from error
            raise NotYet(f"{act}: {error}") from None

    # -- buyer

    async def _buyer_ask(self, play: Play, act: Act) -> None:
        values, kind = act.values, str(act.values["kind"])
        if kind == CANCELLATION:
            made = await self.control.ask_cancellation(play.order["id"], **_given(values, reason="reason"))
            total = made.get("total", 0)
        else:
            asked = _given(
                values, reason="reason", shipment="shipment", approved="auto_approve", quick_refund="quick_refund",
                document="document",
            )  # fmt: skip
            if "units" in values:
                asked["line_ids"] = self._lines(play, values["units"])
            if "with" in values:
                asked["combine_with"] = play.case(values["with"]).id
            if "sku" in values:
                asked["exchange_for"] = [values["sku"]] * len(asked.get("line_ids") or play.order["line_ids"])
            made = await self.control.ask_return(play.order["id"], kind, **asked)
            total = made["total"]
        play.cases[act.case] = Cast(act.case, made["id"], kind, total)

    async def _buyer_portal(self, play: Play, act: Act) -> None:
        shopper, address = await self._led_away(play, act)
        play.cases[act.case] = await shopper.ask(play, act, address)

    async def _buyer_portal_look(self, play: Play, act: Act) -> None:
        shopper, address = await self._led_away(play, act)
        await shopper.look(play, act, address)

    async def _led_away(self, play: Play, act: Act) -> tuple[Shopper, str]:
        address = await self.control.return_button(play.order["id"])
        if address is None:
            raise Mishap(f"{act}: the app opens the channel's own form; the shop has no redirect")
        if self._shopper is None:
            raise Mishap(f"{act}: nobody here follows the link {address}")
        return self._shopper, address

    async def _buyer_ship(self, play: Play, act: Act) -> None:
        await self._return(play, act, "ship", **_given(act.values, tracking="tracking_number"))

    async def _buyer_withdraw(self, play: Play, act: Act) -> None:
        case = play.case_of(act)
        if case.is_cancellation:
            await self.control.call("POST", f"/cancellations/{case.id}/withdraw")
        else:
            await self._return(play, act, "withdraw")

    async def _buyer_edit(self, play: Play, act: Act) -> None:
        values = _given(act.values, kind="kind")
        if "units" in act.values:
            values["line_ids"] = self._lines(play, act.values["units"])
        made = await self._return(play, act, "edit", **values)
        name = str(act.values["new"])
        play.cases[name] = Cast(name, made["id"], made["type"], made["total"])

    async def _buyer_dispute(self, play: Play, act: Act) -> None:
        await self._return(play, act, "arbitrate", outcome="IN_PROGRESS")

    async def _buyer_accept_offer(self, play: Play, act: Act) -> None:
        await self._return(play, act, "respond_offer", accept=True)

    async def _buyer_refuse_offer(self, play: Play, act: Act) -> None:
        await self._return(play, act, "respond_offer", accept=False)

    # -- carrier and channel

    async def _carrier_scan(self, play: Play, act: Act) -> None:
        await self._return(play, act, "ship")

    async def _carrier_deliver(self, play: Play, act: Act) -> None:
        await self._return(play, act, "deliver")

    async def _carrier_order(self, play: Play, act: Act) -> None:
        await self.control.advance_order(play.order["id"], str(act.values["status"]))

    async def _channel_side_with_buyer(self, play: Play, act: Act) -> None:
        await self._return(play, act, "arbitrate", outcome="SUPPORT_BUYER")

    async def _channel_side_with_seller(self, play: Play, act: Act) -> None:
        await self._return(play, act, "arbitrate", outcome="SUPPORT_SELLER")

    async def _channel_quick_refund(self, play: Play, act: Act) -> None:
        await self._return(play, act, "quick_refund")

    async def _channel_cancel_order(self, play: Play, act: Act) -> None:
        body = {"order_id": play.order["id"], "role": "SYSTEM"}
        made = await self.control.call("POST", "/cancellations", body)
        play.cases[act.case] = Cast(act.case, made["id"], CANCELLATION, made.get("total", 0))

    async def _channel_show_apart(self, play: Play, act: Act) -> None:
        books = await self.control.books(play.shop["id"])
        mine = {case.id for case in play.cases.values()}
        apart = [
            each
            for each in books["shops"][play.shop["id"]]["returns"].values()
            if each["order_id"] == play.order["id"] and each["id"] not in mine
        ]
        if not apart:
            raise NotYet(f"{act}: no units have been answered by themselves")
        name = str(act.values["new"])
        play.cases[name] = Cast(name, apart[0]["id"], apart[0]["type"], apart[0]["total"])

    async def _channel_stock(self, play: Play, act: Act) -> None:
        body = {"sku": act.values["sku"], "stock": act.values["left"]}
        await self.control.call("POST", f"/shops/{play.shop['id']}/stock", body)

    async def _channel_tell_again(self, play: Play, act: Act) -> None:
        case = play.case_of(act)
        which = "cancel_id" if case.is_cancellation else "return_id"
        await self.control.call("POST", "/webhooks/emit", {which: case.id, "copies": act.values.get("copies", 1)})

    # -- other people's hands

    async def _staff_decide(self, play: Play, act: Act) -> None:
        await self._return(play, act, "decide", **_given(act.values, decision="decision", reason="reject_reason"))

    async def _connector_copy(self, play: Play, act: Act) -> None:
        values = {"style": "tag", **_given(act.values, style="style", wrong_sku="wrong_sku")}
        play.order = await self.control.copy_order(play.order["id"], **values)

    async def _shopify_refund(self, play: Play, act: Act) -> None:
        amount = act.values.get("amount", play.case_of(act).total)
        body = {**self._commerce(play, act), "amount": amount, **_given(act.values, restock="restock")}
        await self.control.call("POST", "/commerce/refund", body)

    async def _shopify_return(self, play: Play, act: Act) -> None:
        await self.control.call("POST", "/commerce/return", self._commerce(play, act))

    # -- the desk's people

    async def _loop_open(self, play: Play, act: Act) -> None:
        await self.control.open_desk_return(play.shop["desk"]["shop"], await self.order_name(play))

    async def _loop_process(self, play: Play, act: Act) -> None:
        await self._desk(play, act, "process")

    async def _loop_cancel(self, play: Play, act: Act) -> None:
        await self._desk(play, act, "cancel")

    async def _loop_close(self, play: Play, act: Act) -> None:
        await self._desk(play, act, "close")

    async def _loop_grade(self, play: Play, act: Act) -> None:
        await self._desk(play, act, "grade", **act.values)

    async def _loop_lift(self, play: Play, act: Act) -> None:
        await self.control.change_desk(play.shop["desk"]["shop"], **{str(act.values["rule"]): False})

    async def _desk(self, play: Play, act: Act, action: str, **values: Any) -> None:
        name = await self.order_name(play)
        mine = [each for each in await self.control.desk_returns(play.shop["desk"]["shop"]) if each["order"] == name]
        if not mine:
            raise NotYet(f"{act}: the desk has no return of the order {name}")
        await self.control.desk_act(play.shop["desk"]["shop"], mine[-1]["id"], action, **values)

    # -- what several acts need

    async def order_name(self, play: Play) -> str:
        """The order's name in the commerce system, by which the desk knows it."""
        placed = await self.control.call("GET", f"/orders/{play.order['id']}")
        if not placed.get("commerce_name"):
            raise NotYet("the order is not in the commerce system yet")
        return str(placed["commerce_name"])

    async def _return(self, play: Play, act: Act, action: str, **values: Any) -> dict[str, Any]:
        return await self.control.act(play.case_of(act).id, action, **values)

    @staticmethod
    def _lines(play: Play, units: list[int]) -> list[str]:
        return [play.order["line_ids"][number - 1] for number in units]

    @staticmethod
    def _commerce(play: Play, act: Act) -> dict[str, Any]:
        if not play.order.get("commerce_id"):
            raise NotYet(f"{act}: the order is not in the commerce system yet")
        skus = [line["sku"] for line in play.scenario.order.lines for _ in range(int(line.get("quantity", 1)))]
        units = act.values.get("units") or range(1, len(skus) + 1)
        quantities: dict[str, int] = {}
        for number in units:
            quantities[skus[number - 1]] = quantities.get(skus[number - 1], 0) + 1
        domain = play.shop["commerce"]["domain"]
        return {"domain": domain, "order": play.order["commerce_id"], "quantities": quantities}


def _given(values: Any, **names: str) -> dict[str, Any]:
    """The values that an act has, under the control API's names."""
    return {theirs: values[ours] for ours, theirs in names.items() if ours in values}
