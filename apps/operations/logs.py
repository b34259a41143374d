"""
Logs lines, or JSON in production, with the id of the request.

nginx gives each request an id and also logs it. Without a proxy the id is created here. Streams and background
tasks keep the id of the request that started them.
"""

import logging
import re
from contextvars import ContextVar
from uuid import uuid4

from django.conf import settings
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

HEADER = "X-Request-ID"
VALID_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
# Fields that servers and Django add to records. A query string may contain a secret.
HIDDEN = [*RESERVED_ATTRS, "color_message", "request", "server_time"]
QUEUED = "django_tasks_database.DBTaskResult"

request_id: ContextVar[str] = ContextVar("request_id", default="")


def set_request_id(given: str) -> None:
    """Set the id of a new request: the proxy's if it is valid, otherwise a new one."""
    request_id.set(given if settings.BEHIND_PROXY and VALID_ID.fullmatch(given) else uuid4().hex)


class RequestIdMiddleware:
    """ASGI middleware that gives each request or stream an id."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            set_request_id(dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1"))
        await self.application(scope, receive, send)


def wsgi_request_id(application):
    """WSGI middleware that gives each request an id."""

    def wsgi(environ, start_response):
        set_request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        return application(environ, start_response)

    return wsgi


def identify(get_response):
    """Add the header with the request's id to each response."""

    def middleware(request):
        response = get_response(request)
        if id := request_id.get():
            response.headers[HEADER] = id
        return response

    return middleware


@receiver(pre_save, sender=QUEUED)
def store_id(instance, **kwargs):
    """Store the id of the request with the task that it enqueues."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = request_id.get()


@receiver(post_save, sender=QUEUED)
def restore_id(instance, **kwargs):
    """In a worker, log with the id of the request that enqueued the task."""
    if instance.status == TaskResultStatus.RUNNING:
        request_id.set(instance.args_kwargs.get("request_id", ""))


@receiver(task_finished)
def clear_id(**kwargs):
    """Log without an id between tasks."""
    request_id.set("")


class LineFormatter(logging.Formatter):
    """Logs one line of text for each record."""

    def __init__(self):
        super().__init__("{levelname} {name} {message}", style="{")


class JSONFormatter(JsonFormatter):
    """Logs one line of JSON for each record, with its `extra` fields and the id of its request."""

    def __init__(self):
        super().__init__(
            ["levelname", "name", "message", "process"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            reserved_attrs=HIDDEN,
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict) -> dict:
        """Return the fields of a record and the id of its request, if there is one."""
        return log_data | ({"id": id} if (id := request_id.get()) else {})
