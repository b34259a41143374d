import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connection
from django.http import HttpResponse

from apps.dashboard import counters as module
from apps.dashboard import middleware, signals
from apps.dashboard.counters import KEPT, Counters
from apps.dashboard.models import BUCKET


@pytest.fixture
def counters(monkeypatch):
    """Fresh counters in the place of those of the process, at second 3 by a clock that stands still."""
    fresh = Counters()
    monkeypatch.setattr(middleware, "counters", fresh)
    monkeypatch.setattr(signals, "counters", fresh)
    monkeypatch.setattr(module.time, "time", lambda: 3.0)
    return fresh


def test_what_happens_counts_in_the_bucket_in_which_it_happens(counters, monkeypatch):
    counters.count_query()
    monkeypatch.setattr(module.time, "time", lambda: 6.5)
    counters.count_query()
    counters.count_query()
    assert {bucket: tally.queries for bucket, tally in counters.take(before=9).items()} == {3: 1, 6: 2}


def test_a_bucket_that_is_not_over_is_left(counters):
    counters.count_query()
    assert counters.take(before=3) == {}
    assert list(counters.take(before=6)) == [3]
    assert counters.take(before=6) == {}


def test_no_count_is_lost_between_threads(counters):
    with ThreadPoolExecutor(8) as threads:
        for _ in range(4000):
            threads.submit(counters.count_request, 0.005, 200)
    tally = counters.take(before=6)[3]
    assert tally.requests == sum(tally.durations.values()) == 4000


def test_counts_that_nobody_takes_do_not_pile_up(counters, monkeypatch):
    for bucket in range(KEPT + 50):
        monkeypatch.setattr(module.time, "time", lambda now=bucket * BUCKET: now)
        counters.count_query()
    assert len(counters.tallies) == KEPT


def test_a_synchronous_request_is_counted_with_its_time_and_a_server_error_as_one(counters, rf):
    for status in (200, 404, 500, 503):
        middleware.measure(lambda request, status=status: HttpResponse(status=status))(rf.get("/"))
    tally = counters.take(before=6)[3]
    assert (tally.requests, tally.errors, sum(tally.durations.values())) == (4, 2, 4)


async def test_an_asynchronous_request_is_counted_with_its_time(counters, rf):
    async def answer(request):
        return HttpResponse()

    await middleware.measure(answer)(rf.get("/"))
    tally = counters.take(before=6)[3]
    assert (tally.requests, sum(tally.durations.values())) == (1, 1)


@pytest.mark.django_db
def test_a_query_is_counted_once_however_often_its_connection_connects(counters):
    signals.count_queries_of(connection=connection)
    signals.count_queries_of(connection=connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert counters.take(before=6)[3].queries == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_starts_from_nothing_even_if_the_lock_was_held():
    counting = module.counters
    counting.count_query()
    with counting.lock:
        child = os.fork()
        if child == 0:
            free = counting.lock.acquire(timeout=1)
            os._exit(0 if free and not counting.tallies else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_task_counts_as_running_until_it_is_finished(counters, monkeypatch):
    monkeypatch.setattr(signals.sampler, "start", lambda kind: None)
    signals.begin_task(SimpleNamespace(backend="default"))
    assert counters.running == 1
    signals.finish_task()
    assert counters.running == 0


def test_a_test_client_is_not_sampled(client, monkeypatch):
    monkeypatch.setattr(signals.sampler, "start", lambda kind: pytest.fail("the sampler was started"))
    client.get("/no-such-page/")


@pytest.mark.parametrize(
    ("command", "debug", "watched", "expected"),
    [
        ("db_worker", False, False, True),
        ("db_worker", True, False, False),
        ("db_worker", True, True, True),
        ("db_worker --no-reload", True, False, True),
        ("db_worker --reload", False, False, False),
        ("migrate", True, False, False),
    ],
)
def test_a_task_worker_is_measured_and_the_process_that_watches_its_code_is_not(
    monkeypatch, settings, command, debug, watched, expected
):
    settings.DEBUG = debug
    monkeypatch.setattr("sys.argv", ["manage.py", *command.split()])
    monkeypatch.setenv("RUN_MAIN", "true" if watched else "")
    assert signals.is_task_worker() is expected
