"""Logging in and out."""

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def log_in(client, password, **changes):
    return client.post(reverse("login"), {"username": "lin", "password": password} | changes)


def test_logging_in_leads_to_the_start_page(client, user, password):
    assert log_in(client, password).url == reverse("home")
    assert get_user(client) == user


def test_logging_in_leads_back_to_the_page_that_asked_for_it(client, user, password):
    page = client.get(reverse("password_change"))
    assert page.url == reverse("login") + "?next=" + reverse("password_change")
    form = client.get(page.url)
    assert form.context["next"] == reverse("password_change")
    assert log_in(client, password, next=form.context["next"]).url == reverse("password_change")


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_logging_in_never_leads_to_another_site(client, user, password, next_url):
    assert log_in(client, password, next=next_url).url == reverse("home")
    assert "evil.example" not in client.get(reverse("login"), {"next": next_url}).content.decode()


def test_a_wrong_password_keeps_the_name_and_says_so(client, user):
    response = log_in(client, "wrong")
    assert response.status_code == 200
    assert 'value="lin"' in response.content.decode()
    assert 'class="errorlist nonfield"' in response.content.decode()
    assert not get_user(client).is_authenticated


def test_logging_out_takes_a_post(client, user):
    client.force_login(user)
    assert client.get(reverse("logout")).status_code == 405
    assert get_user(client) == user
    assert client.post(reverse("logout")).url == reverse("home")
    assert not get_user(client).is_authenticated


def test_the_header_offers_what_the_visitor_can_do(client, user):
    page = client.get(reverse("login")).content.decode()
    assert reverse("logout") not in page
    client.force_login(user)
    page = client.get(reverse("login")).content.decode()
    assert f'action="{reverse("logout")}"' in page
    assert reverse("password_change") in page
    assert reverse("admin:index") not in page


def test_staff_find_the_admin_in_the_header(client, user):
    user.is_staff = True
    user.save()
    client.force_login(user)
    assert f'href="{reverse("admin:index")}"' in client.get(reverse("login")).content.decode()


def test_a_form_from_elsewhere_is_refused_with_our_own_page(user, password):
    response = log_in(Client(enforce_csrf_checks=True), password)
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
