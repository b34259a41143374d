"""The browser that the machine has, and a server that a test writes the script of."""

import os
import shutil

import pytest

from tests.browser import playing, scripted_server

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Launch the first Chromium on the PATH, without traffic of its own."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(f"Browser tests need one of {', '.join(BROWSERS)} on the PATH: apt-get install chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    return {**browser_type_launch_args, "executable_path": found, "args": [*QUIET, *sandbox]}


@pytest.fixture
def server():
    """A server that plays what the test tells it to."""
    with scripted_server.serving() as running:
        yield running


@pytest.fixture
def complaints(page):
    """What the browser complains about: console errors and uncaught exceptions."""
    found = []
    page.on("console", lambda message: message.type == "error" and found.append(message.text))
    page.on("pageerror", lambda error: found.append(error.message))
    return found


@pytest.fixture
def open_page(page, server):
    """Open a page whose body is given, with the client in its head."""
    page.set_default_timeout(5000)
    page.add_init_script(playing.RECORDER)
    return lambda body, **options: page.goto(server.page(body, **options))


@pytest.fixture
def connect(page, server, open_page):
    """Connect `window.sse` from an empty page, and return the request that the server got."""

    def start(options="{}"):
        open_page("")
        page.evaluate(f"() => void record(window.sse = new DjustSSE('/stream/', {options})).connect()")
        return server.accept()

    return start
