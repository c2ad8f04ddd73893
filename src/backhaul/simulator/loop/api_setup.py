"""Operations on what a merchant sets up: webhook subscriptions and destinations."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.delivery import RealAddressRefused, require_local_address
from backhaul.simulator.loop import errors
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.gateway import Answer, Call, Operation
from backhaul.simulator.loop.hooks import TOPIC_OF, TOPICS
from backhaul.simulator.loop.model import Subscription

_DEV = "developer_tools"
_STATUSES = ("active", "inactive")


class SetupApi:
    """Handlers of webhooks and destinations."""

    def operations(self) -> list[Operation]:
        """What is served here."""
        return [
            Operation("GET", "/webhooks", self.webhooks, _DEV),
            Operation("POST", "/webhooks", self.subscribe, _DEV),
            Operation("PUT", "/webhooks/{id}", self.change, _DEV),
            Operation("DELETE", "/webhooks/{id}", self.unsubscribe, _DEV),
            Operation("GET", "/destinations", self.destinations, "destinations:read"),
            Operation("POST", "/destinations", self.add_destination, "destinations:write"),
            Operation("GET", "/destinations/{id}", self.destination, "destinations:read"),
            Operation("PUT", "/destinations/{id}", self.change_destination, "destinations:write"),
            Operation("DELETE", "/destinations/{id}", self.drop_destination, "destinations:write"),
        ]

    # -- webhooks ------------------------------------------------------------------------------------------------------

    def webhooks(self, call: Call) -> Any:
        """All subscriptions."""
        return {"webhooks": [_shape(call, each) for each in call.desk.subscriptions.values()]}

    def subscribe(self, call: Call) -> Answer:
        """A new subscription; it is inactive when nothing else is said."""
        values = _values(call.json, "inactive")
        made = Subscription(call.desk.number("webhook"), *values)
        call.desk.subscriptions[made.id] = made
        return Answer(201, _shape(call, made))

    def change(self, call: Call) -> Answer:
        """Replaces a subscription."""
        found = self._subscription(call)
        found.topic, found.trigger, found.url, found.status = _values(call.json, found.status)
        return Answer(204)

    def unsubscribe(self, call: Call) -> Answer:
        """Ends a subscription."""
        del call.desk.subscriptions[self._subscription(call).id]
        return Answer(204)

    @staticmethod
    def _subscription(call: Call) -> Subscription:
        found = call.desk.subscriptions.get(call.args["id"])
        if found is None:
            raise Refused(404, {"errors": {"code": "NOT_FOUND"}})
        return found

    # -- destinations --------------------------------------------------------------------------------------------------

    def destinations(self, call: Call) -> Any:
        """All places that parcels go to."""
        return {"destinations": list(call.desk.destinations.values())}

    def destination(self, call: Call) -> Any:
        """One of them."""
        found = call.desk.destinations.get(call.args["id"])
        if found is None:
            raise Refused(404, {"code": "NOT_FOUND", "message": "There is no such destination."})
        return found

    def add_destination(self, call: Call) -> Any:
        """A new place."""
        if len(call.desk.destinations) >= call.desk.settings.destination_limit:
            code = "DESTINATION_LIMIT_EXCEEDED"
            raise Refused(422, {"code": code, "message": "The plan has no room for another destination."})
        number = call.desk.number("destination")
        made = {"id": number, "provider_location_id": None, **_place(call.json)}
        call.desk.destinations[number] = made
        return made

    def change_destination(self, call: Call) -> Any:
        """Changes a place."""
        found = self.destination(call)
        found.update(_place({**found, **call.json}))
        return found

    def drop_destination(self, call: Call) -> str:
        """Takes a place away."""
        if len(call.desk.destinations) == 1:
            raise Refused(500, {"message": "The last destination stays."})
        del call.desk.destinations[self.destination(call)["id"]]
        return "Success"


def _values(body: dict[str, Any], status: str) -> tuple[str, str, str, str]:
    for name in ("topic", "trigger", "url"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise errors.invalid(name, f"The {name} field is required.")
    if body["topic"] not in TOPICS:
        raise errors.invalid("topic", f"The topic must be one of: {', '.join(TOPICS)}.")
    if body["trigger"] not in TOPIC_OF:
        raise errors.invalid("trigger", f"The trigger must be one of: {', '.join(TOPIC_OF)}.")
    chosen = body.get("status", status)
    if chosen not in _STATUSES:
        raise errors.invalid("status", f"The status must be one of: {', '.join(_STATUSES)}.")
    try:
        require_local_address(body["url"])
    except RealAddressRefused as error:
        raise errors.invalid("url", f"The url is refused: {error}") from None
    return body["topic"], body["trigger"], body["url"], chosen


def _shape(call: Call, each: Subscription) -> dict[str, Any]:
    return {
        "id": each.id,
        "shop_id": call.desk.shop_id,
        "topic": each.topic,
        "trigger": each.trigger,
        "url": each.url,
        "status": each.status,
    }


def _place(body: dict[str, Any]) -> dict[str, Any]:
    address = body.get("address")
    if not body.get("name") or body.get("type") not in ("warehouse", "donate") or not isinstance(address, dict):
        raise errors.bare("name, type (warehouse or donate) and address are required.", 422)
    names = ("address1", "address2", "city", "state", "zip", "country", "country_code")
    given = {name: address.get(name) for name in names}
    for name in ("address1", "city", "country", "country_code"):
        given[name] = str(given[name] or "")
    return {
        "name": str(body["name"]),
        "type": body["type"],
        "enabled": bool(body.get("enabled", True)),
        "address": given,
    }
