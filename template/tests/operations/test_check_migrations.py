"""Refused migrations break the running release, the others do not: on real databases."""

import contextlib

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, models
from django.db.migrations import operations as ops
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.utils import ConnectionHandler
from environ import Env

from apps.operations.management.commands.check_migrations import CHECK_IT, check_operation, tables
from apps.sse.tests.servers import postgres
from tests.fixtures import need


def text(**options):
    return models.CharField(max_length=20, **options)


def separate(state=(), database=()):
    return ops.SeparateDatabaseAndState(state_operations=[*state], database_operations=[*database])


RUNNING = [
    ops.CreateModel(
        "Post",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("title", text()),
            ("note", text(null=True)),
            ("likes", models.IntegerField(default=0)),
            ("kind", text(db_default="plain")),
            ("code", text(null=True, unique=True)),
        ],
        {"constraints": [models.UniqueConstraint(fields=["title", "kind"], name="pair")]},
    ),
    ops.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True))]),
    ops.AddField("post", "tags", models.ManyToManyField("shop.Tag")),
    ops.AddField("post", "tag", models.ForeignKey("shop.Tag", models.CASCADE, null=True, related_name="+")),
]
ACCEPTED = {
    "a new table": [ops.CreateModel("New", [("id", models.BigAutoField(primary_key=True)), ("of", text())])],
    "a column that may be NULL": [ops.AddField("post", "link", text(null=True))],
    "a column with a default of the database": [ops.AddField("post", "link", text(db_default=""))],
    "an index": [ops.AddIndex("post", models.Index(fields=["title"], name="titles"))],
    "a longer text": [ops.AlterField("post", "title", models.CharField(max_length=100))],
    "an unbounded text": [ops.AlterField("post", "title", models.TextField())],
    "a larger number": [ops.AlterField("post", "likes", models.BigIntegerField(default=0))],
    "a field with another name and the same column": [
        ops.AlterField("post", "title", text(db_column="title")),
        ops.RenameField("post", "title", "heading"),
    ],
    "a field removed from the state only": [separate(state=[ops.RemoveField("post", "note")])],
    "a new column that is dropped again": [
        ops.AddField("post", "x", text(null=True)),
        ops.RemoveField("post", "x"),
    ],
}
REFUSED = {
    "a column dropped": ([ops.RemoveField("post", "note")], "drops or renames the column shop_post.note"),
    "a column renamed": (
        [ops.RenameField("post", "title", "heading")],
        "drops or renames the column shop_post.title",
    ),
    "a table dropped": (
        [ops.RemoveField("post", "tags"), ops.DeleteModel("Tag")],
        "drops or renames the table shop_post_tags",
    ),
    "a table renamed": ([ops.RenameModel("Post", "Article")], "drops or renames the table shop_post"),
    "a table with another name": ([ops.AlterModelTable("post", "posts")], "drops or renames the table shop_post"),
    "a column without a default of the database": (
        [ops.AddField("post", "link", text(default=""))],
        "shop_post.link is NOT NULL without a database default (db_default)",
    ),
    "a new column that becomes NOT NULL": (
        [ops.AddField("post", "link", text(null=True)), ops.AlterField("post", "link", text(default=""))],
        "shop_post.link is NOT NULL without a database default (db_default)",
    ),
    "a column that becomes NOT NULL": (
        [ops.AlterField("post", "note", text(default=""))],
        "shop_post.note becomes NOT NULL, but the running release may write NULL",
    ),
    "a default of the database lost": (
        [ops.AlterField("post", "kind", text(default="plain"))],
        "shop_post.kind loses the database default that the running release relies on",
    ),
    "a column dropped in the database only": (
        [separate(database=[ops.RemoveField("post", "note")])],
        "drops or renames the column shop_post.note",
    ),
    "a column dropped by SQL": (
        [ops.RunSQL("ALTER TABLE shop_post DROP COLUMN note")],
        "drops or renames the table shop_post or a column of it",
    ),
    "a column renamed by SQL": (
        [ops.RunSQL([('ALTER TABLE "shop_post" RENAME COLUMN "title" TO heading', None)])],
        "drops or renames the table shop_post or a column of it",
    ),
    "a table dropped by SQL": (
        [ops.RunSQL("DROP TABLE IF EXISTS shop_post_tags")],
        "drops or renames the table shop_post_tags or a column of it",
    ),
    "a table renamed by SQL": (
        [ops.RunSQL("ALTER TABLE shop_post RENAME TO posts")],
        "drops or renames the table shop_post or a column of it",
    ),
}
UNKNOWN_EFFECT = {
    "a function": [ops.RunPython(lambda apps, editor: None)],
    "SQL": [ops.RunSQL("UPDATE shop_post SET note = ''")],
    "SQL that drops a column which the running release does not have": [
        ops.AddField("post", "old", text(null=True)),
        ops.RunSQL("ALTER TABLE shop_post DROP COLUMN old"),
    ],
    "a constraint": [ops.AddConstraint("post", models.UniqueConstraint(fields=["title"], name="once"))],
    "unique values together": [ops.AlterUniqueTogether("post", {("title", "likes")})],
    "a constraint dropped": [ops.RemoveConstraint("post", "pair")],
}


