"""What a scenario is. Amounts are minor units of the shop's currency, times virtual seconds after its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASE = "case"  # the name of a story's case when it has one only
UNKNOWN = "unknown"  # what `channel` says of a case that was never begun there


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something. `values` are the act's own, checked against the vocabulary."""

    at: float
    by: str
    do: str
    case: str
    values: Mapping[str, Any]
    line: int

    def __str__(self) -> str:
        return f"{self.by}: {self.do}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be true of one case: at the end, or `at` a time before it. None is not looked at.

    `decided` are the answers of the seller's app in their order, `others` those of everybody else (the channel's clock
    and staff, Seller Center), `returns` and `stock` what stands in commerce: a status per return, a fate per unit.
    `pictures` is how many went with the seller's answers. `desk` are the states of the returns in the desk,
    `desk_reasons` the parent and child reason of each of their units.
    """

    case: str
    line: int
    at: float | None = None
    channel: str | None = None
    decided: tuple[str, ...] | None = None
    others: tuple[str, ...] | None = None
    paid: int | None = None
    booked: int | None = None
    booked_by: tuple[str, ...] | None = None
    returns: tuple[str, ...] | None = None
    stock: tuple[str, ...] | None = None
    labels: int | None = None
    pictures: int | None = None
    desk: tuple[str, ...] | None = None
    desk_reasons: tuple[str, ...] | None = None
    hub: str | None = None
    ended: bool | None = None
    exceptions: tuple[str, ...] | None = None
    questions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ShopPlan:
    """The shop of a story. Stories whose shops are alike may share one."""

    market: str = "US"
    desk: str = "own"
    commerce: bool = True
    switches: Mapping[str, Any] = field(default_factory=dict)
    clocks: Mapping[str, int] = field(default_factory=dict)
    connector: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, Any] = field(default_factory=dict)
    gateway_confirmed: bool = True
    booker: str = "hub"
    policy: Mapping[str, Any] = field(default_factory=dict)  # the hub's; opaque to the simulator
    portal: tuple[str, ...] = ()  # what buyers may ask for in the hub's portal; empty when it is closed


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """The order of a story. `copy` is how the order connector brings it over, None that it does not."""

    lines: tuple[Mapping[str, Any], ...]
    status: str = "DELIVERED"
    shipping: int = 0
    fulfillment: str = "FULFILLMENT_BY_SELLER"
    copy: Mapping[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story."""

    name: str
    path: Path
    title: str
    story: str
    covers: tuple[str, ...]
    shop: ShopPlan
    order: OrderPlan
    acts: tuple[Act, ...]
    checks: tuple[Expected, ...]  # on the way, each with its time
    end: tuple[Expected, ...]  # one a case
    until: float  # the end is judged this long after the beginning
