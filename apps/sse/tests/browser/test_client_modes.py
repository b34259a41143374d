"""The effect of each mode on its target, and what a morph keeps."""

import io
import wave

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event

MODES = [
    ("replace", '<p id="t"><i>new</i></p>'),
    ("append", '<p id="t">old<i>new</i></p>'),
    ("prepend", '<p id="t"><i>new</i>old</p>'),
    ("text", '<p id="t">new</p>'),
    ("outer", "<i>new</i>"),
    ("before", '<i>new</i><p id="t">old</p>'),
    ("after", '<p id="t">old</p><i>new</i>'),
    ("remove", ""),
    ("morph", '<p id="t"><i>new</i></p>'),
]


@pytest.mark.parametrize(("mode", "shows"), MODES)
def test_the_mode_of_an_element_decides_where_html_is_inserted(page, server, open_page, complaints, mode, shows):
    page.add_init_script(
        "addEventListener('sse:data', () => { window.shown = document.querySelector('main').innerHTML; })"
    )
    open_page(f"""
<main><p id="t">old</p></main><div dj-sse="/stream/" dj-sse-target="#t" dj-sse-mode="{mode}"></div>
    """)
    server.accept().stream(event("a", {"html": "<i>new</i>"}))
    page.wait_for_function("() => window.shown !== undefined")
    assert page.evaluate("() => shown") == shows
    assert complaints == []


def test_text_is_text_in_each_mode(page, connect):
    stream = connect().stream()
    page.evaluate("() => { document.body.innerHTML = '<main><p id=t>old</p></main>'; }")
    for mode in ["before", "after", "append", "morph", "outer"]:
        stream.send(event("text", {"target": "#t", "text": f"<{mode}>", "mode": mode}))
    expect(page.locator("main")).to_have_text("<before><outer><after>")
    assert page.locator("main").inner_html() == "&lt;before&gt;&lt;outer&gt;&lt;after&gt;"


def test_a_list_keeps_its_newest_children(page, server, open_page):
    open_page("""
<ul id="up"><li>0</li></ul><ul id="down"><li>0</li></ul>
<i dj-sse="/stream/" dj-sse-target="#up" dj-sse-mode="prepend" dj-sse-limit="3"></i>
<i dj-sse="/stream/" dj-sse-target="#down" dj-sse-mode="append" dj-sse-limit="3"></i>
    """)
    server.accept().stream("".join(event("a", {"html": f"\n<li>{n}</li>\n"}) for n in range(1, 10)))
    expect(page.locator("#up > li")).to_have_text(["9", "8", "7"])
    expect(page.locator("#down > li")).to_have_text(["7", "8", "9"])
    assert page.evaluate("() => up.childNodes.length") <= 12


def wave_file(seconds):
    """Return silence as the bytes of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return file.getvalue()


FORM = """
<form id="form"><p>1</p><input id="a"><label>Other <input id="b" value="b"></label><input id="c" type="checkbox">
<select id="d"><option>1<option>2</select><select id="e"><option selected>1<option>2</select>
<details id="f"><summary>More</summary></details></form>
<div dj-sse="/stream/" dj-sse-target="#form" dj-sse-mode="morph"></div>
"""


def form(number):
    before = "".join(f"<p>{n}</p>" for n in range(number))
    return f"""<section>new</section>{before}<input id="a" class="n{number}"><label>Other <input id="b" value="b{number}">
