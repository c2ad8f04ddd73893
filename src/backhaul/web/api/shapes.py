"""What the API takes and gives beyond the rows that the store reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.channel import Instead
from backhaul.domain.portal import Redirect
from backhaul.domain.steps import View
from backhaul.domain.terms import Booker, Capability, DeskOpens, DeskTerms, Mode, Payer
from backhaul.domain.words import Action, Condition, Decision, Disposition, Kind
from backhaul.store.case_page import EffectRow, EntryRow, FileRow, ParcelRow, UnitRow
from backhaul.store.grid import CaseRow
from backhaul.store.pages import ExceptionRow, HistoryRow


def full(value: Any) -> Any:
    """A value with all its members: our structs leave out what stands at its default when they are stored, but a
    reader of the API should not have to know the defaults."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        members = {name: full(getattr(value, name)) for name in value.__struct_fields__}
        if config.array_like:
            return list(members.values())
        return {str(config.tag_field): config.tag, **members} if config.tag_field else members
    if isinstance(value, Mapping):
        return {key: full(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [full(item) for item in value]
    return value


class Done(msgspec.Struct, frozen=True):
    """A command was taken. What becomes of it shows on the case."""

    done: bool = True
    id: UUID | None = None
    count: int | None = None
    text: str = ""


class CasePage(msgspec.Struct, frozen=True):
    """A page of cases; ``next`` is the cursor of the page after it, null at the end."""

    cases: tuple[CaseRow, ...]
    next: str | None


class CaseDetail(msgspec.Struct, frozen=True):
    """One case. ``note`` is what the buyer wrote who asked for it in the portal, empty where nobody did; ``instead`` is
    what the buyer of a replacement or an exchange gets, null where the channel does not say; ``raw`` are the channel's
    own words, for roles that may read them."""

    case: CaseRow
    view: View
    units: tuple[UnitRow, ...]
    effects: tuple[EffectRow, ...]
    history: tuple[HistoryRow, ...]
    exceptions: tuple[ExceptionRow, ...]
    entries: tuple[EntryRow, ...]
    parcels: tuple[ParcelRow, ...]
    files: tuple[FileRow, ...]
    related: tuple[CaseRow, ...]
    candidates: list[Any]
    instead: Instead | None
    note: str
    raw: dict[str, Any] | None


class ExceptionPage(msgspec.Struct, frozen=True):
    """A page of open exceptions."""

    exceptions: tuple[ExceptionRow, ...]
    next: str | None


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of history, newest first."""

    history: tuple[HistoryRow, ...]
    next: str | None


class ShopItem(msgspec.Struct, frozen=True):
    """A shop. ``now`` is its own time."""

    id: UUID
    channel_id: str
    name: str
    market: str
    currency: str
    time_zone: str
    mode: str
    live_since: int | None
    payer: str
    booker: str
    safe_gateways: list[str]
    location: str
    location_name: str
    connection_id: UUID | None
    connection_state: str | None
    desk: DeskTerms | None
    capabilities: dict[str, Capability]
    now: int


class ConnectionItem(msgspec.Struct, frozen=True):
    """A connection, without its secrets."""

    id: UUID
    vendor: str
    role: str
    title: str
    environment: str
    state: str
    state_text: str
    account: str
    access_expires_at: int | None
    refresh_expires_at: int | None
    missing_scopes: list[str]
    webhook_address: str
    last_heard_at: datetime | None
    last_read_at: datetime | None
    shops: list[UUID]


class Amount(msgspec.Struct, frozen=True):
    """An amount as people write it: a decimal number and its currency."""

    amount: str
    currency: str


class UnitOrder(msgspec.Struct, frozen=True):
    """The answer for one unit: accept_parcel, refuse_parcel with its reason, or refund_part with its amount."""

    unit: str
    decision: Decision
    reason_key: str = ""
    offer: Amount | None = None


class DecisionOrder(msgspec.Struct, frozen=True):
    """An answer to the channel. ``round`` is the question's, so that an answer never meets a later review; ``offer`` is
    the part of the refund that is offered or paid; ``units`` are the answers of by_unit; ``evidence`` are pictures that
    were given before and go with a rejection, which may go ``without_pictures`` if the channel does not take one."""

    action: Action
    decision: Decision
    round: int = 1
    reason_key: str = ""
    comment: str = ""
    offer: Amount | None = None
    units: list[UnitOrder] = []
    evidence: list[str] = []
    without_pictures: bool = False


class PictureOrder(msgspec.Struct, frozen=True):
    """A picture (JPG, PNG, WEBP, HEIC or BMP); ``content`` is the file in base64."""

    name: str
    content: bytes


class UnitsOrder(msgspec.Struct, frozen=True):
    """Units of a case."""

    units: list[str]


class UnitVerdict(msgspec.Struct, frozen=True):
    """What an inspection found of one unit."""

    unit: str
    condition: Condition
    disposition: Disposition
    note: str = ""


class InspectionOrder(msgspec.Struct, frozen=True):
    """Verdicts of an inspection."""

    verdicts: list[UnitVerdict]


class LabelOrder(msgspec.Struct, frozen=True):
    """A label; ``content`` is the file in base64."""

    name: str
    content: bytes
    tracking_number: str
    carrier_id: str = ""
    carrier_name: str = ""
    document: str = "label"


class OrderLink(msgspec.Struct, frozen=True):
    """Which commerce order it is."""

    commerce_order_id: str


class LineLink(msgspec.Struct, frozen=True):
    """Which commerce line a unit is."""

    unit: str
    commerce_line_id: str


class LaneOrder(msgspec.Struct, frozen=True):
    """A lane: money, stock, records or desk."""

    lane: str


class ModeOrder(msgspec.Struct, frozen=True):
    """Observe or live."""

    mode: Mode


class TakeOverOrder(msgspec.Struct, frozen=True):
    """Open cases to take over; null takes all."""

    cases: list[UUID] | None = None


class GatewayOrder(msgspec.Struct, frozen=True):
    """A payment method that moves no money."""

    gateway: str


class LocationOrder(msgspec.Struct, frozen=True):
    """Where restocked units go: the id or the name of a place in commerce."""

    location: str


class BookerOrder(msgspec.Struct, frozen=True):
    """Who books refunds."""

    booker: Booker


class PayerOrder(msgspec.Struct, frozen=True):
    """Who pays the buyer."""

    payer: Payer


class DeskOrder(msgspec.Struct, frozen=True):
    """How the shop works with its returns desk: when a return is opened there, whether it makes the labels, writes the
    return into commerce and moves the stock itself, which of the channel's reasons stand for what it rejects (in order
    of preference), and the channel's carrier (id or name) for each name of a carrier there."""

    opens: DeskOpens = DeskOpens.APPROVED
    labels: bool = True
    writes_records: bool = True
    moves_stock: bool = False
    reject_reasons: list[str] = []
    carriers: dict[str, str] = {}


class PortalOpen(msgspec.Struct, frozen=True):
    """Whether the portal is open to buyers."""

    open: bool


class PortalKinds(msgspec.Struct, frozen=True):
    """What buyers may ask for: return, refund or both."""

    kinds: list[Kind]


class PortalWords(msgspec.Struct, frozen=True):
    """The shop's own words in a language; what is empty is said in Backhaul's."""

    title: str = ""
    introduction: str = ""
    help: str = ""


class PortalRedirect(msgspec.Struct, frozen=True):
    """How far the channel's redirect to the portal is."""

    state: Redirect


class AliasOrder(msgspec.Struct, frozen=True):
    """A channel SKU and the commerce SKU it stands for."""

    channel_sku: str
    commerce_sku: str


class ConnectionOrder(msgspec.Struct, frozen=True):
    """A new connection; ``settings`` are the fields of the vendor's manifest. A simulated one has its simulator's
    addresses, all on this machine; with that of its control API, ``control``, it goes by the simulator's clock."""

    vendor: str
    settings: dict[str, str]
    title: str = ""
    environment: str = "live"
    shop: UUID | None = None
    api_base: str = ""
    auth_base: str = ""
    control: str = ""


class LoginOrder(msgspec.Struct, frozen=True):
    """Settings of a connection to be changed, by the fields of the vendor's manifest; the others stay as they are."""

    settings: dict[str, str] = {}


class CallbackOrder(msgspec.Struct, frozen=True):
    """The query of the vendor's redirect after consent."""

    params: dict[str, str]


class CheckLine(msgspec.Struct, frozen=True):
    """One thing that was tried."""

    ok: bool
    text: str
