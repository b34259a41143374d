"""The progress of tasks for the open pages of their owners."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from django.db.models import Count
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.sse import Event, publish, publish_html

from .models import Task


def channel(owner_id: Any) -> str:
    """Return the channel of all tasks of a user."""
    return f"tasks.{owner_id}"


def snapshot(task: Task) -> dict[str, Any]:
    """Return the progress of a task as the fields of its element."""
    return {
        "percent": task.percent,
        "status": task.state,
        "label": str(Task.State(task.state).label),
        "rows": task.rows,
        "errors": task.bad,
        "note": note(task),
    }


def note(task: Task) -> str:
    """Return the number of imported rows and of rows with errors, and the first error."""
    if task.state == Task.State.WAITING and not task.rows:
        return _("Starts when a worker is free.")
    good, bad = (number_format(number, force_grouping=True) for number in (task.rows - task.bad, task.bad))
    imported = ngettext("%s row imported", "%s rows imported", task.rows - task.bad) % good
    failed = ngettext("%s row with errors", "%s rows with errors", task.bad) % bad if task.bad else ""
    return " · ".join(filter(None, (imported, failed, task.problem)))


def counts(owner_id: Any) -> dict[str, int]:
    """Return how many tasks of a user are in each final state."""
    tasks = Task.objects.filter(owner=owner_id, state__in=Task.FINAL).order_by()
    found = dict(tasks.values_list("state").annotate(Count("pk")))
    return {state.value: found.get(state, 0) for state in Task.FINAL}


def html(task: Task, *, listed: bool) -> str:
    """Return the task's element. In a list the names of its fields begin with the task's key."""
    context = {"task": task, "note": note(task), "prefix": f"{task.pk}." if listed else ""}
    return render_to_string("tasks/_task.html", context)


def publish_progress(task: Task) -> None:
    """Publish the progress of a running task. The next event follows soon, so the log does not keep this one."""
    publish(channel(task.owner_id), "progress", {task.pk: snapshot(task)}, durable=False)


def publish_state(task: Task) -> None:
    """Publish a new task, or one with a new state, to the lists of its owner."""
    target = "#tasks-now" if task.is_unfinished else "#tasks-finished"
    publish_html(channel(task.owner_id), target, html(task, listed=True), mode="prepend")
    publish(channel(task.owner_id), "state", {task.pk: snapshot(task), "counts": counts(task.owner_id)})


def publish_deletion(task: Task) -> None:
    """Remove a deleted task from the pages of its owner."""
    publish_html(channel(task.owner_id), f"#{task.element_id}", "", mode="remove")
    publish(channel(task.owner_id), "state", {"counts": counts(task.owner_id)})


async def follow(task: Task, events: AsyncIterable[Event]) -> AsyncGenerator[dict[str, Any]]:
    """Yield the progress of a task until it has ended, without events from before the first query."""
    latest = await reload(task)
    yield latest
    if not task.is_unfinished:
        return
    async for event in events:
        update = event.data.get(str(task.pk)) if event.name in ("progress", "state") else None
        if update is None or update["rows"] < latest["rows"]:
            continue
        latest = update if update["status"] in Task.UNFINISHED else await reload(task)
        yield latest
        if not task.is_unfinished:
            return


async def reload(task: Task) -> dict[str, Any]:
    """Read a task again and return its progress; a deleted one counts as cancelled."""
    try:
        await task.arefresh_from_db()
    except Task.DoesNotExist:
        task.state = Task.State.CANCELLED
    return snapshot(task)
