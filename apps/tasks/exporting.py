"""The work of an export: the owner's contacts as a file, a batch at a time."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from functools import partial

from django.core.files.base import ContentFile

from .contacts import COLUMNS, cell
from .models import Contact, Task

BATCH = 2000
"""Rows."""


def batches(task: Task) -> Iterator[Callable[[], None]]:
    """Yield what writes each batch from the task's place on, to be called in a transaction."""
    if not task.file:
        yield partial(begin, task)
    while contacts := following(task):
        yield partial(write, task, contacts)


def begin(task: Task) -> None:
    """Make the file, with the names of its columns."""
    task.file.save("", ContentFile(as_csv([COLUMNS])), save=False)
    task.place = {"after": 0, "length": task.file.size}
    task.total = Contact.objects.filter(owner_id=task.owner_id).count()


def following(task: Task) -> list[Contact]:
    """Return the contacts of the next batch."""
    mine = Contact.objects.filter(owner_id=task.owner_id, pk__gt=task.place["after"])
    return list(mine.order_by("pk")[:BATCH])


def write(task: Task, contacts: list[Contact]) -> None:
    """Add a batch to the file, over whatever an attempt that was cut off has left there."""
    data = as_csv([cell(getattr(contact, name)) for name in COLUMNS] for contact in contacts)
    with open(task.file.path, "r+b") as file:
        file.truncate(task.place["length"])
        file.seek(0, os.SEEK_END)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    task.place = {"after": contacts[-1].pk, "length": task.place["length"] + len(data)}
    task.rows += len(contacts)
    task.done = min(task.rows, task.total)


def as_csv(rows) -> bytes:
    """Return rows as UTF-8 lines of a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
