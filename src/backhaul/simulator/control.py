"""The control API: what a person, a test or the console does to the simulated world. JSON over HTTP, this machine only.

Failures: 400 for what makes no sense, 404 for what is not there, 409 with `code` for what the channel would refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from backhaul.simulator import mood_file, seen
from backhaul.simulator.buyers import Temper
from backhaul.simulator.control_cases import CaseControl, answer, body_of, found
from backhaul.simulator.control_loop import LoopControl
from backhaul.simulator.delivery import RealAddressRefused, require_local_address
from backhaul.simulator.gate import only_from_here
from backhaul.simulator.moods import Mood, Moods
from backhaul.simulator.order_connector import Habits
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.states import IllegalMove
from backhaul.simulator.tiktok.world import ShopSpec

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return answer({"error": error.message, "code": error.code}, 409)
    except IllegalMove as error:
        return answer({"error": str(error)}, 409)
    except LookupError as error:
        return answer({"error": str(error.args[0]) if error.args else "not found"}, 404)
    except (ValueError, TypeError, OverflowError, RecursionError, RealAddressRefused, msgspec.MsgspecError) as error:
        return answer({"error": str(error)}, 400)


class Control:
    """Handlers of the control API."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._cases = CaseControl(simulator)

    def app(self) -> web.Application:
        """The HTTP application."""
        application = web.Application(middlewares=[only_from_here, _errors], client_max_size=16 * 1024 * 1024)
        application.add_routes(
            [
                web.get("/", self.describe),
                web.get("/clock", self.clock),
                web.post("/clock", self.set_clock),
                web.get("/app", self.partner_app),
                web.patch("/app", self.change_app),
                web.get("/shops", self.shops),
                web.post("/shops", self.add_shop),
                web.patch("/shops/{shop_id}", self.change_shop),
                web.post("/shops/{shop_id}/authorize", self.authorize),
                web.post("/shops/{shop_id}/revoke", self.revoke),
                web.get("/moods", self.moods),
                web.post("/moods", self.add_mood),
                web.post("/moods/mix", self.mix),
                web.post("/moods/file", self.mood_file),
                web.delete("/moods", self.clear_moods),
                web.get("/buyers", self.buyers),
                web.post("/buyers", self.set_buyers),
                web.get("/books", self.books),
                web.get("/log", self.log),
                web.post("/settle", self.settle),
                web.post("/seed_history", self.seed_history),
                web.post("/churn", self.churn),
                *self._cases.routes(),
                *LoopControl(self._sim).routes(),
            ]
        )
        return application

    async def describe(self, request: web.Request) -> web.Response:
        """Addresses and credentials."""
        return answer(self._sim.describe())

    async def clock(self, request: web.Request) -> web.Response:
        """Virtual time."""
        return answer(self._sim.clock.describe())

    async def set_clock(self, request: web.Request) -> web.Response:
        """`rate` changes the speed, `step_seconds` moves on, `set` moves to a moment; they apply in this order."""
        body = await body_of(request)
        unknown = set(body) - {"rate", "step_seconds", "set"}
        if unknown or not body:
            raise ValueError("give rate, step_seconds or set")
        if "rate" in body:
            self._sim.clock.set_rate(float(body["rate"]))
        if "step_seconds" in body:
            self._sim.clock.step(float(body["step_seconds"]))
        if "set" in body:
            self._sim.clock.advance_to(float(body["set"]))
        return answer(self._sim.clock.describe())

    async def partner_app(self, request: web.Request) -> web.Response:
        """The app's credentials and settings."""
        return answer(self._sim.describe_app())

    async def change_app(self, request: web.Request) -> web.Response:
        """Changes what the partner console holds: `redirect_url`, `webhook_address`, `scopes`."""
        body, app = await body_of(request), self._sim.app
        unknown = set(body) - {"redirect_url", "webhook_address", "scopes"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        for name in ("redirect_url", "webhook_address"):
            if body.get(name):
                require_local_address(str(body[name]))
        app.redirect_url = str(body.get("redirect_url", app.redirect_url))
        app.webhook_address = str(body.get("webhook_address", app.webhook_address))
        app.scopes = tuple(body.get("scopes", app.scopes))
        return answer(self._sim.describe_app())

    async def shops(self, request: web.Request) -> web.Response:
        """All shops with their credentials."""
        return answer({"app": self._sim.describe_app(), "shops": self._sim.describe()["shops"]})

    async def add_shop(self, request: web.Request) -> web.Response:
        """Opens a shop: fields of ShopSpec, and `connector` with the habits of its order connector."""
        body = await body_of(request)
        habits = body.pop("connector", None)
        shop = self._sim.add_shop(ShopSpec.of(body), None if habits is None else Habits.of(habits))
        return answer(self._sim.describe_shop(shop), 201)

    async def change_shop(self, request: web.Request) -> web.Response:
        """Changes `switches`, `connector` and `redirect` (`allowed`, `address` with {order} and {zip}) of a shop;
        `active` false makes the gateway refuse it."""
        body, shop = await body_of(request), found(self._sim.channel.world.shops, request.match_info["shop_id"])
        unknown = set(body) - {"switches", "connector", "redirect", "active"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        redirect = shop.redirect.change(body.get("redirect", {}))
        self._sim.channel.world.set_switches(shop, body.get("switches", {}))
        shop.redirect = redirect
        if "connector" in body:
            self._sim.connector.habits[shop.id] = Habits.of(body["connector"])
        shop.active = bool(body.get("active", shop.active))
        return answer({**self._sim.describe_shop(shop), "switches": asdict(shop.switches)})

    async def authorize(self, request: web.Request) -> web.Response:
        """Consent without a browser: a fresh `code`, or with `tokens` true the tokens themselves."""
        body, world = await body_of(request), self._sim.channel.world
        shop = found(world.shops, request.match_info["shop_id"])
        seller = world.auth.sellers[shop.seller_id]
        scopes = tuple(body["scopes"]) if "scopes" in body else None
        if not body.get("tokens"):
            return answer({"code": world.auth.issue_code(self._sim.app, seller, scopes)})
        grant, token = world.auth.grant(self._sim.app, seller, scopes)
        world.events.watch_expiry(grant)
        return answer(world.auth.token_data(grant, token))

    async def revoke(self, request: web.Request) -> web.Response:
        """The seller withdraws the authorisation: type 6 goes out, then every call fails with 105001."""
        world = self._sim.channel.world
        shop = found(world.shops, request.match_info["shop_id"])
        grants = world.auth.live_grants(shop.id)
        for grant in grants:
            world.events.authorisation_ended(grant, "the seller withdrew the authorization")
            world.auth.revoke(grant)
        return answer({"revoked": len(grants)})

    async def moods(self, request: web.Request) -> web.Response:
        """The rules in force."""
        return answer({"moods": [mood.describe() for mood in self._sim.moods.rules()]})

    async def add_mood(self, request: web.Request) -> web.Response:
        """Puts a rule in force: fields of Mood."""
        body = await body_of(request)
        body.pop("struck", None)
        return answer(self._sim.moods.add(mood_file.one(body)).describe(), 201)

    async def mix(self, request: web.Request) -> web.Response:
        """Draws a day's moods from `seed` and puts them in force."""
        body = await body_of(request)
        return self._added(Moods.mix(str(body.get("seed", 1))))

    async def mood_file(self, request: web.Request) -> web.Response:
        """Puts the moods of a file in force, whose `text` and `text_name` are sent; a mistake leaves all as it was."""
        body = await body_of(request)
        return self._added(mood_file.parse(str(body.get("text", "")), str(body.get("text_name", "moods.toml"))))

    def _added(self, moods: Iterable[Mood]) -> web.Response:
        return answer({"moods": [self._sim.moods.add(mood).describe() for mood in moods]}, 201)

    async def clear_moods(self, request: web.Request) -> web.Response:
        """Takes all rules away, or those of `kind`, or the one at `index`."""
        if "index" in request.query:
            self._sim.moods.remove(int(request.query["index"]))
        else:
            self._sim.moods.clear(request.query.get("kind"))
        return answer({"moods": [mood.describe() for mood in self._sim.moods.rules()]})

    async def buyers(self, request: web.Request) -> web.Response:
        """What the crowd has done."""
        temper = self._sim.buyers.temper
        return answer({"temper": None if temper is None else asdict(temper), "counts": self._sim.buyers.counts})

    async def set_buyers(self, request: web.Request) -> web.Response:
        """Lets buyers come: fields of Temper. `per_minute` 0 stops them."""
        temper = Temper.of(await body_of(request))
        if temper.per_minute > 0:
            self._sim.buyers.start(temper)
        else:
            self._sim.buyers.stop()
        return await self.buyers(request)

    async def books(self, request: web.Request) -> web.Response:
        """The oracle. `shop` and `case` narrow it; `commerce=0` leaves the commerce books out."""
        sim, case_id = self._sim, request.query.get("case")
        shops = [request.query["shop"]] if "shop" in request.query else list(sim.channel.world.shops)
        of_shops = {
            shop_id: {
                **sim.books.of(found(sim.channel.world.shops, shop_id).id).describe(case_id),
                "returns": self._cases.states(shop_id, case_id),
                "cancellations": self._cases.cancellation_states(shop_id, case_id),
            }
            for shop_id in shops
        }
        whole: dict[str, Any] = {
            "shops": of_shops,
            "without_shop": sim.books.without_shop.describe(),
            "problems": sim.books.problems,
            "moods": [
                {"vendor": vendor, "kind": kind, "struck": count}
                for (vendor, kind), count in sorted(sim.moods.counts.items())
            ],
            "webhooks": {**sim.delivery.counts, "pending": sim.delivery.pending()},
        }
        if request.query.get("commerce", "1") != "0":
            whole["commerce"] = {domain: sim.commerce.books(domain) for domain in sim.commerce.shops}
            whole["loop"] = {domain: sim.loop.books(desk) for domain, desk in sim.loop.world.desks.items()}
        return answer(whole)

    async def log(self, request: web.Request) -> web.Response:
        """The latest requests and webhooks, newest first."""
        limit = int(request.query.get("limit", "100"))
        requests, hooks = list(self._sim.books.requests), list(self._sim.delivery.log)
        return answer(
            {
                "requests": [seen.describe(entry) for entry in requests[: -limit - 1 : -1]],
                "webhooks": [delivery.describe() for delivery in hooks[: -limit - 1 : -1]],
            }
        )

    async def settle(self, request: web.Request) -> web.Response:
        """Waits until no webhook is queued or under way (retries that wait for their time aside)."""
        body = await body_of(request)
        async with asyncio.timeout(float(body.get("seconds", 20.0))):
            await self._sim.delivery.idle.wait()
        return answer({"webhooks": self._sim.delivery.counts})

    async def seed_history(self, request: web.Request) -> web.Response:
        """A past for a shop: `count` returns over `days`, `open_share` of them still open."""
        body, world = await body_of(request), self._sim.channel.world
        shop = found(world.shops, str(body.get("shop_id") or next(iter(world.shops), "")))
        made = self._sim.history.seed(
            shop,
            int(body.get("count", 500)),
            float(body.get("days", 60)),
            float(body.get("open_share", 0.1)),
            float(body.get("open_hours", 20.0)),
            bool(body.get("auto_approved", False)),
        )
        return answer({"return_ids": made}, 201)

    async def churn(self, request: web.Request) -> web.Response:
        """Moves `count` open cases of a shop one step on; `tell` false does it without webhooks."""
        body, world = await body_of(request), self._sim.channel.world
        shop = found(world.shops, str(body.get("shop_id") or next(iter(world.shops), "")))
        moved = self._sim.history.churn(shop, int(body.get("count", 10)), tell=bool(body.get("tell", True)))
        return answer({"return_ids": moved})
