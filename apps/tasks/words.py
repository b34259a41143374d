"""What is said of a task."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Task


def note(task: Task) -> str:
    """Return in a sentence what is to be said of a task beside its percentage."""
    State = Task.State
    if task.state == State.DRAFT:
        return _("Check the first rows, then start it.")
    if task.state == State.WAITING and not task.rows:
        return _("Starts when a worker is free.")
    parts = [rows(task)]
    if task.state == State.WAITING:
        parts.append(_("continues when a worker is free"))
    elif task.state == State.RUNNING and task.rate:
        parts.append(_("%(rate)s rows per second") % {"rate": number(task.rate)})
        parts.append(_("%(time)s left") % {"time": duration(task.left or 0)})
    elif task.state == State.FAILED:
        parts.append(
            _("stopped: correct the file and upload it again")
            if task.has_too_many_errors
            else _("stopped by an error on the server")
        )
    return " · ".join(parts)


def rows(task: Task) -> str:
    """Return how many rows were taken, and how many were not."""
    if task.kind == Task.Kind.EXPORT:
        written = ngettext("%(count)s contact written", "%(count)s contacts written", task.rows)
        return written % {"count": number(task.rows)}
    taken = ngettext("%(count)s contact imported", "%(count)s contacts imported", task.good)
    taken %= {"count": number(task.good)}
    if not task.bad:
        return taken
    bad = ngettext("%(count)s row with errors", "%(count)s rows with errors", task.bad)
    bad %= {"count": number(task.bad)}
    return f"{taken} · {bad}"


def number(value: float) -> str:
    return number_format(round(value), force_grouping=True)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        count = max(1, round(seconds))
        return ngettext("%(count)s second", "%(count)s seconds", count) % {"count": count}
    count = round(seconds / 60)
    return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": number(count)}
