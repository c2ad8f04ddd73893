"""`simulate`: the simulator alone, for anybody's client. No installation is needed and none is touched."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul.cli import running
from backhaul.cli.serving import Attached
from backhaul.simulator import mood_file
from backhaul.simulator.delivery import RealAddressRefused, require_local_address
from backhaul.simulator.files import FileMistake

# In this order from the port that was asked for.
ORDER = ("control", "tiktok", "shopify", "loop", "console")
MARK = "sim-"
OWN_DESK = {"name": "Own desk", "commerce_domain": "sim-own-desk.myshopify.com"}
WITH_LOOP = {"name": "With Loop", "commerce_domain": "sim-with-loop.myshopify.com", "desk": "loop"}


def simulate(
    port: Annotated[
        int, typer.Option(min=0, max=65535 - len(ORDER), help="First of five ports in a row; any free ones when 0.")
    ] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Virtual seconds a second; 0 stands still until stepped.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ids and the same luck.")] = 1,
    shop: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="A shop in place of the two usual ones; may be repeated.")
    ] = None,
    shops: Annotated[int, typer.Option(min=0, max=100, help="So many US shops with a store, in their place.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Go on from this file, and keep the world in it.")] = None,
    moods: Annotated[Path | None, typer.Option(help="What goes wrong, from this file (TOML).")] = None,
    attached: Attached = False,
) -> None:
    """Run the simulator of TikTok Shop, Shopify and Loop alone, for any client.

    Prints one JSON line when it is ready: the address of each vendor, made-up credentials of two shops (one with its
    own desk, one with Loop), and the console. From the port given on: control API, TikTok Shop, Shopify, Loop, console.

    Examples:

      backhaul simulate --port 8490

      backhaul simulate --rate 3600 --moods bad-day.toml --state world.state

      backhaul simulate --shop '{"name": "UK", "region": "GB", "commerce_domain": "sim-uk.myshopify.com"}'

      backhaul connect tiktok_shop --simulated-by http://127.0.0.1:8490
    """
    command = [sys.executable, "-m", "backhaul.simulator", "--authorised", "--rate", str(rate), "--seed", str(seed)]
    for offset, name in enumerate(ORDER):
        command += [f"--{name}-port", str(port + offset if port else 0)]
    wanted = [_shop(text) for text in shop or ()] or ([] if shops else [OWN_DESK, WITH_LOOP])
    for each in wanted:
        command += ["--shop", json.dumps(each)]
    command += ["--shops", str(shops)]
    if moods is not None:
        _check_moods(moods)
        command += ["--moods", str(moods)]
    if state is not None:
        command += ["--state", str(state)]
    if attached:
        command.append("--attached")
    os.execv(sys.executable, [*command, "--redirect-url", _redirect()])


def _shop(text: str) -> dict[str, Any]:
    """A shop of the command line. A store's name must show that it is made up."""
    try:
        values = json.loads(text)
    except ValueError as error:
        running.fail(f"--shop: not JSON ({error}): {text}", 2)
    if not isinstance(values, dict):
        running.fail(f"--shop: not a JSON object: {text}", 2)
    domain = values.get("commerce_domain")
    if domain is not None and not str(domain).startswith(MARK):
        running.fail(f"--shop: commerce_domain {domain} may be a real store; begin it with {MARK}", 2)
    return values


def _check_moods(path: Path) -> None:
    try:
        mood_file.read(path)
    except FileMistake as error:
        running.fail(str(error), 2)


def _redirect() -> str:
    """Where the consent page leads back to: the hub of this machine; nowhere when that has a public address."""
    address = f"{running.settings_of().base_url}/callback/tiktok_shop"
    try:
        require_local_address(address)
    except RealAddressRefused:
        return ""
    return address
