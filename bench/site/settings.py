"""The project's production settings with one system's URLs, behind a login."""

import os

from project_template import settings as project

globals().update({name: value for name, value in vars(project).items() if name.isupper()})

ROOT_URLCONF = os.environ["BENCH_URLS"]
INSTALLED_APPS = [*project.INSTALLED_APPS, *os.environ["BENCH_APPS"].split()]
MIDDLEWARE = [*project.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]

SSE_BROKER_URL = os.environ["SSE_BROKER_URL"]
# All clients are one user at one address.
SSE_MAX_PER_USER = SSE_MAX_PER_ADDRESS = SSE_MAX_TOTAL = 0
