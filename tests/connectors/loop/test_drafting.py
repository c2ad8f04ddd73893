"""Forms as accounts may have them, answered step by step by a script; bodies are made up in the vendor's form."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from backhaul.connectors.loop import drafting, forms, vendor
from backhaul.connectors.loop.drafting import Wish
from backhaul.connectors.loop.forms import Answers, Field, Form
from backhaul.domain.desk_effects import DeskLineWanted
from backhaul.domain.reasons import DeskReason
from backhaul.kit.http import Answer
from backhaul.ports.errors import OutcomeUnknown, Refused, WireDrift
from backhaul.ports.factory import Login, Vendor
from tests.connectors.loop import bodies
from tests.connectors.loop.conftest import Budget

LINE_ID = f"gid://shopify/LineItem/{bodies.LINE}"
WANTED = DeskLineWanted(LINE_ID, "MUG-RED", 1, "Quality", "Defective")
WISH = Wish("#1001", "89501", "Broken, says the buyer", (WANTED,))
LINE = {"name": "order_line_item_id", "type": "number", "required": True}
WHY = {"name": "reason_id", "type": "number", "required": True}
ADD = bodies.form("add-returning-item", LINE, WHY, path="/returning-items")
FINALIZE, SUBMIT = bodies.form("finalize-items"), bodies.form("submit-draft-return", path="/submit")


class Script:
    """Answers what it is given, in order, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    async def request(self, method: str, url: str, *, body: bytes | None = None, **_: Any) -> Answer:
        self.asked.append((method, url.partition("/api/2026-10")[2], json.loads(body) if body else None))
        answer = self.answers.pop(0)
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        return Answer(status, {}, value if isinstance(value, bytes) else json.dumps(value).encode(), 0.0)


async def walk(script: Script, wish: Wish = WISH) -> str:
    async def access() -> str:
        return "made-up-key"

    made_by: Vendor = vendor
    login = Login(settings={"api_key": "made-up-key"}, access=access)
    connector = made_by.connect(login, script, Budget(), time.time)
    receipt = await drafting.open_return(connector._client, wish, time.time() + 60)
    assert script.answers == []
    return receipt.result


def items(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(rows or [bodies.item()])}


def made(number: Any = 555) -> dict[str, Any]:
    return bodies.draft(return_id=number, state="submitted")


async def test_the_shortest_way() -> None:
    script = Script(bodies.draft(ADD), items(), bodies.draft(FINALIZE), bodies.draft(SUBMIT), made())
    assert await walk(script) == "555"
    assert script.asked == [
        ("POST", "/draft-returns", {"order_name": "#1001", "secondary_input": "89501", "is_gift": False}),
        ("GET", "/draft-returns/43/order/items", None),
        ("POST", "/draft-returns/43/returning-items", {"order_line_item_id": 901, "reason_id": 21}),
        ("POST", "/draft-returns/43/finalize-items", {}),
        ("POST", "/draft-returns/43/submit", {}),
    ]


async def test_only_what_is_open_is_taken_and_each_step_once() -> None:
    credit = {"name": "credit_type", "required": True, "options": {"inline": ["store-credit", "refund"]}}
    method = {"name": "method_id", "required": True, "options": {"inline": [{"prompt": "Mail", "value": 7}]}}
    address = bodies.form("set-address", *({"name": name, "required": True} for name in ("address1", "zip")))
    never = [bodies.form(rel) for rel in ("cancel-draft-return", "set-cart", "remove-returning-item")]
    script = Script(
        bodies.draft(*never, ADD, address),
        items(),
        bodies.draft(*never, address, ADD, FINALIZE),
        bodies.draft(*never, address, bodies.form("set-credit-type", credit)),
        bodies.draft(*never, address, bodies.form("set-return-method", method)),
        bodies.draft(*never, address),
        bodies.draft(*never, address, SUBMIT),
        made(),
    )
    assert await walk(script) == "555"
    assert [(path, body) for _, path, body in script.asked[3:]] == [
        ("/draft-returns/43/finalize-items", {}),
        ("/draft-returns/43/set-credit-type", {"credit_type": "refund"}),
        ("/draft-returns/43/set-return-method", {"method_id": 7}),
        ("/draft-returns/43/set-address", {"address1": "12 Oak Ave", "zip": "89501"}),
        ("/draft-returns/43/submit", {}),
    ]


