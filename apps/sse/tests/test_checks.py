"""The system checks of the settings; each message says what to do."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from apps.sse import checks
from apps.sse.asgi import hand_off
from apps.sse.conf import DEFAULTS
from tests.servers import PACKAGE, ROOT, environment_for


def messages(*, deploy=False):
    """Return the messages of the library's checks, by id; each has a hint."""
    found = [m for m in run_checks(include_deployment_checks=deploy) if (m.id or "").startswith("sse.")]
    assert all(message.hint for message in found)
    return {message.id: f"{message.msg} {message.hint}" for message in found}


pytestmark = pytest.mark.django_db


async def plain(scope, receive, send):
    """An ASGI application without the hand-off."""


handed_off = hand_off(plain)
wrapped = SimpleNamespace(app=SimpleNamespace(application=handed_off))


def test_the_settings_of_this_project_cause_no_message(settings):
    settings.SSE_BROKER_URL = "database://"
    assert messages(deploy=True) == {}


@pytest.mark.parametrize(
    "url", ["nope://", "redis:/half", "", "redis://host/words", "missing.module.Broker://", None, 7]
)
def test_a_url_that_names_no_broker_is_an_error(settings, url):
    settings.SSE_BROKER_URL = url
    [(id, message)] = messages().items()
    assert id == "sse.E001"
    assert "Set SSE_BROKER_URL to database://" in message


def test_the_database_broker_needs_sqlite_or_postgresql(settings, monkeypatch):
    settings.SSE_BROKER_URL = "database://"
    monkeypatch.setattr(checks.connections["default"], "vendor", "oracle")
    assert "the default database is oracle" in messages()["sse.E001"]


@pytest.mark.parametrize("name", checks.NUMBERS)
@pytest.mark.parametrize("value", [-1, "many", None, True, 1.5])
def test_a_limit_must_be_a_whole_number_of_at_least_0(settings, name, value):
    setattr(settings, name, value)
    [(id, message)] = messages().items()
    assert id == "sse.E002"
    assert message.startswith(f"{name} is {value!r}. Set it to a whole number")
    assert str(DEFAULTS[name]) in message


@pytest.mark.parametrize(
    "name",
    ["SSE_MAX_PUBLISH_PER_MINUTE", "SSE_MAX_PER_USER", "SSE_MAX_PER_ADDRESS", "SSE_MAX_TOTAL", "SSE_MAX_AGE"],
)
def test_a_limit_may_be_0(settings, name):
    setattr(settings, name, 0)
    assert messages() == {}


@pytest.mark.parametrize("name", ["SSE_RETENTION_COUNT", "SSE_RETENTION_BYTES", "SSE_MAX_EVENT_BYTES"])
def test_a_log_without_room_for_an_event_is_an_error(settings, name):
    setattr(settings, name, 0)
    assert [*messages()] == ["sse.E002"]


@pytest.mark.parametrize("url", ["here", "redis://host", 5])
def test_an_invalid_url_of_postgresql_is_an_error(settings, monkeypatch, url):
    monkeypatch.setattr(checks.connections["default"], "vendor", "postgresql")
    settings.SSE_LISTEN_URL = url
    assert "postgres://user:password@host" in messages()["sse.E003"]


@pytest.mark.parametrize("url", ["", "postgres://user:word@host:5432/name", "host=here dbname=name"])
def test_a_valid_url_of_postgresql_causes_no_message(settings, monkeypatch, url):
    monkeypatch.setattr(checks.connections["default"], "vendor", "postgresql")
    settings.SSE_LISTEN_URL = url
    assert messages() == {}


def test_a_list_of_proxies_is_an_error(settings):
    settings.FORWARDED_ALLOW_IPS = ["127.0.0.1"]
    assert "separated by commas" in messages()["sse.E004"]


def test_a_retention_under_five_minutes_is_a_warning(settings):
    settings.SSE_RETENTION_AGE = 30
    assert "300 or more" in messages()["sse.W001"]


def test_a_retention_shorter_than_a_stream_is_a_warning(settings):
    settings.SSE_MAX_AGE, settings.SSE_RETENTION_AGE = 4000, 4500
    assert "a stream may stay open for 5000 seconds" in messages()["sse.W002"]
    settings.SSE_RETENTION_AGE = 5000
    assert messages() == {}


def test_a_middleware_that_compresses_streams_is_a_warning(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.gzip.GZipMiddleware"]
    assert "compress pages in the proxy" in messages()["sse.W003"]


def test_a_host_name_among_the_proxies_is_a_warning(settings):
    settings.FORWARDED_ALLOW_IPS = "127.0.0.1, ::1,10.0.0.0/8,proxy.internal"
    assert "'proxy.internal'" in messages()["sse.W004"]
    settings.FORWARDED_ALLOW_IPS = "*"
    assert messages() == {}


def test_the_memory_broker_is_a_warning_in_production_only(settings):
    settings.SSE_BROKER_URL = "memory://"
    assert messages() == {}
    assert "other server workers" in messages(deploy=True)["sse.W005"]


@pytest.mark.parametrize("path", [f"{__name__}.plain", f"{__name__}.missing", None])
def test_an_application_without_the_hand_off_is_a_warning_in_production(settings, path):
    settings.ASGI_APPLICATION = path
    assert messages() == {}
    assert "hand_off(get_asgi_application())" in messages(deploy=True)["sse.W006"]


@pytest.mark.parametrize("path", [f"{__name__}.handed_off", f"{__name__}.wrapped"])
def test_the_hand_off_is_found_inside_of_a_middleware(settings, path):
    settings.ASGI_APPLICATION = path
    assert "sse.W006" not in messages(deploy=True)


def test_a_server_does_not_start_with_settings_that_cannot_work(settings):
    settings.SSE_MAX_TOTAL = -1
    with pytest.raises(
        ImproperlyConfigured, match=r"SSE_MAX_TOTAL is -1\. Set it to a whole number of at least 0"
    ):
        hand_off(plain)


def test_every_setting_is_read_from_the_environment(tmp_path):
    given = {name: 4321 if isinstance(default, int) else f"set-{name}" for name, default in DEFAULTS.items()}
    code = f"from django.conf import settings; print([getattr(settings, name) for name in {[*given]}])"
    variables = {name: str(value) for name, value in given.items()}
    environment = environment_for(tmp_path, DJANGO_SETTINGS_MODULE=f"{PACKAGE}.settings", **variables)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str([*given.values()]), done.stderr
