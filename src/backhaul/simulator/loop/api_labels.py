"""Operations on labels, and on the requests that a label provider answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.gateway import Answer, Call, Operation
from backhaul.simulator.loop.labels import Labels
from backhaul.simulator.loop.model import LABEL_STATUSES, Label, LabelRequest
from backhaul.simulator.loop.shapes import iso, label_url

_ERRORS = ("INSUFFICIENT_FUNDS", "INVALID_ADDRESS", "Other")


class LabelsApi:
    """Handlers of the labels."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def operations(self) -> list[Operation]:
        """What is served here."""
        return [
            Operation("POST", "/returns/{return_id}/labels", self.generate, "returns"),
            Operation("POST", "/returns/{return_id}/labels/regenerate", self.regenerate, "returns", "forbidden"),
            Operation("GET", "/label-requests", self.requests, "label_requests:read"),
            Operation("GET", "/label-requests/{id}", self.request, "label_requests:read"),
            Operation("POST", "/label-requests/{id}/errors", self.report, "label_requests:write"),
            Operation("POST", "/labels", self.create, "labels:write"),
            Operation("PUT", "/labels/{id}", self.update, "labels:write"),
        ]

    def generate(self, call: Call) -> Answer:
        """Queues a label."""
        return_id = call.args["return_id"]
        self._labels.queue(call.desk, return_id, f"key {call.key.name}")
        return Answer(202, {"message": "Label generation queued", "returnId": return_id})

    def regenerate(self, call: Call) -> Answer:
        """Queues another label in place of the unused one."""
        return_id = call.args["return_id"]
        self._labels.queue_again(call.desk, return_id, f"key {call.key.name}")
        return Answer(202, {"message": "Label generation queued", "returnId": return_id})

    def requests(self, call: Call) -> Any:
        """Label requests; `from` is included, `to` is not."""
        query = call.query
        low, high = _moment(query.get("from"), float("-inf")), _moment(query.get("to"), float("inf"))
        found = [
            each
            for each in call.desk.label_requests.values()
            if low <= each.created_at < high
            and query.get("status") in (None, each.status)
            and query.get("return_id") in (None, str(each.return_id))
        ]
        limit, offset = _number(query.get("limit"), 50, 250), _number(query.get("offset"), 0, 10**9)
        return {"data": [self._labels.request_shape(call.desk, each) for each in found[offset : offset + limit]]}

    def request(self, call: Call) -> Any:
        """One label request."""
        return self._labels.request_shape(call.desk, self._request(call, call.args["id"]))

    @staticmethod
    def _request(call: Call, number: int) -> LabelRequest:
        found = call.desk.label_requests.get(number)
        if found is None:
            raise Refused(404, {"code": "NOT_FOUND", "message": "There is no such label request."})
        return found

    def report(self, call: Call) -> Any:
        """A provider could not make the label. The request stays issued."""
        request, reason = self._request(call, call.args["id"]), call.json.get("reason")
        if reason not in _ERRORS:
            raise _bad(f"reason must be one of: {', '.join(_ERRORS)}")
        now = iso(call.world.clock.now())
        made = {"reason": reason, "message": str(call.json.get("message") or ""), "created_at": now}
        request.errors.append(made)
        return made

    def create(self, call: Call) -> Answer:
        """A provider hands a label in."""
        body = call.json
        for name in ("label_request_id", "tracking_number", "carrier", "label_url", "rate"):
            if not body.get(name):
                raise _bad(f"{name} is required")
        rate = body["rate"]
        if not isinstance(rate, dict) or type(rate.get("amount")) is not int or not rate.get("currency_code"):
            raise _bad("rate needs an amount in minor units and a currency_code")
        if not str(body["label_request_id"]).isdigit():
            raise _bad("label_request_id is not a number")
        request = call.desk.label_requests.get(int(body["label_request_id"]))
        if request is None or request.status != "issued":
            raise _bad("there is no open label request of this id")
        label = self._labels.hand_in(call.desk, request, body)
        return Answer(201, _shape(call, label), headers={"Location": f"{call.here}/labels/{label.id}"})

    def update(self, call: Call) -> Answer:
        """A provider tells how far the parcel is."""
        status, number = call.json.get("status"), call.args["id"]
        if status not in LABEL_STATUSES:
            raise _bad(f"status must be one of: {', '.join(LABEL_STATUSES)}")
        for each in call.desk.returns.values():
            for label in each.labels:
                if label.id == number and label.by == "third-party":
                    self._labels.move(call.desk, each, label, status)
                    return Answer(200, _shape(call, label))
        raise _bad("there is no label of a provider with this id")


def _shape(call: Call, label: Label) -> dict[str, Any]:
    return {
        "id": label.id,
        "tracking_number": label.tracking_number,
        "tracking_url": label.tracking_url,
        "carrier": label.carrier,
        "label_url": label_url(call.world.base, label),
        "qrcode_url": label.qrcode_url,
        "rate": {"amount": label.cost, "currency_code": label.currency},
        "status": label.status,
        "created_at": iso(label.created_at),
    }


def _bad(message: str) -> Refused:
    return Refused(400, {"error": {"code": "400", "message": message}})


def _moment(text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise _bad("from and to are dates as in ISO 8601") from None


def _number(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or int(text) > most:
        raise _bad(f"limit must lie between 0 and {most}")
    return int(text)
