"""
gunicorn in production: `gunicorn` alone, in this folder. Every value can be set by its variable.

`WORKER_CLASS` is uvicorn in a worker of its own, or `asgi`, which is gunicorn's own; `gthread` serves by WSGI, and
then each open stream takes one of `THREADS`.
"""

import os

THREADED = ("sync", "gthread")

bind = os.environ.get("BIND", "0.0.0.0:8000").split(",")
# A socket is for its owner and group, which is nginx's: its client is believed about visitors' addresses.
umask = 0o007
worker_class = os.environ.get("WORKER_CLASS", "project_template.worker.Worker")
wsgi_app = f"project_template.{'wsgi' if worker_class in THREADED else 'asgi'}:application"
threads = int(os.environ.get("THREADS", "100")) if worker_class == "gthread" else 1

# The cores that this process may use: a container's own, where it is given a set of them.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = int(os.environ.get("WEB_CONCURRENCY", cores))

# A worker is replaced after so many requests, each after another number, so that what leaks is
# given back and not all are replaced at once. Its streams are sent away first; 0 is for never.
max_requests = int(os.environ.get("MAX_REQUESTS", 20_000))
max_requests_jitter = max_requests // 2

# Streams end by themselves, within a second, when a worker is told to stop. This is for the other
# requests; whoever stops gunicorn waits for longer (`stop_grace_period`, `TimeoutStopSec`).
graceful_timeout = int(os.environ.get("GRACEFUL_TIMEOUT", 20))
timeout = int(os.environ.get("TIMEOUT", 60))

# Longer than nginx keeps its connections to here, so that none is closed when a request is on its way.
keepalive = 75
backlog = 2048

forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# nginx has a line for each answer, without whole addresses and what follows the "?"; these have both.
accesslog = os.environ.get("ACCESS_LOG") or None
if os.environ.get("LOG_FORMAT", "json") == "json":
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "project_template.logs.JSONFormatter"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
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
