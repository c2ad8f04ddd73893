"""The shop's own page on which a buyer asks for a return: how it is set, and how order numbers and postal codes are
compared."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from backhaul.domain.words import Kind

KINDS = (Kind.RETURN, Kind.REFUND)


class Redirect(StrEnum):
    """Whether the channel sends buyers from its own return button to the portal. It does so for shops it has
    allow-listed, which somebody has to ask for."""

    NOT_ASKED = "not_asked"
    ASKED = "asked"
    ON = "on"


class Redirected(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the redirect is, since when (by the shop's clock) and who said so."""

    state: Redirect = Redirect.NOT_ASKED
    asked_at: int | None = None
    asked_by: str = ""
    on_at: int | None = None
    on_by: str = ""


class Texts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A shop's own words in one language; what is empty is said in the default words."""

    title: str = ""
    introduction: str = ""
    help: str = ""


class Portal(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a shop's portal is set. ``texts`` go by language: "de", "pt-br"."""

    open: bool = False
    kinds: tuple[Kind, ...] = (Kind.RETURN,)
    texts: dict[str, Texts] = {}
    redirect: Redirected = Redirected()


LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
LIMITS = {"title": 80, "introduction": 1000, "help": 2000}  # characters


def problem(language: str, texts: Texts) -> str:
    """What is wrong with words for a language; empty when nothing is."""
    if not LANGUAGE.fullmatch(language):
        return f"“{language[:20]}” is no language: write it as “de” or “pt-br”."
    for name, limit in LIMITS.items():
        said = getattr(texts, name)
        if len(said) > limit:
            return f"The {name} is longer than {limit} characters."
        if any(not (each.isprintable() or each in "\r\n\t") for each in said):
            return f"The {name} holds a character that cannot be shown."
    return ""
