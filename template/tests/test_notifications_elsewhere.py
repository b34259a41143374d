"""The notifications in a project of plain `startproject`, with the lines of apps/sse/README.md."""

import os
import re
import shutil
import subprocess
import sys

import httpx
import pytest
from httpx_sse import connect_sse

from apps.sse.tests.servers import streaming
from tests.servers import ROOT, TIMEOUT_SECONDS, free_port, wait_until

BASE = """<!doctype html>
<% load sse %><html lang="en" dj-sse-share-key="<% sse_share_key %>">
<head>
  <title><% block title %><% endblock %></title>
  <% sse_script %>
  <% block head %><% endblock %>
</head>
<body>
  <% include "notifications/bell.html" %>
  <% for message in messages %><p><% firstof message %></p><% endfor %>
  <% block content %><% endblock %>
</body>
</html>
"""
LINES = {
    "mysite/settings.py": """
INSTALLED_APPS += ["apps.sse", "apps.notifications"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
LOGIN_URL = "admin:login"
""",
    "mysite/urls.py": """
from django.urls import include

urlpatterns += [path("", include("apps.notifications.urls"))]
""",
    "templates/base.html": BASE,
    "templates/time.html": "<time><% firstof at %></time>\n",
}
NOTIFY = "from apps.notifications.notify import notify; from django.contrib.auth.models import User; "
NOTIFY += "notify(User.objects.get(), 'It works', text='far from home')"


class Project:
    """A plain Django project in a folder."""

    def __init__(self, folder):
        self.folder = folder
        ours = ("DJANGO", "DEBUG", "DATA_DIR", "SSE_", "PYTEST", "SECRET_KEY")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.run("-m", "django", "startproject", "mysite", ".")

    def run(self, *arguments, **variables):
        environment = self.environment | variables
        subprocess.run([sys.executable, *arguments], cwd=self.folder, env=environment, check=True)

    def manage(self, *arguments, **variables):
        self.run("manage.py", *arguments, **variables)

    def add(self, path, text):
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        with file.open("a") as opened:
            # Python files must not contain template syntax, which startproject renders.
            opened.write(text.replace("<%", "{" + "%").replace("%>", "%" + "}"))

    def serve(self, port):
        command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        with (self.folder / "server.log").open("w") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    for app in ("sse", "notifications"):
        # Build tools may be installed in this checkout.
        without = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / "apps" / app, tmp_path / "apps" / app, ignore=without)
    for path, text in LINES.items():
        made.add(path, text)
    made.manage("migrate", "--verbosity", "0")
    made.manage(
        "createsuperuser",
        "--noinput",
        "--verbosity=0",
        "--username=lin",
        "--email=lin@example.com",
        DJANGO_SUPERUSER_PASSWORD="secret",
    )
    return made


@pytest.fixture
def visitor(project):
    """A browser in which lin is logged in."""
    port = free_port()
    process = project.serve(port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, follow_redirects=True) as client:
            wait_until(lambda: answers(client), TIMEOUT_SECONDS)
            login = {
                "username": "lin",
                "password": "secret",
                "csrfmiddlewaretoken": token(client.get("/notifications/")),
            }
            page = client.post("/admin/login/?next=/notifications/", data=login)
            assert page.url.path == "/notifications/"
            yield client
    finally:
        process.kill()
        process.wait()


def answers(client):
    try:
        return client.get("/admin/login/")
    except httpx.TransportError:
        return None


def token(page):
    return re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)[1]


def count(page):
    return int(re.search(r'class="notification-count">(\d+)<', page.text)[1])


def test_notifications_copied_into_a_plain_django_project_are_live(project, visitor):
    assert "No notifications yet." in visitor.get("/notifications/").text
    with connect_sse(visitor, "GET", "/api/notifications/stream/") as source:
        project.manage("shell", "-v0", "-c", NOTIFY)
        event = next(streaming.stream_events(source))
    assert (event.event, "far from home" in event.json()["html"]) == ("notification", True)
    page = visitor.get("/notifications/")
    assert (event.json()["html"].strip() in page.text, count(page)) == (True, 1)
    data = {"csrfmiddlewaretoken": token(page)}
    page = visitor.post(
        f"/api/notifications/{event.json()['id']}/read/", data=data, headers={"Accept": "text/html"}
    )
    assert ("Marked as read." in page.text, count(page)) == (True, 0)
    project.manage("makemigrations", "--check", "--dry-run", "--verbosity", "0")
    project.manage("check", "--fail-level", "WARNING")
