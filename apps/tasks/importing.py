"""The work of an import: contacts and errors, a batch at a time."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from .contacts import BadRow, Columns
from .models import TEXT_LENGTH, Contact, RowError, Task
from .table import Record, Table

BATCH = 1000
"""Rows per transaction: on SQLite other writers wait, so a batch should take only milliseconds."""


class TooManyErrors(Exception):
    """Too many rows have errors: it is probably the wrong file."""


class Row(NamedTuple):
    """A record with its contact, or with the reason why it has none."""

    record: Record
    contact: Contact | None
    reason: str = ""


def batches(task: Task) -> Iterator[Callable[[], None]]:
    """
    Read the file from the task's place on, and yield for each batch a function that writes it.

    Call the function in a transaction.

    Raises `TooManyErrors` instead of the next batch if the batches before had too many.
    """
    with task.file.open("rb") as upload:
        table = Table(upload.file, task.place)
        rows = judged(table)
        while batch := list(islice(rows, BATCH)):
            if task.has_too_many_errors:
                raise TooManyErrors
            yield partial(write, task, batch, table.place)


def judged(table: Table) -> Iterator[Row]:
    """Yield each row of a table with its contact or its error."""
    columns = Columns(table.header)
    for record in table:
        try:
            if record.problem:
                raise BadRow(record.problem)
            yield Row(record, columns.contact(record.fields))
        except BadRow as error:
            yield Row(record, None, str(error))


def write(task: Task, batch: list[Row], place: dict) -> None:
    """Store a batch, each contact once and each error once, and move the task to `place`."""
    # Two imports of the same owner must not both find that an address is new.
    get_user_model().objects.select_for_update(no_key=True).get(pk=task.owner_id)
    emails = [row.contact.email for row in batch if row.contact]
    known = set(Contact.objects.filter(owner_id=task.owner_id, email__in=emails).values_list("email", flat=True))
    new, errors = [], []
    for record, contact, reason in batch:
        if contact and contact.email in known:
            contact, reason = None, _("A contact with this email address already exists.")
        if contact:
            contact.owner_id = task.owner_id
            known.add(contact.email)
            new.append(contact)
        else:
            text = record.text.rstrip("\r\n")[:TEXT_LENGTH]
            errors.append(RowError(task=task, line=record.line, reason=reason, text=text))
    Contact.objects.bulk_create(new)
    RowError.objects.bulk_create(errors)
    task.place, task.done = place, place["offset"]
    task.rows += len(batch)
    task.bad += len(errors)
