"""
A language that shows which texts are not marked for translation: those that are appear as `⟦text⟧`.

With `DJANGO_SETTINGS_MODULE=template.tests.pseudo_language` a server runs this project in it. It has the code of
Hebrew, so that pages run from right to left, and times have no Latin letters.
"""

import os
import re
from html.parser import HTMLParser

from django.utils.translation.trans_real import DjangoTranslation

from project_template.settings import *  # noqa: F403

LANGUAGE_CODE = "he"
LANGUAGES = [("he", "עברית")]
SITE_NAME = SITE_DESCRIPTION = "Σελίδα"

ATTRIBUTES = {"title", "aria-label", "placeholder", "alt", "content"}
WITHOUT_END = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


def gettext(self, text: str) -> str:
    """Return a text in marks, without its context."""
    return f"⟦{text.rpartition(chr(4))[2]}⟧"


def ngettext(self, one: str, many: str, number: int) -> str:
    return gettext(self, one if number == 1 else many)


def install(replace=setattr) -> None:
    """Put marks around all translated texts; `replace` may be that of a test."""
    for function in (gettext, ngettext):
        replace(DjangoTranslation, function.__name__, function)


class Page(HTMLParser):
    """
    The texts of a page that are `unmarked`, its `links`, and whether it has a `form` for its own address.

    An unmarked text has Latin letters outside of marks. Not texts are `data`, scripts, styles, times, and elements
    with `translate="no"`.
    """

    def __init__(self, html: str, data=()) -> None:
        super().__init__()
        self.data = data
        self.unmarked: list[str] = []
        self.links: list[str] = []
        self.form = False
        self.open: list[tuple[str, bool]] = []
        self.depth = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        is_data = self.is_data or tag in ("script", "style", "time") or given.get("translate") == "no"
        if tag not in WITHOUT_END:
            self.open.append((tag, is_data))
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "form" and given.get("method", "").lower() == "post" and not given.get("action"):
            self.form = True
        if is_data or (tag == "meta" and given.get("name") != "description"):
            return
        is_button = tag == "input" and given.get("type") in ("submit", "reset", "button")
        for name in given.keys() & (ATTRIBUTES | {"value"} if is_button else ATTRIBUTES):
            self.check(given[name], 0)

    def handle_endtag(self, tag):
        while any(tag == each for each, _ in self.open) and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not self.is_data:
            self.depth = self.check(data, self.depth)

    @property
    def is_data(self) -> bool:
        return bool(self.open) and self.open[-1][1]

    def check(self, text: str, depth: int) -> int:
        """Note the unmarked parts of a text, and return the number of open marks."""
        for part in re.split("([⟦⟧])", text):
            depth += {"⟦": 1, "⟧": -1}.get(part, 0)
            for name in self.data:
                part = part.replace(name, "")
            if depth == 0 and re.search("[A-Za-z]", part):
                self.unmarked.append(part.strip())
        return depth


if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:
    install()
