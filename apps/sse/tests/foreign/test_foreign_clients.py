"""Third-party clients that had no event before their server died receive what they missed."""

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
    """Closes after the test what it has opened."""
    with contextlib.ExitStack() as stack:
        yield stack


def publish_while_the_server_is_down(site, clients):
    """Publish ten events while the server is down; return the events of each client, or its resets."""
    for client in clients:
        servers.wait_until(lambda: client.of("sse:open"), 20)  # noqa: B023
    site.kill()
    servers.manage("shell", "-v0", "-c", PUBLISH, environment=site.environment)
    site.restart()
    for client in clients:
        servers.wait_until(lambda: len(client.of("item")) >= len(MISSED) or client.of("sse:reset"), 30)  # noqa: B023
    return {client.name: client.of("item") or client.of("sse:reset") for client in clients}


def test_python_clients_and_event_source_miss_nothing(site, stack, playwright):
    url = f"{site.url}/soon/?channel=news"
    browsers = [
        BrowserClient(name, url, getattr(playwright, name), launch_options(name))
        for name in ("chromium", "firefox")
    ]
    clients = [
        stack.enter_context(client) for client in [*(PythonClient(name, url) for name in READERS), *browsers]
    ]
    received = publish_while_the_server_is_down(site, clients)
    assert received == dict.fromkeys(received, MISSED)


@pytest.mark.soak
def test_npm_clients_miss_nothing(site, stack, tmp_path):
    need(shutil.which("npm"), "npm")
    for name in ("package.json", "package-lock.json", ".npmrc", "clients.mjs"):
        shutil.copyfile(HERE / name, tmp_path / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=tmp_path, check=True, capture_output=True)
    url = f"{site.url}/soon/?channel=news"
    clients = [stack.enter_context(NodeClient(name, url, tmp_path)) for name in PACKAGES]
    received = publish_while_the_server_is_down(site, clients)
    assert received == dict.fromkeys(PACKAGES, MISSED)
