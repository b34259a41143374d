"""Production settings: JSON logs, limits on guessing passwords, a hidden admin."""

import json
import re
import runpy
import secrets

import httpx
import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils.module_loading import import_string
from uvicorn_worker import UvicornWorker

from apps.sse.tests.servers.streaming import events
from tests import servers
from tests.servers import wait_until

PRODUCTION = {
    "DEBUG": "0",
    "HTTPS": "0",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ADMIN_PATH": "office",
    "BEHIND_PROXY": "1",
}
# Demo passwords do not work in production.
REAL_PASSWORDS = """
from django.contrib.auth import get_user_model
for user in get_user_model().objects.filter(username__in=["ada", "grace"]):
    user.set_password("real")
    user.save()
"""


@pytest.fixture(scope="module")
def production(migrated, tmp_path_factory):
    """The site with production settings, except HTTPS."""
    folder = tmp_path_factory.mktemp("production")
    servers.copy_database(migrated, folder)
    environment = servers.environment_for(folder, **PRODUCTION)
    servers.manage("shell", "--no-imports", "--command", REAL_PASSWORDS, environment=environment)
    servers.manage("collectstatic", "--noinput", "--verbosity", "0", environment=environment)
    with servers.serving("uvicorn", folder, options="--no-access-log", **PRODUCTION) as server:
        yield server


def entries(server):
    return [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]


@pytest.mark.skipif(not apps.is_installed("apps.guide"), reason="the guide was removed")
def test_the_guide_is_for_staff_and_a_refused_stream_is_one_short_log_line(production):
    id = secrets.token_hex(16)
    assert httpx.get(f"{production.url}/guide/").headers["Location"] == "/accounts/login/?next=/guide/"
    stream = httpx.get(f"{production.url}/api/guide/quick-start/stream/", headers={"X-Request-ID": id})
    assert stream.status_code == 403
    entry = wait_until(lambda: [entry for entry in entries(production) if entry.get("id") == id])[0]
    assert (entry["level"], entry["logger"]) == ("WARNING", "django.request")
    assert len(json.dumps(entry)) < 400


def test_each_log_line_is_json_with_the_requests_id(production):
    id = secrets.token_hex(16)
    answer = httpx.get(f"{production.url}/nowhere/?token=secret", headers={"X-Request-ID": id})
    assert answer.headers["X-Request-ID"] == id
    entry = wait_until(lambda: [entry for entry in entries(production) if entry.get("id") == id])[0]
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "WARNING",
        "django.request",
        "Not Found: /nowhere/",
    )
    assert "secret" not in production.output()


def test_an_id_that_would_forge_log_lines_is_replaced(production):
    answer = httpx.get(f"{production.url}/accounts/login/", headers={"X-Request-ID": 'x" , "level": "ERROR'})
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn with threads"])
def test_without_a_proxy_request_ids_are_generated_also_for_refused_requests(production, migrated, tmp_path, kind):
    servers.copy_database(migrated, tmp_path)
    static = production.environment["DATA_DIR"] + "/static"
    variables = {**PRODUCTION, "BEHIND_PROXY": "0", "MAX_UPLOAD_MB": "1", "STATIC_ROOT": static}
    given = {"X-Request-ID": secrets.token_hex(16)}
    with servers.serving(kind, tmp_path, **variables) as server:
        answered = httpx.get(f"{server.url}/nowhere/", headers=given).headers["X-Request-ID"]
        assert httpx.post(server.url, content=b"x" * 3 * 2**20).status_code == 413
        ids = wait_until(
            lambda: (found := [entry["id"] for entry in entries(server) if "id" in entry])[1:] and found
        )
    assert ids[0] == answered
    assert len({*ids, given["X-Request-ID"]}) == 3


def test_a_stream_logs_its_opening_and_end_with_its_requests_id_and_no_address(production):
    id = secrets.token_hex(16)
    path = "/api/home/stream/"
    assert len(events(production.url, path, 2, **{"X-Request-ID": id})) == 2
    opened, closed = wait_until(lambda: (found := of_request(production, id))[1:] and found)
    assert "opened" in opened["message"]
    assert {opened["stream"], closed["stream"]} == {f"{servers.PACKAGE}.views.HomeStream"}
    assert closed["duration"] >= 1
    assert (closed["events"], closed["reason"]) == (2, "left")
    assert "127.0.0.1" not in json.dumps([opened, closed])


