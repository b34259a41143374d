"""`dj-sse-reset`: the stream cannot continue from the page's position."""

from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event

RESET = event("sse:reset", {"reason": "expired"})


def test_a_reset_fetches_the_part_and_later_events_are_added_to_it(page, server, open_page):
    open_page("""
<ul id="list"><li>old</li></ul>
<div dj-sse="/stream/" dj-sse-target="#list" dj-sse-mode="append" dj-sse-reset="/part/"></div>
    """)
    stream = server.accept().stream(RESET + event("a", {"html": "<li id='c'>c</li>"}))
    part = server.accept("/part/")
    stream.send(event("a", {"html": "<li>d</li>"}))
    page.wait_for_function("() => document.querySelector('[dj-sse]')._djustSSE.getStats().bytes > 120")
    expect(page.locator("li")).to_have_text(["old"])
    part.answer(200, "<li>a</li><li>b</li><li id='c'>c</li>")
    expect(page.locator("#list > li")).to_have_text(["a", "b", "c", "d"])


def test_a_reset_takes_the_target_and_its_position_from_a_whole_page(page, server, open_page):
    open_page('<main><ul id="list" dj-sse="/stream/" dj-sse-mode="append" dj-sse-reset="/"></ul></main>')
    stream = server.accept().stream()
    server.page("""
<h1>Whole</h1><ul id="list" dj-sse="/stream/" dj-sse-mode="append" dj-sse-since="9-0000aaaa"><li>9</li></ul>
    """)
    stream.send(RESET)
    again = server.accept("/stream/")
    assert again.headers["Last-Event-ID"] == "9-0000aaaa"
    stream.wait_until_closed()
    again.stream(event("a", {"html": "<li>10</li>"}))
    expect(page.locator("#list > li")).to_have_text(["9", "10"])
    expect(page.locator("h1")).to_have_count(0)


def test_a_second_reset_waits_before_it_fetches(page, server, open_page):
    page.clock.install()
    open_page('<div dj-sse="/stream/" dj-sse-reset="/part/">old</div>')
    stream = server.accept().stream(RESET)
    server.accept("/part/").answer(200, "<b>1</b>")
    expect(page.locator("b")).to_have_text("1")
    stream.send(RESET + event("a", "shown"))
    expect(page.locator("[dj-sse]")).to_have_text("shown")
    assert server.is_idle()
    page.clock.fast_forward(11_000)
    server.accept("/part/").answer(200, "<b>2</b>")
    expect(page.locator("b")).to_have_text("2")


def test_a_failed_reset_leaves_the_page_and_is_reported(page, server, open_page, complaints):
    open_page('<div dj-sse="/stream/" dj-sse-mode="append" dj-sse-reset="/part/">old</div>')
    server.page("log in", path="/login/")
    server.accept().stream(RESET + event("a", ", new"))
    server.accept("/part/").answer(302, Location="/login/")
    expect(page.locator("[dj-sse]")).to_have_text("old, new")
    assert any("/login/ returned 200" in complaint for complaint in complaints)


def test_a_reset_reloads_the_page_once(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-reset="reload">old</div>')
    with page.expect_navigation():
        server.accept().stream(RESET)
    server.accept().stream(RESET + event("a", "shown"))
    expect(page.locator("[dj-sse]")).to_have_text("shown")
    assert server.is_idle()


def test_a_part_of_another_origin_is_refused(page, server, open_page, complaints):
    open_page('<div dj-sse="/stream/" dj-sse-reset="https://example.com/part/">old</div>')
    server.accept().stream(RESET)
    page.wait_for_function("() => document.querySelector('[dj-sse]')._djustSSE.getStats().messages")
    expect(page.locator("[dj-sse]")).to_have_text("old")
    assert any("has another origin" in complaint for complaint in complaints)
