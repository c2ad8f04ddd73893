"""All commands of `backhaul`."""

from __future__ import annotations

from typing import Annotated

import typer

from backhaul import __version__
from backhaul.cli import (
    auditing,
    beginning,
    connect,
    demo,
    desking,
    doctor,
    matrix,
    people,
    policies,
    rehearsing,
    returning,
    serving,
    shopping,
    simulating,
    syncing,
)

app = typer.Typer(
    name="backhaul",
    help="""Self-hosted returns hub for TikTok Shop: every return and refund, from request to the last cent.

    New here? [bold]backhaul demo[/bold] shows everything with simulated shops. For a real shop run
    [bold]backhaul serve[/bold] and [bold]backhaul work[/bold], then [bold]backhaul connect[/bold].
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


app.command(rich_help_panel="Run")(demo.demo)
app.command(rich_help_panel="Run")(serving.serve)
app.command(rich_help_panel="Run")(serving.work)
app.command(rich_help_panel="Run")(simulating.simulate)

app.command(rich_help_panel="Set up")(connect.connect)
app.command(rich_help_panel="Set up")(shopping.shops)
app.command("shop", rich_help_panel="Set up")(shopping.configure)
app.command(rich_help_panel="Set up")(desking.desk)
app.command(rich_help_panel="Set up")(shopping.mode)
app.add_typer(policies.policy, name="policy", rich_help_panel="Set up")
app.command(rich_help_panel="Set up")(rehearsing.rehearse)
app.add_typer(people.user, name="user", rich_help_panel="Set up")
app.add_typer(people.token, name="token", rich_help_panel="Set up")

app.add_typer(returning.returns, name="returns", rich_help_panel="Every day")
app.command("start-return", rich_help_panel="Every day")(beginning.start_return)
app.command(rich_help_panel="Every day")(syncing.sync)
app.add_typer(syncing.replay, name="replay", rich_help_panel="Every day")
app.command(rich_help_panel="Every day")(doctor.doctor)
app.command(rich_help_panel="Every day")(auditing.audit)

app.command(rich_help_panel="About")(matrix.connectors)
