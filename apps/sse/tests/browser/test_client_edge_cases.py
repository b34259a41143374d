"""Edge cases: limits beside a target, SVG, warnings, prerendering."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event, names_seen, wait_for_state

RESET = event("sse:reset", {"reason": "gap"})


@pytest.mark.parametrize(
    ("mode", "left"), [("before", ["b", "c", "123here", "z"]), ("after", ["z", "123here", "c", "b"])]
)
def test_a_limit_of_siblings_removes_the_oldest_and_never_the_target(page, server, open_page, mode, left):
    open_page(f"""
<ul>{"<li>z</li>" if mode == "after" else ""}<li id="here"><i>1</i><i>2</i><i>3</i>here</li>{"<li>z</li>" if mode == "before" else ""}</ul>
<b dj-sse="/stream/" dj-sse-target="#here" dj-sse-mode="{mode}" dj-sse-limit="2"></b>
    """)
    server.accept().stream("".join(event("a", {"html": f"<li>{name}</li>"}) for name in "abc"))
    expect(page.locator("li")).to_have_text(left)


def test_a_list_of_elements_with_fields_grows(page, server, open_page):
    open_page('<ul dj-sse="/stream/" dj-sse-mode="append"><li dj-sse-field="n">0</li></ul>')
    server.accept().stream(event("a", {"n": 1}))
    expect(page.locator("ul")).to_have_text('0{ "n": 1 }')
    expect(page.locator("li")).to_have_text("0")


def test_inserted_svg_shapes_are_drawn(page, server, open_page):
    open_page("""
<svg width="50" height="50"><g id="g" dj-sse="/stream/" dj-sse-event="g" dj-sse-mode="append"></g></svg>
<i dj-sse="/stream/" dj-sse-event="o" dj-sse-target="#old" dj-sse-mode="outer"></i>
    """)
    circle = "<circle id='{}' r='9'/><text>x</text>"
    server.accept().stream(event("g", {"html": circle.format("old")}) + event("o", {"html": circle.format("new")}))
    expect(page.locator("#new")).to_be_attached()
    assert (
        page.evaluate("() => [...document.querySelectorAll('#g > *')].map((shape) => shape.getBBox && 'drawn')")
        == ["drawn"] * 3
    )


def test_the_client_warns_once_of_a_missing_target(page, server, open_page):
    logged = []
    page.on("console", lambda message: logged.append(message.text))
    open_page('<b dj-sse="/stream/" dj-sse-target="#gone"></b><i dj-sse="/stream/" dj-sse-event="last"></i>')
    with page.expect_console_message(lambda message: "#gone" in message.text):
        stream = server.accept().stream(event("a", "1") * 3)
    stream.send(event("a", "1") + event("last", "1"))
    expect(page.locator("i")).to_have_text("1")
    assert [text for text in logged if "#gone" in text] == ['DjustSSE: no element on this page matches "#gone".']


def test_the_client_warns_once_of_content_an_option_and_an_event_without_effect(page, server, open_page):
    logged = []
    page.on("console", lambda message: logged.append(message.text))
    content = '" dj-sse-event="a"><b>of its own</b></p>'
    open_page(f'<p dj-sse="/received/{content}<p dj-sse="/left-alone/{content}')
    page.evaluate("""() => {
        document.querySelector('p')._djustSSE.on('a', () => {});
        for (const url of ['/default/', '/slower/']) {
            window.sse = new DjustSSE(url, url === '/slower/' ? { retryDelay: 5000 } : {}).connect();
        }
    }""")
    frames = "retry: 3000\n\n" + event("a", {"n": 1}) + event("error", "mine")
    with page.expect_console_message(lambda _: len(logged) == 3):
        streams = [server.accept().stream(frames) for _ in range(4)]
    for stream in streams:
        stream.send(frames)
    page.wait_for_function("() => sse.getStats().messages === 4")
    assert len(logged) == 3
    for words in ["/left-alone/ changed nothing", "/slower/ sent a reconnection delay", '"error" reaches only']:
        assert sum(words in text for text in logged) == 1


def test_a_listener_that_reconnects_immediately_leaves_no_stale_state(page, server, open_page):
    open_page('<b dj-sse="/stream/"></b><i dj-sse="/stream/"></i>')
    page.evaluate("""() => {
        const [first, second] = [...document.querySelectorAll('[dj-sse]')].map(({ _djustSSE }) => _djustSSE);
        window.states = [];
        second.on('sse:state', ({ state }) => states.push(state));
        first.on('reconnecting', () => first.connect());
    }""")
    server.accept().stream("retry: 60000\n\n").end()
    server.accept().stream()
    expect(page.locator("i")).to_have_class("sse-connected")
    assert page.evaluate("() => states.slice(-2)") == ["connecting", "connected"]


def test_a_request_without_a_response_is_aborted_after_ten_seconds(page, server, connect):
    page.clock.install()
    silent = connect("{ retryDelay: 1000 }")
    page.clock.fast_forward(9_000)
    assert names_seen(page) == []
    page.clock.fast_forward(1_000)
    silent.wait_until_closed()
    wait_for_state(page, "reconnecting")
    assert "did not respond" in page.evaluate("() => seen.find(([name]) => name === 'error')[1].event.message")
    page.clock.fast_forward(1_000)
    server.accept().stream()
    wait_for_state(page, "connected")


def test_attempts_without_a_network_do_not_count(page, server, context, connect):
    stream = connect("{ maxRetries: 2, retryDelay: 1 }").stream()
    page.wait_for_function("() => sse.state === 'connected'")
    context.set_offline(True)
    stream.cut()
    page.wait_for_function("() => seen.filter(([name]) => name === 'reconnecting').length > 4")
    context.set_offline(False)
    server.accept().stream()
    page.wait_for_function("() => sse.state === 'connected'")


@pytest.mark.only_browser("chromium")
def test_a_prerendered_page_opens_its_streams_when_it_is_shown(page, server, open_page):
    page.add_init_script("Object.defineProperty(document, 'prerendering', { value: true, configurable: true })")
    open_page('<b dj-sse="/stream/"></b>')
    assert page.evaluate("() => document.querySelector('b')._djustSSE.state") == "disconnected"
    page.evaluate("""() => {
        Object.defineProperty(document, 'prerendering', { value: false });
        document.dispatchEvent(new Event('prerenderingchange'));
    }""")
    server.accept().stream()
    expect(page.locator("b")).to_have_class("sse-connected")


def test_a_reset_uses_the_mode_morph_of_its_element_and_never_nests_a_page(page, server, open_page):
    open_page("""
<form id="f" dj-sse="/stream/" dj-sse-mode="morph" dj-sse-reset="/part/"><input name="a"></form>
<div dj-sse="/other/" dj-sse-reset="/whole/">old</div>
    """)
    page.locator("input").fill("typed")
    for _ in range(2):
        server.accept().stream(RESET)
    # Firefox reports the error without its words.
    with page.expect_console_message(lambda message: "after a reset failed" in message.text):
        for _ in range(2):
            request = server.accept()
            whole = "<!doctype html><html><body><h1>Page</h1></body></html>"
            request.answer(200, whole if request.target == "/whole/" else '<input name="a"><b>new</b>')
    expect(page.locator("form > b")).to_have_text("new")
    expect(page.locator("input")).to_have_value("typed")
    expect(page.locator("div")).to_have_text("old")
