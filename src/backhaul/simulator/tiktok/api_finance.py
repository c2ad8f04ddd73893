"""Statements, their lines, what is not settled yet, payouts and withdrawals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backhaul.simulator.tiktok import finance, paging
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.finance import DAY, Entry, Figures
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.model import CaseLine, Line, Shop
from backhaul.simulator.tiktok.shapes import amount
from backhaul.simulator.tiktok.world import World

_SCOPE = "seller.finance.info"
_BANK_DAYS = 1
_KINDS = ("WITHDRAW", "SETTLE", "TRANSFER", "REVERSE")


class FinanceApi:
    """Handlers of the finance endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        lines = "statement_transactions"
        rows: list[tuple[tuple[str, ...], str, Any]] = [
            (("202309",), "statements", self.statements),
            (("202501",), f"statements/{{statement_id}}/{lines}", self.lines),
            (("202501",), f"orders/{{order_id}}/{lines}", self.of_order),
            (("202507",), "orders/unsettled", self.unsettled),
            (("202309", "202605"), "payments", self.payments),
            (("202309",), "withdrawals", self.withdrawals),
        ]
        return [Endpoint("GET", "finance", versions, rest, _SCOPE, handler) for versions, rest, handler in rows]

    def statements(self, call: Call) -> dict[str, Any]:
        """Daily statements. The one field to sort by has to be named all the same."""
        _sorted_by(call, "statement_time")
        rows = [
            row
            for row in (self._statement(call.shop, day) for day in self._days(call, "statement_time"))
            if call.query.get("payment_status") in (None, row["payment_status"])
        ]
        page, token = paging.listed(call, rows, largest=100, default=20)
        return {"statements": page, "next_page_token": token}

    def lines(self, call: Call) -> dict[str, Any]:
        """The lines of one statement; refunds are lines of their own with negative revenue."""
        _sorted_by(call, "order_create_time")
        shop, journal = call.shop, self._world.journal(call.shop)
        day = next(
            (day for day in self._made(shop) if finance.statement_id(shop, day) == call.args["statement_id"]), None
        )
        if day is None:
            raise ApiError(98001004, "invalid parameter statement_id")
        orders = self._world.orders
        entries = sorted(journal.entries(day), key=lambda entry: (orders[entry.order_id].created_at, entry.order_id))
        if call.query.get("sort_order", "ASC") == "DESC":
            entries.reverse()
        whole = self._whole(entries)
        page, token = paging.listed(call, entries, largest=100, default=20)
        money = _Writer(shop)
        return {
            "id": call.args["statement_id"],
            "create_time": day * DAY,
            "status": self._payment_status(day),
            "currency": shop.currency,
            "payable_amount": money(whole.settlement),
            "total_reserve_amount": money(0),
            "total_settlement_amount": money(whole.settlement),
            "total_settlement_breakdown": {
                "total_revenue_amount": money(whole.revenue),
                "total_shipping_cost_amount": money(whole.shipping),
                "total_fee_tax_amount": money(whole.fees),
                "total_adjustment_amount": money(0),
            },
            "total_count": len(entries),
            "next_page_token": token,
            "transactions": [self._line(shop, entry) for entry in page],
        }

    def of_order(self, call: Call) -> dict[str, Any]:
        """The settled money of one order, SKU by SKU and statement by statement."""
        shop, world = call.shop, self._world
        order = world.orders.get(call.args["order_id"])
        if order is None or order.shop is not shop:
            raise ApiError(21008111, "order belongs to another seller or does not exist")
        now = world.clock.now()
        found = [(day, entry) for day, entry in world.journal(shop).of_order(order) if day * DAY <= now]
        whole = self._whole(entry for _, entry in found)
        money = _Writer(shop)
        rows = [row for day, entry in found for row in self._of_skus(shop, day, entry)]
        return {
            "order_id": order.id,
            "order_create_time": order.created_at,
            "currency": shop.currency,
            "revenue_amount": money(whole.revenue),
            "shipping_cost_amount": money(whole.shipping),
            "fee_and_tax_amount": money(whole.fees),
            "settlement_amount": money(whole.settlement),
            "sku_transactions": rows,
            "total_count": len(rows),
        }

    def unsettled(self, call: Call) -> dict[str, Any]:
        """Estimates of what the coming statements will hold."""
        if not call.query.get("sort_field"):
            raise ApiError(98001004, "parameter sort_field is required")
        shop, orders = call.shop, self._world.orders
        entries = self._world.journal(shop).waiting(self._world.clock.now())
        whole, money = self._whole(entries), _Writer(shop)
        page, token = paging.listed(call, entries, largest=100, default=20)
        rows = []
        for entry in page:
            order, figures = orders[entry.order_id], self._figures(entry)
            rows.append(
                {
                    "type": "ORDER",
                    "id": entry.case_id or entry.order_id,
                    "status": "UNSETTLED",
                    "currency": shop.currency,
                    "order_id": order.id,
                    "order_create_time": order.created_at,
                    "order_delivery_time": order.delivered_at,
                    "unsettled_reason": "SETTLEMENT_PERIOD",
                    "est_settlement_amount": money(figures.settlement),
                    "est_revenue_amount": money(figures.revenue),
                    "revenue_breakdown": _revenue(money, figures),
                    "est_shipping_cost_amount": money(figures.shipping),
                    "est_fee_tax_amount": money(figures.fees),
                }
            )
        return {
            "next_page_token": token,
            "total_count": len(entries),
            "sum_est_settlement_amount": money(whole.settlement),
            "sum_est_revenue_amount": money(whole.revenue),
            "sum_est_adjustment_amount": money(0),
            "sum_est_fee_amount": money(whole.fees),
            "transactions": rows,
        }

    def payments(self, call: Call) -> dict[str, Any]:
        """Payouts, one for each statement that pays."""
        _sorted_by(call, "create_time")
        shop = call.shop
        rows = []
        for day in self._days(call, "create_time"):
            value = {"value": amount(shop, self._settlement(shop, day)), "currency": shop.currency}
            rows.append(
                {
                    "id": finance.payment_id(shop, day),
                    "create_time": day * DAY,
                    "status": self._payment_status(day),
                    "amount": value,
                    "settlement_amount": value,
                    "reserve_amount": {"value": amount(shop, 0), "currency": shop.currency},
                    "payment_amount_before_exchange": value,
                    "exchange_rate": "1",
                    "bank_account": "****0001",
                    **({"paid_time": (day + _BANK_DAYS) * DAY} if self._paid(day) else {}),
                }
            )
        page, token = paging.listed(call, rows, largest=100, default=20)
        return {"payments": page, "next_page_token": token}

    def withdrawals(self, call: Call) -> dict[str, Any]:
        """Money that left the shop's balance: what was paid out."""
        kinds = [kind for kind in call.query.get("types", "").split(",") if kind]
        if not kinds or set(kinds) - set(_KINDS):
            raise ApiError(98001004, f"invalid parameter types: {', '.join(_KINDS)}")
        shop = call.shop
        rows = [
            {
                "id": finance.payment_id(shop, day),
                "type": "WITHDRAW",
                "amount": amount(shop, self._settlement(shop, day)),
                "currency": shop.currency,
                "status": "SUCCESS",
                "create_time": (day + _BANK_DAYS) * DAY,
            }
            for day in self._days(call, "create_time")
            if "WITHDRAW" in kinds and self._paid(day)
        ]
        page, token = paging.listed(call, rows, largest=100, default=20)
        return {"withdrawals": page, "total_count": len(rows), "next_page_token": token}

    # -- figures ------------------------------------------------------------------------------------------------------

    def _made(self, shop: Shop) -> list[int]:
        return self._world.journal(shop).made(self._world.clock.now())

    def _days(self, call: Call, field: str) -> list[int]:
        low, high = call.query.get(f"{field}_ge"), call.query.get(f"{field}_lt")
        days = [
            day
            for day in self._made(call.shop)
            if (low is None or day * DAY >= int(low)) and (high is None or day * DAY < int(high))
        ]
        return days[::-1] if call.query.get("sort_order", "ASC") == "DESC" else days

    def _figures(self, entry: Entry) -> Figures:
        world = self._world
        if entry.case_id:
            return finance.of_refund(world.returns[entry.case_id])
        return finance.of_order(world.orders[entry.order_id])

    def _whole(self, entries: Iterable[Entry]) -> Figures:
        return finance.total(self._figures(entry) for entry in entries)

    def _settlement(self, shop: Shop, day: int) -> int:
        return self._whole(self._world.journal(shop).entries(day)).settlement

    def _paid(self, day: int) -> bool:
        return (day + _BANK_DAYS) * DAY <= self._world.clock.now()

    def _payment_status(self, day: int) -> str:
        return "PAID" if self._paid(day) else "PROCESSING"

    # -- shapes -------------------------------------------------------------------------------------------------------

    def _statement(self, shop: Shop, day: int) -> dict[str, Any]:
        whole, money = self._whole(self._world.journal(shop).entries(day)), _Writer(shop)
        paid = {"payment_time": (day + _BANK_DAYS) * DAY} if self._paid(day) else {}
        return {
            "id": finance.statement_id(shop, day),
            "statement_time": day * DAY,
            "settlement_amount": money(whole.settlement),
            "currency": shop.currency,
            "revenue_amount": money(whole.revenue),
            "fee_amount": money(whole.fees),
            "adjustment_amount": money(0),
            "payment_status": self._payment_status(day),
            "payment_id": finance.payment_id(shop, day),
            "net_sales_amount": money(whole.revenue),
            "shipping_cost_amount": money(whole.shipping),
            **paid,
        }

    def _line(self, shop: Shop, entry: Entry) -> dict[str, Any]:
        order, figures = self._world.orders[entry.order_id], self._figures(entry)
        return {
            "id": entry.case_id or entry.order_id,
            "type": "ORDER",
            "order_id": order.id,
            "order_create_time": order.created_at,
            **_amounts(shop, figures),
        }

    def _of_skus(self, shop: Shop, day: int, entry: Entry) -> list[dict[str, Any]]:
        case = self._world.returns.get(entry.case_id)
        units: list[Line | CaseLine] = list(case.lines) if case else list(self._world.orders[entry.order_id].lines)
        by_sku: dict[str, list[Line | CaseLine]] = {}
        for unit in units:
            by_sku.setdefault(_line_of(unit).product.sku_id, []).append(unit)
        rows = []
        for number, (sku_id, same) in enumerate(by_sku.items()):
            if case is not None:
                figures = finance.of_refunded(case, [unit for unit in same if isinstance(unit, CaseLine)])
            else:
                figures = finance.of_units(_line_of(unit) for unit in same if _line_of(unit).status != "CANCELLED")
            if number == 0:
                # Freight is the order's, not a SKU's: it stands with the first one.
                whole = self._figures(entry)
                figures.buyer_freight, figures.freight = whole.buyer_freight, whole.freight
                figures.return_freight, figures.refunded_freight = whole.return_freight, whole.refunded_freight
            product = _line_of(same[0]).product
            rows.append(
                {
                    "statement_id": finance.statement_id(shop, day),
                    "sku_id": sku_id,
                    "sku_name": product.variant,
                    "product_name": product.title,
                    "quantity": str(len(same)),
                    **_amounts(shop, figures),
                }
            )
        return rows


