from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.crypto import (
    CryptoError,
    Vault,
    hmac_sha256_base64,
    hmac_sha256_hex,
    same,
    sha256_hex,
)

VAULT = Vault({b"\0\0\0\1": bytes(range(32))})


def test_hmac_against_rfc_4231() -> None:
    # RFC 4231, test case 2.
    assert hmac_sha256_hex("Jefe", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert (
        hmac_sha256_base64(b"Jefe", b"what do ya want for nothing?") == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
    )
    assert sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_same() -> None:
    assert same("abc", b"abc")
    assert not same("abd", "abc")
    assert not same("", "")
    assert not same("\udcff", "abc")


@given(st.binary(max_size=2000), st.binary(max_size=50))
def test_what_is_encrypted_opens_in_its_place_only(plain: bytes, context: bytes) -> None:
    sealed = VAULT.encrypt(plain, context)
    assert VAULT.decrypt(sealed, context) == plain
    assert VAULT.encrypt(plain, context) != sealed
    with pytest.raises(CryptoError):
        VAULT.decrypt(sealed, context + b"x")


@given(st.binary(max_size=200), st.data())
def test_a_changed_or_cut_value_never_opens(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(VAULT.encrypt(plain, b"c"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    cut = bytes(sealed[:place])
    sealed[place] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(sealed), cut):
        with pytest.raises(CryptoError):
            VAULT.decrypt(bad, b"c")


def test_key_file_is_made_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    sealed = Vault.open(path).encrypt(b"secret", b"c")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["master.key"]
    assert Vault.open(path).decrypt(sealed, b"c") == b"secret"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.open(tmp_path / "master.key"), range(16)))
    assert len({vault.newest_key_id for vault in vaults}) == 1


def test_a_new_key_encrypts_and_old_values_stay_readable(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    old = Vault.open(path)
    sealed = old.encrypt(b"secret", b"c")
    new_id, key = "0a0b0c0d", base64.b64encode(bytes(32)).decode()
    path.write_text(f"{path.read_text()}{new_id} {key}\n")
    new = Vault.open(path)
    assert new.newest_key_id == new_id != old.newest_key_id
    assert new.decrypt(sealed, b"c") == b"secret"
    with pytest.raises(CryptoError, match=f"key {new_id} is not in the key file"):
        old.decrypt(new.encrypt(b"secret", b"c"), b"c")


@pytest.mark.parametrize("content", ["", "nonsense", "00000001 short", "0001 " + "A" * 43 + "="])
def test_a_broken_key_file_says_so_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(CryptoError) as raised:
        Vault.open(path)
    assert "\n" not in str(raised.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    Vault.open(path)
    path.chmod(0o640)
    with pytest.raises(CryptoError, match="chmod 600"):
        Vault.open(path)
    with pytest.raises(CryptoError):
        Vault.open(tmp_path)


def test_a_mark_stands_for_a_text_under_one_key_and_context_only() -> None:
    vault, other = Vault({b"0001": bytes(32)}), Vault({b"0001": bytes(31) + b"\1"})
    assert vault.mark("a", b"x") == vault.mark("a", b"x")
    assert len({vault.mark("a", b"x"), vault.mark("b", b"x"), vault.mark("a", b"y"), other.mark("a", b"x")}) == 4
