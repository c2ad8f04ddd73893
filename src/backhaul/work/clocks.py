"""A simulated connection carries its own clock. Where its simulator says how that clock runs, it is followed."""

from __future__ import annotations

import msgspec

from backhaul.kit.http import HttpClient, TransportError
from backhaul.store.db import Pool


class SimulatedClock(msgspec.Struct, frozen=True):
    """The simulator's word: virtual = epoch_virtual + (real - epoch_real) * rate, in Unix seconds."""

    epoch_real: float
    epoch_virtual: float
    rate: float


async def follow_clocks(pool: Pool, http: HttpClient) -> None:
    """Store how each simulator's clock runs, where that changed."""
    rows = await pool.fetch(
        "select id, clock from connection where environment = 'simulated' and clock ->> 'url' is not null"
    )
    for url in {row["clock"]["url"] for row in rows}:
        try:
            answer = await http.request("GET", url, timeout=2.0)
            clock = msgspec.json.decode(answer.body, type=SimulatedClock)
        except (TransportError, msgspec.DecodeError):
            continue  # the simulator is away; its clock goes on as it was
        new = {"url": url, **msgspec.structs.asdict(clock)}
        for row in rows:
            if row["clock"]["url"] == url and row["clock"] != new:
                await pool.execute("update connection set clock = $2 where id = $1", row["id"], new)
