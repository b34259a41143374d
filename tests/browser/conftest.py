"""The browser that the machine has, and a server that a test writes the script of."""

import os
import shutil

import pytest

from tests.browser import scripted_server

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
        pytest.fail(f"Browser tests need one of {', '.join(BROWSERS)} on the PATH, for example: apt-get install chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    return {**browser_type_launch_args, "executable_path": found, "args": [*QUIET, *sandbox]}


@pytest.fixture
def server():
    """A server that plays what the test tells it to."""
    with scripted_server.serving() as running:
        yield running
