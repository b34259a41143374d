"""Signing in and out, signing up, changing a password and resetting a forgotten one."""

import re

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
OTHER_SITES = ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
CODE = re.compile(r"^[A-Z]{4}-[A-Z]{4}$", re.MULTILINE)
NEW = "another long secret 8"
NEW_FORM = {"password1": NEW, "password2": NEW}


def log_in(client, password=PASSWORD, **changes):
    return client.post(reverse("account_login"), {"login": "ada", "password": password} | changes)


def sign_up(client, **changes):
    form = {"username": "mary", "email": "mary@example.com", "password1": PASSWORD, "password2": PASSWORD}
    return client.post(reverse("account_signup"), form | changes)


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.com", "Ada@Example.com"])
def test_a_user_logs_in_with_the_name_or_the_address(client, ada, name):
    assert log_in(client, login=name).url == reverse("home")
    assert get_user(client) == ada


def test_logging_in_redirects_back_to_the_page_that_required_it(client, ada):
    page = client.get(reverse("account_change_password"))
    assert page.url == reverse("account_login") + "?next=" + reverse("account_change_password")
    assert f'name="next" value="{reverse("account_change_password")}"' in client.get(page.url).text
    assert log_in(client, next=reverse("account_change_password")).url == reverse("account_change_password")


@pytest.mark.parametrize("next_url", OTHER_SITES)
def test_logging_in_never_redirects_to_another_site(client, ada, next_url):
    assert log_in(client, next=next_url).url == reverse("home")


def test_a_wrong_password_shows_an_error_and_keeps_the_name(client, ada):
    page = log_in(client, "wrong").text
    assert 'value="ada"' in page
    assert 'class="errorlist nonfield"' in page
    assert not get_user(client).is_authenticated


def test_a_new_account_logs_in_with_the_code_from_its_mail(client, mailoutbox, settings):
    page = sign_up(client, next=reverse("account_email"))
    assert page.url == reverse("account_email_verification_sent")
    assert not get_user(client).is_authenticated
    [mail] = mailoutbox
    assert mail.to == ["mary@example.com"]
    assert settings.SITE_NAME in mail.subject
    wrong = client.post(page.url, {"code": "AAAA-AAAA"})
    assert "Incorrect code." in wrong.text
    assert client.post(page.url, {"code": CODE.search(mail.body)[0]}).status_code == 302
    user = get_user(client)
    assert (user.username, user.email, user.is_staff) == ("mary", "mary@example.com", False)


def test_a_code_by_mail_replaces_the_password(client, ada, mailoutbox):
    page = client.post(reverse("account_request_login_code"), {"email": ada.email})
    assert page.url == reverse("account_confirm_login_code")
    assert client.post(page.url, {"code": CODE.search(mailoutbox[0].body)[0]}).url == reverse("home")
    assert get_user(client) == ada


def test_changing_the_password_keeps_this_login_and_ends_all_others(client, ada):
    other = Client()
    for each in (client, other):
        each.force_login(ada)
    page = client.post(reverse("account_change_password"), {"oldpassword": PASSWORD} | NEW_FORM, follow=True)
    assert page.redirect_chain == [(reverse("account_change_password"), 302)]
    assert "Password successfully changed." in page.text
    assert get_user(client) == ada
    assert not get_user(other).is_authenticated
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_a_forgotten_password_is_reset_with_the_code_from_the_mail(client, ada, mailoutbox):
    page = client.post(reverse("account_reset_password"), {"email": "ADA@example.com"})
    [mail] = mailoutbox
    assert mail.to == ["ada@example.com"]
    form = client.post(page.url, {"code": CODE.search(mail.body)[0]})
    page = client.post(form.url, NEW_FORM, follow=True)
    assert "Password successfully changed." in page.text
    ada.refresh_from_db()
    assert ada.check_password(NEW)
