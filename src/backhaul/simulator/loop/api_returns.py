"""Operations on returns: list, details, notices, actions, notes, fraud reports, portal links."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from backhaul.simulator.loop import errors, shapes
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.gateway import Answer, Call, Operation
from backhaul.simulator.loop.model import CANCELLED, CLOSED, EXPIRED, OPEN, REVIEW, Return
from backhaul.simulator.loop.returns import Returns
from backhaul.simulator.loop.timeline import Key, Timeline

_DEFAULT_STATES = (OPEN, CLOSED, EXPIRED)
_STATES = (*_DEFAULT_STATES, CANCELLED, REVIEW)
_DAY = 86400.0
_WINDOW = 120 * _DAY
_PAGE_SIZE, _LARGEST_PAGE = 100, 750
_NOTE_LIMIT = 255
_FRAUD = (
    "package-never-received",
    "package-is-empty",
    "package-is-missing-items",
    "instant-return-charge-failed",
    "keep-item-abuse",
    "splitting-returns-to-avoid-restrictions",
    "item-is-worn",
    "other",
)


class ReturnsApi:
    """Handlers of the returns family."""

    def __init__(self, returns: Returns) -> None:
        self._returns = returns

    def operations(self) -> list[Operation]:
        """What is served here."""
        one = "/warehouse/return/{return_id}"

        def action(name: str, handler: Any) -> Operation:
            return Operation("POST", f"{one}/{name}", handler, "returns", "returns")

        return [
            Operation("GET", "/warehouse/return/list", self.listing, "returns", "returns"),
            Operation("GET", "/warehouse/return/details", self.details, "returns", "returns"),
            Operation("GET", "/warehouse/reporting/asn", self.notices, "returns", "returns"),
            action("process", self.process),
            action("remove", self.remove),
            action("cancel", self.cancel),
            action("close", self.close),
            action("flag", self.flag),
            action("note", self.add_note),
            Operation("GET", f"{one}/notes", self.notes, "returns", "returns"),
            Operation("POST", "/returns/{return_id}/fraud-report", self.report_fraud, "returns"),
            Operation("POST", "/order/link", self.link, "orders", "returns"),
            Operation("POST", "/order/qr", self.qr, "orders", "returns"),
        ]

    # -- reading -------------------------------------------------------------------------------------------------------

    def listing(self, call: Call) -> Any:
        """Returns of a window. Without `paginate` the body is a bare array of all of them."""
        field = call.query.get("filter", "created_at")
        if field not in ("created_at", "updated_at"):
            raise errors.invalid("filter", "The selected filter is invalid.")
        low, high = _window(call)
        states: tuple[str, ...] = _DEFAULT_STATES
        if "state" in call.query:
            states = (call.query["state"],)
            if states[0] not in _STATES:
                raise errors.invalid("state", "The selected state is invalid.")
        desk, base, now = call.desk, call.world.base, call.world.clock.now()
        line = desk.created if field == "created_at" else desk.updated

        def fitting(keys: Iterable[Key]) -> Iterator[Key]:
            found = ((key, desk.returns[key[1]]) for key in keys)
            return (key for key, each in found if each.state in states and each.listed_at <= now)

        if call.query.get("paginate") not in ("true", "1"):
            found = fitting(line.onwards(low, high))
            return [shapes.listed(desk, desk.returns[number], base) for _, number in found]
        size, after = _page_size(call), _cursor(call)
        rows = list(islice(fitting(line.onwards(low, high, after)), size + 1))
        page = rows[:size]
        return {
            "returns": [shapes.listed(desk, desk.returns[number], base) for _, number in page],
            "nextPageUrl": _page_url(call, page[-1]) if len(rows) > size else None,
            "previousPageUrl": None if after is None else self._previous(call, fitting, line, low, after, size),
        }

    @staticmethod
    def _previous(
        call: Call, fitting: Callable[[Iterable[Key]], Iterator[Key]], line: Timeline, low: float, after: Key, size: int
    ) -> str:
        """The page that ends with the key a cursor names begins behind the key `size` steps before it."""
        before = list(islice(fitting(line.backwards(low, after)), size))
        return _page_url(call, before[-1] if len(before) == size else None)

    def details(self, call: Call) -> Any:
        """One return, by exactly one of three keys. When nothing fits, the refusal rides on HTTP 200."""
        given = [name for name in ("return_id", "order_id", "order_name") if call.query.get(name)]
        if len(given) != 1:
            raise errors.coded("Send exactly one of return_id, order_id, order_name.", "INVALID_PARAMETERS")
        found = self._fitting(call, given[0], call.query[given[0]])
        if found is None:
            raise errors.coded("No return was found.", "NOT_FOUND")
        return shapes.detailed(call.desk, found, call.world.base)

    @staticmethod
    def _fitting(call: Call, name: str, value: str) -> Return | None:
        desk = call.desk
        if name == "return_id":
            return desk.returns.get(int(value)) if value.isdigit() else None
        if name == "order_id":
            order_id = int(value) if value.isdigit() else 0
        else:
            order = call.world.orders.named(desk, value)
            order_id = order.id if order is not None else 0
        # [inferred]: of several returns of one order the latest.
        ids = desk.returns_of_order.get(order_id, [])
        return desk.returns[ids[-1]] if ids else None

    def notices(self, call: Call) -> Any:
        """The pieces of all parcels of a window."""
        low, high = _window(call)
        base = call.world.base
        found = [each for each in call.desk.returns.values() if each.live_labels and low <= each.updated_at <= high]
        return [row for each in found for row in shapes.noticed(each, base)]

    # -- acting --------------------------------------------------------------------------------------------------------

    def _return(self, call: Call) -> Return:
        return self._returns.find(call.desk, call.args["return_id"])

    def process(self, call: Call) -> bool:
        """Queues the outcomes."""
        self._returns.process(call.desk, self._return(call), f"key {call.key.name}")
        return True

    def remove(self, call: Call) -> bool:
        """Takes lines out and processes the rest."""
        each = self._return(call)
        ids = [part.strip() for part in call.query.get("line_item_id", "").split(",") if part.strip()]
        if not ids or not all(part.isdigit() for part in ids):
            raise Refused(422, {"error": {"message": "Name the line items to take out."}})
        self._returns.remove(call.desk, each, [int(part) for part in ids], f"key {call.key.name}")
        return True

    def cancel(self, call: Call) -> bool:
        """Calls a return off."""
        self._returns.cancel(call.desk, self._return(call), f"key {call.key.name}")
        return True

    def close(self, call: Call) -> bool:
        """Ends a return without outcomes."""
        self._returns.close(call.desk, self._return(call), f"key {call.key.name}")
        return True

    def flag(self, call: Call) -> bool:
        """Puts a return into review."""
        self._returns.flag(call.desk, self._return(call), f"key {call.key.name}")
        return True

    # -- notes and reports ---------------------------------------------------------------------------------------------

    def add_note(self, call: Call) -> str:
        """Adds a note. The vendor's schema says that success is a text here."""
        each, content = self._return(call), call.json.get("content")
        if not isinstance(content, str) or not content.strip() or len(content) >= _NOTE_LIMIT:
            message = f"A note needs a content of less than {_NOTE_LIMIT} characters."
            raise Refused(422, {"errors": {"message": message}})
        number = call.desk.number("note")
        each.notes.append({"id": number, "content": content, "created_at": shapes.iso(call.world.clock.now())})
        return "true"

    def notes(self, call: Call) -> Any:
        """The notes; that there are none is a refusal."""
        each = self._return(call)
        if not each.notes:
            raise Refused(422, "false")
        return {"notes": each.notes}

    def report_fraud(self, call: Call) -> Answer:
        """Attaches the one fraud report a return may have."""
        each = call.desk.returns.get(call.args["return_id"])
        if each is None:
            raise Refused(404, {"errors": {"message": "There is no return with this id."}})
        category, comment = call.json.get("category"), call.json.get("comment", "")
        if category not in _FRAUD:
            raise errors.invalid("category", f"The category must be one of: {', '.join(_FRAUD)}.")
        if not isinstance(comment, str) or len(comment) > 512 or (category == "other" and not comment):
            raise errors.invalid("comment", "The comment must not be longer than 512 characters.")
        if each.fraud_report is not None:
            raise Refused(409, {"errors": {"message": "The return has a fraud report."}})
        each.fraud_report = {
            "id": call.desk.number("fraud report"),
            "return_id": each.id,
            "category": category,
            "comment": comment,
            "created_at": shapes.iso(call.world.clock.now()),
        }
        return Answer(201, each.fraud_report)

    # -- links into the portal -----------------------------------------------------------------------------------------

    def link(self, call: Call) -> Any:
        """A link that opens the order in the portal."""
        return {"url": self._portal(call)[1]}

    def qr(self, call: Call) -> Any:
        """The same with the address of a picture of it."""
        if call.json.get("type", "png") not in ("png", "eps", "svg"):
            raise Refused(400, {"errors": ["type must be png, eps or svg"]})
        token, url = self._portal(call)
        return {"qr": f"{call.world.base}/api/v1/qr/i/{token}", "deeplink_url": url}

    @staticmethod
    def _portal(call: Call) -> tuple[str, str]:
        name, second = call.json.get("name"), call.json.get("zip")
        if not isinstance(name, str) or not isinstance(second, str) or not name or not second:
            raise Refused(400, {"errors": ["name and zip are required"]})
        order = call.world.orders.looked_up(call.desk, name, second)
        if order is None:
            raise Refused(400, {"errors": ["ORDER_NOT_FOUND"]})
        token = str(uuid.UUID(int=call.desk.rng.getrandbits(128), version=4))
        call.desk.links[token] = {"order": order.name, "gift": bool(call.json.get("gift", False))}
        return token, f"{call.world.base}/portal/{call.desk.name}/#/link/{token}"


