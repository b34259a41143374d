"""
The client in WebKit, where browser engines differ.

Some releases of WebKit, such as 2.54, hold back the rest of a chunk that arrives in two pieces until the next chunk
(bug 322545). This happens over HTTP/1.1, so streams are kept alive continuously there.
"""

import pytest

from apps.sse.tests.browser import webkit
from apps.sse.tests.browser.client_helpers import QUICK_RETRY, RECORDER, event
from apps.sse.tests.browser.scripted_server import HEAD
from apps.sse.tests.browser.test_client_compression import compressed
from apps.sse.tests.browser.test_client_elements import STRICT_POLICY
from apps.sse.tests.browser.test_client_modes import FORM, MODES, form
from apps.sse.tests.servers.certificates import self_sign
from apps.sse.tests.test_patches import EXAMPLES
from template.tests.test_deployment_nginx import TLS
from tests import nginx
from tests.fixtures import need

pytestmark = pytest.mark.soak
SHARED = HEAD.replace("<html ", '<html dj-sse-share-key="mine" ')
ITEMS = '<b dj-sse="/stream/" dj-sse-mode="append"></b>'


@pytest.fixture(scope="module")
def engine():
    need(webkit.is_here(), "WebKit with its WebDriver and Xvfb")
    with webkit.running() as engine:
        yield engine


@pytest.fixture
def open_tab(engine, server):
    """Open a tab with a page whose body is given; all are closed again."""
    tabs = []

    def start(body, **options):
        tabs.append(engine.tab())
        tabs[-1].open(server.page(body, **options))
        return tabs[-1]

    yield start
    for tab in tabs:
        tab.close()


@pytest.fixture
def connect(open_tab, server):
    """Connect `window.sse` from an empty page: the tab, and the request that the server got."""

    def start(options="{}"):
        tab = open_tab(f"<script>{RECORDER}</script>")
        tab.run(f"() => void record(window.sse = new DjustSSE('/stream/', {options})).connect()")
        return tab, server.accept()

    return start


def state(tab, name):
    return tab.wait("(name) => seen.findLast(([seen]) => seen === name)", name)[1]


def position(number):
    return f"{number}-0000{number:04d}"


def item(number):
    return event("a", f"{number};", id=position(number))


def test_ten_megabytes_in_one_event_arrive(connect):
    tab, request = connect()
    stream = request.stream().keep_alive()
    tab.run("() => void sse.on('big', (data) => { window.size = data.length; })")
    stream.send(event("big", "x" * 10_000_000))
    tab.wait("() => window.size === 10_000_000")


def test_lines_may_end_in_all_three_ways_and_chunks_anywhere(connect):
    tab, request = connect()
    stream = request.stream("")
    tab.run(
        "() => { window.received = []; sse.on('ü', (data, original) => received.push([data, original.lastEventId])); }"
    )
    lines = ["event: ü", "id: 1", "data: é✓", "data:  2", "", ""]
    frames = "\ufeff: hi\n" + "".join(newline.join(lines) for newline in ["\n", "\r\n", "\r"])
    for count, byte in enumerate(frames.encode(), 1):
        stream.send(bytes([byte]))
        tab.wait("(count) => sse.getStats().bytes === count", count)
    assert tab.run("() => received") == [["é✓\n 2", "1"]] * 3


def test_an_unfinished_event_is_not_delivered_and_the_client_reconnects_with_the_last_id(connect, server):
    tab, request = connect()
    stream = request.stream(QUICK_RETRY + event("a", "1", id="7-a") + "event: a\nid: 8\ndata: ha")
    tab.wait("() => sse.getStats().bytes > 50")
    stream.cut()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "7-a"
    again.stream()
    assert state(tab, "reconnected") == {"reconnections": 1}
    assert tab.run("() => sse.getStats().messages") == 1


def test_retry_after_is_honoured(connect, server):
    tab, request = connect("{ retryDelay: 1 }")
    request.answer(503, Retry_After="1")
    assert state(tab, "reconnecting")["delay"] >= 1000
    server.accept().stream()
    assert state(tab, "connected") == {}


