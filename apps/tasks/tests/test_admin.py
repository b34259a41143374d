"""The tasks of all, in the admin."""

import pytest
from django.contrib.auth.models import Permission

from apps.tasks import life
from apps.tasks.models import Task

pytestmark = pytest.mark.django_db

LIST = "/admin/tasks/task/"
FILE = "name,email\nBarbara,barbara@example.com\nNobody,no address\n"


@pytest.fixture
def running(import_of):
    """A task that a worker has claimed."""
    task = import_of(FILE)
    life.start(task)
    return life.claim(task.pk)


def act(client, action, *tasks):
    return client.post(LIST, {"action": action, "_selected_action": [task.pk for task in tasks]}, follow=True).text


def state(task):
    return Task.objects.get(pk=task.pk).state


def test_staff_sees_whose_they_are_and_how_far_and_finds_them(admin_client, import_of, work, running, grace):
    work(import_of(FILE, owner=grace, name="hers.csv"))
    page = admin_client.get(LIST, {"state": "done"}).text
    assert "hers.csv" in page
    assert "grace" in page
    assert "100%" in page
    assert "contacts.csv" not in page
    assert "By state" in page
    assert "contacts.csv" in admin_client.get(LIST, {"q": "ada"}).text
    assert f'href="/tasks/{running.pk}/"' in admin_client.get(f"{LIST}{running.pk}/change/", follow=True).text


def test_staff_cancels_what_is_under_way_and_retries_what_was_stopped(admin_client, import_of, running):
    draft = import_of(FILE)
    assert "1 task cancelled." in act(admin_client, "cancel", running, draft)
    assert (state(running), state(draft)) == ("cancelled", "draft")
    with pytest.raises(life.Lost):
        life.hold(running)
    assert "1 task continues." in act(admin_client, "retry", running, draft)
    assert (state(running), state(draft)) == ("waiting", "draft")


def test_staff_deletes_one_that_is_under_way_with_its_file(
    admin_client, running, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(f"{LIST}{running.pk}/delete/", {"post": "yes"})
    assert not Task.objects.exists()
    assert not running.file.storage.exists(running.file.name)


def test_who_may_only_look_cannot_act(client, running, grace):
    grace.is_staff = True
    grace.save()
    client.force_login(grace)
    assert client.get(LIST).status_code == 403
    grace.user_permissions.add(Permission.objects.get(codename="view_task"))
    assert "contacts.csv" in client.get(LIST).text
    act(client, "cancel", running)
    assert state(running) == "running"
    assert client.post(f"{LIST}{running.pk}/change/", {"name": "another"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
