"""The project's own settings, with channels to follow and a broker from the environment."""

import os
from importlib import import_module

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

ROOT_URLCONF = f"{__package__}.urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"

SSE_BROKER_URL = os.environ.get("SSE_BROKER_URL", "database://")
# The tests open many streams of one user and from one address.
SSE_MAX_PER_USER = SSE_MAX_PER_ADDRESS = 0
