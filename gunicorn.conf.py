"""gunicorn in production: `gunicorn` alone, in this folder. Every value can be set by its variable."""

import multiprocessing
import os

wsgi_app = "project_template.asgi:application"
worker_class = "uvicorn_worker.UvicornWorker"
bind = os.environ.get("BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", multiprocessing.cpu_count()))
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
# Streams end by themselves when a worker is told to stop; this is for other requests.
graceful_timeout = 20
# Behind nginx, which keeps connections open to its upstream.
keepalive = 75
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
