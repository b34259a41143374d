"""
`/metrics/` for Prometheus: the metrics of all processes, from any process.

The label `process` keeps the counters of each process apart, so that no counter falls when a process ends:
`rate()` stays right.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from django.db import Error
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import core, exposition
from prometheus_client.registry import CollectorRegistry

from ..conf import setting
from ..databases import migration_hint
from ..models import Process
from . import processes
from .metrics import DELIVERY_DELAY

GAUGES = {
    "connections": ("sse_connections", "Open streams."),
    "max_connections": ("sse_max_connections", "Streams that the process can have: see SSE_MAX_TOTAL."),
    "backlog_connections": ("sse_backlog_connections", "Open streams with data that the client has not read yet."),
    "backlog_bytes": ("sse_backlog_bytes", "Bytes queued for clients that have not read them yet."),
    "memory_share": ("sse_memory_share", "Share of the container's or the machine's memory that is in use."),
    "bus_up": ("sse_bus_up", "1 if the process can read events, 0 if it refuses streams because it cannot."),
}
COUNTERS = {
    "opened": ("sse_connections_opened", "Streams opened."),
    "deferred": ("sse_connections_deferred", "Clients told to come back, because many were connecting."),
    "published": ("sse_events_published", "Events published by this process."),
    "read": ("sse_events_read", "Events that this process read from the log, published by any process."),
    "delivered": ("sse_events_delivered", "Events written to clients, counted once per client."),
    "replays": ("sse_replays", "Clients that reconnected and got a replay."),
    "delayed_replays": ("sse_replays_delayed", "Reads for a replay that waited over a second for other replays."),
    "replayed": ("sse_events_replayed", "Events replayed to clients that reconnected."),
    "resets": ("sse_resets", "Resets: clients whose missed events could not be replayed."),
    "cpu_seconds": ("sse_cpu_seconds", "CPU time used."),
}
DELAY_TEXT = "Seconds from publish() until the event was written to the last client of a process."
HISTOGRAMS = {DELIVERY_DELAY: ("sse_delivery_delay_seconds", DELAY_TEXT)}
APP_METRIC = "A metric of one of this project's apps."


@require_safe
@never_cache
@non_atomic_requests
def metrics(request: HttpRequest, collectors: Iterable[Any] = ()) -> HttpResponse:
    """
    Return the metrics of all processes to a request with `METRICS_TOKEN` as its bearer token.

    `collectors` are further collectors of prometheus-client. Without the setting the response is 404,
    without a database 503.
    """
    token = setting("METRICS_TOKEN")
    if not token:
        raise Http404("METRICS_TOKEN is not set.")
    authorization = request.headers.get("Authorization", "")
    if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        text = "The bearer token is missing or wrong.\n"
        return HttpResponse(text, status=401, content_type="text/plain", headers=challenge)
    try:
        rows = processes.rows()
    except Error as error:
        text = migration_hint(error) or f"The database cannot be read: {error}"
        return HttpResponse(f"{text}\n", status=503, content_type="text/plain")
    registry = CollectorRegistry()
    for collector in (Collector(rows), *collectors):
        registry.register(collector)
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class Collector:
    """Collects the rows of the processes for prometheus-client."""

    def __init__(self, rows: list[Process]) -> None:
        self._silent = sum(map(processes.is_silent, rows))
        self._rows = [row for row in rows if not processes.is_silent(row)]

    def collect(self) -> Iterator[core.Metric]:
        yield from self._families("gauges", core.GaugeMetricFamily, GAUGES)
        yield from self._families("counts", core.CounterMetricFamily, COUNTERS)
        yield from self._families("histograms", _Histogram, HISTOGRAMS)
        text = "Streams ended by the server, by reason. Their clients reconnect."
        hang_ups = core.CounterMetricFamily("sse_hang_ups", text, labels=["process", "reason"])
        info = core.InfoMetricFamily("sse_process", "Web servers and task workers.", labels=["process"])
        for row in self._rows:
            for reason, number in row.data["hang_ups"].items():
                hang_ups.add_metric([str(row.pk), reason], number)
            info.add_metric([str(row.pk)], {"pid": str(row.pid), "host": row.host, "kind": row.kind})
        yield from (hang_ups, info)
        text = "Processes that have stopped reporting: killed, or hanging. Removed after five minutes."
        yield core.GaugeMetricFamily("sse_processes_silent", text, self._silent)

    def _families(self, kind: str, family: Any, known: dict[str, tuple[str, str]]) -> Iterator[core.Metric]:
        for name in dict.fromkeys([*known, *(name for row in self._rows for name in row.data[kind])]):
            app_metric = "sse_" + re.sub(r"\W", "_", name), APP_METRIC
            metric = family(*known.get(name, app_metric), labels=["process"])
            for row in self._rows:
                if name in row.data[kind]:
                    metric.add_metric([str(row.pk)], row.data[kind][name])
            yield metric


class _Histogram(core.HistogramMetricFamily):
    def add_metric(self, labels: Any, data: Any) -> None:  # type: ignore[override]
        bounds = [*map(str, data["bounds"]), "+Inf"]
        super().add_metric(labels, [*zip(bounds, accumulate(data["buckets"]), strict=True)], data["sum"])
