"""Time as the domain sees it: a value one asks for, so that it can be stood still, jumped and run fast.

All instants are aware datetimes in UTC, or seconds since the Unix epoch as float. A simulated world keeps an
:class:`Affine` between real and virtual seconds; whoever holds the same three numbers reads the same virtual time,
in whatever process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


def instant(unix: float) -> datetime:
    """The UTC datetime of Unix seconds, to the nearest microsecond."""
    return _EPOCH + timedelta(microseconds=round(unix * 1_000_000))


def unix(moment: datetime) -> float:
    """Unix seconds of an aware datetime; a naive one is refused, because nobody knows what it means."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone has no place on the clock")
    return (moment - _EPOCH).total_seconds()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Says what time it is."""

    def time(self) -> float:
        """Unix seconds."""
        ...

    def now(self) -> datetime:
        """The same instant as an aware UTC datetime."""
        ...


@dataclass(frozen=True, slots=True)
class Affine:
    """virtual = epoch_virtual + (real - epoch_real) * rate; all in Unix seconds. A rate of 0 is time standing still."""

    epoch_real: float
    epoch_virtual: float
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError("time does not run backwards: rate must be 0 or more")

    def virtual(self, real: float) -> float:
        """Virtual seconds at a real moment."""
        return self.epoch_virtual + (real - self.epoch_real) * self.rate

    def real(self, virtual: float) -> float:
        """The real moment at which virtual time reads ``virtual``; infinite when time stands still."""
        if self.rate == 0:
            return self.epoch_real if virtual == self.epoch_virtual else float("inf")
        return self.epoch_real + (virtual - self.epoch_virtual) / self.rate

    def jumped(self, seconds: float, at_real: float) -> Affine:
        """The mapping after virtual time was moved by ``seconds`` at a real moment."""
        return Affine(at_real, self.virtual(at_real) + seconds, self.rate)

    def paced(self, rate: float, at_real: float) -> Affine:
        """The mapping that runs at another rate from a real moment on, without a jump."""
        return Affine(at_real, self.virtual(at_real), rate)


class VirtualClock:
    """A clock through an :class:`Affine`; ``real`` is the source of real seconds (a test may give its own)."""

    def __init__(
        self,
        epoch_real: float,
        epoch_virtual: float,
        rate: float = 1.0,
        *,
        real: Callable[[], float] = time.time,
    ) -> None:
        self._real = real
        self.mapping = Affine(epoch_real, epoch_virtual, rate)

    @classmethod
    def starting(cls, at: datetime, rate: float = 1.0) -> VirtualClock:
        """A clock that reads ``at`` now and runs at ``rate``; a rate of 0 gives a clock that only moves by jumps."""
        return cls(time.time(), unix(at), rate)

    def time(self) -> float:
        return self.mapping.virtual(self._real())

    def now(self) -> datetime:
        return instant(self.time())

    def jump(self, seconds: float) -> None:
        """Move virtual time at once, forward or back."""
        self.mapping = self.mapping.jumped(seconds, self._real())

    def pace(self, rate: float) -> None:
        """Run at another rate from now on."""
        self.mapping = self.mapping.paced(rate, self._real())

    def real_delay(self, until: float) -> float:
        """Real seconds to wait until virtual time reads ``until`` (0 when past, infinite when time stands still)."""
        if until <= self.time():
            return 0.0
        return max(0.0, self.mapping.real(until) - self._real())
