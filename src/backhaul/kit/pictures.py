"""What kind of picture a file is and how large, by its content: a name says nothing. No pixels are decoded."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Picture(NamedTuple):
    """A picture's MIME type and its size in pixels."""

    mime: str
    width: int
    height: int


def picture(content: bytes) -> Picture | None:
    """JPEG, PNG, WebP, HEIC or BMP; None for anything else, and for a file that is cut off before its size."""
    try:
        for read in (_png, _jpeg, _webp, _bmp, _heic):
            found = read(content)
            if found is not None:
                return found if found.width > 0 and found.height > 0 else None
    except (struct.error, IndexError):
        pass
    return None


def _png(content: bytes) -> Picture | None:
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or content[12:16] != b"IHDR":
        return None
    return Picture("image/png", *struct.unpack_from(">II", content, 16))


def _jpeg(content: bytes) -> Picture | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while True:
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Picture("image/jpeg", width, height)
        at += 2 + length


def _webp(content: bytes) -> Picture | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return Picture("image/webp", width, height) if len(content) >= 30 else None
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return Picture("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None


def _bmp(content: bytes) -> Picture | None:
    if content[:2] != b"BM":
        return None
    width, height = struct.unpack_from("<ii", content, 18)
    return Picture("image/bmp", width, abs(height))


def _heic(content: bytes) -> Picture | None:
    if content[4:8] != b"ftyp" or content[8:12] not in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"):
        return None
    at, best = content.find(b"ispe"), (0, 0)
    while at >= 0:  # thumbnails have a size of their own: the largest is the picture's
        size = struct.unpack_from(">II", content, at + 8)
        best = max(best, size, key=lambda each: each[0] * each[1])
        at = content.find(b"ispe", at + 4)
    return Picture("image/heic", *best)
