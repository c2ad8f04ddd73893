"""Operations on draft returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backhaul.simulator.loop.drafts import CLIENT, Drafts
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.forms import Problem
from backhaul.simulator.loop.gateway import HAL, Answer, Call, Operation
from backhaul.simulator.loop.model import Desk, Draft

_READ, _WRITE = "draft_returns:read", "draft_returns:write"


class DraftsApi:
    """Handlers of the draft returns; every answer is the whole document, a refusal's too."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    def operations(self) -> list[Operation]:
        """What is served here."""
        one = "/draft-returns/{draft_id}"
        item = f"{one}/returning-items/{{line_id}}"
        return [
            Operation("GET", "/draft-returns", self.entry, _READ),
            Operation("POST", "/draft-returns", self.start, _WRITE),
            Operation("GET", one, self.show, _READ),
            Operation("GET", f"{one}/order/items", self.items, _READ),
            Operation("POST", f"{one}/returning-items", self._step(self._add), _WRITE),
            Operation("DELETE", item, self._step(self._remove), _WRITE),
            Operation("POST", f"{item}/user-input/{{question_id}}", self._step(self._answer), _WRITE),
            Operation("POST", f"{one}/address", self._step(self._address), _WRITE),
            Operation("POST", f"{one}/finalize-items", self._step(self._finalize), _WRITE),
            Operation("POST", f"{one}/credit-type", self._step(self._credit_type), _WRITE),
            Operation("POST", f"{one}/cancel", self._step(self._cancel), _WRITE),
            Operation("POST", f"{one}/submit", self._step(self._submit), _WRITE),
        ]

    def entry(self, call: Call) -> Answer:
        """The way in: how a draft is begun, and those there are."""
        if not call.hal:
            problem = {"code": "unsupported-feature", "message": "Ask for application/prs.hal-forms+json."}
            raise Refused(422, {"errors": [problem]})  # in plain JSON: the other form was not asked for
        here = f"{call.here}/draft-returns"
        fields = [
            {"name": "order_name", "prompt": "Order name", "type": "text", "required": True},
            {"name": "secondary_input", "prompt": "Postal code, e-mail or phone", "type": "text", "required": True},
            {"name": "is_gift", "prompt": "Gift", "type": "checkbox", "required": False},
        ]
        start = {"method": "POST", "title": "Begin a return", "contentType": "application/json", "properties": fields}
        latest = list(call.desk.drafts.values())[-25:]
        return Answer(
            200,
            {
                "_links": {"self": {"href": here}, "initialize": {"href": here}},
                "_templates": {"initialize": start},
                "_embedded": {
                    "draft_returns": [
                        {"id": each.id, "state": each.state, "_links": {"self": {"href": f"{here}/{each.id}"}}}
                        for each in latest
                    ]
                },
                "client_application": CLIENT,
                "errors": [],
            },
            HAL,
        )

    def start(self, call: Call) -> Answer:
        """Begins a draft."""
        try:
            draft = self._drafts.start(call.desk, call.json)
        except Problem as problem:
            body = {"errors": [{"code": problem.code, "message": str(problem)}], "client_application": CLIENT}
            raise Refused(422, body, _media(call)) from None
        return self._document(call, draft)

    def show(self, call: Call) -> Answer:
        """The draft as it is."""
        return self._document(call, self._find(call))

    def items(self, call: Call) -> Answer:
        """The pieces of the order."""
        draft = self._find(call)
        here = f"{call.here}/draft-returns/{draft.id}"
        body = {"items": self._drafts.items(call.desk, draft), "_links": {"self": {"href": f"{here}/order/items"}}}
        return Answer(200, body, _media(call))

    def _find(self, call: Call) -> Draft:
        return self._drafts.find(call.desk, call.args["draft_id"])

    def _document(self, call: Call, draft: Draft, problem: Problem | None = None) -> Answer:
        here = f"{call.here}/draft-returns/{draft.id}"
        body = self._drafts.document(call.desk, draft, here, hal=call.hal, problem=problem)
        return Answer(200 if problem is None else 422, body, _media(call))

    def _step(self, act: Callable[[Call, Desk, Draft], None]) -> Callable[[Call], Any]:
        def step(call: Call) -> Answer:
            draft = self._find(call)
            try:
                act(call, call.desk, draft)
            except Problem as problem:
                refused = self._document(call, draft, problem)
                raise Refused(refused.status, refused.body, refused.media) from None
            except Refused as refusal:
                refusal.media = _media(call)
                raise
            return self._document(call, draft)

        step.__doc__ = act.__doc__
        return step

    def _add(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Puts a piece in, by the form that the answer before it carries."""
        self._drafts.add_item(desk, draft, call.json)

    def _remove(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Takes a piece out again."""
        self._drafts.remove_item(draft, call.args["line_id"])

    def _answer(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Answers a question about a piece, where the merchant lets the API do it."""
        self._drafts.answer(desk, draft, call.args["line_id"], call.args["question_id"], call.json)

    def _address(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Sets the address the parcel comes from; asked for when the order has none."""
        self._drafts.set_address(desk, draft, call.json)

    def _finalize(self, call: Call, desk: Desk, draft: Draft) -> None:
        """No more pieces; here the merchant's workflows speak up."""
        self._drafts.finalize(desk, draft)

    def _credit_type(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Chooses how the buyer is paid back, in shops whose forms ask for it."""
        self._drafts.set_credit_type(draft, call.json)

    def _cancel(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Gives the draft up."""
        self._drafts.cancel(draft)

    def _submit(self, call: Call, desk: Desk, draft: Draft) -> None:
        """Makes the return; offered only once every required step is done."""
        self._drafts.submit(desk, draft, f"key {call.key.name}")


def _media(call: Call) -> str:
    return HAL if call.hal else "application/json"
