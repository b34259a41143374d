"""An invalid variable of `.env.example` stops the start with a sentence that names it."""

import re
import runpy
import secrets

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.sse import checks
from apps.sse.conf import DEFAULTS
from tests.servers import PACKAGE, ROOT

pytestmark = pytest.mark.filterwarnings("ignore:.* found in sys.modules:RuntimeWarning")

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": secrets.token_urlsafe(50), "ALLOWED_HOSTS": "example.com"}
FILE = __file__
# Variables of settings.py with invalid values. None: the variable is missing in production.
SETTINGS = {
    "DEBUG": ["perhaps", "2"],
    "SECRET_KEY": [None],
    "ALLOWED_HOSTS": [None, "", "https://example.com", "example.com:8000"],
    "SITE_NAME": ["", "  ", "two\nlines"],
    "SITE_DESCRIPTION": ["", "two\nlines"],
    "SITE_COLOR": ["blue", "#12345"],
    "SITE_HOST": ["https://example.com", "two words", ""],
    "CSRF_TRUSTED_ORIGINS": ["forms.example.com", "https://"],
    "HTTPS": ["perhaps"],
    "SECURE_HSTS_SECONDS": ["1h", "-1", ""],
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": ["all"],
    "SECURE_HSTS_PRELOAD": ["perhaps", "1"],
    "BEHIND_PROXY": ["nginx"],
    "DATABASE_URL": [
        "notaurl",
        "",
        "postgres://host:port/name",
        "postgres://",
        "oops://host/name",
        "mysql://user:password@host/name",
        f"sqlite:///{FILE}/db",
    ],
    "DATABASE_POOL": ["-1", "many"],
    "DATA_DIR": [FILE, f"{FILE}/data"],
    "MAX_UPLOAD_MB": ["50m", "0", "-1", "1.5"],
    "CACHE_URL": ["notaurl", "redis//host", "rediscache://host:port/1"],
    "EMAIL_URL": ["notaurl", "mail.example.com:25", "smtp://host:port", "smtp://"],
    "DEFAULT_FROM_EMAIL": ["example.com", "a@example.com\nBcc: b@example.com"],
    "DASHBOARD_PUBLIC": ["perhaps"],
    "GUIDE_PUBLIC": ["perhaps"],
    "ADMIN_PATH": ["", "/", "two words", "<int:x>"],
    "LOGIN_LIMIT": ["ten"],
    "GITLAB_URL": ["gitlab.example.com", "https://example.com/gitlab"],
    "S3_BUCKET": ["two words", "uploads"],
    "S3_ENDPOINT_URL": ["s3.example.com", "https://s3.example.com/uploads"],
    "SENTRY_DSN": ["notaurl"],
    "SENTRY_TRACES": ["all", "-1", "1.5", "nan"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["loud"],
    "LANGUAGE_CODE": ["xx"],
    "TIME_ZONE": ["Moon/Sea"],
    "METRICS_TOKEN": ["tökën", "two words"],
    **{name: ["few", "-1", "1.5", ""] for name, default in DEFAULTS.items() if isinstance(default, int)},
}
# Checked by the library when an application starts, and by `manage.py`.
LIBRARY = {
    "SSE_BROKER_URL": ["notaurl", "redis://host:port/0"],
    "FORWARDED_ALLOW_IPS": [["10.0.0.1"]],
}
GUNICORN = {
    "BIND": ["0.0.0.0:web"],
    "PORT": ["web", "0"],
    "WEB_CONCURRENCY": ["0", "auto"],
    "WORKER_CLASS": ["nowhere.Worker"],
    "THREADS": ["many"],
    "MAX_REQUESTS": ["-1"],
    "GRACEFUL_TIMEOUT": ["20s"],
    "TIMEOUT": ["1m"],
}
# Any text is valid, or the value is checked only when it is used.
UNCHECKED = {
    "SECRET_KEY_FALLBACKS",
    "STATIC_ROOT",
    "ACCESS_LOG",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "SSE_LISTEN_URL",
    "DEVELOPMENT_DATABASE",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
}


def cases(table):
    return [
        pytest.param(name, value, id=f"{name}={value}"[:60]) for name, values in table.items() for value in values
    ]


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The environment of production."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**PRODUCTION, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def set_variable(environment, name, value):
    environment.delenv(name, raising=False)
    if value is not None:
        environment.setenv(name, value)


def load_settings():
    return runpy.run_module(f"{PACKAGE}.settings", run_name=f"{PACKAGE}.settings")


@pytest.mark.parametrize(("name", "value"), cases(SETTINGS))
def test_settings_refuse_an_invalid_value(environment, name, value):
    set_variable(environment, name, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} [^\n]+\.$") as refused:
        load_settings()
    assert "password" not in (value or "") or "password@" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), cases(LIBRARY))
def test_the_library_refuses_an_invalid_value(settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        checks.refuse_errors()


@pytest.mark.parametrize(("name", "value"), cases(GUNICORN))
def test_gunicorn_conf_refuses_an_invalid_value(monkeypatch, name, value):
    monkeypatch.setenv("WORKER_CLASS", "gthread")
    set_variable(monkeypatch, name, value)
    with pytest.raises(SystemExit, match=rf"^{name} is '.*'\. Set it to .+\.$"):
        runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_every_variable_is_in_the_example_and_in_a_table_of_this_file():
    example = set(re.findall(r"^# ([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    sources = (ROOT / PACKAGE / "settings.py").read_text() + (ROOT / "gunicorn.conf.py").read_text()
    read = set(re.findall(r'(?:env\.\w+|environ\.get|number)\(\s*"([A-Z0-9_]+)"', sources))
    read |= set(re.findall(r'^    "([A-Z0-9_]+)": env\.', sources, re.MULTILINE))
    assert read <= example
    assert example == {*SETTINGS, *LIBRARY, *GUNICORN, *UNCHECKED}
