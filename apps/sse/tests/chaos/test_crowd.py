"""A crowd on two workers, with kills, deploys and restarts of the broker: the whole history of each client is right."""

import json
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import cycle
from types import SimpleNamespace

import httpx
import pytest

from apps.sse.tests.chaos.deployments import workers_of
from apps.sse.tests.chaos.judge import Item, Verdict
from tests import servers
from tests.servers import wait_until

WORKERS = 2
CHANNELS = [f"c{n}" for n in range(20)]
CLIENTS_PER_PROCESS = 5000
# Each client has a connection to one of the workers, which may all be the same for a moment.
FILES_PER_CLIENT, OTHER_FILES = 1.1, 1000

FAULT_SECONDS = 50
MIN_FAULTS = 3


@pytest.mark.parametrize(
    ("clients", "seconds", "events_each"),
    [(120, 6, 3), pytest.param(20_000, 600, 500, marks=pytest.mark.soak)],
)
def test_no_client_of_a_crowd_misses_or_repeats_an_event(redis, tmp_path, stack, clients, seconds, events_each):
    clients = stack.enter_context(open_files(clients))
    redis.variables |= {"SSE_MAX_TOTAL": "0", "SSE_RETENTION_COUNT": "1000000"}
    journals = tmp_path / "journals"
    journals.mkdir()
    with redis.serving(WORKERS) as server:
        log = stack.enter_context(Tail(redis, server.url, tmp_path / "log"))
        crowd = stack.enter_context(Crowd(redis, server.url, clients, tmp_path))
        wait_until(lambda: crowd.count().connected == clients, 300)
        publisher = redis.publisher("p", seconds, journals / "p", CHANNELS)
        stack.callback(publisher.kill)
        faults = inject_faults(redis, server, seconds)
        wait_until(lambda: publisher.poll() is not None, 60)
        wait_until(lambda: crowd.count().connected == clients, 120)
        wait_until(lambda: crowd.count().events >= log.deliveries(crowd.followers), 120)
        # A repeated event would arrive now.
        time.sleep(1)
        histories = crowd.finish()
    verdict = Verdict(journals, histories, log.events())
    total = sum(len(history.positions) for history in histories)
    refused = sum(history.refused for history in histories)
    print(
        f"{clients:,} clients: {total:,} deliveries of {len(log.events()):,} events; {faults} faults; {refused} refusals"
    )
    assert verdict.report() == ""
    assert total >= events_each * clients


def inject_faults(deployment, server, seconds):
    """For some seconds, kill a worker, restart the broker and restart the workers in turn; return the number."""
    count = max(MIN_FAULTS, seconds // FAULT_SECONDS)
    faults = cycle([lambda: kill_a_worker(server), deployment.disturb, lambda: deploy(server)])
    for _ in range(count):
        time.sleep(seconds / (count + 1))
        next(faults)()
    return count


def kill_a_worker(server):
    random.choice(wait_until(lambda: workers_of(server), 30)).kill()


def deploy(server):
    """Let the server replace its workers one after the other."""
    server.process.send_signal(signal.SIGHUP)


class Crowd:
    """`size` clients in several processes; `followers` has the number of each channel."""

    def __init__(self, deployment, url, size, folder):
        starts = range(0, size, CLIENTS_PER_PROCESS)
        self._files = [folder / f"crowd{start}" for start in starts]
        self.followers = dict.fromkeys(CHANNELS, 0)
        self._processes = []
        for start, file in zip(starts, self._files, strict=True):
            count = min(CLIENTS_PER_PROCESS, size - start)
            for number in range(count):
                self.followers[CHANNELS[number % len(CHANNELS)]] += 1
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._processes.append(deployment.start("crowd", url, str(count), str(file), *CHANNELS, **pipes))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            process.kill()
            process.wait()

    def count(self):
        """Return how many clients are connected, and how many events they have received in all."""
        for process in self._processes:
            process.stdin.write("\n")
            process.stdin.flush()
        counts = [process.stdout.readline().split() for process in self._processes]
        connected, events = (sum(map(int, numbers)) for numbers in zip(*counts, strict=True))
        return SimpleNamespace(connected=connected, events=events)

    def finish(self):
        """End the clients and return their histories."""
        for process in self._processes:
            process.stdin.close()
        for process in self._processes:
            assert process.wait(120) == 0
        return [SimpleNamespace(**json.loads(line)) for file in self._files for line in file.open()]


class Tail:
    """Follows the whole log with `sse_tail`, from its entry to the end of the block."""

    def __init__(self, deployment, url, file):
        self._file, self._url = file, url
        self._environment = servers.environment_for(deployment.folder, **deployment.variables)

    def __enter__(self):
        command = [sys.executable, "manage.py", "sse_tail", "--json"]
        with self._file.open("w") as output:
            self._process = subprocess.Popen(command, cwd=servers.ROOT, env=self._environment, stdout=output)
        wait_until(self._has_begun, 30)
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait()

    def events(self):
        """Return each event in the log, by its number."""
        lines = [json.loads(line) for line in self._file.read_text().splitlines()]
        return {
            int(line["position"].partition("-")[0]): Item(**line["data"])
            for line in lines
            if line["channel"] in CHANNELS
        }

    def deliveries(self, followers):
        """Return the number of deliveries of all events, with `followers` clients of each channel."""
        return sum(followers[event.channel] for event in self.events().values())

    def _has_begun(self):
        httpx.get(f"{self._url}/say/", params={"channel": "start"})
        return self._file.stat().st_size


@contextmanager
def open_files(clients):
    """Allow this process and its children files for so many clients; return for how many the system allows them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(soft, int(clients * FILES_PER_CLIENT) + OTHER_FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard)))
    except (ValueError, PermissionError):
        files = hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield min(clients, int((files - OTHER_FILES) / FILES_PER_CLIENT))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
