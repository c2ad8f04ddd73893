"""What each connector declares of itself, as a table for people and for the docs."""

from __future__ import annotations

import typer

from backhaul.domain.effects import Repeat, Safety
from backhaul.ports.manifest import Manifest
from backhaul.wiring import REGISTRY

REPEATS = {
    Repeat.KEYED: "our key, {memory}; then {then}",
    Repeat.REFUSED_IF_DONE: "a repeat changes nothing",
    Repeat.FINDABLE: "looked for by a strong read first",
    Repeat.UNSAFE: "never; a person looks",
}


def connectors() -> None:
    """List the connectors: what they can do, how each effect may be repeated, how well they are proven.

    Markdown, the same text as docs/connectors/README.md.

    Example:

      backhaul connectors
    """
    typer.echo(matrix(), nl=False)


def matrix() -> str:
    """The table of all connectors, in Markdown."""
    manifests = [vendor.manifest for vendor in REGISTRY.values()]
    parts = [
        "# Connectors\n\nMade by `backhaul connectors` from what each connector declares; a test compares the two.\n"
    ]
    parts.append("\n| Connector | Role | API | Proven against | Abilities |\n| --- | --- | --- | --- | --- |\n")
    parts += [
        f"| [{each.title}]({each.vendor}.md) | {each.role} | {each.api_version} | {_proof(each)} "
        f"| {', '.join(sorted(each.abilities))} |\n"
        for each in manifests
    ]
    for each in manifests:
        parts.append(
            f"\n## {each.title}\n\n| Effect | How it may be repeated when its answer was lost |\n| --- | --- |\n"
        )
        parts += [
            f"| {name.replace('_', ' ')} | {_repeat(safety)} |\n" for name, safety in sorted(each.effects.items())
        ]
        parts.append("\n| Right | Why it is needed |\n| --- | --- |\n")
        parts += [f"| `{scope}` | {why} |\n" for scope, why in each.scopes.items()]
    return "".join(parts)


def _proof(manifest: Manifest) -> str:
    return {"simulated": "our simulator", "recorded": "recorded answers", "live": "the live vendor"}[manifest.proof]


def _repeat(safety: Safety) -> str:
    hours, minutes = safety.memory_s // 3600, safety.memory_s // 60
    then = REPEATS[safety.then].format(memory="", then="")
    return REPEATS[safety.repeat].format(memory=f"{hours} h" if hours else f"{minutes} min", then=then)
