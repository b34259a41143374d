"""
The statistics of all processes: each process writes its row every few seconds, and readers sum the rows.

A server has a row from its first request, a task worker from its first task, until the process ends. Other
management commands have none unless they call `start`.
"""

import atexit
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import DEFAULT_DB_ALIAS
from django.db import connections as databases
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.dispatch import Signal
from django.tasks import task_backends
from django.tasks.backends.immediate import ImmediateBackend
from django.tasks.signals import task_started

from ..databases import is_outage_known, migration_hint
from . import metrics

if TYPE_CHECKING:
    from ..models import Process

EVERY_SECONDS = 3
# All processes write their rows at the same moment, except the oldest: this long after it.
GRACE_SECONDS = 0.5
# A process whose row is older was killed or hangs; after `EXPIRY_SECONDS` its row is deleted.
SILENT_SECONDS = 10
EXPIRY_SECONDS = 300
STOP_TIMEOUT_SECONDS = 1.0
# Sent in the oldest process only, in the thread of its `Reporter`, each time the rows were written, with the
# `rows` of the processes that are running.
collected = Signal()

logger = logging.getLogger("apps.sse")


def rows() -> "list[Process]":
    """Return the rows, oldest process first; `age` is the time since a row was written."""
    return [*_rows_with_age()]


def is_silent(row: "Process") -> bool:
    """Return whether the process of a row was killed or hangs."""
    return row.age >= timedelta(seconds=SILENT_SECONDS)


def _rows() -> "QuerySet[Process]":
    # The library is imported before the app registry is ready.
    from ..models import Process

    return Process.objects.using(DEFAULT_DB_ALIAS)


def _rows_with_age() -> "QuerySet[Process]":
    return _rows().annotate(age=Now() - F("at")).order_by("pk")


class Reporter(threading.Thread):
    """The thread that writes this process's row."""

    def __init__(self, kind: str) -> None:
        super().__init__(name="sse-process", daemon=True)
        self.row = _rows().model(kind=kind, host=socket.gethostname(), pid=os.getpid())
        self._stopping = threading.Event()
        self._failing: set[str] = set()
        self._grace = 0.0

    def stop(self) -> None:
        """Delete the row; returns after `STOP_TIMEOUT_SECONDS` at the latest."""
        self._stopping.set()
        self.join(STOP_TIMEOUT_SECONDS)

    def write(self) -> None:
        self.row.data, self.row.at = metrics.report(), Now()
        self.row.save(using=DEFAULT_DB_ALIAS)

    def collect(self) -> None:
        """If this is the oldest process, delete expired rows and send `collected`."""
        # The contents of all rows are many bytes.
        found = [*(_rows_with_age() if self._grace else _rows_with_age().defer("data"))]
        running = [row for row in found if not is_silent(row)]
        self._grace = GRACE_SECONDS if running[:1] == [self.row] else 0.0
        if self._grace:
            if expired := [row.pk for row in found if row.age >= timedelta(seconds=EXPIRY_SECONDS)]:
                _rows().filter(pk__in=expired).delete()
            collected.send(sender=type(self.row), rows=running)

    def run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS - time.time() % EVERY_SECONDS + self._grace):
            if self._try(self.write):
                self._try(self.collect)
            # This thread sleeps most of the time: do not occupy a connection.
            databases.close_all()
        if self.row.pk:
            self._try(self.row.delete)
            databases.close_all()

    def _try(self, call: Callable[[], object]) -> bool:
        """Return whether a call succeeds; log only the first of successive failures."""
        try:
            call()
        except Exception as error:
            if call.__name__ not in self._failing and not (migration_hint(error) or is_outage_known()):
                logger.exception("The statistics of the processes cannot be written. Trying again.")
            self._failing.add(call.__name__)
            return False
        self._failing.discard(call.__name__)
        return True


_lock = threading.Lock()
_reporter: Reporter | None = None


def start(kind: str) -> None:
    """Start writing this process's row, as `web` or `worker`; do nothing in tests or if it has one already."""
    global _reporter
    if _reporter is not None or _is_test_run():
        return
    with _lock:
        if _reporter is None:
            _reporter = Reporter(kind)
            _reporter.start()
            atexit.register(stop)


def stop() -> None:
    """Delete this process's row and stop writing it."""
    if _reporter is not None:
        _reporter.stop()


def is_running() -> bool:
    """Return whether this process writes a row."""
    return _reporter is not None and _reporter.is_alive()


def connect_signals() -> None:
    """Start with the first request that a server handles, or the first task that a worker runs."""
    request_started.connect(_on_request)
    task_started.connect(_on_task)


def _on_request(sender: type, **_: Any) -> None:
    # The handler of Django's test client is not a server's.
    if issubclass(sender, WSGIHandler | ASGIHandler):
        start("web")


def _on_task(task_result: Any, **_: Any) -> None:
    # The immediate backend runs a task in the process that enqueues it.
    if not isinstance(task_backends[task_result.backend], ImmediateBackend):
        start("worker")


def _is_test_run() -> bool:
    """Return whether Django's test environment is set up: a thread must not write to a test's database."""
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


def _reset() -> None:
    """Start a forked process without a row and without counts."""
    global _lock, _reporter
    _lock, _reporter = threading.Lock(), None
    metrics.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
