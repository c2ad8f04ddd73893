"""From a file to a Scenario. Every mistake is a FileMistake: file, line, what was expected."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

from backhaul.simulator import money
from backhaul.simulator.files import FileMistake, Table, read_toml
from backhaul.simulator.kinds import checked
from backhaul.simulator.loop.settings import Settings as DeskSettings
from backhaul.simulator.order_connector import STYLES, Habits
from backhaul.simulator.scenario.model import CASE, UNKNOWN, Act, Expected, OrderPlan, Scenario, ShopPlan
from backhaul.simulator.scenario.rows import ROWS, SEED
from backhaul.simulator.scenario.vocabulary import (
    ACTS,
    IN_THE_PORTAL,
    KINDS,
    NAMES_A_CASE,
    NEEDS_NO_CASE,
    PARTIES,
    PORTAL_KINDS,
    Field,
    doings,
)
from backhaul.simulator.tiktok import states
from backhaul.simulator.tiktok.market import MARKETS, Clocks
from backhaul.simulator.tiktok.model import CANCELLATION_STATUSES, Switches
from backhaul.simulator.tiktok.sales import Unit

HOUR = 3600.0
_TIME = re.compile(r"\+(\d+(?:\.\d+)?)(m|h|d)$")
_SECONDS = {"m": 60.0, "h": HOUR, "d": 24 * HOUR}
_LONGEST = 3650 * 24 * HOUR
_STATUSES = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED")
_FULFILLMENTS = ("FULFILLMENT_BY_SELLER", "FULFILLMENT_BY_TIKTOK")
_BOOKERS = ("hub", "desk", "connector", "nobody")
_SEEN = (
    "case", "at", "channel", "decided", "others", "paid", "booked", "booked_by", "returns", "stock", "labels",
    "pictures", "desk", "desk_reasons", "hub", "ended", "exceptions", "questions",
)  # fmt: skip
# At the end everything counts that a file does not speak of: nothing else may have happened.
_END_DEFAULTS: Mapping[str, Any] = {
    "others": (), "returns": (), "stock": (), "labels": 0, "pictures": 0, "desk": (), "ended": True,
    "exceptions": (), "questions": (),
}  # fmt: skip
_CHANNEL_SHOWS = (UNKNOWN, *states.STATUSES, *CANCELLATION_STATUSES)
_END_NEEDED = ("channel", "decided", "paid", "booked", "hub")


def folder() -> Path:
    """Where the scenarios that come with Backhaul lie."""
    return Path(str(resources.files("backhaul.simulator").joinpath("scenarios")))


def read_all(where: Path | None = None) -> list[Scenario]:
    """All scenarios of a folder, by name. Raises FileMistake for one that makes no sense, or when there is none."""
    where = where or folder()
    files = sorted(where.glob("*.toml"))
    if not files:
        raise FileMistake(str(where), 0, "expected scenario files (*.toml) in this folder")
    return [read(file) for file in files]


def read(path: Path) -> Scenario:
    """One scenario. Raises FileMistake."""
    table = read_toml(path)
    table.only(("title", "story", "covers", "shop", "order", "happens", "end"))
    shop = _shop(table.table("shop", {}))
    currency = MARKETS[shop.market].currency
    order = _order(table.table("order"), currency)
    for number, each in enumerate(table.texts("covers")):
        if each not in ROWS and SEED.match(each) is None:
            table.fail(("covers", number), f"expected a row of the state tables or a requirement's id, found {each!r}")
    named: set[str] = set()
    units = sum(int(line.get("quantity", 1)) for line in order.lines)
    happens = table.table("happens")
    happens.only(("acts", "checks", "until"))
    acts = tuple(_act(each, shop, currency, units, named) for each in happens.tables("acts"))
    if not acts:
        happens.fail(None, "'acts' is missing; expected what happens, at least one act")
    for number, (before, after) in enumerate(itertools.pairwise(acts), 1):
        if after.at < before.at:
            happens.fail(("acts", number, "at"), "expected the acts in the order of their times")
    checks = tuple(_expected(each, currency, named, final=False) for each in happens.tables("checks"))
    end = _ends(table, currency, named)
    until = _time(happens, "until") if "until" in happens else acts[-1].at + 72 * HOUR
    if until < acts[-1].at:
        happens.fail("until", "expected a time after the last act")
    return Scenario(
        name=path.stem,
        path=path,
        title=table.text("title"),
        story=" ".join(table.text("story").split()),
        covers=tuple(table.texts("covers")),
        shop=shop,
        order=order,
        acts=acts,
        checks=checks,
        end=end,
        until=until,
    )


def _shop(table: Table) -> ShopPlan:
    known = [each.name for each in fields(ShopPlan)]
    table.only(known)
    market = table.text("market", "US", among=MARKETS)
    return ShopPlan(
        market=market,
        desk=table.text("desk", "own", among=("own", "loop")),
        commerce=table.flag("commerce", True),
        switches=_named(table, "switches", Switches, Switches.fitting),
        clocks=_named(table, "clocks", Clocks, lambda values: checked(Clocks, values)),
        connector=_named(table, "connector", Habits, Habits.of),
        workflows=_named(table, "workflows", DeskSettings, lambda values: DeskSettings().change(values)),
        gateway_confirmed=table.flag("gateway_confirmed", True),
        booker=table.text("booker", "hub", among=_BOOKERS),
        policy=dict(table.table("policy", {}).values),
        portal=_portal(table.table("portal")) if "portal" in table else (),
    )


def _portal(table: Table) -> tuple[str, ...]:
    table.only(("kinds",))
    kinds = table.texts("kinds", PORTAL_KINDS[:1], among=PORTAL_KINDS)
    if not kinds:
        table.fail("kinds", f"expected at least one of {', '.join(PORTAL_KINDS)}")
    return tuple(kinds)


def _named(table: Table, key: str, kind: type, judge: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Settings of a kind; `judge` raises ValueError for what none of them can be."""
    inner = table.table(key, {})
    inner.only([each.name for each in fields(kind)])
    for name, value in inner.values.items():
        try:
            judge({name: value})
        except ValueError as error:
            inner.fail(name, f"expected what {key} can be: {error}")
    return dict(inner.values)


