"""`python -m bench [--returns N] [--shops N] [--workers N] [--quick]`: measure, print, write results/latest.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from pathlib import Path

import asyncpg

from bench import ingress, limits, simulator
from bench.lifecycles import lifecycles
from bench.world import world

RESULTS = Path(__file__).parent / "results" / "latest.json"


async def simulated() -> dict[str, float]:
    """The simulator's own figures beside those of a bare handler: it must never be the bottleneck of the others."""
    found = {"http_calls_per_s": await limits.http_calls_per_s(), **await simulator.figures()}
    return {name: round(value, 1) for name, value in found.items()}


async def run(shops: int, returns: int, workers: int, rounds: int) -> dict[str, object]:
    """All measurements of one run."""
    found: dict[str, list[float]] = {}

    def note(values: dict[str, float]) -> None:
        for name, value in values.items():
            found.setdefault(name, []).append(value)
            print(f"  {name:40} {value:12.1f}", flush=True)

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        async with world(4, workers=0) as quiet:
            note({"pg_insert_tps_32": await limits.pg_insert_tps_32(quiet.hub.dsn)})
            note({"http_calls_per_s": await limits.http_calls_per_s()})
            note(await ingress.acknowledgements(quiet))
        note(await simulator.figures())
        async with world(4, workers=1) as idle:
            note(await ingress.visibility(idle, 60))
        async with world(shops, workers=workers) as busy:
            note(await lifecycles(busy, returns))
            version = await busy.hub.pool.fetchval("show server_version")
    medians = {name: round(statistics.median(values), 1) for name, values in found.items()}
    return {
        "at": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "postgresql": version},
        "settings": {
            "shops": shops, "returns": returns, "worker_processes": workers, "rounds": rounds,
            "fsync": "on", "simulator": "on the same cores, its CPU not counted", "asyncpg": asyncpg.__version__,
        },
        "medians": medians,
        "ratios": {
            "webhook_ack_to_pg_insert": round(medians["webhook_ack_per_s"] / medians["pg_insert_tps_32"], 2),
            "simulator_calls_to_http_calls": round(medians["simulator_calls_per_s"] / medians["http_calls_per_s"], 2),
            "webhook_ack_to_http_calls": round(medians["webhook_ack_per_s"] / medians["http_calls_per_s"], 2),
        },
    }  # fmt: skip


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--shops", type=int, default=20)
    parser.add_argument("--returns", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one small round, to see that it runs; nothing is written")
    parser.add_argument("--part", choices=("all", "simulator"), default="all", help="simulator: nothing is written")
    given = parser.parse_args()
    if given.part == "simulator":
        print(json.dumps(asyncio.run(simulated()), indent=2))
        return
    if given.quick:
        given.returns, given.rounds = 100, 1
    result = asyncio.run(run(given.shops, given.returns, given.workers, given.rounds))
    print(json.dumps(result, indent=2))
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
