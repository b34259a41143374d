"""What is old goes, and open pages load again."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from apps.notifications.models import Notification
from apps.notifications.notify import notify, prune
from apps.sse.testing import StreamClient


def aged(user, verb, **days):
    pk = notify(user, verb)[0].pk
    moments = {f"{name}_at": timezone.now() - timedelta(days=ago) for name, ago in days.items()}
    Notification.objects.filter(pk=pk).update(**moments)
    return pk


def test_what_is_too_old_goes_each_day_and_so_does_what_was_deleted(ada, grace):
    aged(ada, "old", created=91)
    aged(grace, "old and read", created=200, read=150)
    aged(grace, "deleted", created=3, deleted=2)
    aged(ada, "young", created=89)
    aged(ada, "deleted a moment ago", created=3, deleted=0)
    call_command("housekeeping")
    left = sorted(Notification.objects.values_list("verb", flat=True))
    assert left == ["deleted a moment ago", "young"]
    assert prune() == 0


def test_open_pages_load_again(reader, ada, django_capture_on_commit_callbacks):
    aged(ada, "old", created=91)
    with StreamClient(reader).open("/api/notifications/stream/") as stream:
        with django_capture_on_commit_callbacks(execute=True):
            assert prune() == 1
        stream.assert_event("notifications-changed")
