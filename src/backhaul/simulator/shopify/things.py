"""The plain things of a shop: ids, addresses, places, variants, metafields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from .ids import gid

if TYPE_CHECKING:
    from .model import Order
    from .shop import ShopState


class Numbered:
    """A thing with a global id made from its class's KIND and its number."""

    __slots__ = ()
    KIND: ClassVar[str] = ""
    number_id: int

    @property
    def id(self) -> str:
        return gid(self.KIND, self.number_id)

    @property
    def legacy_resource_id(self) -> str:
        return str(self.number_id)


@dataclass(slots=True, eq=False)
class Attribute:
    key: str
    value: str | None


@dataclass(slots=True, eq=False)
class Metafield(Numbered):
    KIND = "Metafield"
    number_id: int
    owner: Order | ShopState | Location | Variant
    owner_type: str
    namespace: str
    key: str
    type: str
    value: str
    created_at: float
    updated_at: float


@dataclass(slots=True, eq=False)
class Address(Numbered):
    KIND = "MailingAddress"
    number_id: int
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code_v2: str | None = None
    phone: str | None = None


@dataclass(slots=True, eq=False)
class Location(Numbered):
    KIND = "Location"
    number_id: int
    name: str
    address: Address
    created_at: float
    updated_at: float
    is_active: bool = True
    ships_inventory: bool = True
    fulfills_online_orders: bool = True
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Variant(Numbered):
    KIND = "ProductVariant"
    number_id: int
    sku: str
    title: str
    barcode: str | None
    price: str
    created_at: float
    updated_at: float
    inventory_quantity: int = 0
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)

    @property
    def display_name(self) -> str:
        return self.title
