"""The password reset mail."""

import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

pytestmark = pytest.mark.django_db


def request_link(client, email="ada@example.com", **options):
    response = client.post(reverse("password_reset"), {"email": email}, **options)
    assert response.url == reverse("login")


def test_the_mail_is_plain_text_without_html_escapes(client, ada, mailoutbox):
    ada.username = "ada@o+h"
    ada.save()
    request_link(client)
    assert mailoutbox[0].body.startswith("Hello ada@o+h,\n\n")
    assert "&" not in mailoutbox[0].body


def test_a_long_link_is_not_broken_in_the_sent_mail(client, ada, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["a-rather-long-name.example.com"]
    request_link(client, headers={"host": settings.ALLOWED_HOSTS[0]})
    link = re.search(r"http://\S+", mailoutbox[0].body)[0]
    assert len(link) > 78
    assert link in mailoutbox[0].message().as_string()


def test_a_failed_mail_is_logged_and_does_not_change_the_response(client, ada, settings, caplog):
    settings.MAILERS = {"default": {"BACKEND": "no.such.Backend"}}
    request_link(client)
    assert f"password reset mail to user {ada.pk} was not sent" in caplog.text


def test_the_link_has_the_host_of_the_site_without_the_port_of_the_request(client, ada, mailoutbox, settings):
    settings.ALLOWED_HOSTS, settings.SITE_HOST = ["example.com"], "example.com"
    request_link(client, headers={"host": "example.com:31337"})
    assert "http://example.com/accounts/reset/" in mailoutbox[0].body
    assert "31337" not in mailoutbox[0].body + mailoutbox[0].subject


@pytest.mark.django_db(transaction=True)
def test_known_and_unknown_addresses_run_the_same_queries_and_a_worker_sends_the_mail(
    client, ada, mailoutbox, settings
):
    settings.MAIL_TASKS = "default"
    queries, pages = [], []
    for email in (ada.email, "adb@example.com"):
        with CaptureQueriesContext(connection) as captured:
            request_link(client, email)
        queries.append([query["sql"].split("VALUES")[0] for query in captured])
        pages.append("If an account has that address" in client.get(reverse("login")).text)
    assert queries[0] == queries[1]
    assert pages == [True, True]
    assert not [sql for sql in queries[0] if "accounts_user" in sql]
    assert not mailoutbox
    call_command("db_worker", "--batch", "--no-reload", "--no-startup-delay")
    (mail,) = mailoutbox
    assert (mail.to, "http://testserver/accounts/reset/" in mail.body) == ([ada.email], True)
