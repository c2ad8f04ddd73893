"""Files of a case at rest."""

from __future__ import annotations

from uuid import UUID

import pytest

from backhaul.kit.crypto import CryptoError
from backhaul.kit.ids import uuid7
from backhaul.work import files
from tests.work.conftest import Bench

LABEL = b"%PDF-1.4 made by us, for Anna at 5 Kiln Street"


async def _keep(bench: Bench, ident: UUID, case: UUID) -> bool:
    return await files.keep(
        bench.pool, bench.vendors.vault, ident, bench.shop_id, case, name="label.pdf", content=LABEL, by="anna"
    )


async def test_a_file_is_sealed_and_read_back(bench: Bench) -> None:
    case, ident = await bench.hear("4035"), uuid7()
    assert await _keep(bench, ident, case)
    assert not await _keep(bench, ident, case)
    row = await bench.pool.fetchrow("select bytes, sealed, sha256 from attachment where id = $1", ident)
    assert row is not None
    assert row["sealed"]
    assert b"Kiln Street" not in row["bytes"]
    assert b"%PDF" not in row["bytes"]
    assert await files.read(bench.pool, bench.vendors.vault, ident) == ("label.pdf", LABEL)
    assert await files.read(bench.pool, bench.vendors.vault, ident, case) == ("label.pdf", LABEL)
    assert await files.read(bench.pool, bench.vendors.vault, ident, uuid7()) is None


async def test_a_sealed_file_opens_in_its_own_place_only(bench: Bench) -> None:
    case, ident, other = await bench.hear("4035"), uuid7(), uuid7()
    await _keep(bench, ident, case)
    await _keep(bench, other, case)
    await bench.pool.execute(
        "update attachment set bytes = (select bytes from attachment where id = $1) where id = $2", ident, other
    )
    with pytest.raises(CryptoError):
        await files.read(bench.pool, bench.vendors.vault, other)


async def test_a_file_of_before_is_read_as_it_is_and_an_erased_one_is_gone(bench: Bench) -> None:
    case, ident = await bench.hear("4035"), uuid7()
    await bench.pool.execute(
        """
        insert into attachment (id, shop_id, case_id, name, mime, sha256, bytes, by)
        values ($1, $2, $3, 'old.pdf', 'application/pdf', '', $4, 'anna')
        """,
        ident,
        bench.shop_id,
        case,
        LABEL,
    )
    assert await files.read(bench.pool, bench.vendors.vault, ident) == ("old.pdf", LABEL)
    await bench.pool.execute("delete from attachment where id = $1", ident)
    assert await files.read(bench.pool, bench.vendors.vault, ident) is None
