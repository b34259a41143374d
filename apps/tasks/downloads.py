"""Files that are sent piece by piece, whatever their size, on either kind of server."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from .contacts import cell
from .exporting import as_csv
from .models import Task

CHUNK_BYTES = 64 * 1024
CHUNK_ROWS = 1000


def download(request: HttpRequest, chunks: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """Return a response that saves a CSV file under a name."""
    return StreamingHttpResponse(
        _stepped(chunks) if hasattr(request, "scope") else chunks,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(True, name),
            "Cache-Control": "private, no-store",
        },
    )


def file_of(task: Task) -> Iterator[bytes]:
    """Yield a task's file."""
    with task.file.open("rb") as file:
        yield from file.chunks(CHUNK_BYTES)


def errors_of(task: Task) -> Iterator[bytes]:
    """Yield the errors of an import as a CSV file: line, reason, and the beginning of the row."""
    yield as_csv([[_("line"), _("reason"), _("row")]])
    line = 0
    while errors := list(task.errors.filter(line__gt=line).order_by("line")[:CHUNK_ROWS]):
        yield as_csv([error.line, cell(error.reason), cell(error.text)] for error in errors)
        line = errors[-1].line


async def _stepped(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while chunk := await sync_to_async(next)(chunks, b""):
        yield chunk
