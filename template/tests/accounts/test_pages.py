"""The account pages and the error pages: markup, policy, links."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotFound
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.views.defaults import permission_denied

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
OPEN_PAGES = ["account_login", "account_signup", "account_reset_password", "account_request_login_code"]
PRIVATE_PAGES = ["account_profile", "account_change_password", "account_email", "mfa_index", "usersessions_list"]
PRIVATE_PAGES += ["mfa_list_webauthn"]
BROWSERS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 "
    "Edg/143.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36": (
        "Chrome on Android"
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Mobile/15E148 Safari/604.1": "Safari on iOS",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15": (
        "Safari on macOS"
    ),
    "curl/8 <b>": "curl/8 &lt;b&gt;",
    "": "Unknown browser",
}
TITLE_CASE = re.compile(r"<(?:h1|h2|label|button|a|title|th)\b[^>]*>\s*([A-Z][\w-]* (?:[\w-]+ )*[A-Z][a-z]+)")
INLINE = re.compile(r"<[^>]+\s(style|on\w+)=|<style(?!>:root.--brand)|javascript:", re.IGNORECASE)


def scripts_are_allowed(page, nonce):
    scripts = [tag for tag in re.findall(r"<script\b[^>]*>", page) if 'type="application/json"' not in tag]
    ours = [tag for tag in scripts if not re.search('src="/static/(mfa|account)/js/', tag)]
    return all("src=" in tag for tag in scripts) and all(f'nonce="{nonce}"' in tag for tag in ours)


def assert_page_is_valid(response):
    page = response.content.decode()
    nonce = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])[1]
    assert scripts_are_allowed(page, nonce)
    assert not INLINE.search(page)
    assert page.count("<h1") == 1
    assert page.count("<main") == 1
    assert TITLE_CASE.findall(page) == []
    assert re.search(r"<title>[^<]+ · Live site</title>", page)
    assert re.search(r"<body>\s*<a class=\"skip\" href=\"#main\">", page)


@pytest.mark.parametrize("name", OPEN_PAGES)
def test_a_public_page_is_valid(client, name):
    assert_page_is_valid(client.get(reverse(name)))


@pytest.mark.parametrize("name", PRIVATE_PAGES)
def test_a_page_for_users_is_valid_and_redirects_visitors_to_the_login(client, ada, name):
    assert client.get(reverse(name)).url.startswith(reverse("account_login"))
    client.force_login(ada)
    assert_page_is_valid(client.get(reverse(name)))


@pytest.mark.parametrize(("user_agent", "name"), BROWSERS.items())
def test_a_session_is_shown_with_its_browser_and_the_current_one_is_marked(client, ada, user_agent, name):
    session = {"login": "ada", "password": PASSWORD}
    for each in (Client(), client):
        each.post(reverse("account_login"), session, headers={"user-agent": user_agent})
    page = client.get(reverse("usersessions_list")).text
    assert page.count(f">{name}</strong>") == 2
    assert page.count("This session") == 1


def test_errors_of_a_new_password_replace_its_rules(client, ada):
    client.force_login(ada)
    url = reverse("account_change_password")
    rules = 'id="id_password1_helptext"'
    assert f"{rules}>" in client.get(url).text
    page = client.post(url, {"oldpassword": PASSWORD, "password1": "abc", "password2": "abc"}).text
    assert "This password is too short" in page
    assert f"{rules} hidden>" in page


def test_adding_an_address_needs_the_password_again(client, ada):
    client.force_login(ada)
    page = client.post(reverse("account_email"), {"action_add": "", "email": "eve@example.com"})
    assert page.url.startswith(reverse("account_reauthenticate"))
    assert not EmailAddress.objects.filter(email="eve@example.com").exists()


def test_the_header_shows_the_actions_that_the_user_may_use(client, ada):
    page = client.get(reverse("account_login")).text
    assert reverse("account_logout") not in page
    client.force_login(ada)
    page = client.get(reverse("account_login")).text
    assert f'action="{reverse("account_logout")}"' in page
    assert reverse("account_profile") in page
    assert reverse("admin:index") not in page
    ada.is_staff = True
    ada.save()
    assert f'href="{reverse("admin:index")}"' in client.get(reverse("account_login")).text


def test_a_form_without_a_csrf_token_is_refused_with_an_explanation():
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "ada"})
    assert response.status_code == 403
    assert "This form has expired" in response.text


def test_a_missing_page_is_valid(client):
    response = client.get("/nothing/here/")
    assert isinstance(response, HttpResponseNotFound)
    assert_page_is_valid(response)


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_an_error_page_needs_no_request_and_no_database(name, django_assert_num_queries):
    with django_assert_num_queries(0):
        page = render_to_string(name)
    assert not INLINE.search(page)
    assert "<script" not in page.replace('<script src="/static/site.js"></script>', "")
    assert page.count("<h1") == 1


def test_an_error_page_needs_no_manifest_of_static_files(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    assert "/static/site.css" in render_to_string("500.html")


def test_the_current_section_is_marked_in_the_menu_on_its_other_pages_too(client, ada):
    dashboard = reverse("dashboard")
    assert f'href="{dashboard}" aria-current' not in client.get(reverse("account_login")).content.decode()
    client.force_login(ada)
    assert f'href="{dashboard}" aria-current="page"' in client.get(dashboard).content.decode()
    guide = reverse("guide")
    assert f'href="{guide}" aria-current="true"' in client.get(f"{guide}feed/").content.decode()


def test_a_forbidden_page_has_a_link_to_log_in_with_another_account(client, ada, rf):
    request = rf.get("/secret/?page=2")
    request.user = ada
    page = permission_denied(request, PermissionDenied()).content.decode()
    assert "signed in as ada" in page
    assert f'href="{reverse("account_login")}?next=/secret/%3Fpage%3D2"' in page
