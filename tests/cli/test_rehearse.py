"""`backhaul rehearse`: a policy against scenarios, right and wrong."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli import rehearsing, running
from backhaul.cli.running import Problem
from backhaul.domain.policy import AcceptParcel, Policy
from backhaul.domain.terms import Booker
from backhaul.rehearsal.outcome import Outcome, Trouble
from backhaul.settings import Settings
from backhaul.wiring import open_hub
from tests.cli.runs import COMMAND, Run, environment
from tests.patience import patient
from tests.web import seeding

GENEROUS = 'accept_parcel = "on_delivery"\n[on_deadline.answer_refund]\ndefault = "approve"\n'


def test_a_policy_is_shown_what_it_would_do_with_people_and_without(backhaul: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GENEROUS, encoding="utf-8")
    names = ("refund_left_to_the_clock", "parcel_refused")
    chosen = [word for name in names for word in ("--scenario", name)]
    done = backhaul(tmp_path / "home", "rehearse", "--policy", str(policy), *chosen, "--json")
    assert done.returncode == 0, done.stderr
    rows = {(each["scenario"], each["seller"]): each for each in json.loads(done.stdout)}
    assert set(rows) == {(name, seller) for name in names for seller in ("people", "nobody")}
    left = rows["refund_left_to_the_clock", "nobody"]
    assert left["decided"] == [{"decision": "APPROVE_REFUND", "by": "deadline"}]
    assert (left["paid"], left["booked"], left["ended"]) == ("68.71 USD", "68.71 USD", True)
    parcel = rows["parcel_refused", "people"]  # the policy accepts what arrives, before anybody can refuse it
    assert parcel["decided"][-1] == {"decision": "APPROVE_RECEIVED_PACKAGE", "by": "policy"}
    assert parcel["left_out"] == ["seller: refuse"]
    assert parcel["differs"]
    assert not parcel["fails"]
    assert not (tmp_path / "home").exists(), "a rehearsal without a shop has no business in the data folder"


def test_what_only_people_begin_is_never_begun_when_nobody_is_there(backhaul: Run, tmp_path: Path) -> None:
    """And what the others would have done with it is left out: no parcel is scanned that nobody has asked for."""
    chosen = ("--scenario", "seller_return", "--scenario", "blind_return", "--seller", "nobody")
    done = backhaul(tmp_path / "home", "rehearse", *chosen, "--json")
    assert done.returncode == 0, done.stderr
    rows = {each["scenario"]: each for each in json.loads(done.stdout)}
    assert {name: (row["decided"], row["paid"], row["end"]) for name, row in rows.items()} == {
        "seller_return": ([], "0.00 USD", "never begun"),
        "blind_return": ([], "0.00 USD", "never begun"),
    }
    assert rows["seller_return"]["left_out"] == ["carrier: scan", "carrier: deliver"]


def test_a_story_that_cannot_be_played_is_said_and_the_others_go_on(backhaul: Run, tmp_path: Path) -> None:
    stories = tmp_path / "stories"
    stories.mkdir()
    told = """
        title = "{title}"
        story = "Somebody wants their money back from an order that goes to {status}."
        covers = []
        [order]
        status = "IN_TRANSIT"
        lines = [{{ sku = "MUG-GRN", price = "14.90" }}]
        [happens]
        acts = [
            {{ at = "+0h", by = "buyer", do = "ask", kind = "refund" }},
            {{ at = "+1h", by = "carrier", do = "order", status = "{status}" }},
            {{ at = "+2h", by = "seller", do = "approve" }},
        ]
        [end]
        channel = "RETURN_OR_REFUND_REQUEST_COMPLETE"
        decided = ["APPROVE_REFUND"]
        paid = "14.90"
        booked = "14.90"
        hub = "closed"
        """
    for name, status in (("good", "DELIVERED"), ("odd", "AWAITING_COLLECTION")):
        (stories / f"{name}.toml").write_text(told.format(title=name, status=status), encoding="utf-8")
    words = ("rehearse", "--scenarios", str(stories), "--seller", "people")
    done = backhaul(tmp_path / "home", *words, "--json")
    assert done.returncode == 1, done.stderr
    rows = {each["scenario"]: each for each in json.loads(done.stdout)}
    assert rows["odd"]["broken"].startswith("line 11: carrier: order: 400: an order in IN_TRANSIT")
    assert (rows["odd"]["fails"], rows["odd"]["differs"]) == ([], [])
    good = rows["good"]
    assert (good["broken"], good["ended"], good["paid"], good["differs"]) == ("", True, "14.90 USD", [])


def test_the_table_says_in_words_what_is_in_the_way() -> None:
    trouble = Trouble(
        "gateway:X", "Nobody has confirmed that X moves no money. More.", "Confirm it.", "payment methods"
    )
    told: dict[str, Any] = {"paid": "1.00 USD", "booked": "0.00 USD", "decided": (), "fails": ()}
    found = [
        Outcome("a", "Story A", "people", end="refunded", ended=False, begun=True, **{**told, "fails": (trouble,)}),
        Outcome("a", "Story A", "nobody", end="refunded", ended=False, begun=True, **{**told, "fails": (trouble,)}),
        Outcome("b", "Story B", "people", end="never begun", ended=False, begun=False, broken="line 3: no", **told),
    ]
    with running.out.capture() as shown:
        rehearsing.show(found)
    text = " ".join(shown.get().split())
    assert "FAILS: Nobody has confirmed that X moves no money" in text
    assert "waits for a person: Nobody has confirmed" in text
    assert "gateway:X" not in text
    assert "refunded, open" in text
    assert "never begun could not be played" in text
    assert "3 stories played, 1 would fail, 1 could not be played to the end." in text
    assert "Story A: Nobody has confirmed that X moves no money. More. Confirm it. setting: payment methods" in text
    assert "Story B (people): line 3: no" in text


def test_wrong_calls_are_told_in_one_line(backhaul: Run, tmp_path: Path) -> None:
    bad = tmp_path / "policy.toml"
    bad.write_text('accept_parcel = "never"\n', encoding="utf-8")
    story = tmp_path / "stories" / "mine.toml"
    story.parent.mkdir()
    story.write_text('title = "Mine"\nstroy = "?"\n', encoding="utf-8")
    for words, says in (
        (
            ("--policy", str(bad)),
            "policy.toml:1: accept_parcel: Invalid enum value 'never'; expected one of on_delivery",
        ),
        (("--policy", str(tmp_path / "none.toml")), "No such file"),
        (("--scenario", "nothing_of_the_kind"), "there is no scenario nothing_of_the_kind"),
        (("--seller", "everybody"), "--seller: one of"),
        (("--shop", "x", "--policy", str(bad)), "one of them"),
        (("--scenarios", str(story.parent)), "mine.toml:2: unknown key 'stroy'"),
    ):
        done = backhaul(tmp_path / "home", "rehearse", *words)
        assert done.returncode == 2, words
        assert says in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_the_stories_are_listed(backhaul: Run, tmp_path: Path) -> None:
    done = backhaul(tmp_path / "home", "rehearse", "--scenario", "?")
    assert done.returncode == 0
    assert "parcel_refused  The wrong goods come back" in done.stdout


async def test_a_shops_own_settings_are_read_and_left_as_they_are(database: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=database)
    async with open_hub(settings, database) as hub:
        with pytest.raises(Problem, match="no shop is connected yet") as none:
            await rehearsing.shop_terms(settings, "kiln")
        assert none.value.code == 2
        shop = await seeding.shop(hub.pool, "Kiln", safe_gateways=["Channel pay"], booker="nobody")
        await hub.commands.shops.set_policy(shop, Policy(accept_parcel=AcceptParcel.ASK), "owner")
        before = await hub.pool.fetchval("select count(*) from history")
        terms = await rehearsing.shop_terms(settings, "kiln")
        assert terms.policy.accept_parcel is AcceptParcel.ASK
        assert (terms.booker, terms.gateways, terms.desk) == (Booker.NOBODY, ("Channel pay",), None)
        assert await hub.pool.fetchval("select count(*) from history") == before
    with pytest.raises(Problem, match="no shop fits"):
        await rehearsing.shop_terms(settings, "somebody else's")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_rehearsal_that_is_stopped_leaves_nothing(number: int) -> None:
    """Its folder, its database and its simulator go with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, the database's own account has to pass
        started = subprocess.Popen(
            [*COMMAND, "rehearse", "--scenario", "return_settled"],
            env=environment(folder / "home", TMPDIR=name),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + patient(60)
        while not list(folder.glob("backhaul-rehearsal-*/postgres/data/postmaster.pid")):
            assert time.monotonic() < end
            time.sleep(0.05)
        started.send_signal(number)
        told = started.communicate(timeout=patient(60))
        assert started.returncode == 130, told
        assert list(folder.iterdir()) == []
        assert b"Traceback" not in told[1]


def test_a_rehearsal_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def begun() -> Any:
        rehearsing._end_with_the_terminal()
        return signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)

    try:
        hangup, stop = asyncio.run(begun())
    finally:
        signal.signal(signal.SIGHUP, before)
    assert hangup == signal.SIG_IGN
    assert stop != signal.SIG_IGN
