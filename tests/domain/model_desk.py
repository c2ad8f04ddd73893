"""The small world with a returns desk in it, which writes its returns and refunds into commerce by itself."""

from __future__ import annotations

from collections.abc import Callable

from backhaul.domain.commerce import CommerceRefund, CommerceReturn, ReturnedLine
from backhaul.domain.desk import DeskLine, DeskReason, DeskReturn, DeskState
from backhaul.domain.desk_adoption import own_return
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
)
from backhaul.domain.effects import AnyEffect, Repeat, Safety
from backhaul.domain.folding import back_off, fold_desk
from backhaul.domain.matching import case_lines
from backhaul.domain.steps import Look, Source
from backhaul.domain.terms import Booker
from backhaul.domain.words import Party, Stage
from tests.domain.build import BOTH_SOLD, change, desk_terms, terms, usd
from tests.domain.model import SAFETY, Crash, World

PROCESSING = 60  # seconds until what was queued is done
SAFETY |= {
    ProcessDeskReturn: Safety(Repeat.REFUSED_IF_DONE, settle_s=300),
    CloseDeskReturn: Safety(Repeat.REFUSED_IF_DONE, settle_s=15),
    CancelDeskReturn: Safety(Repeat.REFUSED_IF_DONE, settle_s=15),
}


class DeskWorld(World):
    """A world whose shop works with a desk; ``booker`` says who refunds in commerce."""

    def __init__(self, chance: Callable[[str, tuple[str, ...]], str], booker: Booker) -> None:
        super().__init__(chance)
        self.shop = terms(desk=desk_terms(), booker=booker)
        self.seen = change(self.seen, postal_code=b"sealed")
        self.at_desk: list[DeskReturn] = []
        self.queued: tuple[str, int] | None = None
        self.refunded: list[int] = []  # by the desk

    def look(self, step: Look) -> None:
        if step.source is not Source.DESK:
            super().look(step)
            return
        mood = self.mood("look desk", ("ok", "ok", "away", "crash"))
        if mood == "crash":
            raise Crash
        if mood == "away":
            self.seen = back_off(self.seen, Party.DESK, "away", self.now, 5)
            return
        own = own_return(self.facts(), tuple(self.at_desk), case_lines(self.facts()))
        others = tuple(each for each in self.at_desk if own is None or each.id != own.id)
        self.seen = fold_desk(self.seen, own, others, self.heard[Party.DESK], self.now)
        self.seen = change(self.seen, desk_reasons=(DeskReason("Other"),))

    def vendor(self, wanted: AnyEffect, key: str) -> bool:
        if wanted.party is not Party.DESK:
            return super().vendor(wanted, key)
        self.hint(Party.DESK)
        if isinstance(wanted, OpenDeskReturn):
            return self.open(key)
        (record,) = (each for each in self.at_desk if each.id == getattr(wanted, "return_id", ""))
        if isinstance(wanted, NoteDeskReturn):
            self.change(record, notes=(*record.notes, wanted.text))
        elif record.state is not DeskState.OPEN:
            return True  # "already so": only a read tells on whose terms
        elif isinstance(wanted, ProcessDeskReturn):
            assert self.channel.stage in (Stage.ACCEPTED, Stage.COMPLETED), "it pays before the channel accepts"
            self.queued = self.queued or (record.id, self.now + PROCESSING)
        else:
            ends = {CloseDeskReturn: DeskState.CLOSED, CancelDeskReturn: DeskState.CANCELLED}
            self.change(record, state=ends[type(wanted)])
        return True

    def open(self, key: str) -> bool:
        """Units that are on a return are not taken a second time."""
        if any(each.state is not DeskState.CANCELLED for each in self.at_desk):
            return False
        ident = f"D{len(self.at_desk) + 1}"
        lines = tuple(DeskLine(f"DL{n}", f"L{n}", f"SHIRT-{n}") for n in (1, 2))
        self.at_desk.append(DeskReturn(ident, DeskState.OPEN, self.now, self.now, order_name="#1001", lines=lines))
        self.made[key] = ident
        there = tuple(ReturnedLine(f"RL{n}", f"L{n}", 1, f"F{n}", "RO1", f"RR{n}") for n in (1, 2))
        made = CommerceReturn(f"of {ident}", "#1-R1", "open", "", there)
        self.order = change(self.order, returns=(*self.order.returns, made), shipped=(), updated_at=self.now)
        self.hint(Party.COMMERCE)
        return True

    def change(self, record: DeskReturn, **changes: object) -> None:
        """The desk's return becomes another."""
        self.at_desk[self.at_desk.index(record)] = change(record, updated_at=self.now, **changes)

    def goes_on(self) -> None:
        if self.queued is None or self.now < self.queued[1]:
            super().goes_on()
            return
        (record,) = (each for each in self.at_desk if each.id == self.queued[0])
        self.queued = None
        self.change(record, state=DeskState.CLOSED, processed=True, processed_at=self.now)
        self.refunded.append(2000)
        made = CommerceRefund("of the desk", self.now, usd(2000), lines=(("L1", 1), ("L2", 1)))
        self.order = change(
            self.order,
            refunds=(*self.order.refunds, made),
            lines=BOTH_SOLD,
            refundable=usd(0),
            updated_at=self.now,
        )
        self.hint(Party.DESK)
        self.hint(Party.COMMERCE)
