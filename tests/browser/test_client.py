"""The browser client, in a browser, against streams that each test plays itself."""

import json

import pytest
from playwright.sync_api import expect

QUICK_RETRY = "retry: 20\n\n"

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types djust-sse"
)

RECORDER = """
    window.seen = [];
    window.record = (sse) => {
        for (const name of ['connected', 'disconnected', 'reconnecting', 'reconnected', 'error']) {
            sse.on(name, (detail) => seen.push([name, detail]));
        }
        return sse;
    };
"""


@pytest.fixture(autouse=True)
def patience(page):
    """Let every wait of Playwright be short: everything here happens on one machine."""
    page.set_default_timeout(5000)
    page.add_init_script(RECORDER)


@pytest.fixture
def complaints(page):
    """What the browser complains about: console errors and uncaught exceptions."""
    found = []
    page.on("console", lambda message: message.type == "error" and found.append(message.text))
    page.on("pageerror", lambda error: found.append(error.message))
    return found


@pytest.fixture
def open_page(page, server):
    """Open a page whose body is given, with the client in its head."""
    return lambda body, **options: page.goto(server.page(body, **options))


@pytest.fixture
def connect(page, server, open_page):
    """Connect `window.sse` from an empty page, and return the request that the server got."""

    def start(options="{}"):
        open_page("")
        page.evaluate(f"() => void record(window.sse = new DjustSSE('/stream/', {options})).connect()")
        return server.accept()

    return start


def event(name, data, id=None):
    """Return an event as a server writes it."""
    lines = [f"event: {name}"] + ([f"id: {id}"] if id is not None else [])
    return "\n".join([*lines, f"data: {data if isinstance(data, str) else json.dumps(data)}"]) + "\n\n"


def wait_for_state(page, name):
    """Wait until `window.sse` has emitted `name`, and return what came with it the last time."""
    page.wait_for_function("(name) => seen.some(([seen]) => seen === name)", arg=name)
    return page.evaluate("(name) => seen.filter(([seen]) => seen === name).at(-1)[1]", name)


def names_seen(page):
    """Return the names of the states that `window.sse` has emitted, in order."""
    return page.evaluate("() => seen.map(([name]) => name)")


# The examples of the specification, as they are written there.


def test_the_quick_start_element_shows_its_event_in_its_target(page, server, open_page):
    open_page("""
<div dj-sse="/api/dashboard/stream/"
     dj-sse-event="stats"
     dj-sse-target="#stats-display"
     dj-sse-mode="replace">
</div>

<div id="stats-display">
    <!-- Updated by SSE events -->
</div>
    """)
    stream = server.accept("/api/dashboard/stream/").stream()
    stream.send(event("stats", {"html": "<b>42</b> users"}))
    expect(page.locator("#stats-display > b")).to_have_text("42")
    stream.send(event("stats", {"users_online": 43}))
    expect(page.locator("#stats-display")).to_contain_text('"users_online": 43')
    expect(page.locator("#stats-display > b")).to_have_count(0)


def test_the_quick_start_script_hears_its_event_and_the_states(page, server, open_page):
    log = []
    page.on("console", lambda message: log.append(message.text))
    open_page("""
<p id="users"></p><p id="rps"></p>
<script>
// Create SSE connection
const sse = new DjustSSE('/api/dashboard/stream/');

// Listen for events
sse.on('stats', (data) => {
    document.getElementById('users').textContent = data.users_online;
    document.getElementById('rps').textContent = data.requests_per_sec;
});

// Handle connection states
sse.on('connected', () => console.log('Connected!'));
sse.on('disconnected', () => console.log('Disconnected'));
sse.on('reconnecting', ({attempt}) => console.log(`Reconnecting... (${attempt})`));

// Connect
sse.connect();
</script>
    """)
    stream = server.accept("/api/dashboard/stream/").stream(QUICK_RETRY)
    stream.send(event("stats", {"users_online": 42, "requests_per_sec": 150}))
    expect(page.locator("#users")).to_have_text("42")
    expect(page.locator("#rps")).to_have_text("150")
    stream.end()
    again = server.accept().stream()
    page.wait_for_function("() => sse.getStats().connected")
    page.evaluate("() => void sse.disconnect()")
    again.wait_until_closed()
    page.wait_for_function("() => !sse.getStats().connected")
    assert log == ["Connected!", "Disconnected", "Reconnecting... (1)", "Connected!", "Disconnected"]


