"""The servers that tests share."""

import contextlib
import os
import subprocess

import pytest

from tests import netns, nginx, servers
from tests import postgres as postgresql
from tests import valkey as valkey_or_redis
from tests.echo import echoing


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A folder with a migrated database that holds the demo users."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = servers.environment_for(folder)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    servers.manage("demo_users", environment=environment)
    return folder


@pytest.fixture(scope="session")
def site(migrated, tmp_path_factory):
    """The project under uvicorn in development mode, with demo users; `site.url` is its address."""
    folder = tmp_path_factory.mktemp("site")
    servers.copy_database(migrated, folder)
    with servers.serving("uvicorn", folder) as server:
        yield server


@pytest.fixture
def serve(migrated, tmp_path):
    """Start a server of a test's own: `with serve("runserver") as server`."""

    def start(kind, **options):
        servers.copy_database(migrated, tmp_path)
        return servers.serving(kind, tmp_path, **options)

    return start


def need(found, what):
    """Skip a test whose server is not on this machine; where everything must run, fail instead."""
    if not found:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"{what} is not installed on this machine")


@pytest.fixture
def postgres():
    """A running PostgreSQL server with an empty database; `postgres.url` is its `DATABASE_URL`."""
    need(postgresql.binaries(), "PostgreSQL")
    with postgresql.running() as server:
        yield server


@pytest.fixture
def valkey():
    """A running Valkey or Redis server that keeps what it is told; `valkey.url` is its address."""
    need(valkey_or_redis.binary(), "Valkey or Redis")
    with valkey_or_redis.running() as server:
        yield server


@pytest.fixture
def behind_nginx(tmp_path_factory):
    """Put the bundled nginx in front of a server, with changed lines: `with behind_nginx(server) as url`."""
    need(nginx.binary(), "nginx")
    return lambda server, **changes: nginx.in_front_of(server.url, tmp_path_factory.mktemp("nginx"), **changes)


@pytest.fixture
def second_host():
    """A host on a network of its own, whose link can drop every packet: `second_host.connect(port)`."""
    need(netns.is_available(), "iproute2, or the right to make network namespaces,")
    with netns.second_host() as host:
        yield host


@pytest.fixture
def front_of(tmp_path):
    """Run nginx in front of a server that echoes requests: `with front_of(proxies=…, changes=…) as front`."""
    need(nginx.binary(), "nginx")

    @contextlib.contextmanager
    def start(proxies="", upload="client_max_body_size 51m;", **options):
        extra = {"http.d/proxies.conf": proxies, "upload.d/size.conf": upload}
        with echoing() as url, nginx.running([url, url], tmp_path, extra=extra, **options) as front:
            yield front

    return start


@pytest.fixture(scope="session")
def certified(tmp_path_factory):
    """A folder for nginx, with a certificate."""
    need(nginx.binary(), "nginx")
    folder = tmp_path_factory.mktemp("nginx")
    subprocess.run([servers.ROOT / "deploy" / "self-signed", folder / "tls"], check=True)
    return folder


@pytest.fixture(scope="session")
def front(site, certified):
    """nginx in front of the site, with TLS."""
    tls = {"server.d/tls.conf": (servers.ROOT / "deploy" / "tls.conf").read_text()}
    with nginx.running([site.url, site.url], certified, extra=tls) as front:
        yield front


@pytest.fixture
def notes(tmp_path):
    """The lines that the streams have noted."""
    file = tmp_path / "notes"
    file.touch()

    def read():
        return file.read_text().split("\n")[:-1]

    return read


@pytest.fixture
def streams(serve, tmp_path, notes):
    """Serve the streams of `tests.streams`: `with streams("uvicorn") as server`."""

    def start(kind, options="", **variables):
        return serve(
            kind,
            options=options,
            package="tests.streams",
            PROJECT_SETTINGS=f"{servers.PACKAGE}.settings",
            DJANGO_SETTINGS_MODULE="tests.streams.settings",
            NOTES=str(tmp_path / "notes"),
            **variables,
        )

    return start


@pytest.fixture
def private(serve):
    """Serve the streams of `tests.streams.private_urls`: `with private("uvicorn") as server`."""

    def start(kind, **variables):
        return serve(
            kind,
            package="tests.streams",
            PROJECT_SETTINGS=f"{servers.PACKAGE}.settings",
            DJANGO_SETTINGS_MODULE="tests.streams.private_settings",
            **variables,
        )

    return start
