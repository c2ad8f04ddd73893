"""A return label as a PDF file: one small page of plain text, the way a label printer would take it."""

from __future__ import annotations


def label_pdf(rows: list[str]) -> bytes:
    """A page of 4 by 6 inches with these rows of text. Letters beyond Latin-1 become question marks."""
    text = b"BT /F1 11 Tf 18 400 Td 16 TL\n"
    for row in rows:
        escaped = row.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        text += b"(" + escaped.encode("latin-1", "replace") + b") Tj T*\n"
    text += b"ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 288 432]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    out = b"%PDF-1.4\n"
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        count,
        table,
        count,
        len(out),
    )
