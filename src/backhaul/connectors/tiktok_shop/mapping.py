"""Pure: wire <-> domain; its tables are in words.py, what concerns answers in answers.py. Never raises on an unknown
word: it becomes UNKNOWN, and is kept in ``unread``. Raises WireDrift for a shape or an amount that we do not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from backhaul.connectors.tiktok_shop import wire
from backhaul.connectors.tiktok_shop.reading import Row, plain, shape, unknown_fields
from backhaul.connectors.tiktok_shop.words import (
    ACTIONS,
    ACTORS,
    CANCEL_STATUSES,
    DOCUMENTS,
    KINDS,
    MARKETS,
    PAID_INSTEAD,
    PAID_STATUSES,
    RETURN_METHODS,
    SHIPMENT_TYPES,
    STATUSES,
    normal,
)
from backhaul.domain.channel import (
    ActionDue,
    ChannelCase,
    ChannelOrder,
    ChannelOrderLine,
    ChannelRefund,
    ChannelUnit,
    ExternalReference,
    Goods,
    Instead,
    Record,
    WayBack,
)
from backhaul.domain.money import Money
from backhaul.domain.words import Action, Actor, Document, Kind, ShippedBy, Stage
from backhaul.ports.connector import ShopInfo, Tokens
from backhaul.ports.errors import WireDrift

Word = TypeVar("Word")

_PLAIN = re.compile(r"[+-]?\d{1,18}(\.\d{0,18})?", re.ASCII)


def case(kind: str, row: Row) -> ChannelCase:
    """A row of the search of ``kind`` ("return" or "cancellation")."""
    return _cancellation(row) if kind == "cancellation" else _return(row)


def case_or_drift(kind: str, row: Row) -> ChannelCase | None:
    """For pages, so that one bad row does not hide its neighbours: such a row becomes a case at an unknown stage, which
    is never final and is read alone later. None when not even its id can be read."""
    case_id = plain(row.get("cancel_id" if kind == "cancellation" else "return_id"))
    if not case_id:
        return None
    try:
        return case(kind, row)
    except WireDrift as drift:
        return ChannelCase(
            id=case_id,
            order_id=plain(row.get("order_id")),
            kind=Kind.CANCELLATION if kind == "cancellation" else _kind(row),
            stage=Stage.UNKNOWN,
            created_at=_seconds(row.get("create_time")),
            updated_at=_seconds(row.get("update_time")),
            raw_kind=plain(row.get("return_type") or row.get("cancel_type")),
            raw_status=plain(row.get("return_status") or row.get("cancel_status")),
            unread={"drift": drift.text},
        )


def _return(row: Row) -> ChannelCase:
    found = shape(row, wire.Return, "return")
    unread = unknown_fields(row, wire.Return)
    status = normal(found.return_status)
    total, parts = _refund_amount(found.refund_amount, found.discount_amount or ())
    offer, turned_down = _offer(found.partial_refund), bool(found.buyer_rejected_partial_refund)
    owed = total if offer is None or turned_down else offer  # an offer that was accepted is all that is paid
    paid = owed if status in PAID_STATUSES else None
    return ChannelCase(
        id=found.return_id,
        order_id=found.order_id,
        kind=_read(KINDS, found.return_type, Kind.UNKNOWN, unread, "return_type"),
        stage=_read(STATUSES, status, Stage.UNKNOWN, unread, "return_status"),
        created_at=found.create_time,
        updated_at=found.update_time,
        raw_kind=found.return_type,
        raw_status=found.return_status,
        due=_due(found.seller_next_action_response, unread),
        started_by=_actor(found.role, unread),
        reason_key=found.return_reason or "",
        reason_text=found.return_reason_text or "",
        refund_total=total,
        refund_parts=parts,
        freight=_freight(found.shipping_fee_amount or ()),
        units=_units(row.get("return_line_items"), found.return_line_items or (), unread),
        way_back=_way_back(found, unread),
        quick_refund=bool(found.is_quick_refund),
        can_keep_item=bool(found.can_buyer_keep_item),
        dispute=found.arbitration_status or "",
        offer=offer,
        offer_refused=turned_down,
        paid_instead=status in PAID_INSTEAD,
        previous_id=_real_id(found.pre_return_id),
        next_id=_real_id(found.next_return_id),
        combined_id=_real_id(found.combined_return_id) if found.is_combined_return is not False else "",
        refunds=_proof(found.return_id, paid, found.update_time),
        unread=unread,
    )


def _cancellation(row: Row) -> ChannelCase:
    found = shape(row, wire.Cancellation, "cancellation")
    unread = unknown_fields(row, wire.Cancellation)
    status = normal(found.cancel_status)
    total, parts = _refund_amount(found.refund_amount, ())
    paid = total if status in PAID_STATUSES else None
    return ChannelCase(
        id=found.cancel_id,
        order_id=found.order_id,
        kind=Kind.CANCELLATION,
        stage=_read(CANCEL_STATUSES, status, Stage.UNKNOWN, unread, "cancel_status"),
        created_at=found.create_time,
        updated_at=found.update_time,
        raw_kind=found.cancel_type,
        raw_status=found.cancel_status,
        due=_due(found.seller_next_action_response, unread),
        started_by=_actor(found.role, unread),
        reason_key=found.cancel_reason or "",
        reason_text=found.cancel_reason_text or "",
        refund_total=total,
        refund_parts=parts,
        units=_units(row.get("cancel_line_items"), found.cancel_line_items or (), unread),
        replenish=found.should_replenish_stock,
        refunds=_proof(found.cancel_id, paid, found.update_time),
        unread=unread,
    )


def instead(found: wire.SkuRequest) -> Instead | None:
    """What the buyer gets instead of money; None when the request names nothing."""
    goods = tuple(
        Goods(line.sku_id, line.seller_sku_name, _name(line.product_name, line.sku_name))
        for line in found.exchange_order_lines or ()
    )
    order_id = _real_id(found.reshipment_order_id)
    return Instead(goods, order_id) if goods or order_id else None


def _proof(case_id: str, paid: Money | None, at: int) -> tuple[ChannelRefund, ...]:
    # A case completed without money (a replacement, an unpaid order) proves no payment.
    return (ChannelRefund(case_id, paid, at, "status"),) if paid is not None and paid.minor > 0 else ()


def records(rows: Iterable[wire.Record]) -> tuple[Record, ...]:
    """The history, oldest first: the channel promises no order."""
    ours = [
        Record(
            at=row.create_time,
            event=row.description or row.event,
            actor=ACTORS.get(row.role.upper(), Actor.UNKNOWN),
            note=" · ".join(text for text in (row.reason_text, row.note) if text),
        )
        for row in rows
    ]
    return tuple(sorted(ours, key=lambda record: record.at))


def order(found: wire.Order) -> ChannelOrder:
    """An order without its buyer. A masked postal code is none."""
    lines = found.line_items or []
    payment = found.payment or wire.Payment()
    currency = payment.currency or next((line.currency for line in lines if line.currency), "")
    postal_code = found.recipient_address.postal_code if found.recipient_address else ""
    status = normal(found.status)
    special, replaces = _special(found)
    return ChannelOrder(
        id=found.id,
        status="CANCELLED" if status == "CANCEL" else status,
        created_at=found.create_time,
        updated_at=found.update_time,
        currency=currency,
        total=money(payment.total_amount, currency, "order total"),
        lines=tuple(
            ChannelOrderLine(
                id=line.id,
                sku_id=line.sku_id,
                seller_sku=line.seller_sku,
                name=_name(line.product_name, line.sku_name),
                price=money(line.sale_price, line.currency or currency, "price"),
            )
            for line in lines
        ),
        fulfilled_by_channel=(found.fulfillment_type or "") not in ("", "FULFILLMENT_BY_SELLER"),
        special=special,
        delivered_at=found.delivery_time or None,
        replaces=replaces,
        postal_code="" if "*" in postal_code else postal_code,
    )


def _special(found: wire.Order) -> tuple[str, str]:
    if found.is_replacement_order:
        return "replacement", _real_id(found.replaced_order_id)
    if found.is_exchange_order:
        return "exchange", _real_id(found.exchange_source_order_id)
    return ("sample" if found.is_sample_order else ""), ""


def reference(found: wire.ExternalOrder) -> ExternalReference:
    """A link to an order elsewhere."""
    lines = {line.origin_id: line.id for line in found.line_items or () if line.origin_id and line.id}
    return ExternalReference(platform=found.platform, order_id=found.id, lines=lines)


def tokens(found: wire.TokenData) -> Tokens:
    """A login."""
    return Tokens(
        access=found.access_token,
        refresh=found.refresh_token,
        access_expires_at=found.access_token_expire_in,
        refresh_expires_at=found.refresh_token_expire_in,
        scopes=tuple(found.granted_scopes or ()),
        account=found.seller_name or found.open_id,
    )


def shop(found: wire.Shop) -> ShopInfo:
    """A shop with its market's currency and zone; for a market not listed these are empty and UTC."""
    market = MARKETS.get(found.region.upper())
    return ShopInfo(
        id=found.id,
        key=found.cipher,
        name=found.name or found.code or found.id,
        market=found.region,
        currency=market.currency if market else "",
        time_zone=market.time_zone if market else "UTC",
    )


