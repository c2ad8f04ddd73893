"""Opening a return: the walk through the vendor's forms, from the order's name to the submitted draft.

Nothing that counts happens before the last step, so every earlier one may be repeated, and a walk that broke off begins
anew. Only the lost answer of ``submit`` leaves it open whether there is a return.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

import msgspec

from backhaul.connectors.loop import errors, forms
from backhaul.connectors.loop.client import DRAFTS, WRITE_DRAFTS, Call, Client, body
from backhaul.connectors.loop.errors import Reply
from backhaul.connectors.loop.forms import Answers, Draft, Form, Item, Reason
from backhaul.domain.desk import DeskOffer
from backhaul.domain.desk_effects import DeskLineWanted, OpenDeskReturn
from backhaul.domain.reasons import DeskReason
from backhaul.ports.connector import Receipt
from backhaul.ports.errors import OutcomeUnknown, Refused, WireDrift

_MOST_STEPS = 12  # beside one for each piece
# Steps of a draft that a return does not need, or that would undo it.
_NEVER = frozenset({"cancel", "remove", "delete", "cart", "gift", "exchange", "self", "initialize"})


class Wish(msgspec.Struct, frozen=True):
    """What is to be opened: our own words, committed before anything is sent."""

    order_name: str
    secondary: str
    note: str
    lines: tuple[DeskLineWanted, ...]


def wish(wanted: OpenDeskReturn, secondary: str) -> bytes:
    """The committed request of an effect."""
    return body(Wish(wanted.order_name, secondary, wanted.note, wanted.lines))


async def offer(client: Client, order_name: str, secondary: str) -> DeskOffer:
    """What Loop would take back of an order. Raises Refused when it takes nothing of it."""
    begun = await _begin(client, order_name, secondary)
    pieces = await _items(client, begun)
    units = Counter({each.line_id: 0 for each in pieces if each.eligible})
    for each in pieces:
        if each.eligible:
            units[each.line_id] += each.quantity
    return DeskOffer(
        order_name=order_name,
        lines=tuple(units.items()),
        refused={each.line_id: each.why_not for each in pieces if not each.eligible and each.line_id not in units},
        reasons=tuple(dict.fromkeys(reason.name for each in pieces for reason in each.reasons)),
    )


async def open_return(client: Client, wanted: Wish, dead_at: float) -> Receipt:
    """Walk to the submitted return. Raises Refused with the setting in Loop that stands in the way."""
    draft = await _begin(client, wanted.order_name, wanted.secondary, dead_at)
    chosen = _choose(await _items(client, draft, dead_at), wanted.lines)
    draft = await _add(client, draft, chosen, wanted.note, dead_at)
    done: set[str] = set()
    answers = Answers(reason=chosen[0][1], note=wanted.note)
    for _ in range(_MOST_STEPS + len(chosen)):
        if forms.SUBMIT in draft.forms:
            return await _submit(client, draft, dead_at)
        form, filled = _next(draft, done, answers)
        if "user-input" not in form.rel:  # there is one such step for each question and piece, all of one name
            done.add(form.rel)
        draft = forms.draft(await _post(client, form, filled, dead_at))
    raise Refused("form", f"Loop's draft return does not come to its end; open steps: {', '.join(draft.forms)}.")


async def _begin(client: Client, order_name: str, secondary: str, dead_at: float | None = None) -> Draft:
    given = body({"order_name": order_name, "secondary_input": secondary, "is_gift": False})
    reply = await client.call(Call("POST", "/draft-returns", WRITE_DRAFTS, body=given), dead_at)
    return forms.draft(_accepted(reply))


async def _items(client: Client, draft: Draft, dead_at: float | None = None) -> tuple[Item, ...]:
    reply = await client.call(Call("GET", draft.items_at, DRAFTS), dead_at)
    return forms.items(_accepted(reply), draft.context)


async def _add(
    client: Client, draft: Draft, chosen: list[tuple[Item, Reason, int]], note: str, dead_at: float
) -> Draft:
    """Put every piece in, by the form as the latest answer shows it."""
    for item, reason, units in chosen:
        form = draft.forms.get(forms.ADD)
        if form is None:
            raise _stuck(draft)
        together = forms.wants_quantity(form)
        for _ in range(1 if together else units):
            answers = Answers(item, reason, units if together else 1, note)
            draft = forms.draft(await _post(client, form, forms.fill(form, answers), dead_at))
            form = draft.forms.get(forms.ADD, form)
    return draft


def _next(draft: Draft, done: set[str], answers: Answers) -> tuple[Form, dict[str, object]]:
    """The next step to take and its body. Raises Refused when nothing is left that we can do."""
    whole = Answers(reason=answers.reason, note=answers.note, address=draft.address)
    open_steps = [form for rel, form in draft.forms.items() if rel not in done and not _needless(rel)]
    problem: Refused | None = None
    for form in sorted(open_steps, key=_turn):
        try:
            return form, forms.fill(form, whole)
        except Refused as error:
            problem = problem or error
    raise problem or _stuck(draft)


def _needless(rel: str) -> bool:
    return rel == forms.ADD or bool(_NEVER & set(rel.split("-")))


def _turn(form: Form) -> int:
    """Questions about the pieces first, then the end of the pieces, then what comes after it. The address last: Loop
    mostly has it from the order and offers the step all the same."""
    if "user-input" in form.rel:
        return 0
    if form.rel == forms.FINALIZE:
        return 1
    return 3 if "address" in form.rel else 2


def _stuck(draft: Draft) -> Refused:
    if draft.errors:
        return errors.refused({"errors": draft.errors})
    steps = ", ".join(draft.forms) or "none"
    return Refused("form", f"Loop's draft return cannot be submitted and no step is left; open steps: {steps}.")


async def _post(client: Client, form: Form, filled: dict[str, object], dead_at: float) -> object:
    given = body(filled) if filled or form.method != "GET" else None
    reply = await client.call(Call(form.method, form.href, WRITE_DRAFTS, body=given), dead_at)
    return _accepted(reply)


def _accepted(reply: Reply) -> object:
    if reply.status >= 400:
        raise errors.refused(reply.value, reply.status)
    return reply.value


async def _submit(client: Client, draft: Draft, dead_at: float) -> Receipt:
    form = draft.forms[forms.SUBMIT]
    given = body(forms.fill(form, Answers(address=draft.address)))
    reply = await client.call(Call(form.method, form.href, WRITE_DRAFTS, body=given, write=True), dead_at)
    try:
        made = forms.draft(_accepted(reply)).return_id
    except WireDrift as error:
        raise OutcomeUnknown(f"the answer to the submitted draft cannot be read: {error}") from error
    if not made:
        raise OutcomeUnknown("the submitted draft names no return")
    return Receipt(made, f"return {made} in Loop")


# -- choosing


def _choose(offered: Iterable[Item], wanted: Iterable[DeskLineWanted]) -> list[tuple[Item, Reason, int]]:
    """The pieces for what is wanted, each with its reason and how many of it. Raises Refused when one is not there, is
    not taken back, gets no refund, or has a reason that the desk does not know."""
    pool = tuple(offered)
    left = {id(item): item.quantity for item in pool}
    chosen: list[tuple[Item, Reason, int]] = []
    for line in wanted:
        of_line = _of_line(pool, line)
        missing = line.quantity
        for item in of_line:
            units = min(missing, left[id(item)]) if item.eligible else 0
            if units:
                _check_outcome(item)
                chosen.append((item, reason(item, DeskReason(line.parent_reason, line.reason)), units))
                left[id(item)] -= units
                missing -= units
        if missing:
            raise _not_taken(of_line, line)
    if not chosen:
        raise Refused("nothing", "there is nothing to open a return for")
    return chosen


def _of_line(pool: tuple[Item, ...], line: DeskLineWanted) -> list[Item]:
    """The pieces of a commerce line, by its id; by SKU where the desk names no line of commerce."""
    found = [item for item in pool if item.line_id and item.line_id == line.line_id]
    found = found or [item for item in pool if not item.line_id and line.sku and item.sku == line.sku]
    if not found:
        known = ", ".join(dict.fromkeys(item.sku or "an item without SKU" for item in pool)) or "nothing"
        raise Refused(
            "line_not_found",
            f"Loop's order has no line {line.sku or line.line_id}; it has: {known}. Loop takes the order from the "
            "store: if it was edited there, wait for Loop's next import.",
        )
    return found


def _not_taken(of_line: list[Item], line: DeskLineWanted) -> Refused:
    why = next((item.why_not for item in of_line if item.why_not), "")
    if why:
        return errors.refused({"code": why, "message": f"{why} ({line.sku})"})
    return errors.because("already_returned", f"Of {line.sku or line.line_id} not so many units are left.")


def _check_outcome(item: Item) -> None:
    if item.outcomes and forms.REFUND not in item.outcomes:
        raise errors.because("refund_not_offered", f"For {item.sku} it offers: {', '.join(item.outcomes)}.")


def reason(item: Item, wanted: DeskReason) -> Reason:
    """The desk's reason of these names, letter by letter. Raises Refused with the nearest one."""
    found = next((each for each in item.reasons if each.name == wanted), None)
    if found is not None or not item.reasons:
        return found or Reason(wanted)
    plain = {str(each.name).lower(): each.name for each in item.reasons}
    (near,) = get_close_matches(str(wanted).lower(), plain, 1, 0.0)
    raise Refused(
        "unknown_reason",
        f"Loop has no reason “{wanted}” for this item; the nearest is “{plain[near]}”. Names are case-sensitive: map "
        "the channel's reason to one of Loop's on the Policy page.",
    )
