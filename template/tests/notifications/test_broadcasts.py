"""Broadcasts as a worker and the admin's list handle them."""

import pytest
from django.tasks.backends.dummy import DummyBackend

from apps.notifications import broadcasting
from apps.notifications.models import Broadcast, Notification

LIST = "/admin/notifications/broadcast/"


@pytest.fixture
def queue(monkeypatch):
    """The tasks that wait for a worker."""
    backend = DummyBackend("default", {})
    monkeypatch.setattr("django.tasks.task_backends", {"default": backend})
    return backend


@pytest.fixture
def work(queue, django_capture_on_commit_callbacks):
    """Do the oldest task that waits, as a worker does."""

    def do():
        waiting = queue.results.pop(0)
        with django_capture_on_commit_callbacks(execute=True):
            waiting.task.call(*waiting.args)

    return do


@pytest.fixture
def broadcast(admin_client, ada, grace, monkeypatch):
    """One to three users, of which each has a batch."""
    monkeypatch.setattr(broadcasting, "BATCH", 1)
    return Broadcast.objects.create(verb="Maintenance tonight", to_everybody=True)


@pytest.fixture
def press(admin_client, django_capture_on_commit_callbacks):
    """Send a form of the admin's."""

    def post(path, **data):
        with django_capture_on_commit_callbacks(execute=True):
            return admin_client.post(LIST + path, data)

    return post


def test_saving_the_form_queues_it(press, queue, work):
    press("add/", verb="Hello", text="", url="", to_everybody="on")
    work()
    assert Notification.objects.count() == 1


@pytest.mark.parametrize("whom", [{"user": 987_654}, {"group": "x"}])
def test_a_form_for_somebody_who_does_not_exist_is_shown_again(press, whom):
    assert "errorlist" in press("add/", verb="Hello", **whom).text
    assert not Broadcast.objects.exists()


def test_one_that_was_interrupted_is_resumed_from_the_list(broadcast, press, queue, work):
    broadcasting.send_batch(broadcast.pk)
    press("", action="go_on", _selected_action=[broadcast.pk])
    work()
    assert Notification.objects.count() == 3
    assert not broadcasting.send_batch(broadcast.pk), "it is finished"


def test_a_long_one_lets_other_tasks_in_between(broadcast, work, monkeypatch):
    monkeypatch.setattr(broadcasting, "SECONDS_AT_ONCE", 0)
    broadcasting.send.enqueue(broadcast.pk)
    for sent in (1, 2, 3):
        work()
        assert Notification.objects.count() == sent


def test_one_that_was_deleted_stops(db):
    assert not broadcasting.send_batch(987_654)


def test_the_progress_of_one_that_was_deleted_is_not_found(admin_client):
    assert admin_client.get("/api/notifications/broadcasts/987654/progress/").status_code == 404
