"""Which streams tabs share, and the warnings of pages with too many connections."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import ITEMS, NUMBERS, event, item


def test_without_a_key_or_with_false_each_tab_has_its_own_connection_and_no_warning(server, context, open_tab):
    logged = []
    context.on("console", lambda message: logged.append(message.text))
    for body, key in [(ITEMS, ""), (ITEMS.replace("dj-sse-mode", 'dj-sse-share="false" dj-sse-mode'), "mine")]:
        for _ in range(2):
            tab = open_tab(body, key=key)
            server.accept().stream(item(1))
            expect(tab.locator(NUMBERS)).to_have_text("1;")
    assert logged == []


def test_a_script_shares_with_the_option_share(server, open_tab):
    tabs = [open_tab("<i></i>") for _ in range(3)]
    connect = "(share) => { record(window.sse = new DjustSSE('/stream/', { share })).connect(); }"
    for tab in tabs[:2]:
        tab.evaluate(connect, True)
        if tab is tabs[0]:
            server.accept().stream()
        tab.wait_for_function("() => sse.state === 'connected'")
    assert server.is_idle()
    tabs[2].evaluate(connect, False)
    server.accept().stream()


def test_each_tab_opens_a_stream_that_is_not_joinable_and_gets_its_first_event(server, open_tab):
    first = open_tab()
    stream = server.accept()
    second = open_tab()
    stream.stream(event("a", "count"), SSE_Joinable="")
    server.accept().stream(event("a", "count"), SSE_Joinable="")
    third = open_tab(ITEMS + ITEMS)
    server.accept().stream(event("a", "count"), SSE_Joinable="")
    for tab in [first, second, third]:
        expect(tab.locator(NUMBERS).first).to_have_text("count")
    third.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", ITEMS)
    server.accept().stream(event("a", "count"), SSE_Joinable="")
    expect(third.locator(NUMBERS)).to_have_text(["count"] * 3)
    stream.send(event("a", "!"))
    expect(first.locator(NUMBERS)).to_have_text("count!")


def test_a_tab_that_joins_a_stream_of_latest_events_gets_the_newest_of_each_channel(server, open_tab):
    first = open_tab()
    server.accept().stream(item(1) + item(2), SSE_Joinable="latest")
    expect(first.locator(NUMBERS)).to_have_text("1;2;")
    second = open_tab()
    again = server.accept()
    assert "Last-Event-ID" not in again.headers
    again.stream(item(1) + item(2) + item(3), SSE_Joinable="latest")
    expect(second.locator(NUMBERS)).to_have_text("1;2;3;")
    expect(first.locator(NUMBERS)).to_have_text("1;2;3;")
    assert server.is_idle()


def test_the_client_warns_of_many_connections(server, open_tab):
    tab = open_tab("", key="")
    with tab.expect_console_message(lambda message: "has 5 open streams" in message.text):
        tab.evaluate("() => { for (let n = 0; n < 5; n += 1) new DjustSSE(`/${n}/`).connect(); }")


@pytest.mark.only_browser("chromium")
def test_a_tab_without_a_free_connection_warns_in_an_insecure_context(server, context, open_tab):
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    streams = [f'<div dj-sse="/{name}/"></div>' for name in "abc"]
    for body in ["".join(streams), "".join(streams[:2])]:
        open_tab(body)
        for _ in range(body.count("dj-sse")):
            server.accept().stream()
    third = open_tab("".join(streams[:2]), clock=True)
    # The fake clock hides the real entries.
    third.evaluate("() => { performance.getEntriesByType = () => [{ nextHopProtocol: 'http/1.1' }]; }")
    server.accept().stream()
    with third.expect_console_message(lambda message: "perhaps none is free" in message.text):
        third.clock.fast_forward(10_000)
