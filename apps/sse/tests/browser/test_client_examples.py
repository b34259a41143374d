"""
Each HTML and JavaScript example of the client's specification.

Each runs unchanged on a page without a policy. Under this project's policy its scripts have a nonce, and its
elements no `style` attribute, which a nonce does not cover.
"""

import re

import pytest
from django.conf import settings
from django.utils.csp import build_policy
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import QUICK_RETRY, event
from apps.sse.tests.browser.scripted_server import HEAD

NONCE = "once"
WITHOUT_POLICY, UNDER_POLICY = "without a policy", "under this project's policy"


@pytest.fixture(params=[WITHOUT_POLICY, UNDER_POLICY])
def open_example(request, open_page):
    """Open a page with an example of the specification in its body."""
    if request.param == WITHOUT_POLICY:
        return open_page
    policy = {"Content-Security-Policy": build_policy(settings.SECURE_CSP, NONCE)}
    # As `sse_script` prints it under that policy.
    head = HEAD.replace("></script>", " data-trusted-types></script>")
    return lambda body: open_page(under_a_policy(body), headers=policy, head=head)


def under_a_policy(body):
    """Return the example with a nonce for its scripts and without its `style` attributes."""
    return re.sub(r' style="[^"]*"', "", body).replace("<script>", f'<script nonce="{NONCE}">')


def test_the_quick_start_element_displays_its_event_in_its_target(page, server, open_example, complaints):
    open_example("""
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
    assert complaints == []


def test_the_quick_start_script_gets_its_event_and_the_states(page, server, open_example, complaints):
    log = []
    page.on("console", lambda message: log.append(message.text))
    open_example("""
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
    assert complaints == []


def test_the_progress_example_drives_its_own_bar_from_an_inline_script(page, server, open_example, complaints):
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.accept()))
    open_example("""
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


def test_the_notifications_example_inserts_its_own_items(page, server, open_example, complaints):
    open_example("""
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


def test_the_attributes_example_appends_to_its_output(page, server, open_example, complaints):
    open_example("""
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
    assert complaints == []


def test_the_live_feed_example_prepends_items_and_shows_a_repeated_item_once(
    page, server, open_example, complaints
):
    open_example('<div dj-sse="/feed/"><div id="feed"></div></div>')

    def item(number, text):
        html = f'<div class="feed-item" id="item-{number}">{text}</div>'
        return event("html", {"target": "#feed", "html": html, "mode": "prepend"}, id=number)

    server.accept().stream(item(1, "one") + item(2, "two") + item(1, "one, edited"))
    expect(page.locator("#feed > .feed-item")).to_have_text(["two", "one, edited"])
    assert complaints == []


def test_a_script_inside_the_element_finds_the_connection_too(page, server, open_example, complaints):
    open_example("""
<div dj-sse="/stream/"><p></p><script>
const el = document.currentScript.parentElement;
el._djustSSE.on('tick', (data) => { el.firstChild.textContent = data; });
</script></div>
    """)
    server.accept().stream(event("tick", "tock"))
    expect(page.locator("p")).to_have_text("tock")
    assert complaints == []


def test_the_code_in_the_reference_of_the_client_runs(page, open_example, complaints):
    open_example("""
<script>
const url = '/api/stream/', event = 'stats', callback = () => {};
const options =
{
    autoReconnect: true,      // Auto-reconnect on disconnect
    maxRetries: 5,            // Max reconnection attempts
    retryDelay: 3000,         // Initial retry delay (ms)
    withCredentials: false,   // Send cookies cross-origin
}

const sse = new DjustSSE(url, options);

sse.on('connected', () => {})
sse.on('disconnected', ({reason}) => {})
sse.on('reconnecting', ({attempt}) => {})
sse.on('reconnected', ({reconnections}) => {})
sse.on('error', ({event}) => {})

// Custom events from server
sse.on('stats', (data) => {})
sse.on('notification', (data) => {})

// Wildcard (all events)
sse.on('*', (eventType, data, originalEvent) => {})

sse.connect()           // Start connection
sse.disconnect()        // Close connection
sse.destroy()           // Close and prevent reconnection
sse.on(event, callback) // Add event listener
sse.off(event, callback) // Remove event listener
sse.getStats()          // Get connection statistics
</script>
    """)
    assert page.evaluate("() => sse.getStats().state") == "disconnected"
    assert complaints == []