def test_a_task_logs_with_the_id_of_the_request_that_enqueued_it(production):
    pytest.importorskip("apps.tasks")
    id = secrets.token_hex(16)
    with httpx.Client(base_url=production.url) as client:
        sign_in(client, "grace")
        form = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
        file = {"file": ("contacts.csv", b"name,email\nAda,ada@example.com\n")}
        answer = client.post("/tasks/", data=form, files=file, headers={"X-Request-ID": id})
        assert answer.status_code == 302
    printed = servers.manage("db_worker", "--batch", "--no-startup-delay", environment=production.environment)
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert {line["message"].rpartition("=")[2] for line in lines if line.get("id") == id} == {
        "RUNNING",
        "SUCCESSFUL",
    }
    assert "id" not in next(line for line in lines if "No more tasks" in line["message"])


def of_request(server, id):
    return [entry for entry in entries(server) if entry.get("id") == id]


def test_health_checks_and_successful_pages_are_not_logged(production):
    before = len(entries(production))
    for path in ("/health/live", "/health/ready", "/accounts/login/"):
        assert httpx.get(production.url + path).status_code == 200
    assert len(entries(production)) == before


def test_gunicorn_uses_uvicorn_workers_by_default(monkeypatch):
    for name in ("WORKER_CLASS", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
    configured = runpy.run_path(str(servers.ROOT / "gunicorn.conf.py"))
    assert issubclass(import_string(configured["worker_class"]), UvicornWorker)
    assert configured["forwarded_allow_ips"] == "127.0.0.1"


def test_pages_disable_browser_features_that_they_do_not_use(production):
    policy = httpx.get(f"{production.url}/accounts/login/").headers["Permissions-Policy"]
    assert "camera=()" in policy
    assert "geolocation=()" in policy


def test_the_admin_is_at_admin_path_only(production):
    assert httpx.get(f"{production.url}/admin/").status_code == 404
    assert httpx.get(f"{production.url}/office/").status_code == 302


def log_in(server, username, password):
    with httpx.Client(base_url=server.url) as client:
        return sign_in(client, username, password).status_code


def sign_in(client, username, password="real"):
    client.get("/accounts/login/")
    form = {"login": username, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    return client.post("/accounts/login/", data=form)


def test_ten_wrong_passwords_lock_one_user_and_no_other(production):
    assert log_in(production, "ada", "real") == 302
    assert [log_in(production, "ada", f"guess {n}") for n in range(10)] == [200] * 10
    with httpx.Client(base_url=production.url) as client:
        refused = sign_in(client, "ada")
    assert "Too many failed login attempts." in refused.text, "the correct password is refused, too"
    assert log_in(production, "grace", "real") == 302


def test_demo_accounts_cannot_log_in(production):
    assert log_in(production, "admin", "demo") == 200
    environment = production.environment | {"DJANGO_ALLOW_ASYNC_UNSAFE": ""}
    printed = servers.manage("check", "--deploy", environment=environment)
    assert "(accounts.W001)" in printed


def test_a_sentry_dsn_without_its_client_is_a_clear_error(tmp_path):
    environment = servers.environment_for(tmp_path, SENTRY_DSN="https://key@sentry.example.com/1")
    assert "install requirements-sentry.txt" in servers.manage("check", environment=environment, fails=True)


@pytest.mark.django_db
def test_logins_in_development_are_not_limited(settings):
    assert settings.ACCOUNT_RATE_LIMITS is False
    call_command("check", fail_level="WARNING")


def test_static_files_are_served_as_immutable_without_nginx_and_without_a_warning(production):
    page = httpx.get(f"{production.url}/accounts/login/").text
    style = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page)[1]
    sent = httpx.get(production.url + style)
    assert "immutable" in sent.headers["Cache-Control"]
    assert sent.headers["Content-Encoding"] == "gzip"
    assert len(sent.text) > 1000
    assert "synchronous iterators" not in production.output()
