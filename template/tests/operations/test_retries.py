"""A task waits while the mail server or the database is away, and ends when it is back."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.tasks import task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from apps.operations import mail, retries
from template.tests.operations.mail_server import mail_server

pytestmark = pytest.mark.django_db(transaction=True)
calls = []
errors = []


@task
def work():
    calls.append(1)
    if errors:
        raise errors.pop()


@pytest.fixture(autouse=True)
def _clean():
    calls.clear()
    errors.clear()


@pytest.fixture
def server(settings):
    with mail_server() as server:
        options = {"host": "127.0.0.1", "port": server.server_address[1], "timeout": 0.3}
        backend = "django.core.mail.backends.smtp.EmailBackend"
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        settings.MAIL_TASKS = "default"
        yield server


def run_worker():
    call_command("db_worker", batch=True, interval=0, startup_delay=False, reload=False)


def let_time_pass():
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


def states():
    return sorted(DBTaskResult.objects.values_list("status", flat=True))


def test_the_queue_sends_mail_through_a_server(server):
    mail.enqueue("Hi", "text", "<p>text", ["ada@example.com"])
    run_worker()
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", ["hang", "421 Busy"])
def test_a_mail_waits_for_the_server_and_is_sent_once(server, answer):
    server.answer = answer
    mail.enqueue("Hi", "text", "<p>text", ["ada@example.com"], has_code=True)
    run_worker()
    waiting = DBTaskResult.objects.get()
    assert waiting.status == "READY"
    assert waiting.return_value["attempts"] == 1
    assert "server" in waiting.return_value["waits_for"]
    assert waiting.worker_ids == []
    server.answer = ""
    let_time_pass()
    run_worker()
    assert states() == ["SUCCESSFUL"]
    assert len(server.mails) == 1


def test_a_refused_connection_is_tried_again(server):
    server.shutdown()
    server.server_close()
    mail.enqueue("Hi", "text", "<p>text", ["ada@example.com"])
    run_worker()
    assert states() == ["READY"]


def test_a_permanent_refusal_is_not_tried_again(server):
    server.answer = "550 No"
    mail.enqueue("Hi", "text", "<p>text", ["ada@example.com"])
    run_worker()
    assert states() == ["FAILED"]
    assert server.connections == 1


def test_mails_that_wait_do_not_hold_other_tasks(server):
    server.answer = "hang"
    for _number in range(20):
        mail.enqueue("Hi", "text", "<p>text", ["ada@example.com"])
    work.enqueue()
    run_worker()
    assert calls == [1]
    assert server.connections <= 2
    assert states().count("READY") == 20


def test_a_task_that_loses_the_database_is_run_again():
    errors.append(OperationalError("server closed the connection unexpectedly"))
    errors[0].__cause__ = type("OperationalError", (Exception,), {"sqlstate": "57P01"})()
    work.enqueue()
    run_worker()
    assert states() == ["READY"]
    let_time_pass()
    run_worker()
    assert states() == ["SUCCESSFUL"]
    assert calls == [1, 1]


def test_an_outage_of_more_than_fifteen_minutes_fails_a_task():
    errors.extend([TimeoutError(), TimeoutError()])
    work.enqueue()
    run_worker()
    assert states() == ["READY"]
    early = timezone.now() - retries.GIVE_UP_AFTER - timedelta(seconds=1)
    DBTaskResult.objects.update(return_value={"since": early.isoformat(), "attempts": 20})
    let_time_pass()
    run_worker()
    assert states() == ["FAILED"]


def test_an_error_of_the_task_itself_fails_at_once():
    errors.append(ValueError("wrong"))
    work.enqueue()
    run_worker()
    assert states() == ["FAILED"]
