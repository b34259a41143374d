"""What is counted, and the page on which Prometheus reads it."""

import contextlib

import pytest
from django.db import transaction
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from apps.sse import SSEView, census, metrics, position, publish, reports
from apps.sse.census import Census, Process
from apps.sse.hub import get_hub

from .followers import tell, until
from .streams import WAYS, ask

ONE, TWO = Process("1111aaaa", 41, "left"), Process("2222bbbb", 42, "right")
TOKEN = {"Authorization": "Bearer s3cret"}


def figures(**given):
    """Return what a process answers that has counted nothing else."""
    nothing = {"connections": 0, "backlog_connections": 0, "backlog_bytes": 0, "counts": {}, "hang_ups": {}}
    return {**nothing, "delay_buckets": [0] * 12, "delay_sum": 0.0, **given}


@pytest.fixture
def answers(monkeypatch, settings, db):
    """Let the processes answer: `answers({ONE: figures(…)}, silent=[(TWO, 12.3)])`."""
    settings.METRICS_TOKEN = "s3cret"

    def set_to(given, silent=(), is_whole=True):
        asked = Census(sorted(given.items()), [*silent], is_whole)
        monkeypatch.setattr(census, "ask", lambda topic: asked)

    set_to({ONE: figures()})
    return set_to


@pytest.fixture
def read(client, answers):
    """Read the page as Prometheus does, and return its samples: `read()["sse_connections", "1111aaaa"]`."""

    def get(parse=parse, **headers):
        response = client.get("/metrics/", headers=TOKEN | headers)
        assert response.status_code == 200
        return {
            (sample.name, *(value for name, value in sorted(sample.labels.items()))): sample.value
            for family in parse(response.text)
            for sample in family.samples
        }

    return get


def test_without_a_token_in_the_settings_there_is_no_such_page(client, answers, settings):
    del settings.METRICS_TOKEN
    assert client.get("/metrics/", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "s3cret", "Bearer ä"]
)
def test_a_wrong_token_is_refused(client, answers, given):
    response = client.get("/metrics/", headers={"Authorization": given})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "sse_" not in response.text


def test_the_page_is_read_and_never_written_to_or_stored(client, answers):
    response = client.get("/metrics/", headers=TOKEN)
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert client.post("/metrics/", headers=TOKEN).status_code == 405


def test_each_process_has_its_own_samples(read, answers):
    counts = {name: number for number, name in enumerate(
        ["opened", "published", "read", "delivered", "replays", "replayed", "resets"], start=1
    )}  # fmt: skip
    answers({
        ONE: figures(connections=5, backlog_connections=2, backlog_bytes=700, counts=counts),
        TWO: figures(connections=1, hang_ups={"slow": 3, "restart": 4}),
    })  # fmt: skip
    samples = read()
    assert {key[0]: value for key, value in samples.items() if key[1:] == ("1111aaaa",) and value} == {
        "sse_connections": 5,
        "sse_backlog_connections": 2,
        "sse_backlog_bytes": 700,
        "sse_connections_opened_total": 1,
        "sse_events_published_total": 2,
        "sse_events_read_total": 3,
        "sse_events_delivered_total": 4,
        "sse_replays_total": 5,
        "sse_events_replayed_total": 6,
        "sse_resets_total": 7,
    }
    assert samples["sse_connections", "2222bbbb"] == 1
    assert samples["sse_events_published_total", "2222bbbb"] == 0
    assert samples["sse_hang_ups_total", "2222bbbb", "slow"] == 3
    assert samples["sse_hang_ups_total", "2222bbbb", "restart"] == 4
    assert samples["sse_process_info", "left", "41", "1111aaaa"] == 1


def test_the_delay_is_a_histogram_whose_buckets_add_up(read, answers):
    answers({ONE: figures(delay_buckets=[1, 0, 2, *[0] * 8, 4], delay_sum=99.5)})
    samples = read()
    buckets = {key[1]: value for key, value in samples.items() if key[0] == "sse_delivery_delay_seconds_bucket"}
    assert (buckets["0.005"], buckets["0.01"], buckets["0.025"], buckets["10.0"], buckets["+Inf"]) == (
        1,
        1,
        3,
        3,
        7,
    )
    assert samples["sse_delivery_delay_seconds_count", "1111aaaa"] == 7
    assert samples["sse_delivery_delay_seconds_sum", "1111aaaa"] == 99.5


