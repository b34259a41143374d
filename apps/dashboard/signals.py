"""When a process begins to be measured, and what counts as a query."""

import os
import sys

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.tasks import task_backends
from django.tasks.backends.immediate import ImmediateBackend
from django.tasks.signals import task_finished, task_started
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from . import sampler
from .counters import counters
from .models import Sample


@receiver(request_started)
def measure_web_process(sender, **kwargs):
    """Start the sampler with the first request that a server hands over; a test client is no server."""
    if issubclass(sender, WSGIHandler | ASGIHandler):
        sampler.start(Sample.Kind.WEB)


@receiver(connection_created)
def measure_task_worker(**kwargs):
    """Start the sampler when a task worker first looks for tasks."""
    if is_task_worker():
        sampler.start(Sample.Kind.WORKER)


def is_task_worker() -> bool:
    """Say whether this process works on tasks; one that only watches the code for another does not."""
    if sys.argv[1:2] != ["db_worker"]:
        return False
    reloads = "--reload" in sys.argv or (settings.DEBUG and "--no-reload" not in sys.argv)
    return not reloads or os.environ.get(DJANGO_AUTORELOAD_ENV) == "true"


@receiver(task_started)
def begin_task(task_result, **kwargs):
    """Count a task, and start the sampler in a worker of any kind. A process that runs its own tasks is none."""
    if not isinstance(task_backends[task_result.backend], ImmediateBackend):
        sampler.start(Sample.Kind.WORKER)
    counters.count_task(1)


@receiver(task_finished)
def finish_task(**kwargs):
    counters.count_task(-1)


@receiver(connection_created)
def count_queries_of(connection, **kwargs):
    """Count the queries of a connection. It is asked again each time it connects anew."""
    if count_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(count_query)


def count_query(execute, sql, params, many, context):
    counters.count_query()
    return execute(sql, params, many, context)
