"""Broadcasts in the queue and in the admin's list."""

import pytest
from django.tasks.backends.dummy import DummyBackend

from apps.notifications import broadcasting
from apps.notifications.models import Broadcast, Notification
from apps.notifications.notify import notify

LIST = "/admin/notifications/broadcast/"


@pytest.fixture
def queue(monkeypatch):
    """The queue of waiting tasks."""
    backend = DummyBackend("default", {})
    monkeypatch.setattr("django.tasks.task_backends", {"default": backend})
    return backend


@pytest.fixture
def run_task(queue, django_capture_on_commit_callbacks):
    """Run the oldest waiting task."""

    def run():
        result = queue.results.pop(0)
        with django_capture_on_commit_callbacks(execute=True):
            result.task.call(*result.args)

    return run


@pytest.fixture
def broadcast(admin_client, ada, grace, monkeypatch):
    """A broadcast to three users, sent in batches of one."""
    monkeypatch.setattr(broadcasting, "BATCH", 1)
    return Broadcast.objects.create(verb="Maintenance tonight", to_everybody=True)


@pytest.fixture
def press(admin_client, django_capture_on_commit_callbacks):
    """Submit a form of the admin."""

    def post(path, **data):
        with django_capture_on_commit_callbacks(execute=True):
            return admin_client.post(LIST + path, data)

    return post


def test_saving_the_form_queues_the_broadcast(press, queue, run_task):
    press("add/", verb="Hello", text="", url="", to_everybody="on")
    run_task()
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"user": 987_654},
        {"group": "x"},
        {"to_everybody": "on", "user": 1},
        {"to_everybody": "on", "url": "x:y"},
    ],
)
def test_an_invalid_form_is_shown_again(press, wrong):
    assert "errorlist" in press("add/", verb="Hello", **wrong).text
    assert not Broadcast.objects.exists()


def test_an_interrupted_broadcast_is_resumed_from_the_list(broadcast, press, queue, run_task):
    broadcasting.send_batch(broadcast.pk)
    press("", action="resume", _selected_action=[broadcast.pk])
    run_task()
    assert Notification.objects.count() == 3
    assert not broadcasting.send_batch(broadcast.pk), "it is finished"


def test_a_batch_is_sent_completely_or_not_at_all(broadcast, monkeypatch):
    broadcasting.send_batch(broadcast.pk)
    with monkeypatch.context() as patch:
        patch.setattr(broadcasting, "notify", lambda *args, **kwargs: notify(*args, **kwargs) and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            broadcasting.send_batch(broadcast.pk)
    assert Notification.objects.count() == 1
    broadcasting.send.call(broadcast.pk)
    assert sorted(Notification.objects.values_list("recipient__username", flat=True)) == ["ada", "admin", "grace"]


def test_a_long_broadcast_queues_its_rest_so_that_other_tasks_run(broadcast, run_task, monkeypatch):
    monkeypatch.setattr(broadcasting, "SLICE_SECONDS", 0)
    broadcasting.send.enqueue(broadcast.pk)
    for sent in (1, 2, 3):
        run_task()
        assert Notification.objects.count() == sent


def test_a_deleted_broadcast_stops(db):
    assert not broadcasting.send_batch(987_654)


def test_the_progress_of_a_deleted_broadcast_is_not_found(admin_client):
    assert admin_client.get("/api/notifications/broadcasts/987654/progress/").status_code == 404
