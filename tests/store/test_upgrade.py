"""An installation of the first version is brought to this one with all it holds. ``first_version.json`` was written by
that version: never renewed, as it is what stands in its databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection as Sync
from sqlalchemy.ext.asyncio import create_async_engine

from backhaul.domain.effects import BookRefund, EffectState
from backhaul.domain.facts import Adopted, Facts
from backhaul.domain.plan import plan
from backhaul.domain.policy import AcceptParcel, Policy
from backhaul.domain.words import Action, Stage
from backhaul.store import cases, commands, migrate, shops, turns
from backhaul.store.cases import Known
from backhaul.store.db import open_pool
from backhaul.store.embedded import EmbeddedPostgres

FIRST: dict[str, Any] = msgspec.json.decode(Path(__file__).with_name("first_version.json").read_bytes())
NOW = 1_800_000_000


async def _schema(dsn: str, revision: str) -> None:
    def upgrade(connection: Sync) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrate.STEPS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn))
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


async def _installed(dsn: str) -> UUID:
    """A database of the first version with one case that has everything; the case's id."""
    await _schema(dsn, "0001")
    shop, login, case = uuid4(), uuid4(), uuid4()
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "insert into connection (id, vendor, role, title, environment, state, webhook_key) "
        "values ($1, 'tiktok_shop', 'channel', 'TikTok', 'live', 'connected', 'k')",
        login,
    )
    await connection.execute(
        "insert into shop (id, channel_id, channel_key, name, market, currency, time_zone, mode, live_since) "
        "values ($1, 's', 'c', 'Shop', 'US', 'USD', 'UTC', 'live', 1)",
        shop,
    )
    await connection.execute("insert into link (shop_id, role, connection_id) values ($1, 'channel', $2)", shop, login)
    await connection.execute(
        "insert into return_case (id, shop_id, channel_kind, channel_id, order_id, kind, commerce_order_id, body, "
        "view, policy_version) values ($1, $2, 'return', '4035227007614', '5761234', 'return', $3, $4, $5, 3)",
        case,
        shop,
        "gid://shop/Order/1",
        msgspec.json.encode(FIRST["case"]["body"]),
        msgspec.json.encode(FIRST["case"]["view"]),
    )
    await connection.execute(
        "insert into turn (subject_id, kind, shop_id, heard_channel, heard_commerce, attend_at) "
        "values ($1, 'case', $2, 7, 3, 1)",
        case,
        shop,
    )
    await connection.execute(
        "insert into policy (shop_id, version, body, by) values ($1, 3, $2, 'anna')",
        shop,
        msgspec.json.encode(FIRST["policy"]),
    )
    for at, (wanted, state, safety) in enumerate(FIRST["effects"]):
        await connection.execute(
            "insert into effect (id, case_id, shop_id, target, kind, wanted, state, safety, key, because, by, claim, "
            "created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'key', 'why', 'policy', 1, $9)",
            uuid4(),
            case,
            shop,
            f"target {at}",
            wanted["effect"],
            msgspec.json.encode(wanted),
            state,
            msgspec.json.encode(safety),
            NOW - 100 + at,
        )
    for at, (kind, body) in enumerate(FIRST["commands"]):
        await connection.execute(
            "insert into command (id, case_id, shop_id, kind, body, by, at) values ($1, $2, $3, $4, $5, 'anna', $6)",
            UUID(int=at + 1),
            case,
            shop,
            kind,
            msgspec.json.encode(body),
            NOW - 50 + at,
        )
    await connection.execute(
        "insert into refund_entry (id, shop_id, case_id, key, kind, amount, currency, at, source) "
        "values ($1, $2, $3, 'adopted:4035227007614:1', 'adopted', 2000, 'USD', 1, 'gid://shop/Refund/9')",
        uuid4(),
        shop,
        case,
    )
    await connection.close()
    return case