def test_the_progress_example_drives_its_own_bar_from_an_inline_script(page, server, open_page, complaints):
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.accept()))
    open_page("""
<div dj-sse="/api/tasks/progress/?task_id=123" dj-sse-event="progress">
    <div class="progress-bar">
        <div class="fill" style="width: 0%"></div>
    </div>
</div>

<script>
const el = document.querySelector('[dj-sse]');
el._djustSSE.on('progress', (data) => {
    el.querySelector('.fill').style.width = data.percent + '%';
});
el._djustSSE.on('complete', (data) => {
    alert('Task complete: ' + data.result);
});
</script>
    """)
    stream = server.accept("/api/tasks/progress/").stream()
    assert stream.target == "/api/tasks/progress/?task_id=123"
    stream.send(event("progress", {"percent": 50, "status": "running"}))
    expect(page.locator(".progress-bar > .fill")).to_have_attribute("style", "width: 50%;")
    with page.expect_event("dialog"):
        stream.send(event("complete", {"result": "all 7 rows"}))
    assert alerts == ["Task complete: all 7 rows"]
    assert complaints == []


def test_the_notifications_example_inserts_its_own_items(page, server, open_page, complaints):
    open_page("""
<div dj-sse="/api/notifications/stream/">
    <ul id="notifications"></ul>
</div>

<script>
const sse = document.querySelector('[dj-sse]')._djustSSE;
sse.on('notification', (data) => {
    document.getElementById('notifications').insertAdjacentHTML('afterbegin', data.html);
});
</script>
    """)
    stream = server.accept("/api/notifications/stream/").stream()
    stream.send(event("notification", {"id": 1, "html": "<li>one</li>"}))
    stream.send(event("notification", {"id": 2, "html": "<li>two</li>"}))
    expect(page.locator("[dj-sse] > #notifications > li")).to_have_text(["two", "one"])
    assert complaints == []


def test_the_attributes_example_appends_to_its_output(page, server, open_page):
    open_page("""
<div dj-sse="/api/stream/"
     dj-sse-event="update"
     dj-sse-target="#output"
     dj-sse-mode="append"
     dj-sse-reconnect="true"
     dj-sse-credentials="false">
</div>
<div id="output">0</div>
    """)
    server.accept("/api/stream/").stream(event("update", "1") + event("update", "2"))
    expect(page.locator("#output")).to_have_text("012")


def test_the_live_feed_example_prepends_items_and_shows_a_repeated_one_once(page, server, open_page):
    open_page('<div dj-sse="/feed/"><div id="feed"></div></div>')

    def item(number, text):
        html = f'<div class="feed-item" id="item-{number}">{text}</div>'
        return event("html", {"target": "#feed", "html": html, "mode": "prepend"}, id=number)

    server.accept().stream(item(1, "one") + item(2, "two") + item(1, "one, edited"))
    expect(page.locator("#feed > .feed-item")).to_have_text(["two", "one, edited"])


def test_a_script_inside_the_element_finds_the_connection_too(page, server, open_page, complaints):
    open_page("""
<div dj-sse="/stream/"><p></p><script>
const el = document.currentScript.parentElement;
el._djustSSE.on('tick', (data) => { el.firstChild.textContent = data; });
</script></div>
    """)
    server.accept().stream(event("tick", "tock"))
    expect(page.locator("p")).to_have_text("tock")
    assert complaints == []


# States, statistics and listeners.


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


def test_every_method_but_the_statistics_can_be_chained(page, server, open_page):
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
    page.evaluate("() => void sse.on('*', (...heard) => { window.heard = heard; })")
    wait_for_state(page, "connected")
    page.evaluate("() => { window.got = new Promise((resolve) => sse.on('*', resolve)); }")
    page.evaluate("() => void sse.disconnect().connect()")
    server.accept().stream(event("deep", {"a": [1]}, id="é1"))
    page.evaluate("() => got")
    assert page.evaluate("""() => {
        const [type, data, original] = heard;
        const { data: raw, lastEventId, origin, type: name } = original;
        return [type, data, original instanceof MessageEvent, raw, lastEventId, origin, name];
    }""") == ["deep", {"a": [1]}, True, '{"a": [1]}', "é1", server.url, "deep"]


