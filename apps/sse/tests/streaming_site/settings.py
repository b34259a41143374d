"""The project's settings with the streams of this folder."""

import os
from importlib import import_module
from pathlib import Path

from apps.sse.servers import listening_sockets
from apps.sse.stats import processes

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

# Read before the first stream opens.
listening_sockets.UNACKNOWLEDGED_SECONDS = float(os.environ.get("UNACKNOWLEDGED_SECONDS", 45))
listening_sockets.DESCRIPTORS = Path(os.environ.get("DESCRIPTORS", "/dev/fd"))

# Statistics are written more often than on a site, so that tests are quick.
processes.EVERY_SECONDS, processes.SILENT_SECONDS = 1, 3

ROOT_URLCONF = f"{__package__}.urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"

# The tests open many streams of one user from one address.
SSE_MAX_PER_USER = SSE_MAX_PER_ADDRESS = 0

if "CONN_MAX_AGE" in os.environ:
    _project.DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ["CONN_MAX_AGE"])
