from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.clock import Affine, VirtualClock, instant, unix

seconds = st.floats(min_value=0, max_value=4e9, allow_nan=False)
rates = st.floats(min_value=0.01, max_value=100_000)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_instant_and_unix_are_inverse(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    assert abs(instant(unix(moment)) - moment) <= timedelta(microseconds=1)


def test_unix_takes_any_zone_and_refuses_none() -> None:
    there = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert unix(there) == unix(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError):
        unix(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


@given(seconds, seconds, rates, seconds)
def test_affine_is_invertible(epoch_real: float, epoch_virtual: float, rate: float, real: float) -> None:
    mapping = Affine(epoch_real, epoch_virtual, rate)
    assert math.isclose(mapping.real(mapping.virtual(real)), real, abs_tol=1e-2, rel_tol=1e-9)


@given(seconds, rates, rates, st.floats(min_value=-1e6, max_value=1e6), seconds)
def test_a_change_of_pace_never_jumps_and_a_jump_is_exact(
    epoch: float, before: float, after: float, jump: float, at: float
) -> None:
    mapping = Affine(epoch, epoch, before)
    assert math.isclose(mapping.paced(after, at).virtual(at), mapping.virtual(at), rel_tol=1e-12)
    assert math.isclose(mapping.jumped(jump, at).virtual(at), mapping.virtual(at) + jump, rel_tol=1e-12, abs_tol=1e-3)


def test_two_clocks_with_the_same_numbers_read_the_same() -> None:
    real = [1000.0]
    one = VirtualClock(1000, 5000, 60, real=lambda: real[0])
    two = VirtualClock(1000, 5000, 60, real=lambda: real[0])
    real[0] += 10
    assert one.time() == two.time() == 5600
    assert one.now() == instant(5600)


def test_steps_jumps_and_standing_still() -> None:
    real = [0.0]
    clock = VirtualClock(0, 100, 0, real=lambda: real[0])
    real[0] = 50
    assert clock.time() == 100
    clock.jump(25)
    assert clock.time() == 125
    assert clock.real_delay(126) == math.inf
    clock.pace(10)
    assert clock.real_delay(225) == 10
    assert clock.real_delay(1) == 0
    real[0] = 51
    assert clock.time() == 135


def test_time_never_runs_backwards_by_rate() -> None:
    with pytest.raises(ValueError):
        Affine(0, 0, -1)
