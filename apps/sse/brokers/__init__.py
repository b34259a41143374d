"""The broker that `SSE_BROKER_URL` names, and the interface of all brokers."""

import threading
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import setting
from .base import Broker, Gap

__all__ = ["Broker", "Gap", "broker_name", "get_broker"]

SCHEMES = {
    "memory": "memory.MemoryBroker",
    "database": "database.DatabaseBroker",
    "redis": "redis.RedisBroker",
    "rediss": "redis.RedisBroker",
    "unix": "redis.RedisBroker",
}

_lock = threading.Lock()
_brokers: dict[str, Broker] = {}


def get_broker() -> Broker:
    """Return this process's broker; raises `ImproperlyConfigured` if `SSE_BROKER_URL` names none."""
    url = setting("SSE_BROKER_URL")
    with _lock:
        if url not in _brokers:
            _brokers[url] = broker_class(url)(url)
        return _brokers[url]


def broker_class(url: str) -> type[Broker]:
    """Return the class for a URL: one of `SCHEMES`, or your own for `package.module.Class://…`."""
    scheme = url.partition(":")[0]
    if scheme in SCHEMES:
        return import_string(f"{__name__}.{SCHEMES[scheme]}")
    try:
        return import_string(scheme)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"SSE_BROKER_URL begins with {scheme!r} ({error}). Expected memory://, database://, redis://…, or the "
            "dotted path of a broker's class followed by ://."
        ) from None


def broker_name() -> str:
    """Return `SSE_BROKER_URL` without user and password."""
    parts = urlsplit(setting("SSE_BROKER_URL"))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _close_brokers(*, setting: str, **_: object) -> None:
    if setting == "SSE_BROKER_URL":
        while _brokers:
            _brokers.popitem()[1].close()


setting_changed.connect(_close_brokers)