@pytest.mark.parametrize(("status", "reason"), [(204, "finished"), (401, "unauthorized"), (403, "forbidden")])
def test_a_refusal_disconnects_the_client_and_is_logged(connect, server, status, reason):
    tab, request = connect()
    request.answer(status)
    stopped = state(tab, "disconnected")
    assert (stopped["reason"], stopped["final"]) == (reason, True)
    assert server.is_idle()


def test_a_part_is_refreshed_and_a_growing_list_stays_at_its_end(open_tab, server):
    tab = open_tab("""
<ul id="list" style="height: 50px; overflow: auto" dj-sse="/stream/" dj-sse-refresh="changed" dj-sse-close="end"
    dj-sse-autoscroll dj-sse-added dj-sse-reset="/part/"><li>1</li></ul>
<script>Object.defineProperty(document, "hidden", { value: false })</script>
    """)
    stream = server.accept().stream(event("changed", "") * 20).keep_alive()
    server.accept("/part/").answer(200, "<li>1</li>" + "<li>new</li>" * 50)
    tab.wait("() => list.children.length === 51 && list.scrollHeight - list.scrollTop - list.clientHeight < 2")
    assert tab.run("() => list.querySelectorAll('.sse-added').length") == 50
    stream.send(event("end", ""))
    tab.wait("() => list._djustSSE.state === 'disconnected'")
    assert server.is_idle()


def test_a_redirect_to_a_login_page_is_the_reason_of_the_disconnection(connect, server):
    server.page("log in", path="/login/")
    tab, request = connect()
    request.answer(302, Location="/login/")
    stopped = state(tab, "disconnected")
    assert (stopped["reason"], stopped["url"]) == ("redirected", f"{server.url}/login/")


def test_a_stream_without_the_announced_keepalives_is_opened_again(connect, server):
    tab, request = connect()
    request.stream(QUICK_RETRY, SSE_Keepalive="0.2").wait_until_closed()
    server.accept().stream(SSE_Keepalive="15")
    assert state(tab, "reconnected") == {"reconnections": 1}
    assert state(tab, "disconnected")["reason"] == "silent"


@pytest.mark.parametrize(("mode", "shows"), MODES)
def test_the_mode_of_an_element_decides_where_html_is_inserted(open_tab, server, mode, shows):
    element = f'<div dj-sse="/stream/" dj-sse-target="#t" dj-sse-mode="{mode}"></div>'
    tab = open_tab('<main><p id="t">old</p></main>' + element)
    tab.run(
        "() => addEventListener('sse:data', () => { window.shown = document.querySelector('main').innerHTML; })"
    )
    server.accept().stream(event("a", {"html": "<i>new</i>"}))
    tab.wait("() => window.shown !== undefined")
    assert tab.run("() => shown") == shows


def test_each_example_of_the_table_of_patches_has_its_result(connect):
    tab, request = connect()
    stream = request.stream(event("html", {"target": "body", "html": "<p></p>", "mode": "morph"})).keep_alive()
    tab.wait("() => document.querySelector('p')")
    tab.run("() => void sse.on('patch', () => { window.applied += 1; })")
    for example in EXAMPLES:
        tab.run("(html) => { window.applied = 0; document.body.innerHTML = html; }", example["page"])
        stream.send(event("patch", example["patches"]))
        tab.wait("() => applied")
        assert tab.run("() => document.body.innerHTML") == example["shows"], example["name"]
        for selector, value in example.get("values", {}).items():
            assert tab.run("(selector) => document.querySelector(selector).value", selector) == value


def test_a_morph_around_a_focused_input_does_not_disturb_typing(open_tab, server):
    tab = open_tab(FORM)
    stream = server.accept().stream().keep_alive()
    tab.run("() => a.focus()")
    for number, letter in enumerate("typing", 1):
        tab.press(letter)
        stream.send(event("a", {"html": form(number)}))
        tab.wait("(name) => a.className === name", f"n{number}")
    tab.press("\ue012")  # arrow left
    stream.send(event("a", {"html": form(7)}))
    tab.wait("() => a.className === 'n7'")
    tab.press("X", "Y")
    assert tab.run("() => [document.activeElement.id, a.value, a.selectionStart, b.value]") == [
        "a",
        "typinXYg",
        7,
        "b7",
    ]


