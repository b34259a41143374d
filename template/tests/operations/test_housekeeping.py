"""The daily jobs."""

import sys
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tasks_db.management.commands import prune_db_task_results

pytestmark = pytest.mark.django_db


def test_expired_sessions_are_deleted_and_a_failed_job_does_not_stop_the_others(monkeypatch, capsys):
    now = timezone.now()
    for key, expires in (("old", now - timedelta(days=1)), ("current", now + timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=expires)
    config = apps.get_app_config("accounts")
    monkeypatch.setattr(config, "daily", lambda: 1 / 0, raising=False)
    monkeypatch.setattr(prune_db_task_results.Command, "handle", lambda *args, **options: sys.exit("no database"))
    with pytest.raises(CommandError, match=r"failed: prune_db_task_results, accounts\.$"):
        call_command("housekeeping")
    assert [session.session_key for session in Session.objects.all()] == ["current"]
    printed = capsys.readouterr()
    assert "prune_db_task_results ..." in printed.out
    assert "accounts: ZeroDivisionError" in printed.err