class _Writer:
    """Writes amounts of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def __call__(self, minor: int) -> str:
        return amount(self._shop, minor)


def _line_of(unit: Line | CaseLine) -> Line:
    return unit.line if isinstance(unit, CaseLine) else unit


def _revenue(money: _Writer, figures: Figures) -> dict[str, str]:
    return {
        "subtotal_before_discount_amount": money(figures.gross),
        "seller_discount_amount": money(figures.discount),
        "refund_subtotal_before_discount_amount": money(figures.refunded_gross),
        "seller_discount_refund_amount": money(figures.refunded_discount),
    }


def _amounts(shop: Shop, figures: Figures) -> dict[str, Any]:
    money = _Writer(shop)
    return {
        "settlement_amount": money(figures.settlement),
        "revenue_amount": money(figures.revenue),
        "revenue_breakdown": _revenue(money, figures),
        "shipping_cost_amount": money(figures.shipping),
        "shipping_cost_breakdown": {
            "actual_shipping_fee_amount": money(figures.freight),
            "customer_paid_shipping_fee_amount": money(figures.buyer_freight),
            "return_shipping_fee_amount": money(figures.return_freight),
            "supplementary_component": {"refunded_customer_shipping_fee_amount": money(figures.refunded_freight)},
        },
        "fee_tax_amount": money(figures.fees),
        "fee_tax_breakdown": {
            "fee": {
                "referral_fee_amount": money(figures.referral),
                "refund_administration_fee_amount": money(figures.administration),
            }
        },
    }


def _sorted_by(call: Call, field: str) -> None:
    if call.query.get("sort_field") != field:
        raise ApiError(98001004, f"invalid parameter sort_field: must be {field}")
    if call.query.get("sort_order", "ASC") not in ("ASC", "DESC"):
        raise ApiError(98001004, "invalid parameter sort_order")
    for name in (f"{field}_ge", f"{field}_lt"):
        if not call.query.get(name, "0").isdigit():
            raise ApiError(98001004, f"invalid parameter {name}")
