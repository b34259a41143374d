"""
The machine's browsers, and a server that tests script.

Tests of the client and of pages also run in Firefox, except those marked `only_browser`. There they are
long tests, except those of `test_firefox.py`.
"""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError, expect

from apps.sse.tests.browser import client_helpers, scripted_server
from tests.browser.fixtures import CHROMIUM, first_of
from tests.fixtures import need

ATTEMPTS, CONNECT_MS = 3, 30_000
NAMES = ("client", "encoder", "firefox", "guide", "liveness", "pages", "sharing")
IN_FIREFOX = tuple(f"test_{name}" for name in NAMES)
os.environ["NODE_OPTIONS"] = f'--require="{Path(__file__).with_name("firefox.cjs")}"'


def pytest_configure(config):
    """Collect for both browsers, unless the command line names some."""
    config.option.browser = config.option.browser or ["chromium", "firefox"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Deselect tests that are not for Firefox; there, those of other files are long tests."""
    left_out = []
    for item in items[:]:
        browser = item.callspec.params.get("browser_name") if hasattr(item, "callspec") else None
        is_for_firefox = item.path.name.startswith(IN_FIREFOX) and not item.get_closest_marker("only_browser")
        is_short = item.path.name == "test_firefox.py"
        if (browser == "firefox" and not is_for_firefox) or (browser == "chromium" and is_short):
            left_out.append(item)
            items.remove(item)
        elif browser == "firefox" and not is_short:
            item.add_marker(pytest.mark.soak)
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def desktop_chromium(browser_type, browser_type_launch_args, tmp_path):
    """Tabs of a Chromium with a back/forward cache and freezing, as on a desktop."""
    whole = first_of(CHROMIUM)
    need(whole, "Chromium with its windows")
    command = [whole, *browser_type_launch_args["args"], "--headless", "--remote-debugging-port=0"]
    for number in range(ATTEMPTS):
        with debuggable([*command, f"--user-data-dir={tmp_path / str(number)}"]) as address:
            try:
                browser = browser_type.connect_over_cdp(address, timeout=CONNECT_MS, no_defaults=True)
            except TimeoutError:
                # Playwright sometimes waits forever after it has connected: try a new Chromium.
                continue
            yield browser.contexts[0]
            return
    pytest.fail(f"Playwright could not connect to {whole}.")


@contextlib.contextmanager
def debuggable(command):
    """Run Chromium while the block runs; yield its address for a debugger."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as chromium:
        try:
            yield next(line.split()[-1] for line in chromium.stderr if "DevTools listening on" in line)
        finally:
            chromium.terminate()


@pytest.fixture
def server():
    """A server that the test scripts."""
    with scripted_server.serving() as running:
        yield running


@pytest.fixture
def open_page(page, server):
    """Open a page with this body, and the client in its head."""
    page.set_default_timeout(5000)
    page.add_init_script(client_helpers.RECORDER)
    return lambda body, **options: page.goto(server.page(body, **options))


@pytest.fixture
def connect(page, server, open_page):
    """Connect `window.sse` on an empty page, and return the request."""

    def start(options="{}"):
        open_page("")
        page.evaluate(f"() => void record(window.sse = new DjustSSE('/stream/', {options})).connect()")
        return server.accept()

    return start


@pytest.fixture
def open_tab(context, server):
    """Open another tab with the share key of a session."""

    def start(body=client_helpers.ITEMS, key="mine", clock=False, within=context, head=scripted_server.HEAD):
        tab = within.new_page()
        if clock:
            tab.clock.install()
        tab.set_default_timeout(8000)
        head = head.replace("<html ", f'<html dj-sse-share-key="{key}" ')
        tab.add_init_script(client_helpers.RECORDER)
        tab.goto(server.page(body, head=head, path=f"/page{key}/"))
        return tab

    return start


@pytest.fixture
def follow(open_tab):
    """Open a tab, and wait until it is connected as a follower."""

    def start(*given, **options):
        tab = open_tab(*given, **options)
        expect(tab.locator(client_helpers.NUMBERS)).to_have_class("sse-connected")
        return tab

    return start
