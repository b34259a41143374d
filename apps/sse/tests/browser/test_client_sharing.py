"""One stream for all tabs of a session: leaders, followers and takeovers."""

import pytest
from playwright.sync_api import expect

from apps.sse.client import check
from apps.sse.tests.browser.client_helpers import ITEMS, NUMBERS, QUICK_RETRY, event, freeze, item, position, show
from apps.sse.tests.browser.scripted_server import HEAD, SCRIPTS


def state_of(tab):
    return tab.evaluate("() => document.querySelector('[dj-sse]')._djustSSE.state")


def test_the_tabs_of_a_session_share_one_stream(server, open_tab, follow):
    first = open_tab()
    stream = server.accept().stream(item(1))
    expect(first.locator(NUMBERS)).to_have_text("1;")
    others = [follow() for _ in range(3)]
    stream.send(item(2) + event("text", {"target": "title", "text": "sent", "mode": "append"}))
    expect(first.locator(NUMBERS)).to_have_text("1;2;")
    for tab in others:
        expect(tab.locator(NUMBERS)).to_have_text("2;")
        expect(tab).to_have_title("Testsent")
        assert tab.evaluate(
            """() => {
            const { messages, bytes, lastEventId } = document.querySelector('[dj-sse]')._djustSSE.getStats();
            return [messages, bytes, lastEventId];
        }"""
        ) == [2, 0, position(2)]
    assert server.is_idle()


@pytest.mark.parametrize("way", ["closed", "navigated", "silent"])
def test_another_tab_takes_over_without_losing_or_repeating_events(server, open_tab, follow, way):
    leader = open_tab()
    stream = server.accept().stream(QUICK_RETRY + item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    tabs = [follow(), follow()]
    stream.send(item(2) + item(3))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("2;3;")
    if way == "closed":
        leader.close()
    elif way == "navigated":
        leader.goto("about:blank")
    else:
        leader.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {}; }")
        stream.send(item(4))
        tabs[0].evaluate("() => dispatchEvent(new Event('online'))")
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(3)
    again.stream("".join(item(number) for number in range(2, 6)))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("2;3;4;5;")
    assert server.is_idle()


