"""Old notifications are deleted, and open pages load their list again."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from apps.notifications.models import Notification
from apps.notifications.notify import notify, prune
from apps.sse.testing import StreamClient


def aged(user, verb, **days):
    pk = notify(user, verb)[0].pk
    times = {f"{name}_at": timezone.now() - timedelta(days=ago) for name, ago in days.items()}
    Notification.objects.filter(pk=pk).update(**times)
    return pk


def test_housekeeping_deletes_old_notifications_and_those_deleted_by_their_user(ada, grace):
    aged(ada, "old", created=91)
    aged(grace, "old and read", created=200, read=150)
    aged(grace, "deleted", created=3, deleted=2)
    aged(ada, "recent", created=89)
    aged(ada, "just deleted", created=3, deleted=0)
    call_command("housekeeping")
    left = sorted(Notification.objects.values_list("verb", flat=True))
    assert left == ["just deleted", "recent"]
    assert prune() == 0


def test_open_pages_load_their_list_again(reader, ada, django_capture_on_commit_callbacks):
    aged(ada, "old", created=91)
    with StreamClient(reader).open("/api/notifications/stream/") as stream:
        with django_capture_on_commit_callbacks(execute=True):
            assert prune() == 1
        stream.assert_event("notifications-changed")
