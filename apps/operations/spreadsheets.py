"""
CSV files as spreadsheets write them, read in a stream, and CSV that is safe to open in one.

`normalise` copies an upload as UTF-8 with plain line ends. `Rows` reads such a file from any row on.
"""

import codecs
import csv
import io
import re
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from django.utils.text import Truncator
from django.utils.translation import gettext as _

CHUNK = 65_536
LINE_BYTES = 1_000_000
"""Longer lines are unreadable rows: a file without line ends must not fill the memory."""
RECORD_LINES = 100
"""A quoted value with more lines than this counts as one whose closing quote is missing."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class UnreadableFileError(ValueError):
    """The file cannot be read. The message is a sentence for the person who sent it."""


class UnknownEncodingError(UnreadableFileError):
    """The encoding cannot be recognised: ask for it."""


class Row(NamedTuple):
    """Values by column in lower case, the reason if the row is unreadable, and the position after it in bytes."""

    values: dict[str, str]
    problem: str
    end: int


def normalise(file: IO[bytes], encoding: str = "") -> IO[bytes]:
    """
    Return a temporary copy of a file in UTF-8, without byte order mark, with `\\n` as line ends.

    Without `encoding`, UTF-8 and UTF-16 with a byte order mark are recognised. Raises `UnknownEncodingError` for
    other text, and `UnreadableFileError` for text that does not have the given encoding or contains NULs.
    """
    file.seek(0)
    start = file.read(2)
    file.seek(0)
    marked = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding or marked)()
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        while chunk := file.read(CHUNK):
            copy.write(encode(lines.decode(chunk)))
        copy.write(encode(lines.decode(b"", final=True)))
    except UnicodeError:
        copy.close()
        if encoding or marked == "utf-16":
            message = _("The file does not have the encoding %s.") % (encoding or marked)
            raise UnreadableFileError(message) from None
        message = _("The file is not UTF-8 text. Choose its encoding and send it again.")
        raise UnknownEncodingError(message) from None
    except UnreadableFileError:
        copy.close()
        raise
    copy.seek(0)
    return copy


def encode(text: str) -> bytes:
    """Return text as UTF-8. PostgreSQL stores no NUL characters."""
    if "\0" in text:
        message = _("The file is not UTF-8 text, or not a CSV file: it contains NUL characters.")
        raise UnreadableFileError(message)
    return text.encode()


class Rows:
    """The rows of a normalised file. `columns` are the names of the header. Raises `UnreadableFileError`."""

    def __init__(self, file: IO[bytes], position: int = 0) -> None:
        file.seek(0)
        self._file, self._end = file, 0
        self._ahead: deque[tuple[str, int, bool]] = deque()
        self._delimiter = self._find_delimiter()
        header, problem = self._record()
        if problem:
            raise UnreadableFileError(_("The line with the column names: %s") % problem)
        self.columns = [name.strip().lower() for name in header]
        twice = [name for name, count in Counter(filter(None, self.columns)).items() if count > 1]
        if twice:
            names = Truncator(", ".join(twice)).chars(200)
            raise UnreadableFileError(_("The column names must be different. More than once: %s.") % names)
        if position:
            self._ahead.clear()
            file.seek(position)
            self._end = position

    def __iter__(self) -> Iterator[Row]:
        while self._peek():
            values, problem = self._record()
            if values or problem:
                yield Row(dict(zip(self.columns, values, strict=False)), problem, self._end)

    def _find_delimiter(self) -> str:
        """Skip blank lines and a line `sep=;`, and return the delimiter."""
        given = ""
        while self._peek():
            text = self._ahead[0][0]
            if match := re.fullmatch(r'"?sep=(.)"?[,;\t]*\n?', text, re.IGNORECASE):
                given = match[1]
            elif text.strip(" ,;\t\r\n"):
                return given or max(",;\t", key=text.count)
            self._take()
        return given or ","

    def _peek(self) -> bool:
        """Return whether there is a line, and put it into `_ahead`."""
        return bool(self._ahead) or self._read()

    def _read(self) -> bool:
        """Read a line, or the beginning of one that is too long; return False at the end of the file."""
        line = self._file.readline(LINE_BYTES)
        end = (self._ahead[-1][1] if self._ahead else self._end) + len(line)
        too_long = len(line) == LINE_BYTES and not line.endswith(b"\n")
        rest = line if too_long else b""
        while rest and not rest.endswith(b"\n"):
            rest = self._file.readline(LINE_BYTES)
            end += len(rest)
        if line:
            text = "" if too_long else line.decode(errors="replace").removeprefix("\ufeff")
            self._ahead.append((text, end, too_long))
        return bool(line)

    def _take(self) -> None:
        self._end = self._ahead.popleft()[1]

    def _record(self) -> tuple[list[str], str]:
        """Take one record; of an unreadable one take the first line only, so that the next rows are not lost."""
        if not self._peek():
            return [], ""
        if self._ahead[0][2]:
            self._take()
            return [], _("The row is longer than 1 MB.")
        used = 0

        def lines() -> Iterator[str]:
            nonlocal used
            size = 0
            while used < RECORD_LINES and size < LINE_BYTES and (used < len(self._ahead) or self._read()):
                size += len(self._ahead[used][0])
                used += 1
                yield self._ahead[used - 1][0]

        try:
            values = next(csv.reader(lines(), delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            self._take()
            return [], reason(str(error))
        for _line in range(used):
            self._take()
        return values, ""


def reason(error: str) -> str:
    """Return a sentence for an error of Python's `csv`."""
    if "field limit" in error:
        return _("A value is longer than 128 KiB.")
    if "unexpected end" in error:
        return _("A quote is opened and not closed.")
    return _("A quote is in the wrong place.")


def safe(values: Iterable) -> list:
    """Return a row to write as CSV: a spreadsheet shows text that looks like a formula, and does not run it."""
    return [f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value for value in values]
