"""How far tasks have come, and what the open pages of their owners are told of it."""

import time
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from django.template.loader import render_to_string

from apps.sse import Event, publish, publish_html

from .models import Contact, Task
from .words import note

SECONDS_BETWEEN = 0.5
"""The least time from one progress event of a worker to its next."""


def channel(owner_id: Any) -> str:
    """Return the channel of everything that happens to a user's tasks."""
    return f"tasks.{owner_id}"


def facts(task: Task) -> dict[str, Any]:
    """Return how far a task has come."""
    return {
        "percent": task.percent,
        "status": task.state,
        "label": task.label,
        "rows": task.rows,
        "errors": task.bad,
        "rate": task.rate and round(task.rate),
        "left": task.left and round(task.left),
        "note": note(task),
    }


def html(task: Task, *, listed: bool) -> str:
    """Return the task's element: in a list the names of its fields begin with the key of the task."""
    context = {"task": task, "note": note(task), "prefix": f"{task.pk}." if listed else ""}
    template = "tasks/_finished.html" if listed and task.is_final else "tasks/_task.html"
    return render_to_string(template, context)


def contacts(owner_id: Any) -> str:
    """Return how many contacts a user has, and the button that exports them, if there are any."""
    count = Contact.objects.filter(owner_id=owner_id).count()
    return render_to_string("tasks/_contacts.html", {"contacts": count})


def result(task: Task) -> dict[str, str]:
    """Return how a task has ended."""
    return {"status": task.state, "result": note(task), "html": html(task, listed=False)}


def tell(task: Task) -> None:
    """Tell how far a task has come. Who misses it is told more soon, so nothing of it is kept."""
    publish(channel(task.owner_id), "progress", {task.pk: facts(task)}, durable=False)


def show(task: Task) -> None:
    """Put a task that is new, or in another state, on the pages of its owner, with what it has brought in."""
    target = "#tasks-finished" if task.is_final else "#tasks-now"
    publish_html(channel(task.owner_id), target, html(task, listed=True), mode="prepend")
    publish(channel(task.owner_id), "end" if task.is_final else "progress", {task.pk: facts(task)})
    if task.kind == Task.Kind.IMPORT and task.rows:
        publish_html(channel(task.owner_id), "#contacts", contacts(task.owner_id))


def hide(task: Task) -> None:
    """Take a task that was deleted off the pages of its owner."""
    publish_html(channel(task.owner_id), f"#{task.element_id}", "", mode="remove")
    publish(channel(task.owner_id), "end", {task.pk: facts(task)})


async def until_the_end(task: Task, events: AsyncIterable[Event]) -> AsyncGenerator[dict[str, Any]]:
    """
    Yield how far a task has come, now and whenever `events` tell of it, until it is at an end or deleted.

    `events` were subscribed to before this is called, so they may tell what is known already.
    """
    told = await refreshed(task)
    yield told
    if task.is_final:
        return
    async for event in events:
        news = event.data.get(str(task.pk)) if event.name in ("progress", "end") else None
        if news is None:
            continue
        if news["status"] not in Task.UNDER_WAY:
            news = await refreshed(task)
        if task.is_final or news["rows"] >= told["rows"]:
            told = news
            yield told
        if task.is_final:
            return


async def refreshed(task: Task) -> dict[str, Any]:
    """Read a task again and return how far it has come; one that was deleted counts as cancelled."""
    try:
        await task.arefresh_from_db()
    except Task.DoesNotExist:
        task.state = Task.State.CANCELLED
    return facts(task)


class Meter:
    """Measures the rate of a task from the moment on at which a worker has claimed it."""

    def __init__(self, task: Task) -> None:
        self._began = time.monotonic()
        self._rows, self._done = task.rows, task.done
        self._told = 0.0

    def measure(self, task: Task) -> None:
        """Set the task's `rate` and the seconds that are `left`."""
        seconds = max(time.monotonic() - self._began, 0.001)
        pace = (task.done - self._done) / seconds
        task.rate = (task.rows - self._rows) / seconds
        task.left = (task.total - task.done) / pace if pace else None

    def is_due(self) -> bool:
        """Say whether it is time to tell, which it then is not for a while."""
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN:
            return False
        self._told = now
        return True
