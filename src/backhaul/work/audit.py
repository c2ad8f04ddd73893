"""The audit of a shop: what in its desk, its settings and its other programs costs returns, and where to change it.

A desk's workflows and policies can be neither read nor written by API: they are judged by what they did. Findings only;
nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from backhaul.domain.policy import Policy
from backhaul.domain.reasons import DeskReason, coverage, desk_reason
from backhaul.domain.strangers import SEVERAL
from backhaul.domain.terms import Booker, DeskTerms
from backhaul.domain.words import Party
from backhaul.ports.manifest import Manifest
from backhaul.store import audit as store
from backhaul.store import connection_pages, shops
from backhaul.store.connection_pages import Card
from backhaul.store.db import Pool

COVERED = 90  # percent of cases whose reason should be mapped by more than the fallback


class Level(StrEnum):
    """How bad a finding is."""

    PROBLEM = "problem"
    ADVICE = "advice"
    INFO = "info"
    GOOD = "good"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding: what, what it costs, and where to change it."""

    level: Level
    key: str
    what: str
    cost: str = ""
    where: str = ""


ORDER = list(Level)


async def audit(pool: Pool, vendors: Mapping[str, Manifest], shop_id: UUID) -> tuple[Finding, ...]:
    """All findings of a shop, worst first. LookupError when there is no such shop."""
    shop = await shops.shop(pool, shop_id)
    if shop is None:
        raise LookupError(str(shop_id))
    links = {link.role: link.connection_id for link in await shops.links(pool) if link.shop_id == shop_id}
    cards = {card.role: card for card in await connection_pages.cards(pool) if card.id in links.values()}
    seen, booker = await store.evidence(pool, shop_id), Booker(shop.booker)
    found = [
        *_writers(seen, booker),
        *_booker(seen, booker, Party.DESK in links),
        *_switches(seen, Party.DESK in links),
    ]
    card = cards.get(Party.DESK)
    if card is not None and (manifest := vendors.get(card.vendor)) is not None:
        terms = shops.desk_terms(card.vendor, shop.desk)
        policy, known = await shops.policy(pool, shop_id), await store.desk_reasons(pool, shop_id)
        found += _login(card, manifest)
        found += _stock(terms)
        found += _reasons(manifest.title, policy, await store.reason_counts(pool, shop_id), known)
        found += _refusals(manifest, await store.desk_refusals(pool, shop_id))
        found += _habits(manifest, seen, terms)
    if not any(each.level in (Level.PROBLEM, Level.ADVICE) for each in found):
        found.append(Finding(Level.GOOD, "fine", "Nothing in the last 30 days speaks against the settings."))
    return tuple(sorted(found, key=lambda each: (ORDER.index(each.level), each.key)))


def _writers(seen: store.Evidence, booker: Booker) -> list[Finding]:
    if seen.strangers >= SEVERAL and booker is not Booker.CONNECTOR:
        return [
            Finding(
                Level.PROBLEM,
                "second_writer",
                f"Another program wrote returns or refunds on {seen.strangers} orders within 30 days.",
                "Two programs that write the same returns corrupt the books: the hub writes none until you answer.",
                "Switch return and refund sync off in the order connector (TikTok's own connector: ask its team; "
                "AfterShip, ShoppeDance: a switch in its channel settings), then press “It is switched off now”. "
                "Or choose that another connector books the refunds.",
            )
        ]
    if seen.strangers:
        text = f"{seen.strangers} orders hold a return or refund that neither the hub nor the desk made."
        return [Finding(Level.INFO, "stranger", text, "It was adopted; nothing is written twice.")]
    return []


def _booker(seen: store.Evidence, booker: Booker, desk: bool) -> list[Finding]:
    if booker is Booker.NOBODY:
        return [
            Finding(
                Level.PROBLEM,
                "nobody_books",
                "Nobody books refunds in commerce.",
                "Sales and stock there stay too high by every return.",
                "Choose who books on the Connections page.",
            )
        ]
    if booker is Booker.DESK and not desk:
        text = "The returns desk is to book refunds, but none is connected."
        return [Finding(Level.PROBLEM, "nobody_books", text, "Nothing is booked.", "Connections page: who books.")]
    if booker is Booker.HUB and desk and seen.early:
        return [
            Finding(
                Level.PROBLEM,
                "both_book",
                "The hub books refunds, and the desk refunded by itself as well.",
                "The hub adopts what it finds; where it was first, an order holds two refunds.",
                "Let the desk book (Connections page), or switch its automatic processing off for the channel's "
                "orders.",
            )
        ]
    return []


def _stock(desk: DeskTerms) -> list[Finding]:
    """Loop's own restocking cannot be read, and a unit that both put back is sold twice."""
    if desk.moves_stock:
        text = "The desk moves the stock of what comes back: verdicts given in the hub move none."
        return [Finding(Level.INFO, "stock_by_desk", text)]
    return [
        Finding(
            Level.INFO,
            "stock_by_hub",
            "The hub restocks by the verdicts on the units.",
            "Where the desk restocks what it refunds as well, each unit is put back twice.",
            "Switch restocking off in the desk for the channel's orders, or say on the Connections page that the desk "
            "moves the stock.",
        )
    ]


