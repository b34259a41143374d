"""
The browsers that the machine has, and a server that a test writes the script of.

Those of the client and of the pages as such are run in Firefox as well, but for what is marked
`only_browser`; there they are long tests, but for what is marked `firefox`.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import playing, scripted_server
from tests.conftest import need

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Chromium without its windows, which opens a page in a third of the time.
HEADLESS = ("chromium-headless-shell", *CHROMIUM)
FIREFOX = ("firefox-esr", "firefox")
QUIET = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
IN_FIREFOX = ("test_client", "test_encoder", "test_guide", "test_liveness", "test_pages", "test_sharing")
os.environ["NODE_OPTIONS"] = f'--require="{Path(__file__).with_name("firefox.cjs")}"'


def pytest_configure(config):
    """Collect for both browsers, unless one is asked for."""
    config.option.browser = config.option.browser or ["chromium", "firefox"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what is not for Firefox, where what is not marked for it is long."""
    left_out = []
    for item in items[:]:
        if not hasattr(item, "callspec") or item.callspec.params.get("browser_name") != "firefox":
            continue
        if item.get_closest_marker("only_browser") or not item.path.name.startswith(IN_FIREFOX):
            left_out.append(item)
            items.remove(item)
        elif not item.get_closest_marker("firefox"):
            item.add_marker(pytest.mark.soak)
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, browser_name):
    """Launch the first Chromium or Firefox on the PATH, without traffic of its own."""
    return browser_type_launch_args | launch_options(browser_name)


def launch_options(browser_name):
    """Return the options with which Playwright launches one of the browsers of this machine."""
    if browser_name == "firefox":
        found = first_of(FIREFOX)
        need(found, "Firefox")
        return {"executable_path": found, "channel": "moz-firefox"}
    found = first_of(HEADLESS)
    if found is None:
        pytest.fail(f"Browser tests need one of {', '.join(HEADLESS)} on the PATH: apt-get install chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    return {"executable_path": found, "args": [*QUIET, *sandbox]}


def first_of(names):
    """Return the path of the first of some programs that the machine has, or None."""
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture
def everyday(browser_type, browser_type_launch_args, tmp_path):
    """The tabs of a Chromium as people have it: with a back/forward cache, frozen when long hidden."""
    whole = first_of(CHROMIUM)
    need(whole, "Chromium with its windows")
    command = [whole, *browser_type_launch_args["args"]]
    options = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as chromium:
        try:
            address = next(line.split()[-1] for line in chromium.stderr if "DevTools listening on" in line)
            yield browser_type.connect_over_cdp(address, no_defaults=True).contexts[0]
        finally:
            chromium.terminate()


@pytest.fixture
def server():
    """A server that plays what the test tells it to."""
    with scripted_server.serving() as running:
        yield running


@pytest.fixture
def complaints(page):
    """What the browser complains about: console errors and uncaught exceptions."""
    found = []
    # What an error says, for which Firefox has but its name.
    page.add_init_script(
        "const { error } = console; console.error = (...given) => error(given.map(String).join(' '));"
    )
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


@pytest.fixture
def open_tab(context, server):
    """Open one more tab of the browser, with the share key of a session."""

    def start(body=playing.ITEMS, key="mine", clock=False, within=context):
        tab = within.new_page()
        if clock:
            tab.clock.install()
        tab.set_default_timeout(8000)
        head = scripted_server.HEAD.replace("<html ", f'<html dj-sse-share-key="{key}" ')
        tab.add_init_script(playing.RECORDER)
        tab.goto(server.page(body, head=head, path=f"/page{key}/"))
        return tab

    return start


@pytest.fixture
def follow(open_tab):
    """Open a tab that is to follow, and wait until it does."""

    def start(*given, **options):
        tab = open_tab(*given, **options)
        expect(tab.locator(playing.NUMBERS)).to_have_class("sse-connected")
        return tab

    return start
