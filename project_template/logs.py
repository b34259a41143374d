"""
A line of JSON for each event in production, with the id of the request that it belongs to.

nginx gives each request its id and logs it as well; without nginx it is made here.
"""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
USABLE = re.compile(r"[0-9A-Za-z_-]{8,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")


@sync_and_async_middleware
def identify(get_response):
    """Give a request its id for as long as it lasts, and name it in the response."""

    def begin(request):
        given = request.headers.get(HEADER, "")
        request_id.set(given if USABLE.fullmatch(given) else uuid4().hex)
        return request_id.get()

    if iscoroutinefunction(get_response):

        async def middleware(request):
            id = begin(request)
            response = await get_response(request)
            response.headers[HEADER] = id
            return response

    else:

        def middleware(request):
            id = begin(request)
            response = get_response(request)
            response.headers[HEADER] = id
            return response

    return middleware


class JSONFormatter(logging.Formatter):
    """One line for each event, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if id := request_id.get():
            entry["id"] = id
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
