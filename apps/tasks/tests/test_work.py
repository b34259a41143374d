import os
import signal
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.tasks import example, exporting, importing, life, progress
from apps.tasks import work as working
from apps.tasks.downloads import errors_of, file_of
from apps.tasks.models import Contact, RowError, Task
from apps.tasks.stopping import told_to_stop
from apps.tasks.words import note
from apps.tasks.work import run

pytestmark = pytest.mark.django_db

FILE = "".join(example.lines(95, bad_every=10))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 10)
    monkeypatch.setattr(exporting, "BATCH", 10)


@pytest.fixture
def interrupt(monkeypatch):
    """Let something happen before the given batches, counted from 1: `interrupt(callable, 3)`."""
    commit, batches = working.commit, []

    def schedule(action, *numbers):
        def interrupted(*arguments):
            batches.append(None)
            if len(batches) in numbers:
                action()
            commit(*arguments)

        monkeypatch.setattr(working, "commit", interrupted)

    return schedule


def die():
    raise OperationalError("the database is gone")


def fall_silent(task):
    Task.objects.filter(pk=task.pk).update(beat_at=timezone.now() - life.SILENCE)


def assert_all_is_there_once():
    task = Task.objects.get(kind=Task.Kind.IMPORT)
    assert (task.state, task.rows, task.bad, task.percent) == ("done", 95, 9, 100)
    assert Contact.objects.count() == 86
    assert [error.line for error in RowError.objects.order_by("line")] == [11, 21, 31, 41, 51, 61, 71, 81, 91]


def test_an_import_takes_every_good_row_and_reports_every_bad_one(import_of, work, ada):
    work(import_of(FILE))
    assert_all_is_there_once()
    assert set(Contact.objects.values_list("owner", flat=True)) == {ada.pk}


def test_an_interrupted_import_goes_on_where_its_last_batch_ended(import_of, work, interrupt):
    task = import_of(FILE)
    interrupt(die, 3, 6)
    with pytest.raises(OperationalError):
        work(task)
    task.refresh_from_db()
    assert (task.state, task.rows) == ("running", 20)
    fall_silent(task)
    with pytest.raises(OperationalError):
        run.call(task.pk)
    fall_silent(task)
    run.call(task.pk)
    assert_all_is_there_once()


def test_a_batch_that_fails_in_the_middle_leaves_nothing_behind(import_of, work, monkeypatch):
    store = RowError.objects.bulk_create
    failures = iter([die])
    monkeypatch.setattr(RowError.objects, "bulk_create", lambda rows: next(failures, lambda: store(rows))())
    task = import_of(FILE)
    with pytest.raises(OperationalError):
        work(task)
    assert Contact.objects.count() == 0
    fall_silent(task)
    run.call(task.pk)
    assert_all_is_there_once()


def test_a_task_that_gives_signs_of_life_is_not_claimed_again(import_of):
    task = import_of(FILE)
    life.start(task)
    assert life.claim(task.pk) is not None
    assert life.claim(task.pk) is None
    Task.objects.update(beat_at=timezone.now() - life.SILENCE + timedelta(seconds=1))
    assert life.claim(task.pk) is None
    fall_silent(task)
    assert life.claim(task.pk) is not None


def test_every_batch_is_a_sign_of_life(import_of, work, interrupt):
    task, answers = import_of(FILE), []
    interrupt(lambda: fall_silent(task), 2)
    commit = working.commit
    working.commit = lambda *arguments: (commit(*arguments), answers.append(life.claim(task.pk)))
    assert work(task).state == "done"
    assert answers == [None] * 10


def test_whoever_has_lost_a_task_writes_no_more_of_it(import_of, interrupt):
    task = import_of(FILE)
    life.start(task)

    def somebody_else_claims_it():
        fall_silent(task)
        assert life.claim(task.pk)

    interrupt(somebody_else_claims_it, 4)
    run.call(task.pk)
    task.refresh_from_db()
    assert (task.state, task.rows, Contact.objects.count()) == ("running", 30, 27)


def test_a_task_that_is_at_an_end_is_not_claimed(import_of, work):
    task = work(import_of(FILE))
    assert life.claim(task.pk) is None
    assert life.claim(10**30) is None


def test_a_cancelled_task_stops_at_once_and_goes_on_when_it_is_retried(import_of, work, interrupt):
    task = import_of(FILE)
    interrupt(lambda: life.cancel(task), 5)
    assert (work(task).state, task.rows) == ("cancelled", 40)
    assert life.retry(task)
    run.call(task.pk)
    assert_all_is_there_once()


def test_a_deleted_task_stops_its_worker_quietly(import_of, work, interrupt):
    task = import_of(FILE)
    interrupt(lambda: Task.objects.filter(pk=task.pk).delete(), 2)
    life.start(task)
    run.call(task.pk)
    assert Contact.objects.count() == 9


def test_a_worker_that_is_told_to_stop_gives_the_task_back_after_its_batch(import_of, work, interrupt):
    task = import_of(FILE)
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *arguments: heard.append(arguments))
    try:
        interrupt(lambda: os.kill(os.getpid(), signal.SIGTERM), 3)
        assert (work(task).state, task.rows, len(heard)) == ("waiting", 30, 1)
    finally:
        signal.signal(signal.SIGTERM, before)
    run.call(task.pk)
    assert_all_is_there_once()


def test_a_thread_that_is_not_the_main_one_is_never_told_to_stop():
    answers = []

    def ask():
        with told_to_stop() as stopping:
            answers.append(stopping())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [False]


