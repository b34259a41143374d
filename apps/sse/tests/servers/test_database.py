"""Streams and brokers on PostgreSQL, and streams that query while their database comes and goes."""

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import httpx
import psutil
import psycopg
from httpx_sse import connect_sse

from apps.sse.tests.servers.streaming import Reader
from tests import servers
from tests.servers import wait_until

STREAMS = 20
POOL = 8
LIBRARY = ["test_database_broker", "test_failures", "test_processes", "test_query_plans"]
# Of the tests with Redis those whose events wait in the database's outbox.
BROKERS = [
    "on_postgresql.py",
    "test_redis_broker.py::TestTransaction",
    "test_redis_outage.py::TestClosing",
    "test_redis_outage.py::TestOutage",
]


class Follower(threading.Thread):
    """A client that reads a stream and reconnects when it ends, as browsers do."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.received, self.leave = url, 0, False

    def run(self):
        while not self.leave:
            try:
                self.read()
            except httpx.HTTPError:
                time.sleep(0.1)

    def read(self):
        with httpx.Client(timeout=10) as client, connect_sse(client, "GET", self.url) as source:
            for event in source.iter_sse():
                self.received += event.event == "users" and json.loads(event.data) >= 0
                if self.leave:
                    return


def connected(url):
    """Return the number of connections to the database, except this one."""
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return connection.execute(query).fetchone()[0]


def test_streams_that_query_continue_after_a_restart_of_the_database(streams, postgres, tmp_path):
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    with streams("uvicorn", DATABASE_URL=postgres.url) as server:
        followers = [Follower(f"{server.url}/querying/") for _ in range(STREAMS)]
        for follower in followers:
            follower.start()
        for _ in range(2):
            before = [follower.received for follower in followers]
            wait_until(lambda: all(f.received >= b + 3 for f, b in zip(followers, before, strict=True)), 30)  # noqa: B023
            # Two more listen for new events and read them.
            assert 0 < connected(postgres.url) <= POOL + 2
            postgres.stop()
            postgres.start()
        for follower in followers:
            follower.leave = True
        for follower in followers:
            follower.join(20)


def test_streams_return_their_connections_between_events(streams):
    # The database broker and idle threads of requests would keep the file open.
    with streams("uvicorn", SSE_BROKER_URL="memory://", CONN_MAX_AGE="0") as server, ExitStack() as stack:
        readers = [Reader(stack, server.url, "/queryingonce/") for _ in range(STREAMS)]
        process = psutil.Process(server.process.pid)
        wait_until(lambda: not [f for f in process.open_files() if f.path.endswith("db.sqlite3")])
        assert httpx.get(f"{server.url}/state/").json()["streams"] == len(readers)


def test_brokers_and_failures_behave_on_postgresql_as_on_sqlite(postgres, valkey, tmp_path):
    files = [
        *(f"apps/sse/tests/{name}.py" for name in LIBRARY),
        *(f"apps/sse/tests/servers/{name}" for name in BROKERS),
    ]
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *files]
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
