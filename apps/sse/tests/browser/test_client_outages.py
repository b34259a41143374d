"""Pages reconnect soon after an outage, and a thousand of them not within one second."""

import contextlib
import statistics
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from apps.sse.tests.browser import scripted_server
from apps.sse.tests.servers.certificates import self_sign
from tests import nginx, servers

pytestmark = [pytest.mark.soak, pytest.mark.only_browser("chromium")]

PAGES = 20
CLIENTS = 1000
SECONDS = 5
# Maximum share of the clients that reconnect within one second: 1/2.75 on average, and some for chance.
FULLEST = 0.45
NOTE_WHEN_LIVE = """
addEventListener("sse:state", () => {
  const { state } = document.getElementById("live").dataset;
  window.liveAt = state === "connected" ? (window.liveAt ?? Date.now()) : null;
});
"""
CONNECT = """(count) => {
    for (let number = 0; number < count; number++) {
        new DjustSSE(`/stream/?client=${number}`, { maxRetries: Infinity }).connect();
    }
}"""


@contextlib.contextmanager
def visited(browser, url, **options):
    """Yield connected pages in separate browsers, which share no stream."""
    with contextlib.ExitStack() as stack:
        pages = []
        for _ in range(PAGES):
            page = stack.enter_context(browser.new_context(base_url=url, **options)).new_page()
            page.add_init_script(NOTE_WHEN_LIVE)
            page.goto("/")
            pages.append(page)
        for page in pages:
            expect(page.locator("#live")).to_have_attribute("data-state", "connected", timeout=30_000)
        yield pages


@pytest.mark.parametrize(
    ("way", "outage"), [("alone", 7), ("alone", 60), ("alone", 600), ("behind nginx", 7), ("behind nginx", 60)]
)
def test_visible_pages_are_live_again_within_five_seconds(serve, browser, tmp_path, way, outage):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve("uvicorn"))
        url = server.url
        if way == "behind nginx":
            tls = {"server.d/tls.conf": (servers.ROOT / "deploy" / "tls.conf").read_text()}
            self_sign(tmp_path / "tls")
            proxy = stack.enter_context(nginx.running([url, url], tmp_path, extra=tls))
            url = proxy.secure_url
        pages = stack.enter_context(visited(browser, url, ignore_https_errors=True))
        server.kill()
        time.sleep(outage)
        for page in pages:
            expect(page.locator("#live")).to_have_attribute("data-state", "offline")
        server.restart()
        returned = time.time() * 1000
        taken = []
        for page in pages:
            page.wait_for_function("() => window.liveAt", timeout=60_000)
            taken.append((page.evaluate("() => window.liveAt") - returned) / 1000)
    print(f"\n{way}, away for {outage} s: median {statistics.median(taken):.2f} s, last {max(taken):.2f} s")
    assert statistics.median(taken) < SECONDS


class Counting(BaseHTTPRequestHandler):
    """Tells each client that its stream is finished, and notes when it came."""

    protocol_version = "HTTP/1.1"
    arrived: list[float]

    def do_GET(self):
        self.arrived.append(time.monotonic())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        """Keep the test's output quiet."""


@contextlib.contextmanager
def counting(port):
    """Serve at a port, and give the times at which clients come."""
    handler = type("Handler", (Counting,), {"arrived": []})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield handler.arrived
        finally:
            server.shutdown()


@pytest.mark.parametrize("outage", [7, 60])
def test_a_thousand_clients_do_not_return_in_one_second(browser, outage):
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(browser.new_context()).new_page()
        with scripted_server.serving() as scripted:
            page.goto(scripted.page(""))
            port = int(scripted.url.rpartition(":")[2])
        started = time.monotonic()
        page.evaluate(CONNECT, CLIENTS)
        time.sleep(max(0, started + outage - time.monotonic()))
        returned = time.monotonic()
        arrived = stack.enter_context(counting(port))
        servers.wait_until(lambda: len(arrived) >= CLIENTS, 30)
    seconds = Counter(int(at - returned) for at in arrived)
    print(f"\naway for {outage} s, returning clients by second:", [seconds[n] for n in range(max(seconds) + 1)])
    assert max(seconds.values()) < FULLEST * CLIENTS
