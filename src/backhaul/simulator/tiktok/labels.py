"""The one upload of a return label, and pictures for evidence."""

from __future__ import annotations

import hashlib
from typing import Any

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call
from backhaul.simulator.tiktok.model import Label, Return
from backhaul.simulator.tiktok.world import World

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM")
_PICTURE_LIMIT = 10 * 1024 * 1024


class Labels:
    """Takes return labels and evidence pictures."""

    def __init__(self, world: World) -> None:
        self._world = world

    def upload(self, call: Call) -> dict[str, Any]:
        """Label, QR code or tracking number for returns that share a parcel. Once: a second upload is refused."""
        cases = [case for return_id in call.ids("return_ids", 50) for case in self._cases(call, return_id)]
        kind = call.query.get("return_id_type", "SKU_RETURN_ORDER")
        if kind not in ("SKU_RETURN_ORDER", "RMA"):
            raise ApiError(25001001, "invalid parameter return_id_type")
        label, code = call.parts.get("return_shipping_label"), call.parts.get("return_qr_code")
        tracking = _text(call, "tracking_number")
        provider = _text(call, "return_provider_id")
        for part in (label, code):
            if part is not None and not part.content.startswith(b"%PDF-"):
                raise ApiError(25021023, "document format is wrong, only PDF is supported")
        if call.shop.switches.labels_need_tracking and not (tracking and provider):
            raise ApiError(25001001, "parameters tracking_number and return_provider_id are required")
        if provider and provider not in call.shop.carriers:
            raise ApiError(98001004, "invalid parameter return_provider_id: carrier is not enabled for this shop")
        if label is None and code is None and not tracking:
            raise ApiError(25001001, "nothing to upload")
        for case in cases:
            if case.label is not None:
                raise ApiError(25021022, "the document has been uploaded, do not upload again")
            if case.status != m.AWAITING_SHIP or case.shipment != "SELLER":
                raise ApiError(25020003, "decision does not match the reverse status")
        content = label.content if label is not None else b""
        for case in cases:
            self._attach(call, case, content, code.content if code is not None else None, tracking, provider)
        return {}

    def _cases(self, call: Call, return_id: str) -> list[Return]:
        by_parcel = call.query.get("return_id_type") == "RMA"
        ids = self._world.groups.parcels.get(return_id, ()) if by_parcel else (return_id,)
        cases = [self._world.returns[one] for one in ids if one in self._world.returns]
        if not cases:
            raise ApiError(25023001, "return id is invalid")
        if cases[0].shop is not call.shop:
            raise ApiError(25023002, "the return belongs to another seller")
        return cases

    def _attach(
        self, call: Call, case: Return, content: bytes, code: bytes | None, tracking: str, provider: str
    ) -> None:
        world = self._world
        world.hold(case)
        case.label = Label(
            hashlib.sha256(content).hexdigest(),
            len(content),
            hashlib.sha256(code).hexdigest() if code is not None else None,
            tracking,
            provider,
            world.clock.now(),
        )
        case.tracking_number, case.provider_id = tracking, provider
        if code is not None:
            case.document_type = "QR_CODE"
        world.books.of(case.shop.id).labels.append(
            {
                "return_id": case.id,
                "sha256": case.label.sha256,
                "size": case.label.size,
                "qr_sha256": case.label.qr_sha256,
                "tracking_number": tracking,
                "provider_id": provider,
                "at": case.label.at,
                "request_id": call.request_id,
            }
        )
        world.return_changed(case)

    def picture(self, call: Call) -> dict[str, Any]:
        """Upload of a picture; the `uri` is the image id of a rejection."""
        content = require_picture(call, _PICTURE_LIMIT)
        uri = self._world.ids.word("tos-simulated/", 24)
        self._world.images.setdefault(call.grant.seller.id, set()).add(uri)
        for shop_id in call.grant.shop_ids:
            self._world.books.of(shop_id).evidence.append(
                {"uri": uri, "sha256": hashlib.sha256(content).hexdigest(), "at": self._world.clock.now()}
            )
        return {
            "uri": uri,
            "url": f"https://simulated.invalid/{uri}",
            "width": 1200,
            "height": 900,
            "use_case": "DESCRIPTION_IMAGE",
        }


def require_picture(call: Call, limit: int) -> bytes:
    """The picture in part `data` of a form. Raises ApiError when there is none, or it is too large, or no picture."""
    part = call.parts.get("data")
    if part is None:
        raise ApiError(98001004, "invalid parameter data: a picture is required")
    if len(part.content) > limit:
        raise ApiError(36009021, "file is too large")
    if part.content[4:8] != b"ftyp" and not part.content.startswith(_PICTURES):
        raise ApiError(36009022, "file is not a picture")
    return part.content


def _text(call: Call, name: str) -> str:
    part = call.parts.get(name)
    return "" if part is None else part.content.decode("utf-8", "replace").strip()
