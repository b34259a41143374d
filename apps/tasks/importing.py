"""Reading CSV files: rows become contacts, in batches."""

from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.text import Truncator

from apps.operations.spreadsheets import Rows

from .models import Contact, Task

COLUMNS = {"name", "email", "company", "phone", "city"}
REQUIRED = ("name", "email")
BATCH = 2000
"""Rows per transaction: on SQLite other writers wait for it, so it should take a fraction of a second."""


class Batch(NamedTuple):
    """Contacts, the number of rows read, those with errors by number, and the position after them."""

    contacts: list[Contact]
    rows: int
    problems: list[tuple[int, str]]
    end: int


def batches(task: Task, file: IO[bytes]) -> Iterator[Batch]:
    """Yield the batches of a task's file from the task's position on. Raises `UnreadableFileError`."""
    rows = iter(Rows(file, task.done))
    while read := list(islice(rows, BATCH)):
        contacts, problems = [], []
        for number, row in enumerate(read, start=task.rows + 1):
            try:
                if row.problem:
                    raise ValidationError(row.problem)
                contacts.append(parse_contact(row.values, task.owner_id))
            except ValidationError as error:
                problems.append((number, Truncator(" ".join(error.messages)).chars(250)))
        yield Batch(contacts, len(read), problems, read[-1].end)


def parse_contact(row: dict[str, str], owner_id: Any) -> Contact:
    """Return the contact of a row; raises `ValidationError` for a missing or invalid value."""
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    contact = Contact(owner_id=owner_id, **values | {"email": values["email"].lower()})
    contact.clean_fields(exclude=["owner"])
    return contact
