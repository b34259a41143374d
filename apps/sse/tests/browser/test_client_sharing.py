"""One stream for all tabs of a session: who has it, who takes it over, and what each tab is shown."""

import pytest
from playwright.sync_api import expect

from apps.sse.client import check
from apps.sse.tests.browser.playing import ITEMS, NUMBERS, QUICK_RETRY, event, freeze, item, position, show
from apps.sse.tests.browser.scripted_server import SCRIPTS


def state_of(tab):
    return tab.evaluate("() => document.querySelector('[dj-sse]')._djustSSE.state")


@pytest.mark.firefox
def test_the_tabs_of_a_session_have_one_stream(server, open_tab, follow):
    first = open_tab()
    stream = server.accept().stream(item(1))
    expect(first.locator(NUMBERS)).to_have_text("1;")
    others = [follow() for _ in range(3)]
    stream.send(item(2) + event("text", {"target": "title", "text": "told", "mode": "append"}))
    expect(first.locator(NUMBERS)).to_have_text("1;2;")
    for tab in others:
        expect(tab.locator(NUMBERS)).to_have_text("2;")
        expect(tab).to_have_title("Testtold")
        assert tab.evaluate(
            """() => {
            const { messages, bytes, lastEventId } = document.querySelector('[dj-sse]')._djustSSE.getStats();
            return [messages, bytes, lastEventId];
        }"""
        ) == [2, 0, position(2)]
    assert server.is_idle()


@pytest.mark.parametrize("way", ["closed", "navigated", "silent"])
def test_another_tab_takes_over_and_nothing_is_lost_or_shown_twice(server, open_tab, follow, way):
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
def test_a_frozen_leader_that_is_shown_again_follows_and_has_missed_nothing(server, open_tab, follow, everyday):
    leader = open_tab(within=everyday)
    server.accept().stream(QUICK_RETRY + item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow(within=everyday)
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


def test_a_leader_that_lost_its_place_follows(server, open_tab, follow):
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


def test_what_is_lost_on_the_way_between_tabs_is_told_again(server, open_tab, follow):
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


def test_a_visible_tab_notices_by_itself_that_its_leader_is_silent(server, open_tab, follow):
    leader = open_tab()
    server.accept().stream(QUICK_RETRY + item(1))
    other = follow(clock=True)
    leader.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {}; }")
    other.clock.fast_forward(5000)
    other.clock.fast_forward(1500)
    server.accept().stream(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")


def test_a_tab_that_comes_later_is_given_what_came_since_its_page_was_made(server, open_tab):
    first = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(1)}" dj-sse-mode'))
    server.accept().stream(item(2) + item(3))
    expect(first.locator(NUMBERS)).to_have_text("2;3;")
    second = open_tab(ITEMS.replace("dj-sse-mode", f'dj-sse-since="{position(2)}" dj-sse-mode'))
    expect(second.locator(NUMBERS)).to_have_text("3;")
    assert server.is_idle()


def test_for_a_tab_from_before_its_leader_the_leader_begins_again(server, open_tab):
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


def test_a_tab_whose_place_nobody_knows_has_a_stream_of_its_own(server, open_tab):
    first = open_tab()
    server.accept().stream(item(8))
    expect(first.locator(NUMBERS)).to_have_text("8;")
    second = open_tab(ITEMS.replace("dj-sse-mode", 'dj-sse-since="mine-77" dj-sse-mode'))
    again = server.accept()
    assert again.headers["Last-Event-ID"] == "mine-77"
    again.stream(event("a", "own", id="mine-78"))
    expect(second.locator(NUMBERS)).to_have_text("own")


def test_nothing_crosses_from_one_session_to_another(server, open_tab):
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


def test_an_old_and_a_new_client_do_not_mix_after_a_deploy(server, context, open_tab):
    old = open_tab()
    server.accept().stream(item(1))
    part = "djust-sse-sharing.js"
    deployed = (SCRIPTS / part).read_text(encoding="utf-8").replace(check.source_hash()[:8], "deployed")
    context.route(f"**/{part}", lambda route: route.fulfill(body=deployed, content_type="text/javascript"))
    new = open_tab()
    server.accept().stream(event("a", "new"))
    expect(new.locator(NUMBERS)).to_have_text("new")
    expect(old.locator(NUMBERS)).to_have_text("1;")


def test_another_address_is_another_stream(server, open_tab):
    open_tab()
    server.accept("/stream/").stream()
    open_tab(ITEMS.replace("/stream/", "/other/"))
    server.accept("/other/").stream()


def test_a_stream_that_is_finished_is_finished_for_all(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream()
    other = follow()
    stream.send(event("sse:end", "{}"))
    for tab in [leader, other]:
        expect(tab.locator(NUMBERS)).to_have_class("sse-disconnected")
        assert state_of(tab) == "disconnected"
    assert server.is_idle()


def test_a_lost_stream_is_lost_and_found_for_all(server, open_tab, follow):
    open_tab()
    stream = server.accept().stream("retry: 300000\n\n")
    other = follow()
    stream.end()
    expect(other.locator(NUMBERS)).to_have_class("sse-disconnected")
    assert state_of(other) == "reconnecting"
    other.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    server.accept().stream(item(1))
    expect(other.locator(NUMBERS)).to_have_text("1;")


def test_the_last_element_that_goes_gives_the_place_to_another_tab(server, open_tab, follow):
    leader = open_tab()
    stream = server.accept().stream(item(1))
    expect(leader.locator(NUMBERS)).to_have_text("1;")
    other = follow()
    leader.evaluate("() => document.querySelector('[dj-sse]').remove()")
    stream.wait_until_closed()
    server.accept().stream(item(2))
    expect(other.locator(NUMBERS)).to_have_text("2;")


def test_a_page_that_returns_from_the_cache_of_the_browser_follows(server, open_tab, follow):
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
def test_where_the_browser_cannot_share_every_tab_has_its_own(server, context, open_tab, missing):
    name = "locks" if "locks" in missing else missing
    owner = "Navigator.prototype" if "locks" in missing else "globalThis"
    context.add_init_script(f"Object.defineProperty({owner}, '{name}', {'{'} value: undefined {'}'})")
    tabs = [open_tab(), open_tab()]
    for _ in tabs:
        server.accept().stream(event("a", "own"))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("own")


def test_where_locks_are_forbidden_every_tab_has_its_own(server, context, open_tab):
    context.add_init_script(
        "LockManager.prototype.request = () => Promise.reject(new DOMException('no', 'SecurityError'))"
    )
    tabs = [open_tab(), open_tab()]
    for _ in tabs:
        server.accept().stream(event("a", "own"))
    for tab in tabs:
        expect(tab.locator(NUMBERS)).to_have_text("own")
