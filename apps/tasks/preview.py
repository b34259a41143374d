"""What an import would do: its columns and first rows, before it is started."""

from itertools import islice
from typing import NamedTuple

from .contacts import COLUMNS, Columns
from .importing import Row, judged
from .models import Task
from .table import Table

ROWS = 10
SHOWN = 80
"""Characters of a faulty row that are shown."""


class Line(NamedTuple):
    """A row as it is shown: the line on which it begins, and its values or else what is wrong with it."""

    number: int
    values: list[str]
    reason: str
    text: str


class Preview(NamedTuple):
    """The names of the columns that are read, of those that are not, and the first rows."""

    columns: list[str]
    unused: list[str]
    lines: list[Line]


def of(task: Task) -> Preview | None:
    """Return what the task would do, if it is an import that was not started."""
    if task.kind != Task.Kind.IMPORT or task.state != Task.State.DRAFT:
        return None
    with task.file.open("rb") as upload:
        table = Table(upload.file)
        columns = Columns(table.header)
        used = [name for name in COLUMNS if name in columns.names]
        return Preview(used, columns.unused, [line(row, used) for row in islice(judged(table), ROWS)])


def line(row: Row, columns: list[str]) -> Line:
    """Return a row as it is shown."""
    values = [getattr(row.contact, name) for name in columns] if row.contact else []
    return Line(row.record.line, values, row.reason, row.record.text[:SHOWN])
