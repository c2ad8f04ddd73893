"""Pictures that go with a rejection: uploaded first, named in it, and never a reason to miss the channel's deadline."""

from __future__ import annotations

import msgspec

from backhaul.domain.channel import ActionDue, ChannelCase
from backhaul.domain.effects import DONE, EffectState, Image, UploadEvidence
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Evidence, Vote
from backhaul.domain.steps import Draft, Trouble, Write


class Pictures(msgspec.Struct, frozen=True):
    """What a rejection may name now. ``wait``: an upload is to come first. ``stuck``: a person has to say how it goes
    on. ``text`` says what is left out and why."""

    images: tuple[Image, ...] = ()
    wait: bool = False
    stuck: bool = False
    text: str = ""


def pictures(
    facts: Facts, case: ChannelCase, due: ActionDue, vote: Vote, policy: Policy, now: int, draft: Draft
) -> Pictures:
    """The vote's pictures, and what is to be done to have them on the channel."""
    ready: list[Image] = []
    missing: list[Evidence] = []
    for file in (facts.said.evidence[each] for each in vote.evidence if each in facts.said.evidence):
        last = facts.effect(wanted(case, file).target)
        if last is not None and last.state in DONE and last.result:
            ready.append(Image(last.result, file.mime, file.width, file.height))
        else:
            missing.append(file)
    found = Pictures(tuple(ready))
    if not missing:
        return found
    left = f"without {len(missing)} of {len(vote.evidence)} pictures"
    if due.deadline is not None and now >= due.deadline - policy.last_attempt_s:
        return msgspec.structs.replace(found, text=f"{left}, as the deadline is near")
    refused = [file for file in missing if _upload(facts, case, due, vote, file, draft)]
    if not refused:
        return msgspec.structs.replace(found, wait=True)
    if vote.bare:
        waiting = len(refused) < len(missing)
        return msgspec.structs.replace(found, wait=waiting, text=f"{left}, as {vote.by} said")
    return msgspec.structs.replace(found, stuck=True)


def wanted(case: ChannelCase, file: Evidence) -> UploadEvidence:
    """The upload of a picture."""
    return UploadEvidence(case.id, file.attachment, file.sha256, file.name, file.mime)


def _upload(facts: Facts, case: ChannelCase, due: ActionDue, vote: Vote, file: Evidence, draft: Draft) -> bool:
    """Have a picture uploaded. True: the channel has refused it, and nobody has asked for another try."""
    effect = wanted(case, file)
    if facts.may_write(effect.target, vote):
        draft.steps.append(Write(effect, f"named in the rejection by {vote.by}", vote.by, 4))
        return False
    last = facts.effect(effect.target)
    if last is None or last.state is not EffectState.REFUSED:
        return False
    if not vote.bare:
        draft.troubles.append(
            Trouble(
                f"evidence:{effect.target}",
                "decision",
                f"The channel did not take the picture {file.name}: {last.text} ({last.code or 'no code'}).",
                "Answer once more without pictures, or mend the cause and try again. Shortly before the deadline the "
                "rejection goes without it.",
                deadline=due.deadline,
                retry=effect.target,
            )
        )
    return True
