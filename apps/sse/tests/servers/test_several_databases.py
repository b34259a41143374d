"""Publishing and positions in a project that has several databases."""

import subprocess
import sys

import pytest

from tests import servers

BEGINNING = """
import sqlite3, django
from contextlib import closing

from django.conf import settings
default = settings.DATABASES["default"]
settings.DATABASES["other"] = default | {"NAME": default["NAME"] + ".other"}
django.setup()
from django.db import router, transaction
from django.db.transaction import TransactionManagementError, atomic
from django.test import TestCase
from apps.sse import position, publish
from apps.sse.brokers import Gap, get_broker

def log():
    return [event.text for event in get_broker().tail(100) if event.channel == "news"]

def copy_to_other():
    with closing(sqlite3.connect(default["NAME"])) as database:
        database.execute("VACUUM INTO ?", [default["NAME"] + ".other"])

class Replica:
    def db_for_read(self, model, **hints):
        return "other"

def refused(durable=True):
    try:
        with atomic(using="other"):
            publish("news", "said", "refused", durable=durable)
    except TransactionManagementError as error:
        assert "transaction.on_commit(…, using='other')" in str(error), error
        return True
    return False
"""


@pytest.fixture(params=["database://", "memory://"])
def run(request, migrated, tmp_path):
    """Run some code in a project with two databases."""
    servers.copy_database(migrated, tmp_path)
    environment = servers.environment_for(tmp_path, SSE_BROKER_URL=request.param)

    def run(code):
        command = [sys.executable, "-c", BEGINNING + code]
        done = subprocess.run(
            command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return run


def test_publishing_in_a_transaction_of_only_another_database_is_refused(run):
    run("""
assert refused() and refused(durable=False)
with atomic(using="other"):
    transaction.on_commit(lambda: publish("news", "said", "hook"), using="other")
with atomic(), atomic(using="other"):
    publish("news", "said", "both")
assert log() == ["hook", "both"], log()
""")


def test_a_test_case_with_several_databases_is_no_such_transaction(run):
    run("""
class Case(TestCase):
    databases = {"default", "other"}

class OtherCase(TestCase):
    databases = {"other"}

for case in (Case, OtherCase):
    atomics = case._enter_atomics()
    with case.captureOnCommitCallbacks(execute=True):
        publish("news", "said", "published")
    assert log()[-1] == "published", log()
    assert refused()
    case._rollback_atomics(atomics)
""")


@pytest.mark.parametrize("run", ["database://"], indirect=True)
def test_a_page_that_reads_a_replica_gets_the_replicas_position(run):
    run("""
publish("news", "said", "before")
copy_to_other()
publish("news", "said", "after")
router.__dict__["routers"] = [Replica()]
taken = position()
found = [event.text for event in get_broker().read(taken, 10)]
assert found == ["after"], (found, taken, log())
from apps.sse.models import LoggedEvent
LoggedEvent.objects.using("other").all().delete()
try:
    get_broker().read(position(), 10)
    raise SystemExit("a replica without a log gives a position that the log holds")
except Gap:
    pass
""")
