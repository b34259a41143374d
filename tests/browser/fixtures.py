"""The browser of the tests: the first Chromium on the PATH, or Firefox with `pytest --browser firefox`."""

import os
import shutil

import pytest

from tests.browser import people
from tests.fixtures import need

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Chromium without windows opens a page in a third of the time.
HEADLESS = ("chromium-headless-shell", *CHROMIUM)
FIREFOX = ("firefox-esr", "firefox")
QUIET = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, browser_name):
    """Launch the first Chromium or Firefox on the PATH, without background traffic."""
    return browser_type_launch_args | launch_options(browser_name)


def launch_options(browser_name):
    """Return Playwright's options for launching a browser of this machine."""
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
    """Return the path of the first installed program, or None."""
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture
def complaints(page):
    """The errors of the browser: console errors and uncaught exceptions."""
    found = []
    # Firefox reports only the name of an error.
    page.add_init_script(
        "const { error } = console; console.error = (...given) => error(given.map(String).join(' '));"
    )
    page.on("console", lambda message: message.type == "error" and found.append(message.text))
    page.on("pageerror", lambda error: found.append(error.message))
    return found


@pytest.fixture(scope="module")
def visitor(site, browser):
    """A page of a visitor, shared by the tests of a file."""
    with people.browsers(browser, site.url) as open_browser:
        yield open_browser()


@pytest.fixture(scope="module")
def staff(site, browser):
    """A page of a superuser, shared by the tests of a file."""
    with people.browsers(browser, site.url) as open_browser:
        yield open_browser(storage_state=people.logged_in(browser, site.url, "admin"))
