"""An open page while its server is down and after that."""

import re
import signal

from playwright.sync_api import expect

NOTE_WORDS = """() => {
  window.texts = { live: [], "try-again": [] };
  const note = () => Object.keys(texts).forEach((id) => texts[id].push(document.getElementById(id).textContent));
  new MutationObserver(note).observe(document.querySelector(".live-area"), { childList: true, subtree: true });
}"""
OFFLINE = re.compile(r"^Offline, last update \d\d:\d\d:\d\d\. What you type is kept\.$")
NEXT_TRY = re.compile(r"^Try again now \([1-5] s\)$")


def test_a_page_whose_server_was_killed_shows_the_next_attempt_and_recovers(serve, page, browser):
    with serve("uvicorn") as server, browser.new_page() as form:
        form.goto(f"{server.url}/accounts/login/?next=/accounts/password/change/")
        form.get_by_label("Username or email").fill("ada")
        form.get_by_label("Password", exact=True).fill("demo")
        page.goto(f"{server.url}/dashboard/system/")
        stream = page.locator("[dj-sse]").first
        expect(stream).to_have_class(re.compile("sse-connected"))
        page.evaluate(
            "() => { window.received = []; addEventListener('sse:data', (e) => received.push(e.detail.originalEvent.lastEventId)) }"
        )
        page.wait_for_function("() => received.length >= 2")
        page.evaluate(NOTE_WORDS)
        server.stop(signal.SIGKILL)
        expect(page.locator("#live")).to_have_text(OFFLINE, timeout=10_000)
        expect(page.locator("#try-again")).to_have_text(NEXT_TRY)
        form.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
        expect(form.get_by_text("Not sent: the server cannot be reached.")).to_be_visible()
        page.evaluate("() => { received.length = 0 }")
        server.restart()
        form.get_by_role("button", name="Try again", exact=True).click()
        form.wait_for_url("**/accounts/password/change/")
        expect(stream).to_have_class(re.compile("sse-connected"), timeout=30_000)
        page.wait_for_function("() => received.length >= 2")
        expect(page.locator("#live")).to_have_text("Live")
        texts = page.evaluate("() => texts")
        assert {text for text in texts["live"] if not OFFLINE.match(text)} == {"Live"}, "no attempt is announced"
        assert "Trying…" in texts["try-again"]
