"""Cases for the pages' tests, made by us: what the channel would show, planned by the real plan, written by hand."""

from __future__ import annotations

import itertools
import time
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.channel import (
    ActionDue,
    Answerable,
    ChannelCase,
    ChannelOrder,
    ChannelRefund,
    ChannelUnit,
    UnitChoices,
    WayBack,
)
from backhaul.domain.commerce import Candidate, CommerceLine, CommerceOrder
from backhaul.domain.effects import StampOrder
from backhaul.domain.facts import Facts, Link, LinkState, Seen
from backhaul.domain.money import Money
from backhaul.domain.plan import plan
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said
from backhaul.domain.steps import View
from backhaul.domain.terms import Mode, ShopTerms
from backhaul.domain.words import Action, Actor, Condition, Kind, ShippedBy, Stage
from backhaul.kit.ids import uuid7
from backhaul.store.db import Pool

NOW = int(time.time())
HOUR = 3600
_numbers = itertools.count(1)
REASONS = (("seller_reject_used", "The item was used"), ("seller_reject_wrong", "Not the item that was sold"))


async def connection(pool: Pool, title: str = "Kiln & Co US", **more: Any) -> UUID:
    """A channel connection."""
    key = uuid7()
    row = {
        "id": key, "vendor": "tiktok_shop", "role": "channel", "title": title, "environment": "simulated",
        "state": "connected", "account": title, "webhook_key": key.hex, "granted_scopes": ["seller.order.info"],
        "refresh_expires_at": NOW + 300 * 86400, "access_expires_at": NOW + 6 * 86400, **more,
    }  # fmt: skip
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await pool.execute(f"insert into connection ({', '.join(row)}) values ({places})", *row.values())
    return key


async def shop(pool: Pool, name: str = "Kiln & Co US", login: UUID | None = None, **more: Any) -> UUID:
    """A shop, with a login of its own unless one is given."""
    key = uuid7()
    row = {
        "id": key, "channel_id": f"74{next(_numbers):017d}", "channel_key": "key", "name": name, "market": "US",
        "currency": "USD", "time_zone": "America/Los_Angeles", "mode": "live", "live_since": NOW - 90 * 86400, **more,
    }  # fmt: skip
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await pool.execute(f"insert into shop ({', '.join(row)}) values ({places})", *row.values())
    login = login or await connection(pool, name)
    await pool.execute("insert into link (shop_id, role, connection_id) values ($1, 'channel', $2)", key, login)
    return key


def channel_case(stage: Stage = Stage.REQUESTED, kind: Kind = Kind.RETURN, **more: Any) -> ChannelCase:
    """What the channel shows of a return of two units, waiting for an answer."""
    number = next(_numbers)
    actions = {Kind.RETURN: Action.ANSWER_RETURN, Kind.REFUND: Action.ANSWER_REFUND}
    due: tuple[ActionDue, ...] = ()
    if stage is Stage.REQUESTED and kind in actions:
        due = (ActionDue(actions[kind], NOW + 30 * HOUR, "SELLER_RESPOND"),)
    values: dict[str, Any] = {
        "id": f"40350{number:014d}", "order_id": f"57643{number:013d}", "kind": kind, "stage": stage,
        "created_at": NOW - 2 * 86400, "updated_at": NOW - HOUR - number, "raw_kind": "RETURN_AND_REFUND",
        "raw_status": "RETURN_OR_REFUND_REQUEST_PENDING", "due": due, "started_by": Actor.BUYER,
        "reason_key": "ecom_order_delivered_refund_reason_size", "reason_text": "Does not fit",
        "refund_total": Money(5498, "USD"),
        "refund_parts": {"subtotal": Money(4998, "USD"), "tax": Money(500, "USD")},
        "units": (
            ChannelUnit("u1", "l1", "s1", "MUG-BLUE", "Stoneware mug, blue", Money(2749, "USD")),
            ChannelUnit("u2", "l2", "s2", "MUG-SAND", "Stoneware mug, sand", Money(2749, "USD")),
        ),
        **more,
    }  # fmt: skip
    return ChannelCase(**values)


async def by_unit(pool: Pool, shop_id: UUID, said: Said | None = None) -> UUID:
    """A parcel of two units that came back, each of which may be answered for itself; the second also in part."""
    band = (Money(100, "USD"), Money(2000, "USD"))
    words = ("accept_parcel", "refuse_parcel")
    units = (UnitChoices("u1", words, REASONS), UnitChoices("u2", (*words, "refund_part"), REASONS, band))
    answerable = (
        Answerable("accept_parcel", True),
        Answerable("refuse_parcel", True, reasons=REASONS),
        Answerable("by_unit", True, units=units, fitting={Condition.DAMAGED: "seller_reject_used"}),
    )
    due = (ActionDue(Action.JUDGE_PARCEL, NOW + 30 * HOUR, "SELLER_RESPOND_RECEIVE_PACKAGE"),)
    case = channel_case(Stage.SHIPPED, due=due, raw_status="BUYER_SHIPPED_ITEM")
    return await put(pool, shop_id, case, said=said, answerable=answerable)


