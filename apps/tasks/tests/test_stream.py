import pytest
from django.db import transaction

from apps.sse.testing import Refused, StreamClient
from apps.tasks import example, importing, life, progress
from apps.tasks.models import Task
from apps.tasks.work import run

pytestmark = pytest.mark.django_db

PROGRESS, LIST = "/api/tasks/progress/", "/api/tasks/stream/"
FILE = "".join(example.lines(95, bad_every=10))


@pytest.fixture(autouse=True)
def small_batches_all_told(monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 10)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0)


@pytest.fixture
def committing(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def following(task, user, **options):
    return StreamClient().open(PROGRESS, user=user, query_params={"task_id": task.pk}, **options)


def test_a_task_is_followed_to_its_end_and_never_goes_back(import_of, ada, committing):
    task = import_of(FILE)
    life.start(task)
    with following(task, ada) as stream:
        assert stream.next().data["status"] == "waiting"
        with committing():
            run.call(task.pk)
        events = stream.rest()
    assert [event.name for event in events[-2:]] == ["complete", "sse:end"]
    assert {event.name for event in events[:-2]} == {"progress"}
    told = [event.data for event in events[:-2]]
    assert [data["rows"] for data in told] == sorted(data["rows"] for data in told)
    assert (told[0]["status"], told[-1]["status"], told[-1]["percent"]) == ("running", "done", 100)
    assert len(told) > 10
    assert events[-2].data["result"] == "86 contacts imported · 9 rows with errors"


def test_whoever_asks_again_after_the_end_is_told_that_there_is_nothing(import_of, work, ada):
    task = work(import_of(FILE))
    with following(task, ada) as stream:
        assert [event.name for event in stream.rest()] == ["progress", "complete", "sse:end"]
        last = stream.last_event_id
    with pytest.raises(Refused) as refused, following(task, ada, last_event_id=last):
        pass
    assert refused.value.status == 204


def test_a_task_is_followed_from_wherever_it_is(import_of, ada, committing, monkeypatch):
    task = import_of(FILE)
    life.start(task)
    claimed = life.claim(task.pk)
    Task.objects.update(rows=40, done=task.total // 2)
    with following(task, ada) as stream:
        assert stream.next().data["percent"] in (49, 50)
        with committing():
            life.cancel(claimed)
        assert [event.name for event in stream.rest()] == ["progress", "complete", "sse:end"]


def test_what_is_older_than_what_is_known_is_not_told(import_of, ada, committing):
    task = import_of(FILE)
    life.start(task)
    life.claim(task.pk)
    Task.objects.update(rows=40, done=200)
    with following(task, ada) as stream:
        stream.next()
        task.refresh_from_db()
        with committing():
            task.rows, task.done = 10, 50
            progress.tell(task)
            task.rows, task.done = 50, 250
            progress.tell(task)
        assert stream.next().data["rows"] == 50


def test_the_stream_of_a_deleted_task_ends(import_of, ada, committing):
    task = import_of(FILE)
    with following(task, ada) as stream:
        stream.next()
        with committing():
            life.delete(task)
        assert [event.name for event in stream.rest()][-2:] == ["complete", "sse:end"]


@pytest.mark.parametrize("who", ["grace", None])
def test_a_task_of_others_has_no_stream(import_of, grace, who):
    task = import_of(FILE)
    for key in (task.pk, 987654):
        opening = StreamClient().open(PROGRESS, user=grace if who else None, query_params={"task_id": key})
        with pytest.raises(Refused) as refused, opening:
            pass
        assert refused.value.status == 404


def test_staff_may_follow_a_task(import_of, work, admin_user):
    task = work(import_of(FILE))
    with following(task, admin_user) as stream:
        stream.assert_event("progress")


def test_the_list_hears_of_each_state_and_of_progress(import_of, ada, committing):
    with StreamClient().open(LIST, user=ada) as stream:
        with committing():
            task = import_of(FILE)
            life.start(task)
        change = stream.assert_event("html").data
        assert (change["target"], change["mode"]) == ("#tasks-now", "prepend")
        assert f'id="task-{task.pk}"' in change["html"]
        assert f'dj-sse-field="{task.pk}.note"' in change["html"]
        assert "csrf" not in change["html"]
        stream.assert_event("progress")
        stream.assert_event("html")
        assert stream.next().data[str(task.pk)]["status"] == "waiting"


def test_the_list_hears_how_many_contacts_there_are_once_they_were_imported(import_of, work, ada, committing):
    task = import_of(FILE)
    with StreamClient().open(LIST, user=ada) as stream:
        with committing():
            work(task)
        while (change := stream.next().data).get("target") != "#contacts":
            pass
        assert "You have 86 contacts" in change["html"]


def test_a_finished_task_moves_to_the_finished_ones_without_a_bar(import_of, work, ada, committing):
    task = import_of(FILE)
    with StreamClient().open(LIST, user=ada) as stream:
        with committing():
            work(task)
        while (change := stream.next().data).get("target") != "#tasks-finished":
            pass
        assert f'id="task-{task.pk}" data-state="done"' in change["html"]
        assert "<progress" not in change["html"]
        assert "<time" in change["html"]


def test_nobody_hears_of_the_tasks_of_others(import_of, ada, grace, committing):
    with StreamClient().open(LIST, user=grace) as stream:
        with committing():
            import_of(FILE)
        stream.assert_no_event()


def test_a_visitor_has_no_list():
    with pytest.raises(Refused) as refused, StreamClient().open(LIST):
        pass
    assert refused.value.status == 403


def test_what_is_rolled_back_is_not_told(import_of, ada, committing, monkeypatch):
    task = import_of(FILE)
    with StreamClient().open(LIST, user=ada) as stream:
        with committing(), transaction.atomic():
            life.start(task)
            transaction.set_rollback(True)
        stream.assert_no_event()


def test_a_key_above_a_thousand_is_written_without_separators(import_of, ada):
    task = import_of(FILE)
    task.pk = 12345
    assert 'id="task-12345"' in progress.html(task, listed=True)
    assert "12,345" not in progress.html(task, listed=True)
