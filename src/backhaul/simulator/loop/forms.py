"""The forms of a draft return: which actions are open, what each wants, and how an answer is read.

Field names and steps differ from merchant to merchant (`forms` of the settings), as a client is meant to follow the
templates and know no name by heart. What is known of the vendor's words is used; the rest is [inferred].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backhaul.simulator.loop.model import Desk, Draft, Unit
from backhaul.simulator.loop.orders import applies

ADDRESS = ("name", "company", "address1", "address2", "city", "state", "zip", "country", "country_code", "phone")
ADD, SET_ADDRESS, FINALIZE, SUBMIT = "add-returning-item", "set-address", "finalize-items", "submit-draft-return"
REMOVE, ANSWER, CANCEL = "remove-returning-item", "add-returning-item-user-input", "cancel-draft-return"
CREDIT_TYPE = "set-credit-type"
NEEDED = ("address1", "city", "zip", "country_code")


class Problem(Exception):
    """An answer that does not pass; code and text of the draft's `errors`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Action:
    """Something that can be done next. `path` is behind the draft's own address."""

    name: str
    title: str
    path: str
    method: str = "POST"
    fields: list[dict[str, Any]] = field(default_factory=list)
    required: bool = False


@dataclass(slots=True, frozen=True)
class ItemAnswer:
    """A filled-in form for one piece, read."""

    unit: Unit
    parent: str
    reason: str
    outcome: str
    comment: str | None


@dataclass(slots=True, frozen=True)
class _Names:
    """What one merchant's form calls its fields, and whether reasons go by id or by name."""

    line: str
    reason: str
    parent: str
    outcome: str
    comment: str
    by_name: bool


_NAMES = {
    "plain": _Names("order_line_item_id", "reason_id", "", "return_type", "comment", by_name=False),
    "named": _Names("line_item", "reason", "parent_reason", "outcome", "reason_details", by_name=True),
    "stepwise": _Names(
        "order_line_item_id", "return_reason_id", "parent_reason_id", "return_type", "note", by_name=False
    ),
}


def actions(desk: Desk, draft: Draft, ineligible: dict[int, str]) -> list[Action]:
    """What may be done with a draft now."""
    if draft.state not in ("created", "items-finalized"):
        return []
    found = [
        Action(SET_ADDRESS, "Set the address", "/address", fields=_address_fields(desk, draft)),
        Action(CANCEL, "Cancel the draft return", "/cancel"),
    ]
    if draft.state == "created":
        open_units = [unit for unit in draft.order.units if unit.id not in ineligible and not _chosen(draft, unit)]
        if open_units:
            fields = _item_fields(desk, draft, open_units)
            found.insert(
                0, Action(ADD, "Add a line item to the return", "/returning-items", fields=fields, required=True)
            )
        for line in draft.lines:
            found.append(Action(REMOVE, "Remove a line item", f"/returning-items/{line.id}", "DELETE"))
        found += _questions(desk, draft)
        if draft.lines:
            found.append(Action(FINALIZE, "Finalize the items", "/finalize-items", required=True))
        return found
    if desk.settings.forms == "stepwise" and draft.credit_type is None:
        option = {
            "inline": [{"prompt": word.replace("-", " ").capitalize(), "value": word} for word in _credits(draft)]
        }
        fields = [_field("credit_type", "How the buyer is paid back", "text", options=option)]
        found.append(Action(CREDIT_TYPE, "Choose the kind of credit", "/credit-type", fields=fields, required=True))
    elif draft.address is not None:
        found.append(Action(SUBMIT, "Submit the return", "/submit", required=True))
    return found


def _chosen(draft: Draft, unit: Unit) -> bool:
    return any(line.unit.id == unit.id for line in draft.lines)


def _credits(draft: Draft) -> list[str]:
    return sorted({line.outcome for line in draft.lines if line.outcome != "exchange"}) or ["refund"]


def _field(name: str, prompt: str, kind: str, *, required: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "prompt": prompt, "type": kind, "required": required, **more}


def _item_fields(desk: Desk, draft: Draft, units: list[Unit]) -> list[dict[str, Any]]:
    names, tree = _NAMES[desk.settings.forms], desk.settings.reasons
    kind = "text" if names.by_name else "number"
    write: Callable[[int], Any] = str if names.by_name else int
    pieces = [{"prompt": unit.title, "value": write(unit.id)} for unit in units]
    children = [
        {"prompt": child, "value": child if names.by_name else desk.reason_id(parent, child), "parent": parent}
        for parent, below in tree.items()
        for child in below
    ]
    words = [{"prompt": word.capitalize(), "value": word} for word in outcomes(desk, draft)]
    fields = [_field(names.line, "Line item", kind, options={"inline": pieces})]
    if names.parent:
        above = [{"prompt": name, "value": name if names.by_name else desk.reason_id(name, "")} for name in tree]
        fields.append(_field(names.parent, "Why, roughly", kind, options={"inline": above}))
    fields.append(_field(names.reason, "Why is it returned?", kind, options={"inline": children}))
    fields.append(_field(names.outcome, "Outcome", "text", options={"inline": words}))
    fields.append(_field(names.comment, "Comment", "text", required=False, maxLength=500))
    if names.by_name:
        fields.append(_field("revision", "", "hidden", readOnly=True, value=f"{draft.id}-{len(draft.lines)}"))
    return fields


