"""Changing a password, and resetting one that was forgotten."""

import re

import pytest
from django.contrib.auth import get_user
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "another long secret 8"
NEW_FORM = {"new_password1": NEW, "new_password2": NEW}
SENT = "If an account has that address"


def ask_for_link(client, email="ada@example.com", **options):
    """Request a link, and check that the answer is the one for known and unknown addresses."""
    response = client.post(reverse("password_reset"), {"email": email}, **options)
    assert response.url == reverse("login")
    return response


def test_changing_the_password_keeps_this_login_and_ends_the_others(client, ada):
    elsewhere = Client()
    for each in (client, elsewhere):
        each.force_login(ada)
    page = client.post(reverse("password_change"), {"old_password": PASSWORD} | NEW_FORM, follow=True)
    assert page.redirect_chain == [(reverse("home"), 302)]
    assert "Password changed." in page.text
    assert get_user(client) == ada
    assert not get_user(elsewhere).is_authenticated
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_the_old_password_is_asked_for(client, ada):
    client.force_login(ada)
    page = client.post(reverse("password_change"), {"old_password": "wrong"} | NEW_FORM)
    assert 'id="id_old_password_error"' in page.text


def test_a_forgotten_password_is_reset_with_the_link_from_the_mail(client, ada, mailoutbox, settings):
    ask_for_link(client, "ADA@example.com")
    assert SENT in client.get(reverse("login")).text
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["ada@example.com"], f"Choose a new password for {settings.SITE_NAME}")
    assert mail.body.startswith("Hello ada,\n\n")
    link = re.search(r"http://testserver(/\S+)", mail.body)[1]

    form_page = client.get(link, follow=True)
    page = client.post(form_page.request["PATH_INFO"], NEW_FORM, follow=True)
    assert page.redirect_chain == [(reverse("login"), 302)]
    assert "Password set." in page.text
    ada.refresh_from_db()
    assert ada.check_password(NEW)

    used = Client().get(link, follow=True)
    assert used.redirect_chain[-1][0] == reverse("password_reset")
    assert "That link was used already" in used.text


def test_the_link_names_the_host_of_the_site_and_no_port_that_a_request_has_made_up(
    client, ada, mailoutbox, settings
):
    settings.ALLOWED_HOSTS, settings.SITE_HOST = ["example.com"], "example.com"
    ask_for_link(client, headers={"host": "example.com:31337"})
    assert "http://example.com/accounts/reset/" in mailoutbox[0].body
    assert "31337" not in mailoutbox[0].body + mailoutbox[0].subject


@pytest.mark.django_db(transaction=True)
def test_known_and_unknown_addresses_take_the_same_steps_and_the_mail_is_sent_by_a_worker(
    client, ada, mailoutbox, settings
):
    settings.MAIL_TASKS = "default"
    steps, pages = [], []
    for email in (ada.email, "adb@example.com"):
        with CaptureQueriesContext(connection) as queries:
            ask_for_link(client, email)
        steps.append([query["sql"].split("VALUES")[0] for query in queries])
        pages.append(SENT in client.get(reverse("login")).text)
    assert steps[0] == steps[1]
    assert pages == [True, True]
    assert not [sql for sql in steps[0] if "accounts_user" in sql]
    assert not mailoutbox
    call_command("db_worker", "--batch", "--no-reload", "--no-startup-delay")
    (mail,) = mailoutbox
    assert (mail.to, "http://testserver/accounts/reset/" in mail.body) == ([ada.email], True)
