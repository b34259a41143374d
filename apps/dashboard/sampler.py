"""The thread that leaves one sample of its process in the database at the end of each bucket."""

import logging
import os
import random
import secrets
import threading
import time

import psutil
from django.apps import apps
from django.db import connections as databases

from apps.sse import connections, metrics

from . import summaries
from .counters import Counters, Tally, counters
from .models import BUCKET, Sample, Summary, bucket_of
from .ranges import SUMMARISED

logger = logging.getLogger(__name__)

KEPT = 3600
"""Seconds after which samples are deleted."""


class Sampler:
    """Samples of one process, which is known by a random name as long as it lives."""

    def __init__(self, kind: str, counters: Counters = counters) -> None:
        self.kind = kind
        self.counters = counters
        self.name = secrets.token_hex(4)
        self.process = psutil.Process()
        self.used, self.asked = self._cpu_seconds(), time.monotonic()
        self.events = self._events()
        self.failing = False

    def run(self) -> None:
        """Sample for ever. A failure leaves a gap and is logged when it begins, not at each repetition."""
        while True:
            end = bucket_of(time.time()) + BUCKET
            # Timers may fire a little early: what counts is that the bucket is over.
            while (left := end - time.time()) > 0:
                time.sleep(left)
            self.try_sample()
            # The thread is asleep most of the time: a connection would only be held from others.
            databases.close_all()

    def try_sample(self) -> None:
        """Write a sample, and what follows from it; log a failure once."""
        try:
            now = bucket_of(time.time())
            self.sample(now)
            summaries.write(now, self.name, since=now - KEPT)
            if random.random() < 0.05:
                prune()
        except Exception:
            if not self.failing:
                logger.exception("Dashboard samples cannot be written. Further failures are not logged.")
            self.failing = True
        else:
            if self.failing:
                logger.info("Dashboard samples are written again.")
            self.failing = False

    def sample(self, now: int) -> None:
        """Write what was counted in the buckets before the one that starts `now`, and what there is to see."""
        tallies = self.counters.take(before=now)
        latest = now - BUCKET
        seen = self._seen()
        nothing = {"cpu": 0.0, "published": 0, "delivered": 0}
        used = dict.fromkeys(tallies, nothing) | {
            latest: {"cpu": self._cpu_since_last_asked(), **self._events_since_last_asked()}
        }
        Sample.objects.bulk_create(
            (self._row(bucket, tallies.get(bucket, Tally()), **used[bucket], **seen) for bucket in used),
            # After the clock was set back there may be a sample of this bucket.
            ignore_conflicts=True,
        )

    def _row(self, bucket: int, tally: Tally, **seen) -> Sample:
        return Sample(
            bucket=bucket,
            process=self.name,
            kind=self.kind,
            requests=tally.requests,
            errors=tally.errors,
            durations=tally.durations,
            queries=tally.queries,
            **seen,
        )

    def _seen(self) -> dict:
        return {
            "memory": self.process.memory_info().rss,
            "streams": connections.open_streams(),
            "anonymous": connections.anonymous(),
            "users": list(connections.users()),
            "running": self.counters.running,
            "queued": tasks_waiting(),
        }

    def _cpu_since_last_asked(self) -> float:
        """Return the CPU seconds of one bucket: less than were used if more time has passed."""
        used, asked = self._cpu_seconds(), time.monotonic()
        share = min(1, BUCKET / max(asked - self.asked, 0.001))
        seconds = (used - self.used) * share
        self.used, self.asked = used, asked
        return seconds

    def _events_since_last_asked(self) -> dict[str, int]:
        before, self.events = self.events, self._events()
        return {name: self.events[name] - before[name] for name in before}

    def _events(self) -> dict[str, int]:
        return {name: metrics.counts[name] for name in ("published", "delivered")}

    def _cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


def tasks_waiting() -> int | None:
    """Return how many tasks could be started now; None if tasks are not kept in the database."""
    if not apps.is_installed("django_tasks_db"):
        return None
    from django_tasks_db.models import DBTaskResult

    return DBTaskResult.objects.ready().count()


def prune() -> None:
    """Delete the samples and summaries that no page shows any more."""
    Sample.objects.filter(bucket__lt=time.time() - KEPT).delete()
    for span in SUMMARISED:
        Summary.objects.filter(step=span.step, bucket__lt=time.time() - span.length).delete()


sampled: int | None = None
starting = threading.Lock()


def start(kind: str) -> None:
    """Sample this process from now on; nothing if it is sampled. A forked process is another one."""
    global sampled
    if sampled == os.getpid():
        return
    with starting:
        if sampled != os.getpid():
            sampled = os.getpid()
            threading.Thread(target=Sampler(kind).run, name="dashboard-sampler", daemon=True).start()
