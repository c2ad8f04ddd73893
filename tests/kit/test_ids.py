from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.ids import secret_token, stable_id, uuid7


def time_of(identifier: UUID) -> float:
    """The first 48 bits of a UUIDv7 are milliseconds (RFC 9562, section 5.7)."""
    return (identifier.int >> 80) / 1000


def test_uuid7_rises_strictly_and_tells_its_time() -> None:
    before = time.time()
    ids = [uuid7() for _ in range(20_000)]
    assert all(a < b for a, b in pairwise(ids))
    assert {i.version for i in ids} == {7}
    assert {i.variant for i in ids} == {UUID(int=0x8 << 60).variant}
    assert abs(time_of(ids[0]) - before) < 5


def test_uuid7_is_unique_over_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: uuid7(), range(8_000)))
    assert len(set(ids)) == len(ids)


@given(st.floats(min_value=0, max_value=4e9))
def test_uuid7_for_a_moment(at: float) -> None:
    assert abs(time_of(uuid7(at)) - at) <= 0.001


def test_uuid7_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError):
        uuid7(-1.0)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_stable_id_is_a_function_of_its_parts(one: list[str], two: list[str]) -> None:
    assert (stable_id(*one) == stable_id(*two)) == (one == two)
    assert stable_id(*one).version == 8


def test_stable_id_never_changes() -> None:
    # Rows on these ids outlive the code: another value here would send an effect twice after an upgrade.
    assert str(stable_id("effect", "case-1", "approve")) == "9a39ad5d-063d-8cde-a641-ffeb570b04bb"


def test_a_secret_token_has_its_bits_and_is_never_the_same() -> None:
    assert len({secret_token() for _ in range(1000)}) == 1000
    assert len(secret_token(256)) >= 43
