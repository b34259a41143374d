"""The queries of the database broker in a large log: SQLite here, and PostgreSQL where `DATABASE_URL` says so."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.sse.brokers.database import TABLE, DatabaseBroker
from apps.sse.wire.events import Position

pytestmark = pytest.mark.django_db(transaction=True)

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
SCAN_OF_ALL = {"sqlite": rf"SCAN ({TABLE}|own)\b", "postgresql": rf"Seq Scan on {TABLE}\b"}
CHANNELS = 12_500
TAG = 8 * "0"


def fill(count):
    """Fill the log with events of `CHANNELS` channels, in turn."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})
            INSERT INTO {TABLE} (number, channel, name, text, tag, sent_at, durable)
            SELECT n, 'c' || (n % {CHANNELS}), 'item', 'hello', '{TAG}', 1.5, true FROM series
        """)
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {TABLE}")


def plan_of(sql):
    """Return the database's plan of a query."""
    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN[connection.vendor] + sql)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_reads_of_few_and_of_thousands_of_channels_use_an_index(count):
    fill(count)
    broker = DatabaseBroker()
    middle = Position(count // 2, TAG)
    for followed in (1, 100, 10_000):
        channels = [f"c{n}" for n in range(followed)]
        with CaptureQueriesContext(connection) as queries:
            page = broker.read(middle, 200, channels)
            newest = broker.latest(channels)
            broker.missing([middle])
            broker.read(middle, 200)
        assert len(page) == min(200, count // 2 // CHANNELS * followed)
        assert len(newest) == followed
        plans = [plan_of(query["sql"]) for query in queries if query["sql"].startswith("SELECT")]
        assert len(plans) >= 5
        for plan in plans:
            assert not re.search(SCAN_OF_ALL[connection.vendor], plan), plan
