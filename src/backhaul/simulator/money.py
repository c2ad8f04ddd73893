"""Money in the simulator: whole minor units inside, decimal text on the wire; written apart from the hub's."""

from __future__ import annotations

from functools import lru_cache

_NO_MINOR_UNIT = frozenset({"JPY", "VND", "IDR"})


def places(currency: str) -> int:
    """Decimal places that amounts of a currency are written with."""
    return 0 if currency in _NO_MINOR_UNIT else 2


@lru_cache(maxsize=16_384)
def text(minor: int, currency: str, *, uneven: bool = False) -> str:
    """Decimal text of an amount. `uneven` drops trailing zeros, as the channel does now and then ("1", "0.2")."""
    digits = places(currency)
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    written = f"{sign}{whole}.{part:0{digits}d}"
    return written.rstrip("0").rstrip(".") if uneven else written


def minor(written: str, currency: str) -> int:
    """Minor units of a decimal text. Raises ValueError for anything else, also for too many decimals."""
    digits = places(currency)
    body = written[1:] if written.startswith("-") else written
    whole, _, part = body.partition(".")
    if not whole.isdigit() or not (part == "" or part.isdigit()) or len(part) > digits or ("." in body and part == ""):
        raise ValueError(f"not an amount of {currency}: {written!r}")
    value: int = int(whole) * 10**digits + int((part + "0" * digits)[:digits] or "0")
    return -value if written.startswith("-") else value


def split(total: int, weights: list[int]) -> list[int]:
    """Divides an amount over weights so that the parts add up exactly; the last one takes the rest."""
    whole = sum(weights)
    if not weights or whole == 0:
        return [total, *([0] * (len(weights) - 1))] if weights else []
    parts = [total * weight // whole for weight in weights]
    parts[-1] += total - sum(parts)
    return parts
