"""How one merchant has set Loop up: policy, workflows, reasons. In the real desk all of this is set by hand only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from backhaul.simulator.kinds import fitting

REASONS: dict[str, list[str]] = {
    "Fit": ["Too small", "Too large", "Not my style"],
    "Quality": ["Defective", "Damaged in transit", "Missing parts"],
    "Service": ["Wrong item", "Not as described", "Arrived late", "Never arrived"],
    "Changed my mind": ["No longer needed", "Other"],
}
OUTCOMES = ("refund", "exchange", "store-credit")
_CHOICES = {
    "lookup": ("zip", "email", "phone", "any"),
    "forms": ("plain", "named", "stepwise"),
    "process_on": ("manual", "in_transit", "delivered"),
}


@dataclass(slots=True)
class Settings:
    """Money is minor units, times are virtual seconds.

    `lookup` is what the second input must match; `forms` which field names and steps the vendor's forms have.
    The second block are policy and workflows; with `rules_for_tag` they touch only orders that carry that tag.
    """

    lookup: str = "zip"
    forms: str = "plain"
    calls_per_minute: int = 300
    process_seconds: float = 5.0
    process_on: str = "manual"
    restock: bool = False
    labels: bool = True
    label_on_submit: bool = False
    label_seconds: float = 3.0
    label_carrier: str = "USPS"
    label_cost_minor: int = 725
    label_days: int = 28
    third_party_labels: bool = False
    accepts_orders: bool = True
    destination_limit: int = 10

    rules_for_tag: str = ""
    photo_required: bool = False
    questions: tuple[str, ...] = ()
    questions_answerable: bool = False
    minimum_value_minor: int = 0
    final_sale_skus: tuple[str, ...] = ()
    window_days: int = 60
    handling_fee_percent: float = 0.0
    handling_fee_minor: int = 0
    outcomes: tuple[str, ...] = OUTCOMES
    countries: tuple[str, ...] = ()
    flag_new: bool = False
    reasons: dict[str, list[str]] = field(default_factory=lambda: {key: list(each) for key, each in REASONS.items()})

    def change(self, values: Mapping[str, Any]) -> None:
        """Sets what is named. Raises ValueError for an unknown name or a value of another kind; nothing is set then."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown desk setting: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        fitting = {name: _fit(name, value, known[name]) for name, value in values.items()}
        for name, value in fitting.items():
            setattr(self, name, value)

    def describe(self) -> dict[str, Any]:
        """All settings, as the control API shows them."""
        return asdict(self)


def _fit(name: str, value: Any, now: Any) -> Any:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"{name} must be one of: {', '.join(_CHOICES[name])}")
    if name == "reasons":
        return _reasons(value)
    value = fitting(name, value, now)
    if name == "outcomes" and not set(value) <= set(OUTCOMES):
        raise ValueError(f"outcomes must be some of: {', '.join(OUTCOMES)}")
    if isinstance(value, int | float) and value < 0:
        raise ValueError(f"{name} must not be negative")
    return value


def _reasons(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not value:
        raise ValueError("reasons must be an object: parent reason to a list of child reasons")
    for parent, children in value.items():
        if not isinstance(children, list) or not children or not all(isinstance(item, str) for item in children):
            raise ValueError(f"reasons of {parent!r} must be a list of child reasons")
    return {str(parent): list(children) for parent, children in value.items()}
