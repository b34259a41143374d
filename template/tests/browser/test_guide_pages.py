"""The guide's examples do what their pages say."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import people


@pytest.fixture
def patience():
    """Raise Playwright's timeout for a loaded machine."""
    expect.set_options(timeout=people.TIMEOUT_MS)
    yield
    expect.set_options(timeout=5000)


@pytest.fixture(scope="session")
def ada_session(site, browser):
    """The storage state of a browser in which ada is logged in."""
    return people.logged_in(browser, site.url, "ada")


@pytest.fixture
def show(site, browser, patience):
    """Open a page of the guide in its own browser: `show("feed")`, as ada: `show("feed", ada_session)`."""
    with people.browsers(browser, site.url) as open_browser:

        def open_page(name, state=None):
            page = open_browser(storage_state=state)
            page.goto(f"/guide/{name}/")
            return page

        yield open_page


def connected(page):
    expect(page.locator("#live")).to_have_attribute("data-state", "connected")
    return page


def test_the_first_stream_runs_beside_its_own_source(show):
    page = show("quick-start")
    time = page.locator("#guide-stats [dj-sse-field=time]")
    expect(time).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    first = time.inner_text()
    expect(time).not_to_have_text(first)
    assert "class Stats(SSEView):" in page.inner_text(".guide-source pre >> nth=0")
    expect(page.locator(".guide-source .is-keyword").first).to_have_text("import")


def test_source_is_copied_with_the_keyboard_and_without_the_clipboard_api_of_https(show):
    page = show("quick-start")
    page.evaluate("document.querySelector('article').append(document.createElement('textarea'))")
    pasted = page.locator("article textarea")
    for place in (0, 1):
        source = page.locator(".guide-source").nth(place)
        source.get_by_role("button").press("Enter")
        expect(source.get_by_role("button")).to_contain_text("Copied")
        expect(page.locator("#guide-copied")).to_have_text("Copied")
        pasted.fill("")
        pasted.press("ControlOrMeta+v")
        expect(pasted).not_to_have_value("")
        assert pasted.input_value().strip() == source.locator("pre").text_content().strip()
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    assert page.problems == []


def test_the_side_bar_marks_the_page_and_folds_on_a_phone(show):
    page = show("script")
    link = page.get_by_role("navigation", name="Guide").get_by_role("link", name="A stream in JavaScript")
    expect(link).to_have_attribute("aria-current", "page")
    expect(link).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    expect(link).to_be_hidden()
    page.get_by_text("Contents of the guide").click()
    expect(link).to_be_visible()
    page.get_by_role("link", name="Next Refuse before streaming").click()
    page.wait_for_url("**/guide/mount/")


def test_list_rows_are_added_changed_removed_and_counted_in_both_tabs(show, ada_session):
    pages = connected(show("live-list", ada_session)), connected(show("live-list", ada_session))
    mine = pages[0]
    # Only the first of two clicks counts: the page navigates to its response.
    mine.evaluate("() => document.querySelectorAll('#guide-order .button').forEach((button) => button.click())")
    for page in pages:
        expect(page.locator("#guide-open")).to_have_text("1")
    mine.get_by_role("button", name="Place and ship one").click()
    for page in pages:
        expect(page.locator("#guide-orders .badge")).to_have_text(["Shipped"])
        expect(page.locator("#guide-open")).to_have_text("1")
        expect(page.locator("#guide-orders li")).to_have_count(2)
    mine.get_by_role("button", name="Remove").last.click()
    for page in pages:
        expect(page.locator("#guide-open")).to_have_text("0")
        expect(page.locator("#guide-orders li")).to_have_count(1)
        assert page.problems == []


def test_a_published_message_is_shown_to_all_as_text(show, ada_session):
    visitor, user = connected(show("channel")), connected(show("channel", ada_session))
    expect(visitor.get_by_role("link", name="Sign in to publish")).to_be_visible()
    user.get_by_label("Say something").fill("<b>Hello</b>")
    user.get_by_role("button", name="Publish").click()
    for page in (visitor, user):
        expect(page.locator("#guide-lines li").first).to_have_text("ada <b>Hello</b>")
    assert visitor.problems == user.problems == []
