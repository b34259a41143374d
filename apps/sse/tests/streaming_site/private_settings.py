"""The project's settings, with limits from the environment, and private streams."""

import os
from importlib import import_module

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

ROOT_URLCONF = f"{__package__}.private_urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"
