"""`policy`: a shop's policy as a file that is kept, compared and put in force."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from backhaul.cli import finding, running
from backhaul.cli.shopping import BY, ShopName
from backhaul.domain.policy import Policy
from backhaul.settings import Settings
from backhaul.store import shops as shop_store
from backhaul.work.policies import BadPolicy, read, written

policy = typer.Typer(no_args_is_help=True, help="What a shop's hub does by itself: show it, check it, put it in force.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A policy, .toml or .json.")]


class Form(StrEnum):
    """How a policy is written."""

    TOML = "toml"
    JSON = "json"


@policy.command("show")
def show(
    shop: ShopName, form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TOML
) -> None:
    """Print the policy in force, to be kept in a file.

    Example:

      backhaul policy show demo > policy.toml
    """
    running.run(_show(running.settings_of(), shop, form))


async def _show(settings: Settings, shop: str, form: Form) -> None:
    async with running.hub(settings) as hub:
        found = await finding.shop(hub.pool, shop)
        typer.echo(written(await shop_store.policy(hub.pool, found.id), form.value), nl=False)


@policy.command("check")
def check(file: File) -> None:
    """Say whether a file is a policy, and where it is not.

    Example:

      backhaul policy check policy.toml
    """
    found = of_file(file)
    running.out.print(f"A policy with {len(found.rules)} {'rule' if len(found.rules) == 1 else 'rules'}.")


@policy.command("set")
def set_(shop: ShopName, file: File, by: Annotated[str, typer.Option("--by", help="Your name.")] = BY) -> None:
    """Put the policy of a file in force, for returns that begin from now on.

    Example:

      backhaul policy set demo policy.toml
    """
    running.run(_set(running.settings_of(), shop, of_file(file), by))


async def _set(settings: Settings, shop: str, wanted: Policy, by: str) -> None:
    async with running.hub(settings) as hub:
        found = await finding.shop(hub.pool, shop)
        version = await hub.commands.shops.set_policy(found.id, wanted, by)
        running.out.print(f"Version {version} is in force for {found.name}.")


def of_file(file: Path) -> Policy:
    """The policy of a file. A mistake ends the command: file, line, what was expected."""
    try:
        text = file.read_text(encoding="utf-8")
        return read(text, "json" if file.suffix.lower() == ".json" else "toml")
    except OSError as error:
        running.fail(f"{file}: cannot be read: {error.strerror or error}", 2)
    except UnicodeDecodeError:
        running.fail(f"{file}: expected text in UTF-8", 2)
    except BadPolicy as error:
        running.fail(f"{file}:{error.line}: {error.text}" if error.line else f"{file}: {error.text}", 2)
