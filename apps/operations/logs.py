"""
Log records as lines, or as JSON in production, with the id of their request and without tokens of password resets.

nginx gives each request an id and logs it, too. Without a proxy the id is created here. Streams and background
tasks that a request has started keep its id.
"""

import logging
import re
from contextvars import ContextVar
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished
from django.utils.decorators import sync_and_async_middleware
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

HEADER = "X-Request-ID"
USABLE = re.compile(r"[0-9A-Za-z_-]{8,64}")
# Fields that servers and Django add to records. A request shows its query string, which may hold a secret.
HIDDEN = [*RESERVED_ATTRS, "color_message", "request", "server_time"]
RESET_PATH = re.compile(r"(/accounts/reset/)[^/\s]+/[^/\s\"]+")
QUEUED = "django_tasks_database.DBTaskResult"

request_id: ContextVar[str] = ContextVar("request_id", default="")


def begin(given: str) -> None:
    """Give an id to the request that begins: the proxy's, if it is valid, or a new one."""
    request_id.set(given if settings.BEHIND_PROXY and USABLE.fullmatch(given) else uuid4().hex)


class Identified:
    """An ASGI application whose requests and streams have an id."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            begin(dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1"))
        await self.application(scope, receive, send)


def identified_wsgi(application):
    """Return a WSGI application whose requests have an id."""

    def wsgi(environ, start_response):
        begin(environ.get("HTTP_X_REQUEST_ID", ""))
        return application(environ, start_response)

    return wsgi


@sync_and_async_middleware
def identify(get_response):
    """Add the header with the request's id to each response."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return named(await get_response(request))

    else:

        def middleware(request):
            return named(get_response(request))

    return middleware


def named(response):
    """Return a response with the id of its request."""
    if id := request_id.get():
        response.headers[HEADER] = id
    return response


@receiver(pre_save, sender=QUEUED)
def give_id_to_task(instance, **kwargs):
    """Store the id of the request with a task that it enqueues."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = request_id.get()


@receiver(post_save, sender=QUEUED)
def take_id_from_task(instance, **kwargs):
    """Log with the id of the request that enqueued the task which a worker starts."""
    if instance.status == TaskResultStatus.RUNNING:
        request_id.set(instance.args_kwargs.get("request_id", ""))


@receiver(task_finished)
def forget_id(**kwargs):
    """Log without an id between two tasks."""
    request_id.set("")


class LineFormatter(logging.Formatter):
    """Log lines without the tokens of password resets."""

    def __init__(self):
        super().__init__("{levelname} {name} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return RESET_PATH.sub(r"\1…", super().format(record))


class JSONFormatter(JsonFormatter):
    """A line of JSON for each record, with the fields of its `extra` and the id of its request."""

    def __init__(self):
        super().__init__(
            ["levelname", "name", "message", "process"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            reserved_attrs=HIDDEN,
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict) -> dict:
        """Return the fields of a record with the id of its request, if it has one."""
        return log_data | ({"id": id} if (id := request_id.get()) else {})

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        return RESET_PATH.sub(r"\1…", super().format(record))
