"""The task of a dead worker is run by another one, or fails."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.tasks import task
from django.tasks.signals import task_finished
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from apps.operations import watchdog

leases = []


@task
def note_lease():
    running = DBTaskResult.objects.running().get()
    leases.append(running.run_after - running.started_at)


@pytest.fixture
def running(db):
    """Enqueue and claim a task whose lease has expired."""

    def claim(times=1):
        note_lease.enqueue()
        result = DBTaskResult.objects.get()
        for number in range(times):
            result.claim(f"worker-{number}")
        DBTaskResult.objects.update(run_after=timezone.now() - timedelta(seconds=1))
        return result

    return claim


def status():
    return DBTaskResult.objects.get().status


def test_a_task_with_an_expired_lease_is_queued_again(running):
    running()
    watchdog.requeue_expired()
    assert DBTaskResult.objects.ready().exists()


def test_a_task_with_a_renewed_lease_keeps_its_worker(running):
    watchdog.renew(running().pk)
    watchdog.requeue_expired()
    assert status() == "RUNNING"


def test_a_task_that_kills_every_worker_fails_and_its_app_is_notified(running):
    finished = []

    def on_finished(task_result, **kwargs):
        finished.append((task_result.status, task_result.errors[0].traceback))

    task_finished.connect(on_finished)
    running(times=watchdog.MAX_ATTEMPTS)
    watchdog.requeue_expired()
    task_finished.disconnect(on_finished)
    assert finished == [("FAILED", "ChildProcessError: Its worker has died 5 times.\n")]
    assert status() == "FAILED"


@pytest.mark.django_db(transaction=True)
def test_a_worker_takes_a_lease_when_it_claims_a_task():
    note_lease.enqueue()
    call_command("db_worker", batch=True, interval=0, startup_delay=False, reload=False)
    assert leases == [pytest.approx(watchdog.LEASE, abs=timedelta(seconds=1))]