def _switches(seen: store.Evidence, has_desk: bool) -> list[Finding]:
    return [
        Finding(
            Level.INFO,
            f"switch_{kind}",
            f"The channel offers buyers the {kind}: {count} so far.",
            "The desk knows refunds only: the hub answers these without it."
            if has_desk
            else "They are asked of a person, or answered by the shop's policy.",
            "TikTok Seller Center, return settings: the switches for replacement and exchange.",
        )
        for kind, count in sorted(seen.switches.items())
    ]


def _login(card: Card, manifest: Manifest) -> list[Finding]:
    found = []
    if missing := manifest.missing(card.granted_scopes):
        found.append(
            Finding(
                Level.PROBLEM,
                "scopes",
                f"The {manifest.title} key lacks: " + ", ".join(missing) + ".",
                "; ".join(f"{name}: {manifest.scopes[name]}" for name in missing),
                f"Make a key with these rights at {manifest.settings_page} and log in again.",
            )
        )
    refused = card.webhooks.get("refused") if isinstance(card.webhooks, dict) else None
    if refused or card.last_heard_at is None:
        why = "; ".join(map(str, refused)) if refused else "none has ever come"
        found.append(
            Finding(
                Level.ADVICE,
                "webhooks",
                f"{manifest.title} sends no webhooks: {why}.",
                "Changes there are seen minutes later, and why it could not process a return is not told.",
                "Give the webhook secret and log in again on the Connections page.",
            )
        )
    return found


def _reasons(
    title: str, policy: Policy, counts: tuple[tuple[str, str, int], ...], known: tuple[DeskReason, ...]
) -> list[Finding]:
    matches = [
        (key, count, desk_reason(key, text, policy.desk_reasons, policy.desk_fallback, known))
        for key, text, count in counts
    ]
    found = []
    if wrong := sorted({match.problem for _, _, match in matches if match.problem}):
        found.append(
            Finding(
                Level.ADVICE,
                "reason_names",
                " ".join(wrong),
                "The desk refuses a return with a reason it does not have; the hub gives it another one.",
                "Policy page, reasons: the names are the desk's, letter by letter.",
            )
        )
    covered = coverage((match.how, count) for _, count, match in matches)
    if covered.percent < COVERED:
        open_keys = ", ".join(key for key, _, match in matches if match.how == "fallback")
        found.append(
            Finding(
                Level.ADVICE,
                "reason_map",
                f"{covered.percent} % of returns have a reason of their own in {title}.",
                f"The others come there as “{policy.desk_fallback}”: {open_keys[:300]}.",
                "Policy page, reasons.",
            )
        )
    return found


def _refusals(manifest: Manifest, refusals: tuple[store.Refusal, ...]) -> list[Finding]:
    """One finding a cause; the connector's text names the setting in the desk."""
    return [
        Finding(
            Level.PROBLEM,
            f"refused_{each.kind}_{each.code}",
            f"{manifest.title} refused ({each.count} ×): {each.text}",
            "Those returns have no label." if each.kind == "request_desk_label" else "Those returns stand still there.",
            f"In {manifest.title} ({manifest.settings_page}), as the text says; limit the rule to orders without the "
            "channel's tag. Then “try again” on the case.",
        )
        for each in refusals
        if each.kind != "note_desk_return"
    ]


def _habits(manifest: Manifest, seen: store.Evidence, terms: DeskTerms) -> list[Finding]:
    title, found = manifest.title, []
    if seen.early:
        found.append(
            Finding(
                Level.PROBLEM,
                "processed_early",
                f"{title} refunded {seen.early} returns before the channel had accepted them.",
                "Where the channel then refuses the parcel, the refund in commerce is wrong.",
                f"In {title}: policy outcomes, or a workflow on the channel's tag: process by hand.",
            )
        )
    if seen.hidden_postal_codes:
        found.append(
            Finding(
                Level.ADVICE,
                "postal_codes",
                f"{seen.hidden_postal_codes} orders came without a postal code.",
                f"{title} opens no return without it.",
                "Ask the channel for the right to read addresses.",
            )
        )
    if not terms.reject_reasons:
        found.append(
            Finding(
                Level.ADVICE,
                "reject_reasons",
                f"No reason is chosen for what {title} rejects.",
                "A return that is closed there without a refund waits for a person.",
                "Connections page, desk settings.",
            )
        )
    found.append(
        Finding(
            Level.INFO,
            "window",
            "The channel takes returns for 30 days and more; whether the desk does cannot be read.",
            "A return outside the desk's window is refused there, and shows here as a refusal.",
            f"In {title}: the return policy's window, at least 30 days for the channel's orders.",
        )
    )
    return found