def test_html_is_shown_under_a_policy_that_requires_trusted_types(open_tab, server):
    tab = open_tab('<i dj-sse="/stream/"></i>', headers={"Content-Security-Policy": STRICT_POLICY})
    server.accept().stream(event("a", {"html": "<b>x</b>"}))
    tab.shows("i > b", "x")


def test_html_is_shown_without_trusted_types(open_tab, server):
    head = HEAD.replace("<script ", "<script>delete globalThis.trustedTypes</script><script ")
    tab = open_tab('<i dj-sse="/stream/"></i>', head=head)
    assert tab.run("() => globalThis.trustedTypes === undefined")
    server.accept().stream(event("a", {"html": "<b>x</b>"}))
    tab.shows("i > b", "x")


def test_tabs_share_one_stream_and_another_takes_over_without_loss(open_tab, server):
    leader = open_tab(ITEMS, head=SHARED)
    stream = server.accept().stream(QUICK_RETRY + item(1))
    leader.shows("b", "1;")
    others = [open_tab(ITEMS, head=SHARED) for _ in range(2)]
    for tab in others:
        tab.wait("() => document.querySelector('b').className === 'sse-connected'")
    stream.send(item(2))
    for tab in others:
        tab.shows("b", "2;")
    assert server.is_idle()
    leader.open("about:blank")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(2)
    again.stream(item(2) + item(3))
    for tab in others:
        tab.shows("b", "2;3;")
    assert server.is_idle()


@pytest.mark.parametrize("head", [HEAD, SHARED], ids=["alone", "shared"])
def test_the_back_button_restores_the_page_and_its_stream(open_tab, server, head):
    tab = open_tab(ITEMS, head=head)
    stream = server.accept().stream(item(1))
    tab.shows("b", "1;")
    tab.run("() => addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
    tab.open(server.page("there", path="/there/"))
    stream.wait_until_closed()
    tab.back()
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(1)
    again.stream(item(2))
    tab.shows("b", "1;2;")
    assert tab.run("() => restored")


@pytest.fixture
def proxy(site, tmp_path):
    """The address of the site behind the bundled nginx, over TLS and so over HTTP/2."""
    need(nginx.binary(), "nginx")
    self_sign(tmp_path / "tls")
    with nginx.running([site.url, site.url], tmp_path, extra=TLS) as proxy:
        yield proxy.secure_url


def test_the_pages_of_this_site_update_in_all_tabs(engine, proxy):
    one, other = engine.tab(), engine.tab()
    one.open(f"{proxy}/accounts/login/?next=/feed/")
    one.run("""() => {
        const form = document.querySelector('main form');
        form.elements.login.value = 'ada';
        form.elements.password.value = 'demo';
        form.querySelector('button').click();
    }""")
    one.wait(
        "() => location.pathname === '/feed/' && document.querySelector('#live')?.dataset.state === 'connected'"
    )
    other.open(f"{proxy}/feed/")
    other.wait("() => document.querySelector('#live')?.dataset.state === 'connected'")
    for number in range(3):
        text = f"from WebKit, number {number}"
        other.run(
            """(text) => {
            const form = new FormData(document.querySelector('form[enctype]'));
            form.set('text', text);
            fetch('', { method: 'POST', body: form });
        }""",
            text,
        )
        for tab in (one, other):
            tab.wait("(text) => document.querySelector('main').textContent.includes(text)", text)
    for tab in (one, other):
        tab.close()


def test_each_event_of_a_compressed_stream_arrives(connect):
    tab, request = connect()
    send = compressed(request.stream("", Content_Encoding="gzip"))
    for number in range(1, 20):
        send(event("a", "x" * 200, id=number))
        # See above: the event before the last is never held back.
        send(":\n\n")
        tab.wait("(count) => sse.getStats().messages === count", number)
    send("", more_body=False)
