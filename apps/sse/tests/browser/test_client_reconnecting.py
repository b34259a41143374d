"""When a stream comes back, how it says so, and when it stays away."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.playing import QUICK_RETRY, event, names_seen, wait_for_state
from apps.sse.wire.ids import FINISHED


@pytest.mark.firefox
def test_it_comes_back_with_the_last_id_and_says_so(page, server, connect):
    first = connect()
    assert "Last-Event-ID" not in first.headers
    assert first.headers["Accept"] == "text/event-stream"
    first.stream(QUICK_RETRY + event("a", "1", id="7-häß✓")).end()
    second = server.accept()
    assert second.headers["Last-Event-ID"].encode("latin-1").decode() == "7-häß✓"
    second.stream()
    assert wait_for_state(page, "reconnected") == {"reconnections": 1}
    assert names_seen(page) == ["connected", "disconnected", "reconnecting", "connected", "reconnected"]
    assert page.evaluate("() => seen[1][1]") == {"reason": "ended", "final": False}
    assert page.evaluate("() => seen[2][1].attempt") == 1


def test_half_an_event_is_not_delivered_and_does_not_move_the_position(page, server, connect):
    stream = connect().stream(QUICK_RETRY + event("a", "1", id=1) + "event: a\nid: 2\ndata: ha")
    page.wait_for_function("() => sse.getStats().bytes > 40")
    stream.cut()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(event("a", "2", id=2))
    page.wait_for_function("() => sse.getStats().lastEventId === '2'")
    assert page.evaluate("() => sse.getStats().messages") == 2
    assert "error" in names_seen(page)


def test_an_empty_id_forgets_the_position(page, server, connect):
    connect().stream(QUICK_RETRY + event("a", "1", id=1) + "id:\n\n").end()
    assert "Last-Event-ID" not in server.accept().headers


def test_the_position_printed_into_the_page_is_the_first_one_sent(server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-since="12-ab"></div>')
    assert server.accept().headers["Last-Event-ID"] == "12-ab"


def test_an_event_whose_position_was_passed_is_dropped(page, server, connect):
    page.add_init_script("window.heard = []")
    stream = connect("{ lastEventId: '9-0000aaaa' }")
    page.evaluate("() => void sse.on('item', (data) => heard.push(data))")
    stream.stream(QUICK_RETRY + event("item", "seen", id="8-0000bbbb") + event("item", "seen", id="9-0000aaaa"))
    stream.send(event("item", "a", id="10-0000cccc") + event("item", "again", id="10-0000cccc"))
    stream.send("id: 3-0000dddd\n\n" + event("item", "without an id") + event("item", "b", id="11-0000eeee"))
    stream.end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "11-0000eeee"
    assert page.evaluate("() => heard") == ["a", "without an id", "b"]
    assert page.evaluate("() => sse.getStats().messages") == 3
    again.stream()


def test_ids_that_are_no_positions_may_come_again_and_go_back(page, server, connect):
    connect().stream(
        QUICK_RETRY + event("a", "1", id=7) + event("a", "2", id=7) + event("a", "3", id="2-short")
    ).end()
    assert server.accept().headers["Last-Event-ID"] == "2-short"
    assert page.evaluate("() => sse.getStats().messages") == 3


def test_a_reset_forgets_the_position(page, server, connect):
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
    const heard = [];
    const note = (name) => () => heard.push([name]);
    for (const name of ['*', 'sse:open']) document.querySelector('b')._djustSSE.on(name, note(name));
    for (const name of ['sse:data', 'sse:open']) document.addEventListener(name, note(name));
</script>
"""


