"""`DjustSSE`: methods, states, statistics and listeners."""

from playwright.sync_api import expect

from apps.sse.tests.browser import scripted_server
from apps.sse.tests.browser.client_helpers import QUICK_RETRY, event, names_seen, wait_for_state


def test_states_are_classes_and_events_of_the_element(page, server, open_page):
    open_page("""
<script>
window.states = [];
document.addEventListener('sse:state', (event) => states.push([event.detail.state, event.target.className]));
</script>
<div dj-sse="/stream/" class="mine"></div>
    """)
    element = page.locator("[dj-sse]")
    request = server.accept()
    expect(element).to_have_class("mine sse-connecting")
    stream = request.stream(QUICK_RETRY)
    expect(element).to_have_class("mine sse-connected")
    stream.end()
    server.accept().stream(event("sse:end", "{}"))
    expect(element).to_have_class("mine sse-disconnected")
    assert page.evaluate("() => states") == [
        ["connecting", "mine sse-connecting"],
        ["connected", "mine sse-connected"],
        ["reconnecting", "mine sse-disconnected"],
        ["connecting", "mine sse-connecting"],
        ["connected", "mine sse-connected"],
        ["disconnected", "mine sse-disconnected"],
    ]


def test_all_methods_except_the_statistics_can_be_chained(page, server, open_page):
    open_page("")
    page.evaluate("""() => {
        window.sse = new DjustSSE('/stream/');
        window.chained = sse.on('a', print).off('a', print).connect().disconnect().destroy() === sse;
    }""")
    assert page.evaluate("() => chained")


def test_statistics_count_what_arrived(page, connect):
    stream = connect().stream(event("a", "1", id="x7") + event("b", "2"))
    page.wait_for_function("() => sse.getStats().messages === 2")
    stats = page.evaluate("() => sse.getStats()")
    assert stats["connected"] is True
    assert stats["since"] is not None
    assert stats["bytes"] == len(event("a", "1", id="x7") + event("b", "2"))
    assert (stats["reconnections"], stats["errors"], stats["lastEventId"]) == (0, 0, "x7")
    stream.end()


def test_a_wildcard_listener_gets_a_real_message_event(page, server, connect):
    connect().stream()
    page.evaluate("() => void sse.on('*', (...received) => { window.received = received; })")
    wait_for_state(page, "connected")
    page.evaluate("() => { window.got = new Promise((resolve) => sse.on('*', resolve)); }")
    page.evaluate("() => void sse.disconnect().connect()")
    server.accept().stream(event("deep", {"a": [1]}, id="é1"))
    page.evaluate("() => got")
    assert page.evaluate("""() => {
        const [type, data, original] = received;
        const { data: raw, lastEventId, origin, type: name } = original;
        return [type, data, original instanceof MessageEvent, raw, lastEventId, origin, name];
    }""") == ["deep", {"a": [1]}, True, '{"a": [1]}', "é1", server.url, "deep"]


def test_an_unnamed_event_is_a_message_and_data_that_is_not_json_is_a_string(page, connect):
    stream = connect().stream()
    page.evaluate("() => { window.received = []; sse.on('message', (data) => received.push(data)); }")
    stream.send('data: {"a":1}\n\ndata: plain {words}\n\ndata: "quoted"\n\ndata: one\ndata: two\n\n')
    page.wait_for_function("() => received.length === 4")
    assert page.evaluate("() => received") == [{"a": 1}, "plain {words}", "quoted", "one\ntwo"]


def test_an_exception_in_a_listener_is_reported_and_other_listeners_run(page, connect, complaints):
    stream = connect().stream()
    page.evaluate("""() => {
        sse.on('a', () => { throw new Error('mine'); });
        sse.on('a', () => { window.second = true; });
    }""")
    stream.send(event("a", "1"))
    page.wait_for_function("() => window.second")
    assert complaints == ["mine"]
    assert names_seen(page) == ["connected"]


def test_a_removed_listener_gets_no_events(page, connect):
    stream = connect().stream()
    page.evaluate("""() => {
        window.received = [];
        const once = () => { received.push('once'); sse.off('a', once).off('a', never); };
        const never = () => received.push('never');
        sse.on('a', once).on('a', never).on('b', () => received.push('b'));
    }""")
    stream.send(event("a", "1") + event("a", "2") + event("b", "3"))
    page.wait_for_function("() => received.includes('b')")
    assert page.evaluate("() => received") == ["once", "b"]


