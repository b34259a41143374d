"""Clients of other makers that have heard nothing when their server dies are given what they missed."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from apps.sse.tests.chaos import deployments
from apps.sse.tests.foreign.clients import READERS, BrowserClient, NodeClient, PythonClient
from tests import servers
from tests.browser.fixtures import launch_options
from tests.fixtures import need

HERE = Path(__file__).parent
PACKAGES = ("eventsource3", "eventsource4", "eventsource-client")
MISSED = [str(number) for number in range(10)]
PUBLISH = "from apps.sse import publish\nfor number in range(10): publish('news', 'item', number)"


@pytest.fixture
def site(migrated, tmp_path):
    """A running server with channels."""
    servers.copy_database(migrated, tmp_path)
    with deployments.SQLite(tmp_path).serving() as server:
        yield server


@pytest.fixture
def stack():
    """What a test has opened and is closed after it."""
    with contextlib.ExitStack() as stack:
        yield stack


def lose_the_server_while_ten_events_are_published(site, clients):
    """Return what each client has heard of them, or that it was told to start anew."""
    for client in clients:
        servers.wait_until(lambda: client.of("sse:open"), 20)  # noqa: B023
    site.kill()
    servers.manage("shell", "-v0", "-c", PUBLISH, environment=site.environment)
    site.restart()
    for client in clients:
        servers.wait_until(lambda: len(client.of("item")) >= len(MISSED) or client.of("sse:reset"), 30)  # noqa: B023
    return {client.name: client.of("item") or client.of("sse:reset") for client in clients}


def test_readers_in_python_and_the_browsers_own_miss_nothing(site, stack, playwright):
    url = f"{site.url}/soon/?channel=news"
    browsers = [
        BrowserClient(name, url, getattr(playwright, name), launch_options(name))
        for name in ("chromium", "firefox")
    ]
    clients = [
        stack.enter_context(client) for client in [*(PythonClient(name, url) for name in READERS), *browsers]
    ]
    heard = lose_the_server_while_ten_events_are_published(site, clients)
    assert heard == dict.fromkeys(heard, MISSED)


@pytest.mark.soak
def test_clients_from_npm_miss_nothing(site, stack, tmp_path):
    need(shutil.which("npm"), "npm")
    for name in ("package.json", "package-lock.json", ".npmrc", "clients.mjs"):
        shutil.copyfile(HERE / name, tmp_path / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=tmp_path, check=True, capture_output=True)
    url = f"{site.url}/soon/?channel=news"
    clients = [stack.enter_context(NodeClient(name, url, tmp_path)) for name in PACKAGES]
    heard = lose_the_server_while_ten_events_are_published(site, clients)
    assert heard == dict.fromkeys(PACKAGES, MISSED)
