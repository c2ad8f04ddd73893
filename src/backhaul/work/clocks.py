"""A simulated connection carries its own clock. Where its simulator says how that clock runs, it is followed."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from backhaul.kit.http import HttpClient, TransportError
from backhaul.store.db import Pool


class SimulatedClock(msgspec.Struct, frozen=True):
    """The simulator's word: virtual = epoch_virtual + (real - epoch_real) * rate, in Unix seconds."""

    epoch_real: float
    epoch_virtual: float
    rate: Annotated[float, msgspec.Meta(ge=0)]


class NoClock(Exception):
    """What answers, or does not, at an address tells no simulated time."""


def kept(url: str, clock: Any) -> dict[str, Any]:
    """A clock as a connection keeps it: the simulator's three numbers, and the address to ask for them again. Raises
    ValueError when they are not there."""
    return {"url": url, **msgspec.structs.asdict(msgspec.convert(clock, SimulatedClock))}


async def clock_of(http: HttpClient, url: str) -> dict[str, Any]:
    """How the simulator's clock at this address runs, as :func:`kept`. Raises :class:`NoClock`. The caller has made
    sure that the address is on this machine."""
    try:
        answer = await http.request("GET", url, timeout=2.0)
        return kept(url, msgspec.json.decode(answer.body))
    except (TransportError, ValueError) as error:
        raise NoClock(f"No simulator's clock answers at {url}.") from error


async def follow_clocks(pool: Pool, http: HttpClient) -> None:
    """Store how each simulator's clock runs, where that changed."""
    rows = await pool.fetch(
        "select id, clock from connection where environment = 'simulated' and clock ->> 'url' is not null"
    )
    for url in {row["clock"]["url"] for row in rows}:
        try:
            new = await clock_of(http, url)
        except NoClock:
            continue  # the simulator is away; its clock goes on as it was
        for row in rows:
            if row["clock"]["url"] == url and row["clock"] != new:
                await pool.execute("update connection set clock = $2 where id = $1", row["id"], new)
