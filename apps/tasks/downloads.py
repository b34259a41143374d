"""Files that are sent piece by piece, whatever their size, on either kind of server."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from .contacts import cell
from .exporting import as_csv
from .models import Task

CONTENT_TYPE = "text/csv; charset=utf-8"
CACHE_CONTROL = "private, no-store"
CHUNK_ROWS = 1000


def download(request: HttpRequest, chunks: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """Return a response that saves a CSV file under a name."""
    return StreamingHttpResponse(
        _stepped(chunks) if hasattr(request, "scope") else chunks,
        content_type=CONTENT_TYPE,
        headers={
            "Content-Disposition": content_disposition_header(True, name),
            "Cache-Control": CACHE_CONTROL,
        },
    )


def file_of(task: Task, name: str) -> FileResponse:
    """Return a response that saves a task's file under a name."""
    return FileResponse(
        task.file.open("rb"),
        as_attachment=True,
        filename=name,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": CACHE_CONTROL},
    )


def errors_of(task: Task) -> Iterator[bytes]:
    """Yield the errors of an import as a CSV file: line, reason, and the beginning of the row."""
    yield as_csv([[_("line"), _("reason"), _("row")]])
    line = 0
    while errors := list(task.errors.filter(line__gt=line).order_by("line")[:CHUNK_ROWS]):
        yield as_csv([error.line, cell(error.reason), cell(error.text)] for error in errors)
        line = errors[-1].line


async def _stepped(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await sync_to_async(next)(chunks, None)) is not None:
        yield chunk
