"""Every page in light and dark, on a phone and on a desk: accessible, without errors, never too wide."""
# Any sample app may be missing.

import re
from importlib import import_module

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.apps import apps
from django.conf import settings as project_settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import Resolver404, path, resolve

from tests.browser import people

PHONE, DESK, NARROWEST = 360, 1440, 320


def there(pages):
    """Return those of the pages whose apps have not been taken out."""

    def is_there(address):
        try:
            return resolve(address)
        except Resolver404:
            return None

    return {name: address for name, address in pages.items() if is_there(address)}


OPEN_PAGES = {
    "first page": "/",
    "dashboard": "/dashboard/",
    "guide": "/guide/",
    "log in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "reset password": "/accounts/reset/",
    "reset password, old link": "/accounts/reset/MQ/old-link/",
}
OWN_PAGES = {
    "first page, logged in": "/",
    "dashboard, logged in": "/dashboard/",
    "feed": "/feed/",
    "tasks": "/tasks/",
    "notifications": "/notifications/",
    "change password": "/accounts/password/",
}
OPEN_PAGES, OWN_PAGES = there(OPEN_PAGES), there(OWN_PAGES)
GUIDE_PAGES, GUIDE_KINDS = [], []
if apps.is_installed("apps.guide"):
    from apps.guide.pages import PAGES

    GUIDE_PAGES = [f"/guide/{name}/" for name in PAGES]
    # One page of each template; the others are among the long tests.
    GUIDE_KINDS = list({page.template_names[-1]: f"/guide/{page.name}/" for page in PAGES.values()}.values())
# The colours of source are looked at on the guide's first page.
WITHOUT_SOURCE = {"exclude": [[".code"]]}
ERRORS = ["400", "403", "403_csrf", "404", "500"]

only_chromium = pytest.mark.only_browser("chromium")
# Each theme and each width; the other pairs are among the long tests. Firefox is shown one of them.
looks = pytest.mark.parametrize(
    ("theme", "width"),
    [
        ("light", DESK),
        pytest.param("dark", PHONE, marks=only_chromium),
        pytest.param("light", PHONE, marks=[only_chromium, pytest.mark.soak]),
        pytest.param("dark", DESK, marks=[only_chromium, pytest.mark.soak]),
    ],
)


def refuse(request):
    raise PermissionDenied


def break_down(request):
    raise ValueError("broken by a test")


urlpatterns = [
    path("403/", refuse),
    path("500/", break_down),
    *import_module(project_settings.ROOT_URLCONF).urlpatterns,
]


@pytest.fixture(scope="session")
def login(site, browser):
    """What a browser keeps in which a demo user with all rights is logged in."""
    return people.logged_in(browser, site.url, "admin")


@pytest.fixture
def look(site, browser):
    """Open a page, `look(path, width)`, in a browser of its own."""
    with people.browsers(browser, site.url) as open_browser:

        def open_page(address, width, theme="light", prepare=None, **options):
            page = open_browser(viewport={"width": width, "height": 800}, color_scheme=theme, **options)
            if prepare:
                prepare(page)
            page.goto(address)
            return page

        yield open_page


def assert_sound(page, part=None):
    found = Axe().run(page, context=part).response["violations"]
    assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert not page.problems
    assert_fits(page)


def assert_fits(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"


@looks
@pytest.mark.parametrize("name", OPEN_PAGES)
def test_a_page_for_everybody_is_sound(look, name, width, theme):
    assert_sound(look(OPEN_PAGES[name], width, theme))


@looks
@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_page_for_the_logged_in_is_sound(look, login, name, width, theme):
    page = look(OWN_PAGES[name], width, theme, storage_state=login)
    assert page.url.endswith(OWN_PAGES[name])
    assert_sound(page)


@only_chromium
@pytest.mark.parametrize("address", GUIDE_KINDS)
def test_a_page_of_the_guide_is_sound(look, login, address):
    page = look(address, PHONE, "dark", storage_state=login)
    assert_sound(page, WITHOUT_SOURCE)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": DESK, "height": 800})
    assert_sound(page, WITHOUT_SOURCE)
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    assert_fits(page)


@pytest.mark.soak
@looks
@pytest.mark.parametrize("address", GUIDE_PAGES)
def test_a_page_of_the_guide_is_sound_for_a_visitor(look, address, width, theme):
    assert_sound(look(address, width, theme))


@only_chromium
@pytest.mark.parametrize("name", OPEN_PAGES)
def test_a_page_for_everybody_fits_the_narrowest_phone(look, name):
    assert_fits(look(OPEN_PAGES[name], NARROWEST))


@only_chromium
@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_page_for_the_logged_in_fits_the_narrowest_phone(look, login, name):
    assert_fits(look(OWN_PAGES[name], NARROWEST, storage_state=login))


@looks
def test_a_form_with_mistakes_is_sound_and_the_first_of_them_has_the_focus(look, width, theme):
    page = look("/accounts/signup/", width, theme)
    page.fill("[name=username]", "mary")
    page.fill("[name=email]", "ada@example.com")
    page.fill("[name=password1]", "1234")
    page.fill("[name=password2]", "1235")
    page.click("main button")
    page.wait_for_selector("[name=email][aria-invalid=true]:focus")
    assert page.input_value("[name=username]") == "mary"
    assert_sound(page)


@looks
def test_the_page_behind_the_link_in_the_mail_is_sound(look, site, width, theme):
    page = look("/accounts/reset/", width, theme)
    page.fill("[name=email]", "grace@example.com")
    page.click("main button")
    page.wait_for_url("**/accounts/login/")
    page.goto(re.findall(r"http://[^/]+(/accounts/reset/\S+)", site.output())[-1])
    assert page.inner_text("h1") == "Choose a new password"
    assert_sound(page)


def error_response(name):
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    match name:
        case "400":
            return client.get("/", headers={"host": "not a host"})
        case "403_csrf":
            return client.post("/accounts/login/")
        case _:
            return client.get(f"/{name}/")


@looks
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_is_sound(look, settings, name, width, theme):
    settings.ROOT_URLCONF = __name__
    response = error_response(name)
    assert response.status_code == int(name[:3])
    # With DEBUG on the server shows Django's pages for developers, so ours is put in their place. It comes
    # as a success, for the browser prints an error of its own for any other status.
    answer = {"body": response.content.decode(), "headers": dict(response.headers)}
    page = look(
        "/error/",
        width,
        theme,
        prepare=lambda page: page.route("**/error/", lambda route: route.fulfill(**answer)),
    )
    assert page.locator("h1").count() == 1
    assert_sound(page)
