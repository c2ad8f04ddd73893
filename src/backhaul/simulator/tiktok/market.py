"""Per market defaults of the simulator: currency, clocks, postal habits. Only for play: a client reads deadlines.

The clock values follow the vendor's overview page where it names one and the market's guides otherwise; they are known
to disagree, so every one can be overridden per shop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

HOUR = 3600
DAY = 86400


@dataclass(frozen=True, slots=True)
class Clocks:
    """How long each party has, in virtual seconds."""

    answer_request: int = 48 * HOUR
    answer_replacement: int = 24 * HOUR
    answer_exchange: int = 48 * HOUR
    answer_cancellation: int = 48 * HOUR
    judge_parcel: int = 48 * HOUR
    buyer_ships: int = 14 * DAY
    buyer_disputes: int = 48 * HOUR
    buyer_answers_offer: int = 48 * HOUR
    refund_lag: int = 20 * 60
    completed_after_delivery: int = 37 * DAY
    ships_after_payment: int = 3 * DAY
    settles_after_delivery: int = 2 * DAY


@dataclass(frozen=True, slots=True)
class Market:
    """One region of the channel."""

    region: str
    currency: str
    reasons: str
    clocks: Clocks
    cities: tuple[tuple[str, str, str], ...]
    tax_percent: float
    seller_may_start_in: frozenset[str] = frozenset()  # beside refunds of orders that wait for the carrier
    cancel_until_handover: bool = False  # buyers may ask to cancel until the carrier has the parcel
    reships: bool = False  # replacements and exchanges are offered to buyers


_BASE = Clocks()

MARKETS: dict[str, Market] = {
    "US": Market(
        "US",
        "USD",
        "US",
        replace(_BASE, answer_cancellation=24 * HOUR),
        (("Columbus", "Ohio", "43085"), ("Austin", "Texas", "78704"), ("Fresno", "California", "93720")),
        8.0,
        frozenset({"IN_TRANSIT", "DELIVERED"}),
        reships=True,
    ),
    "GB": Market(
        "GB",
        "GBP",
        "UK",
        _BASE,
        (("Leeds", "West Yorkshire", "LS1 4AP"), ("Bristol", "Bristol", "BS1 5TR")),
        0.0,
        frozenset({"DELIVERED"}),
        reships=True,
    ),
    "DE": Market("DE", "EUR", "EU", _BASE, (("Leipzig", "Sachsen", "04109"),), 0.0, frozenset({"DELIVERED"})),
    "FR": Market("FR", "EUR", "EU", _BASE, (("Nantes", "Pays de la Loire", "44000"),), 0.0, frozenset({"DELIVERED"})),
    "ID": Market(
        "ID",
        "IDR",
        "ID",
        replace(_BASE, judge_parcel=8 * DAY, buyer_ships=5 * DAY),
        (("Bandung", "Jawa Barat", "40111"),),
        0.0,
        frozenset({"DELIVERED"}),
        cancel_until_handover=True,
    ),
    "MX": Market("MX", "MXN", "MX", _BASE, (("Puebla", "Puebla", "72000"),), 0.0, frozenset({"DELIVERED"})),
    "BR": Market("BR", "BRL", "BR", _BASE, (("Curitiba", "Paraná", "80010-000"),), 0.0, frozenset({"DELIVERED"})),
    "JP": Market("JP", "JPY", "JP", _BASE, (("Kobe", "Hyogo", "650-0001"),), 0.0, frozenset({"DELIVERED"})),
    "MY": Market("MY", "MYR", "MY", _BASE, (("Ipoh", "Perak", "30000"),), 0.0, cancel_until_handover=True),
    "PH": Market("PH", "PHP", "PH", _BASE, (("Cebu", "Cebu", "6000"),), 0.0, cancel_until_handover=True),
    "SG": Market("SG", "SGD", "SG", _BASE, (("Singapore", "Singapore", "238801"),), 0.0, cancel_until_handover=True),
    "TH": Market(
        "TH",
        "THB",
        "TH",
        replace(_BASE, answer_request=DAY, buyer_ships=10 * DAY),
        (("Chiang Mai", "Chiang Mai", "50000"),),
        0.0,
        cancel_until_handover=True,
    ),
    "VN": Market(
        "VN",
        "VND",
        "VN",
        replace(_BASE, answer_request=DAY, buyer_ships=15 * DAY),
        (("Da Nang", "Da Nang", "550000"),),
        0.0,
        frozenset({"DELIVERED"}),
        cancel_until_handover=True,
    ),
}


def market(region: str) -> Market:
    """The market of a region code. Raises ValueError for one the simulator does not play."""
    try:
        return MARKETS[region]
    except KeyError:
        raise ValueError(f"the simulator plays {', '.join(MARKETS)}; not {region!r}") from None
