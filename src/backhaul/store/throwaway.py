"""Folders of installations that are thrown away: rehearsals, the demo's one return, runs of tests and of the bench.

A run that is killed cannot delete its folder, so the next one of the same kind does. Whether the owner lives is told by
a lock on a file in it, which ends with the process, however that ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from backhaul.store import embedded
from backhaul.store.embedded import EmbeddedPostgresError

_OWNED = ".owned"


class ThrowawayFolder:
    """A fresh folder under the machine's temporary one. Making it takes away those of the same ``kind`` whose owner was
    killed: both may take a while."""

    def __init__(self, kind: str) -> None:
        clear_abandoned(kind)
        self.path = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)  # under root the database's own account has to pass
        # Named when it is locked, so that nobody finds it without its owner.
        nameless = self.path / f"{_OWNED}.new"
        self._lock = os.open(nameless, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        nameless.rename(self.path / _OWNED)

    def remove(self) -> None:
        """Delete it and the database in it, which nobody may be using."""
        _delete(self.path)
        os.close(self._lock)


def clear_abandoned(kind: str) -> None:
    """Delete the folders of this kind that are this user's and whose owner is no more."""
    for path in Path(tempfile.gettempdir()).glob(f"{kind}-*"):
        # Gone meanwhile, another user's, or its database is still in somebody's use: not ours to delete.
        with contextlib.suppress(OSError, EmbeddedPostgresError):
            if path.is_symlink() or path.lstat().st_uid != os.geteuid():
                continue
            lock = os.open(path / _OWNED, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _delete(path)
            finally:
                os.close(lock)


def _delete(path: Path) -> None:
    embedded.destroy(path)
    shutil.rmtree(path, ignore_errors=True)