async def test_what_the_first_version_stored_is_understood_after_the_upgrade(postgres: EmbeddedPostgres) -> None:
    name = f"first_{uuid4().hex}"
    dsn = await postgres.create_database(name)
    case = await _installed(dsn)
    await migrate.migrate(dsn)
    await migrate.migrate(dsn)  # once more changes nothing
    pool = await open_pool(dsn, 2)
    attend_at = await pool.fetchval("select attend_at from turn where subject_id = $1", case)
    assert attend_at == 0, "linked by a person: it may hold what it has adopted under another order"
    async with pool.acquire() as connection:
        turn = (await turns.take(connection, [(case, 1)]))[case]
        assert turn.shop_id is not None
        known: Known = (await cases.load(connection, {case: turn}))[case]
        policy: Policy = await shops.policy(pool, turn.shop_id, 3)
        await commands.add(connection, case, turn.shop_id, "retry", b'"look:case"', "anna", NOW)
        later = await cases.said(connection, case)
    first = len(FIRST["commands"])
    assert (known.said.words, later.retries["look:case"].word) == (first, first + 1)
    assert '"90001"' in msgspec.json.encode(FIRST["case"]["body"]).decode()
    assert b"90001" not in await pool.fetchval("select body from return_case where id = $1", case)
    await pool.close()
    await postgres.drop_database(name)

    assert (turn.heard_channel, turn.heard_commerce, turn.heard_desk) == (7, 3, 0)
    assert known.seen.channel is not None
    assert known.seen.channel.stage is Stage.SHIPPED
    assert known.seen.link.reference is not None
    assert known.seen.commerce is not None
    assert known.seen.commerce.returns[0].tracking == ("1Z",)
    assert known.view.lanes.keys() == FIRST["case"]["view"]["lanes"].keys()
    assert [each.state for each in known.ledger] == [EffectState(state) for _, state, _ in FIRST["effects"]]
    (booking,) = [each.wanted for each in known.ledger if isinstance(each.wanted, BookRefund)]
    assert (booking.amount.minor, booking.release) == (2000, ())
    assert known.adopted == (Adopted("4035227007614:1", "gid://shop/Refund/9"),)
    said = known.said
    assert [vote.reason_key for vote in said.votes] == ["wrong"]
    assert (said.label and said.label.tracking_number, said.linked, said.taken) == ("1Z", "gid://shop/Order/1", True)
    assert (said.waived, set(said.verdicts), len(said.proofs)) == (frozenset({"stock"}), {"u1"}, 1)
    assert (policy.accept_parcel, policy.rule(Action.ANSWER_RETURN).reasons) == (AcceptParcel.ASK, ("x",))
    assert known.terms.desk is None
    facts = Facts(
        str(case),
        str(turn.shop_id),
        known.seen,
        said,
        known.ledger,
        known.terms,
        turn.heard_channel,
        turn.heard_commerce,
    )
    assert "desk" not in plan(facts, policy, NOW).lanes


@pytest.mark.parametrize("numbered", [False, True])
async def test_words_that_were_numbered_by_the_step_before_are_left_as_they_are(
    postgres: EmbeddedPostgres, numbered: bool
) -> None:
    """For a day one step did what two do, and a database may have been brought up to date then."""
    name = f"words_{uuid4().hex}"
    dsn = await postgres.create_database(name)
    await _schema(dsn, "0012")
    connection = await asyncpg.connect(dsn)
    if numbered:
        await connection.execute("alter table command add column seq bigint generated always as identity")
        await connection.execute("alter table effect alter column words type bigint")
    await migrate.migrate(dsn)
    found = await connection.fetch(
        "select table_name || '.' || column_name from information_schema.columns where (table_name, column_name) in "
        "(('command', 'seq'), ('effect', 'words'), ('return_line', 'gone'))"
    )
    await connection.close()
    await postgres.drop_database(name)
    assert sorted(row[0] for row in found) == ["command.seq", "effect.words", "return_line.gone"]
