"""Metrics of this process, which the library stores in the row of the process."""

from collections.abc import Mapping
from time import perf_counter

import psutil
from django.db.backends.signals import connection_created
from django.tasks.signals import task_finished, task_started

from apps.sse import metrics

RESPONSES = "response_seconds"
BOUNDS = tuple(float(f"{0.001 * 1.25**n:.3g}") for n in range(48))
"""Upper bounds of the histogram's buckets, 1 ms to 36 s, in seconds. Steps of 25 % keep percentiles accurate."""


def register() -> None:
    """Register the metrics, and connect the signals that count."""
    metrics.histograms[RESPONSES] = metrics.Histogram(BOUNDS)
    metrics.gauges["memory"] = lambda: psutil.Process().memory_info().rss
    metrics.gauges["running"] = lambda: metrics.counts["tasks_started"] - metrics.counts["tasks_finished"]
    connection_created.connect(count_queries_on)
    task_started.connect(lambda **_: metrics.count("tasks_started"), weak=False)
    task_finished.connect(lambda **_: metrics.count("tasks_finished"), weak=False)


def measure(get_response):
    """
    Measure the time until the response begins; for a stream, until it opens.

    Make this the first middleware, so that it includes the time of the others.
    """

    def middleware(request):
        started_at = perf_counter()
        response = get_response(request)
        metrics.histograms[RESPONSES].observe(perf_counter() - started_at)
        metrics.count("requests")
        if response.status_code >= 500:
            metrics.count("errors")
        return response

    return middleware


def count_queries_on(connection, **_) -> None:
    """Count the queries of a connection. Each reconnect calls this again, with the wrapper in place."""
    if count_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(count_query)


def count_query(execute, sql, params, many, context):
    metrics.count("queries")
    return execute(sql, params, many, context)


def quantile(durations: Mapping[int, int], fraction: float) -> float | None:
    """
    Return a quantile of the response times in milliseconds; None if there are none.

    `durations` has the number of response times in each bucket; `fraction` is between 0 and 1.
    """
    rank = fraction * sum(durations.values())
    for bucket in sorted(durations):
        if (count := durations[bucket]) and rank <= count:
            low, high = (0, *BOUNDS)[bucket], (*BOUNDS, BOUNDS[-1])[bucket]
            return float(f"{1000 * (low + (high - low) * rank / count):.3g}")
        rank -= count
    return None
