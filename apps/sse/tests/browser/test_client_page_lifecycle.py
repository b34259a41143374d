"""Pages that are left and restored, and networks that fail and return."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event, freeze, show
from apps.sse.tests.browser.scripted_server import HEAD

TWO_SECONDS = 2000


# Firefox keeps no page that has a request under way: it loads the page again.
@pytest.mark.only_browser("chromium")
@pytest.mark.parametrize("share", ['dj-sse-share="false"', ""])
def test_the_back_button_restores_the_page_and_its_stream(desktop_chromium, server, share):
    page = desktop_chromium.new_page()
    page.add_init_script("addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
    head = HEAD.replace("<html ", '<html dj-sse-share-key="mine" ')
    there = server.page("there", path="/there/")
    page.goto(server.page(f'<b dj-sse="/stream/" dj-sse-mode="append" {share}></b>', head=head))
    stream = server.accept().stream(event("a", "one;", id="1-0000aaaa"))
    expect(page.locator("b")).to_have_text("one;")
    page.goto(there)
    stream.wait_until_closed()
    page.go_back(wait_until="commit")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1-0000aaaa"
    again.stream(event("a", "two;", id="2-0000bbbb"))
    expect(page.locator("b")).to_have_text("one;two;", timeout=TWO_SECONDS)
    assert page.evaluate("() => restored")
    expect(page.locator("b")).to_have_class("sse-connected")


def test_a_page_reconnects_immediately_when_the_network_returns(page, server, context, open_page):
    open_page('<b dj-sse="/stream/" dj-sse-mode="append"></b>')
    stream = server.accept().stream("retry: 60000\n\n" + event("a", "one;", id=1))
    expect(page.locator("b")).to_have_text("one;")
    context.set_offline(True)
    stream.cut()
    expect(page.locator("b")).to_have_class("sse-disconnected")
    context.set_offline(False)
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(event("a", "two;", id=2))
    expect(page.locator("b")).to_have_text("one;two;", timeout=TWO_SECONDS)


@pytest.mark.only_browser("chromium")
def test_a_frozen_page_closes_its_stream_and_opens_it_when_it_is_shown(desktop_chromium, server):
    page = desktop_chromium.new_page()
    page.goto(server.page('<b dj-sse="/stream/" dj-sse-mode="append"></b>'))
    stream = server.accept().stream(event("a", "one;", id=1))
    expect(page.locator("b")).to_have_text("one;")
    freeze(page)
    stream.wait_until_closed()
    show(page)
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(event("a", "two;", id=2))
    expect(page.locator("b")).to_have_text("one;two;", timeout=TWO_SECONDS)
