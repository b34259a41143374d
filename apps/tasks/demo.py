"""Tasks for a site that is tried out: an import with errors, an export, and an import that is ready to start."""

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile

from . import example, life
from .models import Task
from .work import run

USERNAME = "ada"
IMPORTED, READY = ("contacts-spring.csv", 2_400), ("contacts-autumn.csv", 120_000)


def seed() -> None:
    """Make them once, if the demo user is there."""
    owner = get_user_model()._default_manager.filter(username=USERNAME).first()
    if owner is None or owner.tasks.exists():
        return
    _do(_import_of(owner, *IMPORTED))
    _do(life.prepare(Task(owner=owner, kind=Task.Kind.EXPORT, name="All contacts")))
    _import_of(owner, *READY, first=IMPORTED[1] + 1)


def _import_of(owner, name: str, rows: int, first: int = 1) -> Task:
    data = "".join(example.lines(rows, first=first)).encode()
    file = ContentFile(data, name)
    return life.prepare(Task(owner=owner, kind=Task.Kind.IMPORT, name=name, total=len(data), file=file))


def _do(task: Task) -> None:
    life.start(task)
    run.call(task.pk)
