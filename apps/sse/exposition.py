"""
The page that Prometheus reads: the metrics of all processes, whichever of them answers.

Each process's own counts are told apart by the label `process`, so that a process that is gone
takes nothing away from the others' counts, and `rate()` is right.
"""

import hmac
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import CollectorRegistry

from . import census
from .census import Census
from .conf import setting
from .metrics import DELAY_SECONDS

GAUGES = {
    "connections": "Open streams.",
    "backlog_connections": "Open streams with data that the client has not read yet.",
    "backlog_bytes": "Bytes queued for clients that have not read them yet.",
}
COUNTERS = {
    "opened": ("connections_opened", "Streams opened."),
    "published": ("events_published", "Events published by this process."),
    "read": ("events_read", "Events that this process read from the log, published by any process."),
    "delivered": ("events_delivered", "Events written to clients, counted once per client."),
    "replays": ("replays", "Clients that reconnected and got a replay."),
    "replayed": ("events_replayed", "Events replayed to clients that reconnected."),
    "resets": ("resets", "Resets: clients whose missed events could not be replayed."),
}


@require_safe
@never_cache
@non_atomic_requests
def metrics(request: HttpRequest, collectors: Iterable[Any] = ()) -> HttpResponse:
    """
    Return the metrics of all processes to a request with `METRICS_TOKEN` as its bearer token.

    `collectors` are the project's own collectors, as prometheus-client defines them. Without the
    setting the response is 404.
    """
    token = setting("METRICS_TOKEN")
    if not token:
        raise Http404("METRICS_TOKEN is not set.")
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        answer = HttpResponse("The bearer token is missing or wrong.\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return answer
    registry = CollectorRegistry()
    for collector in (Collector(census.ask("figures")), *collectors):
        registry.register(collector)
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class Collector:
    """A census of `figures` as metrics, as prometheus-client takes them."""

    def __init__(self, asked: Census) -> None:
        self._asked = asked

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with a sample for each process."""
        yield from self._gauges()
        yield from self._counters()
        yield self._hang_ups()
        yield self._delay()
        yield from self._processes()

    def _gauges(self) -> Iterator[Metric]:
        for name, text in GAUGES.items():
            gauge = GaugeMetricFamily(f"sse_{name}", text, labels=["process"])
            for process, figures in self._asked.answers:
                gauge.add_metric([process.name], figures[name])
            yield gauge

    def _counters(self) -> Iterator[Metric]:
        for key, (name, text) in COUNTERS.items():
            counter = CounterMetricFamily(f"sse_{name}", text, labels=["process"])
            for process, figures in self._asked.answers:
                counter.add_metric([process.name], figures["counts"].get(key, 0))
            yield counter

    def _hang_ups(self) -> Metric:
        text = "Streams ended by the server, by reason. Their clients reconnect."
        counter = CounterMetricFamily("sse_hang_ups", text, labels=["process", "reason"])
        for process, figures in self._asked.answers:
            for reason, number in sorted(figures["hang_ups"].items()):
                counter.add_metric([process.name, reason], number)
        return counter

    def _delay(self) -> Metric:
        text = "Seconds from the publication of an event until it was written to the last client of a process."
        histogram = HistogramMetricFamily("sse_delivery_delay_seconds", text, labels=["process"])
        bounds = [*map(str, DELAY_SECONDS), "+Inf"]
        for process, figures in self._asked.answers:
            buckets = list(zip(bounds, accumulate(figures["delay_buckets"]), strict=True))
            histogram.add_metric([process.name], buckets, figures["delay_sum"])
        return histogram

    def _processes(self) -> Iterator[Metric]:
        info = InfoMetricFamily("sse_process", "Processes that answered this query.", labels=["process"])
        for process, _ in self._asked.answers:
            info.add_metric([process.name], {"pid": str(process.pid), "host": process.host})
        yield info
        text = "Processes seen in the last minutes that did not answer this query."
        yield GaugeMetricFamily("sse_processes_silent", text, len(self._asked.silent))
        text = "1 if the other processes could be queried, 0 if these metrics are those of one process."
        yield GaugeMetricFamily("sse_bus_up", text, int(self._asked.is_whole))
