"""
Whether migrations leave the database as the running release needs it.

The running release needs the tables and columns of the models that the applied migrations describe. The tables
before and after each operation of an unapplied migration are compared with these.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.migrations import (
    AddConstraint,
    AlterUniqueTogether,
    RemoveConstraint,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

INTEGERS = ["smallint", "integer", "bigint"]
Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """What an operation does; `is_refused` unless it merely cannot be judged."""

    migration: str
    operation: str
    reason: str
    is_refused: bool = True


def examine(connection) -> Iterator[Finding]:
    """Yield what in the unapplied migrations the running release cannot live with, or cannot be judged."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    if not loader.applied_migrations:
        return
    leaves = loader.graph.leaf_nodes()
    plan = executor.migration_plan(leaves)
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration, _ in executor.migration_plan(leaves, clean_start=True) if plan else []:
        if (migration.app_label, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
    examiner = Examiner(connection, state)
    for migration, _ in plan:
        for operation in migration.operations:
            for reason, is_refused in examiner.judge(migration.app_label, operation, state):
                yield Finding(str(migration), operation.describe(), reason, is_refused)


class Examiner:
    """Compares tables with those that the running release needs, which are the tables of `state`."""

    def __init__(self, connection, state: ProjectState) -> None:
        self.connection = connection
        self.needed = tables(state)

    def judge(self, label: str, operation, state: ProjectState) -> Iterator[tuple[str, bool]]:
        """Apply an operation to the state; yield each finding, and whether it is refused for it."""
        if isinstance(operation, SeparateDatabaseAndState):
            database = state.clone()
            for inner in operation.database_operations:
                yield from self.judge(label, inner, database)
            operation.state_forwards(label, state)
        elif isinstance(operation, RunSQL):
            yield from self.judge_sql(operation)
            for inner in operation.state_operations:
                yield from self.judge(label, inner, state)
        elif isinstance(operation, RunPython):
            if operation.code is not RunPython.noop:
                yield "needs a look: the running release must understand the data that it writes", False
        else:
            before = tables(state)
            operation.state_forwards(label, state)
            yield from self.compare(before, tables(state))
            yield from self.judge_constraint(label, operation, state)

    def compare(self, before: Tables, after: Tables) -> Iterator[tuple[str, bool]]:
        """Yield what is lost between two moments, and which columns have changed to the worse."""
        for table in self.needed.keys() & before.keys():
            if table not in after:
                yield f"drops or renames the table {table}", True
                continue
            needed = self.needed[table]
            lost = needed.keys() & before[table].keys() - after[table].keys()
            yield from ((f"drops or renames the column {table}.{column}", True) for column in sorted(lost))
            for column, field in after[table].items():
                earlier = before[table].get(column)
                if lost or (earlier and self.described(earlier) == self.described(field)):
                    continue
                reasons = self.altered(needed[column], field) if column in needed else added(field)
                yield from ((f"{table}.{column} {reason}", is_refused) for reason, is_refused in reasons)

    def described(self, field) -> tuple:
        """Return what of a column matters to those who write to it."""
        column = field.db_parameters(self.connection)
        return column["type"], column["check"], field.null, field.unique, field.has_db_default(), target(field)

    def altered(self, needed, field) -> Iterator[tuple[str, bool]]:
        """Yield what the running release cannot do any more with a column that it has."""
        old_type, old_check, *_ = self.described(needed)
        new_type, new_check, *_ = self.described(field)
        if not holds(old_type, new_type):
            yield f"changes from {old_type} to {new_type}", True
        if needed.null and not field.null:
            yield "becomes NOT NULL, but the running release may write NULL", True
        if needed.has_db_default() and not field.has_db_default() and not field.null:
            yield "loses the database default that the running release relies on", True
        if target(field) != target(needed) and target(field) and target(needed):
            yield f"refers to {target(field)} instead of {target(needed)}", True
        if field.unique and not needed.unique:
            yield "becomes unique. It needs a look: the running release may write duplicates", False
        if needed.unique and not field.unique:
            yield "is not unique any more. It needs a look: the running release may need that for an upsert", False
        if new_check and new_check != old_check:
            yield "gets a check constraint. It needs a look: the running release may violate it", False

    def judge_constraint(self, label: str, operation, state: ProjectState) -> Iterator[tuple[str, bool]]:
        """Yield that a constraint of an existing table cannot be judged."""
        if not isinstance(operation, (AddConstraint, RemoveConstraint, AlterUniqueTogether)):
            return
        name = operation.name if isinstance(operation, AlterUniqueTogether) else operation.model_name
        if state.apps.get_model(label, name)._meta.db_table in self.needed:
            yield (
                "needs a look: the running release must already satisfy a new constraint, and may need "
                "a removed one for an upsert",
                False,
            )

    def judge_sql(self, operation: RunSQL) -> Iterator[tuple[str, bool]]:
        """Yield what SQL does to a table or a column that is needed, as far as its words show it."""
        sql = written(operation.sql)
        refused = [reason for reason, table, column in removals(sql) if self.needs(table, column)]
        yield from ((reason, True) for reason in refused)
        if sql.strip() and not refused:
            yield "needs a look: it is SQL", False

    def needs(self, table: str, column: str) -> bool:
        """Return whether the running release has this table and, if one is named, this column."""
        return table in self.needed and (not column or column in self.needed[table])


def tables(state: ProjectState) -> Tables:
    """Return the columns of each table that Django manages, the tables between two models included."""
    return {
        model._meta.db_table: {field.column: field for field in model._meta.local_concrete_fields}
        for model in state.apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }


def target(field) -> str | None:
    """Return the table that the database lets a column refer to."""
    return field.remote_field.model._meta.db_table if getattr(field, "db_constraint", False) else None


def added(field) -> Iterator[tuple[str, bool]]:
    """Yield why the running release, which does not name a column, cannot add rows any more."""
    if field.null or field.generated or field.get_internal_type().endswith("AutoField"):
        return
    if not field.has_db_default():
        yield "is NOT NULL without a database default (db_default)", True
    elif field.unique and not hasattr(field.db_default, "resolve_expression"):
        yield "is unique, but its database default is the same for all rows", True


def holds(old: str, new: str) -> bool:
    """Return whether a column of the new type takes all values of the old one."""
    old, new = (kind.removesuffix(" unsigned") for kind in (old, new))
    if old == new or (old in INTEGERS and new in INTEGERS[INTEGERS.index(old) :]):
        return True
    old_text, new_text = (re.fullmatch(r"varchar(?:\((\d+)\))?|text", kind) for kind in (old, new))
    if not old_text or not new_text:
        return False
    return not new_text[1] or (old_text[1] is not None and int(new_text[1]) >= int(old_text[1]))


NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'
DROPPED_TABLES = re.compile(rf"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?({NAME}(?:\s*,\s*{NAME})*)", re.IGNORECASE)
ALTERED_TABLE = re.compile(
    rf"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{NAME}([^;]*)", re.IGNORECASE | re.DOTALL
)
RENAMED_TABLE = re.compile(r"^\s*RENAME\s+TO\b", re.IGNORECASE)
LOST_COLUMN = re.compile(
    r'\b(?:DROP|RENAME)\s+(?!CONSTRAINT\b|TO\b)(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?"?(\w+)"?', re.IGNORECASE
)


def removals(sql: str) -> Iterator[tuple[str, str, str]]:
    """Yield the tables and columns that SQL drops or renames: the reason, the table, and the column, if any."""
    for table in (name for names, *_ in DROPPED_TABLES.findall(sql) for name in re.findall(NAME, names)):
        yield f"drops the table {table}", table, ""
    for table, changes in ALTERED_TABLE.findall(sql):
        if RENAMED_TABLE.match(changes):
            yield f"renames the table {table}", table, ""
        for column in LOST_COLUMN.findall(changes):
            yield f"drops or renames the column {table}.{column}", table, column


def written(sql) -> str:
    """Return the text of what `RunSQL` takes: a string, or a list of strings and of pairs with parameters."""
    if isinstance(sql, str):
        return sql
    return ";\n".join(part if isinstance(part, str) else part[0] for part in sql)