def _address_fields(desk: Desk, draft: Draft) -> list[dict[str, Any]]:
    needed = (*NEEDED, "name") if desk.settings.forms == "named" else NEEDED
    known = draft.address or {}
    return [
        _field(name, name.replace("_", " ").capitalize(), "text", required=name in needed, value=known.get(name))
        for name in ADDRESS
    ]


def _questions(desk: Desk, draft: Draft) -> list[Action]:
    if not applies(desk, draft.order) or not desk.settings.questions_answerable:
        return []
    return [
        Action(
            ANSWER,
            prompt,
            f"/returning-items/{line.id}/user-input/{number}",
            fields=[_field("value", prompt, "text")],
            required=True,
        )
        for line in draft.lines
        for number, prompt in enumerate(desk.settings.questions, 1)
        if number not in line.answers
    ]


def outcomes(desk: Desk, draft: Draft) -> list[str]:
    """The outcomes a piece of this order can get."""
    allowed = desk.settings.outcomes if applies(desk, draft.order) else ("refund", "exchange", "store-credit")
    return list(allowed)


def read_item(desk: Desk, draft: Draft, body: dict[str, Any], ineligible: dict[int, str]) -> ItemAnswer:
    """An answer to the form of one piece. Raises Problem."""
    names, tree = _NAMES[desk.settings.forms], desk.settings.reasons
    if names.by_name and body.get("revision") != f"{draft.id}-{len(draft.lines)}":
        raise Problem("stale-form", "revision is not the one of the latest form")
    unit = next((unit for unit in draft.order.units if _same(names, unit.id, body.get(names.line))), None)
    if unit is None:
        raise Problem("item-not-found", f"{names.line} is not a line item of this order")
    if unit.id in ineligible:
        raise Problem("item-not-eligible", f"line item {unit.id} can not be returned: {ineligible[unit.id]}")
    if _chosen(draft, unit):
        raise Problem("item-already-added", f"line item {unit.id} is in the return already")
    parent, reason = _reason(desk, names, body)
    if parent not in tree or reason not in tree[parent]:
        raise Problem("invalid-return-reason", f"{names.reason} is not a reason of this shop")
    outcome = body.get(names.outcome)
    if outcome not in outcomes(desk, draft):
        raise Problem("outcome-not-available", f"{names.outcome} is not an outcome of this line item")
    comment = body.get(names.comment)
    return ItemAnswer(unit, parent, reason, str(outcome), None if comment is None else str(comment)[:500])


def _same(names: _Names, unit_id: int, given: Any) -> bool:
    return bool(given == (str(unit_id) if names.by_name else unit_id))


def _reason(desk: Desk, names: _Names, body: dict[str, Any]) -> tuple[str, str]:
    given = body.get(names.reason)
    if names.by_name:
        return str(body.get(names.parent, "")), str(given)
    place = next((place for place, number in desk.reason_ids.items() if number == given and place[1]), ("", ""))
    if names.parent and body.get(names.parent) != desk.reason_id(place[0], ""):
        raise Problem("invalid-return-reason", f"{names.parent} does not go with {names.reason}")
    return place


def read_address(desk: Desk, draft: Draft, body: dict[str, Any]) -> dict[str, Any]:
    """An answer to the form of the address. Raises Problem."""
    # The older versions wrap it; both are taken.
    wrapped = body.get("address")
    given: dict[str, Any] = wrapped if isinstance(wrapped, dict) else body
    needed = [each["name"] for each in _address_fields(desk, draft) if each["required"]]
    missing = [name for name in needed if not isinstance(given.get(name), str) or not given[name].strip()]
    if missing:
        raise Problem("invalid-address", f"required: {', '.join(missing)}")
    return {name: given.get(name) for name in ADDRESS}


def hal(open_actions: list[Action], here: str) -> dict[str, Any]:
    """Links and templates of the newer form. One relation of a name is offered: the first."""
    links: dict[str, Any] = {"self": {"href": here}}
    templates: dict[str, Any] = {}
    for each in open_actions:
        if each.name not in links:
            links[each.name] = {"href": here + each.path}
            templates[each.name] = {
                "method": each.method,
                "title": each.title,
                "contentType": "application/json",
                "properties": each.fields,
            }
    return {"_links": links, "_templates": templates}


def older(open_actions: list[Action], here: str) -> dict[str, Any]:
    """The list of links that versions before 2026-10 answer with when nothing else is asked for."""
    return {
        "links": [
            {
                "rel": each.name,
                "href": here + each.path,
                "method": each.method,
                "description": each.title,
                "is_required": each.required,
                "fields": [{**one, "is_required": one["required"]} for one in each.fields],
            }
            for each in open_actions
        ]
    }
