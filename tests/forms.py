"""Forms of a page, as a browser without script reads and sends them."""

from __future__ import annotations

from html.parser import HTMLParser


class Form(HTMLParser):
    """The fields of the page's form that sends to an address, as a browser without script would send them."""

    def __init__(self, html: str, action: str) -> None:
        super().__init__()
        self.action = action
        self.fields: dict[str, str] = {}
        self.boxes: list[str] = []
        self.options: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given["action"] == self.action
        elif self._inside and tag == "input" and given.get("type") == "checkbox":
            self.boxes.append(given["value"])
        elif self._inside and tag in ("input", "textarea", "select"):
            self.fields[given["name"]] = given.get("value", "")
        elif self._inside and tag == "option":
            self.options.append(given["value"])

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
