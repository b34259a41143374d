"""The project's own settings, with the templates and URLs of the specification's examples."""

import os
from importlib import import_module
from pathlib import Path

_project = import_module(os.environ["PROJECT_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

INSTALLED_APPS = [*_project.INSTALLED_APPS, __package__]
OWN_TEMPLATES = Path(__file__).parent / "templates"
TEMPLATES = [engine | {"DIRS": [OWN_TEMPLATES, *engine["DIRS"]]} for engine in _project.TEMPLATES]
ROOT_URLCONF = f"{__package__}.root_urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"
