"""Each event is displayed before the next one, and elements that it inserts get the next one."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event, position

ROW = """<li id="o3" dj-sse="/stream/" dj-sse-event="ship" dj-sse-target="#o3 b" dj-sse-mode="text">Order <b>New</b></li>"""
LIST = '<ul dj-sse="/stream/" dj-sse-event="place" dj-sse-mode="append"></ul>'
BURST = event("place", {"html": ROW}, id=position(8)) + event("ship", "Shipped", id=position(9))


@pytest.mark.parametrize("joinable", ["yes", ""])
@pytest.mark.parametrize("transition", ["", "dj-sse-transition"])
def test_an_inserted_row_gets_the_later_events_of_its_burst(page, server, open_page, joinable, transition):
    open_page(LIST.replace("<ul", f"<ul {transition}"))
    stream = server.accept().stream(BURST, SSE_Joinable=joinable)
    expect(page.locator("li")).to_have_text("Order Shipped")
    stream.send(event("ship", "Delivered", id=position(10)))
    expect(page.locator("li")).to_have_text("Order Delivered")
    assert server.is_idle()


def test_a_row_that_a_helper_event_inserts_gets_later_events(page, server, open_page):
    open_page('<ul></ul><i dj-sse="/stream/"></i>')
    server.accept().stream(
        event("html", {"target": "ul", "html": ROW, "mode": "append"}, id=position(8))
        + event("ship", "Shipped", id=position(9))
    )
    expect(page.locator("li")).to_have_text("Order Shipped")


def test_rows_that_missed_events_insert_get_missed_events_too(page, server, open_page):
    open_page(f'<i dj-sse="/stream/" dj-sse-event="none" dj-sse-since="{position(7)}"></i>')
    server.accept().stream(BURST)
    page.wait_for_function("() => document.querySelector('i')._djustSSE.getStats().messages === 2")
    late = LIST.replace("<ul", f'<ul dj-sse-since="{position(7)}"')
    page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", late)
    expect(page.locator("li")).to_have_text("Order Shipped")
    assert server.is_idle()


@pytest.mark.only_browser("chromium")
def test_transitions_keep_the_order_of_changes_and_listeners_run_after_them(page, server, open_page):
    page.add_init_script("""
        window.shown = [];
        addEventListener('sse:data', ({ target, detail }) => shown.push([detail.event, target.textContent]));
    """)
    open_page('<div dj-sse="/stream/" dj-sse-mode="append" dj-sse-transition></div>')
    patch = event("patch", [{"op": "remove", "path": "#a"}])
    stream = server.accept().stream(event("put", {"html": "<b id='a'>a</b>"}) + patch + event("put", "z"))
    expect(page.locator("[dj-sse]")).to_have_text("z")
    assert page.evaluate("() => shown") == [["put", "a"], ["patch", ""], ["put", "z"]]
    stream.send("".join(event("put", f"{number};") for number in range(100)))
    expect(page.locator("[dj-sse]")).to_have_text(
        "z" + "".join(f"{number};" for number in range(100)), timeout=1000
    )


def test_listeners_can_prevent_each_change(page, server, open_page):
    page.add_init_script("""
        window.prevented = [];
        addEventListener('sse:before', (before) => {
            prevented.push([before.detail.event, document.body.textContent.trim()]);
            if (before.detail.data === 'no' || before.detail.data.text === 'no') before.preventDefault();
        });
    """)
    open_page('<b dj-sse="/stream/" dj-sse-event="a"></b><i></i>')
    text = [event("text", {"target": "i", "text": text}) for text in ("no", "two")]
    server.accept().stream(event("a", "no") + text[0] + event("a", "one") + event("other", "") + text[1])
    expect(page.locator("i")).to_have_text("two")
    expect(page.locator("b")).to_have_text("one")
    assert page.evaluate("() => prevented") == [["a", ""], ["text", ""], ["a", ""], ["text", "one"]]


def test_elements_still_update_after_the_page_removes_its_listeners(page, server, open_page):
    open_page('<b dj-sse="/stream/"></b>')
    stream = server.accept().stream()
    page.evaluate(
        "() => ['*', 'sse:state', 'sse:reset'].forEach((n) => document.querySelector('b')._djustSSE.off(n))"
    )
    stream.send(event("a", "1"))
    expect(page.locator("b")).to_have_text("1")
    stream.end()
    expect(page.locator("b")).to_have_class("sse-disconnected")


def test_equal_content_is_not_written_again(page, server, open_page):
    open_page("""
<b dj-sse="/stream/" dj-sse-event="a"></b><p dj-sse="/stream/" dj-sse-event="a"><i dj-sse-field="n">–</i></p>
<u dj-sse="/stream/" dj-sse-event="h"></u><s id="s"></s><input id="v" value="5">
    """)
    patch = [
        {"op": "text", "path": "#s", "value": "same"},
        {"op": "set_attribute", "path": "#s", "name": "title", "value": "same"},
    ]
    same = event("a", {"n": 1}) + event("h", {"html": "<em>1</em> x"}) + event("patch", patch)
    stream = server.accept().stream(same)
    expect(page.locator("s")).to_have_text("same")
    page.evaluate("""() => {
        window.changes = [];
        new MutationObserver((records) => changes.push(...records.map(({ target }) => target.nodeName)))
            .observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    }""")
    stream.send(same + event("a", {"n": 2}))
    expect(page.locator("i")).to_have_text("2")
    assert set(page.evaluate("() => changes")) == {"B", "I"}
