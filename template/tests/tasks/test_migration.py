"""Upgrading the tables of the version that had exports and previews."""

import json

import pytest

from apps.sse.tests.servers import postgres as postgresql
from tests import servers
from tests.fixtures import need

pytest.importorskip("apps.tasks.work")

CODE = """
import json, sys
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
call_command("migrate", verbosity=0)
call_command("migrate", "tasks", "0002", verbosity=0)
apps = MigrationExecutor(connection).loader.project_state([("tasks", "0002_labels")]).apps
user = apps.get_model("accounts", "User").objects.create(username="ada")
Task, RowError = apps.get_model("tasks", "Task"), apps.get_model("tasks", "RowError")
def make(kind, state, **values):
    file = ContentFile("name,email\\n" + "Ada,a@example.com\\n" * 9)
    task = Task(owner_id=user.pk, kind=kind, state=state, name=kind + " " + state, total=173, **values)
    task.file.save("", file)
    return task
export = make("export", "done", done=9, rows=9)
make("import", "draft")
make("import", "running", done=119, rows=6, place={"offset": 119})
RowError.objects.create(task=make("import", "cancelled", bad=1), line=2, reason="wrong", text="x")
call_command("migrate", verbosity=0)
from apps.tasks import work
from apps.tasks.models import Contact, Task
for task in Task.objects.filter(state="running"):
    work.run.call(task.pk)
rows = list(Task.objects.order_by("pk").values_list("name", "state", "rows"))
json.dump([rows, Contact.objects.count(), export.file.storage.exists(export.file.name)], sys.stdout)
"""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_imports_are_kept_and_continue_and_exports_are_deleted_with_their_files(database, tmp_path):
    def upgrade(**variables):
        environment = servers.environment_for(tmp_path, **variables)
        printed = servers.manage("shell", "--no-imports", "--command", CODE, environment=environment)
        assert json.loads(printed.splitlines()[-1]) == [
            [
                ["import draft", "cancelled", 0],
                ["import running", "done", 9],
                ["import cancelled", "cancelled", 0],
            ],
            1,
            False,
        ]

    if database == "sqlite":
        return upgrade()
    need(postgresql.binaries(), "PostgreSQL")
    with postgresql.running() as server:
        upgrade(DATABASE_URL=server.url)