@pytest.mark.parametrize("attribute", ["", 'dj-sse-share-key="everyday"'])
def test_the_position_at_which_a_stream_begins_is_kept_and_shown_to_nobody(page, server, open_page, attribute):
    open_page(OPENED.replace("ATTRIBUTE", attribute))
    opening = event("sse:open", "{}", id="7-0000aaaa")
    server.accept().stream(QUICK_RETRY + event("sse:reset", {"reason": "gap"}) + opening).end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "7-0000aaaa"
    again.stream(event("sse:open", "{}", id="8-0000bbbb") + event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    assert [name for (name,) in page.evaluate("() => heard")] == ["*", "sse:data", "*"], "the reset, and the event"
    stats = page.evaluate("() => document.querySelector('b')._djustSSE.getStats()")
    assert (stats["messages"], stats["lastEventId"]) == (2, "8-0000bbbb")


def test_a_native_eventsource_stops_at_a_stream_that_is_finished_too(page, server, open_page):
    open_page(
        "<script>new EventSource('/stream/').onerror = (e) => { window.stopped = e.target.readyState === 2; }</script>"
    )
    server.accept().stream(QUICK_RETRY + event("sse:end", "{}", id=FINISHED)).end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == FINISHED
    again.answer(204)
    page.wait_for_function("() => window.stopped")
    assert server.is_idle()


def test_no_content_stops_it_for_good(page, server, connect):
    connect().answer(204)
    assert wait_for_state(page, "disconnected") == {"reason": "finished", "final": True}
    assert names_seen(page) == ["disconnected"]
    page.evaluate("() => dispatchEvent(new Event('online'))")
    assert page.evaluate("() => sse.getStats().state") == "disconnected"


def test_the_end_event_stops_it_for_good(page, server, connect):
    stream = connect().stream(event("a", "1", id=1) + event("sse:end", "{}", id=FINISHED))
    assert wait_for_state(page, "disconnected") == {"reason": "finished", "final": True}
    stream.wait_until_closed()
    assert names_seen(page) == ["connected", "disconnected"]
    assert server.is_idle()
    page.evaluate("() => void sse.connect()")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == FINISHED
    again.answer(204)
    page.wait_for_function("() => sse.getStats().state === 'disconnected'")


def test_a_refusal_stops_it_and_is_said(page, server, connect, complaints):
    connect().answer(401)
    for status, reason, following in [
        (401, "unauthorized", 403),
        (403, "forbidden", 404),
        (404, "not-found", 410),
    ]:
        stopped = wait_for_state(page, "disconnected")
        assert stopped == {"reason": reason, "status": status, "final": True}
        assert names_seen(page) == ["error", "disconnected"]
        assert any(f"/stream/: the server returned {status}" in complaint for complaint in complaints)
        page.evaluate("() => { seen.length = 0; sse.connect(); }")
        server.accept().answer(following)
    assert wait_for_state(page, "disconnected")["reason"] == "refused"


def test_retry_after_is_honoured_even_when_the_page_wakes_up(page, server, connect):
    connect("{ retryDelay: 1 }").answer(429, Retry_After="0")
    request = server.accept()
    page.evaluate("() => { seen.length = 0; }")
    request.answer(503, Retry_After="1")
    asked = page.evaluate("() => performance.now()")
    assert wait_for_state(page, "reconnecting")["delay"] >= 1000
    page.evaluate("() => dispatchEvent(new Event('online'))")
    server.accept().stream()
    wait_for_state(page, "connected")
    assert page.evaluate("() => performance.now()") - asked > 900
    assert "disconnected" not in names_seen(page)


def test_the_delay_doubles(page, connect, server):
    page.add_init_script("Math.random = () => 1")
    connect("{ retryDelay: 200 }").answer(500)
    for _ in range(2):
        server.accept().answer(502)
    page.wait_for_function("() => seen.filter(([name]) => name === 'reconnecting').length === 3")
    reconnecting = page.evaluate("() => seen.filter(([name]) => name === 'reconnecting').map(([, at]) => at)")
    assert [(at["attempt"], at["delay"]) for at in reconnecting] == [(1, 200), (2, 400), (3, 800)]


def test_a_visible_page_tries_every_five_seconds_at_least_and_a_hidden_one_less_often(page, server, open_page):
    page.clock.install()
    page.add_init_script("Math.random = () => 1")
    open_page('<b dj-sse="/stream/"></b>')
    page.evaluate("() => record(document.querySelector('b')._djustSSE)")
    stream = server.accept().stream("retry: 3000\n\n")
    expect(page.locator("b")).to_have_class("sse-connected")
    stream.end()
    told = "() => seen.filter(([name]) => name === 'reconnecting').map(([, { delay }]) => delay)"
    delays = [3000, *[5000] * 5]
    for number, delay in enumerate(delays, 1):
        page.wait_for_function(f"(number) => ({told})().length === number", arg=number)
        page.clock.fast_forward(delay)
        request = server.accept()
        if number == len(delays):
            page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        request.answer(503, **({"Retry_After": "10"} if number == 2 else {}))
        delays[2] = 15_000
    page.wait_for_function(f"() => ({told})().length === 7")
    assert page.evaluate(told) == [3000, 5000, 15_000, 5000, 5000, 5000, 30_000]


def test_the_servers_delay_beats_the_option(page, connect):
    page.add_init_script("Math.random = () => 1")
    connect("{ retryDelay: 7000 }").stream("retry: 60000\n\n").end()
    assert wait_for_state(page, "reconnecting")["delay"] == 60000


def test_it_gives_up_after_the_documented_number_of_attempts(page, server, connect):
    connect("{ retryDelay: 1, maxRetries: 2 }").answer(500)
    server.accept().answer(500)
    server.accept().answer(500)
    assert wait_for_state(page, "disconnected") == {"reason": "unavailable", "status": 500, "final": True}
    assert names_seen(page) == ["error", "reconnecting"] * 2 + ["error", "disconnected"]


def test_a_declarative_stream_does_not_give_up(page, server, open_page):
    page.add_init_script("Math.random = () => 0")
    open_page('<div dj-sse="/stream/"></div>')
    server.accept().stream(QUICK_RETRY).end()
    for _ in range(7):
        server.accept().answer(500)
    server.accept().stream(event("a", "back"))
    expect(page.locator("[dj-sse]")).to_have_text("back")


def test_without_reconnecting_a_lost_stream_stays_lost(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-reconnect="false"></div>')
    page.evaluate("() => void record(document.querySelector('[dj-sse]')._djustSSE)")
    server.accept().stream(QUICK_RETRY).end()
    assert wait_for_state(page, "disconnected") == {"reason": "ended", "final": True}
    assert server.is_idle()


def test_it_tries_again_at_once_when_page_or_network_come_back(page, server, connect):
    stream = connect().stream("retry: 60000\n\n")
    for wake_up in [
        "dispatchEvent(new Event('online'))",
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ]:
        stream.end()
        wait_for_state(page, "reconnecting")
        page.evaluate(f"() => {wake_up}")
        stream = server.accept().stream()
        wait_for_state(page, "reconnected")
        page.evaluate("() => { seen.length = 0; }")


def test_a_page_that_goes_away_closes_its_stream_and_opens_it_when_it_is_restored(page, server, connect):
    stream = connect().stream(event("a", "1", id=1))
    page.wait_for_function("() => sse.getStats().lastEventId === '1'")
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    stream.wait_until_closed()
    assert names_seen(page) == ["connected"]
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream()
    wait_for_state(page, "reconnected")


def test_a_stream_without_its_promised_keepalives_is_given_up(page, server, connect):
    stream = connect().stream(QUICK_RETRY, SSE_Keepalive="0.2")
    stream.wait_until_closed()
    server.accept().stream(SSE_Keepalive="15")
    wait_for_state(page, "reconnected")
    assert page.evaluate("() => seen.find(([name]) => name === 'disconnected')[1].reason") == "silent"


def test_keepalives_keep_a_stream_alive(page, server, connect):
    page.clock.install()
    stream = connect().stream("", SSE_Keepalive="15")
    for count in range(3):
        stream.send(": keepalive\n\n")
        page.wait_for_function("(bytes) => sse.getStats().bytes === bytes", arg=13 * (count + 1))
        page.clock.fast_forward(30_000)
    assert names_seen(page) == ["connected"]


def test_a_redirect_to_a_login_page_is_said(page, server, connect):
    server.page("log in", path="/login/")
    connect().answer(302, Location="/login/")
    stopped = wait_for_state(page, "disconnected")
    assert (stopped["reason"], stopped["url"], stopped["final"]) == ("redirected", f"{server.url}/login/", True)


def test_an_answer_that_is_no_event_stream_is_said(page, connect, complaints):
    connect().answer(200, "<p>welcome</p>")
    assert wait_for_state(page, "disconnected")["reason"] == "not-a-stream"
    assert "expected text/event-stream, got text/html" in complaints[0]


def test_the_servers_error_event_is_printed_and_handled_as_an_error(page, connect, complaints):
    connect().stream(event("sse:error", {"message": "out of cheese"}) + event("a", "1"))
    assert wait_for_state(page, "error") is not None
    page.wait_for_function("() => sse.getStats().messages === 2")
    assert page.evaluate("() => [sse.getStats().errors, sse.getStats().connected]") == [1, True]
    assert len(complaints) == 1


def test_a_reset_is_heard_by_its_name_and_on_the_element(page, server, open_page):
    open_page("""<script>
window.heard = [];
document.addEventListener('sse:reset', (event) => heard.push(event.detail.data));
</script><div dj-sse="/stream/"></div>""")
    page.evaluate(
        "() => document.querySelector('[dj-sse]')._djustSSE.on('sse:reset', (data) => heard.push(data)).url"
    )
    server.accept().stream(event("sse:reset", {"reason": "expired"}))
    page.wait_for_function("() => heard.length === 2")
    assert page.evaluate("() => heard") == [{"reason": "expired"}] * 2
    assert page.locator("[dj-sse]").inner_text() == ""
