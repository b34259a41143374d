"""`dj-sse` elements that are added, moved, removed and changed, and strict policies of their page."""

from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import ITEMS, NUMBERS, event, item, position

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types djust-sse"
)


def test_elements_that_are_added_later_connect_automatically(page, server, open_page):
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


def test_a_changed_url_opens_another_stream(page, server, open_page):
    open_page('<div dj-sse="/one/"></div>')
    first = server.accept("/one/").stream(event("a", {"html": "<i>1</i>"}, id=1))
    expect(page.locator("i")).to_have_text("1")
    page.locator("[dj-sse]").evaluate("(element) => element.setAttribute('dj-sse', '/two/')")
    first.wait_until_closed()
    second = server.accept("/two/")
    assert "Last-Event-ID" not in second.headers
    second.stream(event("a", {"html": "<i>2</i>"}))
    expect(page.locator("i")).to_have_text("2")


def test_a_changed_attribute_opens_the_stream_again_at_its_position(page, server, open_page):
    open_page(ITEMS)
    element = page.locator(NUMBERS)
    element.evaluate(
        "({ _djustSSE }) => { window.received = ''; _djustSSE.on('a', (data) => { received += data; }); }"
    )
    stream = server.accept().stream(item(1))
    expect(element).to_have_text("1;")

    def change(name, value, since):
        element.evaluate(f"(element) => element.setAttribute('dj-sse-{name}', '{value}')")
        stream.wait_until_closed()
        request = server.accept()
        assert request.headers["Last-Event-ID"] == since
        return request

    changes = {"credentials": "true", "share": "false", "reconnect": "false"}
    for number, (name, value) in enumerate(changes.items(), 2):
        stream = change(name, value, position(number - 1)).stream(item(number))
        expect(element).to_have_text("".join(f"{n};" for n in range(1, number + 1)))
    stream = change("since", position(2), position(2)).stream(item(2) + item(3))
    expect(element).to_have_text("1;2;3;4;3;")
    assert page.evaluate("() => received") == "1;2;3;4;3;"
    element.evaluate("(element) => element.setAttribute('dj-sse-share', 'false')")
    stream.end()
    expect(element).to_have_class("sse-disconnected")
    assert server.is_idle()
    stream = change("reconnect", "true", position(3)).stream()
    element.evaluate("(element) => element.removeAttribute('dj-sse-since')")
    stream.wait_until_closed()
    assert "Last-Event-ID" not in server.accept().headers


def test_a_morph_keeps_the_position_of_a_stream(page, server, open_page):
    open_page(f'<p id="p" dj-sse="/stream/" dj-sse-mode="morph" dj-sse-since="{position(1)}"></p>')
    html = f'<p id="p" dj-sse="/stream/" dj-sse-mode="morph" dj-sse-since="{position(2)}">new</p>'
    stream = server.accept().stream(event("a", {"html": html}, id=position(2)))
    expect(page.locator("#p")).to_have_text("new")
    stream.send(event("a", "still open"))
    expect(page.locator("#p")).to_have_text("still open")
    assert server.is_idle()


def test_streams_open_after_all_scripts_of_the_page_have_run(page, server, open_page):
    open_page("""
<div dj-sse="/stream/"></div>
<script>window.states = [document.querySelector("[dj-sse]")._djustSSE.state]</script>
<script type="module">states.push(document.querySelector("[dj-sse]")._djustSSE.state)</script>
    """)
    server.accept()
    assert page.evaluate("() => states") == ["disconnected", "disconnected"]


def test_the_client_works_under_a_strict_policy_without_errors(page, server, open_page, complaints):
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


def test_loading_the_script_twice_and_importing_it_keeps_one_client(page, server, open_page, complaints):
    module = '<script type="module">import { DjustSSE } from "/djust-sse.esm.js"; isSame = DjustSSE === self.DjustSSE</script>'
    open_page(
        f'<script src="/djust-sse.js"></script>{module}<div dj-sse="/stream/"></div><script>var isSame</script>'
    )
    server.accept().stream(event("a", "shown"))
    expect(page.locator("[dj-sse]")).to_have_text("shown")
    page.wait_for_function("() => isSame")
    assert complaints == []
    assert server.is_idle()


def test_the_client_can_be_imported_as_a_module_and_loads_its_own_modules(page, server, open_page, complaints):
    module = 'import { DjustSSE } from "/djust-sse.esm.js"; new DjustSSE("/mine/").on("a", (text) => out.append(text)).connect()'
    open_page(
        f'<output id="out"></output><p dj-sse="/stream/" dj-sse-mode="morph"></p><script type="module">{module}</script>',
        head="<!doctype html><title>Test</title>",
        path="/deep/page/",
    )
    for _ in range(2):
        request = server.accept()
        request.stream(event("a", "own" if request.target == "/mine/" else {"html": "<i>shown</i>"}))
    expect(page.locator("output")).to_have_text("own")
    expect(page.locator("p > i")).to_have_text("shown")
    page.wait_for_function("() => performance.getEntriesByName(`${location.origin}/djust-sse-morph.js`).length")
    assert complaints == []


def test_morphs_and_patches_work_under_a_strict_policy_too(page, server, open_page, complaints):
    open_page(
        '<ul id="list" dj-sse="/stream/" dj-sse-mode="morph" dj-sse-reset="/part/"><li>old</li></ul>',
        headers={"Content-Security-Policy": STRICT_POLICY},
    )
    patches = [{"op": "append", "path": "#list", "value": {"html": "<li>two</li>"}}]
    stream = server.accept().stream(event("a", {"html": "<li>one</li>"}) + event("patch", patches))
    expect(page.locator("li")).to_have_text(["one", "two"])
    stream.send(event("sse:reset", {"reason": "gap"}))
    server.accept("/part/").answer(200, "<li>new</li>")
    expect(page.locator("li")).to_have_text(["new"])
    assert complaints == []
