"""Forms while the server cannot be reached: the page keeps the input, shows a message, and sends it later."""

import contextlib
import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

WORDS = "Not sent: the server cannot be reached. What you typed is kept."


@pytest.fixture(scope="module")
def login(site, browser):
    return people.logged_in(browser, site.url, "grace")


@pytest.fixture
def visit(site, browser, login):
    """Open a page as a demo user."""
    with people.browsers(browser, site.url) as open_browser:

        def show(address):
            page = open_browser(storage_state=login)
            page.set_default_timeout(5000)
            page.goto(address)
            page.evaluate("() => { window.stayed = true }")
            return page

        yield show


@contextlib.contextmanager
def without_network(page):
    page.context.set_offline(True)
    yield
    page.context.set_offline(False)


@contextlib.contextmanager
def without_server_behind_a_proxy(page):
    page.route("**/health/live", lambda route: route.fulfill(status=502))
    yield
    page.unroute("**/health/live")


def assert_not_sent(page):
    expect(page.get_by_role("status").get_by_text(WORDS)).to_be_visible()
    assert page.evaluate("() => window.stayed")


def try_again(page):
    page.get_by_role("button", name="Try again", exact=True).click()


def test_a_post_and_its_picture_wait_for_the_network_and_are_sent_once(visit):
    pytest.importorskip("apps.feed.models")
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    page = visit("/feed/")
    page.get_by_label("Text").fill("Written on a train")
    page.set_input_files("[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    send = page.get_by_role("button", name="Post", exact=True)
    with without_network(page):
        send.click()
        assert_not_sent(page)
        expect(page.get_by_label("Text")).to_have_value("Written on a train")
        page.keyboard.press("Escape")
        expect(page.get_by_text(WORDS)).to_be_hidden()
    send.dblclick()
    expect(page.locator(".post", has_text="Written on a train").locator("img")).to_be_visible()
    expect(page.locator(".post", has_text="Written on a train")).to_have_count(1)


@pytest.mark.parametrize("away", [without_network, without_server_behind_a_proxy])
def test_a_file_waits_to_be_uploaded_although_an_event_replaces_the_form(visit, away):
    pytest.importorskip("apps.tasks.models")
    page = visit("/tasks/")
    page.set_input_files(
        "[name=file]", {"name": "a.csv", "mimeType": "text/csv", "buffer": b"name,email\nAda,ada@example.com\n"}
    )
    with away(page):
        page.get_by_role("button", name="Start import").click()
        assert_not_sent(page)
        page.evaluate(
            "() => { const { form } = document.querySelector('[name=file]'); form.replaceWith(form.cloneNode(true)); }"
        )
    try_again(page)
    page.wait_for_url("**/tasks/*/")


def test_a_notification_waits_to_be_marked_as_read(visit):
    pytest.importorskip("apps.notifications.models")
    page = visit("/")
    page.get_by_role("button", name="Notify me").click()
    expect(page.locator(".notification-count")).not_to_have_text("0")
    page.goto("/notifications/?show=unread")
    page.evaluate("() => { window.stayed = true }")
    unread = page.locator(".notification:visible")
    before = unread.count()
    with without_network(page):
        page.get_by_role("button", name="Mark read").first.click()
        assert_not_sent(page)
        expect(unread).to_have_count(before)
    try_again(page)
    expect(unread).to_have_count(before - 1)
    assert page.evaluate("() => window.stayed")


def test_a_guide_message_waits_and_a_button_works_although_its_row_was_replaced(visit):
    pytest.importorskip("apps.guide.models")
    page = visit("/guide/channel/")
    page.get_by_label("Say something").fill("Hello")
    with without_network(page):
        page.get_by_role("button", name="Publish").click()
        assert_not_sent(page)
        expect(page.get_by_label("Say something")).to_have_value("Hello")
    try_again(page)
    expect(page.get_by_label("Say something")).to_have_value("")

    page = visit("/guide/live-list/")
    page.get_by_role("button", name="Place an order").click()
    page.wait_for_function("() => !window.stayed")
    page.wait_for_load_state()
    page.evaluate("() => { window.stayed = true }")
    rows = page.locator("#guide-orders li")
    before = rows.count()
    with without_network(page):
        page.get_by_role("button", name="Remove").first.click()
        assert_not_sent(page)
        page.evaluate(
            "() => { const row = document.querySelector('#guide-orders li'); row.replaceWith(row.cloneNode(true)) }"
        )
    try_again(page)
    expect(rows).to_have_count(before - 1)


def test_a_client_script_that_failed_to_load_is_loaded_again_and_a_page_without_it_is_offline(
    site, browser, login
):
    client = "**/sse/djust-sse.js"
    with people.browsers(browser, site.url) as open_browser:
        page = open_browser(storage_state=login)
        page.clock.install()
        live, again = page.locator("#live"), page.get_by_role("button", name="Try again now")

        def is_shown(state):
            page.clock.run_for(500)
            return live.get_attribute("data-state") == state

        page.route(client, lambda route: route.abort(), times=2)
        page.goto("/feed/")
        servers.wait_until(lambda: is_shown("connected"))
        page.route(client, lambda route: route.abort())
        page.reload()
        servers.wait_until(lambda: is_shown("offline"))
        page.unroute(client)
        again.click()
        servers.wait_until(lambda: is_shown("connected"))
        expect(again).to_be_hidden()
