"""The mails to an address, and what a stranger learns about it."""

import io
import re
from functools import partial

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string
from django_tasks_db.models import DBTaskResult

from apps.accounts.models import User
from apps.operations.environment import Environment
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
NEW_ACCOUNT = {"username": "mary", "password1": PASSWORD, "password2": PASSWORD}
FORMS = {"account_reset_password": {}, "account_request_login_code": {}, "account_signup": NEW_ACCOUNT}


def send(client, name, email, data=(), **options):
    return client.post(reverse(name), {"email": email, **FORMS[name], **dict(data)}, **options)


def shown(response):
    """Return a page without what differs in any two responses."""
    return re.sub(r'(nonce|value|share-key|since)="[^"]*"|[a-z]+@example.com', "", response.text)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.django_db(transaction=True)
def test_a_known_and_an_unknown_address_get_the_same_page_and_a_worker_sends_one_mail(
    client, ada, mailoutbox, settings, name
):
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    settings.MAIL_TASKS = "default"
    pages = []
    for email in (ada.email, "eve@example.com"):
        client.logout()
        answer = send(client, name, email, follow=True)
        again = client.post(answer.redirect_chain[-1][0], {"code": "AAAA-AAAA"})
        pages.append([answer.redirect_chain, shown(answer), shown(again)])
    assert pages[0] == pages[1]
    assert not mailoutbox
    assert DBTaskResult.objects.count() == 2
    call_command("db_worker", "--batch", "--no-reload", "--no-startup-delay")
    assert sorted(mail.to for mail in mailoutbox) == [["ada@example.com"], ["eve@example.com"]]


def hashes(monkeypatch, act):
    """Return how many passwords a call hashes: that takes nearly all of a response's time."""
    calls, encode = [], MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args: calls.append(args) or encode(*args))
    act()
    monkeypatch.undo()
    return len(calls)


def test_a_sign_up_and_a_login_take_as_long_for_a_known_account(client, ada, monkeypatch):
    def log_in(login):
        return lambda: client.post(reverse("account_login"), {"login": login, "password": "wrong"})

    names = [ada.email, "eve@example.com", "ada", "eve"]
    assert {name: hashes(monkeypatch, log_in(name)) for name in names} == dict.fromkeys(names, 1)
    for email in (ada.email, "eve@example.com"):
        assert hashes(monkeypatch, partial(send, Client(), "account_signup", email)) == 1


def test_the_mail_is_plain_text_without_html_escapes(client, ada, mailoutbox, settings):
    settings.SITE_NAME = "Fish & Chips"
    send(client, "account_reset_password", ada.email)
    assert "Hello from Fish & Chips!" in mailoutbox[0].body


def test_a_mail_is_in_the_language_of_its_reader_and_not_of_the_stranger_who_causes_it(
    client, ada, mailoutbox, settings
):
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
    ada.language = "de"
    ada.save()
    for name in FORMS:
        send(Client(headers={"accept-language": "fr"}), name, ada.email)
        assert "Hallo von" in mailoutbox[-1].body, name
        assert '<html lang="de"' in mailoutbox[-1].alternatives[0].content
        send(Client(headers={"accept-language": "fr"}), name, "eve@example.com")
        assert "Bonjour" in mailoutbox[-1].body, "a stranger has no profile"


def test_a_failed_mail_is_logged_and_does_not_change_the_response(client, ada, settings, caplog):
    settings.MAILERS = {"default": {"BACKEND": "no.such.Backend"}}
    assert send(client, "account_reset_password", ada.email).status_code == 302
    assert "state=FAILED" in caplog.text


def test_a_link_has_the_host_of_the_site_without_the_port_of_the_request(client, mailoutbox, settings):
    settings.ALLOWED_HOSTS, settings.SITE_HOST = ["example.com"], "example.com"
    send(client, "account_reset_password", "eve@example.com", headers={"host": "example.com:31337"})
    assert "http://example.com/accounts/signup/" in mailoutbox[0].body
    assert "31337" not in mailoutbox[0].body + mailoutbox[0].subject


@pytest.mark.parametrize("name", ["evil.example.com", "www.evil.example", "eve@evil.example"])
def test_a_name_that_looks_like_an_address_is_no_link_in_a_mail(client, mailoutbox, name):
    send(client, "account_signup", "eve@example.com", data={"username": name})
    html = mailoutbox[0].alternatives[0].content
    assert name in html
    assert re.findall('href="([^"]*)"', html) == ["http://testserver"]


def test_the_terminal_shows_a_mail_as_text_only(client, ada, mailoutbox):
    send(client, "account_reset_password", ada.email)
    backend, terminal = Environment().mailer("NOT_SET", "consolemail://")["BACKEND"], io.StringIO()
    import_string(backend)(stream=terminal).send_messages(mailoutbox)
    printed = terminal.getvalue()
    assert re.search(r"^[A-Z]{4}-[A-Z]{4}$", printed, re.MULTILINE)
    assert "To: ada@example.com" in printed
    assert "<" not in printed
    assert len(printed.splitlines()) < 20


def test_a_second_account_cannot_have_the_address_of_another(client, ada):
    send(client, "account_signup", "ADA@example.com")
    assert [*User.objects.all()] == [ada]


def test_a_mail_has_the_sites_name_and_colour_and_in_development_a_page_shows_all_mails(
    client, ada, mailoutbox, settings
):
    settings.SITE_NAME, settings.SITE_COLOR = "Acme & sons", "#a02040"
    send(client, "account_request_login_code", ada.email)
    html = mailoutbox[0].alternatives[0].content
    code = re.search(r"^\w{4}-?\w{4}$|^\w{6}$", mailoutbox[0].body, re.MULTILINE)[0]
    for text in ("Acme &amp; sons", "#a02040", code):
        assert text in html
    assert client.get("/accounts/mails/").status_code == 404
    settings.DEBUG = True
    page = client.get("/accounts/mails/").text
    assert page.count("<h2") > 15
    for text in ("Acme &amp; sons", "ABCD-EFGH", "security key"):
        assert text in page
