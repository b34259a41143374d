"""The progress of tasks, as the open pages of their owners receive it."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.sse import Event, publish, publish_html

from .models import Task


def channel(owner_id: Any) -> str:
    """Return the channel of all tasks of a user."""
    return f"tasks.{owner_id}"


def facts(task: Task) -> dict[str, Any]:
    """Return the progress of a task."""
    return {
        "percent": task.percent,
        "status": task.state,
        "label": task.get_state_display(),
        "rows": task.rows,
        "errors": task.bad,
        "note": note(task),
    }


def note(task: Task) -> str:
    """Return the line below the task's name: the rows imported, those with errors, and the first error."""
    if task.state == Task.State.WAITING and not task.rows:
        return _("Starts when a worker is free.")
    good, bad = (number_format(number, force_grouping=True) for number in (task.rows - task.bad, task.bad))
    imported = ngettext("%s row imported", "%s rows imported", task.rows - task.bad) % good
    failed = ngettext("%s row with errors", "%s rows with errors", task.bad) % bad if task.bad else ""
    return " · ".join(filter(None, (imported, failed, task.problem)))


def html(task: Task, *, listed: bool) -> str:
    """Return the task's element. In a list the names of its fields begin with the task's key."""
    context = {"task": task, "note": note(task), "prefix": f"{task.pk}." if listed else ""}
    return render_to_string("tasks/_task.html", context)


def publish_progress(task: Task) -> None:
    """Publish the progress of a running task. The next event follows soon, so the log does not keep this one."""
    publish(channel(task.owner_id), "progress", {task.pk: facts(task)}, durable=False)


def show(task: Task) -> None:
    """Show a task that is new or in another state in the lists of its owner."""
    target = "#tasks-now" if task.is_unfinished else "#tasks-finished"
    publish_html(channel(task.owner_id), target, html(task, listed=True), mode="prepend")
    publish(channel(task.owner_id), "state", {task.pk: facts(task)})


def hide(task: Task) -> None:
    """Remove a deleted task from the pages of its owner."""
    publish_html(channel(task.owner_id), f"#{task.element_id}", "", mode="remove")


async def until_the_end(task: Task, events: AsyncIterable[Event]) -> AsyncGenerator[dict[str, Any]]:
    """
    Yield the progress of a task, now and with each event, until the task has ended.

    `events` is older than the first query, so its first events may be older, too: the progress never goes back.
    """
    shown = await reloaded(task)
    yield shown
    if not task.is_unfinished:
        return
    async for event in events:
        news = event.data.get(str(task.pk)) if event.name in ("progress", "state") else None
        if news is None or news["rows"] < shown["rows"]:
            continue
        shown = news if news["status"] in Task.UNFINISHED else await reloaded(task)
        yield shown
        if not task.is_unfinished:
            return


async def reloaded(task: Task) -> dict[str, Any]:
    """Read a task again and return its progress; a deleted one counts as cancelled."""
    try:
        await task.arefresh_from_db()
    except Task.DoesNotExist:
        task.state = Task.State.CANCELLED
    return facts(task)
