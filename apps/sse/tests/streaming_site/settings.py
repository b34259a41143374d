"""The project's own settings, with the streams of this folder before its pages."""

import os
from importlib import import_module

from apps.sse.stats import processes
from apps.sse.stream import listening_sockets

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

# Read with the first request, before the URLs are.
listening_sockets.UNACKNOWLEDGED_SECONDS = float(os.environ.get("UNACKNOWLEDGED_SECONDS", 45))

# Tests do not wait as long as a site's statistics may.
processes.EVERY_SECONDS, processes.SILENT_SECONDS = 1, 3

ROOT_URLCONF = f"{__package__}.urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"

# The tests open as many streams as they like, all of one user and from one address.
SSE_MAX_PER_USER = SSE_MAX_PER_ADDRESS = 0