@pytest.mark.only_browser("chromium")
def test_a_frozen_leader_that_is_shown_again_follows_without_missing_events(
    server, open_tab, follow, desktop_chromium
):
    leader = open_tab(within=desktop_chromium)
    server.accept().stream(QUICK_RETRY + item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow(within=desktop_chromium)
    freeze(leader)
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(1)
    stream = again.stream(item(2) + item(3))
    expect(other.locator(NUMBERS)).to_have_text("2;3;")
    show(leader)
    expect(leader.locator(NUMBERS)).to_have_text("1;2;3;", timeout=2000)
    stream.send(item(4))
    expect(leader.locator(NUMBERS)).to_have_text("1;2;3;4;")
    expect(other.locator(NUMBERS)).to_have_text("2;3;4;")
    assert server.is_idle()


def test_a_leader_that_lost_the_lock_follows(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream(QUICK_RETRY + item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow()
    leader.evaluate("""() => {
        const { postMessage } = BroadcastChannel.prototype;
        BroadcastChannel.prototype.postMessage = function (message) {
            if (!message.pong) postMessage.call(this, message);
        };
    }""")
    other.evaluate("() => dispatchEvent(new Event('online'))")
    again = server.accept().stream()
    stream.wait_until_closed()
    again.send(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")
    expect(leader.locator(NUMBERS)).to_have_text("1;2;")


def test_a_message_that_a_follower_missed_is_sent_again(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream(item(1))
    other = follow()
    leader.evaluate("""() => {
        const { postMessage } = BroadcastChannel.prototype;
        BroadcastChannel.prototype.postMessage = function (message) {
            if (message.event?.text !== '2;') postMessage.call(this, message);
        };
    }""")
    stream.send(item(2) + item(3))
    expect(other.locator(NUMBERS)).to_have_text("2;3;")
    assert server.is_idle()


def test_a_visible_tab_notices_that_its_leader_is_silent(server, open_tab, follow):
    leader = open_tab()
    server.accept().stream(QUICK_RETRY + item(1))
    other = follow(clock=True)
    leader.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {}; }")
    other.clock.fast_forward(5000)
    other.clock.fast_forward(1500)
    server.accept().stream(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")


def test_a_tab_that_joins_gets_the_events_since_its_page_was_rendered(server, open_tab):
    first = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(1)}" dj-sse-mode'))
    server.accept().stream(item(2) + item(3))
    expect(first.locator(NUMBERS)).to_have_text("2;3;")
    second = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(2)}" dj-sse-mode'))
    expect(second.locator(NUMBERS)).to_have_text("3;")
    assert server.is_idle()


def test_a_leader_reconnects_for_a_tab_with_an_older_position(server, open_tab):
    first = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(7)}" dj-sse-mode'))
    server.accept().stream(item(8))
    expect(first.locator(NUMBERS)).to_have_text("8;")
    second = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(5)}" dj-sse-mode'))
    again = server.accept()
    assert again.headers["Last-Event-ID"] == position(5)
    again.stream(item(6) + item(7) + item(8) + item(9))
    expect(second.locator(NUMBERS)).to_have_text("6;7;8;9;")
    expect(first.locator(NUMBERS)).to_have_text("8;9;")
    assert server.is_idle()


def test_a_tab_with_an_unknown_id_has_its_own_stream(server, open_tab):
    first = open_tab()
    server.accept().stream(item(8))
    expect(first.locator(NUMBERS)).to_have_text("8;")
    second = open_tab(ITEMS.replace("dj-sse-mode", 'dj-sse-since="mine-77" dj-sse-mode'))
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "mine-77"
    again.stream(event("a", "own", id="mine-78"))
    expect(second.locator(NUMBERS)).to_have_text("own")


def test_tabs_of_different_sessions_do_not_share(server, open_tab):
    first = open_tab(key="before-login")
    one = server.accept().stream(item(1))
    second = open_tab(key="after-login")
    two = server.accept().stream(event("a", "secret"))
    expect(second.locator(NUMBERS)).to_have_text("secret")
    one.send(item(2))
    expect(first.locator(NUMBERS)).to_have_text("1;2;")
    first.close()
    two.send(event("a", " more"))
    expect(second.locator(NUMBERS)).to_have_text("secret more")
    assert server.is_idle()


def test_an_old_and_a_new_client_do_not_share_after_a_deploy(server, open_tab):
    old = open_tab()
    server.accept().stream(item(1))
    expect(old.locator(NUMBERS)).to_have_text("1;")
    script = (SCRIPTS / "djust-sse-sharing.js").read_text(encoding="utf-8")
    deployed = script.replace(check.source_hash()[:8], "deployed")
    # From the server: a handler of Playwright would run only while the test waits for the browser.
    server.pages["/deployed.js"] = (deployed, {"Content-Type": "text/javascript"})
    src = 'src="/djust-sse.js"'
    new = open_tab(head=HEAD.replace(src, f'{src} data-sharing="/deployed.js"'))
    server.accept().stream(event("a", "new"))
    expect(new.locator(NUMBERS)).to_have_text("new")
    expect(old.locator(NUMBERS)).to_have_text("1;")


def test_tabs_with_different_urls_do_not_share(server, open_tab):
    open_tab()
    server.accept("/stream/").stream()
    open_tab(ITEMS.replace("/stream/", "/other/"))
    server.accept("/other/").stream()


def test_a_finished_stream_is_finished_in_all_tabs(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream()
    other = follow()
    stream.send(event("sse:end", "{}"))
    for tab in [leader, other]:
        expect(tab.locator(NUMBERS)).to_have_class("sse-disconnected")
        assert state_of(tab) == "disconnected"
    assert server.is_idle()


def test_a_lost_stream_is_lost_and_restored_in_all_tabs(server, open_tab, follow):
    open_tab()
    stream = server.accept().stream("retry: 300000\n\n")
    other = follow()
    stream.end()
    expect(other.locator(NUMBERS)).to_have_class("sse-disconnected")
    assert state_of(other) == "reconnecting"
    other.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    server.accept().stream(item(1))
    expect(other.locator(NUMBERS)).to_have_text("1;")


def test_a_leader_without_elements_makes_another_tab_lead(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream(item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow()
    leader.evaluate("() => document.querySelector('[dj-sse]').remove()")
    stream.wait_until_closed()
    server.accept().stream(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")


def test_a_page_from_the_back_forward_cache_follows(server, open_tab, follow):
    leader = open_tab()
    server.accept().stream(item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow()
    leader.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    stream = server.accept().stream(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")
    leader.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(leader.locator(NUMBERS)).to_have_text("1;2;", timeout=2000)
    stream.send(item(3))
    expect(leader.locator(NUMBERS)).to_have_text("1;2;3;")
    assert server.is_idle()


@pytest.mark.parametrize("missing", ["navigator.locks", "BroadcastChannel"])
def test_each_tab_has_its_own_stream_if_the_browser_cannot_share(server, context, open_tab, missing):
    name = "locks" if "locks" in missing else missing
    owner = "Navigator.prototype" if "locks" in missing else "globalThis"
    context.add_init_script(f"Object.defineProperty({owner}, '{name}', {'{'} value: undefined {'}'})")
    tabs = [open_tab(), open_tab()]
    for _ in tabs:
        server.accept().stream(event("a", "own"))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("own")


def test_each_tab_has_its_own_stream_if_locks_are_forbidden(server, context, open_tab):
    context.add_init_script(
        "LockManager.prototype.request = () => Promise.reject(new DOMException('no', 'SecurityError'))"
    )
    tabs = [open_tab(), open_tab()]
    for _ in tabs:
        server.accept().stream(event("a", "own"))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("own")
