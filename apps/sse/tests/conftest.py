"""What several tests of the library need."""

import contextlib

import pytest

from apps.sse.brokers import get_broker
from apps.sse.delivery import hub as hubs
from apps.sse.delivery import log, missed
from apps.sse.stats import processes
from apps.sse.tests.servers import netns
from apps.sse.tests.servers import postgres as postgresql
from apps.sse.tests.servers import valkey as valkey_or_redis
from tests import nginx, servers
from tests.fixtures import need

GUNICORN = "gunicorn --bind {host}:{port} --no-control-socket --config /dev/null --graceful-timeout 5 "
servers.COMMANDS |= {
    "uvicorn with two workers": servers.COMMANDS["uvicorn"] + " --workers 2",
    "gunicorn with uvicorn-worker": (
        GUNICORN + "--workers 2 --worker-class uvicorn_worker.UvicornWorker {package}.asgi:application"
    ),
    "gunicorn with its ASGI worker": GUNICORN + "--workers 2 --worker-class asgi {package}.asgi:application",
    "gunicorn with threads": GUNICORN + "--worker-class gthread --threads 120 {package}.wsgi:application",
    "gunicorn with sync workers": GUNICORN + "--workers 6 --timeout 600 {package}.wsgi:application",
    "runserver without reload": "manage.py runserver --noreload {host}:{port}",
    "daphne": "daphne --bind {host} --port {port} --verbosity 0 {package}.asgi:application",
}


@pytest.fixture
def quick(monkeypatch):
    """Short pauses, small pages and a short memory, so that little is enough to leave them."""
    monkeypatch.setattr(log, "MIN_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(log, "PAGE", 5)
    monkeypatch.setattr(hubs, "PAGE", 5)
    monkeypatch.setattr(missed, "PAGE", 5)
    monkeypatch.setattr(log, "RECENT_EVENTS", 20)


@pytest.fixture
def flaky(settings):
    settings.SSE_BROKER_URL = "apps.sse.tests.followers.FlakyBroker://"
    return get_broker()


@pytest.fixture
def rows(monkeypatch, db):
    """Let readers find these processes: `rows(row(1), row(2, age=30))`."""
    return lambda *given: monkeypatch.setattr(processes, "rows", lambda: [*given])


@pytest.fixture
def postgres():
    """A running PostgreSQL server with an empty database; `postgres.url` is its `DATABASE_URL`."""
    need(postgresql.binaries(), "PostgreSQL")
    with postgresql.running() as server:
        yield server


@pytest.fixture
def valkey():
    """A running Valkey or Redis server that stores its data on disk; `valkey.url` is its address."""
    need(valkey_or_redis.binary(), "Valkey or Redis")
    with valkey_or_redis.running() as server:
        yield server


@pytest.fixture
def behind_nginx(tmp_path_factory):
    """Put the bundled nginx in front of a server, with changed lines: `with behind_nginx(server) as url`."""
    need(nginx.binary(), "nginx")

    @contextlib.contextmanager
    def start(server, **options):
        with nginx.running([server.url] * 2, tmp_path_factory.mktemp("nginx"), **options) as proxy:
            yield proxy.url

    return start


@pytest.fixture
def second_host():
    """A host on a network of its own, whose link can drop every packet: `second_host.connect(port)`."""
    need(not netns.missing(), "iproute2, or the right to make network namespaces,")
    with netns.hosts(1) as [host]:
        yield host


@pytest.fixture
def notes(tmp_path):
    """The lines that the streams have noted."""
    file = tmp_path / "notes"
    file.touch()

    def read():
        return file.read_text().split("\n")[:-1]

    return read


def serve_streams(kind, folder, migrated, settings="settings", **options):
    """Serve the streams of `apps.sse.tests.streaming_site`, with notes and data in `folder`."""
    servers.copy_database(migrated, folder)
    package = "apps.sse.tests.streaming_site"
    return servers.serving(
        kind,
        folder,
        package=package,
        PROJECT_SETTINGS=f"{servers.PACKAGE}.settings",
        DJANGO_SETTINGS_MODULE=f"{package}.{settings}",
        NOTES=str(folder / "notes"),
        **options,
    )


@pytest.fixture
def streams(migrated, tmp_path, notes):
    """Start a separate server of streams for a test: `with streams("uvicorn") as server`."""

    def start(kind, options="", **variables):
        return serve_streams(kind, tmp_path, migrated, options=options, **variables)

    return start


def serve_private(kind, folder, migrated, **variables):
    """Serve the streams of `apps.sse.tests.streaming_site.private_urls`, with the data in `folder`."""
    return serve_streams(kind, folder, migrated, "private_settings", **variables)


@pytest.fixture
def private(migrated, tmp_path):
    """Start a separate server of private streams for a test: `with private("uvicorn") as server`."""
    return lambda kind, **variables: serve_private(kind, tmp_path, migrated, **variables)
