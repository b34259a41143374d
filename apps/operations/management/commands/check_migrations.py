"""Refuses migrations that would break the running release, which uses the tables of the applied migrations."""

import re
import sys
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations import AddConstraint, AlterUniqueTogether, RemoveConstraint, RunPython, RunSQL
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.state import ProjectState

REFUSED = 10  # deploy/up distinguishes it from the exit code of a command that failed
INTEGERS = ["smallint", "integer", "bigint"]
# Their effect on the running release depends on their content.
UNKNOWN_EFFECT = (RunPython, RunSQL, AddConstraint, RemoveConstraint, AlterUniqueTogether)
CHECK_IT = "cannot be judged. Check that the running release works with it"
DROP_OR_RENAME = re.compile(r"\b(DROP|RENAME)\b", re.IGNORECASE)
TABLE_STATEMENT = re.compile(r"\b(DROP\s+TABLE|RENAME\s+TO)\b", re.IGNORECASE)


class Command(BaseCommand):
    help = "Lists unapplied migrations that would break the running release. The exit code is then 10."
    requires_system_checks = ()

    def handle(self, **options):
        found = [*find_problems(MigrationExecutor(connection))]
        for source, reason in found:
            self.stdout.write(f"{source}\n    {reason}")
        if any(reason != CHECK_IT for _source, reason in found):
            raise CommandError(
                "These migrations would break the running release. Make the change in two releases, or deploy "
                "this one while the site is stopped.",
                returncode=REFUSED,
            )


def find_problems(executor: MigrationExecutor) -> Iterator[tuple[str, str]]:
    """Yield each operation of the unapplied migrations that is refused or cannot be judged, and the reason."""
    loader = executor.loader
    leaves = loader.graph.leaf_nodes()
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration, _backwards in executor.migration_plan(leaves, clean_start=True):
        if (migration.app_label, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
    needed = tables(state)
    for migration, _backwards in executor.migration_plan(leaves):
        for operation in migration.operations:
            for reason in check_operation(migration.app_label, operation, state, needed):
                yield f"{migration}: {operation.describe()}", reason


def check_operation(label: str, operation, state: ProjectState, needed: dict) -> Iterator[str]:
    """Apply an operation to the state; yield what it does to the tables that the running release needs."""
    if isinstance(operation, SeparateDatabaseAndState):
        database = state.clone()
        for inner in operation.database_operations:
            yield from check_operation(label, inner, database, needed)
        operation.state_forwards(label, state)
        return
    if isinstance(operation, RunSQL):
        yield from check_sql(str(operation.sql), needed)
    before = tables(state)
    operation.state_forwards(label, state)
    yield from check_tables(before, tables(state), needed)
    if isinstance(operation, UNKNOWN_EFFECT) and needed:
        yield CHECK_IT


def check_sql(text: str, needed: dict) -> Iterator[str]:
    words = {*re.findall(r"\w+", text)}
    for table in needed.keys() & words if DROP_OR_RENAME.search(text) else ():
        if TABLE_STATEMENT.search(text) or needed[table].keys() & words:
            yield f"drops or renames the table {table} or a column of it"


def check_tables(before: dict, after: dict, needed: dict) -> Iterator[str]:
    for table in needed.keys() & before.keys():
        if table not in after:
            yield f"drops or renames the table {table}"
            continue
        lost = needed[table].keys() & before[table].keys() - after[table].keys()
        yield from (f"drops or renames the column {table}.{column}" for column in sorted(lost))
        for column, new in after[table].items() if not lost else ():
            if new != before[table].get(column):
                reasons = check_column(needed[table].get(column), new)
                yield from (f"{table}.{column} {reason}" for reason in reasons)


def check_column(old: tuple | None, new: tuple) -> Iterator[str]:
    """Yield why the running release cannot write to a column; `old` is None for a column that it does not know."""
    old_type, old_null, old_default = old or (None, False, False)
    new_type, null, default = new
    if not (old or null or default):
        yield "is NOT NULL without a database default (db_default)"
    if old_null and not null:
        yield "becomes NOT NULL, but the running release may write NULL"
    if old_default and not (default or null):
        yield "loses the database default that the running release relies on"
    if old and not accepts(old_type, new_type):
        yield f"changes from {old_type} to {new_type}"


def accepts(old: str, new: str) -> bool:
    """Return whether a column of the new type takes all values of the old one."""
    old, new = old.removesuffix(" unsigned"), new.removesuffix(" unsigned")
    old_text, new_text = (re.fullmatch(r"varchar\((\d+)\)|varchar|text", kind) for kind in (old, new))
    if old_text and new_text:
        return int(old_text[1] or sys.maxsize) <= int(new_text[1] or sys.maxsize)
    return old == new or (old in INTEGERS and new in INTEGERS[INTEGERS.index(old) :])


def tables(state: ProjectState) -> dict[str, dict[str, tuple]]:
    """Return type, nullability and presence of a default, for each column of each managed table."""
    models = state.apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: {str(field.column): describe(field) for field in model._meta.local_concrete_fields}
        for model in models
        if model._meta.managed and not model._meta.proxy
    }


def describe(field) -> tuple[str, bool, bool]:
    is_filled = field.generated or field.get_internal_type().endswith("AutoField")
    return field.db_parameters(connection)["type"], field.null, field.has_db_default() or is_filled
