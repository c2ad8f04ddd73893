"""Invented people."""

from __future__ import annotations

import random

from backhaul.simulator.tiktok.model import Buyer, Shop

_FIRST = ("Ada", "Ben", "Cleo", "Dara", "Emil", "Fay", "Gus", "Hana", "Ivo", "June", "Kai", "Lena", "Milo", "Nora")
_LAST = ("Abel", "Brook", "Castro", "Dietz", "Eden", "Frost", "Garcia", "Holm", "Ito", "Jung", "Kaya", "Lund", "Moss")
_STREETS = ("Elm Street", "Harbour Road", "Mill Lane", "Station Road", "Orchard Way")


def person(shop: Shop, user_id: str, rng: random.Random) -> Buyer:
    """Somebody who lives in the shop's market."""
    city, state, postal_code = rng.choice(shop.market.cities)
    return Buyer(
        user_id,
        rng.choice(_FIRST),
        rng.choice(_LAST),
        f"{rng.randrange(1, 400)} {rng.choice(_STREETS)}",
        city,
        state,
        postal_code,
        f"(+1)555010{rng.randrange(10, 99)}",
        f"sim{user_id}@chat.seller.tiktok.invalid",
    )
