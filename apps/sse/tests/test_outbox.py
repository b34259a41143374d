"""How sent events are removed from an outbox in SQLite while another process writes."""

import contextlib
import sqlite3

import pytest
from django.db import OperationalError, connection

from apps.sse.brokers import outbox
from apps.sse.tests.contract import BrokerContract
from apps.sse.tests.servers.logs import outbox_texts

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the default database is not SQLite"),
]


@pytest.fixture
def writer():
    """Another process that has begun to write."""
    name = str(connection.settings_dict["NAME"])
    with contextlib.closing(sqlite3.connect(name, isolation_level=None, uri=True)) as writer:
        yield writer


@pytest.fixture
def waits(writer, monkeypatch):
    """Return the function that lets the writer end after some waits, and the waits so far."""

    def start(until):
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            if len(waits) == until:
                writer.execute("COMMIT")

        monkeypatch.setattr(outbox.time, "sleep", sleep)
        writer.execute("BEGIN IMMEDIATE")
        return waits

    return start


def timeout():
    """Return how many milliseconds SQLite itself waits for the lock."""
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA busy_timeout").fetchone()[0]


@pytest.mark.parametrize("until", [1, 3, outbox.TRIES])
def test_it_is_tried_again_soon(waits, until):
    kept, removed = (outbox.put(BrokerContract.event(text=text)) for text in ("kept", "removed"))
    assert kept < removed
    before, begun = timeout(), waits(until)
    outbox.remove([removed])
    assert (outbox_texts(), len(begun), timeout()) == (["kept"], until, before)
    assert sum(begun) < 0.002


def test_at_a_long_lock_it_fails_after_the_timeout_of_the_database(waits, monkeypatch):
    key = outbox.put(BrokerContract.event(text="stays"))
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    begun = waits(outbox.TRIES + 1)
    with pytest.raises(OperationalError, match="locked"):
        outbox.remove([key])
    assert (outbox_texts(), len(begun), timeout()) == (["stays"], outbox.TRIES, 50)
    connection.close()
