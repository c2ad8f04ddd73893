"""Reading forms: every wrong value becomes a text for the person who sent it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from litestar.datastructures import FormMultiDict, UploadFile

from backhaul.domain.money import Money
from backhaul.web.problems import BadInput

E = TypeVar("E", bound=StrEnum)


def text(form: FormMultiDict, name: str, label: str = "", *, limit: int = 500, required: bool = False) -> str:
    """A trimmed text field."""
    value = form.get(name, "")
    found = typed(value) if isinstance(value, str) else ""
    if required and not found:
        raise BadInput(f"{label or name} is missing.")
    if len(found) > limit:
        raise BadInput(f"{label or name} is longer than {limit} characters.")
    if "\x00" in found:
        raise BadInput(f"{label or name} holds a character that cannot be stored.")
    return found


def typed(value: str) -> str:
    """A text as it was typed, without blanks around it: browsers count a line break as one character and send two."""
    return value.replace("\r\n", "\n").strip()


def texts(form: FormMultiDict, name: str) -> list[str]:
    """All values of a field that may come several times."""
    return [value for value in form.getall(name, []) if isinstance(value, str) and value]


def choice(form: FormMultiDict, name: str, kind: type[E], label: str = "", among: Iterable[E] = ()) -> E:
    """One of a fixed set; with ``among`` only of those."""
    return choose(text(form, name), kind, label or name, among)


def choose(value: str, kind: type[E], label: str, among: Iterable[E] = ()) -> E:
    """A word of a fixed set. “unknown” is a word of ours for what a vendor says, never one that a person chooses."""
    known = tuple(among) or tuple(member for member in kind if member.value != "unknown")
    found = next((member for member in known if member.value == value), None)
    if found is None:
        said = f"“{value[:40]}” is none of" if value else "choose one of"
        raise BadInput(f"{label}: {said} {', '.join(member.value for member in known)}.")
    return found


def whole(form: FormMultiDict, name: str, label: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    try:
        number = int(text(form, name))
    except ValueError:
        raise BadInput(f"{label} must be a whole number.") from None
    if not low <= number <= high:
        raise BadInput(f"{label} must lie between {low} and {high}.")
    return number


def amount(text: str, currency: str) -> Money:
    """An amount as a person writes it, with a point or a comma before the decimals."""
    plain = text.strip().replace(",", ".")
    try:
        return Money.parse(plain, currency.strip().upper())
    except ValueError:
        raise BadInput(f"“{text[:40]}” is no amount of {currency[:10] or 'an unknown currency'}.") from None


def key(form: FormMultiDict, name: str, label: str) -> UUID:
    """An id of ours."""
    value = text(form, name, label, required=True)
    try:
        return UUID(value)
    except ValueError:
        raise BadInput(f"{label}: “{value[:40]}” is none that Backhaul knows.") from None


async def file(form: FormMultiDict, name: str, label: str) -> tuple[str, bytes]:
    """An uploaded file: its name and content."""
    upload = form.get(name)
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise BadInput(f"{label}: choose a file.")
    content = await upload.read()
    if not content:
        raise BadInput(f"{label}: the file is empty.")
    return upload.filename.replace("\\", "/").rsplit("/", 1)[-1][:200], content


async def files(form: FormMultiDict, name: str, label: str, most: int) -> list[tuple[str, bytes]]:
    """Uploaded files, if any: their names and contents."""
    found = []
    for upload in form.getall(name, []):
        if isinstance(upload, UploadFile) and upload.filename:
            content = await upload.read()
            if not content:
                raise BadInput(f"{label}: {upload.filename[:100]} is empty.")
            found.append((upload.filename.replace("\\", "/").rsplit("/", 1)[-1][:200], content))
    if len(found) > most:
        raise BadInput(f"{label}: {most} files at most.")
    return found


def check_label(content: bytes) -> str:
    """The kind of a label file by its first bytes (a name says nothing); raises for what no printer or phone shows."""
    for head, mime in (
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
    ):
        if content.startswith(head):
            return mime
    raise BadInput("The label must be a PDF, PNG or JPEG file.")
