"""The open page when its server goes away and comes back."""

import re
import signal

from playwright.sync_api import expect


def test_a_page_whose_server_was_killed_says_so_comes_back_and_its_numbers_go_on(serve, page):
    with serve("uvicorn") as server:
        page.goto(f"{server.url}/dashboard/")
        stream = page.locator("[dj-sse]").first
        expect(stream).to_have_class(re.compile("sse-connected"))
        page.evaluate(
            "() => { window.heard = []; addEventListener('sse:data', (e) => heard.push(e.detail.originalEvent.lastEventId)) }"
        )
        page.wait_for_function("() => heard.length >= 2")
        server.stop(signal.SIGKILL)
        expect(page.locator("#live")).to_contain_text("Offline", timeout=10_000)
        page.evaluate("() => { heard.length = 0 }")
        server.restart()
        expect(stream).to_have_class(re.compile("sse-connected"), timeout=30_000)
        page.wait_for_function("() => heard.length >= 2")
        expect(page.locator("#live")).to_contain_text("Live")
