"""Processes that share Redis or Valkey and an outbox: some are killed, frozen or disconnected."""

import contextlib
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.sse.brokers import outbox, redis
from apps.sse.brokers.redis import RedisBroker, address
from apps.sse.tests.contract import BrokerContract
from apps.sse.tests.servers.frozen import Proxy
from apps.sse.tests.servers.logs import log_texts, outbox_texts
from tests import servers

TIMEOUT_SECONDS = 10

pytestmark = pytest.mark.django_db(transaction=True)
event = BrokerContract.event


ANOTHER_PROCESS = """
import os, signal, sys, django
django.setup()
from django.db import transaction
from apps.sse.brokers import outbox
from apps.sse.brokers.redis import RedisBroker
from apps.sse.tests.contract import BrokerContract
broker, event = RedisBroker(sys.argv[1]), BrokerContract.event

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def broker(valkey):
    with contextlib.closing(RedisBroker(valkey.url)) as broker:
        yield broker


@pytest.fixture
def another_process(valkey, tmp_path):
    """Start another process with a broker: `another_process("broker.maintain()")`."""

    def start(code):
        environment = servers.environment_for(tmp_path, DATABASE_URL=database_url())
        command = [sys.executable, "-c", ANOTHER_PROCESS + code, valkey.url]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, cwd=servers.ROOT, env=environment, text=True, **pipes)

    return start


def database_url():
    found = {name: quote(str(value or ""), safe="/") for name, value in connection.settings_dict.items()}
    if connection.vendor == "sqlite":
        return "sqlite:///{NAME}".format(**found)
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**found)


class TestAnotherProcess:
    def test_an_event_that_it_committed_before_it_was_killed_is_published_once(self, broker, another_process):
        process = another_process("""
broker._put = die
with transaction.atomic():
    broker.append(event(text="committed"))
""")
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, log_texts(broker)) == (-signal.SIGKILL, [])
        for _ in range(2):
            broker.maintain()
            assert (log_texts(broker), outbox_texts()) == (["committed"], [])

    def test_an_event_that_it_published_before_it_was_killed_is_not_published_again(self, broker, another_process):
        process = another_process("""
outbox.remove = die
with transaction.atomic():
    broker.append(event(text="published"))
""")
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert (process.returncode, log_texts(broker), outbox_texts()) == (
            -signal.SIGKILL,
            ["published"],
            ["published"],
        )
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["published"], [])

    def test_concurrent_maintenance_publishes_events_once_and_in_order(self, broker, another_process):
        texts = [str(n) for n in range(1000)]
        for text in texts:
            outbox.put(event(text=text))
        maintainers = [
            another_process("print('ready', flush=True)\ninput()\nbroker.maintain()\n") for _ in range(3)
        ]
        for maintainer in maintainers:
            assert maintainer.stdout.readline() == "ready\n"
        for maintainer in maintainers:
            maintainer.stdin.write("now\n")
            maintainer.stdin.flush()
        for maintainer in maintainers:
            maintainer.communicate(timeout=TIMEOUT_SECONDS)
        assert ([s.returncode for s in maintainers], log_texts(broker), outbox_texts()) == ([0, 0, 0], texts, [])

    def test_maintenance_that_another_process_overtakes_publishes_each_event_once(
        self, broker, valkey, monkeypatch
    ):
        slow = RedisBroker(valkey.url)
        for n in range(150):
            outbox.put(event(text=str(n)))

        def put(events, **options):
            broker.maintain()
            return RedisBroker._put(slow, events, **options)

        monkeypatch.setattr(slow, "_put", put)
        slow.maintain()
        assert log_texts(broker) == [str(n) for n in range(150)]


class TestTwoProcesses:
    """Each with its own broker. The events that one leaves in the outbox are only in the database."""

    @pytest.fixture
    def other(self, valkey):
        with contextlib.closing(RedisBroker(valkey.url)) as other:
            yield other

    def test_events_that_one_left_in_an_outage_precede_those_of_the_other(self, broker, other, valkey):
        for n in range(5):
            other.append(event(text=f"before {n}"))
            valkey.stop()
            broker.append(event(text=f"waits {n}"))
            valkey.start()
            other.append(event(text=f"after {n}"))
        expected = [f"{when} {n}" for n in range(5) for when in ("before", "waits", "after")]
        assert (log_texts(broker), outbox_texts()) == (expected, [])

    def test_events_of_one_that_is_disconnected_precede_those_of_the_other(self, other, valkey, monkeypatch):
        monkeypatch.setitem(address._OPTIONS, "socket_timeout", 0.1)
        with contextlib.closing(Proxy(valkey.url)) as proxy, contextlib.closing(RedisBroker(proxy.url)) as cut_off:
            proxy.freeze()
            for n in range(5):
                cut_off.append(event(text=f"waits {n}"))
                other.append(event(text=f"after {n}"))
        assert log_texts(other) == [f"{when} {n}" for n in range(5) for when in ("waits", "after")]

    def test_the_outbox_is_read_at_intervals_and_not_for_each_event(self, other):
        began = time.monotonic()
        with CaptureQueriesContext(connection) as queries:
            for n in range(500):
                other.append(event(text=str(n)))
        assert len(queries) <= 1 + (time.monotonic() - began) / redis.OUTBOX_SECONDS

    def test_one_that_was_frozen_sends_no_event_again(self, broker, other, monkeypatch):
        monkeypatch.setattr(redis, "DEDUPLICATION_WINDOW", 50)
        read = outbox.oldest
        outbox.put(event(text="once"))

        def read_and_freeze(*arguments):
            rows = read(*arguments)
            monkeypatch.setattr(outbox, "oldest", read)
            for n in range(300):
                other.append(event(text=str(n)))
            return rows

        monkeypatch.setattr(outbox, "oldest", read_and_freeze)
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["once", *map(str, range(300))], [])

    def test_an_event_that_one_sent_before_it_died_is_not_sent_again_by_the_other(
        self, broker, other, monkeypatch
    ):
        monkeypatch.setattr(redis, "DEDUPLICATION_WINDOW", 50)
        monkeypatch.setattr(outbox, "remove", lambda keys: None)
        outbox.put(event(text="once"))
        broker.maintain()
        monkeypatch.undo()
        monkeypatch.setattr(redis, "DEDUPLICATION_WINDOW", 50)
        for n in range(300):
            other.append(event(text=str(n)))
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["once", *map(str, range(300))], [])

    def test_an_event_is_recognised_for_as_long_as_it_is_sent_again(self, broker, monkeypatch):
        monkeypatch.setattr(redis, "DEDUPLICATION_WINDOW", 50)
        monkeypatch.setattr(outbox, "remove", lambda keys: None)
        outbox.put(event(text="once"))
        for _ in range(5):
            broker.maintain()
            broker._put([event(durable=False) for _ in range(30)])
        assert log_texts(broker).count("once") == 1
