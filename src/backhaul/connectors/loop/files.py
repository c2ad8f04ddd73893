"""Label files: fetched from the address that Loop gives, from nowhere near, and only if they are PDFs."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from backhaul.connectors.loop.settings import LoopSettings
from backhaul.kit.http import AnswerLost, HttpClient, NotSent
from backhaul.ports.errors import Refused, Unavailable

LARGEST = 5 * 1024 * 1024
_GONE = frozenset({400, 401, 403, 404, 410})  # storage services answer an expired link with any of these


async def label(http: HttpClient, url: str, settings: LoopSettings) -> bytes:
    """The file at an address. No key goes along, and no redirect is followed: the address is the vendor's word only."""
    if not _outside(url) and not (settings.simulated and url.startswith(settings.origin + "/")):
        raise Refused("label_address", "Loop names no https:// address on the internet for the label's file")
    try:
        answer = await http.request("GET", url, max_answer=LARGEST)
    except NotSent as error:
        raise Unavailable(f"the label's file was not asked for: {error}") from error
    except AnswerLost as error:
        raise Unavailable(f"the label's file did not come: {error}") from error
    if answer.status in _GONE or 300 <= answer.status < 400:
        raise Refused("label_gone", "The link to the label's file has run out. Loop shows a new one when it is read.")
    if answer.status != 200:
        raise Unavailable(f"the label's file did not come: HTTP {answer.status}")
    if not answer.body.lstrip().startswith(b"%PDF-"):
        raise Refused("label_type", "The label's file is no PDF. Let Loop make PDF labels: the channel takes no other.")
    return answer.body


def _outside(url: str) -> bool:
    """Whether it is an https address that is not obviously of this machine or its network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "https" or parts.username is not None:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        # A name whose end is a number ("0x7f.1") is an address in disguise, and one without a dot is a neighbour's.
        _, dot, last = host.rstrip(".").rpartition(".")
        public = bool(dot) and (last.isalpha() or last.startswith("xn--"))
        return public and last not in ("local", "internal", "localhost")
