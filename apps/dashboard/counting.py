"""What each process counts for the dashboard; the library writes it to the row of the process."""

from collections.abc import Mapping
from time import perf_counter

import psutil
from asgiref.sync import iscoroutinefunction
from django.db.backends.signals import connection_created
from django.tasks.signals import task_finished, task_started
from django.utils.decorators import sync_and_async_middleware

from apps.sse import metrics

RESPONSES = "response_seconds"
BOUNDS = tuple(float(f"{0.001 * 1.25**n:.3g}") for n in range(48))
"""Seconds, from 1 ms to 36 s. They grow by a quarter, so that a percentile is known to some percent."""


def watch() -> None:
    """Count what happens in this process from now on."""
    metrics.histograms[RESPONSES] = metrics.Histogram(BOUNDS)
    metrics.gauges["memory"] = lambda: psutil.Process().memory_info().rss
    metrics.gauges["running"] = lambda: metrics.counts["tasks_started"] - metrics.counts["tasks_finished"]
    connection_created.connect(count_queries_of)
    task_started.connect(lambda **_: metrics.count("tasks_started"), weak=False)
    task_finished.connect(lambda **_: metrics.count("tasks_finished"), weak=False)


@sync_and_async_middleware
def measure(get_response):
    """
    Measure a request until its response begins: an open stream counts by how soon it was opened.

    This middleware stands first, so that it includes the work of all others.
    """

    def measure_sync(request):
        began = perf_counter()
        return counted(get_response(request), began)

    async def measure_async(request):
        began = perf_counter()
        return counted(await get_response(request), began)

    return measure_async if iscoroutinefunction(get_response) else measure_sync


def counted(response, began: float):
    """Count a response to a request that began at this moment of `perf_counter`, and return it."""
    metrics.histograms[RESPONSES].observe(perf_counter() - began)
    metrics.count("requests")
    if response.status_code >= 500:
        metrics.count("errors")
    return response


def count_queries_of(connection, **_) -> None:
    """Count the queries of a connection. It is asked again each time it connects anew."""
    if count_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(count_query)


def count_query(execute, sql, params, many, context):
    metrics.count("queries")
    return execute(sql, params, many, context)


def quantile(durations: Mapping[int, int], share: float) -> float | None:
    """
    Return the response time, in milliseconds, that this share (0 to 1) of all do not exceed.

    `durations` has the number of response times in each bucket. None when there are none.
    """
    rank = share * sum(durations.values())
    for bucket in sorted(durations):
        if (count := durations[bucket]) and rank <= count:
            low, high = (0, *BOUNDS)[bucket], (*BOUNDS, BOUNDS[-1])[bucket]
            return float(f"{1000 * (low + (high - low) * rank / count):.3g}")
        rank -= count
    return None
