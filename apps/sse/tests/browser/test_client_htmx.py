"""Streams together with htmx (release 4.0.1, in the folder htmx)."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event
from apps.sse.tests.browser.scripted_server import HEAD

HTMX = Path(__file__).parent / "htmx" / "htmx.min.js"


@pytest.fixture
def open_htmx_page(page, open_page):
    """Open a page that has htmx and the client in its head."""
    page.route("**/htmx.min.js", lambda route: route.fulfill(path=HTMX, content_type="text/javascript"))
    head = HEAD.replace("</head>", '<script src="/htmx.min.js"></script></head>')
    return lambda body: open_page(body, head=head)


def test_elements_that_htmx_swaps_in_connect_and_those_it_swaps_out_disconnect(
    page, server, open_htmx_page, complaints
):
    open_htmx_page("""
<button id="one" hx-get="/one/" hx-target="main">one</button>
<button id="two" hx-get="/two/" hx-target="main">two</button><main></main>
    """)
    page.click("#one")
    server.accept("/one/").answer(200, '<b dj-sse="/stream/">waiting</b>')
    stream = server.accept("/stream/").stream(event("a", "live"))
    expect(page.locator("main > b")).to_have_text("live")
    page.click("#two")
    server.accept("/two/").answer(200, "<i>other</i>")
    expect(page.locator("main > i")).to_have_text("other")
    stream.wait_until_closed()
    assert complaints == []


def test_an_element_that_htmx_swaps_for_one_on_the_same_url_keeps_the_connection(page, server, open_htmx_page):
    open_htmx_page("""
<b dj-sse="/stream/"></b>
<button hx-get="/part/" hx-target="main">more</button><main></main>
    """)
    stream = server.accept("/stream/").stream(event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    for number in range(2):
        page.click("button")
        server.accept("/part/").answer(200, f'<i id="i{number}" dj-sse="/stream/"></i>')
        expect(page.locator(f"#i{number}")).to_have_class("sse-connected")
    stream.send(event("a", "2"))
    expect(page.locator("i")).to_have_text("2")
    assert server.is_idle()


def test_htmx_processes_elements_that_a_stream_inserts(page, server, open_htmx_page, complaints):
    open_htmx_page('<ul dj-sse="/stream/" dj-sse-mode="append"></ul><main></main>')
    button = '<li><button hx-get="/read/" hx-target="main">read</button></li>'
    server.accept("/stream/").stream(event("a", {"html": button}))
    page.click("li > button")
    server.accept("/read/").answer(200, "done")
    expect(page.locator("main")).to_have_text("done")
    assert complaints == []


def test_events_can_trigger_htmx_requests(page, server, open_htmx_page, complaints):
    open_htmx_page("""
<div dj-sse="/stream/" dj-sse-event="none"></div>
<main hx-get="/part/" hx-trigger="sse:data from:body">old</main>
    """)
    server.accept("/stream/").stream(event("a", "1"))
    server.accept("/part/").answer(200, "fetched")
    expect(page.locator("main")).to_have_text("fetched")
    assert complaints == []
