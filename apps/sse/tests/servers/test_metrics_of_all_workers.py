"""Any worker returns the metrics of all workers."""

import contextlib
import os
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apps.sse.tests.servers.streaming import Reader
from tests.servers import manage, wait_until

WORKERS = {"uvicorn with two workers": 2, "gunicorn with uvicorn-worker": 2, "gunicorn with sync workers": 6}
EVERY_KIND = pytest.mark.parametrize("kind", WORKERS)


class Metrics:
    """The samples of one scrape."""

    def __init__(self, url, timeout=30):
        response = httpx.get(f"{url}/metrics/", headers={"Authorization": "Bearer s3cret"}, timeout=timeout)
        assert response.status_code == 200, response.text
        families = text_string_to_metric_families(response.text)
        self.samples = [sample for family in families for sample in family.samples]

    def of_processes(self, name):
        """Return the values of a metric, by process."""
        return {s.labels["process"]: s.value for s in self.samples if s.name == name}

    def total(self, name):
        """Return the sum of a metric over all processes."""
        return sum(sample.value for sample in self.samples if sample.name == name)

    @property
    def processes(self):
        """The process ids, by label."""
        return {s.labels["process"]: int(s.labels["pid"]) for s in self.samples if s.name == "sse_process_info"}


@pytest.fixture
def workers(streams):
    """Start a server whose workers all report: `with workers(kind) as server`."""

    @contextlib.contextmanager
    def start(kind):
        with streams(kind, METRICS_TOKEN="s3cret") as server:

            def all_report():
                for _ in range(WORKERS[kind]):
                    httpx.get(f"{server.url}/state/", timeout=30)
                return len(Metrics(server.url).processes) == WORKERS[kind]

            wait_until(all_report, 60)
            yield server

    return start


def read(server, query):
    """Return the first column of a query in the server's database."""
    with contextlib.closing(sqlite3.connect(Path(server.environment["DATA_DIR"], "db.sqlite3"))) as database:
        return [row[0] for row in database.execute(query)]


@EVERY_KIND
def test_every_worker_returns_the_metrics_of_all_and_no_row_is_left_after_their_end(workers, kind):
    with workers(kind) as server, contextlib.ExitStack() as stack:
        _open = [Reader(stack, server.url, "/idle/") for _ in range(4)]
        wait_until(lambda: Metrics(server.url).total("sse_connections") == 4)
        for _ in range(5):
            metrics = Metrics(server.url)
            assert metrics.total("sse_connections") == 4
            assert metrics.total("sse_connections_opened_total") == 4
            assert metrics.total("sse_events_delivered_total") == 4
            assert set(metrics.of_processes("sse_bus_up").values()) == {1}
            assert 0 < min(metrics.of_processes("sse_memory_share").values()) < 1
        stack.close()
        wait_until(lambda: Metrics(server.url).total("sse_connections") == 0, 30)
        assert Metrics(server.url).total("sse_events_delivered_total") == 4
        server.stop()
        assert read(server, "SELECT pid FROM sse_process") == []


def test_scrapes_write_no_events_and_a_worker_that_ends_does_not_lower_the_counters_of_others(workers):
    with workers("uvicorn with two workers") as server, contextlib.ExitStack() as stack:
        _open = [Reader(stack, server.url, "/idle/") for _ in range(6)]
        wait_until(lambda: Metrics(server.url).total("sse_connections") == 6)
        before = Metrics(server.url)
        log = "SELECT number FROM sse_loggedevent ORDER BY number DESC LIMIT 1"
        newest = read(server, log)
        for _ in range(100):
            Metrics(server.url)
        assert read(server, log) == newest
        killed, ended = before.processes
        os.kill(before.processes[killed], signal.SIGKILL)
        counts = scrape_until(server, lambda now: killed not in now.processes)
        assert counts[ended] >= before.of_processes("sse_requests_total")[ended] > 0
        scrape_until(server, lambda now: now.total("sse_processes_silent") == 1)

        # A process's counters end with it and never fall: `sum(rate(…))` is right.
        os.kill(before.processes[ended], signal.SIGTERM)
        scrape_until(server, lambda now: ended not in now.processes)
        assert wait_until(lambda: before.processes[ended] not in read(server, "SELECT pid FROM sse_process"))
        scrape_until(server, lambda now: len(now.processes) == 2 and now.total("sse_processes_silent") == 1)


def scrape_until(server, condition):
    """Scrape until a condition is true; return the requests of each process, which never fall."""
    counts = {}

    def scrape():
        with contextlib.suppress(httpx.TransportError):
            metrics = Metrics(server.url)
            now = metrics.of_processes("sse_requests_total")
            assert all(now[name] >= counts[name] for name in now.keys() & counts.keys())
            counts.update(now)
            return condition(metrics)

    wait_until(scrape, 60)
    return counts


def test_other_workers_report_a_worker_that_is_stuck(workers):
    with workers("uvicorn with two workers") as server:
        os.kill(next(iter(Metrics(server.url).processes.values())), signal.SIGSTOP)

        def is_reported():
            with contextlib.suppress(httpx.TransportError):
                return Metrics(server.url, timeout=5).total("sse_processes_silent") == 1

        wait_until(is_reported, 60)


def test_commands_have_no_row_and_every_worker_with_streams_reads_their_events(workers):
    with workers("uvicorn with two workers") as server, contextlib.ExitStack() as stack:
        readers = []

        def both_have_streams():
            readers.append(Reader(stack, server.url, "/idle/"))
            return all(Metrics(server.url).of_processes("sse_connections").values())

        wait_until(both_have_streams, 30)
        manage("sse_publish", "news", "item", '{"n": 1}', environment=server.environment)
        assert len(read(server, "SELECT pid FROM sse_process")) == 2
        wait_until(lambda: set(Metrics(server.url).of_processes("sse_events_read_total").values()) == {1}, 30)


def test_before_the_migration_streams_work_and_the_missing_table_is_logged_once(streams):
    with streams("uvicorn", METRICS_TOKEN="s3cret") as server, contextlib.ExitStack() as stack:
        manage("migrate", "sse", "0003", "--verbosity", "0", environment=server.environment)
        wait_until(lambda: "no such table: sse_process" in server.output())
        Reader(stack, server.url, "/idle/")
        response = httpx.get(f"{server.url}/metrics/", headers={"Authorization": "Bearer s3cret"})
        assert (response.status_code, "run `python manage.py migrate`" in response.text) == (503, True)
        manage("migrate", "--verbosity", "0", environment=server.environment)
        wait_until(lambda: Metrics(server.url).processes)
        assert server.output().count("no such table") == 1
