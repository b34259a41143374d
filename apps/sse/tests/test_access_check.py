"""The periodic check finds changes that send no signal, with one query for all streams."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from apps.sse.access import access_check, identity, revocation
from apps.sse.access.access_check import AccessCheck
from apps.sse.stream import registry
from apps.sse.stream.connection import Connection

from .followers import until
from .opened import Opened, new_session
from .playing import Silent
from .streams import make_user

pytestmark = pytest.mark.django_db(transaction=True)
User = auth.get_user_model()
ROOT = Path(__file__).parents[3]


def check(its):
    """Check all streams now."""
    its.check_soon()
    its.run_once()


async def checked(its):
    """Check all streams, and wait until the revoked ones have ended."""
    check(its)
    await asyncio.sleep(0)


@pytest.fixture
def ada():
    """A user with a permission and a group with another; other groups and permissions exist."""
    user = make_user(password="secret")
    group, _ = Group.objects.create(name="one"), Group.objects.create(name="two")
    first, second = Permission.objects.order_by("pk")[:2]
    group.permissions.add(first)
    user.groups.add(group)
    user.user_permissions.add(second)
    return user


@pytest.fixture
def custom_user_model():
    """A user model with a name and a password, whose default manager returns no user, and its table."""
    with isolate_apps():

        class Shown(models.Manager):
            def get_queryset(self):
                return super().get_queryset().none()

        class Member(AbstractBaseUser):
            name = models.CharField(max_length=20)
            objects = Shown()

    with connection.schema_editor() as editor:
        editor.create_model(Member)
    yield Member
    with connection.schema_editor() as editor:
        editor.delete_model(Member)


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def another(model, of):
    return model.objects.exclude(pk__in=of).order_by("pk").last().pk


WITHOUT_SIGNAL = {
    "password": lambda user: User.objects.filter(pk=user.pk).update(password="another"),
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "staff": lambda user: User.objects.filter(pk=user.pk).update(is_staff=True),
    "superuser": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=True),
    "deleted": lambda user: [
        sql("DELETE FROM accounts_user_groups"),
        sql("DELETE FROM accounts_user_user_permissions"),
        sql(f"DELETE FROM accounts_user WHERE id = {user.pk}"),
    ],
    "permission lost": lambda user: sql("DELETE FROM accounts_user_user_permissions"),
    "permission swapped": lambda user: User.user_permissions.through.objects.update(
        permission_id=another(Permission, user.user_permissions.all())
    ),
    "group lost": lambda user: sql("DELETE FROM accounts_user_groups"),
    "group swapped": lambda user: User.groups.through.objects.update(group_id=another(Group, user.groups.all())),
    "the group's permission lost": lambda user: sql("DELETE FROM auth_group_permissions"),
    "the group's permission swapped": lambda user: Group.permissions.through.objects.update(
        permission_id=another(Permission, user.user_permissions.all())
    ),
}


@pytest.mark.parametrize("change", WITHOUT_SIGNAL.values(), ids=WITHOUT_SIGNAL)
async def test_the_check_finds_a_change_that_sends_no_signal(ada, change):
    its, grace = AccessCheck(), make_user("grace")
    async with Opened(ada) as stream, Opened(grace) as other, Opened() as visitor:
        await checked(its)
        assert not stream.is_ended
        change(ada)
        await checked(its)
        assert stream.is_ended
        assert not other.is_ended
        assert not visitor.is_ended


@pytest.mark.parametrize("name", ["password", "deactivated", "deleted"])
async def test_the_first_check_finds_a_change_of_the_account_since_the_opening(ada, name):
    async with Opened(ada) as stream:
        WITHOUT_SIGNAL[name](ada)
        await checked(AccessCheck())
        assert stream.is_ended


@pytest.mark.parametrize(
    "change",
    [
        lambda key: Session.objects.filter(pk=key).delete(),
        lambda key: Session.objects.filter(pk=key).update(expire_date=timezone.now()),
    ],
    ids=["deleted", "expired"],
)
async def test_the_check_finds_a_session_that_has_ended(change):
    its = AccessCheck()
    keys = [new_session(basket=n) for n in range(2)]
    async with Opened(key=keys[0]) as stream, Opened(key=keys[1]) as other:
        await checked(its)
        assert not stream.is_ended
        change(keys[0])
        await checked(its)
        assert stream.is_ended
        assert not other.is_ended


async def test_a_change_that_does_not_concern_access_ends_no_stream(ada):
    its, key = AccessCheck(), new_session(basket=1)
    async with Opened(ada, key) as stream:
        await checked(its)
        User.objects.filter(pk=ada.pk).update(last_login=timezone.now(), email="ada@example.com")
        session = SessionStore(key)
        session["basket"] = 2
        session.save()
        await checked(its)
        assert not stream.is_ended


async def test_a_check_has_one_query_for_all_users_and_one_for_all_sessions():
    async with contextlib.AsyncExitStack() as stack:
        for number in range(20):
            opened = Opened(make_user(f"user{number}"), new_session(number=number))
            await stack.enter_async_context(opened)
        with CaptureQueriesContext(connection) as queries:
            check(AccessCheck())
        assert len(queries) == 2, queries.captured_queries


async def test_streams_that_closed_before_the_first_check_are_not_checked(ada, monkeypatch):
    its = AccessCheck()
    monkeypatch.setattr(its, "_run", lambda: None)
    monkeypatch.setattr(revocation, "checker", its)
    async with Opened(ada, new_session(basket=1)):
        pass
    with CaptureQueriesContext(connection) as queries:
        its.run_once()
        check(its)
    assert len(queries) == 0, queries.captured_queries


async def test_streams_without_a_user_or_session_need_no_query():
    async with Opened(), Opened():
        with CaptureQueriesContext(connection) as queries:
            check(AccessCheck())
        assert len(queries) == 0


@pytest.mark.parametrize("engine", ["cache", "signed_cookies", "file"])
async def test_sessions_outside_the_database_are_not_queried(settings, caplog, engine):
    caplog.set_level(logging.WARNING, logger="apps.sse")
    async with Opened(key=new_session(basket=1)) as stream:
        settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
        with CaptureQueriesContext(connection) as queries:
            await checked(AccessCheck())
        assert len(queries) == 0
        assert not stream.is_ended
    assert caplog.records == []


WITHOUT_USERS = """
import asyncio, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["apps.sse"], SECRET_KEY="x" * 50, SSE_BROKER_URL="memory://")
django.setup()
from django.test import RequestFactory
from apps.sse.access import access_check, identity
from apps.sse.stream.connection import Connection

