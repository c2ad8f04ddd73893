"""A page as a browser without scripts sees it: its words, its links, and the forms that can be filled in and sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

_TYPED = ("text", "search", "tel", "email", "url", "number", "password", "hidden")
_UNSEEN = ("script", "style", "template", "title")
# Where one line of words ends and another begins.
_BLOCKS = (
    "article", "aside", "br", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3", "header", "hr",
    "legend", "li", "main", "nav", "ol", "p", "section", "table", "td", "th", "tr", "ul",
)  # fmt: skip


class NotOffered(LookupError):
    """The page has no such form or field, or does not offer this value. The text says what it has."""


@dataclass(slots=True)
class Choice:
    """Something that can be picked: an option, a box, a button."""

    value: str
    text: str = ""
    picked: bool = False
    usable: bool = True


@dataclass(slots=True)
class Field:
    """One field of a form. What is typed stands in ``value``; other kinds have choices."""

    name: str
    kind: str
    value: str = ""
    choices: list[Choice] = field(default_factory=list)
    most: int | None = None  # characters

    def sent(self) -> list[str]:
        """Its values as they stand."""
        if self.kind in _TYPED or self.kind == "textarea":
            return [self.value]
        picked = [each.value for each in self.choices if each.picked and each.usable]
        if self.kind == "select" and not picked:
            return [each.value for each in self.choices if each.usable][:1]  # a list shows its first entry as chosen
        return picked


@dataclass(slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, Field] = field(default_factory=dict)
    buttons: list[tuple[str, Choice]] = field(default_factory=list)  # the name of each, which may be empty

    def pick(self, name: str, values: Sequence[str]) -> None:
        """Picks these and nothing else. Raises NotOffered for what cannot be picked."""
        found = self._field(name)
        offered = [each.value for each in found.choices if each.usable]
        for value in values:
            if value not in offered:
                raise NotOffered(f"“{name}” does not offer “{value}”; it offers {', '.join(offered) or 'nothing'}")
        for each in found.choices:
            each.picked = each.value in values

    def type(self, name: str, text: str) -> None:
        """Types a text. Raises NotOffered where nothing can be typed, or not so much."""
        found = self._field(name)
        if found.kind not in (*_TYPED, "textarea") or found.kind == "hidden":
            raise NotOffered(f"nothing can be typed into “{name}”")
        if found.most is not None and len(text) > found.most:
            raise NotOffered(f"“{name}” takes {found.most} characters, not {len(text)}")
        found.value = text

    def sent(self, button: str = "") -> list[tuple[str, str]]:
        """What goes out when a button with these words (any, when left out) is pressed. Raises NotOffered when there
        is none."""
        usable = [(name, each) for name, each in self.buttons if each.usable and button in each.text]
        if not usable:
            words = ", ".join(f"“{each.text}”" for _, each in self.buttons)
            raise NotOffered(f"no button “{button}”; there are {words or 'none'}")
        pairs = [(each.name, value) for each in self.fields.values() for value in each.sent()]
        name, pressed = usable[0]
        return [*pairs, (name, pressed.value)] if name else pairs

    def _field(self, name: str) -> Field:
        if name not in self.fields:
            raise NotOffered(f"no field “{name}”; there are {', '.join(self.fields) or 'none'}")
        return self.fields[name]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a web server."""

    status: int
    address: str
    text: str
    forms: tuple[Form, ...]
    links: tuple[tuple[str, str], ...]  # (address as written, words)
    referrer: str = ""  # what the page lets its links and forms say of where they are

    def form(self, *names: str) -> Form:
        """The form with these fields. Raises NotOffered when there is none."""
        for each in self.forms:
            if each.fields.keys() >= set(names):
                return each
        raise NotOffered(f"no form with {', '.join(names)}; the page says: {self.text[:200]}")

    def has(self, *names: str) -> bool:
        """Whether there is a form with these fields."""
        return any(each.fields.keys() >= set(names) for each in self.forms)


def read(html: str, status: int, address: str, referrer: str = "") -> Page:
    """The page of an answer."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    text = "\n".join(line for line in (" ".join(each.split()) for each in "".join(parser.words).split("\n")) if line)
    return Page(status, address, text, tuple(parser.forms), tuple(parser.links), referrer)


class _Parser(HTMLParser):
    """Collects what a page offers. Words go to whatever is open: the page, a link, a button, an option, a label."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self._form: Form | None = None
        self._select: Field | None = None
        self._area: Field | None = None
        self._option: Choice | None = None
        self._button: Choice | None = None
        self._label: list[Choice] | None = None
        self._label_words: list[str] = []
        self._link: str | None = None
        self._link_words: list[str] = []
        self._unseen = 0
        self._shut = 0  # fieldsets that are disabled

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self.words.append("\n")
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "fieldset":
            self._shut += "disabled" in given or self._shut > 0
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "label":
            self._label, self._label_words = [], []
        elif tag == "a" and "href" in given:
            self._link, self._link_words = given["href"], []
        elif self._form is not None:
            self._offered(self._form, tag, given)

    def _offered(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, usable = given.get("name", ""), "disabled" not in given and not self._shut
        if tag == "select" and name:
            self._select = form.fields[name] = Field(name, "select")
        elif tag == "option" and self._select is not None:
            self._option = Choice(given.get("value", ""), picked="selected" in given, usable=usable)
            self._select.choices.append(self._option)
        elif tag == "textarea" and name and usable:
            self._area = form.fields[name] = Field(name, "textarea", most=_number(given.get("maxlength")))
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._button = Choice(given.get("value", ""), usable=usable)
            form.buttons.append((name, self._button))
        elif tag == "input" and given.get("type") == "submit":
            form.buttons.append((name, Choice(given.get("value", ""), given.get("value", ""), usable=usable)))
        elif tag == "input" and given.get("type") in ("checkbox", "radio") and name:
            box = Choice(given.get("value", "on"), picked="checked" in given, usable=usable)
            form.fields.setdefault(name, Field(name, given["type"])).choices.append(box)
            if self._label is not None:
                self._label.append(box)
        elif tag == "input" and name and usable and given.get("type", "text") in _TYPED:
            most = _number(given.get("maxlength"))
            form.fields[name] = Field(name, given.get("type", "text"), given.get("value", ""), most=most)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.words.append("\n")
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "fieldset":
            self._shut = max(0, self._shut - 1)
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = self._option = None
        elif tag == "option":
            self._option = None
        elif tag == "textarea":
            self._area = None
        elif tag == "button":
            self._button = None
        elif tag == "label":
            for box in self._label or ():
                box.text = " ".join("".join(self._label_words).split())
            self._label = None
        elif tag == "a" and self._link is not None:
            self.links.append((self._link, " ".join("".join(self._link_words).split())))
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._area is not None:
            self._area.value += data
            return
        if self._option is not None:
            self._option.text += data
        elif self._button is not None:
            self._button.text += data
        else:
            self.words.append(data.replace("\n", " "))
        if self._label is not None:
            self._label_words.append(data)
        if self._link is not None:
            self._link_words.append(data)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
