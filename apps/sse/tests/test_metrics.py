"""The counters of a process, and `/metrics/`."""

import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import OperationalError, transaction
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from apps.sse import SSEView, position, publish
from apps.sse.delivery.hub import get_hub
from apps.sse.stats import metrics, processes, prometheus
from apps.sse.stream import registry
from tests.servers import ROOT

from .followers import append_event, until
from .rows import row
from .streams import WAYS, fetch

TOKEN = {"Authorization": "Bearer s3cret"}


@pytest.fixture
def stats(rows, settings):
    settings.METRICS_TOKEN = "s3cret"
    rows(row(1))
    return rows


@pytest.fixture
def read(client, stats):
    """Scrape the page and return its samples: `read()["sse_connections", "1"]`."""

    def get(parse=parse, **headers):
        response = client.get("/metrics/", headers=TOKEN | headers)
        assert response.status_code == 200
        return {
            (sample.name, *(value for name, value in sorted(sample.labels.items()))): sample.value
            for family in parse(response.text)
            for sample in family.samples
        }

    return get


def test_without_the_setting_the_page_is_404(client, stats, settings):
    del settings.METRICS_TOKEN
    assert client.get("/metrics/", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "s3cret", "Bearer ä"]
)
def test_a_wrong_token_is_refused(client, stats, given):
    response = client.get("/metrics/", headers={"Authorization": given})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "sse_" not in response.text


def test_the_page_is_not_cached_and_accepts_no_post(client, stats):
    response = client.get("/metrics/", headers=TOKEN)
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert client.post("/metrics/", headers=TOKEN).status_code == 405


def test_each_process_has_its_own_samples(read, stats):
    names = ["opened", "published", "read", "delivered", "replays", "replayed", "resets", "cpu_seconds"]
    stats(
        row(
            1,
            counts={name: number for number, name in enumerate(names, start=1)},
            gauges={"connections": 5, "backlog_connections": 2, "backlog_bytes": 700, "bus_up": True},
        ),
        row(2, gauges={"connections": 1, "bus_up": False}, hang_ups={"slow": 3, "restart": 4}, kind="worker"),
    )
    samples = read()
    assert {key[0]: value for key, value in samples.items() if key[1:] == ("1",)} == {
        "sse_connections": 5,
        "sse_backlog_connections": 2,
        "sse_backlog_bytes": 700,
        "sse_bus_up": 1,
        "sse_connections_opened_total": 1,
        "sse_events_published_total": 2,
        "sse_events_read_total": 3,
        "sse_events_delivered_total": 4,
        "sse_replays_total": 5,
        "sse_events_replayed_total": 6,
        "sse_resets_total": 7,
        "sse_cpu_seconds_total": 8,
    }
    assert (samples["sse_connections", "2"], samples["sse_bus_up", "2"]) == (1, 0)
    assert samples["sse_hang_ups_total", "2", "slow"] == 3
    assert samples["sse_hang_ups_total", "2", "restart"] == 4
    assert samples["sse_process_info", "left", "worker", "402", "2"] == 1


def test_a_counter_of_an_app_is_exported_without_registration(read, stats):
    histogram = {"bounds": [0.1, 1], "buckets": [1, 0, 2], "sum": 5}
    stats(
        row(1, counts={"orders": 3}, gauges={"carts.open": 2}, histograms={"checkout_seconds": histogram}), row(2)
    )
    samples = read()
    assert (samples["sse_orders_total", "1"], samples["sse_carts_open", "1"]) == (3, 2)
    assert samples["sse_checkout_seconds_bucket", "+Inf", "1"] == 3
    assert ("sse_orders_total", "2") not in samples


def test_the_buckets_of_the_delay_are_cumulative(read, stats):
    buckets = [1, 0, 2, *[0] * 8, 4]
    delay = {"bounds": metrics.DELAY_SECONDS, "buckets": buckets, "sum": 99.5}
    stats(row(1, histograms={metrics.DELIVERY_DELAY: delay}))
    samples = read()
    found = {key[1]: value for key, value in samples.items() if key[0] == "sse_delivery_delay_seconds_bucket"}
    assert [found[bound] for bound in ("0.005", "0.01", "0.025", "10.0", "+Inf")] == [1, 1, 3, 3, 7]
    assert samples["sse_delivery_delay_seconds_count", "1"] == 7
    assert samples["sse_delivery_delay_seconds_sum", "1"] == 99.5


def test_the_page_is_in_openmetrics_format_if_requested(read, stats):
    stats(row(1, gauges={"connections": 4}))
    assert (
        read(parse_openmetrics, Accept="application/openmetrics-text;version=1.0.0")["sse_connections", "1"] == 4
    )


def test_a_silent_process_is_counted_and_has_no_samples(read, stats):
    stats(row(1, gauges={"connections": 1}), row(2, age=processes.SILENT_SECONDS, gauges={"connections": 9}))
    samples = read()
    assert samples["sse_processes_silent",] == 1
    assert [key for key in samples if key[0] in ("sse_connections", "sse_process_info")] == [
        ("sse_connections", "1"),
        ("sse_process_info", "left", "web", "401", "1"),
    ]


