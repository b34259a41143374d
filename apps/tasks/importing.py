"""Reading CSV files: rows become contacts, in batches."""

import csv
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import IO, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from .models import Contact, Task

COLUMNS = {"name", "email", "company", "phone", "city"}
REQUIRED = ("name", "email")
BATCH = 2000
"""Rows per transaction: on SQLite other writers wait for it, so it should take a fraction of a second."""
LINE_BYTES = 1_000_000
"""Longer lines are read in pieces, so that a file without line ends does not fill the memory."""


class Batch(NamedTuple):
    """Contacts, the number of rows read, the first error among them, and the position after them in bytes."""

    contacts: list[Contact]
    rows: int
    problem: str
    end: int


def reader(file: IO[bytes], position: int = 0) -> csv.DictReader:
    """Return the rows of a CSV file from a byte position, 0 for the first row. Reading may raise `csv.Error`."""
    file.seek(0)
    lines = (line.decode(errors="replace") for line in iter(partial(file.readline, LINE_BYTES), b""))
    header = next(lines, "").removeprefix("\ufeff")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    file.seek(position or file.tell())
    return csv.DictReader(lines, names, delimiter=delimiter, strict=True)


def batches(task: Task, file: IO[bytes]) -> Iterator[Batch]:
    """Yield the batches of a task's file from the task's position on."""
    rows = reader(file, task.done)
    while read := list(islice(rows, BATCH)):
        contacts, problem = [], ""
        for number, row in enumerate(read, start=task.rows + 1):
            try:
                contacts.append(parse_contact(row, task.owner_id))
            except ValidationError as error:
                text = _("Row %(number)s: %(error)s") % {"number": number, "error": " ".join(error.messages)}
                problem = problem or Truncator(text).chars(300)
        yield Batch(contacts, len(read), problem, file.tell())


def parse_contact(row: dict[str, str], owner_id: Any) -> Contact:
    """Return the contact of a row; raises `ValidationError` for a missing or invalid value."""
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    contact = Contact(owner_id=owner_id, **values | {"email": values["email"].lower()})
    contact.clean_fields(exclude=["owner"])
    return contact
