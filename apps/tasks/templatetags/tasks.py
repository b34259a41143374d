from django import template

from apps.sse import page_position

from ..models import Task
from ..progress import contacts, html

register = template.Library()


@register.simple_tag
def task_element(task: Task, *, listed: bool = False) -> str:
    """Print a task's element, as the list's stream or the task's own would bring it."""
    return html(task, listed=listed)


@register.simple_tag
def contacts_of(user) -> str:
    """Print how many contacts a user has, as the list's stream would bring it."""
    return contacts(user.pk)


@register.simple_tag
def running_tasks(user) -> dict:
    """Return the `tasks` of a user that are under way, and the position `since` which their stream goes on."""
    since = page_position()  # before the query
    return {"since": since, "tasks": user.tasks.filter(state__in=Task.UNDER_WAY)}
