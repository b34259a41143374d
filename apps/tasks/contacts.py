"""What a row of the file has to be to become a contact, and how a contact becomes a row again."""

import re
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from .models import Contact

REQUIRED = ("name", "email")
COLUMNS = (*REQUIRED, "company", "phone", "city")
LONGEST = {name: Contact._meta.get_field(name).max_length for name in COLUMNS}

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# A spreadsheet may end a cell at any of these, even in quotation marks: the system's language decides.
SEPARATOR = re.compile(r"([,;|\t\r\n])")
# It runs a cell that begins with one of the last, also behind space, quotation marks and invisible characters.
FORMULA = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2060\ufeff'\"]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]"
)
NUMBER = re.compile(r"\s*[+\-]?[\d\s()./-]*")

check_email = EmailValidator()


class BadRow(Exception):
    """A row that is no contact; says why, for whoever has sent it."""


class Columns:
    """Which column of a file holds what, told by the names in its header."""

    def __init__(self, header: Sequence[str]) -> None:
        self.names = [name.strip().lower() for name in header]
        self.missing = [name for name in REQUIRED if name not in self.names]
        self.unused = [name.strip() for name in header if name.strip().lower() not in COLUMNS]
        self.repeated = [name for name in COLUMNS if self.names.count(name) > 1]
        self._places = {name: self.names.index(name) for name in COLUMNS if name in self.names}

    def contact(self, fields: Sequence[str]) -> Contact:
        """Return the contact that a row describes, not saved and nobody's yet; raises `BadRow`."""
        if len(fields) != len(self.names):
            raise BadRow(
                _("The row has %(found)s fields, but the header has %(expected)s.")
                % {"found": len(fields), "expected": len(self.names)}
            )
        values = {name: clean(name, fields[place]) for name, place in self._places.items()}
        values["email"] = values["email"].lower()
        try:
            check_email(values["email"])
        except ValidationError:
            raise BadRow(_("The email address is not valid.")) from None
        return Contact(**values)


def clean(name: str, value: str) -> str:
    """Return a field's value without superfluous space; raises `BadRow` if it cannot be stored."""
    value = "".join(map(_unguarded, SEPARATOR.split(" ".join(value.split()))))
    if not value and name in REQUIRED:
        raise BadRow(_("The %(name)s is missing.") % {"name": name})
    if len(value) > LONGEST[name]:
        raise BadRow(
            _("The %(name)s has %(found)s characters. The limit is %(most)s.")
            % {"name": name, "found": len(value), "most": LONGEST[name]}
        )
    if CONTROL.search(value):
        raise BadRow(_("The %(name)s contains a control character.") % {"name": name})
    return value


def cell(value: str) -> str:
    """Return what to write into a file for a value, so that no spreadsheet runs it; `clean` takes it back."""
    return "".join(map(_guarded, SEPARATOR.split(value)))


def _guarded(part: str) -> str:
    return f"'{part}" if FORMULA.match(part) and not NUMBER.fullmatch(part) else part


def _unguarded(part: str) -> str:
    return part[1:] if part.startswith("'") and FORMULA.match(part) else part