def test_without_a_database_the_page_is_503(client, stats, monkeypatch):
    def fail():
        raise OperationalError("the database is down")

    monkeypatch.setattr(processes, "rows", fail)
    response = client.get("/metrics/", headers=TOKEN)
    assert (response.status_code, response.text) == (503, "The database cannot be read: the database is down\n")


def test_every_metric_has_a_help_text_and_a_type(client, stats):
    families = list(parse(client.get("/metrics/", headers=TOKEN).text))
    assert len([family for family in families if family.name.startswith("sse_")]) >= 16
    assert all(family.documentation and family.type != "unknown" for family in families)


def test_every_counter_of_the_library_has_a_help_text():
    files = [file for file in (ROOT / "apps/sse").rglob("*.py") if "tests" not in file.parts]
    pattern = r'metrics\.(?:counts\[|count\(|count_after_commit\()"(\w+)"'
    names = {name for file in files for name in re.findall(pattern, file.read_text())}
    assert names == prometheus.COUNTERS.keys() - {"cpu_seconds"}


class Hello(SSEView):
    async def stream(self, request):
        yield self.keepalive()
        yield self.event("hello", {})
        yield self.event("hello", {})


class News(SSEView):
    channels = ["news"]


@pytest.fixture
def counted():
    """The increase of a counter since the test began: `counted("published")`."""
    before, before_hang_ups = dict(metrics.counts), dict(metrics.hang_ups)

    def since(name):
        return metrics.counts[name] - before.get(name, 0)

    since.hang_ups = lambda reason: metrics.hang_ups[reason] - before_hang_ups.get(reason, 0)
    return since


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_yielded_events_are_counted_as_delivered_and_comments_are_not(way, counted):
    assert len(fetch(way, Hello.as_view()).events) == 3
    assert (counted("opened"), counted("delivered")) == (1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_a_replay_and_its_events_are_counted(way, counted):
    start = position()
    for number in range(3):
        publish("news", "item", number)
    answer = fetch(
        way,
        News.as_view(),
        headers={"Last-Event-ID": str(start)},
        until=lambda chunks: b"data: 2\n" in b"".join(chunks),
    )
    assert len(answer.events) == 3
    assert [counted(name) for name in ("published", "replays", "replayed", "delivered", "resets")] == [
        3,
        1,
        3,
        3,
        0,
    ]


@pytest.mark.django_db(transaction=True)
def test_a_reset_is_counted(counted):
    answer = fetch(
        "hand-off",
        News.as_view(),
        headers={"Last-Event-ID": "12345-aaaaaaaa"},
        until=lambda chunks: b"sse:reset" in b"".join(chunks),
    )
    assert answer.names == ["sse:reset"]
    assert counted("resets") == 1


@pytest.mark.django_db(transaction=True)
def test_events_that_are_rolled_back_are_not_counted(counted):
    publish("news", "item", 1)
    with transaction.atomic():
        publish("news", "item", 2)
        assert counted("published") == 1
    assert counted("published") == 2
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        publish("news", "item", 3)
        raise ZeroDivisionError
    assert counted("published") == 2


async def test_events_of_other_processes_are_counted_as_read_and_control_messages_are_not(counted):
    await get_hub().start()
    append_event("sse:control", "{}", name="unknown", durable=False)
    append_event("news", "hello")
    append_event("news", "hello")
    await until(lambda: counted("read") == 2)


def test_the_backlogs_of_open_streams_are_summed(monkeypatch):
    class Stream:
        def __init__(self, backlog_bytes):
            self.backlog_bytes = backlog_bytes

    loop = SimpleNamespace(connections=[Stream(0), Stream(10), Stream(20)])
    monkeypatch.setattr(registry, "_registries", {None: loop})
    monkeypatch.setitem(metrics.sections, "streams", dict)
    gauges = metrics.report()["gauges"]
    assert [gauges[name] for name in ("connections", "backlog_connections", "backlog_bytes")] == [3, 2, 30]


def test_open_streams_are_counted_by_view_and_for_the_users_with_the_most(monkeypatch):
    class Stream:
        def __init__(self, name, pk):
            self.name = name
            self.client = registry.Client(user_pk=pk)

    streams = [Stream("feed", 7), Stream("feed", 7), Stream("chat", 7), Stream("feed", 8), Stream("feed", None)]
    monkeypatch.setattr(registry, "all_open", lambda: streams)
    monkeypatch.setattr(registry, "MAX_USERS", 2)
    assert registry.summary() == {
        "views": {"feed": 4, "chat": 1},
        "users": {"feed": {"7": 2}, "chat": {"7": 1}},
        "signed_in": 4,
        "online": 2,
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_counts_from_zero_even_if_the_lock_was_held():
    metrics.count("published")
    with metrics._lock:
        child = os.fork()
        if child == 0:
            free = metrics._lock.acquire(timeout=1)
            os._exit(0 if free and not metrics.counts else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_lose_no_count(counted):
    with ThreadPoolExecutor(8) as threads:
        for _ in range(2000):
            threads.submit(metrics.count, "published")
    assert counted("published") == 2000
