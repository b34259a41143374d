"""The three brokers that the tests run with, each with its server."""

import contextlib

import pytest

from apps.sse.tests.chaos import deployments
from apps.sse.tests.servers import postgres as postgresql
from apps.sse.tests.servers import valkey
from tests import servers
from tests.fixtures import need


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """A PostgreSQL server for the tests of this folder, with a migrated database to copy."""
    need(postgresql.binaries(), "PostgreSQL")
    with postgresql.running() as server:
        deployments.migrate(server, tmp_path_factory.mktemp("migrating"))
        yield server


@pytest.fixture
def sqlite(migrated, tmp_path):
    """A site whose events are in SQLite."""
    servers.copy_database(migrated, tmp_path)
    return deployments.SQLite(tmp_path)


@pytest.fixture
def postgres(postgres_server, tmp_path):
    """A site whose events are in PostgreSQL."""
    with deployments.PostgreSQL.in_copy(postgres_server, tmp_path) as deployment:
        yield deployment


@pytest.fixture
def redis(migrated, tmp_path):
    """A site whose events are in Valkey or Redis."""
    need(valkey.binary(), "Valkey or Redis")
    servers.copy_database(migrated, tmp_path)
    with valkey.running() as server:
        yield deployments.Valkey(server, tmp_path)


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def deployment(request):
    """The site with each of the brokers."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def stack():
    """Resources that are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield stack