def _order(table: Table, currency: str) -> OrderPlan:
    table.only([each.name for each in fields(OrderPlan)])
    lines = [_line(each, currency) for each in table.tables("lines")]
    if not lines:
        table.fail(None, "'lines' is missing; expected at least one { sku, price }")
    copy: dict[str, Any] | None = {}
    if table.values.get("copy") is False:
        copy = None
    elif "copy" in table:
        inner = table.table("copy")
        inner.only(("style", "delay_seconds", "wrong_sku"))
        inner.text("style", "tag", among=STYLES)
        inner.number("delay_seconds", 0, low=0, high=_LONGEST)
        inner.flag("wrong_sku", False)
        copy = dict(inner.values)
    return OrderPlan(
        lines=tuple(lines),
        status=table.text("status", "DELIVERED", among=_STATUSES),
        shipping=_amount(table, "shipping", currency, 0),
        fulfillment=table.text("fulfillment", "FULFILLMENT_BY_SELLER", among=_FULFILLMENTS),
        copy=copy,
    )


def _line(table: Table, currency: str) -> dict[str, Any]:
    table.only(("sku", "quantity", *(each.name for each in fields(Unit) if each.name != "product")))
    line: dict[str, Any] = {"sku": table.text("sku"), "quantity": table.whole("quantity", 1, low=1, high=50)}
    line["price"] = _amount(table, "price", currency)
    line["tax"] = _amount(table, "tax", currency, 0)
    for name in ("seller_discount", "platform_discount"):
        if name in table:
            line[name] = _amount(table, name, currency)
    return line


