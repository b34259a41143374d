"""The site's pages in many tabs of one browser, over HTTP/1.1."""

import re
import statistics
import time

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

TABS = 7
STREAM = "/api/feed/stream/"


@pytest.fixture
def tabs(site, browser):
    """Seven tabs of one user with the feed; `tabs[0].requested` has the URLs that all requested."""
    context = browser.new_context(base_url=site.url)
    context.set_default_timeout(15_000)
    requested = []
    context.on("request", lambda request: requested.append(request.url))
    context.add_init_script("addEventListener('sse:data', ({detail}) => (window.received ??= []).push(detail))")
    pages = [context.new_page()]
    pages[0].goto("/accounts/login/?next=/feed/")
    pages[0].get_by_label("Username or email").fill("ada")
    pages[0].get_by_label("Password", exact=True).fill("demo")
    pages[0].get_by_role("button", name="Sign in", exact=True).click()
    live(pages[0])
    while len(pages) < TABS:
        pages.append(context.new_page())
        pages[-1].goto("/feed/")
        live(pages[-1])
    pages[0].requested = requested
    yield pages
    context.close()


def live(page):
    expect(page.locator("#live")).to_have_attribute("data-state", "connected")


def streams(tabs):
    return len([url for url in tabs[0].requested if STREAM in url])


def publish(tab, text):
    """Post from a tab that stays on its page."""
    tab.evaluate(
        """(text) => {
        const form = new FormData(document.querySelector('form[enctype]'));
        form.set('text', text);
        return fetch('', { method: 'POST', body: form }).then((response) => response.status);
    }""",
        text,
    )


def test_seven_tabs_share_one_stream_and_miss_and_repeat_nothing_when_their_leader_closes(tabs):
    assert streams(tabs) == 1
    for number in range(3):
        publish(tabs[6], f"post {number}")
    leader, *others = tabs
    for tab in others:
        tab.wait_for_function("() => received.filter(({ event }) => event === 'post').length === 3")
    leader.close()
    for number in range(3, 6):
        publish(others[5], f"post {number}")
    for tab in others:
        tab.wait_for_function("() => received.filter(({ event }) => event === 'post').length >= 6")
        live(tab)
        ids = tab.evaluate("() => received.map(({ originalEvent }) => originalEvent.lastEventId)")
        assert len(ids) == len(set(ids)) == 6
    assert streams(tabs) == 2


def test_eight_tabs_of_the_first_page_are_live_and_open_each_stream_once(site, browser):
    with browser.new_context(base_url=site.url) as context:
        requested = []
        context.on("request", lambda request: request.url.endswith("/stream/") and requested.append(request.url))
        tab = context.new_page()
        people.log_in(tab, "admin", "/")
        seconds = []
        for _ in range(8):
            began = time.monotonic()
            tab = context.new_page()
            tab.goto("/")
            live(tab)
            expect(tab.get_by_role("region", name="Explore").locator("[dj-sse-field]").first).not_to_have_text("–")
            seconds.append(time.monotonic() - began)
    assert len(requested) == len(set(requested)) == 4
    assert statistics.median(seconds) < 1, seconds


def test_a_tab_that_joins_activity_shows_what_changed_after_its_page_was_loaded(site, browser):
    code = """
from apps.feed.models import Post
Post.objects.create(author_id=1, text="in between")
"""
    with browser.new_context(base_url=site.url) as context:
        first, joining = context.new_page(), context.new_page()
        people.log_in(first, "admin", "/dashboard/")
        live(first)
        requests = []
        joining.route(re.compile("djust-sse-sharing"), lambda route: requests.append(route))
        joining.goto("/dashboard/", wait_until="domcontentloaded")
        posts = int(joining.inner_text("#feed-posts b"))
        servers.manage("shell", "-c", code, environment=site.environment)
        expect(first.locator("#feed-posts b")).to_have_text(str(posts + 1))
        requests[0].continue_()
        expect(joining.locator("#feed-posts b")).to_have_text(str(posts + 1))


def test_a_user_who_logs_in_after_another_receives_none_of_the_others_events(site, browser):
    with browser.new_context(base_url=site.url) as context, browser.new_context(base_url=site.url) as elsewhere:
        old, new = context.new_page(), context.new_page()
        people.log_in(old, "ada", "/")
        live(old)
        new.goto("/")
        new.locator("[popovertarget=account-menu]").click()
        new.get_by_role("button", name="Sign out").click()
        expect(new.locator(".account .name")).to_have_count(0)
        people.log_in(new, "grace", "/")
        live(new)
        ada, grace = elsewhere.new_page(), new
        people.log_in(ada, "ada", "/")
        for page, count in [(ada, 0), (grace, 1)]:
            page.get_by_role("button", name="Notify me").click()
            expect(grace.locator(".toasts .toast")).to_have_count(count)
        # The page of the logged-out user gets no events and can be reloaded.
        expect(old.locator("#live span")).to_have_text("You are signed out of this account. Reload this page.")
        expect(old.locator(".toasts .toast")).to_have_count(0)
        old.get_by_role("button", name="Try again now").click()
        live(old)
        expect(old.locator(".account .name")).to_have_text("grace")
