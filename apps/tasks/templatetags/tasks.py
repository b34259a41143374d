from django import template

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
