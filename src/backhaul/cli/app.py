"""All commands of `backhaul`. The code of a command is loaded when it is called, or when all are listed."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from backhaul import __version__

PANELS = {
    "Run": {
        "demo": "demo:demo",
        "serve": "serving:serve",
        "work": "serving:work",
        "simulate": "simulating:simulate",
    },
    "Set up": {
        "connect": "connect:connect",
        "shops": "shopping:shops",
        "shop": "shopping:configure",
        "desk": "desking:desk",
        "mode": "shopping:mode",
        "policy": "policies:policy",
        "portal": "portal:portal",
        "rehearse": "rehearsing:rehearse",
        "user": "people:user",
        "token": "people:token",
    },
    "Every day": {
        "returns": "beginning:returns",  # with those of returning
        "start-return": "beginning:start_return",
        "sync": "syncing:sync",
        "replay": "syncing:replay",
        "doctor": "doctor:doctor",
        "audit": "auditing:audit",
    },
    "About": {"connectors": "matrix:connectors"},
}


class Commands(TyperGroup):
    """Commands that are imported by name."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # Of these only the names count: they are compared with a mistyped one.
        self.commands = {name: TyperCommand(name) for panel in PANELS.values() for name in panel}

    def list_commands(self, ctx: object) -> list[str]:
        """All names, in the order in which they are shown."""
        return [name for panel in PANELS.values() for name in panel]

    def get_command(self, ctx: object, cmd_name: str) -> Any:
        """The command of this name, None when there is none."""
        for panel, places in PANELS.items():
            if cmd_name in places:
                module, _, attribute = places[cmd_name].partition(":")
                found = getattr(import_module(f"backhaul.cli.{module}"), attribute)
                holder = typer.Typer()
                if isinstance(found, typer.Typer):
                    holder.add_typer(found, name=cmd_name, rich_help_panel=panel)
                else:
                    holder.command(cmd_name, rich_help_panel=panel)(found)
                command: Any = get_group(holder).commands[cmd_name]
                for each in (command, *getattr(command, "commands", {}).values()):
                    each.help = flowing(each.help or "")
                return command
        return None


def flowing(text: str) -> str:
    """A help text whose lines are as wide as the terminal, not as the source; what is indented stays as it is."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", inspect.cleandoc(text))


app = typer.Typer(
    cls=Commands,
    name="backhaul",
    help="""Self-hosted returns hub for TikTok Shop: every return and refund, from request to the last cent.

    New here? [bold]backhaul demo[/bold] shows everything with simulated shops.
    For a real shop run [bold]backhaul serve[/bold] and [bold]backhaul work[/bold], then [bold]backhaul connect[/bold].
    Settings are variables named BACKHAUL_…; [bold]backhaul doctor[/bold] says what is wrong.""",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"backhaul {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Options of all commands."""