async def put(
    pool: Pool,
    shop_id: UUID,
    case: ChannelCase,
    *,
    seen: dict[str, Any] | None = None,
    said: Said | None = None,
    mode: Mode = Mode.LIVE,
    proposed: tuple[tuple[str, str], ...] = (),
    columns: dict[str, Any] | None = None,
    answerable: tuple[Answerable, ...] = (),
) -> UUID:
    """Write a case as the loop would. With answers for single units in ``answerable`` its shop can take such."""
    key = uuid7()
    action = case.due[0].action if case.due else None
    known = Seen(
        channel=case,
        channel_at=NOW - 5,
        channel_heard=0,
        round={action: 1} if action else {},
        order=ChannelOrder(case.order_id, "DELIVERED", case.created_at, case.updated_at, "USD"),
        answerable=answerable
        or tuple(Answerable(word, True, reasons=REASONS) for word in ("reject_return", "reject_refund")),
        answerable_at=NOW,
        answerable_for=f"{action}:1" if action else "",
        **(seen or {"link": Link(LinkState.MATCHED, "gid://shopify/Order/1", "note attribute", tried_at=NOW)}),
    )
    terms = ShopTerms(
        mode=mode,
        live_since=NOW - 90 * 86400 if mode is Mode.LIVE else None,
        line_level=any(each.units for each in answerable),
    )
    drawn = plan(Facts(str(key), str(shop_id), known, said or Said(), (), terms), Policy(), NOW)
    view = View(
        drawn.lanes, drawn.questions, drawn.troubles, (), drawn.money, drawn.status, drawn.next_action, drawn.deadline,
        drawn.wake_at, drawn.ended, mode is Mode.OBSERVE,
    )  # fmt: skip
    row: dict[str, Any] = {
        "id": key, "shop_id": shop_id, "channel_kind": "return", "channel_id": case.id, "order_id": case.order_id,
        "kind": case.kind, "status": drawn.status, "raw_status": case.raw_status, "raw_kind": case.raw_kind,
        "reason_key": case.reason_key, "reason_text": case.reason_text, "requested_at": case.created_at,
        "updated_at": case.updated_at, "next_action": drawn.next_action, "deadline": drawn.deadline,
        "total": case.refund_total.minor if case.refund_total else None, "currency": "USD", "ended": drawn.ended,
        "attention": bool(drawn.troubles), "mode": mode, "commerce_order_id": "gid://shopify/Order/1",
        "commerce_order_name": "#1001", "view": msgspec.json.encode(view), "body": msgspec.json.encode(known),
        **(columns or {}),
    }  # fmt: skip
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await pool.execute(f"insert into return_case ({', '.join(row)}) values ({places})", *row.values())
    await pool.execute(
        "insert into case_count (shop_id, status, attention, delta) values ($1, $2, $3, 1)",
        shop_id,
        row["status"],
        row["attention"],
    )
    await pool.execute("insert into turn (subject_id, kind, shop_id) values ($1, 'case', $2)", key, shop_id)
    for unit in case.units:
        verdict = (said or Said()).verdicts.get(unit.id)
        await pool.execute(
            "insert into return_line (case_id, unit_id, shop_id, order_line_id, sku, name, refund, received_at, "
            "condition, disposition) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            key, unit.id, shop_id, unit.order_line_id, unit.seller_sku, unit.name,
            unit.refund.minor if unit.refund else None, (said or Said()).received.get(unit.id),
            verdict.condition if verdict else None, verdict.disposition if verdict else None,
        )  # fmt: skip
    for effect, because in proposed:
        await pool.execute(
            "insert into effect (id, case_id, shop_id, target, kind, wanted, state, safety, key, because, by, claim, "
            "created_at) values ($1, $2, $3, $4, $4, $5, 'proposed', '{}', '', $6, 'policy', 1, $7)",
            uuid7(), key, shop_id, effect, msgspec.json.encode(StampOrder("gid://shopify/Order/1", case.order_id)),
            because, NOW,
        )  # fmt: skip
    for trouble in drawn.troubles:
        kind, ident = trouble.waits_on or (None, None)
        await pool.execute(
            "insert into exception (id, shop_id, case_id, key, lane, text, todo, waits_kind, waits_id, deadline, "
            "retry, console) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            uuid7(), shop_id, key, trouble.key, trouble.lane, trouble.text, trouble.todo, kind, ident,
            trouble.deadline, trouble.retry, trouble.console,
        )  # fmt: skip
    if case.way_back.tracking_number:
        parcel = uuid7()
        await pool.execute(
            "insert into parcel (id, shop_id, tracking_number) values ($1, $2, $3)",
            parcel, shop_id, case.way_back.tracking_number,
        )  # fmt: skip
        await pool.execute("insert into parcel_case (parcel_id, case_id) values ($1, $2)", parcel, key)
    return key


async def tell(pool: Pool, shop_id: UUID, case_id: UUID | None, at: int, who: str, what: str, text: str) -> None:
    """A line of history."""
    await pool.execute(
        "insert into history (id, shop_id, case_id, at, who, what, text) values ($1, $2, $3, $4, $5, $6, $7)",
        uuid7(), shop_id, case_id, at, who, what, text,
    )  # fmt: skip