</label><input id="c" type="checkbox"><select id="d"><option>1<option>2</select><select id="e"><option>1<option selected>2
</select><details id="f"><summary>More</summary></details>"""


def test_a_morph_around_a_focused_input_does_not_disturb_typing(page, server, open_page):
    open_page(FORM)
    stream = server.accept().stream()
    page.click("#a")
    for number, letter in enumerate("typing", 1):
        page.keyboard.type(letter)
        stream.send(event("a", {"html": form(number)}))
        expect(page.locator("#a")).to_have_class(f"n{number}")
    expect(page.locator("#a")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    stream.send(event("a", {"html": form(7)}))
    expect(page.locator("#a")).to_have_class("n7")
    page.keyboard.type("XY")
    expect(page.locator("#a")).to_have_value("typinXYg")
    expect(page.locator("form > section")).to_have_text("new")
    expect(page.locator("#b")).to_have_value("b7")


def test_a_morph_keeps_unsaved_input_and_open_dialogs(page, server, open_page):
    open_page(FORM)
    stream = server.accept().stream()
    page.fill("#a", "mine")
    page.fill("#b", "mine too")
    page.check("#c")
    page.select_option("#d", "2")
    page.locator("#d").blur()
    page.click("#f > summary")
    stream.send(event("a", {"html": form(1)}))
    expect(page.locator("#a")).to_have_class("n1")
    expect(page.locator("#a")).to_have_value("mine")
    expect(page.locator("#b")).to_have_value("mine too")
    expect(page.locator("#c")).to_be_checked()
    expect(page.locator("#d")).to_have_value("2")
    expect(page.locator("#e")).to_have_value("2")
    expect(page.locator("#f")).to_have_attribute("open", "")


def test_scroll_and_selection_survive_a_morph(page, server, open_page):
    rows = "".join(f'<p id="r{n}">row {n}</p>' for n in range(100))
    open_page(f"""
<section id="box" style="height: 100px; overflow: auto">{rows}</section>
<div dj-sse="/stream/" dj-sse-target="#box" dj-sse-mode="morph"></div>
    """)
    page.evaluate("() => { box.scrollTop = 500; getSelection().selectAllChildren(r20); }")
    server.accept().stream(event("a", {"html": rows.replace(">row 50<", ">changed<")}))
    expect(page.locator("#r50")).to_have_text("changed")
    assert page.evaluate("() => [box.scrollTop, String(getSelection())]") == [500, "row 20"]


def test_a_morph_does_not_interrupt_playing_media(page, server, open_page):
    tone = wave_file(seconds=60)
    page.route("**/tone.wav", lambda route: route.fulfill(body=tone, content_type="audio/wav"))
    audio = '<audio id="tone" src="/tone.wav" loop muted controls></audio>'
    open_page(f'<main dj-sse="/stream/" dj-sse-mode="morph">{audio}</main>')
    stream = server.accept("/stream/").stream()
    page.evaluate("""async () => {
        await tone.play();
        window.stops = [];
        for (const name of ['pause', 'emptied', 'seeking', 'abort']) tone.addEventListener(name, () => stops.push(name));
    }""")
    for number in range(1, 4):
        stream.send(
            event(
                "a",
                {
                    "html": f"<section><p>{number}</p>{audio}</section>"
                    if number % 2
                    else f"{audio}<p>{number}</p>"
                },
            )
        )
        expect(page.locator("main p")).to_have_text(str(number))
        before = page.evaluate("() => tone.currentTime")
        page.wait_for_function("(before) => tone.currentTime > before", arg=before)
    assert page.evaluate("() => [stops, tone.paused]") == [[], False]


def test_a_morphed_stream_keeps_its_connection_and_its_state(page, server, open_page):
    open_page('<main><b id="live" dj-sse="/stream/">0</b></main>')
    stream = server.accept().stream()
    html = '<u>new</u><b id="live" class="big" dj-sse="/stream/">1</b>'
    stream.send(event("html", {"target": "main", "html": html, "mode": "morph"}))
    expect(page.locator("#live")).to_have_class("big sse-connected")
    stream.send(event("a", "2"))
    expect(page.locator("#live")).to_have_text("2")
    assert server.is_idle()


def test_idiomorph_is_loaded_when_first_needed_and_later_events_wait(page, server, connect):
    stream = connect().stream()
    loaded = []
    page.on("request", lambda request: request.url.endswith(".js") and loaded.append(request.url))
    page.evaluate("""() => {
        document.body.innerHTML = '<main><b>1</b></main>';
        window.kept = document.querySelector('b');
        sse.on('last', () => { window.shown = document.querySelector('main').innerHTML; });
    }""")
    stream.send(event("text", {"target": "main", "text": "+", "mode": "append"}))
    expect(page.locator("main")).to_have_text("1+")
    assert loaded == []
    stream.send(
        event("html", {"target": "main", "html": "<b>2</b>", "mode": "morph"})
        + event("text", {"target": "main", "text": "3", "mode": "append"})
        + event("last", "1")
    )
    page.wait_for_function("() => window.shown")
    assert page.evaluate("() => [shown, kept.isConnected]") == ["<b>2</b>3", True]
    assert loaded == [f"{server.url}/djust-sse-morph.js"]


# Firefox delays `load` until the imports of the page are loaded.
@pytest.mark.only_browser("chromium")
def test_without_idiomorph_a_morph_keeps_unsaved_input_and_loading_is_retried(page, server, open_page, complaints):
    page.clock.install()
    page.route("**/djust-sse-morph.js", lambda route: None)
    page.route("**/djust-sse-morph.js?attempt=2", lambda route: route.abort())
    open_page("""
