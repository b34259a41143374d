"""Broadcasts: sent from the admin, in the background, in batches."""

import pytest
from django.contrib.auth.models import Group, Permission

from apps.sse.testing import StreamClient

from .. import broadcasting
from ..models import Broadcast, Notification

ADMIN = "/admin/notifications/broadcast"
EVERYBODY = ["ada", "barbara", "chief", "grace", "radia"]


@pytest.fixture
def staff(client, ada, grace, django_user_model, monkeypatch):
    """A client of staff. The site has five active users and sends batches of two."""
    monkeypatch.setattr(broadcasting, "BATCH", 2)
    for name in ("barbara", "radia"):
        django_user_model.objects.create_user(name)
    django_user_model.objects.create_user("gone", is_active=False)
    client.force_login(django_user_model.objects.create_superuser("chief"))
    return client


def send(staff, **data):
    """Submit the form, and send the broadcast as a worker does."""
    page = staff.post(f"{ADMIN}/add/", {"verb": "Maintenance tonight", "text": "", "url": "", **data})
    for broadcast in Broadcast.objects.filter(finished_at=None):
        broadcasting.send.call(broadcast.pk)
    return page


def recipients():
    return sorted(Notification.objects.values_list("recipient__username", flat=True))


def test_every_active_user_is_notified_once(staff):
    send(staff, to_everybody="on")
    assert recipients() == EVERYBODY
    broadcast = Broadcast.objects.get()
    assert (broadcast.sent, broadcast.total, broadcast.sent_by.username) == (5, 5, "chief")


def test_a_broadcast_to_a_group_notifies_only_its_members(staff, grace):
    group = Group.objects.create(name="Engineers")
    group.user_set.add(grace)
    send(staff, group=group.pk)
    assert recipients() == ["grace"]


def test_the_admin_shows_the_progress(staff, django_capture_on_commit_callbacks):
    broadcast = Broadcast.objects.create(verb="Waiting", to_everybody=True)
    url = f"/api/notifications/broadcasts/{broadcast.pk}/progress/"
    page = staff.get(f"{ADMIN}/{broadcast.pk}/change/").text
    assert "Waiting for a task worker" in page
    assert f'dj-sse="{url}"' in page
    with StreamClient(staff).open(url) as stream:
        for sent, percent, state in [(2, 40, "Sending"), (4, 80, "Sending"), (5, 100, "Sent")]:
            with django_capture_on_commit_callbacks(execute=True):
                broadcasting.send_batch(broadcast.pk)
            stream.assert_event("progress", {"sent": sent, "total": 5, "percent": percent, "state": state})


def test_sending_and_watching_need_a_permission(client, ada):
    broadcast = Broadcast.objects.create(verb="Private", to_everybody=True)
    url = f"/api/notifications/broadcasts/{broadcast.pk}/progress/"
    ada.is_staff = True
    ada.save()
    for page in (client.get(url), client.force_login(ada) or client.get(url)):
        assert page.status_code == 403
    ada.user_permissions.add(Permission.objects.get(codename="view_broadcast"))
    with StreamClient(client).open(url) as stream:
        stream.assert_no_event()
    assert client.post(f"{ADMIN}/add/", {"verb": "Hello", "to_everybody": "on"}).status_code == 403
