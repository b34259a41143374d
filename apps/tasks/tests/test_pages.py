"""Pages and streams: upload, progress, cancel, retry, and tasks of other users."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve
from django.views.defaults import page_not_found

from apps.sse.testing import Refused, StreamClient
from apps.tasks import demo, importing, work
from apps.tasks.models import Task

pytestmark = pytest.mark.django_db

FILE = "".join(demo.lines(95, bad_every=10))
PROGRESS, LIST = "/api/tasks/progress/", "/api/tasks/stream/"


@pytest.fixture(autouse=True)
def _small_batches_and_own_files(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(importing, "BATCH", 10)
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def committing(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def upload(client, data=FILE, name="contacts.csv"):
    data = data.encode() if isinstance(data, str) else data
    return client.post("/tasks/", {"file": SimpleUploadedFile(name, data)})


@pytest.fixture
def task(signed_in):
    """A task of Ada that waits for a worker."""
    upload(signed_in)
    return Task.objects.get()


def test_an_upload_creates_a_task_and_its_file_has_no_url(signed_in, settings):
    page = upload(signed_in, name="<b>../../x.csv")
    task = Task.objects.get()
    assert page.url == f"/tasks/{task.pk}/"
    assert re.fullmatch(r"private/tasks/[\w-]{32}\.csv", task.file.name)
    assert (settings.MEDIA_ROOT / task.file.name).stat().st_mode & 0o027 == 0
    assert resolve(f"/media/{task.file.name}").func is page_not_found, "the development server must not serve it"
    assert "Starts when a worker is free." in signed_in.get(page.url).text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty."),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "The file is not UTF-8 text."),
        (FILE.encode() + b"\0", "The file is not UTF-8 text"),
        (b"name,email\nZo\xeb,z@example.com\n", "Choose its encoding and send it again."),
        ("<b>,mail\nAda,a@example.com\n", "Missing: name, email. Found: &lt;b&gt;, mail."),
        ("name,email\n\n", "The file has no rows"),
        ("name,email,name\n", "More than once: name."),
    ],
)
def test_an_invalid_file_is_refused_with_the_reason(signed_in, data, message):
    page = upload(signed_in, data).text
    assert message in page
    assert 'aria-invalid="true"' in page
    assert not Task.objects.exists()


def test_the_progress_stream_ends_with_the_task(task, ada, committing):
    with StreamClient().open(PROGRESS, user=ada, query_params={"task_id": task.pk}) as stream:
        assert stream.next().data["status"] == "waiting"
        with committing():
            work.run.call(task.pk)
        events = stream.rest()
    assert [event.name for event in events] == ["progress"] * 11 + ["complete", "sse:end"]
    assert [event.data["rows"] for event in events[:10]] == [*range(10, 91, 10), 95]
    assert events[-3].data["percent"] == 100
    assert events[-2].data["status"] == "done"
    assert "<progress" not in events[-2].data["html"]


def test_the_list_receives_new_tasks_their_progress_and_their_end(signed_in, ada, committing):
    with StreamClient().open(LIST, user=ada) as stream:
        with committing():
            upload(signed_in)
            task = Task.objects.get()
            work.run.call(task.pk)
        events = [stream.next() for _ in range(14)]
    shown, ended = events[0].data, events[-2].data
    assert (shown["target"], ended["target"]) == ("#tasks-now", "#tasks-finished")
    assert f'dj-sse-field="{task.pk}.percent"' in shown["html"]
    assert "csrf" not in shown["html"]
    assert [event.data[str(task.pk)]["status"] for event in events[1:-2]] == ["waiting"] + ["running"] * 10


def test_finished_tasks_are_counted_by_state_live_and_filtered_by_it(signed_in, ada, committing):
    for name, state in (("old.csv", "done"), ("bad.csv", "failed"), ("new.csv", "waiting")):
        task = Task.objects.create(owner=ada, name=name, state=state)
    with StreamClient().open(LIST, user=ada) as stream:
        with committing():
            work.cancel(task)
            work.delete(task)
        counts = [event.data["counts"] for event in (stream.next() for _ in range(4)) if event.name == "state"]
    assert counts == [{"done": 1, "cancelled": 1, "failed": 1}, {"done": 1, "cancelled": 0, "failed": 1}]
    page = signed_in.get("/tasks/?state=failed").text
    assert [name in page for name in ("old.csv", "bad.csv")] == [False, True]
    assert 'aria-current="page">Failed <span dj-sse-field="counts.failed">1</span>' in page
    assert LIST not in page, "new tasks of other states would be added to the list"


def test_buttons_cancel_retry_and_delete_or_explain_why_they_cannot(signed_in, task):
    assert "This is no longer possible" in signed_in.post(f"/tasks/{task.pk}/delete/", follow=True).text
    for action, state in (("cancel", "cancelled"), ("retry", "waiting"), ("cancel", "cancelled")):
        assert signed_in.post(f"/tasks/{task.pk}/{action}/").url == f"/tasks/{task.pk}/"
        task.refresh_from_db()
        assert task.state == state
    assert "This is no longer possible" in signed_in.post(f"/tasks/{task.pk}/cancel/", follow=True).text
    assert signed_in.get(f"/tasks/{task.pk}/cancel/").status_code == 405
    assert signed_in.post(f"/tasks/{task.pk}/unknown/").status_code == 404
    assert signed_in.post(f"/tasks/{task.pk}/delete/").url == "/tasks/"
    assert not Task.objects.exists()


def test_a_task_of_another_user_is_not_found(client, task, grace, committing):
    for user in (grace, None):
        with pytest.raises(Refused) as refused:
            StreamClient().open(PROGRESS, user=user, query_params={"task_id": task.pk}).__enter__()
        assert refused.value.status == 404
    with StreamClient().open(LIST, user=grace) as stream:
        with committing():
            work.cancel(task)
        stream.assert_no_event()
    client.force_login(grace)
    assert client.get(f"/tasks/{task.pk}/").status_code == 404
    assert client.post(f"/tasks/{task.pk}/retry/").status_code == 404
    assert "contacts.csv" not in client.get("/tasks/").text


def test_the_first_page_shows_the_users_running_tasks_and_the_number_of_all(signed_in, ada, grace):
    for owner, name, state in ((ada, "mine", "running"), (ada, "finished", "done"), (grace, "other", "running")):
        Task.objects.create(owner=owner, name=f"{name}.csv", state=state)
    page = signed_in.get("/").text
    assert [name for name in ("mine.csv", "finished.csv", "other.csv") if name in page] == ["mine.csv"]
    assert 'dj-sse-field="tasks">2<' in page
