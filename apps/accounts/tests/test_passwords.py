"""Changing a password, and resetting a forgotten one."""

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from tests.fixtures import PASSWORD

from .test_log_in import CODE

pytestmark = pytest.mark.django_db
NEW = "another long secret 8"
NEW_FORM = {"password1": NEW, "password2": NEW}


def test_changing_the_password_keeps_this_login_and_ends_all_others(client, ada):
    other = Client()
    for each in (client, other):
        each.force_login(ada)
    page = client.post(reverse("account_change_password"), {"oldpassword": PASSWORD} | NEW_FORM, follow=True)
    assert page.redirect_chain == [(reverse("account_profile"), 302)]
    assert "Password successfully changed." in page.text
    assert get_user(client) == ada
    assert not get_user(other).is_authenticated
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_changing_the_password_needs_the_old_one(client, ada):
    client.force_login(ada)
    page = client.post(reverse("account_change_password"), {"oldpassword": "wrong"} | NEW_FORM)
    assert 'id="id_oldpassword_error"' in page.text


def test_a_forgotten_password_is_reset_with_the_code_from_the_mail(client, ada, mailoutbox):
    page = client.post(reverse("account_reset_password"), {"email": "ADA@example.com"})
    [mail] = mailoutbox
    assert mail.to == ["ada@example.com"]
    form = client.post(page.url, {"code": CODE.search(mail.body)[0]})
    page = client.post(form.url, NEW_FORM, follow=True)
    assert "Password successfully changed." in page.text
    ada.refresh_from_db()
    assert ada.check_password(NEW)
