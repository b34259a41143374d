"""The library's settings. A test compares them with README.md and with the project's `.env.example`."""

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    # where events are kept: `database://`, `redis://host:6379/0`, or `memory://` for a single process
    "SSE_BROKER_URL": "database://",
    # a direct URL of the PostgreSQL database, if Django uses a pooler: `LISTEN` does not work through it
    "SSE_LISTEN_URL": "",
    # seconds for which the log keeps an event; at least 1.25 times `SSE_MAX_AGE`
    "SSE_RETENTION_AGE": 24 * 3600,
    # events that the log keeps
    "SSE_RETENTION_COUNT": 100_000,
    # bytes of all events that the log keeps
    "SSE_RETENTION_BYTES": 128 * 2**20,
    # bytes of an event's data
    "SSE_MAX_EVENT_BYTES": 64 * 1024,
    # requests of a user per minute that publish; 0: no limit
    "SSE_MAX_PUBLISH_PER_MINUTE": 30,
    # open streams of a logged-in user in one process; 0: no limit
    "SSE_MAX_PER_USER": 50,
    # open streams from one address in one process; 0: no limit
    "SSE_MAX_PER_ADDRESS": 200,
    # open streams in one process; 0: no limit
    "SSE_MAX_TOTAL": 10_000,
    # seconds, varied by a quarter, after which a client has to reconnect; 0: never
    "SSE_MAX_AGE": 4 * 3600,
    # proxies whose `X-Forwarded-For` is trusted, as in uvicorn and gunicorn
    "FORWARDED_ALLOW_IPS": "127.0.0.1,::1",
    # the bearer token for `/metrics/`; without it the page is 404
    "METRICS_TOKEN": "",
}


def setting(name: str) -> Any:
    """Return the value of a setting, or its default."""
    return getattr(settings, name, DEFAULTS[name])
