"""Pages with more than a thousand rows: keys have no separators in them, and figures have."""

import re

import pytest
from django.apps import apps

from template.tests.smoke import pages

MANY = 1001
ATTRIBUTE = re.compile(
    r'\s((?:id|for|href|name|value|action|formaction|data-|aria-|dj-)[\w-]*)="([^"]*\d,\d{3}[^"]*)"'
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client, django_user_model):
    """A user, logged in, who has 1,001 of everything."""
    django_user_model.objects.bulk_create(django_user_model(username=f"user-{number}") for number in range(MANY))
    ada = django_user_model.objects.create_superuser("ada", email="ada@example.com")
    for label, fields in ROWS.items():
        if apps.is_installed(f"apps.{label.partition('.')[0]}"):
            model = apps.get_model(label)
            model.objects.bulk_create(model(**fields(ada, number)) for number in range(MANY))
    client.force_login(ada)
    return ada


ROWS = {
    "feed.post": lambda user, number: {"author": user, "text": f"Post {number}"},
    "notifications.notification": lambda user, number: {"recipient": user, "verb": f"Notification {number}"},
    "tasks.contact": lambda user, number: {"owner": user, "email": f"{number}@example.com", "name": "Somebody"},
    "tasks.task": lambda user, number: {"owner": user, "state": "done", "rows": 1234, "name": f"{number}.csv"},
}


def test_no_page_has_a_separator_in_an_attribute(client, ada):
    answers = {path: client.get(path) for path in pages() if not path.startswith("/admin/")}
    shown = {path: answer.text for path, answer in answers.items() if "html" in answer["Content-Type"]}
    assert {path: found for path, html in shown.items() if (found := ATTRIBUTE.findall(html))} == {}


@pytest.mark.skipif(not apps.is_installed("apps.tasks"), reason="the app is not installed")
def test_figures_have_separators(client, ada):
    assert "1,234 rows imported" in client.get("/tasks/").text
