"""Effects on their way out: the intent is committed with its exact request, then the bytes leave, then the answer.

An attempt commits ``sent_at`` and ``dead_at`` before it begins, so that whoever comes after a crash knows from when on
nothing of it can arrive any more.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.desk_effects import OpenDeskReturn
from backhaul.domain.effects import (
    AnyEffect,
    Decide,
    DecideUnits,
    Effect,
    EffectState,
    Repeat,
    Safety,
    StageLabel,
    StartCancellation,
    StartReturn,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.folding import fall_behind, forget_read
from backhaul.domain.steps import Send, Settle, Write
from backhaul.domain.terms import LINE_LEVEL
from backhaul.domain.words import Party
from backhaul.kit.crypto import sealed
from backhaul.kit.ids import stable_id
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, WireDrift
from backhaul.store import cases, shops
from backhaul.store.moves import NewEffect
from backhaul.work import files
from backhaul.work.budget import URGENT
from backhaul.work.run import Run

ATTEMPT_S = 15  # real seconds after which an attempt's bytes can no longer leave


async def write(run: Run, step: Write) -> None:
    """Write an intent with its exact request and send it; in observe, only write down what would have been sent."""
    wanted = step.wanted
    tried = sum(effect.target == wanted.target for effect in run.facts.ledger)
    effect_id = stable_id("effect", str(run.case_id), wanted.target, str(tried))
    connector = await _connector(run, wanted.party)
    manifest = connector.manifest
    safety = manifest.effects.get(_tag(wanted))
    effect = Effect(
        str(effect_id),
        wanted,
        EffectState.PROPOSED if run.facts.observing else EffectState.INTENT,
        safety or Safety(Repeat.UNSAFE),
        run.now(),
        step.because,
        step.by,
        words=run.facts.said.words,
    )
    key = str(stable_id("key", str(run.case_id), wanted.target, str(tried)))
    if safety is None:
        _refuse(run, effect, key, Refused("unsupported", f"{manifest.title} has no call for it"))
        return
    if run.facts.observing:
        _new(run, effect, key, None)
        run.tell("hub", "effect.proposed", f"Proposed, not sent: {_phrase(wanted)} – {step.because}.")
        return
    try:
        prepared = connector.prepare(wanted, key, await _attachment(run, wanted))
    except Refused as error:
        _refuse(run, effect, key, error)
        return
    # The exact bytes hold what a buyer wrote, and the file of a label: sealed like the file itself.
    _new(run, effect, key, run.vendors.vault.encrypt(msgspec.msgpack.encode(prepared), _request_context(effect)))
    run.tell(step.by, "effect.intent", f"{_phrase(wanted)} – {step.because}.", _why(run))
    await _attempt(run, effect, prepared)


async def send(run: Run, step: Send) -> None:
    """Send an effect whose intent stands in the ledger already."""
    effect = next(each for each in run.facts.ledger if each.id == step.effect_id)
    raw, _ = await cases.request_of(run.vendors.pool, effect.id)
    if raw is None:
        _update(run, _change(effect, state=EffectState.DROPPED, code="unwanted", text="it has no request"))
        return
    run.tell("hub", "effect.again", f"{_phrase(effect.wanted)} – {step.because}.")
    if sealed(raw):  # one written before requests were sealed is an array, whose bytes begin otherwise
        raw = run.vendors.vault.decrypt(raw, _request_context(effect))
    await _attempt(run, effect, msgspec.msgpack.decode(raw, type=Prepared))


def _refuse(run: Run, effect: Effect, key: str, error: Refused) -> None:
    """Write down what cannot even be asked of the vendor."""
    ended = _change(effect, state=EffectState.REFUSED, answered_at=run.now(), code=error.code, text=error.text)
    _new(run, ended, key, None)
    run.tell("hub", "effect.refused", f"{_phrase(effect.wanted)}: {error}")


def settle(run: Run, step: Settle) -> None:
    """Write down what a read has shown of an effect."""
    effect = next(each for each in run.facts.ledger if each.id == step.effect_id)
    result = step.result or effect.result
    text = step.text if step.state is EffectState.REFUSED else effect.text or step.text
    changed = _change(effect, state=step.state, text=text, code=step.code or effect.code, result=result)
    _update(run, changed)
    if step.result and run.facts.nameless:
        run.name(step.result)
    if step.state is not EffectState.CONFIRMED:
        run.tell("hub", f"effect.{step.state}", f"{_phrase(effect.wanted)}: {step.text}.")
    else:
        run.tell("hub", "effect.confirmed", f"{_phrase(effect.wanted)}: a read shows it.")


async def _attempt(run: Run, effect: Effect, prepared: Prepared) -> None:
    party = effect.wanted.party
    target = effect.target
    await run.probe("before_intent", target)
    dead_at = time.time() + ATTEMPT_S
    now = run.now()
    before = effect
    effect = _change(
        effect,
        state=EffectState.SENT,
        attempts=effect.attempts + 1,
        sent_at=effect.sent_at if effect.sent_at is not None else now,
        dead_at=int(run.clock.virtual(dead_at)) + 1,
        taken_over=False,
    )
    _update(run, effect, reported=False)
    run.move.sends = True
    await run.write()
    await run.probe("after_intent", target)
    connector = await _connector(run, party)
    try:
        URGENT.set(effect.by not in ("policy",) or URGENT.get())
        receipt = await connector.perform(effect.wanted, prepared, dead_at=dead_at)
    except Refused as error:
        await run.probe("after_answer", target)
        _refused(run, before, effect, error)
        if isinstance(effect.wanted, DecideUnits):
            await shops.doubt_capability(run.vendors.pool, run.shop_id, LINE_LEVEL)
    except Unavailable as error:
        _not_tried(run, before, effect, error.text)
        run.trouble(party, error, run.now(), _phrase(effect.wanted))
    except NeedsReauth as error:
        _not_tried(run, before, effect, error.text)
        await run.pause(party, error)
    except (OutcomeUnknown, WireDrift) as error:
        await run.probe("after_send", target)
        _update(run, _change(effect, text=error.text), reported=True)
        run.tell(
            party, "effect.unknown", f"{_phrase(effect.wanted)}: {error.text}. It is looked for before it is repeated."
        )
        _reread(run, party)
    else:
        await run.probe("after_answer", target)
        accepted = _change(
            effect, state=EffectState.ACCEPTED, answered_at=run.now(), result=receipt.result, text=receipt.text, code=""
        )
        _update(run, accepted)
        run.tell(party, "effect.accepted", f"{_phrase(effect.wanted)}: accepted. {receipt.text}".strip())
        run.recovered(party)
        run.saw(fall_behind(run.facts.seen, party))
        if run.facts.nameless and receipt.result:
            run.name(receipt.result)
    await run.probe("before_record", target)


def _not_tried(run: Run, before: Effect, effect: Effect, text: str) -> None:
    """Nothing of this attempt happened: what was known before it still holds, an earlier lost answer above all, and so
    does the word of a person who asked for another try."""
    state = _change(before, attempts=effect.attempts, text=text)
    _update(run, state, reported=not before.taken_over, words=before.words)


def _refused(run: Run, before: Effect, effect: Effect, error: Refused) -> None:
    party = effect.wanted.party
    # An earlier try whose answer was lost may be the very cause of a no to starting the case once more.
    perhaps = isinstance(effect.wanted, (StartReturn, StartCancellation)) and before.state is EffectState.SENT
    if error.already or perhaps:
        # The vendor says it is so already. Only a read tells whether on our terms.
        state = _change(effect, state=EffectState.ACCEPTED, answered_at=run.now(), code=error.code, text=error.text)
        run.tell(party, "effect.already", f"{_phrase(effect.wanted)}: {error}")
    else:
        state = _change(effect, state=EffectState.REFUSED, answered_at=run.now(), code=error.code, text=error.text)
        run.tell(party, "effect.refused", f"{_phrase(effect.wanted)}: {error}")
    _update(run, state)
    _reread(run, party)


def _reread(run: Run, party: Party) -> None:
    run.saw(forget_read(run.facts.seen, party))


async def _connector(run: Run, party: Party) -> Any:
    if party is Party.CHANNEL:
        return await run.vendors.channel(run.known.connections, run.shop_id)
    if party is Party.DESK:
        return await run.vendors.desk(run.known.connections, run.shop_id)
    return await run.vendors.commerce(run.known.connections, run.shop_id)


async def _attachment(run: Run, wanted: AnyEffect) -> bytes | None:
    if isinstance(wanted, OpenDeskReturn):
        return run.postal_code().encode()
    if not isinstance(wanted, (UploadLabel, UploadEvidence, StageLabel)):
        return None
    found = await files.read(run.vendors.pool, run.vendors.vault, UUID(wanted.attachment))
    return found[1] if found else None


def _request_context(effect: Effect) -> bytes:
    return f"effect/{effect.id}/request".encode()


def _new(run: Run, effect: Effect, key: str, request: bytes | None) -> None:
    run.move.new_effects.append(NewEffect(effect, key, request))
    run.facts = msgspec.structs.replace(run.facts, ledger=(*run.facts.ledger, effect))


def _update(run: Run, effect: Effect, reported: bool = True, words: int | None = None) -> None:
    effect = _change(effect, words=run.facts.said.words if words is None else words)
    run.move.effects[effect.id] = effect
    run.move.reported[effect.id] = reported
    ledger = tuple(effect if each.id == effect.id else each for each in run.facts.ledger)
    run.facts = msgspec.structs.replace(run.facts, ledger=ledger)


def _change(effect: Effect, **changes: object) -> Effect:
    return msgspec.structs.replace(effect, **changes)


def _tag(wanted: AnyEffect) -> str:
    return str(type(wanted).__struct_config__.tag)


PHRASES = {
    "upload_label": "Send the label",
    "upload_evidence": "Send a picture for the rejection",
    "start_return": "Start the case on the channel",
    "start_cancellation": "Cancel on the channel",
    "stamp_order": "Mark the commerce order",
    "create_return": "Create the return in commerce",
    "stage_label": "Put the label's file into commerce",
    "attach_tracking": "Add the tracking number in commerce",
    "update_delivery": "Complete the parcel in commerce",
    "dispose": "Book the stock in commerce",
    "book_refund": "Book the refund in commerce",
    "close_return": "Close the return in commerce",
    "cancel_return": "Cancel the return in commerce",
    "open_desk_return": "Open the return in the desk",
    "request_desk_label": "Have the desk make a label",
    "process_desk_return": "Have the desk refund",
    "close_desk_return": "Close the return in the desk",
    "cancel_desk_return": "Cancel the return in the desk",
    "note_desk_return": "Tell the desk",
}


def _phrase(wanted: AnyEffect) -> str:
    """What an effect does, as the time-line says it."""
    if isinstance(wanted, Decide):
        return f"Answer: {wanted.decision.replace('_', ' ')}"
    if isinstance(wanted, DecideUnits):
        count = len(wanted.units)
        return f"Answer for {count} unit{'s' if count > 1 else ''}: {wanted.decision.replace('_', ' ')}"
    return PHRASES[_tag(wanted)]


def _why(run: Run) -> dict[str, object]:
    """What a replay of the policy needs; no personal data is among the facts."""
    case = run.facts.channel
    return {
        "policy": run.policy.version,
        "stage": case.stage if case else None,
        "due": [[due.action, due.deadline] for due in case.due] if case else [],
        "updated_at": case.updated_at if case else None,
        "link": run.facts.seen.link.how,
    }
