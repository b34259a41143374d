"""The project's settings, with limits from the environment, and private streams."""

import os
from importlib import import_module

from apps.sse.access import crowd

crowd.PLACES = int(os.environ.get("PLACES", crowd.PLACES))
crowd.MAX_WAIT_SECONDS = float(os.environ.get("MAX_WAIT_SECONDS", crowd.MAX_WAIT_SECONDS))

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

ROOT_URLCONF = f"{__package__}.private_urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"
