"""Elements with the same URL share a connection."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import QUICK_RETRY, event


def position(number):
    return f"{number}-0000{number:04d}"


def add(page, html):
    page.evaluate("(html) => { document.body.insertAdjacentHTML('beforeend', html); }", html)


def test_elements_with_the_same_url_share_a_connection(page, server, open_page):
    open_page(
        """
<b dj-sse="/stream/" dj-sse-event="a"></b><i dj-sse="/stream/" dj-sse-event="b c"></i>
<u dj-sse="http://127.0.0.1/elsewhere/../stream/"></u>
    """.replace("http://127.0.0.1", server.url)
    )
    stream = server.accept().stream(event("a", "1") + event("b", "2"))
    expect(page.locator("b")).to_have_text("1")
    expect(page.locator("i")).to_have_text("2")
    expect(page.locator("u")).to_have_text("2")
    assert server.is_idle()
    page.evaluate("() => document.querySelector('b').remove()")
    stream.send(event("c", "3"))
    expect(page.locator("i")).to_have_text("3")
    page.evaluate("() => document.body.replaceChildren()")
    stream.wait_until_closed()


def test_each_element_has_its_own_states_and_statistics(page, server, open_page):
    open_page('<b dj-sse="/stream/"></b>')
    stream = server.accept().stream(QUICK_RETRY + event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    add(page, '<i dj-sse="/stream/"></i>')
    expect(page.locator("i")).to_have_class("sse-connected")
    stream.send(event("a", "2"))
    expect(page.locator("i")).to_have_text("2")
    count = "(element) => element._djustSSE.getStats().messages"
    assert [page.locator(name).evaluate(count) for name in "bi"] == [2, 1]
    page.evaluate("() => void document.querySelector('b')._djustSSE.disconnect()")
    expect(page.locator("b")).to_have_class("sse-disconnected")
    stream.send(event("a", "3"))
    expect(page.locator("i")).to_have_text("3")
    expect(page.locator("b")).to_have_text("2")
    page.evaluate("() => void document.querySelector('b')._djustSSE.connect()")
    expect(page.locator("b")).to_have_class("sse-connected")
    assert server.is_idle()


def test_elements_with_other_settings_have_their_own_connection(page, server, open_page):
    open_page("""
<b dj-sse="/stream/"></b><i dj-sse="/stream/" dj-sse-credentials="true"></i>
<u dj-sse="/stream/" dj-sse-reconnect="false"></u><s dj-sse="/stream/?page=2"></s>
    """)
    for _ in range(4):
        server.accept().stream()


def test_elements_start_at_the_position_that_one_of_them_has(page, server, open_page):
    open_page(f"""
<b dj-sse="/stream/"></b><i dj-sse="/stream/" dj-sse-since="{position(7)}"></i>
    """)
    assert server.accept().headers["Last-Event-ID"] == position(7)
    assert server.is_idle()


def test_an_element_that_is_added_later_gets_missed_events_once(page, server, open_page):
    open_page(f'<b dj-sse="/stream/" dj-sse-mode="append" dj-sse-since="{position(10)}"></b>')
    stream = server.accept().stream("".join(event("a", str(n), id=position(n)) for n in range(11, 15)))
    expect(page.locator("b")).to_have_text("11121314")
    add(page, f'<i dj-sse="/stream/" dj-sse-mode="append" dj-sse-since="{position(12)}"></i>')
    add(page, f'<u dj-sse="/stream/" dj-sse-mode="append" dj-sse-since="{position(15)}"></u>')
    add(page, '<s dj-sse="/stream/" dj-sse-mode="append"></s>')
    expect(page.locator("i")).to_have_text("1314")
    stream.send(event("a", "15", id=position(15)) + event("a", "16", id=position(16)))
    expect(page.locator("b")).to_have_text("111213141516")
    expect(page.locator("i")).to_have_text("13141516")
    expect(page.locator("u")).to_have_text("16")
    expect(page.locator("s")).to_have_text("1516")
    assert server.is_idle()


def test_an_element_with_an_older_position_opens_its_own_connection(page, server, open_page):
    open_page(f'<b dj-sse="/stream/" dj-sse-since="{position(10)}"></b>')
    server.accept().stream(event("a", "11", id=position(11)))
    expect(page.locator("b")).to_have_text("11")
    add(page, f'<i dj-sse="/stream/" dj-sse-since="{position(5)}"></i>')
    assert server.accept().headers["Last-Event-ID"] == position(5)


@pytest.mark.parametrize("rounds", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_fifty_elements_on_five_urls_leave_no_memory_behind(page, server, open_page, browser_name, rounds):
    open_page('<b id="first" dj-sse="/first/"></b>')
    server.accept("/first/").stream(event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    page.evaluate("() => { window.opened = 0; window.open = new Set(); }")
    page.evaluate(
        """() => {
        const fetched = window.fetch;
        window.fetch = (url, options) => {
            const request = {};
            open.add(request);
            opened += 1;
            options.signal.addEventListener('abort', () => open.delete(request));
            return new Promise((_, reject) => options.signal.addEventListener('abort', reject));
        };
    }"""
    )
    html = "".join(f'<p dj-sse="/stream/{n % 5}/" dj-sse-event="a"></p>' for n in range(50))
    churn = """async ([html, times]) => {
        const most = new Set();
        for (let time = 0; time < times; time += 1) {
            const place = document.createElement('div');
            place.innerHTML = html;
            document.body.append(place);
            await new Promise((resolve) => setTimeout(resolve));
            most.add(open.size);
            place.remove();
            await new Promise((resolve) => setTimeout(resolve));
            most.add(open.size);
        }
        return [...most].sort();
    }"""
    # Firefox does not report its heap.
    heap = heap_used if browser_name == "chromium" else lambda page: 0
    assert page.evaluate(churn, [html, rounds // 2]) == [0, 5]
    before = heap(page)
    assert page.evaluate(churn, [html, rounds // 2]) == [0, 5]
    assert heap(page) - before < 100_000
    assert page.evaluate("() => opened") == 5 * rounds


def heap_used(page):
    protocol = page.context.new_cdp_session(page)
    for _ in range(3):
        protocol.send("HeapProfiler.collectGarbage")
    return protocol.send("Runtime.getHeapUsage")["usedSize"]
