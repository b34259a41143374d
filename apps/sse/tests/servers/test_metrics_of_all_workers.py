"""Metrics that are true for all workers, whichever of them is asked."""

import contextlib
import os
import signal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import manage, wait_until
from tests.streaming import Reader

WORKERS = {"uvicorn with two workers": 2, "gunicorn with uvicorn-worker": 2, "gunicorn with sync workers": 6}
EVERY_KIND = pytest.mark.parametrize("kind", WORKERS)


class Metrics:
    """The samples of one reading of the page."""

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
        """The ids of the processes that have answered, by name."""
        return {s.labels["process"]: int(s.labels["pid"]) for s in self.samples if s.name == "sse_process_info"}


@pytest.fixture
def workers(streams):
    """Serve with all workers at work: `with workers(kind) as server`."""

    @contextlib.contextmanager
    def start(kind):
        with streams(kind, METRICS_TOKEN="s3cret") as server:

            def all_answer():
                for _ in range(WORKERS[kind]):
                    httpx.get(f"{server.url}/state/", timeout=30)
                return len(Metrics(server.url).processes) == WORKERS[kind]

            wait_until(all_answer, 60)
            yield server

    return start


@EVERY_KIND
def test_every_worker_tells_of_all_workers(workers, kind):
    with workers(kind) as server, contextlib.ExitStack() as stack:
        _open = [Reader(stack, server.url, "/idle/") for _ in range(4)]
        for _ in range(5):
            metrics = Metrics(server.url)
            assert metrics.total("sse_connections") == 4
            assert metrics.total("sse_connections_opened_total") == 4
            assert metrics.total("sse_events_delivered_total") == 4
            assert metrics.total("sse_bus_up") == 1
        stack.close()
        wait_until(lambda: Metrics(server.url).total("sse_connections") == 0, 30)
        assert Metrics(server.url).total("sse_events_delivered_total") == 4


def test_every_worker_reads_what_a_command_has_published(workers):
    with workers("uvicorn with two workers") as server:
        manage("sse_publish", "news", "item", '{"n": 1}', environment=server.environment)

        def is_read_by_both():
            return [*Metrics(server.url).of_processes("sse_events_read_total").values()] == [1, 1]

        wait_until(is_read_by_both, 30)


def test_a_worker_that_was_killed_is_missing_and_takes_nothing_from_the_others(workers):
    with workers("uvicorn with two workers") as server, contextlib.ExitStack() as stack:
        _open = [Reader(stack, server.url, "/idle/") for _ in range(6)]
        before = Metrics(server.url)
        opened = before.of_processes("sse_connections_opened_total")
        killed, stays = sorted(before.processes, key=opened.__getitem__)
        os.kill(before.processes[killed], signal.SIGKILL)

        def is_replaced():
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{server.url}/state/", timeout=30)
                after = Metrics(server.url)
                # The one that has taken its place has never heard of it.
                return len(after.processes) == 2 and after.total("sse_processes_silent") == 1 and after

        after = wait_until(is_replaced, 60)
        assert killed not in after.processes
        assert after.of_processes("sse_connections_opened_total")[stays] == opened[stays] > 0


def test_a_worker_that_is_stuck_is_told_of_by_the_others(workers):
    with workers("uvicorn with two workers") as server:
        os.kill(next(iter(Metrics(server.url).processes.values())), signal.SIGSTOP)

        def is_told_of():
            with contextlib.suppress(httpx.TransportError):
                return Metrics(server.url, timeout=5).total("sse_processes_silent") == 1

        wait_until(is_told_of, 60)
