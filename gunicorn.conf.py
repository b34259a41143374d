"""
gunicorn in production: run `gunicorn` in this folder. Environment variables set the values.

`WORKER_CLASS` is this project's uvicorn worker by default, or gunicorn's own `asgi`. `gthread` uses WSGI, where
each open stream takes one of the `THREADS`.
"""

import os
import sys

from gunicorn.util import load_class, parse_address

THREADED = ("sync", "gthread")


def number(name, default, least=0):
    """Return the whole number that a variable holds; ends the process with a sentence if it holds none."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        sys.exit(f"{name} is {value!r}. Set it to a whole number of at least {least}.")
    return int(value)


def checked(name, value, check, expected):
    """Return a value with which `check` works; ends the process with a sentence otherwise."""
    try:
        check(value)
    except Exception:
        sys.exit(f"{name} is {value!r}. Set it to {expected}.")
    return value


# PORT is what many platforms set; BIND says more.
port = number("PORT", 8000, least=1)
bind = [
    checked("BIND", address, parse_address, "an address such as 0.0.0.0:8000 or unix:/run/site/web-1.sock")
    for address in os.environ.get("BIND", f"0.0.0.0:{port}").split(",")
]
# A socket is for its owner and group, which is nginx's: its client is believed about visitors' addresses.
umask = 0o007
worker_class = checked(
    "WORKER_CLASS",
    os.environ.get("WORKER_CLASS", "apps.operations.gunicorn_worker.Worker"),
    load_class,
    "asgi, gthread, sync or the dotted path of a worker class",
)
wsgi_app = f"project_template.{'wsgi' if worker_class in THREADED else 'asgi'}:application"
threads = number("THREADS", 100, least=1) if worker_class == "gthread" else 1

# The cores that this process may use: a container's own, where it is given a set of them.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = number("WEB_CONCURRENCY", cores, least=1)

# A worker is replaced after so many requests, each after another number, so that what leaks is
# given back and not all are replaced at once. Its streams are sent away first; 0 is for never.
max_requests = number("MAX_REQUESTS", 20_000)
max_requests_jitter = max_requests // 2

# Streams end by themselves, within a second, when a worker is told to stop. This is for the other
# requests; whoever stops gunicorn waits for longer (`stop_grace_period`, `TimeoutStopSec`).
graceful_timeout = number("GRACEFUL_TIMEOUT", 20)
timeout = number("TIMEOUT", 60)

# Longer than nginx keeps its connections to here, so that none is closed when a request is on its way.
keepalive = 75
backlog = 2048

forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# nginx has a line for each answer, without whole addresses and what follows the "?"; these have both.
accesslog = os.environ.get("ACCESS_LOG") or None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "apps.operations.logs.JSONFormatter"},
        "line": {"()": "apps.operations.logs.LineFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line" if os.environ.get("LOG_FORMAT") == "line" else "json",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "environ": {"level": "WARNING"},
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.access": {
            "handlers": ["console"],
            "level": "INFO" if accesslog else "WARNING",
            "propagate": False,
        },
    },
}
