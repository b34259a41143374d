"""A process has a row while it serves or works."""

import logging
from datetime import timedelta
from types import SimpleNamespace

import psutil
import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import F
from django.tasks import task

from apps.sse.models import Process
from apps.sse.stats import metrics, processes
from apps.sse.stats.processes import Reporter
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(processes, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.01)


@pytest.fixture
def reporter():
    reporter = Reporter("web")
    yield reporter
    if reporter.is_alive():
        reporter.stop()


def age_rows(seconds):
    Process.objects.update(at=F("at") - timedelta(seconds=seconds))


def test_a_process_has_one_row_until_it_stops(reporter):
    metrics.count("orders")
    reporter.start()
    first = wait_until(lambda: Process.objects.first())
    assert first.data["counts"]["orders"] >= 1
    wait_until(lambda: Process.objects.get().at > first.at)
    [row] = processes.rows()
    assert (row.pk, row.kind, row.age < timedelta(seconds=2)) == (first.pk, "web", True)
    reporter.stop()
    assert processes.rows() == []


def test_a_row_that_is_not_updated_is_silent_then_deleted_by_the_oldest_process_and_can_be_written_again(reporter):
    other = Reporter("worker")
    other.write()
    reporter.write()
    age_rows(processes.SILENT_SECONDS)
    reporter.write()
    assert [processes.is_silent(row) for row in processes.rows()] == [True, False]
    reporter.collect()
    assert len(processes.rows()) == 2
    age_rows(processes.EXPIRY_SECONDS)
    reporter.write()
    reporter.collect()
    assert [row.pk for row in processes.rows()] == [reporter.row.pk]
    other.write()
    assert [row.kind for row in processes.rows()] == ["worker", "web"]


def test_the_oldest_process_sends_collected_and_the_next_one_after_its_end(reporter):
    first, received = Reporter("web"), []
    receiver = lambda rows, **_: received.append([(row.pk, row.data["counts"]) for row in rows])  # noqa: E731
    processes.collected.connect(receiver)
    for each in (first, reporter):
        each.write()
    reporter.collect()
    assert received == []
    first.collect()
    both = [(each.row.pk, each.row.data["counts"]) for each in (first, reporter)]
    assert received == [both]
    first.collect()
    assert received == [both, both]
    age_rows(processes.SILENT_SECONDS)
    reporter.write()
    reporter.collect()
    assert [pk for pk, counts in received.pop()] == [reporter.row.pk]


def test_a_failure_is_logged_once_and_the_row_is_written_when_the_database_is_back(reporter, monkeypatch, caplog):
    write = Process.save

    def fail(*arguments, **options):
        raise OperationalError("the database is down")

    monkeypatch.setattr(Process, "save", fail)
    reporter.start()
    wait_until(lambda: caplog.records)
    monkeypatch.setattr(Process, "save", write)
    wait_until(processes.rows)
    assert [record.levelname for record in caplog.records if record.levelno >= logging.ERROR] == ["ERROR"]


def test_a_receiver_of_collected_that_fails_is_logged_once_and_rows_are_still_written(reporter, caplog):
    tried = []

    def fail(**_):
        tried.append(1)
        raise OperationalError("the database is down")

    processes.collected.connect(fail)
    reporter.start()
    wait_until(lambda: len(tried) > 2)
    processes.collected.disconnect(fail)
    assert len(processes.rows()) == 1
    assert [record.levelname for record in caplog.records if record.levelno >= logging.ERROR] == ["ERROR"]


@task
def nothing():
    pass


def test_a_process_that_runs_tests_never_has_a_row(monkeypatch, client):
    monkeypatch.setattr(Reporter, "start", lambda reporter: pytest.fail("a row was written"))
    client.get("/no-such-page/")
    processes._on_request(sender=processes.ASGIHandler)
    nothing.enqueue()
    call_command("db_worker", batch=True, interval=0, startup_delay=False, reload=False)
    assert not processes.is_running()


@pytest.fixture
def kinds(monkeypatch):
    """The kinds of row that this process has started."""
    started = []
    monkeypatch.setattr(processes, "start", started.append)
    return started


def test_the_handlers_of_a_server_start_a_row_and_the_test_clients_do_not(kinds, client):
    client.get("/no-such-page/")
    assert kinds == []
    for handler in (processes.ASGIHandler, processes.WSGIHandler):
        processes._on_request(sender=handler)
    assert kinds == ["web", "web"]


def test_a_process_that_runs_queued_tasks_is_a_worker(kinds):
    processes._on_task(SimpleNamespace(backend="immediate"))
    assert kinds == []
    processes._on_task(SimpleNamespace(backend="default"))
    assert kinds == ["worker"]


def test_the_memory_in_use_is_that_of_the_container_without_its_cache_or_that_of_the_machine(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(metrics, "CONTAINER", tmp_path)
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert metrics.memory_share() == 0.8
    (tmp_path / "memory.max").write_text("max\n")
    assert metrics.memory_share() == pytest.approx(psutil.virtual_memory().percent / 100, abs=0.05)