# ---- parts ----------------------------------------------------------------------------------------------------------


def _read(table: Mapping[str, Word], word: str, unknown: Word, unread: dict[str, str], field: str) -> Word:
    known = table.get(normal(word))
    if known is None:
        unread[field] = word
        return unknown
    return known


def _actor(role: str, unread: dict[str, str]) -> Actor:
    return _read(ACTORS, role.upper(), Actor.UNKNOWN, unread, "role") if role else Actor.UNKNOWN


def _due(rows: Iterable[wire.NextAction] | None, unread: dict[str, str]) -> tuple[ActionDue, ...]:
    return tuple(
        ActionDue(
            action=_read(ACTIONS, row.action, Action.UNKNOWN, unread, "seller_next_action_response.action"),
            deadline=row.deadline or None,
            raw=row.action,
        )
        for row in rows or ()
    )


def _units(raw: Any, lines: Iterable[wire.ReturnLine], unread: dict[str, str]) -> tuple[ChannelUnit, ...]:
    # One look at the first line is enough to notice a new field; the lines of one answer are alike.
    if isinstance(raw, list) and raw and isinstance(raw[0], dict):
        unread.update(unknown_fields(raw[0], wire.ReturnLine, "line."))
    return tuple(
        ChannelUnit(
            id=line.return_line_item_id or line.cancel_line_item_id or line.order_line_item_id,
            order_line_id=line.order_line_item_id,
            sku_id=line.sku_id,
            seller_sku=line.seller_sku,
            name=_name(line.product_name, line.sku_name),
            refund=_total(line.refund_amount),
        )
        for line in lines
    )


