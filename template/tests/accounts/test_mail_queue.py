"""The queue of tasks shows no code: not in the admin, not in a traceback, not in the log."""

import logging
import re
import smtplib
import time

import pytest
from allauth.account.models import EmailAddress
from cryptography.fernet import Fernet
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.auth.models import Permission
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from apps.accounts.models import User
from apps.operations import mail

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["account_reset_password", "account_request_login_code"]


class Refusing(EmailBackend):
    """A mail server that refuses each mail."""

    def send_messages(self, messages):
        raise smtplib.SMTPDataError(550, b"refused")


@pytest.fixture
def reader(client):
    """Return a client of a person with one permission: to see stored tasks."""
    person = User.objects.create_user("eve", "eve@example.com", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_dbtaskresult"))
    client.force_login(person)
    return client


@pytest.fixture
def queue(settings):
    settings.MAIL_TASKS = "default"


def request_mail(client, name, ada):
    EmailAddress.objects.get_or_create(user=ada, email=ada.email, verified=True, primary=True)
    client.post(reverse(name), {"email": ada.email})


def work():
    call_command("db_worker", "--batch", "--no-reload", "--no-startup-delay")


def code_in(message):
    return re.search(r"^\w{4}-?\w{4}$|^\w{6}$", message.body, re.MULTILINE)[0]


def stored(reader):
    """Return all that the admin and the table show of the only task."""
    result = DBTaskResult.objects.get()
    page = reader.get(reverse(admin_urlname(DBTaskResult._meta, "change"), args=[result.pk]))
    assert page.status_code == 200
    return page.text + repr(DBTaskResult.objects.values_list().get())


@pytest.mark.parametrize("name", NAMES)
def test_the_admin_shows_no_code_before_and_after_the_mail_is_sent(reader, ada, queue, mailoutbox, caplog, name):
    caplog.set_level(logging.DEBUG)
    request_mail(Client(), name, ada)
    waiting = stored(reader)
    work()
    code = code_in(mailoutbox[0])
    for text in (waiting, stored(reader), caplog.text):
        assert code not in text
        assert mailoutbox[0].subject not in text
    assert DBTaskResult.objects.get().args_kwargs["args"][0] == ""


def test_a_mail_that_cannot_be_sent_leaves_no_code_in_its_traceback(
    reader, ada, queue, monkeypatch, settings, caplog
):
    rendered = []
    enqueue = mail.enqueue
    monkeypatch.setattr(mail, "enqueue", lambda *args, **kwargs: rendered.append(args) or enqueue(*args, **kwargs))
    request_mail(Client(), NAMES[1], ada)
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.Refusing"}}
    work()
    code = re.search(r"^\w{4}-?\w{4}$|^\w{6}$", rendered[0][1], re.MULTILINE)[0]
    assert "SMTPDataError" in stored(reader)
    assert code not in stored(reader) + caplog.text


def test_a_code_that_has_expired_is_not_sent(ada, queue, mailoutbox, monkeypatch):
    request_mail(Client(), NAMES[1], ada)
    now = time.time() + mail.CODE_SECONDS + 1
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: now)
    work()
    assert not mailoutbox
    assert "Expired" in DBTaskResult.objects.get().exception_class_path


def test_a_mail_is_still_sent_after_a_change_of_the_secret_key(ada, queue, mailoutbox, settings):
    request_mail(Client(), NAMES[1], ada)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], Fernet.generate_key().decode()
    work()
    assert len(mailoutbox) == 1