def _window(call: Call) -> tuple[float, float]:
    """`to` alone is ignored; `from` alone means the day after it; neither means the last day."""
    now = call.world.clock.now()
    if "from" not in call.query:
        return now - _DAY, now
    low = _moment(call, "from")
    high = _moment(call, "to") if "to" in call.query else low + _DAY
    if high < low:
        raise errors.invalid("to", "The to field must be a date after from.")
    if high - low > _WINDOW:
        raise errors.invalid("to", "The window must not be longer than 120 days.")
    return low, high


def _moment(call: Call, name: str) -> float:
    text = call.query[name]
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise errors.invalid(name, f"The {name} field must match the format Y-m-d H:i:s.")


def _page_size(call: Call) -> int:
    text = call.query.get("pageSize", str(_PAGE_SIZE))
    if not text.isdigit() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise errors.invalid("pageSize", f"The pageSize must lie between 1 and {_LARGEST_PAGE}.")
    return int(text)


def _cursor(call: Call) -> Key | None:
    """The last key of the page before: what has come and gone since does not matter."""
    text = call.query.get("cursor")
    if text is None:
        return None
    try:
        at, _, number = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        return float(at), int(number)
    except ValueError:
        raise errors.invalid("cursor", "The cursor is invalid.") from None


def _page_url(call: Call, last: Key | None) -> str:
    query = {name: value for name, value in call.query.items() if name != "cursor"}
    if last is not None:
        query["cursor"] = base64.urlsafe_b64encode(f"{last[0]!r}|{last[1]}".encode()).decode()
    return f"{call.here}/warehouse/return/list?{urlencode(query)}"
