"""Settings of one Backhaul process: the only module that reads the environment.

Every field is a variable ``BACKHAUL_<FIELD>``. What is left out has a default that works on one machine.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BACKHAUL_"
_SECRET = frozenset({"database_url"})


class SettingsError(Exception):
    """A setting is wrong. The text is one line for a person and holds no secret; the process ends with code 2."""


def _database_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must look like https://returns.example.com")
    return value.rstrip("/")


def _absolute(value: Path) -> Path:
    return value.expanduser().absolute()


class Settings(BaseSettings):
    """What one installation may choose."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(default=None, repr=False)
    """A PostgreSQL of your own; left out, Backhaul starts one in ``data_dir``."""
    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(default=Path(".backhaul"), validate_default=True)
    """Everything this installation keeps on disk: the embedded database, keys, logs."""
    master_key_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    """Opens all stored secrets; made on first use; default ``data_dir/master.key``. Keep it out of the backup."""
    host: str = "127.0.0.1"
    """The address ``serve`` listens on."""
    port: int = Field(default=8480, ge=0, le=65535)
    """The port ``serve`` listens on; 0 takes a free one."""
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    """The address vendors and people reach ``serve`` at; default ``http://<host>:<port>``."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    """``auto`` is for people on a terminal and JSON elsewhere."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that ``work`` runs."""
    concurrency: int = Field(default=200, ge=1, le=2000)
    """Jobs that one worker process attends to at the same time; 600 over all processes is plenty."""
    pool_size: int = Field(default=10, ge=2, le=100)
    """Database connections of one process, the job engine's own few not counted."""

    @property
    def key_file(self) -> Path:
        """Where the master key is."""
        return self.master_key_file or self.data_dir / "master.key"

    @property
    def base_url(self) -> str:
        """The public address, without a slash at its end."""
        return self.public_url or f"http://{'localhost' if self.host in ('0.0.0.0', '::') else self.host}:{self.port}"


def load_settings(**given: object) -> Settings:
    """The settings of the environment, with ``given`` (say, from the command line; None is "not given") before it.

    Raises :class:`SettingsError` for a wrong value and for a variable that is no setting (mostly a typing error).
    """
    _refuse_unknown()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        text = str(first["msg"]).removeprefix("Value error, ")
        value = "" if field in _SECRET else f" (it is {str(first['input'])!r:.60})"
        name = f"--{field.replace('_', '-')}" if given.get(field) is not None else PREFIX + field.upper()
        raise SettingsError(f"{name}: {text[:1].lower()}{text[1:]}{value}".replace("\n", " ")) from None


def _refuse_unknown() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            raise SettingsError(f"{name}: there is no such setting" + (f"; did you mean {near[0]}?" if near else ""))


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """This process' environment for a child of ours, with exactly these settings of Backhaul."""
    rest = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return {**rest, **settings}
