"""When the client reconnects, and when it stays disconnected."""

from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import QUICK_RETRY, event, names_seen, wait_for_state
from apps.sse.wire.ids import FINISHED


def test_a_client_reconnects_with_the_last_id_and_emits_its_states(page, server, connect):
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


def test_a_native_eventsource_stops_at_a_finished_stream(page, server, open_page):
    open_page(
        "<script>new EventSource('/stream/').onerror = (e) => { window.stopped = e.target.readyState === 2; }</script>"
    )
    server.accept().stream(QUICK_RETRY + event("sse:end", "{}", id=FINISHED)).end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == FINISHED
    again.answer(204)
    page.wait_for_function("() => window.stopped")
    assert server.is_idle()


def test_a_response_without_content_disconnects_permanently(page, server, connect):
    connect().answer(204)
    assert wait_for_state(page, "disconnected") == {"reason": "finished", "final": True}
    assert names_seen(page) == ["disconnected"]
    page.evaluate("() => dispatchEvent(new Event('online'))")
    assert page.evaluate("() => sse.getStats().state") == "disconnected"


def test_the_end_event_disconnects_permanently(page, server, connect):
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


def test_a_refusal_disconnects_the_client_and_is_logged(page, server, connect, complaints):
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


def test_retry_after_is_honoured_when_the_page_wakes_up(page, server, connect):
    connect("{ retryDelay: 1 }").answer(429, Retry_After="0")
    request = server.accept()
    page.evaluate("() => { seen.length = 0; }")
    request.answer(503, Retry_After="1")
    retry_sent_at = page.evaluate("() => performance.now()")
    assert wait_for_state(page, "reconnecting")["delay"] >= 1000
    page.evaluate("() => dispatchEvent(new Event('online'))")
    server.accept().stream()
    wait_for_state(page, "connected")
    assert page.evaluate("() => performance.now()") - retry_sent_at > 900
    assert "disconnected" not in names_seen(page)


def test_the_delay_doubles(page, connect, server):
    page.add_init_script("Math.random = () => 1")
    connect("{ retryDelay: 200 }").answer(500)
    for _ in range(2):
        server.accept().answer(502)
    page.wait_for_function("() => seen.filter(([name]) => name === 'reconnecting').length === 3")
    reconnecting = page.evaluate("() => seen.filter(([name]) => name === 'reconnecting').map(([, at]) => at)")
    assert [(at["attempt"], at["delay"]) for at in reconnecting] == [(1, 200), (2, 400), (3, 800)]


def test_a_visible_page_retries_at_least_every_five_seconds_and_a_hidden_one_less_often(page, server, open_page):
    page.clock.install()
    page.add_init_script("Math.random = () => 1")
    open_page('<b dj-sse="/stream/"></b>')
    page.evaluate("() => record(document.querySelector('b')._djustSSE)")
    stream = server.accept().stream("retry: 3000\n\n")
    expect(page.locator("b")).to_have_class("sse-connected")
    stream.end()
    delays_seen = "() => seen.filter(([name]) => name === 'reconnecting').map(([, { delay }]) => delay)"
    delays = [3000, *[5000] * 5]
    for number, delay in enumerate(delays, 1):
        page.wait_for_function(f"(number) => ({delays_seen})().length === number", arg=number)
        page.clock.fast_forward(delay)
        request = server.accept()
        if number == len(delays):
            page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        request.answer(503, **({"Retry_After": "10"} if number == 2 else {}))
        delays[2] = 15_000
    page.wait_for_function(f"() => ({delays_seen})().length === 7")
    assert page.evaluate(delays_seen) == [3000, 5000, 15_000, 5000, 5000, 5000, 30_000]


def test_the_delay_of_the_server_overrides_the_option(page, connect):
    page.add_init_script("Math.random = () => 1")
    connect("{ retryDelay: 7000 }").stream("retry: 60000\n\n").end()
    assert wait_for_state(page, "reconnecting")["delay"] == 60000


def test_a_client_gives_up_after_max_retries(page, server, connect):
    connect("{ retryDelay: 1, maxRetries: 2 }").answer(500)
    server.accept().answer(500)
    server.accept().answer(500)
    assert wait_for_state(page, "disconnected") == {"reason": "unavailable", "status": 500, "final": True}
    assert names_seen(page) == ["error", "reconnecting"] * 2 + ["error", "disconnected"]


def test_an_element_never_gives_up(page, server, open_page):
    page.add_init_script("Math.random = () => 0")
    open_page('<div dj-sse="/stream/"></div>')
    server.accept().stream(QUICK_RETRY).end()
    for _ in range(7):
        server.accept().answer(500)
    server.accept().stream(event("a", "back"))
    expect(page.locator("[dj-sse]")).to_have_text("back")


def test_a_lost_stream_stays_disconnected_without_reconnecting(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-reconnect="false"></div>')
    page.evaluate("() => void record(document.querySelector('[dj-sse]')._djustSSE)")
    server.accept().stream(QUICK_RETRY).end()
    assert wait_for_state(page, "disconnected") == {"reason": "ended", "final": True}
    assert server.is_idle()


def test_a_client_reconnects_immediately_when_page_or_network_return(page, server, connect):
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


def test_a_page_closes_its_stream_on_pagehide_and_opens_it_when_restored(page, server, connect):
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


def test_a_stream_without_the_announced_keepalives_is_opened_again(page, server, connect):
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


def test_a_redirect_to_a_login_page_is_the_reason_of_the_disconnection(page, server, connect):
    server.page("log in", path="/login/")
    connect().answer(302, Location="/login/")
    stopped = wait_for_state(page, "disconnected")
    assert (stopped["reason"], stopped["url"], stopped["final"]) == ("redirected", f"{server.url}/login/", True)


def test_a_response_that_is_not_an_event_stream_is_logged(page, connect, complaints):
    connect().answer(200, "<p>welcome</p>")
    assert wait_for_state(page, "disconnected")["reason"] == "not-a-stream"
    assert "expected text/event-stream, got text/html" in complaints[0]


def test_an_error_event_of_the_server_is_logged_and_emitted(page, connect, complaints):
    connect().stream(event("sse:error", {"message": "out of cheese"}) + event("a", "1"))
    assert wait_for_state(page, "error") is not None
    page.wait_for_function("() => sse.getStats().messages === 2")
    assert page.evaluate("() => [sse.getStats().errors, sse.getStats().connected]") == [1, True]
    assert len(complaints) == 1