def test_an_event_without_a_name_is_a_message_and_data_that_is_no_json_is_a_string(page, connect):
    stream = connect().stream()
    page.evaluate("() => { window.heard = []; sse.on('message', (data) => heard.push(data)); }")
    stream.send('data: {"a":1}\n\ndata: plain {words}\n\ndata: "quoted"\n\ndata: one\ndata: two\n\n')
    page.wait_for_function("() => heard.length === 4")
    assert page.evaluate("() => heard") == [{"a": 1}, "plain {words}", "quoted", "one\ntwo"]


def test_a_listener_that_throws_stops_no_other_and_is_reported(page, connect, complaints):
    stream = connect().stream()
    page.evaluate("""() => {
        sse.on('a', () => { throw new Error('mine'); });
        sse.on('a', () => { window.second = true; });
    }""")
    stream.send(event("a", "1"))
    page.wait_for_function("() => window.second")
    assert complaints == ["mine"]
    assert names_seen(page) == ["connected"]


def test_a_listener_that_was_removed_hears_nothing_more(page, connect):
    stream = connect().stream()
    page.evaluate("""() => {
        window.heard = [];
        const once = () => { heard.push('once'); sse.off('a', once).off('a', never); };
        const never = () => heard.push('never');
        sse.on('a', once).on('a', never).on('b', () => heard.push('b'));
    }""")
    stream.send(event("a", "1") + event("a", "2") + event("b", "3"))
    page.wait_for_function("() => heard.includes('b')")
    assert page.evaluate("() => heard") == ["once", "b"]


def test_nothing_is_heard_after_disconnect_even_from_the_same_chunk(page, connect):
    stream = connect().stream()
    page.evaluate("() => { window.heard = []; sse.on('a', (data) => { heard.push(data); sse.disconnect(); }); }")
    stream.send(event("a", "1") + event("a", "2", id=2))
    stream.wait_until_closed()
    assert wait_for_state(page, "disconnected") == {"reason": "closed", "final": True}
    assert page.evaluate("() => [heard, sse.getStats().lastEventId]") == [[1], ""]


def test_a_destroyed_connection_stays_closed(page, server, connect):
    stream = connect().stream()
    page.evaluate("() => void sse.destroy().connect()")
    stream.wait_until_closed()
    assert page.evaluate("() => sse.getStats().state") == "disconnected"
    assert server.is_idle()


def test_server_events_that_are_named_like_client_states_reach_the_wildcard_alone(page, connect):
    stream = connect().stream()
    wait_for_state(page, "connected")
    page.evaluate("""() => {
        window.heard = [];
        sse.on('*', (type) => heard.push(type)).on('sse:state', () => heard.push('exact'));
    }""")
    forged = ["connected", "disconnected", "reconnecting", "reconnected", "error", "sse:state", "*"]
    stream.send("".join(event(name, "{}") for name in [*forged, "done"]))
    page.wait_for_function("() => heard.includes('done')")
    assert page.evaluate("() => heard") == [*forged, "done"]
    assert names_seen(page) == ["connected"]


def test_debug_prints_what_arrives(page, server, open_page):
    open_page("<script>DjustSSE.debug = true</script><div dj-sse='/stream/'></div>")
    with page.expect_console_message(lambda message: "tick" in message.text) as printed:
        server.accept().stream(event("tick", "tock"))
    assert "/stream/" in printed.value.text


# Coming back, and staying away.


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


def test_no_content_stops_it_for_good(page, server, connect):
    connect().answer(204)
    assert wait_for_state(page, "disconnected") == {"reason": "finished", "final": True}
    assert names_seen(page) == ["disconnected"]
    page.evaluate("() => dispatchEvent(new Event('online'))")
    assert page.evaluate("() => sse.getStats().state") == "disconnected"