@contextlib.contextmanager
def database(vendor):
    """Yield the URL of an empty database."""
    if vendor == "sqlite":
        yield "sqlite://:memory:"
        return
    need(postgres.binaries(), "PostgreSQL")
    with postgres.running() as server:
        yield server.url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def connection(request):
    with database(request.param) as url:
        connections.settings["shop"] = ConnectionHandler({"default": Env.db_url_config(url)}).settings["default"]
        yield connections["shop"]
        connections["shop"].close()
        del connections["shop"], connections.settings["shop"]


@pytest.fixture
def running(connection, django_db_blocker):
    """The state of the running release. Its tables exist during the test."""
    state = ProjectState()
    with django_db_blocker.unblock():
        apply(RUNNING, state, connection)
        yield state
        with connection.cursor() as cursor:
            names = connection.introspection.table_names(cursor)
            for name in sorted(names, key=len, reverse=True):
                cursor.execute(f'DROP TABLE "{name}"' + (" CASCADE" if connection.vendor == "postgresql" else ""))


def apply(operations, state, connection):
    for operation in operations:
        before = state.clone()
        operation.state_forwards("shop", state)
        with connection.schema_editor() as editor:
            operation.database_forwards("shop", editor, before, state)


def problems(operations, state):
    needed, state = tables(state), state.clone()
    return [reason for operation in operations for reason in check_operation("shop", operation, state, needed)]


def use(release, connection):
    """Add, read and change rows, as the running release does."""
    post = release.apps.get_model("shop", "Post")
    rows = post._base_manager.using(connection.alias)
    for title in ("one", "two"):
        rows.create(title=title).tags.set([])
    assert [row.title for row in rows.order_by("pk")] == ["one", "two"]
    rows.update(likes=1)


@pytest.mark.parametrize("operations", ACCEPTED.values(), ids=ACCEPTED)
def test_a_migration_that_the_running_release_works_with_is_accepted(operations, running, connection):
    assert problems(operations, running) == []
    apply(operations, running.clone(), connection)
    use(running, connection)


@pytest.mark.parametrize(("operations", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_migration_that_breaks_the_running_release_is_refused(operations, reason, running, connection):
    assert reason in problems(operations, running)
    apply(operations, running.clone(), connection)
    with pytest.raises(DatabaseError):
        use(running, connection)


@pytest.mark.parametrize("operations", UNKNOWN_EFFECT.values(), ids=UNKNOWN_EFFECT)
def test_a_migration_with_an_unknown_effect_is_listed_and_not_refused(operations, running):
    assert problems(operations, running) == [CHECK_IT]


def test_smaller_columns_and_each_dropped_table_are_refused(running):
    changes = [
        ops.AlterField("post", "title", models.CharField(max_length=5)),
        ops.AlterField("post", "likes", models.SmallIntegerField(default=0)),
        ops.RunSQL("DROP TABLE other, public.shop_tag CASCADE"),
    ]
    assert problems(changes, running) == [
        "shop_post.title changes from varchar(20) to varchar(5)",
        "shop_post.likes changes from integer to smallint",
        "drops or renames the table shop_tag or a column of it",
        CHECK_IT,
    ]


@pytest.mark.django_db
def test_the_command_lists_refused_migrations_and_those_with_an_unknown_effect(settings, capsys):
    settings.MIGRATION_MODULES = {"operations": "template.tests.operations.releases"}
    recorder = MigrationRecorder(connections["default"])
    recorder.record_applied("operations", "0001_running")
    with pytest.raises(CommandError, match="two releases") as refused:
        call_command("check_migrations")
    assert refused.value.returncode == 10
    printed = capsys.readouterr().out
    assert "operations.0002_next: Remove field title from page\n    drops or renames the column" in printed
    assert "Raw Python operation\n    cannot be judged" in printed
    assert "summary" not in printed
    recorder.record_applied("operations", "0002_next")
    call_command("check_migrations")
    assert capsys.readouterr().out == ""
