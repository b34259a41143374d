"""
The processes of a site: each has one row, written every few seconds, and readers sum the rows.

A process has a row from the first request of its server, or the first task of its worker, until it ends. A
management command has none, except for a worker's that calls `start("worker")`.
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

from ..db.errors import migration_hint
from . import process_stats

if TYPE_CHECKING:
    from ..models import Process

EVERY_SECONDS = 3
# The time that all processes have to write their rows before they are collected.
GRACE_SECONDS = 0.5
# A process that has not written for this long was killed or hangs; after `FORGET_SECONDS` its row is deleted.
SILENT_SECONDS = 10
FORGET_SECONDS = 300
# A process that ends waits no longer than this for the deletion of its row.
LEAVE_SECONDS = 1.0

# Sent in the oldest process alone, in a thread of its own, every time that the processes have written their rows.
collected = Signal()

logger = logging.getLogger("apps.sse")


def rows() -> "list[Process]":
    """Return the row of each process, oldest first; `age` is the time since it was written."""
    return list(_rows().annotate(age=Now() - F("at")).order_by("pk"))


def is_silent(row: "Process") -> bool:
    """Return whether the process of a row was killed or hangs."""
    return row.age >= timedelta(seconds=SILENT_SECONDS)


def _rows() -> "QuerySet[Process]":
    # The library is imported before models can be.
    from ..models import Process

    return Process.objects.using(DEFAULT_DB_ALIAS)


class Reporter(threading.Thread):
    """The thread that writes this process's row."""

    def __init__(self, kind: str) -> None:
        super().__init__(name="sse-process", daemon=True)
        self.row = _rows().model(kind=kind, host=socket.gethostname(), pid=os.getpid())
        self._is_over = threading.Event()
        self._failing: set[str] = set()

    def stop(self) -> None:
        """Delete the row; returns when that is done, after `LEAVE_SECONDS` at the latest."""
        self._is_over.set()
        self.join(LEAVE_SECONDS)

    def write(self) -> None:
        """Write the row."""
        self.row.data, self.row.at = process_stats.report(), Now()
        self.row.save(using=DEFAULT_DB_ALIAS)

    def collect(self) -> None:
        """Do what one process does for all, if this is the oldest one."""
        written = _rows().filter(at__gt=Now() - timedelta(seconds=SILENT_SECONDS))
        if written.order_by("pk").values_list("pk", flat=True).first() == self.row.pk:
            _rows().filter(at__lt=Now() - timedelta(seconds=FORGET_SECONDS)).delete()
            collected.send(sender=type(self.row))

    def run(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS - time.time() % EVERY_SECONDS):
            if self._try(self.write) and not self._is_over.wait(GRACE_SECONDS):
                self._try(self.collect)
        if self.row.pk:
            self._try(self.row.delete)

    def _try(self, call: Callable[[], object]) -> bool:
        """Do something with the database; a failure is logged when it begins, not at each repetition."""
        try:
            call()
        except Exception as error:
            if call.__name__ not in self._failing and not migration_hint(error):
                logger.exception("The statistics of the processes cannot be written. The next try follows.")
            self._failing.add(call.__name__)
            return False
        finally:
            # The thread is asleep most of the time: a connection would only be held from others.
            databases.close_all()
        self._failing.discard(call.__name__)
        return True


_lock = threading.Lock()
_reporter: Reporter | None = None


def start(kind: str) -> None:
    """Have a row for this process from now on, as `web` or `worker`; nothing if it has one, or runs tests."""
    global _reporter
    if _reporter is not None or _is_test_run():
        return
    with _lock:
        if _reporter is None:
            _reporter = Reporter(kind)
            _reporter.start()
            atexit.register(leave)


def leave() -> None:
    """Delete this process's row, since the process ends."""
    if _reporter is not None:
        _reporter.stop()


def is_counted() -> bool:
    """Return whether this process has a row."""
    return _reporter is not None and _reporter.is_alive()


def watch() -> None:
    """Have a row for this process as soon as it serves a request or runs a task of others."""
    request_started.connect(_serve)
    task_started.connect(_run_task)


def _serve(sender: type, **_: Any) -> None:
    # A test client has a handler of its own.
    if issubclass(sender, WSGIHandler | ASGIHandler):
        start("web")


def _run_task(task_result: Any, **_: Any) -> None:
    # A process that runs its own tasks at once is no worker.
    if not isinstance(task_backends[task_result.backend], ImmediateBackend):
        start("worker")


def _is_test_run() -> bool:
    """Return whether Django's test environment is set up: a thread must not write into a test's database."""
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


def _forget() -> None:
    """Have no row in a forked process before it serves."""
    global _lock, _reporter
    _lock, _reporter = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