def _way_back(found: wire.Return, unread: dict[str, str]) -> WayBack:
    method, shipment, document = found.return_method, found.shipment_type, found.return_shipping_document_type
    shipped_by = ShippedBy.UNKNOWN
    if method:
        shipped_by = _read(RETURN_METHODS, method, ShippedBy.UNKNOWN, unread, "return_method")
    if shipped_by is ShippedBy.UNKNOWN and shipment:
        shipped_by = _read(SHIPMENT_TYPES, shipment, ShippedBy.UNKNOWN, unread, "shipment_type")
    if document:
        paper = _read(DOCUMENTS, document, Document.UNKNOWN, unread, "return_shipping_document_type")
    else:
        paper = Document.NONE if shipped_by is ShippedBy.BUYER else Document.UNKNOWN
    return WayBack(
        shipped_by=shipped_by,
        document=paper,
        tracking_number=found.return_tracking_number or "",
        carrier_id=_real_id(found.return_provider_id),
        carrier_name=found.return_provider_name or "",
    )


def _refund_amount(
    found: wire.RefundAmount | None, discounts: Iterable[wire.DiscountAmount]
) -> tuple[Money | None, dict[str, Money]]:
    parts: dict[str, Money] = {}
    if found is not None:
        for name, text in (
            ("subtotal", found.refund_subtotal),
            ("shipping", found.refund_shipping_fee),
            ("tax", found.refund_tax),
            ("retail_delivery_fee", found.retail_delivery_fee),
            ("buyer_service_fee", found.buyer_service_fee),
        ):
            _add(parts, name, text, found.currency)
    for one in discounts:
        _add(parts, "seller_discount", one.product_seller_discount, one.currency)
        _add(parts, "platform_discount", one.product_platform_discount, one.currency)
        _add(parts, "shipping_seller_discount", one.shipping_fee_seller_discount, one.currency)
        _add(parts, "shipping_platform_discount", one.shipping_fee_platform_discount, one.currency)
    return _total(found), parts


def _freight(rows: Iterable[wire.ReturnFreight]) -> dict[str, Money]:
    sums: dict[str, Money] = {}
    for row in rows:
        _add(sums, "seller", row.seller_paid_return_shipping_fee, row.currency)
        _add(sums, "platform", row.platform_paid_return_shipping_fee, row.currency)
        _add(sums, "buyer", row.buyer_paid_return_shipping_fee, row.currency)
    return sums


def _add(sums: dict[str, Money], name: str, text: str | None, currency: str) -> None:
    amount = money(text, currency, name)
    if amount is None:
        return
    before = sums.get(name)
    if before is not None and before.currency != amount.currency:
        raise WireDrift(f"{name} comes in {before.currency} and {amount.currency}")
    sums[name] = amount if before is None else before + amount


def _total(found: wire.RefundAmount | None) -> Money | None:
    return money(found.refund_total, found.currency, "refund total") if found is not None else None


def money(text: str | None, currency: str, what: str) -> Money | None:
    """An amount as the channel gives it; None for none. Raises WireDrift for what is no amount."""
    if text is None or text == "":
        return None
    if not currency:
        raise WireDrift(f"{what} {text!r} has no currency")
    if not _PLAIN.fullmatch(text):  # no exponents: a hostile one would be a number of a million digits
        raise WireDrift(f"{what}: {text[:40]!r} is not a decimal number")
    try:
        return Money.parse(text, currency)
    except ValueError as error:
        raise WireDrift(f"{what}: {error}") from None


def _name(product: str, variant: str) -> str:
    return f"{product} ({variant})" if product and variant else product or variant


def _real_id(text: str | None) -> str:
    return "" if text in (None, "0") else str(text)


def _kind(row: Row) -> Kind:
    return KINDS.get(plain(row.get("return_type")), Kind.UNKNOWN)


def _offer(found: wire.Amount | None) -> Money | None:
    return money(found.amount, found.currency, "offer") if found is not None else None


def _seconds(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
