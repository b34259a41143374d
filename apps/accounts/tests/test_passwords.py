"""Changing a password, and resetting a forgotten one."""

import re

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "another long secret 8"
NEW_FORM = {"new_password1": NEW, "new_password2": NEW}


def test_changing_the_password_keeps_this_login_and_ends_all_others(client, ada):
    other = Client()
    for each in (client, other):
        each.force_login(ada)
    page = client.post(reverse("password_change"), {"old_password": PASSWORD} | NEW_FORM, follow=True)
    assert page.redirect_chain == [(reverse("home"), 302)]
    assert "Password changed." in page.text
    assert get_user(client) == ada
    assert not get_user(other).is_authenticated
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_changing_the_password_needs_the_old_one(client, ada):
    client.force_login(ada)
    page = client.post(reverse("password_change"), {"old_password": "wrong"} | NEW_FORM)
    assert 'id="id_old_password_error"' in page.text


def test_a_forgotten_password_is_reset_with_the_link_from_the_mail(client, ada, mailoutbox, settings):
    page = client.post(reverse("password_reset"), {"email": "ADA@example.com"}, follow=True)
    assert page.redirect_chain == [(reverse("login"), 302)]
    assert "If an account has that address" in page.text
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
