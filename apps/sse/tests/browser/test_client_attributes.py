"""Attributes for what pages would otherwise have a script for: refreshing, binding, closing, marking, scrolling."""

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.playing import event, position

STRICT_POLICY = "default-src 'self'; require-trusted-types-for 'script'; trusted-types djust-sse"
EMPTY = """<p id="orders" dj-sse="/stream/" dj-sse-refresh="changed">{}</p>"""
ORDERS = """<form id="orders" dj-sse="/stream/" dj-sse-refresh="changed"><input name="note">{}</form>"""


@pytest.fixture
def fetched(page):
    """The addresses of the documents and parts that the page has fetched as a refresh since it was opened."""
    found = []
    page.on("request", lambda request: "sse-refresh" in request.headers and found.append(request.url))
    return lambda: found


def let_refresh(page, heard):
    """Wait until the first stream has given the page so many events, and let the time for a refresh pass."""
    page.wait_for_function(
        "(heard) => document.querySelector('[dj-sse]')._djustSSE.getStats().messages === heard", arg=heard
    )
    page.clock.run_for(2000)


def hide(page, hidden):
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_a_burst_refreshes_the_element_once_by_morph_and_what_was_typed_stays(
    page, server, open_page, complaints, fetched
):
    page.clock.install()
    open_page(ORDERS.format("<b>1</b>"), headers={"Content-Security-Policy": STRICT_POLICY})
    stream = server.accept().stream()
    page.locator("input").fill("for Monday")
    server.page(ORDERS.format("<b>2</b><i>new</i>"))
    stream.send("".join(event("changed", number) for number in range(50)))
    let_refresh(page, heard=50)
    expect(page.locator("b")).to_have_text("2")
    expect(page.locator("#orders")).to_have_text("2new")
    expect(page.locator("input")).to_have_value("for Monday")
    server.page(ORDERS.format("<b>3</b>"))
    stream.send("".join(event("changed", number) for number in range(50)))
    let_refresh(page, heard=100)
    expect(page.locator("#orders")).to_have_text("3")
    assert fetched() == [f"{server.url}/"] * 2
    assert server.is_idle()
    assert complaints == []


def test_a_part_that_cannot_be_had_is_said_and_tried_again_and_nothing_waits_for_it(
    page, server, open_page, complaints
):
    page.clock.install()
    open_page("""
<ul id="list"><li>old</li></ul>
<p dj-sse="/stream/" dj-sse-event="note" dj-sse-refresh="changed" dj-sse-target="#list" dj-sse-reset="/part/"></p>
<b dj-sse="/stream/" dj-sse-event="note"></b>
    """)
    server.page("log in", path="/login/")
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, heard=1)
    part = server.accept("/part/")
    stream.send(event("note", "shown"))
    expect(page.locator("b")).to_have_text("shown")
    with page.expect_console_message(lambda message: "503" in message.text):
        part.answer(503)
    page.clock.run_for(2000)
    server.accept("/part/").answer(200, "<li>new</li>")
    expect(page.locator("#list > li")).to_have_text(["new"])
    stream.send(event("changed", ""))
    let_refresh(page, heard=3)
    with page.expect_console_message(lambda message: "/login/" in message.text):
        server.accept("/part/").answer(302, Location="/login/")
    page.clock.run_for(60_000)
    expect(page.locator("#list > li")).to_have_text(["new"])
    assert server.is_idle()


def test_a_part_waits_for_the_events_before_it_and_is_fetched_again_if_they_change_the_element(
    page, server, open_page
):
    page.clock.install()
    page.add_init_script("""
        document.startViewTransition = (update) => {
            const updateCallbackDone = (window.held ?? Promise.resolve()).then(update);
            return { ready: Promise.resolve(), updateCallbackDone };
        };
        window.held = new Promise((done) => { window.go = done; });
    """)
    open_page("""
<ul id="list" dj-sse="/stream/" dj-sse-event="item" dj-sse-mode="append" dj-sse-transition
    dj-sse-refresh="changed" dj-sse-reset="/part/"><li>1</li></ul>
    """)
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, heard=1)
    part = server.accept("/part/")
    stream.send(event("item", {"html": "<li>2</li>"}))
    let_refresh(page, heard=2)
    with page.expect_event("requestfinished"):
        part.answer(200, "<li>one</li>")
    expect(page.locator("li")).to_have_text(["1"])
    page.evaluate("() => go()")
    again = server.accept("/part/")
    expect(page.locator("li")).to_have_text(["1", "2"])
    again.answer(200, "<li>one</li><li>two</li>")
    expect(page.locator("li")).to_have_text(["one", "two"])


def test_a_part_is_fetched_again_if_an_event_changes_only_a_class_meanwhile(page, server, open_page):
    page.clock.install()
    open_page("""
<ul id="list" dj-sse="/stream/" dj-sse-event="read" dj-sse-refresh="changed" dj-sse-reset="/part/">
<li dj-sse-field="class.is-read:done">1</li></ul>
    """)
    stream = server.accept().stream(event("changed", ""))
    let_refresh(page, heard=1)
    part = server.accept("/part/")
    stream.send(event("read", {"done": True}))
    expect(page.locator("li.is-read")).to_have_count(1)
    part.answer(200, "<li>1</li>")
    again = server.accept("/part/")
    expect(page.locator("li.is-read")).to_have_count(1)
    again.answer(200, "<li class='is-read'>one</li>")
    expect(page.locator("li.is-read")).to_have_text(["one"])


