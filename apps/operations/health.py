"""
Whether this process lives (`/health/live`) and can serve (`/health/ready`).

The middleware stands first, so that a question from inside, by plain http and to whatever host name,
is answered. A stranger hears yes or no; who shows `METRICS_TOKEN` hears what is missing, and how long
background tasks have been waiting: where no worker takes them, web servers go on all the same.
"""

import hmac
import logging
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from apps.sse.brokers import get_broker

from .task_queue import waiting_tasks

LIVE, READY = "/health/live", "/health/ready"
# Whoever asks more often hears the same again, so that asking costs next to nothing.
KEPT_SECONDS = 1.0
DISK_KEPT_SECONDS = 10.0
# More than SQLite needs for a small transaction.
DISK_BYTES = 64 * 1024

logger = logging.getLogger(__name__)


@sync_and_async_middleware
def answer(get_response):
    """Answer the two questions, and pass everything else on."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            if request.path_info not in (LIVE, READY):
                return await get_response(request)
            return await sync_to_async(respond)(request) if request.path_info == READY else respond(request)

    else:

        def middleware(request):
            return respond(request) if request.path_info in (LIVE, READY) else get_response(request)

    return middleware


def respond(request: HttpRequest) -> HttpResponse:
    """Return 200 or 503."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    found = readiness.problems() if request.path_info == READY else {}
    status = 503 if found else 200
    if is_known(request):
        told: dict[str, object] = {"problems": found}
        if request.path_info == READY:
            told["tasks"] = None if "database" in found else waiting_tasks()
        response: HttpResponse = JsonResponse(told, status=status)
    else:
        response = HttpResponse("unavailable\n" if found else "ok\n", status=status, content_type="text/plain")
    response.headers["Cache-Control"] = "no-store"
    # Said once, below, and not for each question.
    response._has_been_logged = True
    return response


def is_known(request: HttpRequest) -> bool:
    """Say whether a request shows `METRICS_TOKEN`, if there is one, as a bearer token."""
    token = getattr(settings, "METRICS_TOKEN", "")
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


class Readiness:
    """What keeps this process from serving, looked at anew once a second at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._problems: dict[str, str] = {}
        self._is_migrated = False
        self._disk_tried_at = 0.0
        self._disk_problem = ""

    def problems(self) -> dict[str, str]:
        """Return what is missing: `disk`, `database`, `migrations` or `broker`, each with the reason."""
        with self._lock:
            if time.monotonic() - self._looked_at >= KEPT_SECONDS:
                found = self._look()
                if found and found != self._problems:
                    logger.warning("Not ready: %s", "; ".join(f"{what}: {why}" for what, why in found.items()))
                self._problems, self._looked_at = found, time.monotonic()
            return self._problems

    def _look(self) -> dict[str, str]:
        checks: dict[str, Callable[[], str]] = {
            "disk": self._full_disk,
            "database": ask_database,
            "migrations": self._missing_migrations,
            "broker": ask_broker,
        }
        found = {}
        for what, check in checks.items():
            try:
                why = check()
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
            if why:
                found[what] = why
                if what == "database":
                    self._is_migrated = False
                    break
        return found

    def _full_disk(self) -> str:
        """Return why nothing can be written to the disk. It is tried once in a while, since it costs a write."""
        if time.monotonic() - self._disk_tried_at >= DISK_KEPT_SECONDS:
            self._disk_problem = try_disk()
            self._disk_tried_at = time.monotonic()
        return self._disk_problem

    def _missing_migrations(self) -> str:
        """Return which are missing. Once there are none they are not looked for again: it takes a while."""
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                return f"{len(plan)} not applied, first {plan[0][0]}"
            self._is_migrated = True
        return ""


def try_disk() -> str:
    """Write to the data folder, and to that of SQLite's file, and return why that fails, "" if it does not."""
    folders = {settings.DATA_DIR}
    if connection.vendor == "sqlite":
        folders.add(Path(connection.settings_dict["NAME"]).parent)
    try:
        for folder in folders:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                file.write(bytes(DISK_BYTES))
    except OSError as error:
        return f"{error.strerror}: {folder}"
    return ""


def ask_database() -> str:
    """Return why the database cannot be written to, "" if it can; raises if it does not answer."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only" if is_postgresql else "SELECT 'off'")
        return "" if cursor.fetchone() == ("off",) else "it is read-only"


def ask_broker() -> str:
    """Read the newest event of the log; raises if it cannot be read."""
    get_broker().tail(1)
    return ""


readiness = Readiness()
