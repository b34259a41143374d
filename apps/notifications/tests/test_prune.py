"""What is old goes, and open pages are told."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.sse.testing import StreamClient

from ..models import Notification
from ..notify import notify


def aged(user, verb, **days):
    pk = notify(user, verb)[0].pk
    moments = {f"{name}_at": timezone.now() - timedelta(days=ago) for name, ago in days.items()}
    Notification.objects.filter(pk=pk).update(**moments)
    return pk


def left():
    return sorted(Notification.objects.values_list("verb", flat=True))


def test_what_is_too_old_goes_and_so_does_what_was_deleted(ada, grace, capsys):
    aged(ada, "old", created=91)
    aged(grace, "old and read", created=200, read=150)
    aged(grace, "deleted", created=3, deleted=2)
    aged(ada, "young", created=89)
    aged(ada, "deleted a moment ago", created=3, deleted=0)
    call_command("prune_notifications")
    assert left() == ["deleted a moment ago", "young"]
    assert capsys.readouterr().out == "Deleted 3 notifications.\n"
    call_command("prune_notifications", "--days", "30")
    assert left() == ["deleted a moment ago"]


def test_open_pages_are_told_what_is_gone(reader, ada, django_capture_on_commit_callbacks):
    pk = aged(ada, "old", created=91)
    with StreamClient(reader).open("/api/notifications/stream/") as stream:
        with django_capture_on_commit_callbacks(execute=True):
            call_command("prune_notifications")
        stream.assert_event("notification-state", {"ids": [pk], "unread": [], "deleted": [pk]})


def test_many_go_in_batches(ada, monkeypatch):
    monkeypatch.setattr("apps.notifications.management.commands.prune_notifications.BATCH", 2)
    for number in range(5):
        aged(ada, f"old {number}", created=91)
    call_command("prune_notifications")
    assert left() == []


@pytest.mark.parametrize("days", ["0", "-1", "99999999999", "soon"])
def test_a_number_of_days_that_is_none_is_refused(db, days):
    with pytest.raises(CommandError):
        call_command("prune_notifications", f"--days={days}")