def test_attributes_that_could_not_be_loaded_are_tried_again_at_the_next_event(page, server, open_page):
    page.clock.install()
    page.route("**/djust-sse-extras.js", lambda route: route.abort())
    with page.expect_console_message(lambda message: "could not be loaded" in message.text):
        open_page(EMPTY.format("<b>1</b>"))
    server.page(EMPTY.format("<b>2</b>"))
    stream = server.accept().stream()
    page.clock.run_for(6000)
    stream.send(event("changed", 1))
    let_refresh(page, heard=1)
    expect(page.locator("b")).to_have_text("2")


def test_a_hidden_page_is_refreshed_when_it_is_shown_and_one_with_gaps_at_once(page, server, open_page, fetched):
    page.clock.install()
    open_page(EMPTY.format(""))
    stream = server.accept().stream()
    hide(page, hidden=True)
    server.page(EMPTY.format("<b>2</b>"))
    stream.send(event("changed", 1) + event("changed", 2))
    let_refresh(page, heard=2)
    expect(page.locator("#orders")).to_have_text("")
    assert fetched() == []
    hide(page, hidden=False)
    expect(page.locator("b")).to_have_text("2")
    server.page(EMPTY.format("<b>3</b>"))
    stream.send(event("sse:reset", {"reason": "expired"}))
    let_refresh(page, heard=3)
    expect(page.locator("b")).to_have_text("3")


def test_a_refresh_can_be_prevented_and_animated_as_any_other_change(page, server, open_page, browser_name):
    page.clock.install()
    page.add_init_script("""
        addEventListener('sse:before', (event) => {
          (window.names ??= []).push(event.detail.event);
          if (names.length === 1) event.preventDefault();
        });
        const start = document.startViewTransition?.bind(document);
        if (start) document.startViewTransition = (update) => (window.animated = true, start(update));
    """)
    open_page(ORDERS.format("<b>1</b>").replace("<form ", "<form dj-sse-transition "))
    stream = server.accept().stream(event("changed", 1))
    let_refresh(page, heard=1)
    page.wait_for_function("() => window.names")
    expect(page.locator("b")).to_have_text("1")
    server.page(ORDERS.format("<b>2</b>"))
    stream.send(event("changed", 2))
    let_refresh(page, heard=2)
    expect(page.locator("b")).to_have_text("2")
    assert page.evaluate("() => [names, animated]") == [["changed", "changed"], True]


def test_fields_are_attributes_and_classes_too(page, server, open_page, complaints):
    open_page(
        """
<section dj-sse="/stream/">
  <progress max="100" dj-sse-field="percent aria-label:status"></progress>
  <a dj-sse-field="file.name href:file.url class.done:done class.is-late:late hidden:late">?</a>
  <i class="late" aria-busy="false" title="kept"
     dj-sse-field="aria-busy:busy class.late:late title:unknown --percent:percent disabled:done"></i>
</section>
        """,
        headers={"Content-Security-Policy": STRICT_POLICY},
    )
    data = {"percent": 40, "status": "40 %", "done": True, "late": False, "busy": True}
    stream = server.accept().stream(event("a", data | {"file": {"name": "a.csv", "url": "/a.csv"}}))
    progress, link, other = (page.locator(name) for name in ["progress", "a", "i"])
    expect(progress).to_have_attribute("aria-label", "40 %")
    assert progress.evaluate("(element) => element.value") == 40
    expect(link).to_have_text("a.csv")
    expect(link).to_have_attribute("href", "/a.csv")
    expect(link).to_have_class("done")
    assert link.get_attribute("hidden") is None
    expect(other).to_have_class("")
    assert other.evaluate(
        "({ title, ariaBusy, style }) => [title, ariaBusy, style.getPropertyValue('--percent')]"
    ) == [
        "kept",
        "true",
        "40",
    ]
    expect(other).to_have_attribute("disabled", "")
    stream.send(event("a", {"done": None, "late": True}))
    expect(link).to_have_class("is-late")
    expect(link).to_have_attribute("hidden", "")
    assert other.get_attribute("disabled") is None
    assert complaints == []


def test_no_field_becomes_a_script(page, server, open_page, complaints):
    open_page("""
<p dj-sse="/stream/"><a href="/safe/" dj-sse-field="onclick:x href:url title:x">?</a>
<iframe dj-sse-field="srcdoc:x"></iframe><b dj-sse-field="title:book aria-label:book"></b></p>
    """)
    data = {"x": "alert(1)", "url": "java\tscript:alert(1)", "book": "JavaScript: The Good Parts"}
    server.accept().stream(event("a", data))
    expect(page.locator("a")).to_have_attribute("title", "alert(1)")
    page.wait_for_function("() => document.querySelector('p')._djustSSE.getStats().messages")
    expect(page.locator("a")).to_have_attribute("href", "/safe/")
    expect(page.locator("b")).to_have_attribute("title", "JavaScript: The Good Parts")
    expect(page.locator("b")).to_have_attribute("aria-label", "JavaScript: The Good Parts")
    assert page.evaluate(
        "() => [document.querySelector('a').onclick, document.querySelector('iframe').srcdoc]"
    ) == [
        None,
        "",
    ]
    assert len([text for text in complaints if "must be text, not a script" in text]) == 3


