"""What a buyer writes to the shop, at rest: read by nobody who has only the database. It is sealed for its order, so
that it opens on no other's, and stays readable on whichever case the request becomes."""

from __future__ import annotations

from uuid import UUID

from backhaul.domain.starts import Start
from backhaul.kit.crypto import CryptoError, Vault

UNREADABLE = "(This was sealed by another key file.)"


def seal(vault: Vault, shop_id: UUID, order_id: str, text: str) -> bytes:
    """As it may stand in the database; nothing where nothing was written."""
    return vault.encrypt(text.encode(), _context(shop_id, order_id)) if text else b""


def read(vault: Vault, shop_id: UUID, start: Start | None) -> str:
    """What the buyer wrote who asked for this; empty where nobody did. A page is shown without the key as well."""
    if start is None or not start.note:
        return ""
    try:
        return vault.decrypt(start.note, _context(shop_id, start.order_id)).decode()
    except CryptoError:
        return UNREADABLE


def _context(shop_id: UUID, order_id: str) -> bytes:
    return f"order/{shop_id}/{order_id}/note".encode()
