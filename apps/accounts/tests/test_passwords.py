"""Changing a password, and resetting one that was forgotten."""

import re

import pytest
from django.contrib.auth import get_user
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

pytestmark = pytest.mark.django_db
NEW = "another long secret 8"


def test_changing_the_password_keeps_this_login_and_ends_the_others(client, user, password):
    elsewhere = Client()
    for each in (client, elsewhere):
        each.force_login(user)
    form = {"old_password": password, "new_password1": NEW, "new_password2": NEW}
    assert client.post(reverse("password_change"), form).url == reverse("password_change_done")
    assert client.get(reverse("password_change_done")).status_code == 200
    assert get_user(client) == user
    assert not get_user(elsewhere).is_authenticated
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_the_old_password_is_asked_for(client, user):
    client.force_login(user)
    form = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    response = client.post(reverse("password_change"), form)
    assert 'id="id_old_password_error"' in response.content.decode()


def test_a_forgotten_password_is_reset_with_the_link_from_the_mail(client, user, mailoutbox):
    response = client.post(reverse("password_reset"), {"email": "LIN@example.com"})
    assert response.url == reverse("password_reset_done")
    (mail,) = mailoutbox
    assert mail.to == ["lin@example.com"]
    assert mail.subject == "Choose a new password for Live site"
    link = re.search(r"http://testserver(/\S+)", mail.body)[1]

    form_page = client.get(link, follow=True)
    assert form_page.context["validlink"]
    form = {"new_password1": NEW, "new_password2": NEW}
    assert client.post(form_page.request["PATH_INFO"], form).url == reverse("password_reset_complete")
    user.refresh_from_db()
    assert user.check_password(NEW)

    used = Client().get(link, follow=True)
    assert "Link no longer valid" in used.content.decode()


def test_the_link_names_the_host_of_the_site_and_no_port_that_a_request_has_made_up(
    client, user, mailoutbox, settings
):
    settings.ALLOWED_HOSTS, settings.SITE_HOST = ["example.com"], "example.com"
    client.post(reverse("password_reset"), {"email": user.email}, headers={"host": "example.com:31337"})
    assert "http://example.com/accounts/reset/" in mailoutbox[0].body
    assert "31337" not in mailoutbox[0].body + mailoutbox[0].subject


def test_an_unknown_address_gets_no_mail_and_the_same_answer(client, user, mailoutbox):
    response = client.post(reverse("password_reset"), {"email": "nobody@example.com"})
    assert response.url == reverse("password_reset_done")
    assert not mailoutbox


@pytest.mark.django_db(transaction=True)
def test_known_and_unknown_addresses_take_the_same_steps_and_the_mail_is_sent_by_a_worker(
    client, user, mailoutbox, settings
):
    settings.MAIL_TASKS = "default"
    steps = {}
    for email in (user.email, "lit@example.com"):
        with CaptureQueriesContext(connection) as queries:
            assert client.post(reverse("password_reset"), {"email": email}).url == reverse("password_reset_done")
        steps[email] = [query["sql"].split("VALUES")[0] for query in queries]
    known, unknown = steps.values()
    assert known == unknown
    assert not [sql for sql in known if "accounts_user" in sql]
    assert not mailoutbox
    call_command("db_worker", "--batch", "--no-reload", "--no-startup-delay")
    (mail,) = mailoutbox
    assert (mail.to, "http://testserver/accounts/reset/" in mail.body) == ([user.email], True)


def test_the_mail_is_plain_text_in_which_nothing_is_escaped(client, user, mailoutbox):
    user.username = "lin@o+h"
    user.save()
    client.post(reverse("password_reset"), {"email": user.email})
    assert mailoutbox[0].body.startswith("Hello lin@o+h,\n\n")
    assert "&" not in mailoutbox[0].body


def test_a_long_link_stays_in_one_piece_on_the_way(client, user, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["a-rather-long-name.example.com"]
    client.post(reverse("password_reset"), {"email": user.email}, headers={"host": settings.ALLOWED_HOSTS[0]})
    link = re.search(r"http://\S+", mailoutbox[0].body)[0]
    assert len(link) > 78
    assert link in mailoutbox[0].message().as_string()


def test_a_mail_that_cannot_be_sent_is_logged_and_the_answer_stays_the_same(client, user, settings, caplog):
    mailer = {"BACKEND": "no.such.Backend"}
    settings.MAILERS = {"default": mailer}
    response = client.post(reverse("password_reset"), {"email": user.email})
    assert response.url == reverse("password_reset_done")
    assert f"password reset mail to user {user.pk} was not sent" in caplog.text
