"""
If a call of a socket, the broker or the database fails, no event is lost and nothing is left behind.

The calls that a scenario makes are counted. Then each call fails once, in its own run, before its effect or
after it. `make soak` injects into every call, `make test` into the first of each line, with SQLite and Valkey.
`test_send_errors` has other exceptions of `send`, and streams without the hand-off.
"""

import subprocess
import sys

import pytest

from tests import servers

pytestmark = pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.soak)])
SOAK_SECONDS = 1800


def run(broker, every, folder, **variables):
    """Inject faults in a second process, print its table, and expect no broken promise."""
    package = f"{__package__}.settings"
    settings = {"PROJECT_SETTINGS": f"{servers.PACKAGE}.settings", "DJANGO_SETTINGS_MODULE": package}
    environment = servers.environment_for(folder, DJANGO_ALLOW_ASYNC_UNSAFE="", **settings, **variables)
    command = [sys.executable, "-m", __package__, broker, *(["--every"] if every else [])]
    done = subprocess.run(
        command,
        cwd=servers.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SOAK_SECONDS,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
def test_a_fault_loses_nothing_with_the_broker_in_memory(every, migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    run("memory", every, tmp_path, SSE_BROKER_URL="memory://")


def test_a_fault_loses_nothing_with_sqlite(every, migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    run("SQLite", every, tmp_path, SSE_BROKER_URL="database://")


@pytest.mark.soak
def test_a_fault_loses_nothing_with_postgresql(every, postgres, tmp_path):
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    run("PostgreSQL", every, tmp_path, SSE_BROKER_URL="database://", DATABASE_URL=postgres.url)


def test_a_fault_loses_nothing_with_valkey(every, valkey, migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    run("Valkey", every, tmp_path, SSE_BROKER_URL=valkey.url)
