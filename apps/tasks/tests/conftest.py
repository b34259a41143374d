# Imported before Django is ready, so that models are imported where they are used.

import pytest
from django.core.files.base import ContentFile


@pytest.fixture(autouse=True)
def _files_of_its_own(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def ada(db, django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def grace(db, django_user_model):
    return django_user_model.objects.create_user("grace")


@pytest.fixture
def import_of(ada):
    """Prepare an import of a text: `import_of("name,email\\n…")`."""
    from apps.tasks import life
    from apps.tasks.models import Task

    def prepare(text, owner=ada, name="contacts.csv"):
        data = text.encode()
        file = ContentFile(data, name)
        return life.prepare(Task(owner=owner, kind=Task.Kind.IMPORT, name=name, total=len(data), file=file))

    return prepare


@pytest.fixture
def work():
    """Start a task and work on it as a worker does, then return it as it is now."""
    from apps.tasks import life
    from apps.tasks.work import run

    def go(task):
        life.start(task)
        run.call(task.pk)
        task.refresh_from_db()
        return task

    return go


@pytest.fixture
def export_of():
    """Prepare an export of a user's contacts."""
    from apps.tasks import life
    from apps.tasks.models import Task

    return lambda owner: life.prepare(Task(owner=owner, kind=Task.Kind.EXPORT, name="All contacts"))
