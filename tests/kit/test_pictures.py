from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.pictures import Picture, picture

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\x00\x00\x00"
JPEG = (
    b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + bytes(10)  # a header before the size
    + b"\xff\xc4" + struct.pack(">H", 4) + b"\x00\x00"  # a table, whose marker lies among those of sizes
    + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 480, 640) + bytes(10)
)  # fmt: skip
WEBP_X = b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
WEBP_L = b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14)
WEBP = b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
BMP = b"BM" + bytes(16) + struct.pack("<ii", 640, -480)
HEIC = (
    struct.pack(">I4s4s", 24, b"ftyp", b"heic") + bytes(12)
    + struct.pack(">I4sIII", 20, b"ispe", 0, 160, 120)  # the thumbnail's
    + struct.pack(">I4sIII", 20, b"ispe", 0, 640, 480)
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (WEBP_X, "image/webp"),
        (WEBP_L, "image/webp"),
        (WEBP, "image/webp"),
        (BMP, "image/bmp"),
        (HEIC, "image/heic"),
    ],
    ids=["png", "jpeg", "webp extended", "webp lossless", "webp", "bmp", "heic"],
)
def test_kind_and_size_come_from_the_content(content: bytes, mime: str) -> None:
    assert picture(content) == Picture(mime, 640, 480)
    known = (None, Picture(mime, 640, 480), Picture("image/heic", 160, 120))  # a torn file may show its thumbnail only
    assert all(picture(content[:length]) in known for length in range(len(content)))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"GIF89a\x80\x02\xe0\x01", b"\xff\xd8\xff", PNG[:20], BMP[:4]])
def test_what_is_none_of_them_or_cut_off_is_no_picture(content: bytes) -> None:
    assert picture(content) is None


def test_a_picture_without_extent_is_none() -> None:
    assert picture(PNG[:16] + bytes(8)) is None
    assert picture(HEIC[:24]) is None


@given(st.sampled_from([PNG, JPEG, WEBP_X, WEBP_L, WEBP, BMP, HEIC]), st.binary(max_size=60), st.integers(0, 60))
def test_torn_files_never_raise(content: bytes, noise: bytes, at: int) -> None:
    found = picture(content[:at] + noise)
    assert found is None or (found.width > 0 and found.height > 0)