async def test_a_form_that_takes_a_quantity_gets_one() -> None:
    form = bodies.form("add-returning-item", LINE, WHY, {"name": "quantity", "required": True}, path="/returning-items")
    several = WISH.__class__(WISH.order_name, WISH.secondary, "", (DeskLineWanted(LINE_ID, "", 3, "Just so", ""),))
    row = bodies.item(quantity=4)
    script = Script(bodies.draft(form), items(row), bodies.draft(SUBMIT), made())
    await walk(script, several)
    assert script.asked[2][2] == {"order_line_item_id": 901, "reason_id": 3, "quantity": 3}


async def test_a_form_without_quantity_is_filled_once_for_each_unit() -> None:
    two = WISH.__class__(WISH.order_name, WISH.secondary, "", (DeskLineWanted(LINE_ID, "", 2, "Fit", "Other"),))
    script = Script(
        bodies.draft(ADD), items(bodies.item(901), bodies.item(902)), bodies.draft(ADD), bodies.draft(SUBMIT), made()
    )
    await walk(script, two)
    assert [body for _, _, body in script.asked[2:4]] == [
        {"order_line_item_id": 901, "reason_id": 12},
        {"order_line_item_id": 902, "reason_id": 12},
    ]


async def test_an_item_without_a_line_of_commerce_is_found_by_its_sku() -> None:
    row = bodies.item(provider_line_item_id=None)
    await walk(Script(bodies.draft(ADD), items(row), bodies.draft(SUBMIT), made()))
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(bodies.item(provider_line_item_id=None, sku="OTHER"))))
    assert caught.value.code == "line_not_found"
    assert "OTHER" in caught.value.text


async def test_reasons_of_the_draft_when_the_items_name_none() -> None:
    row = bodies.item()
    tree = row.pop("return_reasons")
    begun = bodies.draft(ADD)
    begun["context"]["return_reasons"] = tree
    await walk(Script(begun, items(row), bodies.draft(SUBMIT), made()))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((422, {"errors": [{"code": "returns-unavailable-for-order"}]}), "no_policy"),
        ((422, {"errors": [{"code": "draft-returns-not-enabled", "message": "Not enabled."}]}), "no_draft_returns"),
        ((200, {"draft_return": None, "errors": [{"code": "order-not-found"}]}), "order_not_found"),
        ((404, {"message": "Not Found"}), "http_404"),
    ],
)
async def test_a_beginning_that_is_refused(answer: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await walk(Script(answer))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"eligible": False}, "not-eligible"),
        ({"eligible": False, "ineligibility_code": "final-sale"}, "final_sale"),
        ({"ineligibility_code": "sparkles"}, "sparkles"),
        ({"available_outcomes": [{"type": "exchange"}]}, "refund_not_offered"),
    ],
)
async def test_an_item_that_is_not_taken_back(more: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(bodies.item(**more))))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (bodies.form("upload-image", {"name": "photo", "required": True}), "photo"),
        (bodies.form("add-returning-item-user-input", {"name": "v", "type": "number", "required": True}), "question"),
        (bodies.form("set-address", {"name": "county", "required": True}), "address"),
        (bodies.form("sparkle", {"name": "sparkles", "required": True}), "form"),
        (bodies.form("set-credit-type", {"name": "credit_type", "required": True, "options": ["gift-card"]}),
         "refund_not_offered"),
    ],
)  # fmt: skip
async def test_a_step_that_we_cannot_take_is_named(form: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(), bodies.draft(form)))
    assert caught.value.code == code


async def test_a_dead_end_is_told_with_what_loop_said() -> None:
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(), bodies.draft(bodies.form("cancel-draft-return"))))
    assert caught.value.code == "form"
    assert "cancel-draft-return" in caught.value.text
    stuck = bodies.draft()
    stuck["errors"] = [{"code": "image-upload-required"}]
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(), stuck))
    assert caught.value.code == "photo"


async def test_a_walk_in_circles_ends() -> None:
    asks = bodies.form("add-returning-item-user-input", {"name": "value", "required": True})
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(), *[bodies.draft(asks)] * 14))
    assert "does not come to its end" in caught.value.text


