"""
System checks of the settings.

`manage.py check` and `runserver` run them. Other servers do not, so `hand_off` raises the first error.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.core.checks import register as register_check
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from .brokers import broker_class
from .conf import DEFAULTS, setting

NUMBERS = [name for name, default in DEFAULTS.items() if isinstance(default, int)]
MINIMUMS = {"SSE_RETENTION_COUNT": 1, "SSE_RETENTION_BYTES": 1, "SSE_MAX_EVENT_BYTES": 1}
MIN_RETENTION_SECONDS = 300
# Streams last at most `SSE_MAX_AGE` times this factor.
MAX_AGE_FACTOR = 1.25

# The attributes in which ASGI middlewares keep the wrapped application.
WRAPPED = ("app", "application", "inner")


def register() -> None:
    """Register the checks with Django."""
    register_check(setting_errors)
    register_check(setting_warnings)
    register_check(Tags.security, deploy=True)(deployment_warnings)


def refuse_errors() -> None:
    """Raise the first error as `ImproperlyConfigured`."""
    for error in setting_errors():
        raise ImproperlyConfigured(f"{error.msg} {error.hint}")


def setting_errors(**options: Any) -> list[CheckMessage]:
    """Return an error for each setting with which the library does not work."""
    return [*_broker_errors(), *_number_errors(), *_listen_errors(), *_proxy_errors()]


def setting_warnings(**options: Any) -> list[CheckMessage]:
    """Return a warning for each setting with which streams work badly."""
    if setting_errors():
        return []
    return [*_retention_warnings(), *_middleware_warnings(), *_proxy_warnings()]


def deployment_warnings(**options: Any) -> list[CheckMessage]:
    """Return a warning for each setting that only suits development."""
    return [] if setting_errors() else [*_memory_warnings(), *_hand_off_warnings()]


def _broker_errors() -> Iterator[CheckMessage]:
    url = setting("SSE_BROKER_URL")
    try:
        if not isinstance(url, str):
            raise ImproperlyConfigured(f"SSE_BROKER_URL is {url!r}, not a string.")
        broker_class(url)(url).close()
    except (ImproperlyConfigured, ImportError) as error:
        yield Error(
            str(error),
            hint="Set SSE_BROKER_URL to database://, redis://host:6379/0, or memory:// for a single process.",
            id="sse.E001",
        )


def _number_errors() -> Iterator[CheckMessage]:
    for name in NUMBERS:
        value, minimum = setting(name), MINIMUMS.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            yield Error(
                f"{name} is {value!r}.",
                hint=f"Set it to a whole number of at least {minimum}. The default is {DEFAULTS[name]}.",
                id="sse.E002",
            )


def _listen_errors() -> Iterator[CheckMessage]:
    url = setting("SSE_LISTEN_URL")
    if not url or connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except (ProgrammingError, TypeError, AttributeError):
        yield Error(
            "SSE_LISTEN_URL is not the URL of a PostgreSQL database.",
            hint="Set it to postgres://user:password@host:5432/name, without a pooler, or leave it empty.",
            id="sse.E003",
        )


def _proxy_errors() -> Iterator[CheckMessage]:
    value = setting("FORWARDED_ALLOW_IPS")
    if not isinstance(value, str):
        yield Error(
            f"FORWARDED_ALLOW_IPS is {value!r}, not a string.",
            hint='Set it to the addresses of your proxies, separated by commas: "127.0.0.1,10.0.0.0/8".',
            id="sse.E004",
        )


def _retention_warnings() -> Iterator[CheckMessage]:
    retention, longest = setting("SSE_RETENTION_AGE"), MAX_AGE_FACTOR * setting("SSE_MAX_AGE")
    if retention < MIN_RETENTION_SECONDS:
        yield Warning(
            f"SSE_RETENTION_AGE is {retention} seconds. A client that was away for longer loads its page again.",
            hint=f"Set it to {MIN_RETENTION_SECONDS} or more: a deploy or a lost connection takes minutes.",
            id="sse.W001",
        )
    elif retention < longest:
        yield Warning(
            f"SSE_RETENTION_AGE is {retention} seconds, but a stream may stay open for {longest:.0f} seconds.",
            hint="A quiet channel's clients may reconnect with old positions: raise the age or lower SSE_MAX_AGE.",
            id="sse.W002",
        )


def _middleware_warnings() -> Iterator[CheckMessage]:
    if "django.middleware.gzip.GZipMiddleware" in settings.MIDDLEWARE:
        yield Warning(
            "GZipMiddleware is in MIDDLEWARE. It wraps streams, so that each open stream keeps a thread.",
            hint="Remove it from MIDDLEWARE and compress pages in the proxy, as deploy/nginx.conf does.",
            id="sse.W003",
        )


def _proxy_warnings() -> Iterator[CheckMessage]:
    for part in sorted({part.strip() for part in setting("FORWARDED_ALLOW_IPS").split(",")} - {"", "*"}):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            yield Warning(
                f"FORWARDED_ALLOW_IPS contains {part!r}, which is neither an address nor a network.",
                hint="Set it to addresses such as 10.0.0.7, networks such as 10.0.0.0/8, or * alone.",
                id="sse.W004",
            )


def _memory_warnings() -> Iterator[CheckMessage]:
    if str(setting("SSE_BROKER_URL")).startswith("memory://"):
        yield Warning(
            "SSE_BROKER_URL is memory://: other server workers and task workers get no events.",
            hint="Set it to database:// or redis://…. If the site runs as a single process, add sse.W005 to "
            "SILENCED_SYSTEM_CHECKS.",
            id="sse.W005",
        )


def _hand_off_warnings() -> Iterator[CheckMessage]:
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path or not _is_handed_off(path):
        yield Warning(
            f"ASGI_APPLICATION is {path!r}, which does not hand off streams: each open stream keeps a thread.",
            hint="In that module write `from apps.sse.asgi import hand_off` and "
            "`application = hand_off(get_asgi_application())`. If another wrapper contains it already, add "
            "sse.W006 to SILENCED_SYSTEM_CHECKS.",
            id="sse.W006",
        )


def _is_handed_off(path: str) -> bool:
    application: Any = None
    with suppress(ImportError):
        application = import_string(path)
    while application is not None:
        if getattr(application, "__qualname__", "").startswith("hand_off."):
            return True
        application = next((getattr(application, name) for name in WRAPPED if hasattr(application, name)), None)
    return False
