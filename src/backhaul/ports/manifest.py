"""What a connector declares of itself. A test compares the declaration with the code, both ways; the docs' matrix and
the dashboard's forms are made from it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from backhaul.domain.effects import Safety
from backhaul.domain.words import Party


class Proof(StrEnum):
    """How well a connector is proven: against our simulator, recorded answers, or the live vendor."""

    SIMULATED = "simulated"
    RECORDED = "recorded"
    LIVE = "live"


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One setting of a connection, as the form and the CLI ask for it."""

    name: str
    label: str
    help: str
    secret: bool = False
    required: bool = True
    default: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """A connector's declaration."""

    vendor: str  # "tiktok_shop"
    title: str  # "TikTok Shop"
    role: Party
    api_version: str
    docs: str
    proof: Proof
    abilities: frozenset[str]  # names of the ports' Protocols it plays
    effects: dict[str, Safety]  # effect tag -> how it may be repeated
    fields: tuple[Field, ...]
    scopes: dict[str, str]  # right -> why we need it
    webhooks: tuple[str, ...]  # topics it subscribes to
    budget_per_s: float  # calls per second, shop and endpoint; or points per second and shop, where calls have a cost
    money_units: str  # "decimal string" | "minor units"
    budget_burst: float = 0.0  # points that may be spent at once; 0 for vendors that count calls
    settings_page: str = ""
    consent: bool = False  # its owner gives consent on the vendor's page, which comes back to our redirect address
    consoles: dict[str, str] = {}  # the vendor's own console by market, "" for all others

    def console(self, market: str) -> str:
        """Where a person does what we cannot; empty when the vendor has no such place."""
        return self.consoles.get(market, self.consoles.get("", ""))

    def missing(self, granted: Iterable[str]) -> tuple[str, ...]:
        """Rights we need that a login lacks; none when the vendor named no rights at all."""
        given = frozenset(granted)
        return tuple(scope for scope in self.scopes if scope not in given) if given else ()
