"""Every page, on a light desktop and a dark phone: accessible, without errors, not too wide."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve

PHONE, DESKTOP, NARROWEST = 360, 1440, 320
FITS = "() => document.documentElement.scrollWidth <= innerWidth"
PUBLIC_PAGES = [
    "/",
    "/dashboard/",
    "/dashboard/system/",
    "/guide/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
]
PRIVATE_PAGES = ["/", "/dashboard/", "/feed/", "/tasks/", "/notifications/", "/accounts/password/change/"]


def installed(addresses):
    """Return the pages whose apps are installed."""

    def is_installed(address):
        try:
            return resolve(address)
        except Resolver404:
            return None

    return [address for address in addresses if is_installed(address)]


def assert_sound(page, part=None):
    page.wait_for_function("() => !document.querySelector('.sse-connecting')")
    for theme, width in (("light", DESKTOP), ("dark", PHONE)):
        if page.context.browser.browser_type.name == "chromium":  # Firefox has only one theme here.
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        found = Axe().run(page, context=part).response["violations"]
        assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found], (theme, width)
        page.wait_for_function(FITS)
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    page.wait_for_function(FITS)
    assert page.problems == []


@pytest.mark.parametrize("address", installed(PUBLIC_PAGES))
def test_a_public_page_is_accessible_and_fits_the_window(visitor, address):
    visitor.problems.clear()
    visitor.goto(address)
    assert_sound(visitor)


@pytest.mark.parametrize("address", installed(PRIVATE_PAGES))
def test_a_page_for_logged_in_users_is_accessible_and_fits_the_window(staff, address):
    staff.problems.clear()
    staff.goto(address)
    assert staff.url.endswith(address)
    assert_sound(staff)