def test_the_end_event_stops_it_for_good(page, server, connect):
    stream = connect().stream(event("a", "1") + event("sse:end", "{}"))
    assert wait_for_state(page, "disconnected") == {"reason": "finished", "final": True}
    stream.wait_until_closed()
    assert names_seen(page) == ["connected", "disconnected"]
    assert server.is_idle()


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "unauthorized"), (403, "forbidden"), (404, "not-found"), (410, "refused")]
)
def test_a_refusal_stops_it_and_is_said(page, server, connect, complaints, status, reason):
    connect().answer(status)
    assert wait_for_state(page, "disconnected") == {"reason": reason, "status": status, "final": True}
    assert names_seen(page) == ["error", "disconnected"]
    assert any(f"/stream/: the server answered {status}" in complaint for complaint in complaints)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_even_when_the_page_wakes_up(page, server, connect, status):
    connect("{ retryDelay: 1 }").answer(status, Retry_After="1")
    asked = page.evaluate("() => performance.now()")
    assert wait_for_state(page, "reconnecting")["delay"] >= 1000
    page.evaluate("() => dispatchEvent(new Event('online'))")
    server.accept().stream()
    wait_for_state(page, "connected")
    assert page.evaluate("() => performance.now()") - asked > 900
    assert "disconnected" not in names_seen(page)


def test_the_delay_doubles_up_to_a_ceiling_and_is_spread(page, connect, server):
    page.add_init_script("Math.random = () => 1")
    connect("{ retryDelay: 200 }").answer(500)
    for _ in range(2):
        server.accept().answer(502)
    page.wait_for_function("() => seen.filter(([name]) => name === 'reconnecting').length === 3")
    reconnecting = page.evaluate("() => seen.filter(([name]) => name === 'reconnecting').map(([, at]) => at)")
    assert [(at["attempt"], at["delay"]) for at in reconnecting] == [(1, 200), (2, 400), (3, 800)]


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


