"""The background task and its states. Each change is published in its own transaction."""

import csv
import time
from collections.abc import Iterable

from django.db import transaction
from django.tasks import TaskResultStatus
from django.tasks import task as background_task
from django.utils.translation import gettext as _

from . import importing, progress
from .models import Contact, Task, discard_file

SLICE_SECONDS = 2
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
    except csv.Error as error:
        text = _("The file is not valid CSV after row %(row)s: %(error)s") % {"row": task.rows, "error": error}
        _change(task.pk, Task.UNFINISHED, State.FAILED, problem=text)
    else:
        _change(task.pk, Task.UNFINISHED, State.DONE)


@transaction.atomic
def commit(task: Task, batch: importing.Batch) -> bool:
    """Save a batch with the progress; save nothing and return False if the task was stopped or taken over."""
    current = Task.objects.filter(pk=task.pk, state__in=Task.UNFINISHED, done=task.done)
    task.state, task.done, task.rows = State.RUNNING, batch.end, task.rows + batch.rows
    task.bad += batch.rows - len(batch.contacts)
    task.problem = task.problem or batch.problem
    if not current.update(state=task.state, done=task.done, rows=task.rows, bad=task.bad, problem=task.problem):
        return False
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
def _change(pk, before: Iterable[str], state: str, **values: str) -> bool:
    """Change the state of a task if it is one of `before`, and return whether it was."""
    task = Task.objects.select_for_update().filter(pk=pk, state__in=before).first()
    if task is None:
        return False
    if state == State.DONE:
        discard_file(task)
        values["file"] = ""
    for name, value in {**values, "state": state}.items():
        setattr(task, name, value)
    task.save(update_fields=["state", *values])
    progress.publish_state(task)
    return True
