"""Events change the page."""

from playwright.sync_api import expect

from apps.sse.tests.browser import scripted_server
from apps.sse.tests.browser.client_helpers import event


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


def test_html_that_contains_the_target_replaces_it(page, server, open_page):
    open_page('<p id="count">1</p><div dj-sse="/stream/" dj-sse-target="#count"></div>')
    server.accept().stream(event("a", {"html": "<p id='count' class='new'>2</p>"}))
    expect(page.locator("p")).to_have_class("new")
    expect(page.locator("p")).to_have_text("2")


def test_fields_get_their_values_and_others_keep_theirs(page, server, open_page):
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


def test_the_element_itself_can_be_the_field(page, server, open_page):
    open_page('<b dj-sse="/stream/" dj-sse-field="count">0</b>')
    server.accept().stream(event("a", {"count": 3, "more": 1}))
    expect(page.locator("b")).to_have_text("3")


def test_an_element_does_not_fill_the_fields_of_a_stream_inside_it(page, server, open_page):
    open_page("""
<div dj-sse="/outer/"><b dj-sse-field="n">0</b><div dj-sse="/inner/"><i dj-sse-field="n">0</i></div></div>
    """)
    for _ in range(2):
        request = server.accept()
        request.stream(event("a", {"n": 1 if request.target == "/outer/" else 2}))
    expect(page.locator("b")).to_have_text("1")
    expect(page.locator("i")).to_have_text("2")


def test_text_content_is_replaced_by_each_event(page, server, open_page):
    placeholders = ["", "  \n ", "<!-- soon -->", "waiting"]
    open_page("".join(f'<div dj-sse="/stream/">{placeholder}</div>' for placeholder in placeholders))
    stream = server.accept().stream(event("a", {"html": "<i>one</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text(["one"] * 4)
    stream.send(event("a", {"html": "<i>two</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text(["two"] * 4)


def test_content_of_the_page_is_replaced_only_with_a_mode(page, server, open_page):
    open_page('<div dj-sse="/stream/"><p>mine</p></div>')
    stream = server.accept().stream(event("a", {"html": "<i>x</i>"}) + event("a", "text") + event("a", {"n": 1}))
    page.wait_for_function("() => document.querySelector('[dj-sse]')._djustSSE.getStats().messages === 3")
    assert page.locator("[dj-sse]").inner_html() == "<p>mine</p>"
    page.locator("[dj-sse]").evaluate("(element) => element.setAttribute('dj-sse-mode', 'replace')")
    stream.send(event("a", {"html": "<i>x</i>"}))
    expect(page.locator("[dj-sse]")).to_have_text("x")


def test_a_filter_limits_updates_but_not_listeners(page, server, open_page):
    open_page("""
<div dj-sse="/stream/" dj-sse-event="a, b d" dj-sse-mode="append"></div>
<script>
const received = [], announced = [];
document.querySelector('[dj-sse]')._djustSSE.on('c', (data) => received.push(data));
document.addEventListener('sse:data', (event) => {
    announced.push([event.detail.event, event.detail.data, event.detail.originalEvent.type]);
});
</script>
    """)
    server.accept().stream(event("a", "1") + event("c", "3") + event("b", "2") + event("d", "4"))
    expect(page.locator("[dj-sse]")).to_have_text("124")
    assert page.evaluate("() => received") == [3]
    assert page.evaluate("() => announced") == [["a", 1, "a"], ["c", 3, "c"], ["b", 2, "b"], ["d", 4, "d"]]


def test_the_page_changes_before_its_listeners_run(page, server, open_page):
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


def test_a_failing_helper_event_is_reported_and_later_events_are_applied(page, connect, complaints):
    connect().stream(
        event("text", {"target": "p[", "text": "x", "mode": "replace"})
        + event("text", {"target": "body", "text": "x", "mode": "sideways"})
        + event("text", {"target": "body", "text": "fine", "mode": "replace"})
    )
    expect(page.locator("body")).to_have_text("fine")
    assert len(complaints) == 2
    assert 'unknown mode "sideways"' in complaints[1]


def test_events_with_a_helper_name_and_other_data_are_ordinary_events(page, server, open_page):
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


def test_a_redirect_to_an_allowed_origin_leaves_the_page(page, connect, complaints):
    with scripted_server.serving() as other:
        there = other.page("there", path="/there/")
        stream = connect().stream()
        page.evaluate("(origin) => { DjustSSE.redirectOrigins = [origin]; }", other.url)
        stream.send(event("redirect", {"url": there}))
        page.wait_for_url(there)
        assert complaints == []


def test_a_stream_of_another_origin_changes_the_page_only_if_listed(page, server, open_page, complaints):
    with scripted_server.serving() as other:
        open_page("<b>ours</b><i>ours</i>")
        connect = "(url) => { record(window.sse = new DjustSSE(url)).on('text', (data) => { window.received = data; }); }"
        page.evaluate(connect, f"{other.url}/stream/")
        page.evaluate("() => void sse.connect()")
        stream = other.accept().stream(Access_Control_Allow_Origin="*")
        stream.send(
            event("text", {"target": "b", "text": "theirs"}) + event("html", {"target": "b", "html": "theirs"})
        )
        page.wait_for_function("() => sse.getStats().messages === 2 && received.text === 'theirs'")
        expect(page.locator("b")).to_have_text("ours")
        assert [f"{other.url} is not in DjustSSE.changeOrigins" in complaint for complaint in complaints] == [
            True
        ] * 2
        page.evaluate("(origin) => { DjustSSE.changeOrigins = [origin]; }", other.url)
        stream.send(event("text", {"target": "i", "text": "theirs"}))
        expect(page.locator("i")).to_have_text("theirs")


def test_a_reload_event_reloads_the_page(page, server, open_page):
    open_page('<div dj-sse="/stream/"></div>')
    with page.expect_navigation():
        server.accept().stream(event("reload", {}))
    server.accept().stream()
