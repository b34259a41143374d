"""The project's own settings, with the views of this folder and few middlewares."""

import os
from importlib import import_module

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

ROOT_URLCONF = f"{__package__}.views"
_KEPT = ("SessionMiddleware", "AuthenticationMiddleware", "AccountMiddleware")
MIDDLEWARE = [name for name in _project.MIDDLEWARE if name.endswith(_KEPT)]
ALLOWED_HOSTS = ["testserver"]
SSE_BROKER_URL = os.environ["SSE_BROKER_URL"]
SSE_MAX_PER_USER = SSE_MAX_PER_ADDRESS = 0

if (_database := _project.DATABASES["default"])["ENGINE"].endswith("sqlite3"):
    # Power failures are not tested.
    _database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
    # Idle threads of requests would keep connections.
    _database["CONN_MAX_AGE"] = 0
