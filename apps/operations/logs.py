"""
A line of JSON for each event in production, with the id of its request and without tokens of password resets.

nginx gives each request its id and logs it as well; without a proxy it is made here, whatever the request says.
What a request leads to has its id, too: its stream, which outlives it, and the tasks that it enqueues.
"""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
USABLE = re.compile(r"[0-9A-Za-z_-]{8,64}")
# What a record may have beside its message, as in `logger.info(…, extra={"duration": 1.5})`.
FIELDS = ("stream", "duration", "events", "reason")
RESET_PATH = re.compile(r"(/accounts/reset/)[^/\s]+/[^/\s\"]+")
QUEUED = "django_tasks_database.DBTaskResult"

request_id: ContextVar[str] = ContextVar("request_id", default="")


def begin(given: str) -> None:
    """Have all that is logged from here on belong to a request, whose id is what a proxy has given, if usable."""
    request_id.set(given if settings.BEHIND_PROXY and USABLE.fullmatch(given) else uuid4().hex)


class Identified:
    """An ASGI application each of whose requests has an id, to the end of its stream."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        """Answer as the application does."""
        if scope["type"] == "http":
            begin(dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1"))
        await self.application(scope, receive, send)


def identified_wsgi(application):
    """Return a WSGI application each of whose requests has an id."""

    def wsgi(environ, start_response):
        begin(environ.get("HTTP_X_REQUEST_ID", ""))
        return application(environ, start_response)

    return wsgi


@sync_and_async_middleware
def identify(get_response):
    """Name the request's id in the response."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return named(await get_response(request))

    else:

        def middleware(request):
            return named(get_response(request))

    return middleware


def named(response):
    """Return a response with the id of its request, if that has one."""
    if id := request_id.get():
        response.headers[HEADER] = id
    return response


@receiver(pre_save, sender=QUEUED)
def give_id_to_task(instance, **kwargs):
    """Let a task that is enqueued keep the id of the request that has asked for it."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = request_id.get()


@receiver(post_save, sender=QUEUED)
def take_id_from_task(instance, **kwargs):
    """Have what the worker logs from here on belong to the request that has asked for its task."""
    if instance.status == TaskResultStatus.RUNNING:
        request_id.set(instance.args_kwargs.get("request_id", ""))


@receiver(task_finished)
def forget_id(**kwargs):
    """Have what the worker logs between two tasks belong to none."""
    request_id.set("")


class LineFormatter(logging.Formatter):
    """Log lines without the tokens of password resets."""

    def __init__(self):
        super().__init__("{levelname} {name} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return RESET_PATH.sub(r"\1…", super().format(record))


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
        entry |= {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return RESET_PATH.sub(r"\1…", json.dumps(entry, ensure_ascii=False))
