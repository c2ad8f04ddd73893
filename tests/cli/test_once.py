"""One return played by the real processes, and the judge that must not let a wrong one pass."""

from __future__ import annotations

import copy
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backhaul.cli.judge import Told, complaints
from tests.cli.runs import backhaul

Evidence = dict[str, Any]
Tamper = Callable[[Evidence], None]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What one run of `demo --once` was judged by; played once a test run, whichever worker comes first."""
    file = Path(os.environ["HUB_TEST_POSTGRES"]) / "once.json"
    with open(file.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            done = backhaul(tmp_path_factory.mktemp("data"), "demo", "--once", "--evidence", str(file))
            assert done.returncode == 0, done.stdout + done.stderr
            assert "asked, paid, booked once" in done.stdout
            assert len(done.stdout.splitlines()) >= 8, "the time-line"
    evidence: Evidence = msgspec.json.decode(file.read_bytes())
    return evidence


def judge(evidence: Evidence) -> list[str]:
    return complaints(evidence["case"], evidence["books"], msgspec.convert(evidence["told"], Told))


def shop(evidence: Evidence) -> Any:
    return evidence["books"]["shops"][evidence["told"]["shop_id"]]


def store(evidence: Evidence) -> Any:
    return evidence["books"]["commerce"][evidence["told"]["store"]]


def order(evidence: Evidence) -> Any:
    return store(evidence)["orders"][evidence["told"]["commerce_order"]]


def test_the_played_return_is_right(played: Evidence) -> None:
    assert judge(played) == []
    assert played["told"]["total"] > 0
    assert sum(played["told"]["skus"].values()) == 3


def doubled(rows: list[Any]) -> None:
    assert rows
    rows.append(copy.deepcopy(rows[-1]))


def changed(row: dict[str, Any], name: str, value: Any) -> None:
    assert name in row
    assert row[name] != value
    row[name] = value


def more(row: dict[str, Any], name: str, by: int = 1) -> None:
    changed(row, name, row[name] + by)


TAMPERED: dict[str, tuple[Tamper, str]] = {
    "the channel pays a cent more": (lambda e: more(shop(e)["refunds"][0], "amount"), "the channel paid"),
    "the channel pays twice": (lambda e: doubled(shop(e)["refunds"]), "paid 2 times"),
    "nobody pays": (lambda e: shop(e)["refunds"].clear(), "paid 0 times"),
    "a cent more is booked": (lambda e: more(order(e)["refunds"][0], "amount_minor"), "booked in commerce"),
    "it is booked twice": (lambda e: doubled(order(e)["refunds"]), "2 refunds are booked"),
    "nothing is booked": (lambda e: order(e)["refunds"].clear(), "0 refunds are booked"),
    "a booking restocks": (
        lambda e: changed(order(e)["refunds"][0]["lines"][0], "restocked", True),
        "a booking has restocked",
    ),
    "money moves in commerce": (lambda e: store(e)["money_moved"].append({"amount_minor": 1}), "moved money"),
    "the buyer gets a mail": (lambda e: store(e)["emails"].append("refund"), "written to the buyer"),
    "a decision is sent twice": (lambda e: doubled(shop(e)["decisions"]), "took the decisions"),
    "another decision is sent": (
        lambda e: changed(shop(e)["decisions"][0], "decision", "REJECT_RETURN"),
        "took the decisions",
    ),
    "another return is decided": (
        lambda e: shop(e)["decisions"].append({"return_id": "1", "decision": "APPROVE_RETURN"}),
        "other returns",
    ),
    "the label is another file": (lambda e: changed(shop(e)["labels"][0], "sha256", "0" * 64), "not the one"),
    "the label has another number": (lambda e: changed(shop(e)["labels"][0], "tracking_number", "1Z"), "not the one"),
    "the label is sent twice": (lambda e: doubled(shop(e)["labels"]), "2 labels"),
    "commerce has another tracking number": (
        lambda e: changed(order(e)["returns"][0]["tracking"][0], "number", "1Z"),
        "commerce knows the parcels",
    ),
    "the tracking is written twice": (
        lambda e: doubled(order(e)["returns"][0]["tracking"]),
        "commerce knows the parcels",
    ),
    "the hub shows another parcel": (
        lambda e: changed(e["case"]["parcels"][0], "tracking_number", "1Z"),
        "the hub shows the parcels",
    ),
    "a second return is made": (lambda e: doubled(order(e)["returns"]), "returns in commerce"),
    "the return is left open": (lambda e: changed(order(e)["returns"][0], "status", "OPEN"), "returns in commerce"),
    "a unit too many is returned": (lambda e: more(order(e)["returns"][0]["lines"][0], "quantity"), "is of"),
    "a unit is put back twice": (lambda e: doubled(order(e)["returns"][0]["dispositions"]), "on the shelf"),
    "a unit is not put back": (lambda e: order(e)["returns"][0]["dispositions"].pop(), "on the shelf"),
    "another order is refunded": (
        lambda e: store(e)["orders"].update({"gid://shopify/Order/1": copy.deepcopy(order(e))}),
        "commerce orders",
    ),
    "the return is not complete": (
        lambda e: changed(shop(e)["returns"][e["told"]["return_id"]], "status", "AWAITING_BUYER_SHIP"),
        "stands at",
    ),
    "the hub shows another amount": (lambda e: more(e["case"]["case"], "total"), "the hub's total"),
    "the hub's ledger is a cent off": (lambda e: more(e["case"]["entries"][0], "amount"), "ledger says"),
    "the hub's ledger has a line twice": (lambda e: doubled(e["case"]["entries"]), "ledger says"),
    "an effect is tried twice": (lambda e: doubled(e["case"]["effects"]), "more than once"),
    "an effect hangs": (lambda e: changed(e["case"]["effects"][0], "state", "sent"), "not confirmed"),
    "an exception is open": (lambda e: e["case"]["exceptions"].append({"text": "stuck"}), "open exceptions"),
    "a lane is not done": (
        lambda e: e["case"]["view"]["lanes"]["money"].pop("terminal"),
        "not terminal",
    ),
    "the case is open": (lambda e: changed(e["case"]["case"], "ended", False), "not ended"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_the_judge_sees_it(played: Evidence, name: str) -> None:
    tamper, said = TAMPERED[name]
    evidence = copy.deepcopy(played)
    tamper(evidence)
    found = judge(evidence)
    assert any(said in text for text in found), found