@pytest.mark.parametrize("answer", [bodies.draft(), (200, {}), (200, b"<html>"), (200, b""), (502, b"")])
async def test_a_last_answer_that_names_no_return_is_none(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await walk(Script(bodies.draft(ADD), items(), bodies.draft(SUBMIT), answer))


async def test_a_refused_last_step_made_nothing() -> None:
    refused = (422, {**bodies.draft(SUBMIT), "errors": [{"code": "returns-unavailable-for-order"}]})
    with pytest.raises(Refused) as caught:
        await walk(Script(bodies.draft(ADD), items(), bodies.draft(SUBMIT), refused))
    assert caught.value.code == "no_policy"


async def test_a_step_of_another_host_is_not_followed() -> None:
    begun = bodies.draft(ADD, base="https://elsewhere.example.com")
    begun["_links"]["self"]["href"] = "/api/2026-10/draft-returns/43"
    with pytest.raises(WireDrift, match="another host"):
        await walk(Script(begun, items()))


@pytest.mark.parametrize("value", [None, [], "x", {"draft_return": {}}, {"draft_return": {"id": 1}}, {"errors": []}])
def test_what_is_no_draft(value: Any) -> None:
    with pytest.raises(WireDrift):
        forms.draft(value)


def test_a_choice_is_chosen_from_and_never_made_up() -> None:
    item = forms.items(items(), {})[0]
    reason = drafting.reason(item, DeskReason("Quality", "Other"))
    assert (reason.id, reason.parent_id) == ("22", "2")
    choice = (("Other", 12, "Fit"), ("Other", 22, "Quality"))
    by_label = Form("add", "POST", "/x", "Add", (Field("why_reason", required=True, options=choice),))
    assert forms.fill(by_label, Answers(item, reason)) == {"why_reason": 22}
    elsewhere = Form("add", "POST", "/x", "Add", (Field("reason", required=True, options=(("Worn", 1, ""),)),))
    with pytest.raises(Refused):
        forms.fill(elsewhere, Answers(item, reason))
    no_such_line = Form("add", "POST", "/x", "Add", (Field("line_item", required=True, options=(("A", 5, ""),)),))
    with pytest.raises(Refused):
        forms.fill(no_such_line, Answers(item, reason))


def test_names_where_the_form_wants_names() -> None:
    item = forms.items(items(), {})[0]
    reason = drafting.reason(item, DeskReason("Quality", "Defective"))
    form = Form("add", "POST", "/x", "Add", (Field("parent_reason"), Field("reason"), Field("line_item")))
    assert forms.fill(form, Answers(item, reason)) == {
        "parent_reason": "Quality",
        "reason": "Defective",
        "line_item": "901",
    }


def test_what_the_form_brings_along_goes_back() -> None:
    fields = (Field("revision", read_only=True, value="43-0"), Field("locale", value="en"), Field("gift"))
    assert forms.fill(Form("x", "POST", "/x", "X", fields), Answers()) == {"revision": "43-0", "locale": "en"}


def test_a_comment_is_cut_to_what_fits() -> None:
    form = Form("x", "POST", "/x", "X", (Field("comment", longest=10),))
    assert forms.fill(form, Answers(note="a long comment")) == {"comment": "a long co…"}


@pytest.mark.parametrize(
    ("name", "options", "chosen"),
    [
        ("outcome", ["exchange", "refund", "store-credit"], "refund"),
        ("return_type", ["exchange", "credit"], "credit"),  # credit towards a refund, as against an exchange
        ("resolution", ["repair", "return"], "return"),
        ("credit_type", ["credit", "gift-card"], None),
        ("outcome", ["exchange", "store-credit"], None),
    ],
)
def test_money_back_and_nothing_else(name: str, options: list[str], chosen: str | None) -> None:
    field = Field(name, required=True, options=tuple((each, each, "") for each in options))
    form = Form("x", "POST", "/x", "X", (field,))
    if chosen:
        assert forms.fill(form, Answers()) == {name: chosen}
    else:
        with pytest.raises(Refused) as caught:
            forms.fill(form, Answers())
        assert caught.value.code == "refund_not_offered"
