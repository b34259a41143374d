"""
Whether this process lives (`/health/live`) and can serve (`/health/ready`).

The middleware stands first, so that a question from inside, by plain http and to whatever host name,
is answered. A stranger hears yes or no; who shows `METRICS_TOKEN` hears what is missing, and how long
background tasks have been waiting: where no worker takes them, web servers go on all the same.
"""

import hmac
import logging
import threading
import time
from collections.abc import Callable

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Case, Count, Min, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from apps.sse.brokers import get_broker

LIVE, READY = "/health/live", "/health/ready"
# Whoever asks more often hears the same again, so that asking costs next to nothing.
KEPT_SECONDS = 1.0

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

    def problems(self) -> dict[str, str]:
        """Return what is missing: `database`, `migrations` or `broker`, each with the reason."""
        with self._lock:
            if time.monotonic() - self._looked_at >= KEPT_SECONDS:
                found = self._look()
                if found and found != self._problems:
                    logger.warning("Not ready: %s", "; ".join(f"{what}: {why}" for what, why in found.items()))
                self._problems, self._looked_at = found, time.monotonic()
            return self._problems

    def _look(self) -> dict[str, str]:
        checks: dict[str, Callable[[], str]] = {
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

    def _missing_migrations(self) -> str:
        """Return which are missing. Once there are none they are not looked for again: it takes a while."""
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                return f"{len(plan)} are missing, {plan[0][0]} first"
            self._is_migrated = True
        return ""


def ask_database() -> str:
    """Ask the database something; raises if it does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def ask_broker() -> str:
    """Read the newest event of the log; raises if it cannot be read."""
    get_broker().tail(1)
    return ""


def waiting_tasks() -> dict[str, float] | None:
    """
    Return how many background tasks are due, and for how many seconds the first of them has been.

    More than a minute: no worker is there, or too few are. None where there is no queue, or no telling.
    """
    if not apps.is_installed("django_tasks_db"):
        return None
    from django_tasks_db.models import DBTaskResult

    now = timezone.now()
    # What is to run at once has a moment far in the future.
    due_since = Case(When(run_after__gt=now, then="enqueued_at"), default="run_after")
    try:
        due = DBTaskResult.objects.ready().aggregate(waiting=Count("pk"), since=Min(due_since))
    except Error:
        return None
    return {
        "waiting": due["waiting"],
        "seconds": round((now - (due["since"] or now)).total_seconds(), 1),
    }


readiness = Readiness()