def _act(table: Table, shop: ShopPlan, currency: str, units: int, named: set[str]) -> Act:
    by = table.text("by", among=PARTIES)
    if by == "loop" and shop.desk != "loop":
        table.fail("by", 'expected desk = "loop" under [shop]: this shop has no such desk')
    if by == "shopify" and not shop.commerce:
        table.fail("by", "expected a shop with a commerce system, and this one has none")
    do = table.text("do", among=doings(by))
    if (by, do) in IN_THE_PORTAL and not shop.portal:
        table.fail("do", "expected a portal under [shop]: this shop has none open")
    _, wanted = ACTS[by, do]
    table.only(("at", "by", "do", "case", *wanted))
    case = table.text("case", CASE)
    values = {name: _value(table, name, field, currency, units) for name, field in wanted.items() if name in table}
    for name, field in wanted.items():
        if field.needed and name not in table:
            table.fail(None, f"{name!r} is missing; expected {field.says}")
    if (by, do) == ("buyer", "portal") and table.values["kind"] not in shop.portal:
        table.fail("kind", f"expected what the shop's portal lets buyers ask for: {', '.join(shop.portal)}")
    if (by, do) in NAMES_A_CASE:
        if case in named and do != "start":  # what is begun may be of goods that have arrived
            table.fail("case", f"there is a case {case!r} already; expected another name")
        named.add(case)
    elif case not in named and (by, do) not in NEEDS_NO_CASE:
        table.fail("case", f"nobody has asked for {case!r} yet; expected {', '.join(sorted(named)) or 'an ask before'}")
    if "new" in values:
        named.add(values["new"])
    if "with" in values and values["with"] not in named:
        table.fail("with", f"expected the name of a case before, one of {', '.join(sorted(named))}")
    return Act(_time(table, "at"), by, do, case, values, table.line)


def _value(table: Table, name: str, field: Field, currency: str, units: int) -> Any:
    if field.kind == "amount":
        return _amount(table, name, currency)
    if field.kind == "count":
        return table.whole(name, low=0, high=100)
    if field.kind == "flag":
        return table.flag(name)
    if field.kind == "units":
        value = table.values[name]
        fine = isinstance(value, list) and value and all(type(each) is int and 1 <= each <= units for each in value)
        if not fine:
            table.fail(name, f"expected units of the order, numbers from 1 to {units}, found {value!r}")
        return list(value)
    text = table.text(name, among=field.choices)
    return KINDS[text] if name == "kind" else text


def _time(table: Table, key: str) -> float:
    text = table.text(key)
    found = _TIME.match(text)
    if found is None:
        table.fail(key, f"expected a time after the beginning, such as +90m, +48h or +14d, found {text!r}")
    seconds = float(found.group(1)) * _SECONDS[found.group(2)]
    if seconds > _LONGEST:
        table.fail(key, f"expected a time within ten years, found {text!r}")
    return seconds


def _amount(table: Table, key: str, currency: str, default: int | None = None) -> int:
    if default is not None and key not in table:
        return default
    text = table.text(key)
    try:
        amount = money.minor(text, currency)
        if amount < 0:
            raise ValueError(text)
        return amount
    except ValueError:
        table.fail(key, f'expected an amount of {currency} as text, such as "12.50", found {text!r}')


def _ends(table: Table, currency: str, named: set[str]) -> tuple[Expected, ...]:
    if isinstance(table.values.get("end"), Mapping):
        tables = [table.table("end")]
    else:
        tables = table.tables("end")
    ends = tuple(_expected(each, currency, named, final=True) for each in tables)
    missing = sorted(named - {each.case for each in ends})
    if missing:
        table.fail("end", f"expected an [[end]] for each case; there is none for {', '.join(missing)}")
    return ends


def _expected(table: Table, currency: str, named: set[str], *, final: bool) -> Expected:
    table.only(_SEEN)
    case = table.text("case", CASE)
    if case not in named:
        table.fail(
            "case" if "case" in table else None, f"expected the name of a case, one of {', '.join(sorted(named))}"
        )
    values: dict[str, Any] = dict(_END_DEFAULTS) if final else {"at": _time(table, "at")}
    if "channel" in table:
        values["channel"] = table.text("channel", among=_CHANNEL_SHOWS)
    if "hub" in table:
        values["hub"] = table.text("hub")
    for name in (
        "decided",
        "others",
        "booked_by",
        "returns",
        "stock",
        "desk",
        "desk_reasons",
        "exceptions",
        "questions",
    ):
        if name in table:
            values[name] = tuple(table.texts(name))
    for name in ("paid", "booked"):
        if name in table:
            values[name] = _amount(table, name, currency)
    for name in ("labels", "pictures"):
        if name in table:
            values[name] = table.whole(name, low=0)
    if "ended" in table:
        values["ended"] = table.flag("ended")
    for name in _END_NEEDED if final else ():
        if name not in values:
            table.fail(None, f"{name!r} is missing; expected it at the end of every case")
    return Expected(case=case, line=table.line, **values)
