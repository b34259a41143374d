"""A passkey that a browser could not use: the page says why."""

import re

import pytest
from playwright.sync_api import expect

from apps.accounts.tests.test_browser import AUTHENTICATOR
from tests.browser import people
from tests.browser.test_pages import assert_sound

pytestmark = pytest.mark.only_browser("chromium")


@pytest.fixture
def open_login(site, browser):
    with people.browsers(browser, site.url) as open_browser:

        def open_login(host):
            page = open_browser(base_url=site.url.replace("127.0.0.1", host))
            devices = page.context.new_cdp_session(page)
            devices.send("WebAuthn.enable")
            devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
            page.goto("/accounts/login/")
            return page

        yield open_login


@pytest.mark.parametrize(("host", "words"), [("127.0.0.1", "as localhost"), ("localhost", "was cancelled")])
def test_the_page_says_that_its_address_has_no_passkeys_or_that_the_device_returned_none(open_login, host, words):
    page = open_login(host)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("alert")).to_be_in_viewport()
    assert_sound(page)


def test_the_page_says_that_the_server_cannot_be_reached(open_login):
    page = open_login("localhost")
    page.route(re.compile("/webauthn/login/"), lambda route: route.abort())
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("the server cannot be reached")
