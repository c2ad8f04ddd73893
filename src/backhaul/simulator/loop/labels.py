"""Return labels: queued, bought, replaced, used, expired; and the requests that another firm's labels answer."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.ids import Ids
from backhaul.simulator.loop import errors
from backhaul.simulator.loop.model import (
    LABEL_STATUSES,
    NEW,
    OPEN,
    PRE_TRANSIT,
    Desk,
    Label,
    LabelRequest,
    Return,
)
from backhaul.simulator.loop.paper import label_pdf
from backhaul.simulator.loop.returns import Returns
from backhaul.simulator.loop.shapes import iso
from backhaul.simulator.loop.world import LoopWorld

_DAY = 86400.0
_UNUSED = (NEW, PRE_TRANSIT)
_PROCESS_WORDS = {"in_transit": LABEL_STATUSES[2:], "delivered": LABEL_STATUSES[4:], "manual": ()}


class Labels:
    """What happens to labels, by the API, by carriers and by the clock."""

    def __init__(self, world: LoopWorld, returns: Returns) -> None:
        self._world = world
        self._returns = returns
        world.doers["label"] = self._bought
        world.doers["expire"] = self._expired
        returns.ended.append(self._withdraw_requests)

    def queue(self, desk: Desk, return_id: int, by: str) -> None:
        """Wishes for a label; it is there after a while."""
        each = self._find(desk, return_id)
        if each.live_labels or each.label_queued:
            raise _refused(409, "label_already_exists", "The return has a label, or one is being made.")
        self._require_labels(desk, each)
        self._wish(desk, each, by)

    def queue_again(self, desk: Desk, return_id: int, by: str) -> None:
        """Wishes for another label in place of the one that nobody has used yet."""
        each = self._find(desk, return_id)
        if each.label_queued:
            raise _refused(409, "label_already_queued", "A label is being made.")
        self._require_labels(desk, each)
        live = each.live_labels
        if len(live) != 1 or live[0].by != "loop" or live[0].status not in _UNUSED:
            raise _refused(422, "return_cannot_receive_label", "Only one unused label of the desk's own is replaced.")
        self._wish(desk, each, by)

    def _find(self, desk: Desk, return_id: int) -> Return:
        found = desk.returns.get(return_id)
        if found is None:
            raise _refused(404, "return_not_found", "No return has this id.")
        return found

    def _require_labels(self, desk: Desk, each: Return) -> None:
        if each.state != OPEN or not each.staying:
            raise _refused(422, "return_cannot_receive_label", f"A return that is {each.state} gets no label.")
        if not desk.settings.labels:
            raise _refused(422, "return_cannot_receive_label", "The return policy makes no labels.")

    def _wish(self, desk: Desk, each: Return, by: str) -> None:
        each.label_queued = True
        self._world.note(desk, "label asked", each, by)
        if desk.settings.third_party_labels:
            request = LabelRequest(desk.number("label request"), each.id, self._world.clock.now())
            desk.label_requests[request.id] = request
            self._world.hooks.emit(desk, "label.request.issued", self.request_shape(desk, request))
        else:
            self._world.later(desk.settings.label_seconds, "label", desk, each.id)

    def _bought(self, desk: Desk, return_id: int, _: int) -> None:
        each, settings = desk.returns[return_id], desk.settings
        each.label_queued = False
        if each.state != OPEN:
            return
        ids = Ids(desk.rng)
        number = f"9400{desk.rng.randrange(10**17, 10**18)}"
        label = Label(
            desk.number("label"),
            settings.label_carrier,
            number,
            settings.label_cost_minor,
            each.order.currency,
            self._world.clock.now(),
            self._world.clock.now(),
            ids.word("", 20),
        )
        for old in each.live_labels:
            old.voided = True
        self._attach(desk, each, label)

    def _attach(self, desk: Desk, each: Return, label: Label) -> None:
        each.labels.append(label)
        desk.return_of_parcel[label.tracking_number] = each.id
        cost = {"cost": label.cost, "currency": label.currency}
        self._world.note(desk, "label made", each, label.by, tracking_number=label.tracking_number, **cost)
        self._world.later(desk.settings.label_days * _DAY, "expire", desk, each.id, label.id)
        self._world.tell_label(desk, each, label, "label.created")

    def _expired(self, desk: Desk, return_id: int, label_id: int) -> None:
        each = desk.returns[return_id]
        label = next(label for label in each.labels if label.id == label_id)
        if each.state == OPEN and not label.voided and label.status in _UNUSED:
            self._returns.expire(desk, each)

    # -- the parcel ----------------------------------------------------------------------------------------------------

    def parcel_moved(self, tracking_number: str, status: str) -> None:
        """A carrier has scanned a parcel, wherever that was told: every desk that knows its label hears of it."""
        for desk in self._world.desks.values():
            return_id = desk.return_of_parcel.get(tracking_number)
            if return_id is not None:
                each = desk.returns[return_id]
                label = next(label for label in each.labels if label.tracking_number == tracking_number)
                # A replaced label is void: nobody carries a parcel on it.
                if not label.voided and LABEL_STATUSES.index(status) > LABEL_STATUSES.index(label.status):
                    self.move(desk, each, label, status)

    def move(self, desk: Desk, each: Return, label: Label, status: str) -> None:
        """Sets a label's status; outcomes that wait for this very scan are queued."""
        label.status, label.updated_at = status, self._world.clock.now()
        self._world.note(desk, "label moved", each, "carrier", tracking_number=label.tracking_number, status=status)
        self._world.tell_label(desk, each, label, "label.updated")
        if each.state == OPEN and status in _PROCESS_WORDS[desk.settings.process_on]:
            self._returns.process(desk, each, "policy")

    def pdf(self, label_id: int, token: str) -> bytes | None:
        """The file of a label, None when there is none of this id and token."""
        for desk in self._world.desks.values():
            for each in desk.returns.values():
                for label in each.labels:
                    if label.id == label_id and label.token == token:
                        return _paper(desk, each, label)
        return None

    # -- labels of another firm ----------------------------------------------------------------------------------------

    def request_shape(self, desk: Desk, request: LabelRequest) -> dict[str, Any]:
        """A label request as the API and its webhook write it; weight is grams, sizes are inches."""
        each = desk.returns[request.return_id]
        address, place = each.address, desk.dock["address"]
        return {
            "id": str(request.id),
            "return_id": each.id,
            "shop_id": desk.shop_id,
            "status": request.status,
            "created_at": iso(request.created_at),
            "addresses": {"origin": _address(address), "destination": _address(place)},
            "parcel": {"height": 4.0, "length": 12.0, "width": 9.0, "weight": 250.0 * len(each.staying)},
        }

    def _withdraw_requests(self, desk: Desk, each: Return) -> None:
        for request in desk.label_requests.values():
            if request.return_id == each.id and request.status == "issued":
                request.status = "cancelled"
                self._world.hooks.emit(desk, "label.request.cancelled", self.request_shape(desk, request))

    def hand_in(self, desk: Desk, request: LabelRequest, body: dict[str, Any]) -> Label:
        """A label provider's label answers a request."""
        each, now = desk.returns[request.return_id], self._world.clock.now()
        rate = body["rate"]
        label = Label(
            desk.number("label"),
            str(body["carrier"]),
            str(body["tracking_number"]),
            int(rate["amount"]),
            str(rate["currency_code"]),
            now,
            now,
            "",
            by="third-party",
            url=str(body["label_url"]),
            tracking_url=str(body.get("tracking_url") or ""),
            qrcode_url=str(body.get("qrcode_url") or ""),
        )
        request.status, each.label_queued = "fulfilled", False
        self._attach(desk, each, label)
        return label


def _refused(status: int, code: str, message: str) -> errors.Refused:
    return errors.Refused(status, {"code": code, "message": message})


def _address(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": str(given.get("name") or "Returns"),
        "company": given.get("company"),
        "address1": str(given.get("address1") or ""),
        "address2": given.get("address2"),
        "city": str(given.get("city") or ""),
        "region": given.get("state"),
        "postal_code": given.get("zip"),
        "country": given.get("country"),
        "country_code": str(given.get("country_code") or ""),
    }


def _paper(desk: Desk, each: Return, label: Label) -> bytes:
    origin, place = each.address, desk.dock
    return label_pdf(
        [
            f"SIMULATED RETURN LABEL  {label.carrier}",
            f"From: {origin.get('name') or each.order.buyer or ''}",
            f"{origin.get('address1') or ''} {origin.get('city') or ''} {origin.get('zip') or ''}",
            f"To: {place['name']}, {place['address']['address1']}",
            f"{place['address']['city']} {place['address'].get('zip') or ''}",
            f"Tracking: {label.tracking_number}",
            f"RMA: {each.id}  order {each.order.name}",
            *(f"{line.unit.sku}  {line.unit.title}" for line in each.staying),
        ]
    )
