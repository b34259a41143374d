"""What staff sends to many: from the admin, in the background, in batches."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.tasks.backends.dummy import DummyBackend

from apps.sse.testing import StreamClient

from .. import broadcasting
from ..models import Broadcast, Notification

ADD = "/admin/notifications/broadcast/add/"


@pytest.fixture(autouse=True)
def _batches_of_two(monkeypatch):
    monkeypatch.setattr(broadcasting, "BATCH", 2)


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
def users(ada, grace, django_user_model):
    more = [django_user_model.objects.create_user(name) for name in ("barbara", "radia", "gone")]
    django_user_model.objects.filter(username="gone").update(is_active=False)
    return [ada, grace, *more[:2]]


@pytest.fixture
def staff(client, django_user_model, users):
    client.force_login(django_user_model.objects.create_superuser("chief"))
    return client


@pytest.fixture
def send(staff, work, django_capture_on_commit_callbacks):
    """Send the form, and if that was right, have the task done."""

    def submit(**data):
        with django_capture_on_commit_callbacks(execute=True):
            page = staff.post(ADD, {"verb": "Maintenance tonight", "text": "", "url": "", **data})
        if page.status_code == 302:
            work()
        return page

    return submit


def recipients():
    return sorted(Notification.objects.values_list("recipient__username", flat=True))


def test_everybody_with_an_active_account_has_it_once(send):
    send(to_everybody="on")
    assert recipients() == ["ada", "barbara", "chief", "grace", "radia"]
    broadcast = Broadcast.objects.get()
    assert (broadcast.sent, broadcast.total, broadcast.sent_by.username) == (5, 5, "chief")
    assert broadcast.finished_at


def test_a_group_or_one_user_has_it_and_nobody_else(send, users):
    group = Group.objects.create(name="Engineers")
    group.user_set.add(*users[1:3])
    send(group=group.pk)
    assert recipients() == ["barbara", "grace"]
    Notification.objects.all().delete()
    send(user=users[0].pk)
    assert recipients() == ["ada"]


@pytest.mark.parametrize("whom", [{}, {"to_everybody": "on", "user": 1}, {"user": 987_654}, {"group": "x"}])
def test_a_form_that_does_not_say_to_whom_is_shown_again(send, whom):
    page = send(**whom)
    assert page.status_code == 200
    assert "errorlist" in page.text
    assert not Broadcast.objects.exists()


def test_an_address_that_is_none_is_shown_again(send):
    assert "Enter a path or URL" in send(to_everybody="on", url="javascript:alert(1)").text
    assert not Notification.objects.exists()


def test_the_admin_shows_how_far_it_is(staff, django_capture_on_commit_callbacks):
    broadcast = Broadcast.objects.create(verb="Waiting", to_everybody=True)
    url = f"/api/notifications/broadcasts/{broadcast.pk}/progress/"
    page = staff.get(f"/admin/notifications/broadcast/{broadcast.pk}/change/").text
    assert "Waiting for a task worker" in page
    assert f'dj-sse="{url}"' in page
    with StreamClient(staff).open(url) as stream:
        for sent, percent, state in [(2, 40, "Sending"), (4, 80, "Sending"), (5, 100, "Sent")]:
            with django_capture_on_commit_callbacks(execute=True):
                broadcasting.send_batch(broadcast.pk)
            stream.assert_event("progress", {"sent": sent, "total": 5, "percent": percent, "state": state})
    assert (
        '<progress max="100" value="100"'
        in staff.get(f"/admin/notifications/broadcast/{broadcast.pk}/change/").text
    )


def test_one_that_was_interrupted_goes_on_and_nobody_has_it_twice(
    staff, work, monkeypatch, django_capture_on_commit_callbacks
):
    broadcast = Broadcast.objects.create(verb="Interrupted", to_everybody=True)
    broadcasting.send_batch(broadcast.pk)
    notify = broadcasting.notify
    monkeypatch.setattr(broadcasting, "notify", lambda *given, **more: notify(*given, **more) and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broadcasting.send_batch(broadcast.pk)
    assert len(recipients()) == 2, "a batch is sent whole or not at all"
    monkeypatch.setattr(broadcasting, "notify", notify)
    with django_capture_on_commit_callbacks(execute=True):
        staff.post("/admin/notifications/broadcast/", {"action": "go_on", "_selected_action": [broadcast.pk]})
    work()
    assert recipients() == ["ada", "barbara", "chief", "grace", "radia"]
    assert not broadcasting.send_batch(broadcast.pk), "it is finished"


def test_a_long_one_lets_other_tasks_in_between(staff, work, monkeypatch):
    monkeypatch.setattr(broadcasting, "SECONDS_AT_ONCE", 0)
    broadcast = Broadcast.objects.create(verb="A long one", to_everybody=True)
    broadcasting.send.enqueue(broadcast.pk)
    for sent in (2, 4, 5):
        work()
        assert len(recipients()) == sent


def test_one_that_was_deleted_stops(db):
    assert not broadcasting.send_batch(987_654)


def test_only_staff_with_that_permission_sends_and_watches(client, ada, django_user_model):
    broadcast = Broadcast.objects.create(verb="Private", to_everybody=True)
    url = f"/api/notifications/broadcasts/{broadcast.pk}/progress/"
    assert client.get(url).status_code == 403
    ada.is_staff = True
    ada.save()
    client.force_login(ada)
    assert client.get(url).status_code == 403
    assert client.post(ADD, {"verb": "Hello", "to_everybody": "on"}).status_code == 403
    ada.user_permissions.add(Permission.objects.get(codename="view_broadcast"))
    assert client.get("/api/notifications/broadcasts/987654/progress/").status_code == 404
    with StreamClient(client).open(url) as stream:
        stream.assert_no_event()
    assert client.post(ADD, {"verb": "Hello", "to_everybody": "on"}).status_code == 403
