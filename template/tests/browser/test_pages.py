"""Pages after an invalid form, a link from a mail or an error, and the guide's pages."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings as project_settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import path

from tests.browser.test_pages import assert_sound

GUIDE_PAGES, GUIDE_KINDS = [], []
if apps.is_installed("apps.guide"):
    from apps.guide.pages import PAGES

    GUIDE_PAGES = [f"/guide/{name}/" for name in PAGES]
    # One page of each template; long tests check the others.
    GUIDE_KINDS = list({page.template_names[-1]: f"/guide/{page.name}/" for page in PAGES.values()}.values())
# The guide's first page covers the colours of source.
WITHOUT_SOURCE = {"exclude": [[".code"]]}
ERRORS = ["400", "403", "403_csrf", "404", "500"]


def refuse(request):
    raise PermissionDenied


def break_down(request):
    raise ValueError("raised by a test")


urlpatterns = [
    path("403/", refuse),
    path("500/", break_down),
    *import_module(project_settings.ROOT_URLCONF).urlpatterns,
]


@pytest.mark.only_browser("chromium")
@pytest.mark.parametrize("address", GUIDE_KINDS)
def test_a_page_of_the_guide_is_sound(staff, address):
    staff.problems.clear()
    staff.goto(address)
    assert_sound(staff, WITHOUT_SOURCE)


@pytest.mark.soak
@pytest.mark.parametrize("address", GUIDE_PAGES)
def test_a_page_of_the_guide_is_sound_for_a_visitor(visitor, address):
    visitor.problems.clear()
    visitor.goto(address)
    assert_sound(visitor)


def test_an_invalid_form_is_sound_and_its_first_error_has_the_focus(visitor):
    visitor.problems.clear()
    visitor.goto("/accounts/signup/")
    visitor.fill("[name=username]", "ada")
    visitor.fill("[name=email]", "mary@example.com")
    visitor.fill("[name=password1]", "1234")
    visitor.fill("[name=password2]", "1235")
    visitor.click("main button")
    visitor.wait_for_selector("[name=username][aria-invalid=true]:focus")
    assert visitor.input_value("[name=username]") == "ada"
    assert_sound(visitor)


def test_the_pages_of_a_password_reset_are_sound(visitor, site):
    visitor.problems.clear()
    visitor.goto("/accounts/password/reset/")
    visitor.fill("[name=email]", "grace@example.com")
    visitor.click("main button")
    visitor.fill("[name=code]", "AAAA-AAAA")
    visitor.click("main button")
    visitor.wait_for_selector("[name=code][aria-invalid=true]:focus")
    assert_sound(visitor)
    visitor.fill("[name=code]", re.findall(r"^[A-Z]{4}-[A-Z]{4}$", site.output(), re.MULTILINE)[-1])
    visitor.click("main button")
    visitor.wait_for_selector("[name=password1]")
    assert_sound(visitor)


def error_response(name):
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    match name:
        case "400":
            return client.get("/", headers={"host": "not a host"})
        case "403_csrf":
            return client.post("/accounts/login/")
        case _:
            return client.get(f"/{name}/")


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_is_sound(visitor, settings, name):
    settings.ROOT_URLCONF = __name__
    response = error_response(name)
    assert response.status_code == int(name[:3])
    # With DEBUG the server shows Django's debug pages, so the test replaces them. The status is 200,
    # because the browser logs an error for others.
    answer = {"body": response.content.decode(), "headers": dict(response.headers)}
    visitor.problems.clear()
    visitor.route("**/error/", lambda route: route.fulfill(**answer))
    visitor.goto("/error/")
    visitor.unroute("**/error/")
    assert visitor.locator("h1").count() == 1
    assert_sound(visitor)