def test_a_row_that_an_event_brings_has_fields_for_the_rest_of_its_burst(page, server, open_page):
    row = "<li id='o3' dj-sse='/stream/' dj-sse-event='ship' dj-sse-field='state class.shipped:yes'>New</li>"
    open_page('<ul dj-sse="/stream/" dj-sse-event="place" dj-sse-mode="append"></ul>')
    server.accept().stream(
        event("place", {"html": row}, id=position(8))
        + event("ship", {"state": "Shipped", "yes": True}, id=position(9))
        + event("patch", [{"op": "remove_class", "path": "#o3", "value": "shipped"}], id=position(10))
    )
    expect(page.locator("li")).to_have_text("Shipped")
    expect(page.locator("li")).to_have_class("sse-connected")


def test_an_event_closes_the_stream_of_its_element_after_it_is_shown(page, server, open_page):
    page.add_init_script("addEventListener('sse:state', ({ detail }) => { window.state = detail; })")
    open_page('<b dj-sse="/stream/" dj-sse-close="done"></b><i dj-sse="/stream/" dj-sse-event="none"></i>')
    stream = server.accept().stream(event("a", "1") + event("done", "2") + event("a", "3"))
    expect(page.locator("b")).to_have_class("sse-disconnected")
    expect(page.locator("b")).to_have_text("2")
    assert page.evaluate("() => state") == {"state": "disconnected", "reason": "closed"}
    expect(page.locator("i")).to_have_class("sse-connected")
    page.evaluate("() => document.querySelector('i').remove()")
    stream.wait_until_closed()
    page.evaluate("() => dispatchEvent(new Event('online'))")
    page.evaluate("() => document.body.append(document.querySelector('b'))")
    assert server.is_idle()


def test_what_an_event_brought_is_marked_for_a_moment(page, server, open_page):
    page.clock.install()
    open_page("""
<ul id="list" dj-sse="/stream/" dj-sse-event="item" dj-sse-mode="append" dj-sse-added="is-new" dj-sse-transition>
  <li id="a">a</li></ul>
<p id="other" dj-sse-added>other</p><i dj-sse="/stream/" dj-sse-event="item" dj-sse-mode="outer"></i>
    """)
    row = event("html", {"target": "#a", "html": "<li id='a'>A</li>", "mode": "outer"})
    text = event("html", {"target": "#other", "html": "<b>b</b>", "mode": "append"})
    stream = server.accept().stream(event("item", {"html": "<li>b</li>"}) + row + text)
    expect(page.locator("#list > .is-new")).to_have_text(["A", "b"])
    expect(page.locator("b")).to_have_class("sse-added")
    by_script = "async () => (list.append(document.createElement('li')), await null, list.lastChild.className)"
    assert page.evaluate(by_script) == ""
    page.clock.run_for(5000)
    expect(page.locator(".is-new, .sse-added")).to_have_count(0)
    stream.send(event("item", {"html": "<li>d</li>"}))
    expect(page.locator("#list > .is-new")).to_have_text(["d"])


@pytest.mark.firefox
def test_who_reads_the_end_of_a_list_is_kept_there_and_who_reads_above_is_not_moved(page, server, open_page):
    rows = "".join(f"<li>{number}</li>" for number in range(50))
    open_page(f"""
<ul id="log" style="height: 100px; overflow: auto" dj-sse="/stream/" dj-sse-mode="append" dj-sse-limit="60"
    dj-sse-autoscroll>{rows}</ul>
    """)
    stream = server.accept().stream()
    below = "Math.round(log.scrollHeight - log.scrollTop - log.clientHeight)"
    page.wait_for_function(f"() => log.scrollTop > 0 && {below} < 2")
    for burst in range(2):
        stream.send("".join(event("a", {"html": f"<li>{burst}</li>"}) for _ in range(30)))
        page.wait_for_function("(count) => log._djustSSE.getStats().messages === count", arg=30 * (burst + 1))
        page.wait_for_function(f"() => {below} < 2")
    page.evaluate("() => new Promise((done) => { log.onscroll = done; log.scrollTop = 40; })")
    stream.send(event("a", {"html": "<li>unseen</li>"}))
    expect(page.locator("li").last).to_have_text("unseen")
    assert page.evaluate(f"() => {below}") > 100
    page.evaluate("() => new Promise((done) => { log.onscroll = done; log.scrollTop = log.scrollHeight; })")
    stream.send(event("a", {"html": "<li>seen</li>"}))
    expect(page.locator("li").last).to_have_text("seen")
    page.wait_for_function(f"() => {below} < 2")