def test_an_error_ends_the_task_and_is_not_told_to_its_owner(import_of, work, monkeypatch):
    def break_down(*arguments):
        raise ZeroDivisionError("secret")

    task = import_of(FILE)
    monkeypatch.setattr(importing, "write", break_down)
    with pytest.raises(ZeroDivisionError):
        work(task)
    task.refresh_from_db()
    assert task.state == "failed"
    assert "secret" not in note(task)
    monkeypatch.undo()
    assert life.retry(task)
    run.call(task.pk)
    task.refresh_from_db()
    assert task.state == "done"


def test_an_import_of_nothing_but_errors_stops_and_says_what_to_do(
    import_of, work, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr("apps.tasks.models.MOST_ERRORS", 30)
    task = import_of("name,email\n" + "a\n" * 1000)
    name, storage = task.file.name, task.file.storage
    with django_capture_on_commit_callbacks(execute=True):
        work(task)
    assert (task.state, task.bad, task.errors.count()) == ("failed", 30, 30)
    assert (
        note(task) == "0 contacts imported · 30 rows with errors · stopped: correct the file and upload it again"
    )
    assert not storage.exists(name)
    assert not task.can_be_retried
    assert not life.retry(task)


def test_a_hundred_percent_is_kept_for_the_end():
    assert Task(state="running", total=10, done=10).percent == 99
    assert Task(state="done", total=10, done=10).percent == 100
    assert Task(state="waiting").percent == 0


def test_a_task_that_ends_every_worker_is_given_up(import_of):
    task = import_of(FILE)
    life.start(task)
    for _ in range(life.MOST_TRIES):
        assert life.claim(task.pk)
        fall_silent(task)
    assert life.claim(task.pk) is None
    task.refresh_from_db()
    assert task.state == "failed"
    assert life.retry(task)
    assert life.claim(task.pk) is not None


def test_an_address_is_taken_once_within_a_file_and_across_files(import_of, work):
    work(import_of("name,email\nAda,a@example.com\nAda again,A@example.com\n"))
    second = work(import_of("name,email\nAda,a@example.com\nGrace,g@example.com\n"))
    assert [contact.name for contact in Contact.objects.order_by("pk")] == ["Ada", "Grace"]
    assert [(error.line, error.reason) for error in second.errors.all()] == [
        (2, "A contact with this email address already exists.")
    ]


def test_contacts_of_others_do_not_count(import_of, work, grace):
    work(import_of("name,email\nAda,a@example.com\n"))
    assert work(import_of("name,email\nAda,a@example.com\n", owner=grace)).bad == 0


def test_the_file_is_deleted_once_it_is_imported(import_of, work, django_capture_on_commit_callbacks):
    task = import_of(FILE)
    name, storage = task.file.name, task.file.storage
    assert storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        work(task)
    assert not storage.exists(name)
    assert not task.file


def test_files_go_with_their_owner(import_of, ada, django_capture_on_commit_callbacks):
    task = import_of(FILE)
    with django_capture_on_commit_callbacks(execute=True):
        ada.delete()
    assert not task.file.storage.exists(task.file.name)


def test_a_new_draft_takes_the_place_of_the_last_one(import_of, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = import_of(FILE)
        second = import_of(FILE)
    assert list(Task.objects.all()) == [second]
    assert not first.file.storage.exists(first.file.name)


def test_errors_are_a_file_with_line_reason_and_row(import_of, work):
    task = work(import_of('name,email\n=cmd,x\n"Open,b@example.com\n'))
    assert b"".join(errors_of(task)).decode().split("\r\n") == [
        "line,reason,row",
        '2,The email address is not valid.,"\'=cmd,x"',
        '3,A quotation mark is not closed.,"""Open,b@example.com"',
        "",
    ]


@pytest.mark.parametrize("row", ["\t=cmd,x", " =cmd,x", "\uff1dcmd,x", "x;=cmd", "x,=cmd", 'x,"=cmd"'])
def test_no_row_in_the_file_of_errors_is_a_formula(import_of, work, row):
    task = work(import_of(f"name,email\n{row}\n"))
    text = b"".join(errors_of(task)).decode()
    assert "'" in text.split("=")[0].split("\uff1d")[0], text


def test_an_export_can_be_imported_by_somebody_else_and_is_the_same(import_of, export_of, work, ada, grace):
    work(import_of(FILE.replace("Example 7 Ltd", "=Example")))
    exported = work(export_of(ada))
    assert (exported.state, exported.rows, exported.percent) == ("done", 86, 100)
    text = file_of(exported, "contacts.csv").getvalue().decode()
    assert ",'=Example," in text
    copied = work(import_of(text, owner=grace))
    assert (copied.rows, copied.bad) == (86, 0)
    values = ["email", "name", "company", "phone", "city"]
    assert list(ada.contacts.values_list(*values)) == list(grace.contacts.values_list(*values))


def test_an_export_that_was_cut_off_in_a_batch_has_every_row_once(import_of, export_of, work, ada, interrupt):
    work(import_of(FILE))
    whole = file_of(work(export_of(ada)), "contacts.csv").getvalue()
    task = export_of(ada)
    interrupt(die, 4)
    with pytest.raises(OperationalError):
        work(task)
    task.refresh_from_db()
    with open(task.file.path, "ab") as file:
        file.write(b"half a batch that was never comm")
    fall_silent(task)
    run.call(task.pk)
    task.refresh_from_db()
    assert file_of(task, "contacts.csv").getvalue() == whole


def test_progress_is_told_twice_a_second_at_most(import_of, work, monkeypatch):
    told = []
    monkeypatch.setattr(progress, "tell", lambda task: told.append(task.rows))
    clock = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock) * 0.1)
    work(import_of(FILE))
    assert 1 < len(told) < 6
    assert told == sorted(told)