def missing_order() -> dict[str, Any]:
    """A case whose order was looked for in vain, with one look-alike."""
    look_alike = Candidate(
        "gid://shopify/Order/7", "#1007", (), (("MUG-BLUE", 1), ("MUG-SAND", 1)), Money(5498, "USD"), NOW - 9 * 86400,
        admin_url="https://admin.shopify.com/store/kiln/orders/7",
    )  # fmt: skip
    return {"link": Link(LinkState.MISSING, candidates=(look_alike,), tried_at=NOW - 60, tries=2)}


def commerce_order() -> CommerceOrder:
    """The commerce order of the seeded units."""
    return CommerceOrder(
        "gid://shopify/Order/1", "#1001", "USD", NOW,
        lines=(CommerceLine("L1", "MUG-BLUE", title="Mug blue"), CommerceLine("L2", "MUG-SAND", title="Mug sand")),
        admin_url="https://admin.shopify.com/store/kiln/orders/1",
    )  # fmt: skip


async def lively(pool: Pool, *, rows: int = 60) -> dict[str, UUID]:
    """Two shops with cases in every state that the pages show; the named ones are returned."""
    us = await shop(pool)
    clock = {"epoch_real": float(NOW), "epoch_virtual": float(NOW), "rate": 60.0}
    uk_login = await connection(pool, "Kiln & Co UK", clock=clock, state="expired", state_text="The owner withdrew it.")
    uk = await shop(
        pool, "Kiln & Co UK", uk_login, market="GB", time_zone="Europe/London", mode="observe", live_since=None
    )
    await connection(pool, "Kiln & Co DE", state="never_connected", granted_scopes=[])
    named = {"us": us, "uk": uk, "uk_login": uk_login}
    named["answer"] = await put(pool, us, channel_case())
    named["refund"] = await put(pool, us, channel_case(kind=Kind.REFUND, raw_kind="REFUND", due=(
        ActionDue(Action.ANSWER_REFUND, NOW + 2 * HOUR, "SELLER_RESPOND"),)))  # fmt: skip
    label_way = WayBack(ShippedBy.SELLER)
    named["label"] = await put(
        pool, us, channel_case(Stage.AWAITING_SHIPMENT, raw_status="AWAITING_BUYER_SHIP", way_back=label_way)
    )
    way = WayBack(ShippedBy.CHANNEL, tracking_number="9400111899223344556677", carrier_name="USPS")
    named["transit"] = await put(pool, us, channel_case(Stage.SHIPPED, raw_status="BUYER_SHIPPED_ITEM", way_back=way))
    named["inspect"] = await put(
        pool, us, channel_case(Stage.SHIPPED, raw_status="RECEIVE_PENDING", due=(
            ActionDue(Action.JUDGE_PARCEL, NOW + 20 * HOUR, "SELLER_JUDGE"),)),
        said=Said(received={"u1": NOW - HOUR}),
    )  # fmt: skip
    named["missing"] = await put(
        pool, us, channel_case(Stage.ACCEPTED, raw_status="REFUND_PROCESSING"), seen=missing_order()
    )
    paid = channel_case(
        Stage.COMPLETED, raw_status="RETURN_OR_REFUND_REQUEST_COMPLETE",
        refunds=(ChannelRefund("r1", Money(5498, "USD"), NOW - HOUR, "event"),),
    )  # fmt: skip
    named["paid"] = await put(
        pool, us, paid,
        seen={"link": Link(LinkState.MATCHED, "gid://shopify/Order/1", "note attribute"), "commerce": commerce_order(),
              "commerce_at": NOW, "commerce_heard": 0},
    )  # fmt: skip
    named["observed"] = await put(
        pool,
        uk,
        channel_case(),
        mode=Mode.OBSERVE,
        proposed=(("stamp_order", "so that it is found"),),
    )
    named["strange"] = await put(pool, uk, channel_case(kind=Kind.UNKNOWN, raw_kind="REPAIR"), mode=Mode.OBSERVE)
    for what, text, ago in (
        ("channel.requested", "The channel shows the request, waiting for an answer.", 47),
        ("order.matched", "Order #1001 found by its note attribute.", 46.9),
        ("deadline.warning", "24 hours are left to answer the return request.", 6),
        ("effect.intent", "Answer: approve return – decided by Dana.", 1),
        ("effect.confirmed", "Approving the return: read back.", 0.9),
    ):
        await tell(pool, us, named["answer"], int(NOW - ago * HOUR), "hub", what, text)
    stages = (
        (Stage.CANCELLED, "CANCELLED"),
        (Stage.AWAITING_SHIPMENT, "AWAITING_BUYER_SHIP"),
        (Stage.REQUEST_REJECTED, "REQUEST_REJECTED"),
    )
    for number in range(rows):
        stage, raw = stages[number % len(stages)]
        await put(pool, us if number % 3 else uk, channel_case(stage, raw_status=raw, updated_at=NOW - 86400 - number))
    return named
