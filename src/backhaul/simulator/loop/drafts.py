"""Draft returns: a return made step by step, each step from the form that the answer before it has shown."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.loop import errors, forms
from backhaul.simulator.loop.forms import Problem
from backhaul.simulator.loop.labels import Labels
from backhaul.simulator.loop.model import Desk, DeskOrder, Draft, DraftLine
from backhaul.simulator.loop.orders import applies
from backhaul.simulator.loop.returns import Returns
from backhaul.simulator.loop.world import LoopWorld

CLIENT = {"header": "X-Loop-Client-Application", "value": "capp_simulated"}  # [inferred]: only its purpose is known


class Drafts:
    """The state machine behind the draft returns."""

    def __init__(self, world: LoopWorld, returns: Returns, labels: Labels) -> None:
        self._world = world
        self._returns = returns
        self._labels = labels

    # -- steps ---------------------------------------------------------------------------------------------------------

    def start(self, desk: Desk, body: dict[str, Any]) -> Draft:
        """Looks the order up and begins. Raises Problem."""
        name, second = body.get("order_name"), body.get("secondary_input")
        if not isinstance(name, str) or not name.strip():
            raise Problem("validation-failed", "order_name is required")
        order = self._world.orders.looked_up(desk, name.strip(), second if isinstance(second, str) else "")
        if order is None:
            # [inferred]: the code. Which of the two inputs was wrong is not told, as for a shopper.
            raise Problem("order-not-found", "No order goes with this name and this second input.")
        now = self._world.clock.now()
        made = Draft(desk.number("draft"), order, now, is_gift=bool(body.get("is_gift", False)))
        known = self._known_address(desk, order)
        if all(known.get(field) for field in forms.NEEDED):
            made.address = known
        desk.drafts[made.id] = made
        return made

    def _known_address(self, desk: Desk, order: DeskOrder) -> dict[str, Any]:
        if order.number_id is None:
            given = desk.pushed[order.id].get("shipping_address") or {}
            names = {"state": "region", "zip": "postal_code"}
            return {name: given.get(names.get(name, name)) for name in forms.ADDRESS}
        address = self._world.commerce.shops[desk.domain].orders[order.number_id].shipping_address
        if address is None:
            return dict.fromkeys(forms.ADDRESS)
        names = {"state": "province", "country_code": "country_code_v2", "company": "name"}
        known = {name: getattr(address, names.get(name, name)) for name in forms.ADDRESS}
        return {**known, "company": None}

    def find(self, desk: Desk, draft_id: int) -> Draft:
        """A draft. Raises Refused."""
        draft = desk.drafts.get(draft_id)
        if draft is None:
            problem = {"code": "not-found", "message": "No draft return has this id."}
            raise errors.Refused(404, {"errors": [problem]})
        draft.order = self._world.orders.again(desk, draft.order)
        return draft

    def ineligible(self, desk: Desk, draft: Draft) -> dict[int, str]:
        """Why pieces of the draft's order can not come back."""
        return self._world.orders.ineligible(desk, draft.order, self._world.clock.now())

    def add_item(self, desk: Desk, draft: Draft, body: dict[str, Any]) -> None:
        """Puts a piece in. Raises Problem."""
        self._require(draft, "created")
        answer = forms.read_item(desk, draft, body, self.ineligible(desk, draft))
        reason_id = desk.reason_id(answer.parent, answer.reason)
        draft.lines.append(
            DraftLine(
                desk.number("draft line"),
                answer.unit,
                answer.parent,
                reason_id,
                answer.reason,
                answer.comment,
                answer.outcome,
            )
        )

    def line(self, draft: Draft, line_id: int) -> DraftLine:
        """A piece that is in. Raises Problem."""
        found = next((line for line in draft.lines if line.id == line_id), None)
        if found is None:
            raise Problem("item-not-found", "no returning item has this id")
        return found

    def remove_item(self, draft: Draft, line_id: int) -> None:
        """Takes a piece out. Raises Problem."""
        self._require(draft, "created")
        draft.lines.remove(self.line(draft, line_id))

    def answer(self, desk: Desk, draft: Draft, line_id: int, question: int, body: dict[str, Any]) -> None:
        """Answers a question about a piece. Raises Problem."""
        line = self.line(draft, line_id)
        if not desk.settings.questions_answerable or not 1 <= question <= len(desk.settings.questions):
            raise Problem("question-not-found", "no question has this id")
        if body.get("value") in (None, ""):
            raise Problem("validation-failed", "value is required")
        line.answers[question] = body["value"]

    def set_address(self, desk: Desk, draft: Draft, body: dict[str, Any]) -> None:
        """Sets the address. Raises Problem."""
        self._require(draft, "created", "items-finalized")
        draft.address = forms.read_address(desk, draft, body)

    def finalize(self, desk: Desk, draft: Draft) -> None:
        """No more pieces; here the merchant's workflows speak up. Raises Problem."""
        self._require(draft, "created")
        if not draft.lines:
            raise Problem("no-items", "add a returning item first")
        if applies(desk, draft.order):
            settings = desk.settings
            # [inferred]: both codes. The API has no call that uploads a picture for a return.
            if settings.photo_required and any(not line.photos for line in draft.lines):
                raise Problem("image-upload-required", "The return policy wants a photo of every item.")
            if any(len(line.answers) < len(settings.questions) for line in draft.lines):
                raise Problem("user-input-required", f"A question is open: {settings.questions[0]}")
        draft.state = "items-finalized"

    def set_credit_type(self, draft: Draft, body: dict[str, Any]) -> None:
        """Chooses the kind of credit. Raises Problem."""
        self._require(draft, "items-finalized")
        if body.get("credit_type") not in {line.outcome for line in draft.lines if line.outcome != "exchange"} | {
            "refund"
        }:
            raise Problem("validation-failed", "credit_type is not one of the options")
        draft.credit_type = str(body["credit_type"])

    def cancel(self, draft: Draft) -> None:
        """Gives the draft up. Raises Problem."""
        self._require(draft, "created", "items-finalized")
        draft.state = "cancelled"

    def submit(self, desk: Desk, draft: Draft, by: str) -> None:
        """Makes the return. Raises Problem or Refused; the draft stays as it is then."""
        ineligible = self.ineligible(desk, draft)
        if forms.SUBMIT not in {each.name for each in forms.actions(desk, draft, ineligible)}:
            raise Problem("action-not-available", "The draft return is not ready to be submitted.")
        address = draft.address or {}
        covered = desk.settings.countries
        if covered and applies(desk, draft.order) and address.get("country_code") not in covered:
            raise Problem("returns-unavailable-for-order", "No return policy covers the address.")
        taken = [line.unit.id for line in draft.lines if line.unit.id in ineligible]
        if taken:
            raise Problem("item-not-eligible", f"line item {taken[0]} can not be returned: {ineligible[taken[0]]}")
        made = self._returns.open(desk, draft.order, draft.lines, address, by=by, is_gift=draft.is_gift)
        draft.state, draft.return_id = "submitted", made.id
        if desk.settings.label_on_submit and desk.settings.labels and made.state == "open":
            self._labels.queue(desk, made.id, "policy")

    @staticmethod
    def _require(draft: Draft, *states: str) -> None:
        if draft.state not in states:
            raise Problem("action-not-available", f"A draft return that is {draft.state} does not allow this.")

    # -- shapes --------------------------------------------------------------------------------------------------------

    def document(
        self, desk: Desk, draft: Draft, here: str, *, hal: bool, problem: Problem | None = None
    ) -> dict[str, Any]:
        """The whole answer about a draft. `here` is its own address."""
        ineligible = self.ineligible(desk, draft)
        open_actions = forms.actions(desk, draft, ineligible)
        controls = forms.hal(open_actions, here) if hal else forms.older(open_actions, here)
        return {
            "draft_return": self._draft(desk, draft),
            "context": {
                "items_eligible_to_return": [
                    {"order_line_item_id": unit.id} for unit in draft.order.units if unit.id not in ineligible
                ],
                "items_not_eligible_to_return": [
                    {"order_line_item_id": unit.id, "ineligibility_code": ineligible[unit.id]}
                    for unit in draft.order.units
                    if unit.id in ineligible
                ],
                "return_reasons": _tree(desk),
            },
            **controls,
            "client_application": CLIENT,
            "errors": [] if problem is None else [{"code": problem.code, "message": str(problem)}],
        }

    def _draft(self, desk: Desk, draft: Draft) -> dict[str, Any]:
        currency = draft.order.currency
        credit = sum(line.unit.worth for line in draft.lines)
        return {
            "id": draft.id,
            "return_id": draft.return_id,
            "state": draft.state,
            "currency": currency,
            "language": "en",
            "credit_type": draft.credit_type,
            "store_credit_type": "gift-card",
            "processing_type": "regular",
            "return_policy": {"id": 1, "name": "Standard", "return_window_days": desk.settings.window_days},
            "totals": {"return_total": {"amount": credit, "currency": currency}},
            "customer": {"email": draft.order.email},
            "shipping_address": draft.address,
            "returning_items": [
                {
                    "id": line.id,
                    "order_line_item_id": line.unit.id,
                    "return_type": line.outcome,
                    "resolution": "return",
                    "reason": {"id": line.reason_id, "name": line.reason, "comment": line.comment},
                    "user_input": [
                        {"id": number, "prompt": prompt, "value": line.answers.get(number)}
                        for number, prompt in enumerate(self._prompts(desk, draft), 1)
                    ],
                    "image_uploads": list(line.photos),
                    "has_exchange_item": False,
                }
                for line in draft.lines
            ],
            "cart_items": [],
        }

    @staticmethod
    def _prompts(desk: Desk, draft: Draft) -> tuple[str, ...]:
        return desk.settings.questions if applies(desk, draft.order) else ()

    def items(self, desk: Desk, draft: Draft) -> list[dict[str, Any]]:
        """The pieces of the order as the draft sees them; prices are minor units."""
        ineligible, words = self.ineligible(desk, draft), forms.outcomes(desk, draft)
        return [
            {
                "id": unit.id,
                "provider_line_item_id": unit.provider_line_id,
                "sku": unit.sku,
                "title": unit.title,
                "variant": {"id": unit.variant_id, "product_id": unit.product_id, "sku": unit.sku},
                "quantity": 1,
                "price": unit.price,
                "discount": unit.discount,
                "tax": unit.tax,
                "currency": draft.order.currency,
                "eligible": unit.id not in ineligible,
                "ineligibility_code": ineligible.get(unit.id),
                "return_reasons": _tree(desk),
                "available_outcomes": [{"type": word} for word in words] if unit.id not in ineligible else [],
                "capabilities": [],
            }
            for unit in draft.order.units
        ]


def _tree(desk: Desk) -> list[dict[str, Any]]:
    return [
        {
            "id": desk.reason_id(parent, ""),
            "name": parent,
            "children": [{"id": desk.reason_id(parent, child), "name": child} for child in children],
        }
        for parent, children in desk.settings.reasons.items()
    ]
