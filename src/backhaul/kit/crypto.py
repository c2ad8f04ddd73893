"""Signatures and encryption at rest.

Encrypted values look like ``version (1 byte) | key id (4) | nonce (12) | AES-256-GCM ciphertext and tag``. The key id
says which key of the vault opens them, so that a new key can be added while old values stay readable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_ID_BYTES, _NONCE_BYTES, _KEY_BYTES = 4, 12, 32
_HEAD = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class CryptoError(Exception):
    """A value does not open (wrong key, wrong context, changed or cut), or a key file cannot be used."""


def hmac_sha256(key: bytes | str, message: bytes | str) -> bytes:
    """The raw 32 bytes; text is taken as UTF-8."""
    return hmac.new(_raw(key), _raw(message), hashlib.sha256).digest()


def hmac_sha256_hex(key: bytes | str, message: bytes | str) -> str:
    """In lower-case hexadecimal."""
    return hmac_sha256(key, message).hex()


def hmac_sha256_base64(key: bytes | str, message: bytes | str) -> str:
    """In standard base64 with padding."""
    return base64.b64encode(hmac_sha256(key, message)).decode()


def sha256_hex(message: bytes | str) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(_raw(message)).hexdigest()


def same(given: bytes | str, expected: bytes | str) -> bool:
    """Compare in constant time. An empty expectation matches nothing, so that a missing secret never opens a door."""
    return bool(expected) and hmac.compare_digest(_raw(given), _raw(expected))


def _raw(value: bytes | str) -> bytes:
    # Text from a hostile header may hold surrogates; they must compare unequal, not raise.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


class Vault:
    """Encrypts with its newest key and opens what any of its keys encrypted.

    ``context`` is associated data: a value opens only where it was meant to stand (say ``b"connection/<id>"``).
    """

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        """``keys``: key id (4 bytes) -> key (32 bytes), oldest first; the last one encrypts."""
        if not keys:
            raise CryptoError("a vault needs at least one key")
        if any(len(i) != _ID_BYTES or len(k) != _KEY_BYTES for i, k in keys.items()):
            raise CryptoError("a key is 32 bytes under an id of 4 bytes")
        self._marks = hmac_sha256(list(keys.values())[-1], b"mark")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = list(keys)[-1]

    @classmethod
    def open(cls, path: Path) -> Vault:
        """The vault of a key file, which is made (mode 0600, its folder 0700) when there is none.

        The file does not belong into the backup of what it opens. A file that others may read is refused.
        """
        try:
            _create_key_file(path)
            return cls(_read_key_file(path))
        except OSError as error:
            raise CryptoError(f"key file {path}: {error.strerror or error}") from error

    @property
    def newest_key_id(self) -> str:
        """The id, in hexadecimal, of the key that encrypts now."""
        return self._newest.hex()

    def encrypt(self, plain: bytes, context: bytes) -> bytes:
        """Bytes that only :meth:`decrypt` with the same ``context`` opens; never the same twice."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + self._newest + nonce
        return head + self._ciphers[self._newest].encrypt(nonce, plain, head + context)

    def decrypt(self, sealed: bytes, context: bytes) -> bytes:
        """What was encrypted; raises :class:`CryptoError` and never says more than that it does not open."""
        head = sealed[:_HEAD]
        if len(head) < _HEAD or head[:1] != _VERSION:
            raise CryptoError("not an encrypted value of a known version")
        cipher = self._ciphers.get(head[1 : 1 + _ID_BYTES])
        if cipher is None:
            raise CryptoError(
                f"the key {head[1 : 1 + _ID_BYTES].hex()} is not in the key file: this was stored with another one"
            )
        try:
            return cipher.decrypt(head[1 + _ID_BYTES :], sealed[_HEAD:], head + context)
        except InvalidTag:
            raise CryptoError("the value was changed, or belongs elsewhere") from None

    def mark(self, text: str, context: bytes) -> bytes:
        """32 bytes that stand for a text where the text itself is not to be kept: the same for the same text and
        context as long as the newest key is the same, and nothing to somebody without the key file."""
        return hmac_sha256(hmac_sha256(self._marks, context), text)


def sealed(value: bytes) -> bool:
    """Whether a value begins as a :class:`Vault` begins its own: for columns that hold older, open values as well,
    which must never begin with that byte."""
    return value.startswith(_VERSION)


def _create_key_file(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write_private(temporary, _key_lines({secrets.token_bytes(_ID_BYTES): secrets.token_bytes(_KEY_BYTES)}))
    try:
        os.link(temporary, path)  # of several processes that start at once, one wins and all read its key
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _write_private(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _key_lines(keys: Mapping[bytes, bytes]) -> bytes:
    return b"".join(i.hex().encode() + b" " + base64.b64encode(k) + b"\n" for i, k in keys.items())


def _read_key_file(path: Path) -> dict[bytes, bytes]:
    with open(path, "rb") as file:
        if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise CryptoError(f"key file {path}: others may read it; run chmod 600 {path}")
        lines = file.read().split(b"\n")
    try:
        pairs = [line.split() for line in lines if line.strip()]
        return {bytes.fromhex(i.decode()): base64.b64decode(k, validate=True) for i, k in pairs}
    except (ValueError, binascii.Error):
        raise CryptoError(f"key file {path}: a line is not 'key-id base64-key'") from None
