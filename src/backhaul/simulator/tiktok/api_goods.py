"""Products and their stock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backhaul.simulator.tiktok import bodies, paging
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.model import Product, Shop
from backhaul.simulator.tiktok.shapes import amount

_SCOPE = "seller.product.basic"
_MOST_FOUND = 10_000


class GoodsApi:
    """Handlers of product search and stock."""

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        return [
            Endpoint(
                "POST", "product", ("202502",), "products/search", _SCOPE, self.search, body=bodies.SearchProducts
            ),
            Endpoint(
                "POST", "product", ("202309",), "inventory/search", _SCOPE, self.stock, body=bodies.SearchInventory
            ),
        ]

    def search(self, call: Call) -> dict[str, Any]:
        """Products by SKU; at most ten codes of a kind at a time."""
        codes, skus = _some(call, "seller_skus", 10), _some(call, "sku_ids", 10)
        shop = call.shop
        found = [
            product
            for product in shop.catalogue
            if (codes is None or product.seller_sku in codes) and (skus is None or product.sku_id in skus)
        ]
        if call.json.get("status", "ACTIVATE") not in ("ACTIVATE", "ALL"):
            found = []
        whole = _by_product(shop, {product.product_id for product in found})[:_MOST_FOUND]
        page, token = paging.listed(call, whole, largest=100, default=None)
        rows = [
            {
                "id": variants[0].product_id,
                "title": variants[0].title,
                "status": "ACTIVATE",
                "skus": [_sku(shop, product) for product in variants],
                "sales_regions": [shop.market.region],
            }
            for variants in page
        ]
        return {"total_count": len(whole), "products": rows, "next_page_token": token}

    def stock(self, call: Call) -> dict[str, Any]:
        """Stock by SKU or by product."""
        skus, products = _some(call, "sku_ids", 600), _some(call, "product_ids", 100)
        if skus is None and products is None:
            raise ApiError(98001004, "one of sku_ids and product_ids is required")
        shop = call.shop
        wanted = [
            product
            for product in shop.catalogue
            if (skus is not None and product.sku_id in skus)
            or (products is not None and product.product_id in products)
        ]
        rows: dict[str, list[dict[str, Any]]] = {}
        for product in wanted:
            rows.setdefault(product.product_id, []).append(_stock(shop, product))
        return {"inventory": [{"product_id": product_id, "skus": skus_of} for product_id, skus_of in rows.items()]}


def _some(call: Call, name: str, most: int) -> set[str] | None:
    values = paging.words(call, name)
    if values is not None and len(values) > most:
        raise ApiError(98001004, f"invalid parameter {name}: at most {most}")
    return None if values is None else set(values)


def _by_product(shop: Shop, product_ids: Iterable[str]) -> list[list[Product]]:
    wanted = set(product_ids)
    groups: dict[str, list[Product]] = {}
    for product in shop.catalogue:
        if product.product_id in wanted:
            groups.setdefault(product.product_id, []).append(product)
    return list(groups.values())


def _sku(shop: Shop, product: Product) -> dict[str, Any]:
    price = amount(shop, product.price)
    return {
        "id": product.sku_id,
        "seller_sku": product.seller_sku,
        "price": {"currency": shop.currency, "sale_price": price, "tax_exclusive_price": price},
        "inventory": [{"warehouse_id": shop.warehouse_id, "quantity": product.stock}],
    }


def _stock(shop: Shop, product: Product) -> dict[str, Any]:
    return {
        "id": product.sku_id,
        "seller_sku": product.seller_sku,
        "total_available_quantity": product.stock,
        "total_committed_quantity": 0,
        "warehouse_inventory": [
            {"warehouse_id": shop.warehouse_id, "available_quantity": product.stock, "committed_quantity": 0}
        ],
    }