<i dj-sse="/other/"></i>
<div id="plain" dj-sse="/stream/" dj-sse-mode="morph">old</div>
<form dj-sse="/stream/" dj-sse-mode="morph"><input name="a"></form>
    """)
    page.locator("input").fill("typed")
    streams = [server.accept(), server.accept()]
    streams.sort(key=lambda stream: stream.target)
    other, stream = (each.stream() for each in streams)
    other.send(event("a", "on time"))
    stream.send(event("a", {"html": "<b>new</b>"}))
    page.wait_for_function("() => document.querySelector('i')._djustSSE.getStats().bytes > 20")
    expect(page.locator("i")).to_have_text("")
    page.clock.fast_forward(5000)
    expect(page.locator("#plain > b")).to_have_text("new")
    expect(page.locator("i")).to_have_text("on time")
    expect(page.locator("input")).to_have_value("typed")
    assert any("no response within 5000 ms" in complaint for complaint in complaints)
    assert any("would lose typed text" in complaint for complaint in complaints)
    page.clock.fast_forward(5000)
    page.evaluate("() => { window.input = document.querySelector('input'); }")
    with page.expect_console_message(lambda message: "attempt=2 could not be loaded" in message.text):
        stream.send(event("a", {"html": "<b>2</b>"}))
    page.clock.fast_forward(5000)
    with page.expect_response("**/djust-sse-morph.js?attempt=3"):
        stream.send(event("a", {"html": "<input name='a'><b>3</b>"}))
    expect(page.locator("form > b")).to_have_text("3")
    assert page.evaluate("() => input.isConnected && input.value") == "typed"


def test_an_update_can_be_a_view_transition(page, server, open_page, complaints, browser_name):
    page.add_init_script("""
        const start = Document.prototype.startViewTransition;
        window.transitions = 0;
        Document.prototype.startViewTransition = function (...given) {
            window.transitions += 1;
            return start.apply(this, given);
        };
    """)
    open_page('<div dj-sse="/stream/" dj-sse-mode="append" dj-sse-transition></div>')
    stream = server.accept().stream(event("a", "1") + event("a", "2"))
    expect(page.locator("[dj-sse]")).to_have_text("12")
    assert page.evaluate("() => transitions") == 2
    if browser_name == "firefox":
        return  # this browser cannot emulate reduced motion
    page.emulate_media(reduced_motion="reduce")
    stream.send(event("a", "3"))
    expect(page.locator("[dj-sse]")).to_have_text("123")
    assert page.evaluate("() => transitions") == 2
    assert complaints == []


def test_htmx_processes_inserted_elements_if_the_page_has_it(page, server, open_page):
    open_page("""
<script>window.processed = []; window.htmx = { process: (element) => processed.push(element.localName) };</script>
<div dj-sse="/stream/"></div>
    """)
    server.accept().stream(event("a", {"html": "<b hx-get='/x/'>x</b>"}))
    expect(page.locator("b")).to_have_text("x")
    assert page.evaluate("() => processed") == ["div"]