def test_without_reconnecting_a_lost_stream_stays_lost(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-reconnect="false"></div>')
    page.evaluate("() => void record(document.querySelector('[dj-sse]')._djustSSE)")
    server.accept().stream(QUICK_RETRY).end()
    assert wait_for_state(page, "disconnected") == {"reason": "ended", "final": True}
    assert server.is_idle()


@pytest.mark.parametrize("waker", ["online", "pageshow", "visibilitychange"])
def test_it_tries_again_at_once_when_page_or_network_come_back(page, server, connect, waker):
    connect().stream("retry: 60000\n\n").end()
    wait_for_state(page, "reconnecting")
    page.evaluate("""(name) => {
        if (name === 'online') dispatchEvent(new Event('online'));
        if (name === 'pageshow') dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
        if (name === 'visibilitychange') document.dispatchEvent(new Event('visibilitychange'));
    }""", waker)
    server.accept().stream()
    wait_for_state(page, "reconnected")


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
    stream = connect().stream(SSE_Keepalive="0.4")
    for count in range(6):
        stream.send(": keepalive\n\n")
        page.wait_for_function("(bytes) => sse.getStats().bytes === bytes", arg=13 * (count + 1))
        page.wait_for_timeout(250)
    assert names_seen(page) == ["connected"]


def test_a_redirect_to_a_login_page_is_said(page, server, connect):
    server.page("log in", path="/login/")
    connect().answer(302, Location="/login/")
    stopped = wait_for_state(page, "disconnected")
    assert (stopped["reason"], stopped["url"], stopped["final"]) == ("redirected", f"{server.url}/login/", True)


def test_an_answer_that_is_no_event_stream_is_said(page, connect, complaints):
    connect().answer(200, "<p>welcome</p>")
    assert wait_for_state(page, "disconnected")["reason"] == "not-a-stream"
    assert "expected text/event-stream, found text/html" in complaints[0]


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
    page.evaluate("() => void document.querySelector('[dj-sse]')._djustSSE.on('sse:reset', (data) => heard.push(data))")
    server.accept().stream(event("sse:reset", {"reason": "expired"}))
    page.wait_for_function("() => heard.length === 2")
    assert page.evaluate("() => heard") == [{"reason": "expired"}] * 2
    assert page.locator("[dj-sse]").inner_text() == ""


# What travels.


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_each_of_three_ways_and_be_cut_anywhere(page, connect, newline):
    stream = connect().stream()
    page.evaluate("() => { window.heard = []; sse.on('ü', (data, { lastEventId }) => heard.push(data, lastEventId)); }")
    frames = f"\ufeff: hi{newline}event: ü{newline}id: 1{newline}data: é✓{newline}data:  2{newline}{newline}".encode()
    for count, byte in enumerate(frames, 1):
        stream.send(bytes([byte]))
        page.wait_for_function("(count) => sse.getStats().bytes === count", arg=count)
    assert page.evaluate("() => heard") == ["é✓\n 2", "1"]


def test_ten_megabytes_in_one_event_arrive(page, connect):
    stream = connect().stream()
    page.evaluate("() => void sse.on('big', (data) => { window.size = data.length; })")
    stream.send(event("big", "x" * 10_000_000))
    page.wait_for_function("() => window.size === 10_000_000")


def test_garbage_is_ignored(page, connect):
    connect().stream(b"\xff\xfe\x00garbage: yes\nretry: soon\nid: a\x00b\n\n" + event("a", "1").encode())
    page.wait_for_function("() => sse.getStats().messages === 1")
    assert page.evaluate("() => sse.getStats().lastEventId") == ""


@pytest.mark.parametrize(("option", "cookies"), [("false", None), ("true", "a=1")])
def test_cookies_cross_origins_only_when_asked_to(page, server, open_page, option, cookies):
    other = server.url.replace("127.0.0.1", "localhost")
    page.context.add_cookies([{"name": "a", "value": "1", "url": other}])
    page.context.add_cookies([{"name": "b", "value": "2", "url": server.url}])
    open_page(f'<div dj-sse="{other}/stream/" dj-sse-credentials="{option}"></div>')
    request = server.accept()
    assert request.headers["Cookie"] in (None, cookies)
    assert request.headers["Origin"] == server.url
    cors = {"Access_Control_Allow_Origin": server.url, "Access_Control_Allow_Credentials": "true"}
    request.stream(event("a", "shown"), **cors)
    expect(page.locator("[dj-sse]")).to_have_text("shown")


# What an event does to the page.


def test_text_never_becomes_html(page, server, open_page):
    evil = "<img src=x onerror='window.pwned = 1'><b>bold</b>"
    open_page("""
<div id="string" dj-sse="/string/"></div>
<div id="object" dj-sse="/object/"></div>
<div id="field" dj-sse="/field/"><p dj-sse-field="name"></p></div>
<div id="helper"></div>
    """)
    for _ in range(3):
        request = server.accept()
        if request.target == "/string/":
            request.stream(event("a", evil))
        elif request.target == "/object/":
            request.stream(event("a", {"name": evil, "html": 7}))
        else:
            helper = event("text", {"target": "#helper", "text": evil, "mode": "replace"})
            request.stream(event("a", {"name": evil, "html": evil}) + helper)
    expect(page.locator("#string")).to_have_text(evil)
    expect(page.locator("#object")).to_contain_text(evil)
    expect(page.locator("#field > p")).to_have_text(evil)
    expect(page.locator("#helper")).to_have_text(evil)
    assert page.locator("img, b").count() == 0
    assert page.evaluate("() => window.pwned") is None


def test_an_html_field_is_inserted_by_mode(page, server, open_page):
    open_page("""
<ul id="list"><li>old</li></ul>
<div dj-sse="/append/" dj-sse-target="#list" dj-sse-mode="append"></div>
    """)
    stream = server.accept().stream(event("a", {"html": "<li>after</li>"}))
    expect(page.locator("#list > li")).to_have_text(["old", "after"])
    page.locator("[dj-sse]").evaluate("(element) => element.setAttribute('dj-sse-mode', 'prepend')")
    stream.send(event("a", {"html": "<li>before</li>"}))
    expect(page.locator("#list > li")).to_have_text(["before", "old", "after"])
    page.locator("[dj-sse]").evaluate("(element) => element.removeAttribute('dj-sse-mode')")
    stream.send(event("a", {"html": "<li>only</li>"}))
    expect(page.locator("#list > li")).to_have_text(["only"])


def test_scripts_in_inserted_html_do_not_run(page, server, open_page):
    open_page('<div dj-sse="/stream/"></div>')
    server.accept().stream(event("a", {"html": "<script>window.ran = 1</script><i>in</i>"}))
    expect(page.locator("i")).to_have_text("in")
    assert page.evaluate("() => window.ran") is None


def test_an_inserted_element_replaces_the_one_with_its_id_wherever_that_is(page, server, open_page):
    open_page("""
<ul id="archive"><li id="b">old b</li></ul><ul id="list"><li id="a">old a</li><li>other</li></ul>
<div dj-sse="/stream/" dj-sse-target="#list" dj-sse-mode="append"></div>
    """)
    html = "<li id='a'>new a</li><li id='b'>new b</li>"
    server.accept().stream(event("a", {"html": html}))
    expect(page.locator("#list > li")).to_have_text(["new a", "other", "new b"])
    expect(page.locator("#archive > li")).to_have_count(0)


def test_html_that_brings_the_target_along_replaces_it(page, server, open_page):
    open_page('<p id="count">1</p><div dj-sse="/stream/" dj-sse-target="#count"></div>')
    server.accept().stream(event("a", {"html": "<p id='count' class='new'>2</p>"}))
    expect(page.locator("p")).to_have_class("new")
    expect(page.locator("p")).to_have_text("2")


def test_marked_fields_get_their_values_and_others_stay(page, server, open_page):
    open_page("""
<section dj-sse="/stream/">
  <h2>Load</h2>
  <b dj-sse-field="cpu.load.now">?</b> <b dj-sse-field="cpu.cores">8</b> <b dj-sse-field="ok">?</b>
  <b dj-sse-field="nothing">?</b> <b dj-sse-field="a.b">?</b> <b dj-sse-field="constructor">mine</b>
  <progress max="100" dj-sse-field="percent"></progress>
</section>
    """)
    data = {"cpu": {"load": {"now": 0.5}}, "ok": True, "nothing": None, "a.b": [1], "percent": 40}
    server.accept().stream(event("a", data))
    expect(page.locator("b")).to_have_text(["0.5", "8", "true", "", "[ 1 ]", "mine"])
    assert page.locator("progress").evaluate("(element) => element.value") == 40
    expect(page.locator("h2")).to_have_text("Load")


def test_the_element_itself_may_be_the_field(page, server, open_page):
    open_page('<b dj-sse="/stream/" dj-sse-field="count">0</b>')
    server.accept().stream(event("a", {"count": 3, "more": 1}))
    expect(page.locator("b")).to_have_text("3")


def test_fields_of_a_stream_inside_are_not_filled_from_outside(page, server, open_page):
    open_page("""
<div dj-sse="/outer/"><b dj-sse-field="n">0</b><div dj-sse="/inner/"><i dj-sse-field="n">0</i></div></div>
    """)
    for _ in range(2):
        request = server.accept()
        request.stream(event("a", {"n": 1 if request.target == "/outer/" else 2}))
    expect(page.locator("b")).to_have_text("1")
    expect(page.locator("i")).to_have_text("2")


@pytest.mark.parametrize("placeholder", ["", "  \n ", "<!-- soon -->", "waiting"])
def test_a_placeholder_is_filled_every_time(page, server, open_page, placeholder):
    open_page(f'<div dj-sse="/stream/">{placeholder}</div>')
    stream = server.accept().stream(event("a", {"html": "<i>one</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text("one")
    stream.send(event("a", {"html": "<i>two</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text("two")


def test_content_of_the_pages_own_is_left_alone_unless_a_mode_asks_for_it(page, server, open_page):
    open_page('<div dj-sse="/stream/"><p>mine</p></div>')
    stream = server.accept().stream(event("a", {"html": "<i>x</i>"}) + event("a", "text") + event("a", {"n": 1}))
    page.wait_for_function("() => document.querySelector('[dj-sse]')._djustSSE.getStats().messages === 3")
    assert page.locator("[dj-sse]").inner_html() == "<p>mine</p>"
    page.locator("[dj-sse]").evaluate("(element) => element.setAttribute('dj-sse-mode', 'replace')")
    stream.send(event("a", {"html": "<i>x</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text("x")


@pytest.mark.parametrize("names", ["a b", "a,b", " a,  b "])
def test_a_filter_limits_what_is_shown_but_not_what_is_heard(page, server, open_page, names):
    open_page(f"""
<div dj-sse="/stream/" dj-sse-event="{names}" dj-sse-mode="append"></div>
<script>
const heard = [], announced = [];
document.querySelector('[dj-sse]')._djustSSE.on('c', (data) => heard.push(data));
document.addEventListener('sse:data', ({{ detail }}) => announced.push(detail.event, detail.data, detail.originalEvent.type));
</script>
    """)
    server.accept().stream(event("a", "1") + event("c", "3") + event("b", "2"))
    expect(page.locator("[dj-sse]")).to_have_text("12")
    assert page.evaluate("() => heard") == [3]
    assert page.evaluate("() => announced") == ["a", 1, "a", "c", 3, "c", "b", 2, "b"]


def test_the_page_is_changed_before_its_listeners_hear_of_it(page, server, open_page):
    open_page("""
<div dj-sse="/stream/"></div>
<script>
const el = document.querySelector('[dj-sse]');
el._djustSSE.on('*', () => { window.later = el.textContent; });
el.addEventListener('sse:data', () => { window.announced = el.textContent; });
</script>
    """)
    server.accept().stream(event("a", "shown"))
    page.wait_for_function("() => window.later")
    assert page.evaluate("() => [later, announced]") == ["shown", "shown"]


def test_helper_events_change_the_page_on_any_connection(page, connect, server):
    stream = connect().stream()
    page.evaluate("() => { document.body.innerHTML = '<p class=t>a</p><p class=t>b</p><div id=h></div>'; }")
    stream.send(event("text", {"target": ".t", "text": "<c>", "mode": "append"}))
    stream.send(event("html", {"target": "#h", "html": "<b>x</b>", "mode": "replace"}))
    expect(page.locator(".t")).to_have_text(["a<c>", "b<c>"])
    expect(page.locator("#h > b")).to_have_text("x")


def test_a_helper_that_fails_is_reported_and_the_rest_goes_on(page, connect, complaints):
    connect().stream(
        event("text", {"target": "p[", "text": "x", "mode": "replace"})
        + event("text", {"target": "body", "text": "x", "mode": "sideways"})
        + event("text", {"target": "body", "text": "fine", "mode": "replace"})
    )
    expect(page.locator("body")).to_have_text("fine")
    assert len(complaints) == 2
    assert 'no mode "sideways"' in complaints[1]


def test_events_that_only_share_a_helpers_name_are_ordinary_events(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-event="text html" dj-sse-mode="append"></div>')
    server.accept().stream(event("text", "words, ") + event("html", {"html": "<i>more</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text("words, more")


def test_a_redirect_stays_on_this_origin(page, server, connect, complaints):
    server.page("there", path="/there/")
    connect().stream(
        event("redirect", {"url": "https://example.com/"})
        + event("redirect", {"url": "javascript:document.title='pwned'"})
        + event("redirect", {"url": "/there/?a=1"})
    )
    page.wait_for_url(server.url + "/there/?a=1")
    assert len(complaints) == 2
    assert page.title() == "Test"


def test_a_reload_reloads(page, server, open_page):
    open_page('<div dj-sse="/stream/"></div>')
    with page.expect_navigation():
        server.accept().stream(event("reload", {}))
    server.accept().stream()


# Elements that come, go and change.


def test_elements_that_are_added_later_start_by_themselves(page, server, open_page):
    open_page("")
    page.evaluate("""() => { document.body.innerHTML = '<p><span dj-sse="/late/"></span></p>'; }""")
    server.accept("/late/").stream(event("a", "shown"))
    expect(page.locator("span")).to_have_text("shown")


def test_a_removed_element_closes_its_stream_and_resumes_it_when_it_returns(page, server, open_page):
    open_page('<div id="place"><div dj-sse="/stream/"></div></div>')
    stream = server.accept().stream(event("a", "one", id=1))
    expect(page.locator("[dj-sse]")).to_have_text("one")
    page.evaluate("() => { window.kept = document.querySelector('[dj-sse]'); place.replaceChildren(); }")
    stream.wait_until_closed()
    assert page.evaluate("() => kept._djustSSE.state") == "disconnected"
    page.evaluate("() => place.append(kept)")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "1"
    again.stream(event("a", "two", id=2))
    expect(page.locator("[dj-sse]")).to_have_text("two")


def test_a_moved_element_keeps_its_stream(page, server, open_page):
    open_page('<div dj-sse="/stream/"></div><main></main>')
    stream = server.accept().stream(event("a", "one"))
    expect(page.locator("[dj-sse]")).to_have_text("one")
    page.evaluate("() => document.querySelector('main').append(document.querySelector('[dj-sse]'))")
    stream.send(event("a", "two"))
    expect(page.locator("main > [dj-sse]")).to_have_text("two")
    assert page.evaluate("() => document.querySelector('[dj-sse]')._djustSSE.getStats().reconnections") == 0
    assert server.is_idle()


def test_a_stream_that_the_page_has_closed_stays_closed_when_its_element_moves(page, server, open_page):
    open_page('<div id="place"><div dj-sse="/stream/"></div></div>')
    server.accept().stream()
    page.wait_for_function("() => document.querySelector('[dj-sse]')._djustSSE.state === 'connected'")
    page.evaluate("""async () => {
        const element = document.querySelector('[dj-sse]');
        element._djustSSE.disconnect();
        element.remove();
        await new Promise(requestAnimationFrame);
        place.append(element);
        await new Promise(requestAnimationFrame);
    }""")
    assert page.evaluate("() => document.querySelector('[dj-sse]')._djustSSE.state") == "disconnected"


def test_another_address_on_the_element_is_another_stream(page, server, open_page):
    open_page('<div dj-sse="/one/"></div>')
    first = server.accept("/one/").stream(event("a", {"html": "<i>1</i>"}, id=1))
    expect(page.locator("i")).to_have_text("1")
    page.locator("[dj-sse]").evaluate("(element) => element.setAttribute('dj-sse', '/two/')")
    first.wait_until_closed()
    second = server.accept("/two/")
    assert "Last-Event-ID" not in second.headers
    second.stream(event("a", {"html": "<i>2</i>"}))
    expect(page.locator("i")).to_have_text("2")


def test_no_stream_is_opened_before_the_document_is_read(page, server, open_page):
    open_page('<div dj-sse="/stream/"></div><script>window.state = document.querySelector("[dj-sse]")._djustSSE.state</script>')
    server.accept()
    assert page.evaluate("() => state") == "disconnected"


# Policies.


def test_it_works_under_a_strict_policy_without_a_complaint(page, server, open_page, complaints):
    open_page(
        """
<div dj-sse="/stream/"></div>
<ul id="list"></ul>
<b dj-sse="/fields/" dj-sse-field="n"></b>
        """,
        headers={"Content-Security-Policy": STRICT_POLICY},
    )
    for _ in range(2):
        request = server.accept()
        if request.target == "/stream/":
            item = {"target": "#list", "html": "<li>one</li>", "mode": "append"}
            request.stream(event("a", {"html": "<i>x</i>"}) + event("html", item) + event("html", item))
        else:
            request.stream(event("a", {"n": 5}))
    expect(page.locator("i")).to_have_text("x")
    expect(page.locator("li")).to_have_text(["one", "one"])
    expect(page.locator("b")).to_have_text("5")
    assert complaints == []


def test_loading_the_script_twice_changes_nothing(page, server, open_page, complaints):
    open_page('<div dj-sse="/stream/"></div><script src="/djust-sse.js"></script>')
    server.accept().stream(event("a", "shown"))
    expect(page.locator("[dj-sse]")).to_have_text("shown")
    assert complaints == []
    assert server.is_idle()
