"""`dj-sse-refresh`: an element is fetched again at an event, in order with the others."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event

STRICT_POLICY = "default-src 'self'; require-trusted-types-for 'script'; trusted-types djust-sse"
EMPTY = """<p id="orders" dj-sse="/stream/" dj-sse-refresh="changed">{}</p>"""
ORDERS = """<form id="orders" dj-sse="/stream/" dj-sse-refresh="changed"><input name="note">{}</form>"""


@pytest.fixture
def fetched(page):
    """Return a function that returns the URLs of the refreshes since the page was opened."""
    found = []
    page.on("request", lambda request: "sse-refresh" in request.headers and found.append(request.url))
    return lambda: found


def let_refresh(page, received):
    """Wait until the first stream has received this number of events, and run the clock past a refresh."""
    page.wait_for_function(
        "(received) => document.querySelector('[dj-sse]')._djustSSE.getStats().messages === received", arg=received
    )
    page.clock.run_for(2000)


def hide(page, hidden):
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_a_burst_refreshes_the_element_once_and_keeps_unsaved_input(page, server, open_page, complaints, fetched):
    page.clock.install()
    open_page(ORDERS.format("<b>1</b>"), headers={"Content-Security-Policy": STRICT_POLICY})
    stream = server.accept().stream()
    page.locator("input").fill("for Monday")
    server.page(ORDERS.format("<b>2</b><i>new</i>"))
    stream.send("".join(event("changed", number) for number in range(50)))
    let_refresh(page, received=50)
    expect(page.locator("b")).to_have_text("2")
    expect(page.locator("#orders")).to_have_text("2new")
    expect(page.locator("input")).to_have_value("for Monday")
    server.page(ORDERS.format("<b>3</b>"))
    stream.send("".join(event("changed", number) for number in range(50)))
    let_refresh(page, received=100)
    expect(page.locator("#orders")).to_have_text("3")
    assert fetched() == [f"{server.url}/"] * 2
    assert server.is_idle()
    assert complaints == []


def test_a_failed_refresh_is_reported_and_retried_and_events_do_not_wait(page, server, open_page, complaints):
    page.clock.install()
    open_page("""
<ul id="list"><li>old</li></ul>
<p dj-sse="/stream/" dj-sse-event="note" dj-sse-refresh="changed" dj-sse-target="#list" dj-sse-reset="/part/"></p>
<b dj-sse="/stream/" dj-sse-event="note"></b>
    """)
    server.page("log in", path="/login/")
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, received=1)
    part = server.accept("/part/")
    stream.send(event("note", "shown"))
    expect(page.locator("b")).to_have_text("shown")
    with page.expect_console_message(lambda message: "503" in message.text):
        part.answer(503)
    page.clock.run_for(2000)
    server.accept("/part/").answer(200, "<li>new</li>")
    expect(page.locator("#list > li")).to_have_text(["new"])
    stream.send(event("changed", ""))
    let_refresh(page, received=3)
    with page.expect_console_message(lambda message: "/login/" in message.text):
        server.accept("/part/").answer(302, Location="/login/")
    page.clock.run_for(60_000)
    expect(page.locator("#list > li")).to_have_text(["new"])
    assert server.is_idle()


def test_a_refresh_waits_for_earlier_events_and_is_fetched_again_if_they_change_the_element(
    page, server, open_page
):
    page.clock.install()
    page.add_init_script("""
        document.startViewTransition = (update) => {
            const updateCallbackDone = (window.held ?? Promise.resolve()).then(update);
            return { ready: Promise.resolve(), updateCallbackDone };
        };
        window.held = new Promise((done) => { window.go = done; });
    """)
    open_page("""
<ul id="list" dj-sse="/stream/" dj-sse-event="item" dj-sse-mode="append" dj-sse-transition
    dj-sse-refresh="changed" dj-sse-reset="/part/"><li>1</li></ul>
    """)
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, received=1)
    part = server.accept("/part/")
    stream.send(event("item", {"html": "<li>2</li>"}))
    let_refresh(page, received=2)
    with page.expect_event("requestfinished"):
        part.answer(200, "<li>one</li>")
    expect(page.locator("li")).to_have_text(["1"])
    page.evaluate("() => go()")
    again = server.accept("/part/")
    expect(page.locator("li")).to_have_text(["1", "2"])
    again.answer(200, "<li>one</li><li>two</li>")
    expect(page.locator("li")).to_have_text(["one", "two"])


def test_a_refresh_is_fetched_again_if_an_event_changes_only_a_class(page, server, open_page):
    page.clock.install()
    open_page("""
<ul id="list" dj-sse="/stream/" dj-sse-event="read" dj-sse-refresh="changed" dj-sse-reset="/part/">
<li dj-sse-field="class.is-read:done">1</li></ul>
    """)
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, received=1)
    part = server.accept("/part/")
    stream.send(event("read", {"done": True}))
    expect(page.locator("li.is-read")).to_have_count(1)
    part.answer(200, "<li>1</li>")
    again = server.accept("/part/")
    expect(page.locator("li.is-read")).to_have_count(1)
    again.answer(200, "<li class='is-read'>one</li>")
    expect(page.locator("li.is-read")).to_have_text(["one"])


def test_a_module_that_could_not_be_loaded_is_loaded_again_at_the_next_event(page, server, open_page):
    page.clock.install()
    page.route("**/djust-sse-extras.js", lambda route: route.abort())
    with page.expect_console_message(lambda message: "could not be loaded" in message.text):
        open_page(EMPTY.format("<b>1</b>"))
    server.page(EMPTY.format("<b>2</b>"))
    stream = server.accept().stream()
    page.clock.run_for(6000)
    stream.send(event("changed", 1))
    let_refresh(page, received=1)
    expect(page.locator("b")).to_have_text("2")


def test_a_hidden_page_is_refreshed_when_it_is_shown_and_after_a_gap(page, server, open_page, fetched):
    page.clock.install()
    open_page(EMPTY.format(""))
    stream = server.accept().stream()
    hide(page, hidden=True)
    server.page(EMPTY.format("<b>2</b>"))
    stream.send(event("changed", 1) + event("changed", 2))
    let_refresh(page, received=2)
    expect(page.locator("#orders")).to_have_text("")
    assert fetched() == []
    hide(page, hidden=False)
    expect(page.locator("b")).to_have_text("2")
    server.page(EMPTY.format("<b>3</b>"))
    stream.send(event("sse:reset", {"reason": "expired"}))
    let_refresh(page, received=3)
    expect(page.locator("b")).to_have_text("3")


def test_a_refresh_can_be_prevented_and_animated(page, server, open_page, browser_name):
    page.clock.install()
    page.add_init_script("""
        addEventListener('sse:before', (event) => {
          (window.names ??= []).push(event.detail.event);
          if (names.length === 1) event.preventDefault();
        });
        const start = document.startViewTransition?.bind(document);
        if (start) document.startViewTransition = (update) => (window.animated = true, start(update));
    """)
    open_page(ORDERS.format("<b>1</b>").replace("<form ", "<form dj-sse-transition "))
    stream = server.accept().stream(event("changed", 1))
    let_refresh(page, received=1)
    page.wait_for_function("() => window.names")
    expect(page.locator("b")).to_have_text("1")
    server.page(ORDERS.format("<b>2</b>"))
    stream.send(event("changed", 2))
    let_refresh(page, received=2)
    expect(page.locator("b")).to_have_text("2")
    assert page.evaluate("() => [names, animated]") == [["changed", "changed"], True]