def test_no_event_arrives_after_disconnect_even_from_the_same_chunk(page, connect):
    stream = connect().stream()
    page.evaluate(
        "() => { window.received = []; sse.on('a', (data) => { received.push(data); sse.disconnect(); }); }"
    )
    stream.send(event("a", "1") + event("a", "2", id=2))
    stream.wait_until_closed()
    assert wait_for_state(page, "disconnected") == {"reason": "closed", "final": True}
    assert page.evaluate("() => [received, sse.getStats().lastEventId]") == [[1], ""]


def test_a_destroyed_connection_stays_closed(page, server, connect):
    stream = connect().stream()
    page.evaluate("() => void sse.destroy().connect()")
    stream.wait_until_closed()
    assert page.evaluate("() => sse.getStats().state") == "disconnected"
    assert server.is_idle()


def test_server_events_with_names_of_client_states_only_reach_the_wildcard(page, connect):
    stream = connect().stream()
    wait_for_state(page, "connected")
    page.evaluate("""() => {
        window.received = [];
        sse.on('*', (type) => received.push(type)).on('sse:state', () => received.push('exact'));
    }""")
    forged = ["connected", "disconnected", "reconnecting", "reconnected", "error", "sse:state", "*"]
    stream.send("".join(event(name, "{}") for name in [*forged, "done"]))
    page.wait_for_function("() => received.includes('done')")
    assert page.evaluate("() => received") == [*forged, "done"]
    assert names_seen(page) == ["connected"]


def test_debug_logs_events_and_states(page, server, open_page):
    open_page("<script>DjustSSE.debug = true</script><div dj-sse='/stream/'></div>")
    with page.expect_console_message(lambda message: "tick" in message.text) as printed:
        server.accept().stream(event("tick", "tock"))
    assert "/stream/" in printed.value.text


def test_lines_may_end_in_all_three_ways_and_chunks_anywhere(page, connect):
    stream = connect().stream("")
    page.evaluate(
        "() => { window.received = []; sse.on('ü', (data, { lastEventId: id }) => received.push([data, id])); }"
    )
    lines = ["event: ü", "id: 1", "data: é✓", "data:  2", "", ""]
    frames = "\ufeff: hi\n" + "".join(newline.join(lines) for newline in ["\n", "\r\n", "\r"])
    for count, byte in enumerate(frames.encode(), 1):
        stream.send(bytes([byte]))
        page.wait_for_function("(count) => sse.getStats().bytes === count", arg=count, polling=1)
    assert page.evaluate("() => received") == [["é✓\n 2", "1"]] * 3


def test_ten_megabytes_in_one_event_arrive(page, connect):
    stream = connect().stream()
    page.evaluate("() => void sse.on('big', (data) => { window.size = data.length; })")
    stream.send(event("big", "x" * 10_000_000))
    page.wait_for_function("() => window.size === 10_000_000")


def test_an_unfinished_event_is_not_delivered_and_its_id_is_not_sent_back(page, server, connect):
    stream = connect().stream(QUICK_RETRY + event("a", "1", id=1))
    stream.send(b"event: a\nid: 2\ndata: \xc3\n\xff\xfe\x00" + bytes(range(256)) * 400)
    page.wait_for_function("() => sse.getStats().bytes > 100_000")
    stream.end()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(b"data: \xc3(\n\n")
    page.wait_for_function("() => sse.getStats().messages === 2")


def test_unknown_fields_are_ignored(page, connect):
    connect().stream(b"\xff\xfe\x00garbage: yes\nretry: soon\nid: a\x00b\n\n" + event("a", "1").encode())
    page.wait_for_function("() => sse.getStats().messages === 1")
    assert page.evaluate("() => sse.getStats().lastEventId") == ""


def test_cookies_are_sent_to_other_origins_only_with_credentials(page, server, open_page):
    page.context.add_cookies([{"name": "a", "value": "1", "url": server.url}])
    cors = {"Access_Control_Allow_Origin": server.url, "Access_Control_Allow_Credentials": "true"}
    with scripted_server.serving() as other:
        open_page(f"""
<p dj-sse="{other.url}/without/"></p>
<p dj-sse="{other.url}/with/" dj-sse-credentials="true"></p>
<p dj-sse="/own/"></p>
        """)
        requests = [other.accept(), other.accept(), server.accept()]
        assert {request.target: request.headers["Cookie"] for request in requests} == {
            "/without/": None,
            "/with/": "a=1",
            "/own/": "a=1",
        }
        for request in requests:
            request.stream(event("a", "shown"), **cors)
        expect(page.locator("p")).to_have_text(["shown"] * 3)
