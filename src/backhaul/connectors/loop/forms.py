"""Pure: what a draft return shows, and how its forms are filled.

The vendor sends the forms (HAL-FORMS): which steps are open, at which address, and which fields each wants. Fields are
told apart by the words in their names, as these differ from account to account; what a form offers to choose from is
chosen from, never made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from backhaul.connectors.loop import errors
from backhaul.connectors.loop.mapping import line_id, text
from backhaul.domain.reasons import DeskReason
from backhaul.kit.text import truncate
from backhaul.ports.errors import Refused, WireDrift

ADD, FINALIZE, SUBMIT = "add-returning-item", "finalize-items", "submit-draft-return"
REFUND = "refund"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. ``options`` are (label, value, parent's label) where there is a choice."""

    name: str
    required: bool = False
    read_only: bool = False
    value: Any = None
    kind: str = "text"
    longest: int | None = None
    options: tuple[tuple[str, Any, str], ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """The words of its name."""
        return frozenset(self.name.lower().replace("-", "_").split("_"))


@dataclass(frozen=True, slots=True)
class Form:
    """A step that is open."""

    rel: str
    method: str
    href: str
    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft return as its last answer shows it."""

    return_id: str
    address: Mapping[str, Any]
    items_at: str
    forms: Mapping[str, Form]
    context: Row
    errors: list[Any]


class Reason(NamedTuple):
    """A reason that can be chosen, and the desk's ids of it and of its parent (empty where it shows none)."""

    name: DeskReason
    id: str = ""
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of the order, or several of one line, as the draft offers it. ``id`` is the desk's own."""

    id: Any
    line_id: str
    sku: str
    quantity: int
    eligible: bool
    why_not: str
    outcomes: tuple[str, ...]
    reasons: tuple[Reason, ...]


def draft(value: Any) -> Draft:
    """A draft's answer. Raises Refused when it holds errors and no draft, WireDrift for another shape."""
    if not isinstance(value, dict):
        raise WireDrift("draft return: not an object")
    found, problems = value.get("draft_return"), value.get("errors") or []
    if not isinstance(found, dict) or not text(found.get("id")):
        if problems:
            raise errors.refused(value)
        raise WireDrift("draft return: without an id")
    links = value.get("_links") or {}
    templates = value.get("_templates")
    if not isinstance(links, dict) or not isinstance(templates, dict):
        raise WireDrift("draft return: without links and templates")
    here = _href(links.get("self")) or f"/draft-returns/{text(found['id'])}"
    items_at = next((href for each in links.values() if (href := _href(each)).endswith("/order/items")), "")
    return Draft(
        return_id=text(found.get("return_id")),
        address=found.get("shipping_address") or {},
        items_at=items_at or f"{here}/order/items",
        forms={rel: _form(rel, row, links, here) for rel, row in templates.items() if isinstance(row, dict)},
        context=value.get("context") or {},
        errors=problems if isinstance(problems, list) else [problems],
    )


def _href(link: Any) -> str:
    return text(link.get("href")) if isinstance(link, dict) else ""


def _form(rel: str, row: Row, links: Row, here: str) -> Form:
    return Form(
        rel=rel,
        method=(text(row.get("method")) or "POST").upper(),
        href=text(row.get("target")) or _href(links.get(rel)) or here,
        title=text(row.get("title")) or rel,
        fields=tuple(_field(each) for each in row.get("properties") or () if isinstance(each, dict)),
    )


def _field(row: Row) -> Field:
    given = row.get("options")
    choices = (given.get("inline") if isinstance(given, dict) else given) or []
    longest = row.get("maxLength")
    return Field(
        name=text(row.get("name")),
        required=bool(row.get("required")),
        read_only=bool(row.get("readOnly")) or row.get("type") == "hidden",
        value=row.get("value"),
        kind=text(row.get("type")) or "text",
        longest=longest if isinstance(longest, int) and longest > 0 else None,
        options=tuple(_option(each) for each in choices),
    )


def _option(row: Any) -> tuple[str, Any, str]:
    if not isinstance(row, dict):
        return str(row), row, ""
    value = row.get("value", row.get("id"))
    return text(row.get("prompt") or row.get("name") or value), value, text(row.get("parent"))


def items(value: Any, context: Row) -> tuple[Item, ...]:
    """The pieces of the order: of the list of items, with what the draft's context says of them."""
    rows = value.get("items") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise WireDrift("items of a draft return: not a list")
    refused = {
        text(each.get("order_line_item_id")): text(each.get("ineligibility_code")) or "not-eligible"
        for each in context.get("items_not_eligible_to_return") or ()
    }
    return tuple(_item(row, refused, context) for row in rows if isinstance(row, dict))


def _item(row: Row, refused: Mapping[str, str], context: Row) -> Item:
    ident = row.get("id", row.get("order_line_item_id"))
    told = row.get("eligible", row.get("is_eligible", True))
    why = refused.get(text(ident)) or text(row.get("ineligibility_code"))
    tree = row.get("return_reasons") or context.get("return_reasons") or []
    quantity = row.get("quantity")
    return Item(
        id=ident,
        line_id=line_id(row.get("provider_line_item_id", row.get("provider_id"))),
        sku=text(row.get("sku")),
        quantity=quantity if isinstance(quantity, int) and quantity > 0 else 1,
        eligible=told is not False and not why,
        why_not=why or ("" if told is not False else "not-eligible"),
        outcomes=tuple(text(each.get("type") if isinstance(each, dict) else each) for each in _outcomes(row)),
        reasons=_leaves(tree),
    )


def _outcomes(row: Row) -> list[Any]:
    given = row.get("available_outcomes")
    return given if isinstance(given, list) else []


def _leaves(tree: Any) -> tuple[Reason, ...]:
    """The reasons that can be chosen: children, and parents without any."""
    found: list[Reason] = []
    for parent in tree if isinstance(tree, list) else ():
        if not isinstance(parent, dict):
            continue
        name, ident, below = text(parent.get("name")), text(parent.get("id")), parent.get("children") or []
        children = [each for each in below if isinstance(each, dict)]
        found += [Reason(DeskReason(name, text(each.get("name"))), text(each.get("id")), ident) for each in children]
        if not children:
            found.append(Reason(DeskReason(name), ident, ident))
    return tuple(found)


# -- filling


@dataclass(frozen=True, slots=True)
class Answers:
    """What we have to say: of one piece, and of the whole. ``address`` is the order's, as the desk knows it."""

    item: Item | None = None
    reason: Reason | None = None
    quantity: int = 1
    note: str = ""
    address: Mapping[str, Any] = field(default_factory=dict)


def fill(form: Form, answers: Answers) -> dict[str, Any]:
    """The form's body. Raises Refused for a field that must be filled and that nothing of ours fits."""
    filled: dict[str, Any] = {}
    for each in form.fields:
        value = _value(form, each, answers)
        if value is None or value == "":
            if each.required:
                raise _cannot(form, each)
            continue
        filled[each.name] = value
    return filled


def wants_quantity(form: Form) -> bool:
    """Whether several pieces of a line go into one form."""
    return any("quantity" in each.words for each in form.fields)


def _value(form: Form, wanted: Field, answers: Answers) -> Any:
    words = wanted.words
    if wanted.read_only:
        return wanted.value
    if words & {"comment", "note", "details", "remarks"} or _asks_freely(form, wanted):
        note = answers.note or (str(answers.reason.name) if answers.reason else "")
        return truncate(note, wanted.longest) if wanted.longest else note
    if "reason" in words and answers.reason is not None:
        return _reason(wanted, answers.reason)
    if words & {"line", "item", "items"} and answers.item is not None:
        return _pick(wanted, text(answers.item.id), answers.item.id)
    if "quantity" in words:
        return answers.quantity
    if words & {"outcome", "resolution", "type", "credit"}:
        return _refund(form, wanted)
    if wanted.name in answers.address and not wanted.options:
        return wanted.value or answers.address[wanted.name]
    if wanted.value is not None:
        return wanted.value
    return wanted.options[0][1] if wanted.required and len(wanted.options) == 1 else None


def _asks_freely(form: Form, wanted: Field) -> bool:
    """A question of the merchant's that takes any text: the channel's reason answers it."""
    return "user-input" in form.rel and wanted.kind in ("text", "textarea") and not wanted.options


def _reason(wanted: Field, reason: Reason) -> Any:
    of_parent = "parent" in wanted.words
    name = reason.name.parent if of_parent or not reason.name.child else reason.name.child
    ident = reason.parent_id if of_parent else reason.id
    if not wanted.options:
        by_id = bool(ident) and (wanted.kind == "number" or "id" in wanted.words)
        return _typed(wanted, ident) if by_id else name
    for label, value, parent in wanted.options:
        fits = label == name or text(value) in {ident, name} - {""}
        if fits and (of_parent or not parent or parent == reason.name.parent):
            return _number(wanted, value)
    return None


def _pick(wanted: Field, shown: str, value: Any) -> Any:
    """The option that is this value, as the form writes it; the value itself where there is no choice."""
    if not wanted.options:
        return _typed(wanted, value)
    return next((_number(wanted, each) for _, each, _ in wanted.options if text(each) == shown), None)


def _refund(form: Form, wanted: Field) -> Any:
    """Money back, and never credit or an exchange. Raises Refused when the form offers none of it."""
    if not wanted.options:
        return REFUND if wanted.value is None else wanted.value
    found = {text(value).lower(): value for _, value, _ in wanted.options}
    # The kind of a returned piece may be "credit" (towards a refund) as against "exchange"; what it becomes is asked
    # in another field. "return" is the resolution of what is neither repaired nor kept.
    for word in (REFUND, "original-payment", *(("credit",) if wanted.name == "return_type" else ()), "return"):
        if word in found:
            return found[word]
    if wanted.required:
        raise errors.because("refund_not_offered", f"The form “{form.title}” offers: {', '.join(found)}.")
    return None


def _number(wanted: Field, value: Any) -> Any:
    """A number where the form wants one, though the vendor may print it as text."""
    return int(value) if wanted.kind == "number" and isinstance(value, str) and value.isdigit() else value


def _typed(wanted: Field, value: Any) -> Any:
    """A value of ours in the form that a field without a choice takes."""
    if wanted.kind == "text" and isinstance(value, int) and "id" not in wanted.words:
        return str(value)
    return _number(wanted, value)


def _cannot(form: Form, wanted: Field) -> Refused:
    words = wanted.words | frozenset(form.rel.split("-"))
    if words & {"photo", "photos", "image", "images", "upload", "uploads", "picture"}:
        return errors.because("photo")
    if "user-input" in form.rel or words & {"question", "questions", "answer", "answers", "prompt"}:
        return errors.because("question", f"It asks: {truncate(form.title, 200)}")
    if "address" in form.rel:
        return Refused("address", f"Loop wants “{wanted.name}” of the buyer's address, which the order does not have.")
    return Refused("form", f"Loop's form “{form.title}” wants the field “{wanted.name}”, which Backhaul does not know.")
