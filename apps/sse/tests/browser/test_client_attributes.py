"""Attributes of the module `extras`: bindings of fields, closing, highlighting and scrolling."""

from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event, position
from apps.sse.tests.browser.test_client_refresh import STRICT_POLICY


def test_fields_can_be_attributes_and_classes(page, server, open_page, complaints):
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


def test_a_field_cannot_become_a_script(page, server, open_page, complaints):
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


def test_an_inserted_row_fills_its_fields_from_the_later_events_of_its_burst(page, server, open_page):
    row = "<li id='o3' dj-sse='/stream/' dj-sse-event='ship' dj-sse-field='state class.shipped:yes'>New</li>"
    open_page('<ul dj-sse="/stream/" dj-sse-event="place" dj-sse-mode="append"></ul>')
    server.accept().stream(
        event("place", {"html": row}, id=position(8))
        + event("ship", {"state": "Shipped", "yes": True}, id=position(9))
        + event("patch", [{"op": "remove_class", "path": "#o3", "value": "shipped"}], id=position(10))
    )
    expect(page.locator("li")).to_have_text("Shipped")
    expect(page.locator("li")).to_have_class("sse-connected")


def test_a_closing_event_is_displayed_before_the_stream_closes(page, server, open_page):
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


def test_added_elements_are_highlighted_for_a_moment(page, server, open_page):
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


def test_autoscroll_follows_the_end_of_a_list_unless_the_reader_has_scrolled_up(page, server, open_page):
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
