"""Accounts in a browser: sign up, the second factor, a forgotten password, and logging out another browser."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser import people
from tests.browser.test_pages import assert_sound
from tests.fixtures import PASSWORD

CODE = re.compile(r"^[A-Z]{4}-[A-Z]{4}$", re.MULTILINE)
NEW = "another long secret 8"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def open_browser(site, browser):
    # Passkeys need a name, not an address.
    with people.browsers(browser, site.url.replace("127.0.0.1", "localhost")) as open_browser:
        yield open_browser


def press(page, name):
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def enter_mailed_code(page, site, mails):
    """Enter the code of the next mail; `mails` is the number of mails before."""
    page.get_by_label("Code").wait_for()
    page.get_by_label("Code").fill(CODE.findall(site.output())[mails])
    press(page, "Confirm")


def sign_out(page):
    page.get_by_role("button", name="Account:").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    # The script of passkeys comes last.
    page.wait_for_url("**/accounts/login/**")


def sign_in(page, password=PASSWORD):
    page.get_by_label("Username or email").fill("mary")
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Sign in")


@pytest.mark.only_browser("chromium")
def test_a_person_signs_up_and_signs_in_with_a_passkey_an_app_a_recovery_code_and_after_a_reset(
    open_browser, site
):
    page = open_browser()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    signed_in = page.get_by_role("heading", name="Hello, mary")
    mails = len(CODE.findall(site.output()))

    page.goto("/accounts/signup/")
    fields = {"Username": "mary", "Email": "mary@example.com", "Password": PASSWORD, "Password (again)": PASSWORD}
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    press(page, "Sign up")
    enter_mailed_code(page, site, mails)
    signed_in.wait_for()

    page.goto("/accounts/2fa/totp/activate/")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Confirm")
    secret = page.get_by_label("Authenticator secret").input_value()
    assert_sound(page)

    def enter_app_code():
        page.get_by_label("Code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))

    enter_app_code()
    press(page, "Activate")
    recovery_codes = page.get_by_label("Unused codes").input_value().split()
    assert_sound(page)

    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Passkey").check()
    assert_sound(page)
    press(page, "Add")
    page.get_by_text("Passkey or security key added.").wait_for()

    sign_out(page)
    press(page, "Sign in with a passkey")
    signed_in.wait_for()

    sign_out(page)
    sign_in(page)
    page.get_by_label("Code").wait_for()
    assert_sound(page)
    page.get_by_label("Code").fill(recovery_codes[0])
    press(page, "Sign in")
    signed_in.wait_for()

    sign_out(page)
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill("mary@example.com")
    press(page, "Reset my password")
    enter_mailed_code(page, site, mails + 1)
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password (again)").fill(NEW)
    press(page, "Change password")
    enter_app_code()
    press(page, "Sign in")
    signed_in.wait_for()
    assert page.problems == []


def test_signing_out_elsewhere_reaches_the_open_page_of_another_browser_within_a_second(open_browser):
    here, there = open_browser(), open_browser()
    for page, address in ((there, "/"), (here, "/accounts/sessions/")):
        people.log_in(page, "ada", address)
    expect(there.locator("#live")).to_have_text("Live")
    press(here, "Sign out other sessions")
    expect(there.locator("#live")).to_have_text(
        "You are signed out of this account. Reload this page.", timeout=1000
    )
    assert there.problems, "a page that stays reports the refused stream"
    there.get_by_role("button", name="Try again").click()
    expect(there.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    expect(here.locator("#live")).to_have_text("Live")
    assert_sound(here)
    assert there.problems == []
