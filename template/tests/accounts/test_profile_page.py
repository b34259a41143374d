"""The profile in a browser."""

from base64 import b64decode

import pytest
from playwright.sync_api import expect

from apps.accounts.tests.test_browser import press
from tests.browser import people
from tests.browser.test_pages import assert_sound

PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = {"name": "me.png", "mimeType": "image/png", "buffer": PIXEL}


@pytest.fixture
def own_page(serve, browser):
    """A page of a site whose users no other test sees."""
    with serve("uvicorn") as site, people.browsers(browser, site.url) as open_browser:
        yield open_browser()


def test_a_saved_profile_changes_the_header_of_another_tab(own_page):
    page = own_page
    people.log_in(page, "grace", "/accounts/profile/")
    other = people.watched(page.context.new_page())
    other.goto("/")
    expect(other.locator("#live")).to_have_text("Live")
    assert_sound(page)
    page.get_by_label("First name").fill("Grace")
    page.get_by_label("Picture").set_input_files(PICTURE)
    press(page, "Save")
    expect(page.get_by_text("Profile saved.")).to_be_visible()
    expect(other.get_by_role("button", name="Account: Grace")).to_be_visible()
    expect(other.locator("#account-name img")).to_have_js_property("complete", True)
    assert_sound(page)
    assert other.problems == []
