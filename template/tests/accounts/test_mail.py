"""The mail with the link to a new password."""

import re

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def ask_for_link(client, user, **options):
    response = client.post(reverse("password_reset"), {"email": user.email}, **options)
    assert response.url == reverse("login")


def test_the_mail_is_plain_text_in_which_nothing_is_escaped(client, ada, mailoutbox):
    ada.username = "ada@o+h"
    ada.save()
    ask_for_link(client, ada)
    assert mailoutbox[0].body.startswith("Hello ada@o+h,\n\n")
    assert "&" not in mailoutbox[0].body


def test_a_long_link_stays_in_one_piece_on_the_way(client, ada, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["a-rather-long-name.example.com"]
    ask_for_link(client, ada, headers={"host": settings.ALLOWED_HOSTS[0]})
    link = re.search(r"http://\S+", mailoutbox[0].body)[0]
    assert len(link) > 78
    assert link in mailoutbox[0].message().as_string()


def test_a_mail_that_cannot_be_sent_is_logged_and_the_answer_stays_the_same(client, ada, settings, caplog):
    settings.MAILERS = {"default": {"BACKEND": "no.such.Backend"}}
    ask_for_link(client, ada)
    assert f"password reset mail to user {ada.pk} was not sent" in caplog.text
