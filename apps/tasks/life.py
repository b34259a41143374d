"""What happens to a task: each change is one transaction, which also tells the open pages of it."""

from collections.abc import Iterable
from datetime import timedelta
from secrets import token_hex

from django.contrib.auth import get_user_model
from django.db import transaction
from django.tasks import Task as BackgroundTask
from django.utils import timezone

from . import progress
from .models import Task

SILENCE = timedelta(seconds=10)
"""A task whose worker has given no sign of life for so long is claimed by another one."""

MOST_TRIES = 5
"""Claims without a batch that was committed. A task that ends its workers is not given to more of them."""

MOST_UNDER_WAY = 5
"""Tasks of one user that wait or run, so that nobody's tasks wait for very many of one user."""

State = Task.State


class Lost(Exception):
    """The task is not this worker's any more: it was cancelled, deleted, or claimed by another."""


def prepare(task: Task) -> Task:
    """Keep a new task, in the place of any that its owner has prepared and not started."""
    with transaction.atomic():
        for draft in Task.objects.filter(owner_id=task.owner_id, state=State.DRAFT):
            delete(draft)
        task.save()
        progress.show(task)
    return task


def start(task: Task) -> bool:
    """Let workers have a task that is ready; False if it is not, or if its owner has `MOST_UNDER_WAY`."""
    return _change(task, [State.DRAFT], State.WAITING)


def retry(task: Task) -> bool:
    """Let workers go on with a task that was stopped, from where it was; False as for `start`."""
    return not task.has_too_many_errors and _change(task, Task.STOPPED, State.WAITING)


def is_full(owner_id) -> bool:
    """Return whether a user has as many tasks under way as are possible."""
    return Task.objects.filter(owner_id=owner_id, state__in=Task.UNDER_WAY).count() >= MOST_UNDER_WAY


def cancel(task: Task) -> bool:
    """Stop a task; what is done stays done. False if it is not under way."""
    return _change(task, Task.UNDER_WAY, State.CANCELLED)


def delete(task: Task) -> bool:
    """Delete a task with its file; what it has imported stays. False if it is under way."""
    with transaction.atomic():
        held = Task.objects.select_for_update().filter(pk=task.pk).exclude(state__in=Task.UNDER_WAY).first()
        if held:
            held.state = State.CANCELLED
            progress.hide(held)
            held.delete()
    return held is not None


def claim(task_id: int) -> Task | None:
    """Return a task that waits or has fallen silent, now the caller's own; None if there is none to claim."""
    with transaction.atomic():
        task = Task.objects.select_for_update().filter(pk=task_id, state__in=Task.UNDER_WAY).first()
        if task is None:
            return None
        now = timezone.now()
        if task.state == State.RUNNING and task.beat_at and task.beat_at + SILENCE > now:
            look_again(task, task.beat_at + SILENCE)
            return None
        if task.tries >= MOST_TRIES:
            _set(task, State.FAILED)
            return None
        task.tries += 1
        _set(task, State.RUNNING, claim=token_hex(16), beat_at=now)
        # If this worker dies, the one that is told to look then goes on.
        look_again(task, now + SILENCE)
        return task


def hold(task: Task) -> None:
    """Keep a claimed task to the end of the transaction; raises `Lost` if the claim does not hold any more."""
    mine = Task.objects.select_for_update().filter(pk=task.pk, state=State.RUNNING, claim=task.claim)
    if mine.values_list("pk").first() is None:
        raise Lost


def release(task: Task) -> None:
    """Give a claimed task back, for another worker to go on with."""
    with transaction.atomic():
        hold(task)
        _set(task, State.WAITING)
        enqueue(task)


def finish(task: Task) -> None:
    """End a claimed task whose work is done."""
    with transaction.atomic():
        hold(task)
        if task.kind == Task.Kind.IMPORT:
            task.discard_file()
            task.file = ""
        _set(task, State.DONE)


def fail(task: Task) -> None:
    """End a claimed task that cannot go on."""
    with transaction.atomic():
        hold(task)
        if task.has_too_many_errors:
            task.discard_file()
            task.file = ""
        _set(task, State.FAILED)


def enqueue(task: Task) -> None:
    """Ask for a worker now, and for one to look after the first."""
    _run().enqueue(task.pk)
    look_again(task, timezone.now() + SILENCE)


def look_again(task: Task, moment) -> None:
    """Ask a worker to look at a moment to come whether the task has fallen silent."""
    _run().using(run_after=moment).enqueue(task.pk)


def _change(task: Task, before: Iterable[str], state: str) -> bool:
    with transaction.atomic():
        held = Task.objects.select_for_update().filter(pk=task.pk, state__in=before).first()
        if held and state == State.WAITING and not _has_room(held.owner_id):
            return False
        if held:
            held.tries = 0
            _set(held, state)
            if state == State.WAITING:
                enqueue(held)
    return held is not None


def _has_room(owner_id) -> bool:
    # Locked, so that two tasks of one owner are not both the last that is possible.
    get_user_model().objects.select_for_update(no_key=True).get(pk=owner_id)
    return not is_full(owner_id)


def _set(task: Task, state: str, **values) -> None:
    values = {"state": state, "claim": "", "rate": None, "left": None, **values}
    for name, value in values.items():
        setattr(task, name, value)
    task.save(update_fields=[*values, "tries", "file"])
    progress.show(task)


def _run() -> BackgroundTask:
    from .work import run  # which is built on this module

    return run
