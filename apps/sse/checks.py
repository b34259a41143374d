"""
System checks of the settings.

`manage.py check` and `runserver` run them. Other servers do not, so `hand_off` raises the first error.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from .access.identity import trusted_proxies
from .brokers import broker_class
from .conf import DEFAULTS, setting

NUMBERS = [name for name, default in DEFAULTS.items() if isinstance(default, int)]
MINIMUMS = {"SSE_RETENTION_COUNT": 1, "SSE_RETENTION_BYTES": 1, "SSE_MAX_EVENT_BYTES": 1}
MIN_RETENTION_SECONDS = 300
# Streams last at most `SSE_MAX_AGE` times this factor.
MAX_AGE_FACTOR = 1.25

# The attributes in which ASGI middlewares keep the wrapped application.
WRAPPED = ("app", "application", "inner")

HINTS = {
    "E001": "Set SSE_BROKER_URL to database://, redis://host:6379/0, or memory:// for a single process.",
    "E002": "Set it to a whole number of at least {minimum}. The default is {default}.",
    "E003": "Set it to postgres://user:password@host:5432/name, without a pooler, or leave it empty.",
    "E004": 'Set it to the addresses of your proxies, separated by commas: "127.0.0.1,10.0.0.0/8".',
    "W001": f"Set it to {MIN_RETENTION_SECONDS} or more: a deploy or a lost connection takes minutes.",
    "W002": "A quiet channel's clients may reconnect with old positions: raise the age or lower SSE_MAX_AGE.",
    "W003": "Remove it from MIDDLEWARE and compress pages in the proxy, as deploy/nginx.conf does.",
    "W004": "Set it to addresses such as 10.0.0.7, networks such as 10.0.0.0/8, or * alone.",
    "W005": "Set it to database:// or redis://…. If the site runs as a single process, add sse.W005 to "
    "SILENCED_SYSTEM_CHECKS.",
    "W006": "In that module write `from apps.sse.asgi import hand_off` and "
    "`application = hand_off(get_asgi_application())`. If another wrapper contains it already, add "
    "sse.W006 to SILENCED_SYSTEM_CHECKS.",
}


def refuse_errors() -> None:
    """Raise the first error as `ImproperlyConfigured`."""
    for error in setting_errors():
        raise ImproperlyConfigured(f"{error.msg} {error.hint}")


@register
def setting_errors(**options: Any) -> Iterator[CheckMessage]:
    """Yield an error for each setting with which the library does not work."""
    url, listen_url, proxies = map(setting, ("SSE_BROKER_URL", "SSE_LISTEN_URL", "FORWARDED_ALLOW_IPS"))
    try:
        if not isinstance(url, str):
            raise ImproperlyConfigured(f"SSE_BROKER_URL is {url!r}, not a string.")
        broker_class(url)(url).close()
    except (ImproperlyConfigured, ImportError) as error:
        yield _message("E001", str(error))
    for name in NUMBERS:
        value, minimum = setting(name), MINIMUMS.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            yield _message("E002", f"{name} is {value!r}.", minimum=minimum, default=DEFAULTS[name])
    if listen_url and connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            conninfo_to_dict(listen_url)
        except (ProgrammingError, TypeError, AttributeError):
            yield _message("E003", "SSE_LISTEN_URL is not the URL of a PostgreSQL database.")
    if not isinstance(proxies, str):
        yield _message("E004", f"FORWARDED_ALLOW_IPS is {proxies!r}, not a string.")


@register
def setting_warnings(**options: Any) -> Iterator[CheckMessage]:
    """Yield a warning for each setting with which streams work badly; none while there are errors."""
    if any(setting_errors()):
        return
    age, longest = setting("SSE_RETENTION_AGE"), MAX_AGE_FACTOR * setting("SSE_MAX_AGE")
    text = f"SSE_RETENTION_AGE is {age} seconds"
    if age < MIN_RETENTION_SECONDS:
        yield _message("W001", f"{text}. A client that was away for longer loads its page again.")
    elif age < longest:
        yield _message("W002", f"{text}, but a stream may stay open for {longest:.0f} seconds.")
    if "django.middleware.gzip.GZipMiddleware" in settings.MIDDLEWARE:
        text = "GZipMiddleware is in MIDDLEWARE. It wraps streams, so that each open stream keeps a thread."
        yield _message("W003", text)
    names, _ = trusted_proxies(setting("FORWARDED_ALLOW_IPS"))
    for name in sorted(names - {"*"}):
        text = f"FORWARDED_ALLOW_IPS contains {name!r}, which is neither an address nor a network."
        yield _message("W004", text)


@register(Tags.security, deploy=True)
def deployment_warnings(**options: Any) -> Iterator[CheckMessage]:
    """Yield a warning for each setting that only suits development; none while there are errors."""
    if any(setting_errors()):
        return
    if setting("SSE_BROKER_URL").startswith("memory://"):
        text = "SSE_BROKER_URL is memory://: other server workers and task workers get no events."
        yield _message("W005", text)
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path or not _is_handed_off(path):
        text = f"ASGI_APPLICATION is {path!r}, which does not hand off streams: each open stream keeps a thread."
        yield _message("W006", text)


def _message(id: str, text: str, **facts: Any) -> CheckMessage:
    return (Error if id[0] == "E" else Warning)(text, hint=HINTS[id].format(**facts), id=f"sse.{id}")


def _is_handed_off(path: str) -> bool:
    application: Any = None
    with suppress(ImportError):
        application = import_string(path)
    while application is not None:
        if getattr(application, "__qualname__", "").startswith("hand_off."):
            return True
        application = next((getattr(application, name) for name in WRAPPED if hasattr(application, name)), None)
    return False
