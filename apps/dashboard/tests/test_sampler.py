import logging
import os
import subprocess
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError
from django.tasks import task

from apps.dashboard import sampler as module
from apps.dashboard import signals
from apps.dashboard.counters import Counters
from apps.dashboard.models import BUCKET, Sample, bucket_of
from apps.dashboard.sampler import KEPT, Sampler, prune, tasks_waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def sampler(counters):
    return Sampler(Sample.Kind.WEB, counters)


def end_of_bucket():
    return bucket_of(time.time()) + BUCKET


def test_a_sample_holds_what_the_process_counted_in_its_bucket(sampler, counters):
    counters.count_request(0.020, 200)
    counters.count_request(0.020, 500)
    counters.count_query()
    sampler.sample(end_of_bucket())
    sample = Sample.objects.get()
    assert (sample.requests, sample.errors, sample.queries, sample.kind) == (2, 1, 1, "web")
    assert sum(sample.durations.values()) == 2
    assert sample.memory > 10_000_000


def test_a_process_without_work_leaves_a_sample_too(sampler):
    sampler.sample(30)
    assert Sample.objects.values("bucket", "requests", "durations").get() == {
        "bucket": 27,
        "requests": 0,
        "durations": {},
    }


def test_a_sampler_that_comes_late_puts_counts_where_they_belong(sampler, counters, monkeypatch):
    for now in (3, 6, 6, 9):
        monkeypatch.setattr("time.time", lambda now=now: now)
        counters.count_query()
    sampler.sample(12)
    assert dict(Sample.objects.values_list("bucket", "queries")) == {3: 1, 6: 2, 9: 1}


def test_cpu_is_never_more_than_what_one_bucket_used(sampler, monkeypatch):
    monkeypatch.setattr(sampler, "_cpu_seconds", lambda: sampler.used + 10)
    monkeypatch.setattr(module.time, "monotonic", lambda: sampler.asked + 4 * BUCKET)
    sampler.sample(30)
    assert Sample.objects.get().cpu == pytest.approx(2.5)


def test_streams_and_users_are_those_of_the_library(sampler, monkeypatch):
    seen = SimpleNamespace(open_streams=lambda: 5, anonymous=lambda: 2, users=lambda: {7, 8})
    monkeypatch.setattr(module, "connections", seen)
    sampler.sample(30)
    sample = Sample.objects.get()
    assert (sample.streams, sample.anonymous, sorted(sample.users)) == (5, 2, [7, 8])


def test_events_are_counted_from_one_sample_to_the_next(sampler, counters, monkeypatch):
    counts = Counter(sampler.events)
    monkeypatch.setattr(module.metrics, "counts", counts)
    counts.update(published=2, delivered=50)
    sampler.sample(30)
    monkeypatch.setattr("time.time", lambda: 31)
    counters.count_query()
    counts.update(delivered=5)
    sampler.sample(36)
    assert list(Sample.objects.order_by("bucket").values_list("bucket", "published", "delivered")) == [
        (27, 2, 50),
        (30, 0, 0),
        (33, 0, 5),
    ]


def test_after_the_clock_was_set_back_the_first_sample_stays(sampler, counters):
    sampler.sample(30)
    sampler.sample(30)
    assert Sample.objects.count() == 1


def test_a_database_failure_is_logged_once_leaves_a_gap_and_ends(sampler, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    write = Sample.objects.bulk_create

    def fail(*args, **kwargs):
        raise OperationalError("the database is down")

    monkeypatch.setattr(Sample.objects, "bulk_create", fail)
    for _ in range(3):
        sampler.try_sample()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert not Sample.objects.exists()

    monkeypatch.setattr(Sample.objects, "bulk_create", write)
    sampler.try_sample()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert Sample.objects.count() == 1


def test_samples_older_than_an_hour_are_deleted(sample, monkeypatch):
    old, kept = sample(age=KEPT + BUCKET), sample(age=KEPT - BUCKET, process="two")
    monkeypatch.setattr(module.time, "time", lambda: old.bucket + KEPT + BUCKET)
    prune()
    assert list(Sample.objects.all()) == [kept]


@task
def nothing():
    pass


def test_tasks_that_wait_are_counted():
    nothing.enqueue()
    nothing.enqueue()
    assert tasks_waiting() == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_sampled_from_its_first_task_on(monkeypatch):
    started = []
    monkeypatch.setattr(signals.sampler, "start", started.append)
    nothing.enqueue()
    nothing.using(backend="immediate").enqueue()
    assert started == []
    call_command("db_worker", batch=True, interval=0, startup_delay=False, reload=False, verbosity=0)
    assert started == [Sample.Kind.WORKER]


def test_starting_twice_runs_one_thread(monkeypatch):
    runs = []
    monkeypatch.setattr(module, "sampled", None)
    monkeypatch.setattr(module.Sampler, "run", lambda self: runs.append(self.kind))
    module.start(Sample.Kind.WEB)
    module.start(Sample.Kind.WORKER)
    assert runs == [Sample.Kind.WEB]


def test_the_sampler_keeps_no_process_from_ending(tmp_path):
    code = "import django; django.setup(); from apps.dashboard import sampler; sampler.start('web')"
    began = time.monotonic()
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DEBUG": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20, env=environment)
    assert time.monotonic() - began < 15


def test_a_user_key_of_any_kind_can_be_stored(sampler, monkeypatch):
    key = get_user_model()._meta.pk.to_python("12")
    monkeypatch.setattr(module.connections, "users", lambda: {key})
    sampler.sample(30)
    assert Sample.objects.get().users == [12]
