"""Edge cases of tasks: files with late errors, limits, the admin, demo data and pagination."""

# ruff: noqa: F401, F811

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

pytest.importorskip("apps.tasks.work")

from apps.tasks import demo, forms, importing, progress, work
from apps.tasks.models import Contact, Task
from apps.tasks.tests.test_pages import PROGRESS, signed_in, task, upload
from apps.tasks.tests.test_work import (
    _small_batches_and_own_files,
    assert_all_imported_once,
    before_batch,
    crash,
    run,
    start,
)

pytestmark = pytest.mark.django_db


def test_a_failed_batch_is_rolled_back(start, monkeypatch):
    monkeypatch.setattr(progress, "publish_progress", lambda task: crash())
    task = start()
    with pytest.raises(ZeroDivisionError):
        run(task)
    assert Contact.objects.count() == 0
    assert Task.objects.get().rows == 0


def test_rows_that_cannot_be_read_are_listed_and_the_others_are_imported(start, signed_in):
    task = run(
        start("name,email\n" + "Ada,ada@example.com\n" * 10 + '"Open,b@example.com\nC,c@example.com\n=1,x\n')
    )
    assert (task.state, task.rows, task.bad, task.can_be_retried) == ("done", 13, 2, False)
    assert {*Contact.objects.values_list("name", flat=True)} == {"Ada", "C"}
    assert "Row 11: A quote is opened and not closed." in progress.note(task)
    lines = signed_in.get(f"/tasks/{task.pk}/errors.csv").text.splitlines()
    assert lines == ["Row,Reason", "11,A quote is opened and not closed.", "13,Enter a valid email address."]
    assert f"/tasks/{task.pk}/errors.csv" in signed_in.get(f"/tasks/{task.pk}/").text


def test_rows_with_errors_of_another_user_are_not_found(start, client, grace):
    client.force_login(grace)
    assert client.get(f"/tasks/{start().pk}/errors.csv").status_code == 404


def test_a_file_in_windows_1252_is_imported_once_its_encoding_is_chosen(signed_in):
    file = SimpleUploadedFile("a.csv", "name;email\rZoë;z@example.com\r".encode("cp1252"))
    assert signed_in.post("/tasks/", {"file": file, "encoding": "cp1252"}).status_code == 302
    assert (run(Task.objects.get()).state, Contact.objects.get().name) == ("done", "Zoë")


def test_a_file_that_can_never_be_read_is_not_offered_again(start):
    task = run(start("name,name\nAda,Ada\n"))
    assert (task.state, task.can_be_retried) == ("failed", False)
    assert "More than once: name." in progress.note(task)


def test_files_of_a_user_and_of_all_users_have_a_limit(signed_in, task, grace, settings):
    work.cancel(task)
    settings.TASKS_MAX_STORED_BYTES = task.total + 10
    assert "Your files would take more than" in upload(signed_in).text
    signed_in.force_login(grace)
    assert upload(signed_in).status_code == 302
    settings.TASKS_MAX_STORED_BYTES = settings.TASKS_MAX_STORED_BYTES_IN_ALL = 2 * task.total + 10
    assert "The site has no room for more files now." in upload(signed_in).text


def test_files_of_stopped_tasks_are_deleted_after_some_days(
    signed_in, task, settings, monkeypatch, django_capture_on_commit_callbacks
):
    settings.TASKS_KEEP_FILES_DAYS = 3
    work.cancel(task)
    upload(signed_in)
    now, name = timezone.now(), task.file.name
    for days, kept in ((2, True), (4, False)):
        monkeypatch.setattr(timezone, "now", lambda days=days: now + timedelta(days=days))
        with django_capture_on_commit_callbacks(execute=True):
            call_command("housekeeping")
        task.refresh_from_db()
        assert (task.file.storage.exists(name), task.can_be_retried) == (kept, kept)
    waiting = Task.objects.exclude(pk=task.pk).get()
    assert waiting.file.storage.exists(waiting.file.name)


