"""`user` and `token`: who may use the dashboard and the API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from backhaul.cli import running
from backhaul.settings import Settings
from backhaul.store import sessions

user = typer.Typer(no_args_is_help=True, help="Sign-in links for the dashboard.")
token = typer.Typer(no_args_is_help=True, help="Tokens for the REST API.")

Role = Annotated[str, typer.Option(help=f"One of {', '.join(sessions.ROLES)}.")]
_AGES = {"m": "minutes", "h": "hours", "d": "days"}


def _role(role: str) -> str:
    if role not in sessions.ROLES:
        running.fail(f"--role: “{role}” is no role; one of {', '.join(sessions.ROLES)}", 2)
    return role


def _age(text: str, option: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if not found or not int(found[1]):
        running.fail(f"{option}: write a time such as 15m, 8h or 90d", 2)
    return timedelta(**{_AGES[found[2]]: int(found[1])})


@user.command("link")
def link(
    name: Annotated[
        str, typer.Option(help="Who signs in; the name stands on the time-line of what they do.")
    ] = "owner",
    role: Role = "owner",
    lasts: Annotated[str, typer.Option(help="How long the link can be used.")] = "15m",
) -> None:
    """Print a link that signs a person in to the dashboard. It works once.

    Examples:

      backhaul user link

      backhaul user link --name Ana --role warehouse --lasts 2d
    """
    running.run(_link(running.settings_of(), name, _role(role), _age(lasts, "--lasts")))


async def _link(settings: Settings, name: str, role: str, lasts: timedelta) -> None:
    async with running.hub(settings) as hub:
        running.out.print(f"{settings.base_url}/signin/{await sessions.make_link(hub.pool, name, role, lasts)}")


@token.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What uses it, say erp; it stands on the time-line.")],
    role: Role = "operator",
    lasts: Annotated[str, typer.Option(help="How long it is valid, say 90d; left out, until it is revoked.")] = "",
) -> None:
    """Print a new API token. It is shown this once.

    Example:

      curl -H "Authorization: Bearer $(backhaul token create reports --role read-only)" http://127.0.0.1:8480/api/v1/counts
    """
    age = _age(lasts, "--lasts") if lasts else None
    running.run(_create(running.settings_of(), name, _role(role), age))


async def _create(settings: Settings, name: str, role: str, lasts: timedelta | None) -> None:
    async with running.hub(settings) as hub:
        running.out.print(await sessions.make_token(hub.pool, name, role, lasts))


@token.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="The name the tokens were made with.")]) -> None:
    """Take back every token of this name."""
    running.run(_revoke(running.settings_of(), name))


async def _revoke(settings: Settings, name: str) -> None:
    async with running.hub(settings) as hub:
        count = await sessions.revoke_tokens(hub.pool, name)
    if not count:
        raise running.Problem(f"there is no token named “{name}”")
    running.out.print(f"{count} {'token' if count == 1 else 'tokens'} revoked.")
