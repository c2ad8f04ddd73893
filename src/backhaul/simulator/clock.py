"""The simulator's own clock: a line from real to virtual seconds, and a queue of what happens when.

Rate 1 is real time, rate 3600 lets an hour pass in a second, rate 0 is step mode, where only `step` moves time. In step
mode a callback sees exactly the time it was scheduled for; at a rate it sees the time it really is, so that an update
time never lies behind one that was already handed out.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_IDLE_SECONDS = 3600.0
# A deadline or a token's end is reckoned from now on, and dates end with the year 9999: a clock that ran there, or that
# stands at no number at all, would break every vendor for good.
_LAST = 250_000_000_000.0
_FASTEST = 1e7


@dataclass(order=True, slots=True)
class Timer:
    """A scheduled callback. `at` is virtual Unix seconds."""

    at: float
    number: int
    callback: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        """Makes the callback not happen; harmless when it already has."""
        self.callback = None


class SimulatedClock:
    """Virtual Unix time. Callbacks are plain functions, run one at a time on the event loop that runs `run`."""

    def __init__(self, *, start: float | None = None, rate: float = 1.0) -> None:
        self.epoch_real = time.time()
        self.epoch_virtual = self.epoch_real if start is None else float(start)
        self.rate = _checked_rate(rate)
        self.on_error: Callable[[BaseException], None] | None = None
        self._monotonic = time.monotonic()
        self._pinned: float | None = None
        self.jump: tuple[float, float] | None = None  # while the clock is moved on: from when to when
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._wake = asyncio.Event()

    def now(self) -> float:
        """Virtual Unix seconds."""
        if self._pinned is not None:
            return self._pinned
        return self.epoch_virtual + (time.monotonic() - self._monotonic) * self.rate

    def seconds(self) -> int:
        """Virtual Unix seconds, whole, as the vendors write them."""
        return int(self.now())

    def schedule(self, at: float, callback: Callable[[], object]) -> Timer:
        """Runs `callback` once at virtual time `at`; a past time means as soon as possible."""
        timer = Timer(float(at), next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        if self._timers[0] is timer:
            self._wake.set()
        return timer

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Runs `callback` once, so many virtual seconds from now."""
        return self.schedule(self.now() + seconds, callback)

    def restart(self, virtual: float) -> None:
        """Goes on from a saved virtual time, with nothing scheduled."""
        self._timers.clear()
        self._rebase(virtual, self.rate)

    def set_rate(self, rate: float) -> None:
        """Changes the speed; virtual time itself does not jump."""
        self._rebase(self.now(), _checked_rate(rate))

    def step(self, seconds: float) -> None:
        """Moves virtual time forward and runs everything due on the way, in order, each at its own time."""
        self.advance_to(self.now() + seconds)

    def advance_to(self, at: float) -> None:
        """Moves virtual time to `at` and runs everything due on the way, in order, each at its own time."""
        if not self.now() <= at <= _LAST:
            raise ValueError("virtual time does not run backwards, and ends with the year 9892")
        self.jump = (self.now(), at)
        try:
            while self._timers and self._timers[0].at <= at:
                timer = heapq.heappop(self._timers)
                if timer.callback is not None:
                    self._pinned = max(timer.at, self.now())
                    try:
                        self._call(timer)
                    finally:
                        self._rebase(self._pinned, self.rate)
        finally:
            self.jump = None
        self._rebase(max(at, self.now()), self.rate)

    @contextmanager
    def pinned(self, at: float) -> Iterator[None]:
        """Makes `now` say a time in the past while the past is written down, as when history is seeded."""
        before, self._pinned = self._pinned, float(at)
        try:
            yield
        finally:
            self._pinned = before

    async def sleep(self, seconds: float) -> None:
        """Waits for virtual seconds."""
        woken = asyncio.Event()
        timer = self.after(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    async def run(self) -> None:
        """Runs due callbacks as time passes, until cancelled."""
        while True:
            self._wake.clear()
            burst = 0
            while self._timers and self._timers[0].at <= self.now():
                timer = heapq.heappop(self._timers)
                if timer.callback is not None:
                    self._call(timer)
                    burst += 1
                    if burst % 50 == 0:
                        await asyncio.sleep(0)
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets a set event.
                async with asyncio.timeout(self._real_wait()):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def describe(self) -> dict[str, float]:
        """What a client needs to follow this clock: virtual = epoch_virtual + (Unix time - epoch_real) * rate."""
        return {
            "now": self.now(),
            "rate": self.rate,
            "epoch_real": self.epoch_real,
            "epoch_virtual": self.epoch_virtual,
            "timers": float(len(self._timers)),
        }

    def _real_wait(self) -> float:
        if not self._timers or self.rate == 0:
            return _IDLE_SECONDS
        return min(_IDLE_SECONDS, max(0.0, (self._timers[0].at - self.now()) / self.rate))

    def _rebase(self, virtual: float, rate: float) -> None:
        self._pinned = None
        self._monotonic = time.monotonic()
        self.epoch_real = time.time()
        self.epoch_virtual = virtual
        self.rate = float(rate)
        self._wake.set()

    def _call(self, timer: Timer) -> None:
        callback, timer.callback = timer.callback, None
        if callback is None:
            return
        try:
            callback()
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)


def _checked_rate(rate: float) -> float:
    if not 0 <= rate <= _FASTEST:
        raise ValueError(f"rate must be 0 (step mode) or more, at most {_FASTEST:,.0f}")
    return float(rate)
