"""What every effect says of itself: whom it asks, in which lane, and what names it.

An effect's *target* says what it answers, not when it is tried, so that two tries of one answer are one effect.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import msgspec

from backhaul.domain.words import Party


class Wanted(msgspec.Struct, frozen=True, tag_field="effect", omit_defaults=True, dict=True):
    """What an effect is to achieve; each subclass says whom it asks, in which lane, and which of its fields name it."""

    party: ClassVar[Party]
    money: ClassVar[bool] = False
    lane: ClassVar[str]
    named_by: ClassVar[tuple[str, ...]]

    @cached_property
    def target(self) -> str:
        """The identity of the effect within its case. It is stored: an effect keeps it from version to version."""
        return self.identity(str(self.__struct_config__.tag))

    def identity(self, verb: str) -> str:
        """A verb and the fields that name the effect, in their order."""
        values = (getattr(self, name) for name in self.named_by)
        return ":".join([verb, *("+".join(value) if isinstance(value, tuple) else str(value) for value in values)])
