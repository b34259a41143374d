"""Imports in a worker: complete, interrupted, cancelled and retried."""

import pytest
from django.core.files.base import ContentFile
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished
from django_tasks_db.models import DBTaskResult

from apps.tasks import demo, importing, progress, work
from apps.tasks.models import Contact, Task

pytestmark = pytest.mark.django_db

FILE = "".join(demo.lines(95, bad_every=10))


@pytest.fixture(autouse=True)
def _small_batches_and_own_files(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(importing, "BATCH", 10)
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def start(ada):
    """Start the import of a text: `start("name,email\\n…")`."""

    def start_import(text=FILE, owner=ada):
        data = text.encode()
        task = Task(owner=owner, name="contacts.csv", total=len(data), file=ContentFile(data, "contacts.csv"))
        work.start(task)
        return task

    return start_import


@pytest.fixture
def before_batch(monkeypatch):
    """Call a function before a batch, counted from 1: `before_batch(3, crash)`."""
    commit, batches = work.commit, []

    def schedule(number, action):
        def interrupted(*arguments):
            batches.append(None)
            if len(batches) == number:
                action()
            return commit(*arguments)

        monkeypatch.setattr(work, "commit", interrupted)

    return schedule


def run(task):
    work.run.call(task.pk)
    task.refresh_from_db()
    return task


def crash():
    raise ZeroDivisionError


def assert_all_imported_once(task):
    assert (task.state, task.rows, task.bad, task.percent) == ("done", 95, 9, 100)
    assert Contact.objects.count() == 86


def test_an_import_saves_valid_rows_counts_the_others_and_shows_the_first_error(start, ada):
    task = run(start())
    assert_all_imported_once(task)
    assert set(Contact.objects.values_list("owner", flat=True)) == {ada.pk}
    assert progress.note(task) == "86 rows imported · 9 rows with errors · Row 10: Enter a valid email address."


def test_an_interrupted_import_is_continued_after_its_last_batch(start, before_batch):
    task = start()
    before_batch(4, crash)
    with pytest.raises(ZeroDivisionError):
        run(task)
    task.refresh_from_db()
    assert (task.state, task.rows, Contact.objects.count()) == ("running", 30, 27)
    assert_all_imported_once(run(task))


def test_after_two_seconds_the_rest_is_queued(start, monkeypatch):
    monkeypatch.setattr(work, "SLICE_SECONDS", 0)
    task = start()
    DBTaskResult.objects.all().delete()
    assert (run(task).state, task.rows) == ("running", 10)
    assert DBTaskResult.objects.get().args_kwargs["args"] == [task.pk]


def test_a_cancelled_task_stops_and_continues_after_a_retry(start, before_batch):
    task = start()
    before_batch(5, lambda: work.cancel(task))
    assert (run(task).state, task.rows) == ("cancelled", 40)
    assert work.retry(task)
    assert_all_imported_once(run(task))


def test_a_task_that_fails_in_the_queue_hides_the_details_and_can_be_retried(start):
    task, result = start(), DBTaskResult.objects.get()
    for status, state in (("SUCCESSFUL", "waiting"), ("FAILED", "failed")):
        result.status = TaskResultStatus(status)
        task_finished.send(type(result.task.get_backend()), task_result=result.task_result)
        task.refresh_from_db()
        assert task.state == state
    assert progress.note(task) == "0 rows imported · An error on the server has stopped it."
    assert work.retry(task)
    assert_all_imported_once(run(task))
