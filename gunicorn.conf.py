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
    """Return a variable's whole number; exit with a message if it has none."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        sys.exit(f"{name} is {value!r}. Set it to a whole number of at least {least}.")
    return int(value)


def checked(name, value, check, expected):
    """Return a value that `check` accepts; exit with a message if it raises."""
    try:
        check(value)
    except Exception:
        sys.exit(f"{name} is {value!r}. Set it to {expected}.")
    return value


# Many platforms set PORT. BIND has precedence.
port = number("PORT", 8000, least=1)
bind = [
    checked("BIND", address, parse_address, "an address such as 0.0.0.0:8000 or unix:/run/site/web-1.sock")
    for address in os.environ.get("BIND", f"0.0.0.0:{port}").split(",")
]
# Only the owner and nginx's group may use a socket: the application trusts the addresses that its client sends.
umask = 0o007
worker_class = checked(
    "WORKER_CLASS",
    os.environ.get("WORKER_CLASS", "apps.operations.gunicorn_worker.Worker"),
    load_class,
    "asgi, gthread, sync or the dotted path of a worker class",
)
wsgi_app = f"project_template.{'wsgi' if worker_class in THREADED else 'asgi'}:application"
threads = number("THREADS", 100, least=1) if worker_class == "gthread" else 1

# The cores that this process may use: a container may be limited to some.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = number("WEB_CONCURRENCY", cores, least=1)

# A worker is replaced after this number of requests (0: never), to give back leaked memory. With jitter workers
# are not replaced together. The streams of a worker reconnect to another one.
max_requests = number("MAX_REQUESTS", 20_000)
max_requests_jitter = max_requests // 2

# Seconds for requests when a worker stops; streams end within a second. The supervisor has to wait longer
# (`stop_grace_period`, `TimeoutStopSec`).
graceful_timeout = number("GRACEFUL_TIMEOUT", 20)
timeout = number("TIMEOUT", 60)

# Longer than nginx keeps its connections, so that none is closed while a request is on its way.
keepalive = 75
# Connections of a crowd that wait while a worker starts. Linux limits it to `net.core.somaxconn`, 4096 by default.
backlog = 65535

forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# nginx logs each request without the whole address and query string. This log has both.
accesslog = os.environ.get("ACCESS_LOG") or None
access_level = "INFO" if accesslog else "WARNING"
log_format = "line" if os.environ.get("LOG_FORMAT") == "line" else "json"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "apps.operations.logs.JSONFormatter"},
        "line": {"()": "apps.operations.logs.LineFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": log_format}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "environ": {"level": "WARNING"},
        # uvicorn's worker takes over their handlers.
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": ["console"], "level": access_level, "propagate": False},
    },
}