class Source:
    async def play(self, connection):
        access_check.checker.check_soon()
        access_check.checker.run_once()

async def send(message):
    pass

client = identity.client_of(RequestFactory().get("/"))
asyncio.run(Connection(Source().play, opening="", retry_ms=1, keepalive=1, client=client).run(send))
"""


def test_streams_work_in_a_project_without_users_and_sessions():
    command = [sys.executable, "-c", WITHOUT_USERS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


async def test_a_failed_check_is_logged_once_and_repeated(ada, caplog, monkeypatch):
    caplog.set_level(logging.WARNING, logger="apps.sse")
    its = AccessCheck()
    async with Opened(ada) as stream:
        with monkeypatch.context() as broken:
            broken.setattr(access_check, "_accounts", lambda pks: 1 / 0)
            for _ in range(3):
                check(its)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "division by zero" in caplog.text
        assert its._due < time.monotonic() + access_check.RETRY_SECONDS + 1
        WITHOUT_SIGNAL["password"](ada)
        await checked(its)
        assert stream.is_ended


async def test_a_process_with_open_streams_has_a_thread_that_checks_periodically(ada, monkeypatch):
    monkeypatch.setattr(access_check, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(access_check, "GATHER_SECONDS", 0.01)
    its = AccessCheck()
    monkeypatch.setattr(revocation, "checker", its)
    async with Opened(ada) as stream:
        await until(lambda: stream.permissions is not None)
        WITHOUT_SIGNAL["permission swapped"](ada)
        await until(lambda: stream.is_ended)
    await until(lambda: its._thread is None)


async def test_the_check_works_with_a_user_model_without_permissions_and_with_a_filtering_manager(
    monkeypatch, custom_user_model
):
    model = custom_user_model
    user = model.objects.create(name="ada", password="one")
    monkeypatch.setattr(access_check, "get_user_model", lambda: model)
    monkeypatch.setattr(identity, "get_user_model", lambda: model)
    client = registry.Client(user_pk=user.pk, fingerprint=identity.fingerprint_of(user))
    assert client.fingerprint is not None
    its = Connection(Silent().play, opening="", retry_ms=1000, keepalive=15, client=client)
    assert access_check.changed_accounts([its]) == set()
    model._base_manager.update(password="two")
    assert access_check.changed_accounts([its]) == {its}
