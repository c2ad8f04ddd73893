"""Shops, webhook subscriptions, warehouses, carriers, pictures."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.tiktok import bodies
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.labels import Labels
from backhaul.simulator.tiktok.model import Shop
from backhaul.simulator.tiktok.shapes import warehouse_address
from backhaul.simulator.tiktok.world import World

_INFO = "seller.authorization.info"


class ShopApi:
    """Handlers of authorisation, event, logistics, product picture and seller endpoints."""

    def __init__(self, world: World, labels: Labels) -> None:
        self._world = world
        self._labels = labels

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        options = "warehouses/{warehouse_id}/delivery_options"
        providers = "delivery_options/{delivery_option_id}/shipping_providers"
        old = ("202309",)
        return [
            Endpoint("GET", "authorization", old, "shops", _INFO, self.shops, shop=False),
            Endpoint("DELETE", "authorization", ("202403",), "shops", _INFO, self.give_up),
            Endpoint("GET", "authorization", ("202401",), "widget_token", _INFO, self.widget_token, shop=False),
            Endpoint("GET", "authorization", ("202405",), "category_assets", _INFO, self.assets, shop=False),
            Endpoint("GET", "seller", ("202601",), "shop_groups", "seller.shop.info", self.groups, shop=False),
            Endpoint(
                "GET", "logistics", old, "global_warehouses", "seller.logistics", self.global_warehouses, shop=False
            ),
            Endpoint("GET", "event", old, "webhooks", _INFO, self.webhooks),
            Endpoint("PUT", "event", old, "webhooks", _INFO, self.subscribe, body=bodies.Subscribe),
            Endpoint("DELETE", "event", old, "webhooks", _INFO, self.unsubscribe, body=bodies.Subscribe),
            Endpoint("GET", "logistics", old, "warehouses", "seller.logistics", self.warehouses),
            Endpoint("GET", "logistics", old, options, "seller.logistics", self.delivery_options),
            Endpoint("GET", "logistics", old, providers, "seller.fulfillment.basic", self.carriers),
            Endpoint(
                "POST", "product", old, "images/upload", "seller.product.basic", self._labels.picture, False, form=True
            ),
            Endpoint("GET", "seller", old, "shops", "seller.shop.info", self.active_shops, shop=False),
            Endpoint("GET", "seller", old, "permissions", "seller.shop.info", self.permissions, shop=False),
        ]

    def shops(self, call: Call) -> dict[str, Any]:
        """Shops the token may act for."""
        return {
            "shops": [
                {
                    "id": shop.id,
                    "name": shop.name,
                    "region": shop.market.region,
                    "seller_type": shop.seller_type,
                    "cipher": shop.cipher,
                    "code": shop.code,
                    "simulated": True,
                }
                for shop in self._shops(call)
            ]
        }

    def give_up(self, call: Call) -> dict[str, Any]:
        """The app gives up its authorisation."""
        self._world.events.authorisation_ended(call.grant, "the app ended the authorization")
        self._world.auth.revoke(call.grant)
        return {}

    def widget_token(self, call: Call) -> dict[str, Any]:
        """A token of five minutes for the channel's embedded pages; there are no such pages here."""
        expires = self._world.clock.seconds() + 300
        return {"widget_token": {"token": self._world.ids.word("sim_widget_", 40), "expire_at": expires}}

    def assets(self, call: Call) -> dict[str, Any]:
        """Business categories that the app may act in."""
        return {
            "category_assets": [
                {
                    "cipher": shop.cipher[:-4] + "CATE",
                    "target_market": shop.market.region,
                    "category": {"id": 600001, "name": "Home Supplies"},
                }
                for shop in self._shops(call)
            ]
        }

    def groups(self, call: Call) -> dict[str, Any]:
        """Shops of the seller that belong together."""
        rows = [
            {
                "shop_id": shop.id,
                "seller_id": shop.seller_id,
                "shop_name": shop.name,
                "shop_region": shop.market.region,
            }
            for shop in self._shops(call)
        ]
        group = {"source": "SELLER", "shop_group_name": f"Shops of {call.grant.seller.name}"}
        return {"shop_group_data": {"shop_group": group, "shops": rows}}

    def global_warehouses(self, call: Call) -> dict[str, Any]:
        """Warehouses of cross-border sellers; local sellers have none."""
        rows = [
            {"id": shop.entity_id, "name": "Simulated warehouse", "ownership": "SELLER"}
            for shop in self._shops(call)
            if shop.seller_type == "CROSS_BORDER"
        ]
        return {"global_warehouses": rows}

    def _shops(self, call: Call) -> list[Shop]:
        return [self._world.shops[shop_id] for shop_id in call.grant.shop_ids]

    def webhooks(self, call: Call) -> dict[str, Any]:
        """Subscriptions of a shop."""
        rows = [
            {
                "event_type": topic,
                "address": known.address,
                "create_time": known.created_at,
                "update_time": known.updated_at,
            }
            for topic, known in self._world.events.subscriptions(call.app.app_key, call.shop.id).items()
        ]
        return {"webhooks": rows, "total_count": len(rows)}

    def subscribe(self, call: Call) -> dict[str, Any]:
        """Creates or replaces a subscription."""
        topic, address = str(call.json.get("event_type", "")), str(call.json.get("address", ""))
        self._world.events.subscribe(call.app.app_key, call.shop.id, topic, address)
        return {}

    def unsubscribe(self, call: Call) -> dict[str, Any]:
        """Ends a subscription; succeeds also when there was none."""
        topic = str(call.json.get("event_type", ""))
        self._world.events.subscriptions(call.app.app_key, call.shop.id).pop(topic, None)
        return {}

    def warehouses(self, call: Call) -> dict[str, Any]:
        """A place that sends and takes back appears twice, with two ids and one entity."""
        shop = call.shop
        kinds = ((shop.warehouse_id, "SALES_WAREHOUSE"), (shop.return_warehouse_id, "RETURN_WAREHOUSE"))
        return {
            "warehouses": [
                {
                    "id": warehouse_id,
                    "entity_id": shop.entity_id,
                    "name": "Simulated warehouse",
                    "effect_status": "ENABLED",
                    "type": kind,
                    "sub_type": "DOMESTIC_WAREHOUSE",
                    "is_default": True,
                    "address": warehouse_address(shop),
                }
                for warehouse_id, kind in kinds
            ]
        }

    def delivery_options(self, call: Call) -> dict[str, Any]:
        """Delivery options of a warehouse."""
        shop = call.shop
        if call.args["warehouse_id"] not in (shop.warehouse_id, shop.return_warehouse_id):
            raise ApiError(98001004, "invalid parameter warehouse_id")
        options = (("1", "Standard shipping", "STANDARD"), ("2", "Shipped by seller", "SEND_BY_SELLER"))
        return {
            "delivery_options": [
                {
                    "id": shop.warehouse_id[:-1] + digit,
                    "name": name,
                    "type": kind,
                    "description": name,
                    "platform": ["TIKTOK_SHOP"],
                }
                for digit, name, kind in options
            ]
        }

    def carriers(self, call: Call) -> dict[str, Any]:
        """Carriers enabled for the shop."""
        shop = call.shop
        if call.args["delivery_option_id"][:-1] != shop.warehouse_id[:-1]:
            raise ApiError(21008116, "delivery option is not subscribed")
        if shop.market.reasons == "EU" and not (call.query.get("warehouse_region") and call.query.get("buyer_region")):
            raise ApiError(98001004, "parameters warehouse_region and buyer_region are required")
        return {"shipping_providers": [{"id": key, "name": name} for key, name in shop.carriers.items()]}

    def active_shops(self, call: Call) -> dict[str, Any]:
        """Shops that are open."""
        shops = [shop for shop in self._shops(call) if shop.active]
        return {"shops": [{"id": shop.id, "region": shop.market.region} for shop in shops]}

    def permissions(self, call: Call) -> dict[str, Any]:
        """What the seller may do; local sellers have no global products."""
        cross_border = any(shop.seller_type == "CROSS_BORDER" for shop in self._shops(call))
        return {"permissions": ["MANAGE_GLOBAL_PRODUCT"] if cross_border else []}
