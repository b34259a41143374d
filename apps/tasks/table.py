"""Reading a CSV file record by record, with never more than one record in memory, from any place on."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext as _

RECORD_BYTES = 64 * 1024
RECORD_LINES = 20
DELIMITERS = ",;\t"


class NotATable(Exception):
    """The file is no CSV file of UTF-8 text; says why, for the visitor."""


class Record(NamedTuple):
    """A record: the line on which it begins, its text, and its fields, or else what is wrong with it."""

    line: int
    text: str
    fields: list[str]
    problem: str = ""


def check_text(chunks: Iterable[bytes]) -> None:
    """Raise `NotATable` unless all of the chunks together are UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            if "\0" in text:
                raise NotATable(_("This is not a text file. Save a spreadsheet as “CSV UTF-8”."))
            line += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        raise NotATable(
            _("Line %(line)s is not UTF-8 text. Save a spreadsheet as “CSV UTF-8”.") % {"line": line}
        ) from None


class Table:
    """
    A CSV file, open for reading in binary mode.

    `header` holds its first record's fields; iterating goes through the others. `place` is where
    the next record begins: a table opened with it goes on from there. Fields are separated by
    whichever of comma, semicolon and tab the header has most of.
    """

    def __init__(self, file: BinaryIO, place: dict | None = None) -> None:
        self._file = file
        self._line = 0
        self._delimiter = ","
        start = 3 if file.read(3) == codecs.BOM_UTF8 else 0
        self._go_to(start, 0)
        first = file.readline(RECORD_BYTES).decode(errors="replace")
        self._delimiter = max(DELIMITERS, key=first.count)
        self._go_to(start, 0)
        header = next(self, None)
        if header is None or header.problem:
            raise NotATable(header.problem if header else _("The file is empty."))
        self.header = header.fields
        if place:
            self._go_to(place["offset"], place["line"])

    @property
    def place(self) -> dict[str, int]:
        """Where the next record begins: the bytes and the lines before it."""
        return {"offset": self._file.tell(), "line": self._line}

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        while (record := self._read()) is not None:
            if record.fields or record.problem:
                return record
        raise StopIteration

    def _read(self) -> Record | None:
        """Return the next record, one without fields for an empty line, or None at the end."""
        data = self._read_line()
        if not data:
            return None
        line, after, problem = self._line, self._file.tell(), ""
        for _count in range(RECORD_LINES):
            if len(data) >= RECORD_BYTES:
                problem = _("The row is longer than %(most)s bytes.") % {"most": RECORD_BYTES}
                break
            text = data.decode(errors="replace")
            try:
                return Record(line, text, next(csv.reader([text], delimiter=self._delimiter, strict=True), []))
            except csv.Error:
                problem = _("A quotation mark is not closed.")
            if data.count(b'"') % 2 == 0 or not (more := self._read_line()):
                break
            data += more
        # Only its first line is lost with a record that cannot be read.
        self._go_to(after, line)
        return Record(line, data.decode(errors="replace"), [], problem)

    def _read_line(self) -> bytes:
        """Return the next line, of a very long one the beginning, and nothing at the end."""
        line = piece = self._file.readline(RECORD_BYTES)
        while len(piece) == RECORD_BYTES and not piece.endswith(b"\n"):
            piece = self._file.readline(RECORD_BYTES)
        self._line += bool(line)
        return line

    def _go_to(self, offset: int, line: int) -> None:
        self._file.seek(offset)
        self._line = line
