"""Ids and positions: what the client sends as its last id, and which events it drops."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import QUICK_RETRY, event, names_seen


def test_an_unfinished_event_is_not_delivered_and_does_not_change_the_position(page, server, connect):
    stream = connect().stream(QUICK_RETRY + event("a", "1", id=1) + "event: a\nid: 2\ndata: ha")
    page.wait_for_function("() => sse.getStats().bytes > 40")
    stream.cut()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(event("a", "2", id=2))
    page.wait_for_function("() => sse.getStats().lastEventId === '2'")
    assert page.evaluate("() => sse.getStats().messages") == 2
    assert "error" in names_seen(page)


def test_an_empty_id_clears_the_position(page, server, connect):
    connect().stream(QUICK_RETRY + event("a", "1", id=1) + "id:\n\n").end()
    assert "Last-Event-ID" not in server.accept().headers


def test_the_position_in_the_page_is_the_first_one_sent(server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-since="12-ab"></div>')
    assert server.accept().headers["Last-Event-ID"] == "12-ab"


def test_events_at_positions_that_were_passed_are_dropped(page, server, connect):
    page.add_init_script("window.received = []")
    stream = connect("{ lastEventId: '9-0000aaaa' }")
    page.evaluate("() => void sse.on('item', (data) => received.push(data))")
    stream.stream(QUICK_RETRY + event("item", "seen", id="8-0000bbbb") + event("item", "seen", id="9-0000aaaa"))
    stream.send(event("item", "a", id="10-0000cccc") + event("item", "again", id="10-0000cccc"))
    stream.send("id: 3-0000dddd\n\n" + event("item", "without an id") + event("item", "b", id="11-0000eeee"))
    stream.end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "11-0000eeee"
    assert page.evaluate("() => received") == ["a", "without an id", "b"]
    assert page.evaluate("() => sse.getStats().messages") == 3
    again.stream()


def test_ids_that_are_not_positions_can_repeat_and_go_back(page, server, connect):
    connect().stream(
        QUICK_RETRY + event("a", "1", id=7) + event("a", "2", id=7) + event("a", "3", id="2-short")
    ).end()
    assert server.accept().headers["Last-Event-ID"] == "2-short"
    assert page.evaluate("() => sse.getStats().messages") == 3


def test_a_reset_clears_the_position(page, server, connect):
    stream = connect("{ lastEventId: '900-0000aaaa' }")
    stream.stream(QUICK_RETRY + event("sse:reset", {"reason": "gap"})).end()
    again = server.accept()
    assert "Last-Event-ID" not in again.headers
    again.stream("id: 3-0000bbbb\n\n" + event("a", "of another log", id="4-0000cccc")).end()
    assert server.accept().headers["Last-Event-ID"] == "4-0000cccc"
    assert page.evaluate("() => sse.getStats().messages") == 2


OPENED = """
<b dj-sse="/stream/" ATTRIBUTE>…</b>
<script>
    const received = [];
    const note = (name) => () => received.push([name]);
    for (const name of ['*', 'sse:open']) document.querySelector('b')._djustSSE.on(name, note(name));
    for (const name of ['sse:data', 'sse:open']) document.addEventListener(name, note(name));
</script>
"""


@pytest.mark.parametrize("attribute", ["", 'dj-sse-share-key="mine"'])
def test_the_opening_position_of_a_stream_is_kept_without_an_event(page, server, open_page, attribute):
    open_page(OPENED.replace("ATTRIBUTE", attribute))
    opening = event("sse:open", "{}", id="7-0000aaaa")
    server.accept().stream(QUICK_RETRY + event("sse:reset", {"reason": "gap"}) + opening).end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "7-0000aaaa"
    again.stream(event("sse:open", "{}", id="8-0000bbbb") + event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    assert [name for (name,) in page.evaluate("() => received")] == ["*", "sse:data", "*"], (
        "the reset, and the event"
    )
    stats = page.evaluate("() => document.querySelector('b')._djustSSE.getStats()")
    assert (stats["messages"], stats["lastEventId"]) == (2, "8-0000bbbb")


def test_a_reset_is_emitted_and_dispatched_on_the_element(page, server, open_page):
    open_page("""<script>
window.received = [];
document.addEventListener('sse:reset', (event) => received.push(event.detail.data));
</script><div dj-sse="/stream/"></div>""")
    page.evaluate(
        "() => document.querySelector('[dj-sse]')._djustSSE.on('sse:reset', (data) => received.push(data)).url"
    )
    server.accept().stream(event("sse:reset", {"reason": "expired"}))
    page.wait_for_function("() => received.length === 2")
    assert page.evaluate("() => received") == [{"reason": "expired"}] * 2
    assert page.locator("[dj-sse]").inner_text() == ""
