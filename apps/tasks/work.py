"""The background task and its states. Each change is published in its own transaction."""

import time
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.tasks import TaskResultStatus
from django.tasks import task as background_task
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.operations.spreadsheets import UnreadableFileError

from . import importing, progress
from .models import Contact, RowProblem, Task, discard_file

SLICE_SECONDS = 2
KEEP_FILES_DAYS = 7
MAX_LISTED = 100_000
"""Listed rows with errors of a task; the others are only counted."""
State = Task.State


@transaction.atomic
def start(task: Task) -> None:
    """Save a new task and queue it."""
    task.save()
    progress.publish_state(task)
    run.enqueue(task.pk)


@transaction.atomic
def retry(task: Task) -> bool:
    """Queue a stopped task again; it continues from its position. False if it is not stopped."""
    problem = "" if task.state == State.FAILED else task.problem
    retried = task.can_be_retried and _change(task.pk, Task.STOPPED, State.WAITING, problem=problem)
    if retried:
        run.enqueue(task.pk)
    return retried


def cancel(task: Task) -> bool:
    """Stop a task; imported rows stay. False if it has already ended."""
    return _change(task.pk, Task.UNFINISHED, State.CANCELLED)


@transaction.atomic
def delete(task: Task) -> bool:
    """Delete a task that has ended, and its file; imported rows stay. False if it has not ended."""
    deleted, _counts = Task.objects.filter(pk=task.pk, state__in=Task.FINAL).delete()
    if deleted:
        progress.publish_deletion(task)
    return bool(deleted)


def discard_old_files() -> None:
    """Delete the files of stopped tasks that nobody has retried in `TASKS_KEEP_FILES_DAYS` days."""
    old = timezone.now() - timedelta(days=getattr(settings, "TASKS_KEEP_FILES_DAYS", KEEP_FILES_DAYS))
    stopped = Task.objects.filter(state__in=Task.STOPPED, changed_at__lt=old).exclude(file="")
    for task in stopped.iterator():
        with transaction.atomic():
            unchanged = stopped.filter(pk=task.pk, changed_at=task.changed_at)
            if unchanged.update(file=""):
                discard_file(task)


@background_task
def run(task_id: int) -> None:
    """Import for two seconds, then queue the rest: other tasks get their turn, and a worker can stop soon."""
    task = Task.objects.filter(pk=task_id, state__in=Task.UNFINISHED).first()
    if task is None:
        return
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        with task.file.open("rb") as file:
            for batch in importing.batches(task, file):
                if not commit(task, batch):
                    return
                if time.monotonic() > deadline:
                    run.enqueue(task.pk)
                    return
    except UnreadableFileError as error:
        # A second try cannot differ.
        _change(task.pk, Task.UNFINISHED, State.FAILED, discard=True, problem=str(error)[:300])
    else:
        _change(task.pk, Task.UNFINISHED, State.DONE)


@transaction.atomic
def commit(task: Task, batch: importing.Batch) -> bool:
    """Save a batch with the progress; save nothing and return False if the task was stopped or taken over."""
    current = Task.objects.filter(pk=task.pk, state__in=Task.UNFINISHED, done=task.done)
    task.state, task.done, task.rows = State.RUNNING, batch.end, task.rows + batch.rows
    listed = batch.problems[: max(0, MAX_LISTED - task.bad)]
    task.bad += len(batch.problems)
    if batch.problems and not task.problem:
        task.problem = _("Row %(number)s: %(error)s") % dict(
            zip(("number", "error"), batch.problems[0], strict=True)
        )
    if not current.update(state=task.state, done=task.done, rows=task.rows, bad=task.bad, problem=task.problem):
        return False
    RowProblem.objects.bulk_create(RowProblem(task=task, row=row, reason=reason) for row, reason in listed)
    # Sorted, so that two imports of one owner cannot deadlock.
    contacts = {contact.email: contact for contact in sorted(batch.contacts, key=lambda each: each.email)}
    Contact.objects.bulk_create(
        contacts.values(),
        update_conflicts=True,
        unique_fields=["owner", "email"],
        update_fields=["name", "company", "phone", "city"],
    )
    progress.publish_progress(task)
    return True


def on_finished(task_result, **kwargs) -> None:
    """Fail the task after an exception in the worker, or if its workers have died."""
    if task_result.task.func is run.func and task_result.status == TaskResultStatus.FAILED:
        problem = _("An error on the server has stopped it.")
        _change(task_result.args[0], Task.UNFINISHED, State.FAILED, problem=problem)


@transaction.atomic
def _change(pk, before: Iterable[str], state: str, *, discard: bool = False, **values) -> bool:
    """Change the state of a task if it is one of `before`, `discard` its file, and return whether it was."""
    task = Task.objects.select_for_update().filter(pk=pk, state__in=before).first()
    if task is None:
        return False
    if discard or state == State.DONE:
        discard_file(task)
        values["file"] = ""
    values |= {"state": state, "changed_at": timezone.now()}
    for name, value in values.items():
        setattr(task, name, value)
    task.save(update_fields=[*values])
    progress.publish_state(task)
    return True
