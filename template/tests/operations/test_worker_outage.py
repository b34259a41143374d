"""A worker on PostgreSQL: an import continues after a restart of the database, and an idle worker waits."""

import subprocess
import sys
import time

import psycopg
import pytest

from tests.servers import ROOT, environment_for, manage, wait_until

ROWS = 30_000
START = """
from django.core.files.base import ContentFile
from apps.accounts.models import User
from apps.tasks import work
from apps.tasks.models import Task
owner, _ = User.objects.get_or_create(username="ada", email="ada@example.com")
rows = "".join("Name %d,name%d@example.com\\n" % (number, number) for number in range(ROWS))
data = ("name,email\\n" + rows).encode()
work.start(Task(owner=owner, name="contacts.csv", total=len(data), file=ContentFile(data, "contacts.csv")))
"""


@pytest.fixture
def site(postgres, tmp_path):
    environment = environment_for(tmp_path, DATABASE_URL=postgres.url)
    manage("migrate", environment=environment)
    return environment


@pytest.fixture
def worker(site, tmp_path):
    log = tmp_path / "worker.log"
    command = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=site, stdout=output, stderr=output)
    wait_until(lambda: "Starting worker" in log.read_text(), 30)
    yield log
    assert process.poll() is None, log.read_text()
    process.kill()
    process.wait()


def query(postgres, sql):
    with psycopg.connect(postgres.url) as connection:
        return connection.execute(sql).fetchone()


def start_import(environment, rows):
    manage("shell", "-c", START.replace("ROWS", str(rows)), environment=environment)


def test_an_import_continues_where_it_was_after_restarts_of_the_database(postgres, site, worker):
    start_import(site, ROWS)
    for step in (0, 10_000):
        wait_until(lambda step=step: query(postgres, "SELECT rows FROM tasks_task")[0] > step, 30)
        postgres.stop()
        postgres.start()
    wait_until(lambda: query(postgres, "SELECT state FROM tasks_task")[0] == "done", 60)
    assert query(postgres, "SELECT rows, bad FROM tasks_task") == (ROWS, 0)
    assert "waits for the database" in worker.read_text()
    assert query(postgres, "SELECT count(*) FROM tasks_contact") == (ROWS,)
    assert query(postgres, "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'") == (
        0,
    )


def test_an_idle_worker_waits_says_so_once_and_goes_on_within_two_seconds(postgres, site, worker):
    postgres.stop()
    wait_until(lambda: "waits for the database" in worker.read_text())
    # Longer than the pause between two looks of the watchdog.
    time.sleep(4)
    postgres.start()
    back = time.monotonic()
    wait_until(lambda: "continues" in worker.read_text(), 5)
    assert time.monotonic() - back < 2
    log = worker.read_text()
    assert log.count("waits for the database") == log.count("continues") == 1
    assert "Traceback" not in log
    start_import(site, 3)
    wait_until(lambda: query(postgres, "SELECT state FROM tasks_task")[0] == "done")