def test_openmetrics_is_written_for_those_who_ask_for_it(read):
    samples = read(parse_openmetrics, Accept="application/openmetrics-text;version=1.0.0")
    assert samples["sse_connections", "1111aaaa"] == 0


def test_what_is_missing_is_a_metric_too(read, answers):
    answers({ONE: figures()}, silent=[(TWO, 3.0)])
    assert (read()["sse_processes_silent",], read()["sse_bus_up",]) == (1, 1)
    answers({ONE: figures()}, is_whole=False)
    assert (read()["sse_processes_silent",], read()["sse_bus_up",]) == (0, 0)


def test_every_metric_has_a_help_text_and_a_type(client, answers):
    families = list(parse(client.get("/metrics/", headers=TOKEN).text))
    assert len([family for family in families if family.name.startswith("sse_")]) == 15
    assert all(family.documentation and family.type != "unknown" for family in families)


class Hello(SSEView):
    async def stream(self, request):
        yield self.keepalive()
        yield self.event("hello", {})
        yield self.event("hello", {})


class News(SSEView):
    channels = ["news"]


@pytest.fixture
def counted():
    """What was counted since the test began: `counted("published")`."""
    before, before_hang_ups = dict(metrics.counts), dict(metrics.hang_ups)

    def since(name):
        return metrics.counts[name] - before.get(name, 0)

    since.hang_ups = lambda reason: metrics.hang_ups[reason] - before_hang_ups.get(reason, 0)
    return since


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_what_a_stream_yields_is_counted_as_delivered_but_for_comments(way, counted):
    assert len(ask(way, Hello.as_view()).events) == 3
    assert (counted("opened"), counted("delivered")) == (1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_a_replay_and_what_it_delivers_are_counted(way, counted):
    start = position()
    for number in range(3):
        publish("news", "item", number)
    answer = ask(
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
    answer = ask(
        "hand-off",
        News.as_view(),
        headers={"Last-Event-ID": "12345-aaaaaaaa"},
        until=lambda chunks: b"sse:reset" in b"".join(chunks),
    )
    assert answer.names == ["sse:reset"]
    assert counted("resets") == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_not_published(counted):
    publish("news", "item", 1)
    with transaction.atomic():
        publish("news", "item", 2)
        assert counted("published") == 1
    assert counted("published") == 2
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        publish("news", "item", 3)
        raise ZeroDivisionError
    assert counted("published") == 2


async def test_what_other_processes_have_published_is_counted_as_read_and_what_they_say_is_not(counted):
    await get_hub().start()
    tell("sse:control", "{}", name="unheard of", durable=False)
    tell("news", "hello")
    tell("news", "hello")
    await until(lambda: counted("read") == 2)


def test_what_open_streams_hold_back_is_summed(monkeypatch):
    class Stream:
        def __init__(self, backlog_bytes):
            self.backlog_bytes = backlog_bytes

    monkeypatch.setattr(reports.connections, "all_open", lambda: [Stream(0), Stream(10), Stream(20)])
    told = reports.figures()
    assert (told["connections"], told["backlog_connections"], told["backlog_bytes"]) == (3, 2, 30)


def test_open_streams_are_told_by_view_and_by_user_with_the_most_of_them_first(monkeypatch):
    class Stream:
        def __init__(self, name, pk):
            self.name = name
            self.client = reports.connections.Client(user_pk=pk)

    streams = [Stream("feed", 7), Stream("feed", 7), Stream("chat", 7), Stream("feed", 8), Stream("feed", None)]
    monkeypatch.setattr(reports.connections, "all_open", lambda: streams)
    monkeypatch.setattr(reports, "MOST_ROWS", 2)
    assert reports.streams() == {
        "views": {"feed": 4, "chat": 1},
        "signed_in": 4,
        "users": [["7", "feed", 2], ["7", "chat", 1]],
    }
