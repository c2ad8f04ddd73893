"""Keeps the simulated world in a file, so that a demo goes on where it was left.

Only data is kept. What belongs to the running program (clock, queues, callbacks) is left out by name and put in again
when the file is read; clocks of cases are set anew from their saved times. Virtual time stands still in between.
Webhooks that waited for a retry are lost, as webhooks may be.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import stat
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any

from backhaul.simulator.clock import Timer
from backhaul.simulator.garbage import permanent
from backhaul.simulator.tiktok import model as m

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_FORMAT = 4
_WORLD = (
    "orders",
    "returns",
    "cancellations",
    "images",
    "journals",
    "groups",
    "remembered",
    "by_buyer",
    "returns_of_order",
    "cancellations_of_order",
    "order_of_package",
    "orders_of_reference",
)
_AUTH = ("apps", "sellers", "shops", "grants", "_codes", "_access", "_refresh")
_BOOKS = ("shops", "without_shop")
_LIBRARY = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "bytearray"),
    ("collections", "Counter"),
    ("collections", "deque"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("builtins", "object"),
    ("builtins", "list"),
    ("builtins", "dict"),
    ("builtins", "int"),
    ("decimal", "Decimal"),
    ("random", "Random"),
    ("time", "monotonic"),
}


class StateUnusable(ValueError):
    """The file is not a state this program can go on from."""


def save(simulator: Simulator, path: Path) -> None:
    """Writes the state; the file appears whole or not at all, readable by its owner only."""
    buffer = io.BytesIO()
    _Pickler(buffer, simulator).dump(_collect(simulator))
    fresh = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(buffer.getvalue())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load(simulator: Simulator, path: Path) -> None:
    """Puts a saved state into a fresh simulator. Raises StateUnusable when it cannot."""
    status = path.stat()
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077):
        raise StateUnusable(f"{path} must belong to you and be readable by nobody else (mode 600)")
    try:
        with permanent():
            state = _Unpickler(io.BytesIO(path.read_bytes()), simulator).load()
            if state["format"] != _FORMAT:
                raise StateUnusable("another format")
            _restore(simulator, state)
    except StateUnusable as error:
        raise StateUnusable(f"{path}: {error}; start afresh without it") from None
    except Exception as error:
        raise StateUnusable(f"{path} cannot be read ({error!r}); start afresh without it") from error


def _collect(simulator: Simulator) -> dict[str, Any]:
    world, connector = simulator.channel.world, simulator.connector
    return {
        "format": _FORMAT,
        "now": simulator.clock.now(),
        "app_key": simulator.app.app_key,
        "world": {name: getattr(world, name) for name in _WORLD},
        "ids": vars(world.ids),
        "auth": {name: getattr(world.auth, name) for name in _AUTH},
        "subscriptions": world.events.all_subscriptions,
        "books": {name: getattr(simulator.books, name) for name in _BOOKS},
        "commerce": simulator.commerce.shops,
        "loop": (simulator.loop.world.desks, simulator.loop.world.of_shop, simulator.loop.world.waiting),
        "connector": (connector.copies, connector.planned, connector.habits),
        "buyers": (simulator.buyers.temper, simulator.buyers.counts),
        "random": [source.getstate() for source in simulator.random_sources()],
    }


def _restore(simulator: Simulator, state: dict[str, Any]) -> None:
    world, connector = simulator.channel.world, simulator.connector
    simulator.clock.restart(state["now"])
    for name, value in state["world"].items():
        setattr(world, name, value)
    for name, value in state["auth"].items():
        setattr(world.auth, name, value)
    world.shops = world.auth.shops
    world.reindex()
    vars(world.ids).update({**state["ids"], "_rng": world.rng})
    world.events.all_subscriptions = state["subscriptions"]
    for name, value in state["books"].items():
        setattr(simulator.books, name, value)
    simulator.app = world.auth.apps[state["app_key"]]
    simulator.commerce.shops.clear()
    simulator.commerce.shops.update(state["commerce"])
    for store in simulator.commerce.shops.values():
        store.bucket.level = -1.0  # the wall clock of another run means nothing here
    simulator.loop.world.desks, simulator.loop.world.of_shop, waiting = state["loop"]
    simulator.loop.world.resume(waiting)
    connector.copies, connector.planned, connector.habits = state["connector"]
    simulator.buyers.counts = state["buyers"][1]
    for source, value in zip(simulator.random_sources(), state["random"], strict=True):
        source.setstate(value)
    _set_clocks(simulator)
    simulator.buyers.resume(state["buyers"][0])


def _set_clocks(simulator: Simulator) -> None:
    channel, clock = simulator.channel, simulator.clock
    for case in channel.world.returns.values():
        if case.timer is not None:
            case.timer = clock.schedule(case.timer.at, lambda case=case: channel.aftersales.time_is_up(case))  # type: ignore[misc]
        if case.stale is not None or case.published_at < 0:
            case.stale = None
            channel.world.publish(case)
    for request in channel.world.cancellations.values():
        if request.timer is not None:
            at = request.timer.at
            request.timer = clock.schedule(at, lambda case=request: channel.cancellations.time_is_up(case))  # type: ignore[misc]
    for order in channel.world.orders.values():
        order.timer = None
        channel.sales.schedule_completion(order)
    for past in channel.world.orders.pasts:
        channel.sales.watch_past(past)
    for order_id, (at, style, wrong_sku, habits) in list(simulator.connector.planned.items()):
        order, delay = channel.world.orders[order_id], max(1.0, at - clock.now())
        simulator.connector.copy_later(order, style, delay, wrong_sku=wrong_sku, habits=habits)
    for grant in channel.world.auth.grants:
        if not grant.revoked and grant.ends_at > clock.now():
            channel.world.events.watch_expiry(grant)


def _anchors(simulator: Simulator) -> dict[str, Any]:
    """Objects of the running program that saved objects point at."""
    return {
        "clock": simulator.clock,
        "commerce": simulator.commerce,
        "engine": simulator.commerce.engine,
    }


def _timer(at: float | None) -> Timer | None:
    """A clock that ran when the state was saved; None for one that had rung."""
    return None if at is None else Timer(at, 0, None)


def _anchor(name: str) -> Any:
    """Stands in a file for an object of the running program; the reader puts its own in its place."""
    raise StateUnusable(f"{name} belongs to a running program")


def _method(name: str, attribute: str) -> Any:
    """Stands in a file for a method of such an object."""
    raise StateUnusable(f"{name}.{attribute} belongs to a running program")


class _Pickler(pickle.Pickler):
    """Writes what belongs to the running program by name. A table by class, as a question about each object is slow."""

    def __init__(self, file: io.BytesIO, simulator: Simulator) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(value): name for name, value in _anchors(simulator).items()}
        self.dispatch_table = {
            **copyreg.dispatch_table,
            Timer: lambda timer: (_timer, (timer.at if timer.callback is not None else None,)),
            MethodType: self._reduce_method,
            **{type(value): self._reduce_anchor for value in _anchors(simulator).values()},
        }

    def _reduce_method(self, method: MethodType) -> Any:
        name = self._names.get(id(method.__self__))
        return method.__reduce_ex__(5) if name is None else (_method, (name, method.__name__))

    def _reduce_anchor(self, value: Any) -> Any:
        name = self._names.get(id(value))
        return value.__reduce_ex__(5) if name is None else (_anchor, (name,))


class _Unpickler(pickle.Unpickler):
    """Makes objects of the simulator and of a few harmless library classes, and no others."""

    def __init__(self, file: io.BytesIO, simulator: Simulator) -> None:
        super().__init__(file)
        anchors = _anchors(simulator)
        self._own = {
            "_anchor": anchors.__getitem__,
            "_method": lambda name, attribute: getattr(anchors[name], attribute),
            "_timer": _timer,
        }

    def find_class(self, module_name: str, global_name: str) -> Any:
        if module_name == __name__ and global_name in self._own:
            return self._own[global_name]
        if module_name.startswith("backhaul.simulator.") or (module_name, global_name) in _LIBRARY:
            return super().find_class(module_name, global_name)
        raise StateUnusable(f"it holds a {module_name}.{global_name}, which the simulator never writes")


def counts(simulator: Simulator) -> dict[str, int]:
    """How much there is, for a line at start."""
    world = simulator.channel.world
    still_open = sum(1 for case in world.returns.values() if case.status not in m.ENDED)
    return {"orders": world.orders.count(), "returns": len(world.returns), "open": still_open}
