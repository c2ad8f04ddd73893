"""`python -m backhaul.simulator`: runs the simulator until it is told to stop.

When it is ready it writes one JSON line with addresses and credentials to standard output, or to a file. With
`--attached` it also ends when its standard input closes, so that it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backhaul.simulator import mood_file, snapshot
from backhaul.simulator.order_connector import Habits
from backhaul.simulator.server import LISTENERS, Simulator
from backhaul.simulator.tiktok.world import ShopSpec

_SAVE_SECONDS = 15.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backhaul.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="same seed, same ids and same luck")
    parser.add_argument("--rate", type=float, default=1.0, help="virtual seconds a second; 0 is step mode")
    parser.add_argument("--start", type=float, default=None, help="virtual Unix time to start at; now when left out")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--shop", action="append", default=[], metavar="JSON", help="a shop; may be repeated")
    parser.add_argument("--shops", type=int, default=0, help="so many US shops, each with a store")
    parser.add_argument("--redirect-url", default="", help="where the consent page sends the seller back to")
    parser.add_argument("--ports-file", type=Path, default=None, help="write the ready line to this file as well")
    parser.add_argument("--state", type=Path, default=None, help="go on from this file, and keep it up to date")
    parser.add_argument("--moods", type=Path, default=None, metavar="FILE", help="what goes wrong (TOML)")
    parser.add_argument("--authorised", action="store_true", help="consent for every shop, so that there are tokens")
    parser.add_argument("--attached", action="store_true", help="end when standard input closes")
    for name in LISTENERS:
        parser.add_argument(f"--{name}-port", type=int, default=0, help=f"port of {name}; any free one when 0")
    return parser.parse_args()


def _specs(arguments: argparse.Namespace) -> list[tuple[ShopSpec, Habits | None]]:
    specs: list[tuple[ShopSpec, Habits | None]] = []
    for text in arguments.shop:
        values: dict[str, Any] = json.loads(text)
        habits = values.pop("connector", None)
        specs.append((ShopSpec.of(values), None if habits is None else Habits.of(habits)))
    for number in range(1, arguments.shops + 1):
        domain = f"sim-store-{number}.myshopify.com"
        specs.append((ShopSpec(name=f"Simulated shop {number}", commerce_domain=domain), None))
    return specs


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, daemon=True, name="stdin").start()


def _announce(line: str, ports_file: Path | None) -> None:
    if ports_file is not None:
        ready = ports_file.with_suffix(ports_file.suffix + ".new")
        ready.write_text(line + "\n", encoding="utf-8")
        ready.chmod(0o600)
        ready.replace(ports_file)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fill(simulator: Simulator, arguments: argparse.Namespace) -> None:
    state: Path | None = arguments.state
    if state is not None and not os.access(state.parent, os.W_OK | os.X_OK):
        raise snapshot.StateUnusable(f"{state}: its folder is not there, or cannot be written")
    if state is not None and state.exists():
        snapshot.load(simulator, state)
    else:
        for spec, habits in _specs(arguments):
            simulator.add_shop(spec, habits)
    if arguments.authorised:
        simulator.authorise()


async def _run(arguments: argparse.Namespace) -> None:
    ports = {name: getattr(arguments, f"{name}_port") for name in LISTENERS}
    simulator = Simulator(
        seed=arguments.seed,
        rate=arguments.rate,
        start=arguments.start,
        host=arguments.host,
        redirect_url=arguments.redirect_url,
        ports=ports,
    )
    for mood in [] if arguments.moods is None else mood_file.read(arguments.moods):
        simulator.moods.add(mood)
    state: Path | None = arguments.state
    _fill(simulator, arguments)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows has no such handlers; there Ctrl-C raises KeyboardInterrupt
            pass
    if arguments.attached:
        _watch_input(loop, stop)
    async with simulator:
        _announce(json.dumps(simulator.describe()), arguments.ports_file)
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _SAVE_SECONDS)
            except TimeoutError:
                pass
            if state is not None:
                snapshot.save(simulator, state)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop that takes half the time; nothing where there is none."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def main() -> int:
    """Runs until stopped. Exit code 2 for arguments that make no sense."""
    arguments = _arguments()
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(_run(arguments))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"simulator: {named}{error.strerror or error}\n")
        return 2
    except (ValueError, TypeError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
