"""
Answers `/health/live` if this process runs, and `/health/ready` if it can serve.

The middleware comes first, so that both paths answer plain HTTP and any host name. Reasons and the waiting time
of background tasks need `METRICS_TOKEN`. A web server is ready even if tasks are waiting.
"""

import hmac
import logging
import tempfile
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from apps.sse.brokers import get_broker
from apps.sse.databases import is_outage_known, release_connections

from .task_queue import waiting_tasks

LIVE, READY = "/health/live", "/health/ready"
CACHE_SECONDS = 1.0
# Less than a load balancer waits.
ANSWER_SECONDS = 0.8
# More than SQLite writes in a small transaction.
DISK_BYTES = 64 * 1024

logger = logging.getLogger(__name__)


def answer(get_response):
    """Answer requests for the two paths."""

    def middleware(request):
        return respond(request) if request.path_info in (LIVE, READY) else get_response(request)

    return middleware


def respond(request: HttpRequest) -> HttpResponse:
    """Return 200, or 503 if the process cannot serve."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    is_ready = request.path_info == READY
    problems = readiness.problems() if is_ready else {}
    response = HttpResponse("unavailable\n" if problems else "ok\n", content_type="text/plain")
    if has_token(request):
        tasks = {"tasks": None if "database" in problems else readiness.tasks} if is_ready else {}
        response = JsonResponse({"problems": problems, **tasks})
    response.status_code = 503 if problems else 200
    response.headers["Cache-Control"] = "no-store"
    # Django would log each response. `Readiness` logs each problem once.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def has_token(request: HttpRequest) -> bool:
    """Return whether `METRICS_TOKEN` is set and is the bearer token of the request."""
    token = getattr(settings, "METRICS_TOKEN", "")
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


class Readiness:
    """The reasons why this process cannot serve, checked in a thread and at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._problems: dict[str, str] = {}
        self._checked_at = 0.0
        self._is_migrated = False
        # Those of the queue, with their waiting time.
        self.tasks: dict[str, float] | None = None

    def problems(self) -> dict[str, str]:
        """
        Return the reason for each of `disk`, `database`, `migrations` and `broker` that fails.

        If the checks take longer than `ANSWER_SECONDS`, the reason is that something does not answer.
        """
        with self._lock:
            if self._thread is None and time.monotonic() - self._checked_at >= CACHE_SECONDS:
                self._thread = threading.Thread(target=self._check, name="readiness", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread:
            thread.join(ANSWER_SECONDS)
            if thread.is_alive():
                return {"database": f"no answer within {ANSWER_SECONDS} s"}
        return self._problems

    def _check(self) -> None:
        found = self.find()
        if found and found != self._problems and not is_outage_known():
            logger.warning("Not ready: %s", "; ".join(f"{name}: {why}" for name, why in found.items()))
        self.tasks = None if "database" in found else waiting_tasks()
        release_connections()
        self._problems, self._checked_at, self._thread = found, time.monotonic(), None

    def find(self) -> dict[str, str]:
        """Check in this thread; return the reasons."""
        found = reasons({"disk": check_disk, "database": check_database})
        if "database" in found:
            self._is_migrated = False
            return found
        return found | reasons({"migrations": self._check_migrations, "broker": check_broker})

    def _check_migrations(self) -> str:
        # Reading all migrations is slow, so they are read until none is missing.
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                return f"{len(plan)} not applied, first {plan[0][0]}"
            self._is_migrated = True
        return ""


def reasons(checks) -> dict[str, str]:
    """Run the checks and return the reasons of those that fail, by return value or exception."""
    found = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return {name: reason for name, reason in found.items() if reason}


def check_disk() -> str:
    """Write to the data folder and to the folder of SQLite's file; return the reason if that fails."""
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


def check_database() -> str:
    """Return a reason if the database is read-only; raises if it does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only" if connection.vendor == "postgresql" else "SELECT 'off'")
        return "" if cursor.fetchone() == ("off",) else "it is read-only"


def check_broker() -> str:
    """Read the newest event of the log; raises if that fails."""
    get_broker().tail(1)
    return ""


readiness = Readiness()
