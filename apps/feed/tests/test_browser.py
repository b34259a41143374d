"""The feed in the browsers of two users."""

import pytest
from playwright.sync_api import expect

from tests.browser import people


@pytest.fixture
def reader(site, browser):
    """Open the feed as a user: `reader("ada")` returns the page."""
    with people.browsers(browser, site.url) as open_browser:

        def open_feed(name, **options):
            page = open_browser(**options)
            people.log_in(page, name, "/feed/")
            expect(page.locator("#live")).to_have_attribute("data-state", "connected")
            return page

        yield open_feed


def post(page, text):
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Post").click()
    expect(page.locator(".post").first).to_contain_text(text)


def test_a_post_appears_changes_and_disappears_on_an_open_page_without_a_reload(reader):
    ada, grace = reader("ada"), reader("grace", reduced_motion="no-preference")
    grace.evaluate("() => { window.stayed = true }")
    grace.evaluate(
        "() => addEventListener('animationstart', ({ animationName }) => { window.shown = animationName })"
    )
    post(ada, "Lunch <b>is</b> ready")
    seen = grace.locator(".post").first
    expect(seen).to_contain_text("Lunch <b>is</b> ready")
    grace.wait_for_function("() => window.shown === 'post-arrives'")
    expect(seen.get_by_role("link", name="Edit")).to_be_hidden()
    expect(reader("admin").locator(".post").first.get_by_role("link", name="Edit")).to_be_visible()

    ada.locator(".post").first.get_by_role("link", name="Edit").click()
    ada.get_by_label("Text").fill("Lunch is over")
    ada.get_by_role("button", name="Save").click()
    expect(seen).to_contain_text("Lunch is over")
    expect(seen).to_contain_text("edited")
    expect(grace.locator(".post", has_text="Lunch")).to_have_count(1)

    ada.get_by_role("link", name="Delete").click()
    ada.get_by_role("button", name="Delete post").click()
    expect(grace.locator(".post", has_text="Lunch")).to_have_count(0)
    assert grace.evaluate("() => window.stayed")
    assert ada.problems == grace.problems == []


def test_a_reader_further_down_sees_a_button_and_is_not_scrolled(reader):
    ada, grace = reader("ada"), reader("grace", viewport={"width": 360, "height": 500})
    for n in range(8):
        post(ada, f"Something long number {n} " + "and so on " * 40)
    expect(grace.locator(".post").first).to_contain_text("number 7")
    grace.evaluate("() => document.querySelectorAll('.post')[5].scrollIntoView()")
    grace.wait_for_function("() => scrollY > 500")
    before = grace.evaluate("() => document.querySelectorAll('.post')[5].getBoundingClientRect().top")
    post(ada, "News one")
    post(ada, "News two")
    pill = grace.get_by_role("button", name="2 new posts")
    expect(pill).to_be_visible()
    after = grace.evaluate("() => document.querySelectorAll('.post')[7].getBoundingClientRect().top")
    assert abs(after - before) < 2
    pill.click()
    grace.wait_for_function("() => document.querySelector('.post').getBoundingClientRect().top >= 0")
    expect(pill).to_be_hidden()
    expect(grace.locator(".post").first).to_contain_text("News two")
    assert grace.problems == []
