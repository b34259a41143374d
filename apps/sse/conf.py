"""The library's settings and their defaults; README.md explains them."""

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    "SSE_BROKER_URL": "database://",
    "SSE_LISTEN_URL": "",
    "SSE_RETENTION_AGE": 24 * 3600,
    "SSE_RETENTION_COUNT": 100_000,
    "SSE_RETENTION_BYTES": 128 * 2**20,
    "SSE_MAX_EVENT_BYTES": 64 * 1024,
    "SSE_MAX_PUBLISH_PER_MINUTE": 30,
    "SSE_MAX_PER_USER": 50,
    "SSE_MAX_PER_ADDRESS": 200,
    "SSE_MAX_TOTAL": 10_000,
    "SSE_MAX_AGE": 4 * 3600,
    "FORWARDED_ALLOW_IPS": "127.0.0.1,::1",
    "METRICS_TOKEN": "",
}


def setting(name: str) -> Any:
    """Return the value of a setting, or its default."""
    return getattr(settings, name, DEFAULTS[name])
