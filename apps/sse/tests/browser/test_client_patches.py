"""The client applies each example of the table that it shares with `push_patch`."""

from playwright.sync_api import expect

from apps.sse.tests.browser.client_helpers import event
from apps.sse.tests.test_patches import EXAMPLES


def test_each_example_of_the_table_has_its_result(page, connect, complaints):
    stream = connect().stream()
    # Load idiomorph first, so that no example waits for it.
    stream.send(event("html", {"target": "body", "html": "<p></p>", "mode": "morph"}))
    expect(page.locator("p")).to_have_count(1)
    page.evaluate("() => void sse.on('patch', () => { window.applied += 1; })")
    for example in EXAMPLES:
        complaints.clear()
        page.evaluate("(html) => { window.applied = 0; document.body.innerHTML = html; }", example["page"])
        stream.send(event("patch", example["patches"]))
        page.wait_for_function("() => applied")
        assert page.evaluate("() => document.body.innerHTML") == example["shows"], example["name"]
        assert len(complaints) == example.get("reported", 0), (example["name"], complaints)
        for selector, value in example.get("values", {}).items():
            assert page.locator(selector).evaluate("(element) => element.value") == value


def test_an_event_named_patch_without_operations_is_an_ordinary_event(page, server, open_page):
    open_page('<div dj-sse="/stream/" dj-sse-mode="append"></div>')
    server.accept().stream(event("patch", "tuesday, ") + event("patch", []) + event("patch", [1]))
    expect(page.locator("[dj-sse]")).to_contain_text("tuesday, []")
    expect(page.locator("[dj-sse]")).to_contain_text("1")


def test_a_patch_changes_the_page_once_for_several_elements(page, server, open_page):
    open_page("""
<b id="count">0</b>
<i dj-sse="/stream/" dj-sse-event="x"></i><i dj-sse="/stream/" dj-sse-event="x"></i>
    """)
    stream = server.accept().stream(event("patch", [{"op": "append", "path": "#count", "value": "1"}]))
    stream.send(event("x", "done"))
    expect(page.locator("i")).to_have_text(["done", "done"])
    expect(page.locator("#count")).to_have_text("01")