def test_a_contact_is_saved_once_and_updated(start, grace):
    run(start("name,email\nAda,A@example.com\nAda King,a@example.com\n"))
    run(start("Email;Name\na@example.com;Ada Lovelace\n"))
    run(start("name,email\nGrace,a@example.com\n", owner=grace))
    found = [*Contact.objects.order_by("pk").values_list("name", "email")]
    assert found == [("Ada Lovelace", "a@example.com"), ("Grace", "a@example.com")]


def test_a_file_is_deleted_after_its_import_and_with_its_owner(start, grace, django_capture_on_commit_callbacks):
    imported, other = start(), start(owner=grace)
    with django_capture_on_commit_callbacks(execute=True):
        name = imported.file.name
        run(imported)
        grace.delete()
    assert not imported.file
    assert not other.file.storage.exists(name)
    assert not other.file.storage.exists(other.file.name)


def test_a_file_that_is_too_large_is_refused(signed_in, settings):
    settings.TASKS_MAX_UPLOAD_BYTES = 100
    assert "The limit is 100\xa0bytes." in upload(signed_in).text


def test_a_user_has_at_most_five_unfinished_tasks(signed_in, task):
    for _ in range(forms.MAX_UNFINISHED - 1):
        upload(signed_in)
    assert "You have 5 unfinished tasks, which is the limit." in upload(signed_in).text
    work.cancel(task)
    assert upload(signed_in).status_code == 302


@pytest.mark.parametrize("key", ["", "x", "-1", "9" * 40, "%00"])
def test_an_invalid_task_id_is_not_found(signed_in, key):
    assert signed_in.get(f"{PROGRESS}?task_id={key}").status_code == 404


def test_staff_with_the_permission_can_cancel_retry_and_delete_all_tasks(client, task, grace):
    grace.is_staff = True
    grace.save()
    client.force_login(grace)

    def act(action):
        client.post("/admin/tasks/task/", {"action": action, "_selected_action": [task.pk]})
        return Task.objects.values_list("state", flat=True).first()

    grace.user_permissions.add(Permission.objects.get(codename="view_task"))
    assert "contacts.csv" in client.get("/admin/tasks/task/", {"q": "ada"}).text
    assert act("cancel") == "waiting"
    grace.user_permissions.add(*Permission.objects.filter(codename__in=["change_task", "delete_task"]))
    assert [act("cancel"), act("retry")] == ["cancelled", "waiting"]
    client.post(f"/admin/tasks/task/{task.pk}/delete/", {"post": "yes"})
    assert not Task.objects.exists()


def test_demo_data_is_created_once_for_an_existing_user(ada, monkeypatch):
    monkeypatch.setattr(demo, "CANCELLED_ROWS", 100)
    monkeypatch.setattr(importing, "BATCH", 2400)
    demo.seed()
    demo.seed()
    assert [(task.state, task.rows) for task in Task.objects.all()[:2]] == [("cancelled", 0), ("done", 2400)]
    assert Task.objects.count() == 42


def test_finished_tasks_are_paginated_and_only_the_first_page_is_live(signed_in, ada):
    Task.objects.bulk_create(Task(owner=ada, state="done", name=f"file {number:02}") for number in range(25))
    pages = [signed_in.get("/tasks/", {"page": number}).text for number in (1, 2)]
    assert [len(re.findall(r"<bdi>file \d\d</bdi></a>", page)) for page in pages] == [20, 5]
    assert ["tasks/stream" in page for page in pages] == [True, False]
    assert 'id="tasks-finished" dj-sse-limit="200"' in pages[0]


def test_a_visitor_is_redirected_to_log_in(client, settings):
    assert client.get("/tasks/").url == f"{settings.LOGIN_URL}?next=/tasks/"


def test_a_worker_saves_nothing_after_another_has_taken_over(start, before_batch, monkeypatch):
    task = start()

    def overtake():
        with monkeypatch.context() as patch:
            patch.setattr(work, "SLICE_SECONDS", 0)
            work.run.call(task.pk)

    before_batch(4, overtake)
    assert run(task).rows == 40
    assert_all_imported_once(run(task))
