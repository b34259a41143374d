from django import template

from apps.sse import page_position

from ..models import Task
from ..progress import html

register = template.Library()


@register.simple_tag
def task_element(task: Task, *, listed: bool = False) -> str:
    """Return a task's element, the same as the streams send."""
    return html(task, listed=listed)


@register.simple_tag
def running_tasks(user) -> dict:
    """Return the unfinished `tasks` of a user, and the position `since` from which their stream continues."""
    since = page_position()  # before the query
    return {"since": since, "tasks": user.tasks.filter(state__in=Task.UNFINISHED)}
