"""The library's settings, each with its default."""

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    # Where events are kept: memory://, database:// or redis://host:port/0.
    "SSE_BROKER_URL": "database://",
    # A direct address of the same PostgreSQL, beside a pooler that LISTEN cannot pass.
    "SSE_LISTEN_URL": "",
    # Events older than this many seconds, or behind this many newer events or bytes, are no longer replayed.
    "SSE_RETENTION_AGE": 24 * 3600,
    "SSE_RETENTION_COUNT": 100_000,
    "SSE_RETENTION_BYTES": 128 * 2**20,
    "SSE_MAX_EVENT_BYTES": 64 * 1024,
    # Requests of one user that publish, in a minute; 0 for no limit.
    "SSE_MAX_PUBLISH_PER_MINUTE": 30,
    # Open streams of one process: per signed-in user, per address, and in all; 0 for no limit.
    "SSE_MAX_PER_USER": 50,
    "SSE_MAX_PER_ADDRESS": 200,
    "SSE_MAX_TOTAL": 10_000,
    # Seconds, spread at random by a quarter, after which a client is sent to connect anew; 0 for never.
    "SSE_MAX_AGE": 4 * 3600,
    # The proxies whose X-Forwarded-For is believed, as uvicorn and gunicorn read it.
    "FORWARDED_ALLOW_IPS": "127.0.0.1,::1",
    # What Prometheus has to show as a bearer token; without it there is no page of metrics.
    "METRICS_TOKEN": "",
}


def setting(name: str) -> Any:
    """Return the value of one of the `DEFAULTS`, as the project's settings have it."""
    return getattr(settings, name, DEFAULTS[name])
